/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The types of macOS that lie in structs of CPython, for a compiler of Linux: as <sys/_pthread/_pthread_types.h> declares
 * them.  gen-offsets gcc -include testsuite/layouts/macos-types.h makes src/layout/offset-macos.def with it. */
#include <pthread.h>

typedef struct {
	long sig;
	char opaque[56];
} macos_mutex_t;
typedef struct {
	long sig;
	char opaque[40];
} macos_cond_t;
typedef unsigned long macos_key_t;
#define pthread_mutex_t macos_mutex_t
#define pthread_cond_t macos_cond_t
#define pthread_key_t macos_key_t
