/* SPDX-License-Identifier: GPL-3.0-or-later */
/* str() of an exception, as Objects/exceptions.c of 3.8 to 3.13 makes it, without running anything. */
#include "record/render_private.h"
#include "record/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#define BASES_MAXIMUM 64
#define NESTING_MAXIMUM 4 /* exceptions as the only argument of exceptions */

/* Which __str__ the type inherits. */
enum rule {
	RULE_BASE, /* BaseException_str() */
	RULE_KEY,
	RULE_OS,
	RULE_SYNTAX,
	RULE_IMPORT,
	RULE_ENCODE,
	RULE_DECODE,
	RULE_TRANSLATE,
	RULE_GROUP,
};

struct message {
	const struct ph_render *render;
	struct ph_buffer *out;
	struct ph_value value, type; /* the exception's; scratch */
	struct ph_rendered result;
};

static const struct {
	const char *text;
	enum rule rule;
} builtin_rules[] = {
	{ "<class 'BaseException'>", RULE_BASE },
	{ "<class 'Exception'>", RULE_BASE },
	{ "<class 'KeyError'>", RULE_KEY },
	{ "<class 'OSError'>", RULE_OS },
	{ "<class 'SyntaxError'>", RULE_SYNTAX },
	{ "<class 'ImportError'>", RULE_IMPORT },
	{ "<class 'UnicodeEncodeError'>", RULE_ENCODE },
	{ "<class 'UnicodeDecodeError'>", RULE_DECODE },
	{ "<class 'UnicodeTranslateError'>", RULE_TRANSLATE },
	{ "<class 'BaseExceptionGroup'>", RULE_GROUP },
};

static ph_addr attribute(const struct ph_value *value, const char *name)
{
	ph_addr found = 0;
	for (size_t i = 0; i < value->attribute_count; i++) {
		const struct ph_attribute *a = &value->attributes[i];
		if (strcmp(a->name, name) != 0)
			continue;
		if (a->structural)
			return a->value;
		found = a->value;
	}
	return found;
}

/* Walks the bases; m->result.unknown where one of them has a __str__ of its own. */
static enum rule find_rule(struct message *m)
{
	static const struct ph_value_limits limits = { .children = 512, .characters = 256 };
	ph_addr type = m->value.type;
	for (unsigned i = 0; type && i < BASES_MAXIMUM; i++) {
		ph_source_value(m->render->source, type, &limits, &m->type);
		for (size_t k = 0; k < sizeof(builtin_rules) / sizeof(*builtin_rules); k++)
			if (!strcmp(m->type.text, builtin_rules[k].text))
				return builtin_rules[k].rule;
		bool is_builtin = !memchr(m->type.text, '.', m->type.text_size);
		if (!is_builtin && attribute(&m->type, "__str__"))
			m->result.unknown = true;
		type = attribute(&m->type, "__base__");
	}
	return RULE_BASE;
}

static void put_repr(struct message *m, ph_addr address)
{
	struct ph_rendered r = ph_render_repr(m->render, address, false, m->out);
	m->result.truncated |= r.truncated;
	m->result.redacted |= r.redacted;
}

/* Text that str() leaves as it is: also 2.7's str, when its bytes are UTF-8, as they are on the terminals of today. */
static bool is_plain_text(const struct ph_value *value)
{
	if (value->kind == PH_KIND_STR)
		return value->form == PH_FORM_STR;
	return value->kind == PH_KIND_BYTES && value->form == PH_FORM_BYTES && value->python2 && !value->text_cut &&
	       !u8_check((const uint8_t *)value->text, value->text_size);
}

