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

#define COMMENT_MAXIMUM 1000 /* bytes looked at behind "#" */
#define LITERAL_MAXIMUM ((size_t)65536)
#define BRACKETS 4	     /* opened between "=" and the literal */

struct scan {
	const struct ph_redactor *redactor;
	const char *text;
	size_t size;
	struct ph_ranges *ranges;
	size_t bare_start, bare_end; /* the last unquoted value: from anywhere within, the end is the same */
	ph_redactor_literal *literal; /* may be NULL */
	void *user;
	struct ph_buffer joined; /* of adjacent literals */
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

/* One escape of a literal, `i` behind the backslash; its end.  Names of characters (\N{…}) are nobody's secret. */
static size_t join_escape(struct scan *s, size_t i, size_t end)
{
	static const char letters[] = "abfnrtv\\'\"", bytes[] = "\a\b\f\n\r\t\v\\'\"";
	char c = s->text[i];
	const char *simple = strchr(letters, c);
	if (c && simple) {
		ph_buffer_putc(&s->joined, bytes[simple - letters]);
		return i + 1;
	}
	bool octal = c >= '0' && c <= '7';
	size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 3 : 0;
	size_t k = i + !octal;
	uint32_t code = 0;
	for (; digits && k < end && isxdigit((unsigned char)s->text[k]) && !(octal && s->text[k] > '7');
	     k++, digits--) {
		char d = s->text[k];
		code = code * (octal ? 8 : 16) + (uint32_t)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
	}
	if (!strchr("xuU01234567\n", c) || !c)
		ph_buffer_putc(&s->joined, '\\');
	if (c == '\n')
		return i + 1;
	if (k == i + !octal) /* no escape after all */
		ph_buffer_putc(&s->joined, c);
	else
		ph_buffer_put_utf8(&s->joined, code);
	return k;
}

static void join(struct scan *s, size_t start, size_t end, bool raw)
{
	for (size_t i = start; i < end;) {
		if (s->text[i] == '\\' && !raw && i + 1 < end)
			i = join_escape(s, i + 1, end);
		else
			ph_buffer_putc(&s->joined, s->text[i++]);
	}
}

static void give_joined(struct scan *s)
{
	if (s->joined.size)
		s->literal(s->user, ph_buffer_text(&s->joined), s->joined.size, false);
	ph_buffer_clear(&s->joined);
}

static bool has_line_end(const struct scan *s, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (s->text[i] == '\\')
			i++;
		else if (s->text[i] == '\n')
			return true;
	}
	return false;
}

/* A quoted literal, perhaps with a prefix, perhaps with its quotes escaped: takes its inside out; its end, 0 none. */
static size_t take_quoted(struct scan *s, size_t i)
{
	size_t start = i;
	bool formatted = false, raw = false;
	for (; i < start + 2 && at(s, i) && strchr("rbufRBUF", at(s, i)); i++) {
		formatted |= (s->text[i] | 32) == 'f';
		raw |= (s->text[i] | 32) == 'r';
	}
	size_t escapes = skip(s, i, "\\") - i;
	i += escapes;
	char quote = at(s, i);
	if (quote != '\'' && quote != '"')
		return 0;
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
	size_t behind = end + width < s->size ? end + width : s->size;
	if (end < s->size && escapes)
		end = end - inside >= escapes ? end - escapes : inside;
	if (!(formatted && at(s, inside) == '{'))
		take_out(s, inside, end);
	/* a line end: the quote was that behind "Password: ", not one before a literal */
	if (s->literal && !formatted && !escapes && (width == 3 || !has_line_end(s, inside, end))) {
		size_t before = s->joined.size;
		join(s, inside, end, raw);
		/* the compiler keeps the whole; what the parser had of its parts may still lie about */
		if (s->joined.size > before)
			s->literal(s->user, s->joined.data + before, s->joined.size - before, false);
	}
	return behind;
}

/* White space; within brackets line ends and comments too. */
static size_t skip_blank(const struct scan *s, size_t i, bool lines)
{
	for (;;) {
		i = skip(s, i, lines ? " \t\r\n" : " \t");
		if (at(s, i) == '\\' && at(s, i + 1) == '\n') {
			i += 2;
		} else if (lines && at(s, i) == '#') {
			size_t left = s->size - i < COMMENT_MAXIMUM ? s->size - i : COMMENT_MAXIMUM;
			const char *end = memchr(s->text + i, '\n', left);
			if (!end)
				return i;
			i = (size_t)(end - s->text);
		} else {
			return i;
		}
	}
}

