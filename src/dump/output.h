/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that is whole or absent. */
#ifndef DUMP_OUTPUT_H
#define DUMP_OUTPUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

struct ph_output {
	FILE *file;	 /* read and write, seekable, mode 0600; owned */
	char *buffer;	 /* of the stream; owned, freed after it */
	char *path;	 /* where it will be published; NULL: copied to `copy_to` */
	char *temporary; /* its name until then; NULL: it has none (O_TMPFILE) */
	int copy_to;	 /* descriptor, -1 none */
	bool overwrite;
};

/* path "-": standard output.  A FIFO, a device or a socket is written to, never
 * replaced; a symbolic link to a file stays, what it leads to is replaced. */
struct ph_error *ph_output_open(const char *path, bool overwrite, struct ph_output *ret)
	__attribute__((warn_unused_result));

/* Sync and publish.  ph_output_close() must follow, whatever the outcome. */
struct ph_error *ph_output_publish(struct ph_output *output) __attribute__((warn_unused_result));

/* Unpublished: nothing is left behind. */
void ph_output_close(struct ph_output *output);
#define ph_auto_output ph_cleanup(ph_output_close)

#endif
