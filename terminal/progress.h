/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long work shows itself on the terminal, and Ctrl-C ends it: of both programs. */
#ifndef TERMINAL_PROGRESS_H
#define TERMINAL_PROGRESS_H

#include <stdbool.h>

enum progress_when { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* "auto", "always", "never"; false: none of them. */
bool progress_parse(const char *value, enum progress_when *ret);
/* Work begins: with PROGRESS_AUTO a line is shown after a second of it where standard error is a terminal, with
 * PROGRESS_ALWAYS at once. */
void progress_begin(enum progress_when when);
/* For struct ph_callbacks: renews the line five times a second; false after a Ctrl-C. */
bool progress_take(void *user, const char *stage, unsigned long long done, unsigned long long total);
/* Clear the line, if one is shown. */
void progress_clear(void);
/* Clear it, and show none from now on. */
void progress_end(void);

/* Ctrl-C ends the work at the next step; a second one ends the program at once. */
void progress_watch_interrupt(void);
bool progress_is_interrupted(void);

#endif
