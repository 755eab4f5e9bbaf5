/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/label.h"
#include "command/where.h"
#include "command/retain.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/redact.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Quoted, or up to a comma or " and "; *p moves behind it. */
static bool take_operand(const char **p, struct ph_condition *c)
{
	char quote = **p == '\'' || **p == '"' ? **p : 0;
	const char *start = *p + (quote != 0), *end;
	if (quote) {
		end = strchr(start, quote);
	} else {
		const char *comma = strchr(start, ','), *word = strstr(start, " and ");
		size_t all = strlen(start);
		end = start + all;
		/* "and" with nothing behind it */
		word = !word && all >= 4 && !strcmp(end - 4, " and") ? end - 4 : word;
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
	*p = skip_spaces(end + (quote != 0));
	return size || quote;
}

/* What joins a condition to the next one, which must be there then. */
static bool take_joint(const char **p)
{
	if (!**p)
		return true;
	if (**p == ',')
		*p = skip_spaces(*p + 1);
	else if (!strncmp(*p, "and", 3) && (!(*p)[3] || (*p)[3] == ' '))
		*p = skip_spaces(*p + 3);
	else
		return false;
	return **p;
}

/* An int as Python or C writes it, decimal or hexadecimal; false: it is none, or one of more than 128 bits. */
static bool take_integer(const char *text, struct ph_wide *ret)
{
	struct ph_wide wide = { .negative = *text == '-' };
	text += *text == '-' || *text == '+';
	unsigned base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	const char *p = text += base == 16 ? 2 : 0;
	for (; isxdigit((unsigned char)*p); p++) {
		uint64_t carry = isdigit((unsigned char)*p) ? (unsigned)(*p - '0') : (unsigned)(*p | 0x20) - 'a' + 10;
		if (carry >= base)
			return false;
		for (size_t i = 0; i < PH_WIDE_LIMBS; i++) {
			carry += (uint64_t)wide.limbs[i] * base;
			wide.limbs[i] = (uint32_t)carry;
			carry >>= 32;
		}
		if (carry)
			return false;
	}
	*ret = wide;
	return p > text && !*p;
}

static int wide_order(const struct ph_wide *a, const struct ph_wide *b)
{
	for (size_t i = PH_WIDE_LIMBS; i--;) {
		bool zero = !a->limbs[i] && !b->limbs[i];
		if (!zero && a->negative != b->negative)
			return a->negative ? -1 : 1;
		if (a->limbs[i] != b->limbs[i])
			return (a->limbs[i] > b->limbs[i]) != a->negative ? 1 : -1;
	}
	return 0;
}

static struct ph_wide wide_of(int64_t number)
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
	return (struct ph_wide){ .negative = number < 0, .limbs = { (uint32_t)size, (uint32_t)(size >> 32) } };
}

static double wide_double(const struct ph_wide *wide)
{
	double number = 0;
	for (size_t i = PH_WIDE_LIMBS; i--;)
		number = number * 0x1p32 + wide->limbs[i];
	return wide->negative ? -number : number;
}

/* "1MB" of what is counted in bytes: kB, MB, GB as the report has them, KiB, MiB, GiB. */
static double unit_of(const char *text)
{
	static const struct {
		const char *name;
		double bytes;
	} units[] = {
		{ "k", 1e3 },	{ "kB", 1e3 },	 { "KB", 1e3 },	  { "M", 1e6 },	  { "MB", 1e6 },   { "G", 1e9 },
		{ "GB", 1e9 },	{ "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 }, { "B", 1 }, { "bytes", 1 },
	};
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(skip_spaces(text), units[i].name))
			return units[i].bytes;
	return 0;
}

static bool is_bytes(enum ph_where_field field)
{
	return field == PH_WHERE_SIZE || field == PH_WHERE_HELD || field == PH_WHERE_RETAINED;
}

static void take_number(struct ph_condition *c)
{
	char *end;
	c->number = strtod(c->text, &end);
	double unit = end > c->text && is_bytes(c->field) ? unit_of(end) : 0;
	if (unit > 0 && isfinite(c->number * unit)) {
		c->number *= unit;
		c->is_number = true;
		c->is_integer = false;
		return;
	}
	c->is_number = c->text[0] && !*end && isfinite(c->number);
	c->is_integer = c->is_number && take_integer(c->text, &c->integer);
}

