/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that their surroundings give away: `password = "x"`, `"token": "x"`,
 * `--api-key x`, `TOKEN=x`, `scheme://user:x@host`.
 *
 * The text may be a line of Python, an argument vector, a log message, the repr
 * of a dict: this goes by what stands next to the name and leaves expressions
 * (`token = get_token()`) alone. */
#include "record/redact_private.h"

#include <ctype.h>
#include <string.h>

struct scan {
	const struct ph_redactor *redactor;
	const char *text;
	size_t size;
	struct ph_ranges *ranges;
};

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

static char at(const struct scan *s, size_t i)
{
	return i < s->size ? s->text[i] : '\0';
}

static size_t skip(const struct scan *s, size_t i, const char *bytes)
{
	while (i < s->size && s->text[i] && strchr(bytes, s->text[i]))
		i++;
	return i;
}

/* What was taken out before, or holds nothing, stays. */
static void take_out(struct scan *s, size_t start, size_t end)
{
	size_t redacted = strlen(PH_REDACTED);
	if (end - start == redacted && !memcmp(s->text + start, PH_REDACTED, redacted))
		return;
	ph_ranges_add(s->ranges, start, end);
}

/* A quoted literal, perhaps with a prefix, perhaps with its quotes escaped: takes its inside out. */
static bool take_quoted(struct scan *s, size_t i)
{
	size_t start = i;
	bool formatted = false;
	for (; i < start + 2 && at(s, i) && strchr("rbufRBUF", at(s, i)); i++)
		formatted |= (s->text[i] | 32) == 'f';
	size_t escapes = skip(s, i, "\\") - i;
	i += escapes;
	char quote = at(s, i);
	if (quote != '\'' && quote != '"')
		return false;
	size_t width = at(s, i + 1) == quote && at(s, i + 2) == quote ? 3 : 1;
	size_t inside = i + width, end = inside;
	for (; end < s->size; end++) {
		if (s->text[end] == '\\' && !escapes) {
			end++;
		} else if (s->text[end] == quote &&
			   (width == 1 || (at(s, end + 1) == quote && at(s, end + 2) == quote))) {
			break;
		}
	}
	if (end > s->size)
		end = s->size;
	if (end < s->size && escapes)
		end = end - inside >= escapes ? end - escapes : inside;
	if (!(formatted && at(s, inside) == '{'))
		take_out(s, inside, end);
	return true;
}

/* The end of an unquoted value. */
static size_t bare_end(const struct scan *s, size_t i)
{
	while (i < s->size && (unsigned char)s->text[i] > ' ' && !strchr("&,;'\"`()[]{}<>\\", s->text[i]))
		i++;
	return i;
}

static bool is_number(const struct scan *s, size_t start, size_t end)
{
	size_t i = start + (at(s, start) == '-');
	if (i >= end || !isdigit((unsigned char)s->text[i]))
		return false;
	for (; i < end; i++)
		if (!isalnum((unsigned char)s->text[i]) && !strchr("._+-", s->text[i]))
			return false;
	return true;
}

static bool is_range(const struct scan *s, size_t start, size_t end, const char *word)
{
	return strlen(word) == end - start && !memcmp(s->text + start, word, end - start);
}

/* An expression of Python rather than a value: a call, an attribute, a variable of a telling name, a constant. */
static bool is_expression(const struct scan *s, size_t start, size_t end)
{
	static const char *const constants[] = { "None", "True", "False", "null", "true", "false" };
	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++)
		if (is_range(s, start, end, constants[i]))
			return true;
	char c = at(s, end);
	if (c == '(' || c == '[' || c == '{')
		return true;
	size_t last = end;
	while (last > start && (isalnum((unsigned char)s->text[last - 1]) || s->text[last - 1] == '_'))
		last--;
	for (size_t i = start; i < end; i++)
		if (!isalnum((unsigned char)s->text[i]) && s->text[i] != '_' && s->text[i] != '.')
			return false;
	return !isdigit((unsigned char)s->text[start]) &&
	       ph_redactor_is_secret_name(s->redactor, s->text + last, end - last);
}

