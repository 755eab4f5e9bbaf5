/* SPDX-License-Identifier: GPL-3.0-or-later */
/* getopt_long keeps state between calls and prints by itself; gdb calls verbs many times. */
#include "command/command.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ph_error *usage(const struct ph_verb *verb, const char *what, const char *argument)
{
	return ph_error_create(PH_ERROR_USAGE, "%s: %s %s: the usage is pyheap %s", verb->name, what, argument,
			       verb->usage);
}

/* The option that `name` (size bytes) is or begins; -1 none, -2 more than one. */
static int find_option(const struct ph_option *options, const char *name, size_t size)
{
	int found = -1;
	for (int i = 0; options[i].name; i++) {
		if (strncmp(options[i].name, name, size))
			continue;
		if (!options[i].name[size])
			return i;
		found = found == -1 ? i : -2;
	}
	return size ? found : -1;
}

static bool is_choice(const char *const *choices, const char *value)
{
	for (; *choices; choices++)
		if (!strcmp(*choices, value))
			return true;
	return false;
}

/* The option at argv[*i]; *i moves on when its value is the next argument. */
static struct ph_error *take_option(const struct ph_verb *verb, int argc, char **argv, int *i,
				    struct ph_arguments *ret)
{
	const struct ph_option *options = verb->implementation->options;
	const char *name = argv[*i] + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
	int index = find_option(options, name, equals ? (size_t)(equals - name) : strlen(name));
	if (argv[*i][1] != '-' || index < 0)
		return usage(verb, "unknown option", argv[*i]);
	if (!options[index].choices && !options[index].takes_text) {
		if (value)
			return usage(verb, "this option takes no value:", argv[*i]);
		ret->values[index] = "";
		return NULL;
	}
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return usage(verb, "a value is missing:", argv[*i]);
	if (options[index].choices && !is_choice(options[index].choices, value))
		return usage(verb, "no such value:", argv[*i]);
	ret->values[index] = value;
	return NULL;
}

struct ph_error *ph_arguments_parse(const struct ph_verb *verb, int argc, char **argv, struct ph_arguments *ret)
{
	struct ph_arguments arguments = { .operands = argv + 1, .first = argc };
	bool options_end = false;
	for (int i = 1; i < argc; i++) {
		char *argument = argv[i];
		if (!options_end && !strcmp(argument, "--")) {
			options_end = true;
		} else if (!options_end && argument[0] == '-' && argument[1]) {
			struct ph_error *error = take_option(verb, argc, argv, &i, &arguments);
			if (error)
				return error;
		} else {
			if (!arguments.operand_count)
				arguments.first = i;
			arguments.operands[arguments.operand_count++] = argument;
		}
	}
	*ret = arguments;
	return NULL;
}

struct ph_error *ph_arguments_number(const char *verb, const char *option, const char *value, uint64_t missing,
				     uint64_t *ret)
{
	char *end;
	if (!value) {
		*ret = missing;
		return NULL;
	}
	errno = 0;
	unsigned long long number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno)
		return ph_error_create(PH_ERROR_USAGE, "%s: --%s takes a number, not %s", verb, option, value);
	*ret = number;
	return NULL;
}

struct ph_error *ph_arguments_none(const char *verb, const struct ph_arguments *arguments)
{
	if (!arguments->operand_count)
		return NULL;
	return ph_error_create(PH_ERROR_USAGE, "%s: takes one dump and nothing else, not %s", verb,
			       arguments->operands[0]);
}
