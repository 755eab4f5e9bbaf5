/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Output through the user's pager, as git does. */
#ifndef ANALYZER_PAGER_H
#define ANALYZER_PAGER_H

/* When standard output is a terminal and a pager can be had ($PYHEAP_PAGER, $PAGER,
 * less): standard output, and standard error when it is a terminal, lead to it. */
void pager_start(void);

/* Wait for the user to leave it; nothing when there is none. */
void pager_finish(void);

#endif
