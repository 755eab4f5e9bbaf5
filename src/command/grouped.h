/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_GROUPED_H
#define COMMAND_GROUPED_H

#include "command/command.h"
#include "command/match.h"

/* Who refers to the objects of some types: a row for each type of referrer and label, the most frequent first. */
struct ph_error *ph_put_grouped(struct ph_heap_view *view, struct ph_rows *rows, const bool *matching)
	__attribute__((warn_unused_result));

#endif
