/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of verbs, and what they share. */
#include "command/command.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

const struct ph_option ph_options_json[] = { { .name = "json" }, { .name = NULL } };

static const struct ph_verb verbs[] = {
	{
		.name = "report",
		.usage = "report [--json | --format=text|markdown|json|signature] DUMP",
		.summary = "what happened: signal, exceptions, every thread's stack",
		.help = "Prints what core2pyheap printed when it made the dump.\n"
			"\n"
			"  --json           as JSON; the same as --format=json\n"
			"  --format=FORMAT  text (the default), markdown, json, or signature: one line\n"
			"                   that is the same for the same bug on another machine\n",
		.implementation = &ph_verb_report,
	},
	{
		.name = "exceptions",
		.usage = "exceptions [--json] DUMP",
		.summary = "every exception with its traceback, causes and contexts",
		.help = "Prints each exception that the dump holds once, also those that the report\n"
			"nests too deeply to show.\n"
			"\n"
			"  --json  as JSON: a flat list, chains by address\n",
		.implementation = &ph_verb_exceptions,
	},
	{
		.name = "threads",
		.usage = "threads [--json] DUMP",
		.summary = "every thread's Python stack and what it waits for",
		.help = "Prints each thread's stack with its local variables, the crashed one first.\n"
			"\n"
			"  --json  as JSON: the report's threads and native_threads\n",
		.implementation = &ph_verb_threads,
	},
	{
		.name = "tasks",
		.usage = "tasks [--json] DUMP",
		.summary = "asyncio's tasks: what each awaits and waits for",
		.help = "Prints each asyncio task that is not done, with the suspended coroutines from its own\n"
			"to the innermost, their local variables, and the future, lock or task it waits for.\n"
			"\n"
			"  --json  as JSON: the report's tasks\n",
		.implementation = &ph_verb_tasks,
	},
	{
		.name = "greenlets",
		.usage = "greenlets [--json] DUMP",
		.summary = "the stack of each greenlet (gevent, SQLAlchemy's asyncio)",
		.help = "Prints each greenlet that is not dead, with its Python stack and local variables.\n"
			"\n"
			"  --json  as JSON: the report's greenlets\n",
		.implementation = &ph_verb_greenlets,
	},
	{
		.name = "print",
		.usage = "print [--json] DUMP ADDRESS...",
		.summary = "the objects at some addresses, with their items and attributes",
		.help = "Prints objects that the stacks and exceptions reach.  Addresses are hexadecimal, as\n"
			"reprs and --json show them, with or without 0x.\n"
			"\n"
			"  --json  as JSON: one object a line, in the order asked\n"
			"\n"
			"Ends with status 1 when the dump does not hold one of them.\n",
		.implementation = &ph_verb_print,
	},
	{
		.name = "whatis",
		.usage = "whatis [--json] DUMP ADDRESS...",
		.summary = "what some addresses are: object and member, block, module",
		.help = "Prints for each address which object it is in and which member of it lies there.  In\n"
			"gdb (py-heap whatis), where the memory itself is at hand, also: the pool of pymalloc,\n"
			"the block's size, whether it is free or allocated, and whose it is; what the word\n"
			"there points to; mapping, section and symbol; the thread whose stack it is; of free\n"
			"memory the byte that it is full of, and the objects next to it.  A number that is no\n"
			"address, as one that was read from freed memory, is told by its pattern.\n"
			"\n"
			"  --json  as JSON: one address a line, in the order asked\n",
		.implementation = &ph_verb_whatis,
	},
	{
		.name = "types",
		.usage = "types [--json] [--sort=size|count|name] DUMP",
		.summary = "how many objects there are of each type, and their sizes",
		.help = "Counts the objects of the whole heap by their types; bytes are what sys.getsizeof()\n"
			"gives, summed.  Needs a dump made with --heap=full, which is the default.\n"
			"\n"
			"  --json        as JSON: one type a line\n"
			"  --sort=ORDER  size (the default), count or name\n",
		.implementation = &ph_verb_types,
	},
	{
		.name = "memory",
		.usage = "memory [--json] [--full] DUMP",
		.summary = "what every byte of the process's memory was for",
		.help = "Accounts for all that was mapped: Python's objects with their tables and arrays, what\n"
			"pymalloc and malloc keep free, native memory, stacks, modules; and types by what their\n"
			"instances hold.  The rows add up to the total, so they show why a process is larger\n"
			"than its objects.  Needs a dump made with --heap=full, which is the default.\n"
			"\n"
			"  --json  as JSON: one object with rows and types\n"
			"  --full  rows without a byte and all types too\n",
		.implementation = &ph_verb_memory,
	},
	{
		.name = "referents",
		.usage = "referents [--json] DUMP ADDRESS",
		.summary = "what an object refers to",
		.help = "Prints each reference that the object holds: address and type of what it refers to,\n"
			"and how.  What gc.get_referents() does not give is marked with +.\n"
			"\n"
			"  --json  as JSON: one reference a line\n",
		.implementation = &ph_verb_referents,
	},
	{
		.name = "referrers",
		.usage = "referrers [--json] DUMP ADDRESS",
		.summary = "what refers to an object, and whether that explains its reference count",
		.help = "Prints each object that refers to the one at the address, and how.  The last line\n"
			"balances ob_refcnt against the references found: what is unexplained is held by\n"
			"frames, C code or what was not found.  Instances do not count as referrers of a type.\n"
			"\n"
			"  --json  as JSON: one reference a line, and the balance as the last\n",
		.implementation = &ph_verb_referrers,
	},
	{
		.name = "export",
		.usage = "export [--format=jsonl] DUMP",
		.summary = "every object of the heap with its references, one JSON object a line",
		.help = "Prints the whole heap by address.  Of each object: address, type, module, size as\n"
			"sys.getsizeof() gives it, refcount (-1: immortal), refs as gc.get_referents() gives\n"
			"them, extra (what memory holds beyond that, with the kind of reference), len.\n"
			"\n"
			"  --format=jsonl  the only format so far\n",
		.implementation = &ph_verb_export,
	},
};

