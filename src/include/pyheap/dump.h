/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The portable dump, read. doc/dump-format.md specifies it. */
#ifndef PYHEAP_DUMP_H
#define PYHEAP_DUMP_H

#include <pyheap/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_dump;

/* path "-" is standard input.  PH_ERROR_IO, PH_ERROR_BAD_DUMP (says which member,
 * or what the file is instead: a core, a dump of another tool called pyheap …). */
struct ph_error *ph_dump_open(const char *path, struct ph_dump **ret) __attribute__((warn_unused_result));
/* NULL-safe. */
void ph_dump_close(struct ph_dump *dump);

/* What is wrong with a dump that could be used all the same (it is cut, a member
 * is altered), one line like an error's, as far as it was read; NULL when
 * nothing is.  Borrowed until the next call on the dump. */
const char *ph_dump_problem(const struct ph_dump *dump);

#ifdef __cplusplus
}
#endif
#endif