/* str() of an object: that of a str is itself, that of an exception is handled by the caller, else repr. */
static void put_str(struct message *m, ph_addr address)
{
	size_t maximum = m->render->characters ? m->render->characters : 1000;
	const struct ph_value_limits limits = { .children = 0, .characters = maximum + 512 };
	struct ph_redactor *redactor = m->render->redactor;
	ph_source_value(m->render->source, address, &limits, &m->type);
	const struct ph_value *value = &m->type;
	if (!is_plain_text(value) || ph_redactor_mode(redactor) == PH_REDACT_VALUES ||
	    ph_redactor_is_marked(redactor, address)) {
		put_repr(m, address);
		return;
	}
	struct ph_buffer scrubbed = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	m->result.redacted |=
		ph_redactor_scrub_cut(redactor, value->text, value->text_size, value->text_cut, &scrubbed);
	size_t keep = ph_text_prefix(ph_buffer_text(&scrubbed), scrubbed.size, maximum);
	ph_buffer_append(m->out, ph_buffer_text(&scrubbed), keep);
	if (keep < scrubbed.size || value->text_cut) {
		ph_buffer_puts(m->out, "...");
		m->result.truncated = true;
	}
	ph_buffer_deinit(&scrubbed);
}

/* A C field that holds an object: None when it is not there. */
static void put_field(struct message *m, const char *name, bool as_repr)
{
	ph_addr address = attribute(&m->value, name);
	if (!address)
		ph_buffer_puts(m->out, "None");
	else if (as_repr)
		put_repr(m, address);
	else
		put_str(m, address);
}

static ph_addr put_base(struct message *m, const ph_addr *args, size_t count)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 1 };
	if (count == 1) {
		ph_source_value(m->render->source, args[0], &limits, &m->type);
		if (m->type.kind == PH_KIND_EXCEPTION)
			return args[0];
		put_str(m, args[0]);
	} else if (count) {
		ph_buffer_putc(m->out, '(');
		for (size_t i = 0; i < count && i < 100; i++) {
			ph_buffer_puts(m->out, i ? ", " : "");
			put_repr(m, args[i]);
		}
		ph_buffer_puts(m->out, count > 100 ? ", ...)" : ")");
	}
	return 0;
}

/* OSError_str() in Objects/exceptions.c: on Windows winerror goes before errno. */
static bool put_os(struct message *m)
{
	ph_addr file = attribute(&m->value, "filename"), file2 = attribute(&m->value, "filename2");
	bool told = file || attribute(&m->value, "strerror"), of_windows = told && attribute(&m->value, "winerror");
	if (!of_windows && !file && !(told && attribute(&m->value, "errno")))
		return false;
	ph_buffer_puts(m->out, of_windows ? "[WinError " : "[Errno ");
	put_field(m, of_windows ? "winerror" : "errno", false);
	ph_buffer_puts(m->out, "] ");
	put_field(m, "strerror", false);
	if (file) {
		ph_buffer_puts(m->out, ": ");
		put_repr(m, file);
	}
	if (file && file2) {
		ph_buffer_puts(m->out, " -> ");
		put_repr(m, file2);
	}
	return true;
}

static void put_syntax(struct message *m)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 4096 };
	ph_addr file = attribute(&m->value, "filename"), line = attribute(&m->value, "lineno");
	put_field(m, "msg", false);
	ph_source_value(m->render->source, file, &limits, &m->type);
	bool has_file = file && m->type.kind == PH_KIND_STR;
	if (has_file) {
		const char *name = m->type.text, *slash = memrchr(name, '/', m->type.text_size);
		size_t skip = slash ? (size_t)(slash + 1 - name) : 0;
		ph_buffer_puts(m->out, " (");
		if (ph_redactor_mode(m->render->redactor) == PH_REDACT_VALUES)
			ph_buffer_puts(m->out, PH_REDACTED);
		else
			ph_redactor_scrub(m->render->redactor, name + skip, m->type.text_size - skip, m->out);
	}
	ph_source_value(m->render->source, line, &limits, &m->type);
	bool has_line = line && m->type.kind == PH_KIND_INT;
	if (has_line) {
		ph_buffer_puts(m->out, has_file ? ", line " : " (line ");
		put_repr(m, line);
	}
	if (has_file || has_line)
		ph_buffer_putc(m->out, ')');
}

static bool get_number(struct message *m, ph_addr address, int64_t *ret)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 64 };
	ph_source_value(m->render->source, address, &limits, &m->type);
	if (m->type.kind != PH_KIND_INT || m->type.form != PH_FORM_ATOM || m->type.text_size > 18)
		return false;
	*ret = strtoll(m->type.text, NULL, 10);
	return true;
}

