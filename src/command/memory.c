/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap memory: what every byte of the process was for. */
#include "command/command.h"
#include "command/damage.h"

#include "base/cleanup.h"
#include "record/memory.h"

enum { JSON, FULL };

/* As the dump has it, and what is wrong with the heap. */
static struct ph_error *put_json(struct ph_dump *dump, const struct ph_memory *memory, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	struct ph_error *error = ph_heap_damage(dump, &damage);
	struct ph_json j = ph_json(out, 1);
	if (!error) {
		ph_json_object(&j, false);
		ph_memory_put_json(memory, &j);
		ph_put_damage_json(&damage, &j);
		ph_json_object_end(&j);
		ph_buffer_putc(out, '\n');
	}
	ph_damage_deinit(&damage);
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_auto_memory struct ph_memory memory = { 0 };
	bool goes_on;
	struct ph_error *error = ph_arguments_none("memory", arguments);
	if (!error)
		error = ph_dump_memory(dump, &memory);
	if (error)
		return error;
	if (arguments->values[JSON])
		error = put_json(dump, &memory, &text);
	else
		ph_memory_text(&memory, arguments->values[FULL], &text);
	if (!arguments->values[JSON])
		error = ph_put_heap_damage(dump, &text);
	*ret_status = 0;
	return error ? error : ph_command_write(output, &text, &goes_on);
}

static const struct ph_option options[] = {
	[JSON] = { .name = "json" }, [FULL] = { .name = "full" }, { .name = NULL }
};

const struct ph_verb_implementation ph_verb_memory = { .options = options, .run = run };
