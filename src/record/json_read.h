/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading JSON that is not trusted: json-c behind a few accessors that take
 * whatever is there for "unknown" when it is of another type. */
#ifndef RECORD_JSON_READ_H
#define RECORD_JSON_READ_H

#include "base/arena.h"
#include "base/error.h"
#include "base/types.h"

#include <json-c/json.h>

#define PH_JSON_READ_MAXIMUM ((size_t)512 << 20) /* bytes of text */
#define PH_JSON_READ_DEPTH 128

/* `what` names the text in the error (PH_ERROR_BAD_DUMP): "report.json".  Lone surrogates come back as WTF-8
 * and \u0000 as C0 80.  Release with json_object_put(). */
struct ph_error *ph_json_read(const char *text, size_t size, const char *what, struct json_object **ret)
	__attribute__((warn_unused_result));

static inline void ph_json_put_cleanup(struct json_object **object)
{
	json_object_put(*object);
}
#define ph_auto_json_object ph_cleanup(ph_json_put_cleanup)

/* All take a NULL object. */
struct json_object *ph_json_get(struct json_object *object, const char *key);
struct json_object *ph_json_get_array(struct json_object *object, const char *key, size_t *ret_count);
const char *ph_json_as_string(struct ph_arena *arena, struct json_object *value);
const char *ph_json_get_string(struct ph_arena *arena, struct json_object *object, const char *key);
int64_t ph_json_get_int(struct json_object *object, const char *key, int64_t unknown);
uint64_t ph_json_get_uint(struct json_object *object, const char *key);
bool ph_json_get_bool(struct json_object *object, const char *key);
/* "0x…"; 0 for anything else. */
ph_addr ph_json_as_address(struct json_object *value);
ph_addr ph_json_get_address(struct json_object *object, const char *key);
/* The index of the string in names, -1 when it is none of them. */
int ph_json_get_name(struct json_object *object, const char *key, const char *const *names, size_t count);

#endif
