/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of verbs, and what they share. */
#include "command/command.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "command/damage.h"
#include "dump/reader.h"

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
		.usage = "print [--json] [--depth=N] [--retained] DUMP ADDRESS...",
		.summary = "the objects at some addresses, with their items and attributes",
		.help = "Prints objects.  Addresses are hexadecimal, as reprs and --json show them, with or\n"
			"without 0x.  Of objects that the stacks and exceptions reach the dump has the repr; of all\n"
			"others of the heap type, size, value, attributes and items.  Bytes are what\n"
			"sys.getsizeof() gives; held is the memory that it really takes.\n"
			"\n"
			"  --depth=N  also what these hold, N levels deep (at most 64)\n"
			"  --retained what would be freed with it; always shown once it was worked out\n"
			"  --json     as JSON: one object a line, in the order asked\n"
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
		.usage = "types [--json] [--sort=size|count|name|held|retained] [--limit=N] [--by-module] [--baseline=OLD] DUMP",
		.summary = "how many objects there are of each type, and their sizes; what grew",
		.help = "Counts the objects of the whole heap by their types; bytes are what sys.getsizeof()\n"
			"gives, summed.  Needs a dump made with --heap=full, which is the default.\n"
			"\n"
			"  --sort=ORDER    size (the default), count, name, held or retained, the last two in a\n"
			"                  column of their own.  held: the memory that the instances really take,\n"
			"                  as the allocator rounds it, with what lists and dicts keep in reserve,\n"
			"                  and what is shared counted once.  retained: what the instances keep\n"
			"                  alive; what one keeps within another is not counted twice\n"
			"  --limit=N       the first N rows\n"
			"  --by-module     a row for each module that types are from\n"
			"  --baseline=OLD  growth since another dump: types whose count or bytes changed, by what\n"
			"                  they grew\n"
			"  --json          as JSON: one type a line\n",
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
		.name = "find",
		.usage = "find [--json] [--where=CONDITION] [--limit=N] [--retained] DUMP TYPE",
		.summary = "the objects of a type, also those that meet a condition",
		.help = "Prints the objects whose type has this name: Session, app.Session, or a pattern as of\n"
			"the shell, app.*.  Subclasses' instances are of their own type.\n"
			"\n"
			"  --where=CONDITION  len, size, held, retained, refcount or value; ==, !=, <, <=, >, >=; a\n"
			"                     number or text.\n"
			"                     value ~ PATTERN compares with a pattern.  Several are joined by "
			"\"and\":\n"
			"                     --where='len>1000 and refcount==1'\n"
			"  --limit=N          the first N objects, by address\n"
			"  --retained         what would be freed with each; always shown once it was worked out\n"
			"  --json             as JSON: one object a line\n",
		.implementation = &ph_verb_find_objects,
	},
	{
		.name = "referents",
		.usage = "referents [--json] DUMP ADDRESS",
		.summary = "what an object refers to",
		.help = "Prints each reference that the object holds as Python would write it, and what it leads\n"
			"to.  What gc.get_referents() does not give is marked with +.\n"
			"\n"
			"  --json  as JSON: one reference a line\n",
		.implementation = &ph_verb_referents,
	},
	{
		.name = "referrers",
		.usage = "referrers [--json] DUMP ADDRESS|TYPE",
		.summary = "what refers to an object, and whether that explains its reference count",
		.help = "Prints each object that refers to the one at the address as Python would write it, then\n"
			"the roots (variables of frames, modules, C globals).  The last line balances ob_refcnt:\n"
			"what is unexplained is held by native code or was not found; guessed are words of native\n"
			"stacks and of structs of unknown layout.\n"
			"Of a type it prints who refers to its instances, by type and label, the most frequent\n"
			"first, with an example.\n"
			"\n"
			"  --json  as JSON: one reference a line, and the balance as the last\n",
		.implementation = &ph_verb_referrers,
	},
	{
		.name = "path",
		.usage = "path [--json] DUMP ADDRESS",
		.summary = "why an object is alive: a shortest path to it from a root",
		.help = "Prints how a program could write the object, from a module, a variable of a frame or\n"
			"another root, as in:  module app → CACHE → ['user:7'] → Session.user\n"
			"then the objects on the way.  Weak references are not followed, guesses only where\n"
			"nothing else leads there.\n"
			"\n"
			"  --json  as JSON: one object\n",
		.implementation = &ph_verb_path,
	},
	{
		.name = "roots",
		.usage = "roots [--json] [--kind=KIND] [--limit=N] DUMP",
		.summary = "what keeps the heap alive: frames, modules, threads, C globals",
		.help = "Counts the references into the heap that no object holds, by kind.\n"
			"\n"
			"  --kind=KIND  list those of a kind (a beginning of its name); ? marks guesses\n"
			"  --limit=N    the first N of them\n"
			"  --json       as JSON: one root a line\n",
		.implementation = &ph_verb_roots,
	},
	{
		.name = "retained",
		.usage = "retained [--json] [--limit=N] [--all] DUMP [ADDRESS]",
		.summary = "which objects keep most of the heap alive by themselves",
		.help = "Prints the objects that retain most: what would be freed if they were, themselves\n"
			"included (sizes as sys.getsizeof() gives them, summed over what they dominate), each\n"
			"with its path.  One that merely holds another, which has nine tenths of its bytes, is\n"
			"left out.  Of an object it prints what alone keeps it alive, and the largest of what it\n"
			"alone keeps.\n"
			"\n"
			"  --limit=N  the first N objects (25)\n"
			"  --all      holders too\n"
			"  --json     as JSON: one object a line; of an ADDRESS the object first\n",
		.implementation = &ph_verb_retained,
	},
	{
		.name = "garbage",
		.usage = "garbage [--json] DUMP",
		.summary = "objects that no root reaches: cycles, leaks of native code",
		.help = "Counts the objects that nothing alive refers to, by type; then prints the cycles among\n"
			"them, equal ones once, and those with references that nothing in the dump explains:\n"
			"native code holds them, or has leaked them.\n"
			"\n"
			"  --json  as JSON: one object a line, with the number of its cycle and why it is there\n",
		.implementation = &ph_verb_garbage,
	},
	{
		.name = "export",
		.usage = "export [--format=FORMAT] DUMP",
		.summary = "every object of the heap with its references, one JSON object a line",
		.help = "Prints the whole heap by address.  Of each object: address, type, module, size as\n"
			"sys.getsizeof() gives it, refcount (-1: immortal), refs as gc.get_referents() gives\n"
			"them, extra (what memory holds beyond that, with the kind of reference), len.\n"
			"\n"
			"  --format=jsonl       the heap, as above (the default)\n"
			"  --format=pydump      the stacks and what they reach, for pydump 1.2\n"
			"  --format=pyheapdump  the same, for pyheapdump 0.2\n",
		.implementation = &ph_verb_export,
	},
	{
		.name = "verify",
		.usage = "verify [--json] DUMP",
		.summary = "whether the dump is whole: checksums, indices, order",
		.help = "Reads all of the dump and names each member that is altered, cut, or disagrees with\n"
			"the others.  Ends with status 1 when there is one.  Lists what was found to be wrong\n"
			"with the heap itself, too, which the dump is not to blame for.\n"
			"\n"
			"  --json  as JSON: one object\n",
		.implementation = &ph_verb_verify,
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

/* Of a heap that is not whole, to whoever was told numbers of it, or that there is no such object or type. */
static struct ph_error *tell_damage(struct ph_dump *dump, const struct ph_verb *verb,
				    const struct ph_arguments *arguments, const struct ph_verb_output *output,
				    bool is_answered, int *status)
{
	ph_auto_buffer struct ph_buffer line = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	bool goes_on;
	struct ph_error *error = NULL;
	if (is_answered && verb->implementation->json_is_rows && arguments->values[0])
		error = ph_put_heap_damage_line(dump, NULL, &line);
	if (!error)
		error = ph_command_write(output, &line, &goes_on);
	return error ? error : ph_tell_heap_damage(dump, output, status);
}

struct ph_error *ph_verb_run(struct ph_dump *dump, int argc, char **argv, const struct ph_verb_output *output,
			     int *ret_status)
{
	const struct ph_verb *verb;
	struct ph_arguments arguments;
	int status = 0;
	ph_dump_set_callbacks(dump, output->callbacks);
	struct ph_error *error = find(argv[0], &verb);
	if (!error)
		error = ph_arguments_parse(verb, argc, argv, &arguments);
	if (!error)
		error = verb->implementation->run(dump, &arguments, output, &status);
	if (!error && ph_dump_is_stopped(dump))
		error = ph_error_create(PH_ERROR_CANCELLED, "stopped");
	if (dump->is_heap_asked && (!error || error->code == PH_ERROR_USAGE)) {
		struct ph_error *other = tell_damage(dump, verb, &arguments, output, !error, &status);
		dump->is_heap_asked = false;
		ph_error_free(error ? other : NULL);
		error = error ? error : other;
	}
	ph_dump_set_callbacks(dump, NULL);
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

#define PIECE 65536

struct ph_error *ph_rows_next(struct ph_rows *rows)
{
	return rows->text.size < PIECE ? NULL : ph_command_write(rows->output, &rows->text, &rows->goes_on);
}

struct ph_error *ph_rows_finish(struct ph_rows *rows, struct ph_error *error)
{
	if (!error && rows->goes_on)
		error = ph_command_write(rows->output, &rows->text, &rows->goes_on);
	ph_buffer_deinit(&rows->text);
	return error;
}