/* What is wrong with a condition, and what would be right. */
static struct ph_error *refuse(const char *text, const char *what, const char *at)
{
	return ph_error_create(PH_ERROR_USAGE, "find: --where '%s': %s%s%s", text, what, *at ? ", not " : "", at);
}

static struct ph_error *parse_one(const char *text, const char **p, struct ph_condition *c)
{
	if (!take_field(p, &c->field))
		return refuse(text, "a condition begins with len, size, held, retained, refcount or value", *p);
	const char *name = fields[c->field];
	bool is_value = c->field == PH_WHERE_VALUE;
	if (!take_operator(p, &c->operator) || (c->operator == PH_WHERE_LIKE && !is_value))
		return ph_error_create(PH_ERROR_USAGE, "find: --where '%s': behind %s comes ==, !=, <, <=, >%s >=%s", text,
				       name, is_value ? "," : " or", is_value ? " or ~" : "");
	if (!take_operand(p, c))
		return ph_error_create(PH_ERROR_USAGE, "find: --where '%s': what is %s compared with? %s", text, name,
				       is_value ? "A number, or text of at most 255 bytes, in quotes or not" : "A number");
	take_number(c);
	if (!is_value && !c->is_number)
		return ph_error_create(PH_ERROR_USAGE,
				       "find: --where '%s': %s is compared with a number%s, not '%s' (and conditions are "
				       "joined by \"and\")", text, name,
				       is_bytes(c->field) ? ", or one with kB, MB, GB, KiB, MiB or GiB" : "", c->text);
	if (!take_joint(p))
		return refuse(text, "conditions are joined by \"and\", and one follows", *p);
	return NULL;
}

struct ph_error *ph_where_parse(const char *text, struct ph_where *ret)
{
	const char *p = text ? skip_spaces(text) : "";
	struct ph_error *error = NULL;
	ret->count = 0;
	if (text && !*p)
		return refuse(text, "a condition begins with len, size, held, retained, refcount or value", "");
	while (!error && *p) {
		if (ret->count == PH_CONDITIONS_MAXIMUM)
			return ph_error_create(PH_ERROR_USAGE, "find: more than %d conditions", PH_CONDITIONS_MAXIMUM);
		error = parse_one(text, &p, &ret->conditions[ret->count++]);
	}
	return error;
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

/* Beyond 2^53 a double is not exact. */
static bool holds_wide(const struct ph_condition *c, const struct ph_wide *wide)
{
	if (c->is_integer)
		return compare(c->operator, wide_order(wide, &c->integer));
	double number = wide_double(wide);
	return compare(c->operator, (number > c->number) - (number < c->number));
}

static bool holds_integer(const struct ph_condition *c, int64_t number)
{
	struct ph_wide wide = wide_of(number);
	return holds_wide(c, &wide);
}

static bool holds_text(const struct ph_condition *c, const char *value)
{
	struct ph_wide integer;
	char *end;
	if (!c->is_number || !*value)
		return compare(c->operator, strcmp(value, c->text));
	if (take_integer(value, &integer))
		return holds_wide(c, &integer);
	double number = strtod(value, &end);
	if (*end)
		return compare(c->operator, strcmp(value, c->text));
	/* a nan is neither less than a number, nor equal to it, nor greater */
	if (isnan(number))
		return c->operator == PH_WHERE_NOT_EQUAL;
	return compare(c->operator, (number > c->number) - (number < c->number));
}

static bool holds_value(const struct ph_condition *c, struct ph_heap_view *view, uint32_t object)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192);
	if (!ph_value_as_python(view, object, &text))
		return false;
	const char *value = ph_buffer_text(&text);
	/* what was redacted is not known; its mark may be asked for */
	if (!strcmp(value, PH_REDACTED) && strcmp(c->text, PH_REDACTED) != 0)
		return false;
	if (c->operator == PH_WHERE_LIKE)
		return !fnmatch(c->text, value, 0);
	/* True is 1 as in Python */
	if (c->is_number && ph_is_builtin(ph_heap_type(view, object), "bool"))
		return holds_integer(c, !strcmp(value, "True"));
	return holds_text(c, value);
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
	return number >= 0 && holds_integer(c, number);
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