size_t ph_verbs(const struct ph_verb **ret)
{
	*ret = verbs;
	return sizeof(verbs) / sizeof(verbs[0]);
}

const struct ph_verb *ph_verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static struct ph_error *find(const char *name, const struct ph_verb **ret)
{
	*ret = ph_verb_find(name);
	return *ret ? NULL : ph_error_create(PH_ERROR_USAGE, "no such verb: %s: pyheap --help lists them", name);
}

struct ph_error *ph_verb_check(int argc, char **argv, int *ret)
{
	const struct ph_verb *verb;
	struct ph_arguments arguments;
	struct ph_error *error = find(argv[0], &verb);
	if (error)
		return error;
	/* parsing permutes, and the caller's order still counts */
	char **copy = malloc((size_t)argc * sizeof(*copy));
	if (!copy)
		return &ph_error_no_memory;
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	error = ph_arguments_parse(verb, argc, copy, &arguments);
	free(copy);
	if (!error)
		*ret = arguments.first;
	return error;
}

struct ph_error *ph_verb_run(struct ph_dump *dump, int argc, char **argv, const struct ph_verb_output *output,
			     int *ret_status)
{
	const struct ph_verb *verb;
	struct ph_arguments arguments;
	int status = 0;
	struct ph_error *error = find(argv[0], &verb);
	if (!error)
		error = ph_arguments_parse(verb, argc, argv, &arguments);
	if (!error)
		error = verb->implementation->run(dump, &arguments, output, &status);
	const char *problem = error ? NULL : ph_dump_problem(dump);
	if (error)
		return error;
	if (problem && output->warning)
		output->warning(output->user, problem);
	*ret_status = problem ? 1 : status;
	return NULL;
}

struct ph_text_options ph_command_style(const struct ph_verb_output *output)
{
	return (struct ph_text_options){
		.colour = output->colour,
		.columns = output->columns,
		.locals = true,
		.fold = true,
	};
}

struct ph_error *ph_command_write(const struct ph_verb_output *output, struct ph_buffer *text, bool *ret_goes_on)
{
	if (text->no_memory || text->truncated)
		return &ph_error_no_memory;
	*ret_goes_on = !text->size || output->write(output->user, text->data, text->size);
	ph_buffer_clear(text);
	return NULL;
}
