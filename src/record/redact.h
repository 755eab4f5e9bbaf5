/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Redaction: which objects and which text must not leave the machine.
 *
 * Three nets, because a secret travels: by name (an edge called db_password),
 * by object (whatever such an edge leads to is redacted wherever it appears),
 * by text (the characters of such a str or bytes are taken out of every other
 * text: source lines, messages, strings built from it). */
#ifndef RECORD_REDACT_H
#define RECORD_REDACT_H

#include "base/addrmap.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "record/report.h"
#include "record/source.h"

#define PH_REDACTED "\xe2\x80\xb9redacted\xe2\x80\xba" /* ‹redacted› */

struct ph_redactor; /* opaque */

/* words: comma-separated, lower case ("password,passwd,…"); NULL the default list. */
struct ph_error *ph_redactor_create(enum ph_redaction_mode mode, const char *words, struct ph_redactor **ret)
	__attribute__((warn_unused_result));
void ph_redactor_free(struct ph_redactor *redactor);
PH_DEFINE_CLEANUP(struct ph_redactor, ph_redactor_cleanup, ph_redactor_free)
#define ph_auto_redactor ph_cleanup(ph_redactor_cleanup)

/* All functions below take a NULL redactor, which redacts nothing. */

enum ph_redaction_mode ph_redactor_mode(const struct ph_redactor *redactor);
/* How many objects and texts were redacted so far (each object counted once). */
uint64_t ph_redactor_count(const struct ph_redactor *redactor);

/* Does the name contain one of the words as a word of its own (split at "_",
 * "-", non-alphanumerics and case changes; singular or plural; words of two parts such as
 * api_key also as apikey, apiKey)?  `--option` names count without the dashes. */
bool ph_redactor_is_secret_name(const struct ph_redactor *redactor, const char *name, size_t size);

/* Mark what a secret edge leads to: the object, and all str, bytes and numbers
 * within it (containers, attributes, an exception's arguments, what a memoryview, a
 * partial, a proxy or `"x".join` is of; iteratively, bounded), by address and by text.
 * Not what functions, types, modules, frames and weak references lead to. */
void ph_redactor_mark(struct ph_redactor *redactor, const struct ph_source *source, ph_addr address);
bool ph_redactor_is_marked(const struct ph_redactor *redactor, ph_addr address);

/* Walk from the roots breadth first, to `depth` edges and `maximum` objects, and
 * mark what every secret edge on the way leads to.  Of one container, the first
 * `children` are walked, so that one list cannot use up the maximum.  Called
 * before anything is rendered, and again, wider, before what is farther is.  Nothing to do unless the mode is secrets.
 * */
/* An edge is secret by the name that it has (local, attribute, dict key), and so is the second of a pair, a tuple
 * or list of two whose first is a secret name:
 *   - bytes, or an option (b"cookie", "--password"): whenever the second is a str or bytes that is no option itself;
 *   - a str: in a pair that is itself an item of a list, tuple or the like (headers, parameters of a query), whatever
 *     the second is.  A tuple that stands alone only when its second is no identifier, for ("token", "user") is a list
 *     of fields; and what hangs on a code object, names of variables and of arguments, is never a list of pairs. */
enum ph_name_verdict {
	PH_NAME_NONE = 1,
	PH_NAME_LACKING,
	PH_NAME_PLAIN,
	PH_NAME_SECRET,
	PH_NAME_SECRET_BYTES,
	PH_NAME_SECRET_OPTION
};
#define PH_NAME_CHARACTERS 128 /* of a str or bytes that may be a name */
/* A dict's key, or the first of a pair: no str or bytes, cut away (a str that it leads to may be a secret), no secret, a
 * secret one of a str, of bytes, an option. */
enum ph_name_verdict ph_redactor_judge(const struct ph_redactor *redactor, const struct ph_value *value);
/* Whether the second of a pair is secret, by the verdict on the first; `lone`: the pair is no item of a sequence. */
bool ph_redactor_is_secret_second(enum ph_name_verdict first, const struct ph_value *second, bool lone);

struct ph_redaction_root {
	const char *name; /* of the edge that leads to it (a local's name), or NULL */
	ph_addr address;
};
struct ph_error *ph_redactor_survey(struct ph_redactor *redactor, const struct ph_source *source,
				    const struct ph_redaction_root *roots, size_t count, unsigned depth,
				    size_t maximum, size_t children) __attribute__((warn_unused_result));

/* A secret known by text alone (an environment variable's value, `--token=…`). */
void ph_redactor_add_text(struct ph_redactor *redactor, const char *text, size_t size);
/* "NAME=value" of the environment or an argument: adds the value when NAME is secret. */
void ph_redactor_add_assignment(struct ph_redactor *redactor, const char *text, size_t size);

/* Ranges of a text to be taken out. */
struct ph_ranges {
	struct ph_range {
		size_t start, end; /* end exclusive */
	} *ranges;
	size_t count, capacity;
	bool no_memory;
};
void ph_ranges_deinit(struct ph_ranges *ranges);

/* A source file of Python: each literal that it gives to a secret name (`password = "x"`, `connect(token="x")`,
 * `{"api_key": "x"}`, over several lines too) becomes a known secret, for the compiler keeps it among the constants
 * of a code object, where no name leads to it.  A literal that is one plain word ("access") counts only as a whole
 * str, a number only with six digits or more.  Parts of f-strings, and literals of sources that are not at hand,
 * stay unknown.  ret_ranges (initialised with { 0 }) gets what is to be taken out of the file, in order. */
void ph_redactor_add_source(struct ph_redactor *redactor, const char *text, size_t size,
			    struct ph_ranges *ret_ranges);
/* ph_redactor_scrub() of text[start, end) with what ph_redactor_add_source() found in the whole. */
bool ph_redactor_scrub_part(struct ph_redactor *redactor, const char *text, size_t start, size_t end,
			    const struct ph_ranges *ranges, struct ph_buffer *out);

/* Copy text with every known secret, password in a URL and `secret_name = literal`
 * taken out; returns true when anything was.  In mode values the callers leave
 * text out altogether.  `size` bytes in, appended to out.
 *
 * A secret that straddles the end of a text cut by the caller is not a known
 * one any more: scrub the whole text and cut afterwards, or say `cut`, which
 * takes out a beginning (of 4 bytes or more) of a secret at the very end too. */
bool ph_redactor_scrub(struct ph_redactor *redactor, const char *text, size_t size, struct ph_buffer *out);
bool ph_redactor_scrub_cut(struct ph_redactor *redactor, const char *text, size_t size, bool cut,
			   struct ph_buffer *out);

/* Nothing is added any more: from now on several threads may scrub. */
void ph_redactor_settle(struct ph_redactor *redactor);
/* Whether the text certainly holds no secret, and scrubbing would leave it as it is: quick, and often wrong in saying
 * no. False unless settled. */
bool ph_redactor_is_harmless(const struct ph_redactor *redactor, const char *text, size_t size);
/* The same of the repr of any int or float. */
bool ph_redactor_is_harmless_number(const struct ph_redactor *redactor);

/* The renderer showed ‹redacted› in this object's place: counts it, once. */
void ph_redactor_note(struct ph_redactor *redactor, ph_addr address);

#endif
