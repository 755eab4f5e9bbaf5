// SPDX-License-Identifier: GPL-3.0-or-later
// Breakpad's client for a program that loads it with ctypes: the handler of fatal signals, and RegisterAppMemory().
#include "client/linux/handler/exception_handler.h"

static google_breakpad::ExceptionHandler *handler;

extern "C" void breakpad_install(const char *folder)
{
	google_breakpad::MinidumpDescriptor descriptor(folder);
	handler = new google_breakpad::ExceptionHandler(descriptor, nullptr, nullptr, nullptr, true, -1);
}

extern "C" void breakpad_register(void *start, size_t size)
{
	handler->RegisterAppMemory(start, size);
}