/* "'\xe9'", "0xe9": the character or byte at `start` of the object; false when it cannot be had. */
static bool put_bad(struct message *m, enum rule rule, ph_addr object, size_t start)
{
	const struct ph_value_limits limits = { .children = 0, .characters = start + 1 };
	if (start > 1000000)
		return false;
	ph_source_value(m->render->source, object, &limits, &m->type);
	const char *text = m->type.text;
	size_t size = m->type.text_size, at = start, n;
	if (ph_redactor_mode(m->render->redactor) != PH_REDACT_NONE &&
	    ph_redactor_is_marked(m->render->redactor, object))
		return false;
	if (rule == RULE_DECODE) {
		if ((m->type.kind != PH_KIND_BYTES && m->type.kind != PH_KIND_BYTEARRAY) || at >= size)
			return false;
		ph_buffer_printf(m->out, "byte 0x%02x", (uint8_t)text[at]);
		return true;
	}
	at = ph_text_prefix(text, size, start);
	if (m->type.kind != PH_KIND_STR || at >= size)
		return false;
	uint32_t c = ph_text_decode(text + at, size - at, &n);
	ph_buffer_printf(m->out,
			 c <= 0xff     ? "character '\\x%02x'"
			 : c <= 0xffff ? "character '\\u%04x'"
				       : "character '\\U%08x'",
			 (unsigned)c);
	return true;
}

/* From the args (the C fields are no objects): encoding, object, start, end, reason; no encoding for translate. */
static bool put_unicode(struct message *m, enum rule rule, const ph_addr *args, size_t count)
{
	int64_t start, end;
	if (rule != RULE_TRANSLATE) {
		if (count != 5)
			return false;
		args++;
	} else if (count != 4) {
		return false;
	}
	if (!get_number(m, args[1], &start) || !get_number(m, args[2], &end))
		return false;
	start = start < 0 ? 0 : start;
	size_t before = m->out->size;
	if (rule != RULE_TRANSLATE) {
		ph_buffer_putc(m->out, '\'');
		put_str(m, args[-1]);
		ph_buffer_puts(m->out, "' codec ");
	}
	ph_buffer_puts(m->out, rule == RULE_TRANSLATE ? "can't translate "
			       : rule == RULE_DECODE  ? "can't decode "
						      : "can't encode ");
	if (end == start + 1 && put_bad(m, rule, args[0], (size_t)start))
		ph_buffer_printf(m->out, " in position %lld: ", (long long)start);
	else
		ph_buffer_printf(m->out, "%s in position %lld-%lld: ", rule == RULE_DECODE ? "bytes" : "characters",
				 (long long)start, (long long)end - 1);
	put_str(m, args[3]);
	return m->out->size > before;
}

static bool put_group(struct message *m, const ph_addr *args, size_t count)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 1 };
	ph_addr message = attribute(&m->value, "message"), members = attribute(&m->value, "exceptions");
	if ((!message || !members) && count != 2)
		return false;
	put_str(m, message ? message : args[0]);
	ph_source_value(m->render->source, members ? members : args[1], &limits, &m->type);
	int64_t n = m->type.len;
	ph_buffer_printf(m->out, " (%lld sub-exception%s)", (long long)n, n > 1 ? "s" : "");
	return true;
}

/* Returns the exception whose str() comes next, 0 when all is said. */
static ph_addr put_message(struct message *m, const ph_addr *args, size_t count)
{
	enum rule rule = find_rule(m);
	ph_addr msg = rule == RULE_IMPORT ? attribute(&m->value, "msg") : 0;
	switch (rule) {
	case RULE_KEY:
		if (count == 1) {
			put_repr(m, args[0]);
			return 0;
		}
		break;
	case RULE_OS:
		if (put_os(m))
			return 0;
		break;
	case RULE_SYNTAX:
		put_syntax(m);
		return 0;
	case RULE_IMPORT:
		if (msg) {
			put_str(m, msg);
			return 0;
		}
		break;
	case RULE_ENCODE:
	case RULE_DECODE:
	case RULE_TRANSLATE:
		if (put_unicode(m, rule, args, count))
			return 0;
		break;
	case RULE_GROUP:
		if (put_group(m, args, count))
			return 0;
		break;
	case RULE_BASE:
		break;
	}
	return put_base(m, args, count);
}

