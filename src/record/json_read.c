/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/json_read.h"
#include "base/cleanup.h"
#include "record/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool hex4(const char *p, size_t left, uint32_t *ret)
{
	uint32_t v = 0;
	if (left < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return false;
		v = v << 4 | (uint32_t)(isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	}
	*ret = v;
	return true;
}

/* json-c replaces lone surrogates and C strings end at a NUL: both escapes become bytes, which json-c lets
 * through.  Never longer than before; returns the new size. */
static size_t unescape(char *text, size_t size)
{
	size_t to = 0, n;
	for (size_t i = 0; i < size; i += n) {
		uint32_t c, low;
		n = 1;
		if (text[i] == '\\' && i + 1 < size) {
			n = 2;
			if (text[i + 1] == 'u' && hex4(text + i + 2, size - i - 2, &c)) {
				n = 6;
				bool pair = c >= 0xd800 && c < 0xdc00 && size - i >= 12 && text[i + 6] == '\\' &&
					    text[i + 7] == 'u' && hex4(text + i + 8, 4, &low) && low >= 0xdc00 &&
					    low < 0xe000;
				if (pair)
					n = 12;
				if (!pair && ph_text_is_surrogate(c)) {
					text[to++] = (char)(0xe0 | c >> 12);
					text[to++] = (char)(0x80 | (c >> 6 & 0x3f));
					text[to++] = (char)(0x80 | (c & 0x3f));
					continue;
				}
				if (!c) {
					text[to++] = (char)0xc0;
					text[to++] = (char)0x80;
					continue;
				}
			}
		}
		memmove(text + to, text + i, n);
		to += n;
	}
	return to;
}

struct ph_error *ph_json_read(const char *text, size_t size, const char *what, struct json_object **ret)
{
	if (size > PH_JSON_READ_MAXIMUM)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s is larger than %zu bytes", what, PH_JSON_READ_MAXIMUM);
	ph_auto_free char *copy = malloc(size + 1);
	if (!copy)
		return &ph_error_no_memory;
	memcpy(copy, text, size);
	size = unescape(copy, size);
	copy[size] = '\0';
	struct json_tokener *tokener = json_tokener_new_ex(PH_JSON_READ_DEPTH);
	if (!tokener)
		return &ph_error_no_memory;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	struct json_object *object = json_tokener_parse_ex(tokener, copy, (int)size + 1);
	enum json_tokener_error status = json_tokener_get_error(tokener);
	size_t end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (status == json_tokener_success && json_object_is_type(object, json_type_object)) {
		*ret = object;
		return NULL;
	}
	json_object_put(object);
	return ph_error_create(PH_ERROR_BAD_DUMP, "%s is not what it should be: %s at byte %zu", what,
			       status == json_tokener_success ? "no object" : json_tokener_error_desc(status), end);
}

struct json_object *ph_json_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	if (!object || !json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_get_ex(object, key, &value);
	return value;
}

struct json_object *ph_json_get_array(struct json_object *object, const char *key, size_t *ret_count)
{
	struct json_object *array = ph_json_get(object, key);
	bool is_array = array && json_object_is_type(array, json_type_array);
	*ret_count = is_array ? json_object_array_length(array) : 0;
	return is_array ? array : NULL;
}

const char *ph_json_as_string(struct ph_arena *arena, struct json_object *value)
{
	if (!value || !json_object_is_type(value, json_type_string))
		return NULL;
	return ph_text_copy(arena, json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

const char *ph_json_get_string(struct ph_arena *arena, struct json_object *object, const char *key)
{
	return ph_json_as_string(arena, ph_json_get(object, key));
}

int64_t ph_json_get_int(struct json_object *object, const char *key, int64_t unknown)
{
	struct json_object *value = ph_json_get(object, key);
	return value && json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : unknown;
}

uint64_t ph_json_get_uint(struct json_object *object, const char *key)
{
	struct json_object *value = ph_json_get(object, key);
	return value && json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

bool ph_json_get_bool(struct json_object *object, const char *key)
{
	struct json_object *value = ph_json_get(object, key);
	return value && json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

ph_addr ph_json_as_address(struct json_object *value)
{
	if (!value || !json_object_is_type(value, json_type_string))
		return 0;
	const char *text = json_object_get_string(value);
	size_t size = (size_t)json_object_get_string_len(value);
	if (size < 3 || size > 18 || text[0] != '0' || text[1] != 'x' ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != size - 2)
		return 0;
	return strtoull(text + 2, NULL, 16);
}

ph_addr ph_json_get_address(struct json_object *object, const char *key)
{
	return ph_json_as_address(ph_json_get(object, key));
}

int ph_json_get_name(struct json_object *object, const char *key, const char *const *names, size_t count)
{
	struct json_object *value = ph_json_get(object, key);
	if (!value || !json_object_is_type(value, json_type_string))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (names[i] && !strcmp(names[i], json_object_get_string(value)))
			return (int)i;
	return -1;
}
