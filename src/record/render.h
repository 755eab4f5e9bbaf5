/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one renderer of values: Python's repr, bounded, cycle-safe, redacted. */
#ifndef RECORD_RENDER_H
#define RECORD_RENDER_H

#include "record/redact.h"
#include "record/source.h"

struct ph_render {
	const struct ph_source *source;
	struct ph_redactor *redactor; /* NULL: nothing is redacted (gdb) */
	size_t characters;	      /* of a whole repr; 0 is 1000; what is beyond is cut, then "..." */
	size_t value_characters;      /* of the "value" of an object's record; 0 is 1000 */
	unsigned depth;		      /* of nesting; 0 is 8, at most 64; deeper is "..." */
	size_t items;		      /* of one container; 0 is 100, then "..." */
	/* Given: ph_render_object() of what has a frame or is an exception leaves those out and says so here; for
	 * sources that do not have them. */
	bool *left_out;
};

struct ph_rendered {
	bool truncated, redacted;
	bool unknown; /* of a message: see there */
};

/* repr of the object, appended.  `secret`: reached by a secret name (the object itself is then not shown
 * when it is a str, bytes or number; containers show their shape with ‹redacted› inside). */
struct ph_rendered ph_render_repr(const struct ph_render *render, ph_addr address, bool secret,
				  struct ph_buffer *out);

/* What the renderer asks of a source for this: an exception's attributes give "args" (a tuple) and, structural,
 * "errno", "winerror", "strerror", "filename", "filename2" (OSError), "msg", "filename", "lineno" (SyntaxError), "msg"
 * (ImportError), "message", "exceptions" (groups); those that are NULL in the struct left out.  A type's value has
 * the text "<class 'name'>", its own __dict__ as attributes and tp_base as structural "__base__".
 *
 * str() of an exception, from its type and args (KeyError, OSError, SyntaxError,
 * UnicodeDecodeError … as Python prints them); `unknown` when it cannot be known (a __str__ in Python: then what
 * the builtin exception's __str__ would give is appended all the same). */
struct ph_rendered ph_render_message(const struct ph_render *render, ph_addr exception, struct ph_buffer *out);

/* str as Python's repr quotes and escapes it (size bytes of WTF-8), and bytes. */
void ph_quote_str(const char *text, size_t size, struct ph_buffer *out);
/* As 2.7 does: u'…', with all that is not ASCII escaped. */
void ph_quote_unicode(const char *text, size_t size, struct ph_buffer *out);
void ph_quote_bytes(const char *data, size_t size, struct ph_buffer *out);

/* Text for a terminal: control characters and bidirectional overrides escaped; newlines kept when asked. */
void ph_escape_terminal(const char *text, size_t size, bool newlines, struct ph_buffer *out);

/* A whole object as `pyheap print --json` shows it; in the arena. */
struct ph_error *ph_render_object(const struct ph_render *render, ph_addr address, struct ph_arena *arena,
				  struct ph_object *ret) __attribute__((warn_unused_result));

/* What its "value" is: of a str the first `characters`, of bytes the first `bytes` in hexadecimal, a number's text;
 * appended as the redaction has it.  False for an object that has none. */
bool ph_render_value(const struct ph_render *render, const struct ph_value *value, size_t characters, size_t bytes,
		     struct ph_buffer *out, bool *ret_redacted);

/* The same where the text is known without a struct ph_value; true when something was taken out. */
struct ph_render_text {
	const char *text;
	size_t size;	   /* bytes */
	bool cut;	   /* a beginning only */
	bool secret;	   /* the object is marked */
	size_t characters; /* of a str; 0: no bound */
	size_t bytes;	   /* of bytes, 0: it is text */
};
bool ph_render_text(const struct ph_render *render, const struct ph_render_text *text, struct ph_buffer *out);

/* Fill in repr, type, redacted and truncated of a frame's locals (those that have no repr yet), and take secrets out
 * of its source line, which has to be there before; the args, message and notes of an exception, and its traceback's
 * frames alike. */
void ph_render_frame(const struct ph_render *render, struct ph_arena *arena, struct ph_frame *frame);
void ph_render_exception(const struct ph_render *render, struct ph_arena *arena, struct ph_exception *exception);

/* Where a SyntaxError is, without secrets; NULL for any other exception, and when nothing says so. */
const struct ph_syntax *ph_render_syntax(const struct ph_render *render, ph_addr exception, struct ph_arena *arena);

#endif