/* "a", "a" "b", ("a"\n "b"), ["a", "b"]: all literals of an expression that begins with one. */
static bool take_literals(struct scan *s, size_t i)
{
	size_t brackets = 0, end;
	bool any = false;
	for (;;) {
		i = skip_blank(s, i, brackets);
		for (; (at(s, i) == '(' || at(s, i) == '[') && brackets < BRACKETS; brackets++)
			i = skip_blank(s, i + 1, true);
		end = take_quoted(s, i);
		if (!end)
			break;
		any = true;
		i = skip_blank(s, end, brackets);
		char c = at(s, i);
		if (c == ',' && s->literal)
			give_joined(s);
		if (c == ',' && !brackets)
			break;
		i += c == '+' || c == ',';
	}
	if (s->literal)
		give_joined(s);
	return any;
}

/* The end of an unquoted value. */
static size_t bare_end(struct scan *s, size_t start)
{
	size_t i = start;
	if (s->bare_start <= start && start < s->bare_end)
		return s->bare_end;
	while (i < s->size && (unsigned char)s->text[i] > ' ' && !strchr("&,;'\"`()[]{}<>\\", s->text[i]))
		i++;
	s->bare_start = start;
	s->bare_end = i;
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
	static const char *const schemes[] = {
		"Bearer ", "Basic ", "Digest ", "Token ", "bearer ", "basic ", "token "
	};
	for (size_t k = 0; k < sizeof(schemes) / sizeof(*schemes); k++) {
		size_t n = strlen(schemes[k]);
		if (s->size - i > n && !memcmp(s->text + i, schemes[k], n))
			return i + n;
	}
	return i;
}

/* Among its first bytes: of a text that is nothing but "token:token:" not each to the end. */
static bool has_digit(const struct scan *s, size_t start, size_t end)
{
	for (size_t i = start; i < end && i < start + 1024; i++)
		if (isdigit((unsigned char)s->text[i]))
			return true;
	return false;
}

static void after_equals(struct scan *s, size_t i, bool spaced)
{
	size_t start = skip(s, i, " \t");
	if (start >= s->size || take_literals(s, start))
		return;
	size_t end = bare_end(s, skip_scheme(s, start));
	spaced = spaced || start > i;
	bool number = is_number(s, start, end);
	if (number || (!spaced && !is_expression(s, start, end)))
		take_out(s, skip_scheme(s, start), end);
	if (number && s->literal)
		s->literal(s->user, s->text + start, end - start, true);
}

/* `name: value`, `name: annotation = value`. */
static void after_colon(struct scan *s, size_t i)
{
	size_t start = skip(s, i, " \t");
	if (start >= s->size || take_literals(s, start))
		return;
	size_t value = skip_scheme(s, start), end = bare_end(s, value);
	if (value > start || is_number(s, start, end) ||
	    (has_digit(s, start, end) && !is_expression(s, start, end) && !memchr(s->text + start, '=', end - start))) {
		take_out(s, value, end);
		if (s->literal && is_number(s, start, end))
			s->literal(s->user, s->text + start, end - start, true);
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

/* The next place where one of the words may begin, or a URL's password. */
static size_t next_candidate(const struct scan *s, size_t i)
{
	const struct ph_redactor *r = s->redactor;
	if (!r->filter_works)
		return i;
	for (; i + PH_SECRET_FILTER <= s->size; i++)
		if (r->filter[ph_redactor_filter_slot(s->text + i)])
			return i;
	return s->size;
}

static void find(struct scan *s)
{
	size_t done = 0; /* names before this were looked at */
	for (size_t i = 0; (i = next_candidate(s, i)) < s->size;) {
		if (s->text[i] == ':' && at(s, i + 1) == '/' && at(s, i + 2) == '/')
			take_url(s, i);
		if (!is_name_byte(s->text[i])) {
			i++;
			continue;
		}
		size_t start = i, end = i;
		while (start > done && is_name_byte(s->text[start - 1]))
			start--;
		while (end < s->size && is_name_byte(s->text[end]))
			end++;
		if (end - start < 256 && ph_redactor_is_secret_name(s->redactor, s->text + start, end - start))
			after_name(s, start, end);
		i = done = end;
	}
}

static bool may_hold(const char *text, size_t size)
{
	/* no name without one of these behind it */
	return memchr(text, '=', size) || memchr(text, ':', size) || memmem(text, size, "--", 2) ||
	       memchr(text, ',', size);
}

void ph_redactor_find_patterns(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges)
{
	struct scan s = { .redactor = redactor, .text = text, .size = size, .ranges = ranges };
	if (may_hold(text, size))
		find(&s);
}

void ph_redactor_find_literals(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges, ph_redactor_literal *literal, void *user)
{
	struct scan s = {
		.redactor = redactor,
		.text = text,
		.size = size,
		.ranges = ranges,
		.literal = literal,
		.user = user,
		.joined = PH_BUFFER(LITERAL_MAXIMUM),
	};
	if (may_hold(text, size))
		find(&s);
	ph_buffer_deinit(&s.joined);
}
