/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/label.h"
#include "command/where.h"
#include "command/retain.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define GRAMMAR                                                                                                        \
	"conditions are len, size, held, retained, refcount or value, then ==, !=, <, <=, >, >= or (of value) ~, then a number or "    \
	"text"

static const struct {
	const char *text;
	enum ph_where_operator operator;
} operators[] = {
	/* the longer ones first */
	{ "==", PH_WHERE_EQUAL }, { "!=", PH_WHERE_NOT_EQUAL }, { "<=", PH_WHERE_LESS_OR_EQUAL },
	{ ">=", PH_WHERE_GREATER_OR_EQUAL }, { "<", PH_WHERE_LESS }, { ">", PH_WHERE_GREATER },
	{ "=", PH_WHERE_EQUAL }, { "~", PH_WHERE_LIKE },
};
static const char *const fields[] = {
	[PH_WHERE_LEN] = "len", [PH_WHERE_SIZE] = "size", [PH_WHERE_REFCOUNT] = "refcount", [PH_WHERE_VALUE] = "value",
	[PH_WHERE_RETAINED] = "retained", [PH_WHERE_HELD] = "held",
};

static const char *skip_spaces(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

static bool take_field(const char **p, enum ph_where_field *ret)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t size = strlen(fields[i]);
		if (strncmp(*p, fields[i], size) != 0)
			continue;
		*ret = (enum ph_where_field)i;
		*p = skip_spaces(*p + size);
		return true;
	}
	return false;
}

static bool take_operator(const char **p, enum ph_where_operator *ret)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		size_t size = strlen(operators[i].text);
		if (strncmp(*p, operators[i].text, size) != 0)
			continue;
		*ret = operators[i].operator;
		*p = skip_spaces(*p + size);
		return true;
	}
	return false;
}

/* Quoted, or up to a comma or " and "; *p moves behind what joins it to the next. */
static bool take_operand(const char **p, struct ph_condition *c)
{
	char quote = **p == '\'' || **p == '"' ? **p : 0;
	const char *start = *p + (quote != 0), *end;
	if (quote) {
		end = strchr(start, quote);
	} else {
		const char *comma = strchr(start, ','), *word = strstr(start, " and ");
		end = start + strlen(start);
		end = comma && comma < end ? comma : end;
		end = word && word < end ? word : end;
	}
	if (!end || (size_t)(end - start) >= sizeof(c->text))
		return false;
	size_t size = (size_t)(end - start);
	while (!quote && size && start[size - 1] == ' ')
		size--;
	memcpy(c->text, start, size);
	c->text[size] = '\0';
	end = skip_spaces(end + (quote != 0));
	*p = *end == ',' ? skip_spaces(end + 1) : !strncmp(end, "and ", 4) ? skip_spaces(end + 4) : end;
	return (size || quote) && (*p != end || !*end);
}

static void take_number(struct ph_condition *c)
{
	char *end;
	c->number = strtod(c->text, &end);
	c->is_number = c->text[0] && !*end;
}

struct ph_error *ph_where_parse(const char *text, struct ph_where *ret)
{
	const char *p = text ? skip_spaces(text) : "";
	ret->count = 0;
	while (*p) {
		struct ph_condition *c = &ret->conditions[ret->count];
		if (ret->count == PH_CONDITIONS_MAXIMUM)
			return ph_error_create(PH_ERROR_USAGE, "find: more than %d conditions", PH_CONDITIONS_MAXIMUM);
		if (!take_field(&p, &c->field) || !take_operator(&p, &c->operator) || !take_operand(&p, c))
			return ph_error_create(PH_ERROR_USAGE, "find: --where '%s': " GRAMMAR, text);
		take_number(c);
		if (c->field != PH_WHERE_VALUE && (!c->is_number || c->operator == PH_WHERE_LIKE))
			return ph_error_create(PH_ERROR_USAGE, "find: --where '%s': %s is compared with a number", text,
					       fields[c->field]);
		ret->count++;
	}
	return NULL;
}

static bool compare(enum ph_where_operator operator, int order)
{
	switch (operator) {
	case PH_WHERE_EQUAL:
		return order == 0;
	case PH_WHERE_NOT_EQUAL:
		return order != 0;
	case PH_WHERE_LESS:
		return order < 0;
	case PH_WHERE_LESS_OR_EQUAL:
		return order <= 0;
	case PH_WHERE_GREATER:
		return order > 0;
	case PH_WHERE_GREATER_OR_EQUAL:
		return order >= 0;
	default:
		return false;
	}
}

static bool holds_number(const struct ph_condition *c, double number)
{
	return compare(c->operator, (number > c->number) - (number < c->number));
}

static bool holds_value(const struct ph_condition *c, struct ph_heap_view *view, uint32_t object)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192);
	char *end;
	if (!ph_value_as_python(view, object, &text))
		return false;
	const char *value = ph_buffer_text(&text);
	if (c->operator == PH_WHERE_LIKE)
		return !fnmatch(c->text, value, 0);
	double number = strtod(value, &end);
	if (c->is_number && *value && !*end)
		return holds_number(c, number);
	return compare(c->operator, strcmp(value, c->text));
}

static bool holds(const struct ph_condition *c, struct ph_heap_view *view, uint32_t object)
{
	int64_t number;
	switch (c->field) {
	case PH_WHERE_LEN:
		number = ph_heap_len(view, object);
		break;
	case PH_WHERE_SIZE:
		number = ph_heap_size(view, object);
		break;
	case PH_WHERE_REFCOUNT:
		number = ph_heap_refcount(view, object);
		break;
	case PH_WHERE_HELD:
		number = ph_heap_held(view, object);
		break;
	case PH_WHERE_RETAINED:
		number = ph_heap_retained(view, object);
		break;
	default:
		return holds_value(c, view, object);
	}
	return number >= 0 && holds_number(c, (double)number);
}

bool ph_where_asks(const struct ph_where *where, enum ph_where_field field)
{
	for (size_t i = 0; i < where->count; i++)
		if (where->conditions[i].field == field)
			return true;
	return false;
}

bool ph_where_holds(const struct ph_where *where, struct ph_heap_view *view, uint32_t object)
{
	for (size_t i = 0; i < where->count; i++)
		if (!holds(&where->conditions[i], view, object))
			return false;
	return true;
}