/* `Bearer x`, `Basic x`: the scheme stays. */
static size_t skip_scheme(const struct scan *s, size_t i)
{
	static const char *const schemes[] = { "Bearer ", "Basic ", "Digest ", "Token ", "bearer ", "basic ", "token " };
	for (size_t k = 0; k < sizeof(schemes) / sizeof(*schemes); k++) {
		size_t n = strlen(schemes[k]);
		if (s->size - i > n && !memcmp(s->text + i, schemes[k], n))
			return i + n;
	}
	return i;
}

static bool has_digit(const struct scan *s, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		if (isdigit((unsigned char)s->text[i]))
			return true;
	return false;
}

static void after_equals(struct scan *s, size_t i, bool spaced)
{
	size_t start = skip(s, i, " \t");
	if (start >= s->size || take_quoted(s, start))
		return;
	size_t end = bare_end(s, skip_scheme(s, start));
	spaced = spaced || start > i;
	if (is_number(s, start, end) || (!spaced && !is_expression(s, start, end)))
		take_out(s, skip_scheme(s, start), end);
}

/* `name: value`, `name: annotation = value`. */
static void after_colon(struct scan *s, size_t i)
{
	size_t start = skip(s, i, " \t");
	if (start >= s->size || take_quoted(s, start))
		return;
	size_t value = skip_scheme(s, start), end = bare_end(s, value);
	if (value > start || is_number(s, start, end) ||
	    (has_digit(s, start, end) && !is_expression(s, start, end) && !memchr(s->text + start, '=', end - start))) {
		take_out(s, value, end);
		return;
	}
	size_t equals = start;
	while (equals < s->size && equals < start + 80 &&
	       (isalnum((unsigned char)s->text[equals]) || strchr("_.[], |", s->text[equals])) && s->text[equals])
		equals++;
	if (at(s, equals) == '=')
		after_equals(s, equals + 1, true);
}

/* The name ends at `end`; what follows decides. */
static void after_name(struct scan *s, size_t start, size_t end)
{
	char quote = at(s, skip(s, end, "\\"));
	bool quoted = start && (quote == '"' || quote == '\'') && s->text[start - 1] == quote;
	size_t i = quoted ? skip(s, end, "\\") + 1 : end;
	bool option = at(s, start) == '-' && at(s, start + 1) == '-';
	if (quoted && at(s, i) == ',' && (option || (start >= 2 && strchr("(b", s->text[start - 2])))) {
		take_quoted(s, skip(s, i + 1, " "));
		return;
	}
	if (option && at(s, i) == ' ' && at(s, i + 1) != '-') {
		if (!take_quoted(s, i + 1))
			take_out(s, i + 1, bare_end(s, i + 1));
		return;
	}
	if (at(s, i) == ']')
		i++;
	size_t sign = skip(s, i, " \t");
	char c = at(s, sign), next = at(s, sign + 1);
	if ((c == '=' || c == '!' || c == ':') && next == '=')
		after_equals(s, sign + 2, true);
	else if (c == '=')
		after_equals(s, sign + 1, sign > i);
	else if (c == ':')
		after_colon(s, sign + 1);
}

/* `://` is at i: a password is what is between the first ":" and the last "@" before the path. */
static void take_url(struct scan *s, size_t i)
{
	size_t start = i + 3, end = start, last = 0;
	for (; end < s->size && (unsigned char)s->text[end] > ' ' && !strchr("/'\"<>`", s->text[end]); end++)
		if (s->text[end] == '@')
			last = end;
	if (!last)
		return;
	const char *colon = memchr(s->text + start, ':', last - start);
	if (colon)
		take_out(s, (size_t)(colon - s->text) + 1, last);
}

void ph_redactor_find_patterns(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges)
{
	struct scan s = { .redactor = redactor, .text = text, .size = size, .ranges = ranges };
	/* no name without one of these behind it */
	if (!memchr(text, '=', size) && !memchr(text, ':', size) && !memmem(text, size, "--", 2) &&
	    !memchr(text, ',', size))
		return;
	for (size_t i = 0; i < size;) {
		if (text[i] == ':' && at(&s, i + 1) == '/' && at(&s, i + 2) == '/')
			take_url(&s, i);
		if (!is_name_byte(text[i])) {
			i++;
			continue;
		}
		size_t end = i;
		while (end < size && is_name_byte(text[end]))
			end++;
		if (end - i < 256 && ph_redactor_is_secret_name(redactor, text + i, end - i))
			after_name(&s, i, end);
		i = end;
	}
}