struct ph_rendered ph_render_message_of(const struct ph_render *render, ph_addr exception, const ph_addr *args,
					size_t count, struct ph_buffer *out)
{
	static const struct ph_value_limits limits = { .children = 128, .characters = 256 };
	struct message m = { .render = render, .out = out };
	struct ph_value tuple = PH_VALUE_INIT;
	ph_addr next = exception;
	if (ph_redactor_mode(render->redactor) == PH_REDACT_VALUES) {
		ph_buffer_puts(out, PH_REDACTED);
		return (struct ph_rendered){ .redacted = true };
	}
	for (unsigned i = 0; next && i < NESTING_MAXIMUM; i++) {
		ph_source_value(render->source, next, &limits, &m.value);
		if (next != exception || !args) {
			ph_source_value(render->source, attribute(&m.value, "args"), &limits, &tuple);
			args = tuple.items;
			count = tuple.item_count;
		}
		next = put_message(&m, args, count);
	}
	ph_value_deinit(&m.value);
	ph_value_deinit(&m.type);
	ph_value_deinit(&tuple);
	return m.result;
}

struct ph_rendered ph_render_message(const struct ph_render *render, ph_addr exception, struct ph_buffer *out)
{
	return ph_render_message_of(render, exception, NULL, 0, out);
}

/* ---- where a SyntaxError is ---- */

static const char *syntax_text(struct message *m, ph_addr address, struct ph_arena *arena)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 1512 };
	struct ph_redactor *redactor = m->render->redactor;
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const char *text = NULL;
	ph_source_value(m->render->source, address, &limits, &m->type);
	if (address && m->type.kind == PH_KIND_STR && m->type.form == PH_FORM_STR) {
		if (ph_redactor_is_marked(redactor, address))
			ph_buffer_puts(&out, PH_REDACTED);
		else
			ph_redactor_scrub_cut(redactor, m->type.text, m->type.text_size, m->type.text_cut, &out);
		text = ph_text_copy(arena, ph_buffer_text(&out), ph_text_prefix(ph_buffer_text(&out), out.size, 1000));
	}
	ph_buffer_deinit(&out);
	return text;
}

static int64_t syntax_number(struct message *m, ph_addr address)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 32 };
	ph_source_value(m->render->source, address, &limits, &m->type);
	if (!address || m->type.kind != PH_KIND_INT || ph_redactor_is_marked(m->render->redactor, address))
		return 0;
	long long number = strtoll(m->type.text, NULL, 10);
	return number < 0 || number > INT32_MAX ? 0 : number;
}

const struct ph_syntax *ph_render_syntax(const struct ph_render *render, ph_addr exception, struct ph_arena *arena)
{
	static const struct ph_value_limits limits = { .children = 128, .characters = 256 };
	struct message m = { .render = render };
	struct ph_syntax syntax = { 0 }, *ret = NULL;
	ph_addr place = 0;
	ph_source_value(render->source, exception, &limits, &m.value);
	if (m.value.kind == PH_KIND_EXCEPTION && attribute(&m.value, "filename") && attribute(&m.value, "lineno") &&
	    find_rule(&m) == RULE_SYNTAX) {
		syntax.message = syntax_text(&m, attribute(&m.value, "msg"), arena);
		syntax.file = syntax_text(&m, attribute(&m.value, "filename"), arena);
		syntax.text = syntax_text(&m, attribute(&m.value, "text"), arena);
		syntax.line = syntax_number(&m, attribute(&m.value, "lineno"));
		syntax.offset = syntax_number(&m, attribute(&m.value, "offset"));
		/* since 3.10 the last of args[1]: (filename, lineno, offset, text, end_lineno, end_offset) */
		ph_source_value(render->source, attribute(&m.value, "args"), &limits, &m.type);
		place = m.type.item_count == 2 ? m.type.items[1] : 0;
		ph_source_value(render->source, place, &limits, &m.type);
		place = place && m.type.item_count == 6 ? m.type.items[5] : 0;
		syntax.end_offset = syntax_number(&m, place);
	}
	if (syntax.line && (ret = ph_arena_new(arena, struct ph_syntax)))
		*ret = syntax;
	ph_value_deinit(&m.value);
	ph_value_deinit(&m.type);
	return ret;
}
