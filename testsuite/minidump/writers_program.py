# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that lets a crash reporter write a minidump of itself.

    writers_program.py crashpad HANDLER FOLDER
    writers_program.py breakpad|breakpad-memory LIBRARY FOLDER      dies of SIGSEGV
    writers_program.py rust|rust-memory PROGRAM FILE
"""
import ctypes
import os
import signal
import sys
import threading
import time

libc = ctypes.CDLL(None)
SIGINFO_SIZE, UCONTEXT_SIZE = 128, 968


class Order:
    def __init__(self, number):
        self.number = number


class ExceptionInformation(ctypes.Structure):
    """Of Crashpad's util/linux/exception_information.h."""
    _pack_ = 1
    _fields_ = [('siginfo_address', ctypes.c_uint64), ('context_address', ctypes.c_uint64), ('thread_id', ctypes.c_int32)]


def writable(pid='self'):
    """What a program would have to register for its heap to be kept."""
    with open('/proc/%s/maps' % pid) as f:
        lines = f.read().splitlines()
    for line in lines:
        fields = line.split(None, 5)
        if fields[1] == 'rw-p':
            start, end = (int(n, 16) for n in fields[0].split('-'))
            yield start, end - start


# wait4, in /proc/PID/syscall
WAIT = {'x86_64': '61', 'aarch64': '260'}.get(os.uname()[4])


def until_waits(pid):
    """From then on the process maps nothing any more.  Before, it may: since 3.12 os.fork() ends with a warning, of a process with
    threads, for which Python imports modules."""
    for _ in range(30000):
        with open('/proc/%s/syscall' % pid) as f:
            if f.read().split()[0] == WAIT:
                return
        time.sleep(0.001)
    raise OSError('%s does not wait' % pid)


def call(program, *arguments, memory=False):
    """Of ourselves, by a child: it may trace us."""
    us, pid = os.getpid(), os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        until_waits(us)
        numbers = [n for pair in writable(us) for n in pair] if memory else []
        os.execv(program, [program] + [str(a) for a in list(arguments) + numbers])
    finally:
        os._exit(3)


def crashpad(handler, folder):
    siginfo, context = ctypes.create_string_buffer(SIGINFO_SIZE), ctypes.create_string_buffer(UCONTEXT_SIZE)
    numbers = ctypes.cast(siginfo, ctypes.POINTER(ctypes.c_int))
    numbers[0], numbers[2] = signal.SIGABRT, -6  # si_signo, si_code SI_TKILL
    libc.getcontext(context)
    information = ExceptionInformation(ctypes.addressof(siginfo), ctypes.addressof(context), threading.get_native_id())
    return call(handler, '--trace-parent-with-exception=%d' % ctypes.addressof(information), '--database=' + folder,
                '--metrics-dir=' + folder, '--annotation=product=shop', '--annotation=api_key=hunter2hunter2')


def breakpad(library, folder, memory):
    client = ctypes.CDLL(library)
    client.breakpad_register.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    client.breakpad_install(folder.encode())
    # reading the maps may itself map memory, until it finds what the reading before left
    before, regions = None, ()
    for _ in range(20):
        if memory and regions != before:
            before, regions = regions, tuple(writable())
    for start, size in regions:
        client.breakpad_register(start, size)
    ctypes.string_at(0)


def rust(program, file, memory):
    return call(program, os.getpid(), threading.get_native_id(), file, memory=memory)


def handle(order, how, program, place):
    items = ['item %d' % i for i in range(order.number)]
    total = len(items)
    if how == 'crashpad':
        return crashpad(program, place)
    kind, _, memory = how.partition('-')
    return {'breakpad': breakpad, 'rust': rust}[kind](program, place, memory)


def main():
    libc.prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER, anyone
    libc.prctl(15, b'shop', 0, 0, 0)  # PR_SET_NAME
    threading.Thread(target=threading.Event().wait, name='worker', daemon=True).start()
    sys.exit(handle(Order(17), *sys.argv[1:]) != 0)


main()
