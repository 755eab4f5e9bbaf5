/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holds objects where no object does, and dies.  Addresses come masked, so that what Python keeps of the call says
 * nothing; a register's is unmasked at the last moment and never stored. */
#include <stdint.h>
#include <stdlib.h>

#define MASK UINT64_C(0x5a5a5a5a5a5a5a5a)

struct task {
	uint64_t in_register, on_stack, in_global, pending, stale, hook;
	int (*add_pending)(int (*)(void *), void *);
	int (*make_pending)(void);
	int (*add_hook)(int (*)(const char *, void *, void *), void *);
};

void *hold_global;

static int nothing(void *argument)
{
	(void)argument;
	return 0;
}

static int hook(const char *event, void *arguments, void *data)
{
	(void)event, (void)arguments, (void)data;
	return 0;
}

__attribute__((noinline)) void hold_and_die(const struct task *t)
{
	volatile uintptr_t slot = t->on_stack ^ MASK;
	hold_global = (void *)(uintptr_t)(t->in_global ^ MASK);
	if (t->add_hook)
		t->add_hook(hook, (void *)(uintptr_t)(t->hook ^ MASK));
	/* one that was called: its place in the ring still has the address */
	t->add_pending(nothing, (void *)(uintptr_t)(t->stale ^ MASK));
	t->make_pending();
	t->add_pending(nothing, (void *)(uintptr_t)(t->pending ^ MASK));
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%r14\n\txor %1, %%r14\n\txor %%eax, %%eax\n\tud2"
			 : : "m"(t->in_register), "r"(MASK), "m"(slot) : "r14", "rax");
#else
	abort();
#endif
}
