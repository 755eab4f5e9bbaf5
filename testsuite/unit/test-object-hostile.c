/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects that lie: each must give a value that says so, in bounded time. */
#include "heapmaker.h"

#include "check.h"

static const struct ph_value_limits limits = { .children = 1000, .characters = 1000 };
static struct ph_value value;

static void decode(struct heap *h, ph_addr address)
{
	ph_object_value(h->objects, address, &limits, &value);
	CHECK(value.text != NULL);
	CHECK(value.open && value.close && value.recursive);
}

static void test_addresses(struct heap *h)
{
	static const ph_addr odd[] = { 0, 1, 7, HEAP_BASE - 8, HEAP_BASE + HEAP_SIZE - 4, UINT64_MAX, UINT64_MAX - 7, 64 };
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		decode(h, odd[i]);
		CHECK_EQ(value.kind, PH_KIND_UNKNOWN);
		CHECK(value.status != PH_OK);
	}
	/* its type is itself, and is not type */
	ph_addr self = heap_object(h, 0, 888);
	heap_set(h, self, PH_PyObject_ob_type, self);
	decode(h, self);
	CHECK_EQ(value.kind, PH_KIND_UNKNOWN);
	/* types in a circle */
	ph_addr a = heap_type(h, "a", 0, PH_TRAIT_TPFLAG_TYPE_SUBCLASS, 888);
	ph_addr b = heap_type(h, "b", 0, PH_TRAIT_TPFLAG_TYPE_SUBCLASS, 888);
	heap_set(h, a, PH_PyObject_ob_type, b);
	heap_set(h, b, PH_PyObject_ob_type, a);
	decode(h, heap_object(h, a, 64));
	CHECK_EQ(value.kind, PH_KIND_UNKNOWN);
	/* bases in a circle */
	a = heap_type(h, "c", 0, PH_TRAIT_TPFLAG_READY, 16);
	b = heap_type(h, "d", a, PH_TRAIT_TPFLAG_READY, 16);
	heap_set(h, a, PH_PyTypeObject_tp_base, b);
	decode(h, heap_object(h, a, 64));
	CHECK(value.kind == PH_KIND_OTHER || value.kind == PH_KIND_UNKNOWN);
	/* a long chain of bases */
	ph_addr base = h->object;
	for (unsigned i = 0; i < 300; i++)
		base = heap_type(h, "e", base, PH_TRAIT_TPFLAG_READY, 16);
	decode(h, heap_object(h, base, 64));
	/* a basicsize of less than nothing */
	a = heap_type(h, "f", h->object, PH_TRAIT_TPFLAG_READY, -5);
	decode(h, heap_object(h, a, 64));
	CHECK_EQ(value.kind, PH_KIND_UNKNOWN);
}

static void test_int(struct heap *h)
{
	ph_addr type = heap_type(h, "int", h->object, PH_TRAIT_TPFLAG_LONG_SUBCLASS, 24);
	ph_addr object = heap_object(h, type, 64);
	bool tagged = ph_target_trait(&h->target, PH_TRAIT_INT_SIGN_IN_TAG) == 1;
	enum ph_field size = tagged ? PH_PyLongObject_lv_tag : PH_PyVarObject_ob_size;
	int64_t number;
	heap_set(h, object, size, tagged ? 2 << 3 | 2 : (uint64_t)-2);
	heap_put(h, ph_target_at(&h->target, object, PH_PyLongObject_ob_digit), 5, 4);
	heap_put(h, ph_target_at(&h->target, object, PH_PyLongObject_ob_digit) + 4, 1, 4);
	decode(h, object);
	CHECK_EQ(value.kind, PH_KIND_INT);
	CHECK_STR(value.text, "-1073741829");
	CHECK_STR(value.scalar, "-1073741829");
	CHECK_EQ(ph_int_get(h->objects, object, &number), PH_OK);
	CHECK_EQ(number, -1073741829);
	static const uint64_t counts[] = { 1 << 16, 1 << 20, UINT64_C(1) << 40, UINT64_MAX >> 4, INT64_MAX };
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		heap_set(h, object, size, tagged ? counts[i] << 3 : counts[i]);
		decode(h, object);
		CHECK(value.status != PH_OK);
		CHECK(value.text_size < 100);
		CHECK(ph_int_get(h->objects, object, &number) != PH_OK);
	}
	heap_set(h, object, PH_PyVarObject_ob_size, UINT64_C(1) << 63);
	decode(h, object);
	/* a digit of more than 30 bits */
	heap_set(h, object, size, tagged ? 1 << 3 : 1);
	heap_put(h, ph_target_at(&h->target, object, PH_PyLongObject_ob_digit), 0xffffffff, 4);
	decode(h, object);
	CHECK_EQ(value.status, PH_CORRUPT);
}

static void test_sequences(struct heap *h)
{
	ph_addr list_type = heap_type(h, "list", h->object, PH_TRAIT_TPFLAG_LIST_SUBCLASS, 40);
	ph_addr tuple_type = heap_type(h, "tuple", h->object, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS, 24);
	ph_addr list = heap_object(h, list_type, 64), tuple = heap_object(h, tuple_type, 64), items;
	static const int64_t sizes[] = { -1, INT64_MIN, INT64_MAX, INT64_C(1) << 48, INT64_C(1) << 61, 1919247987 };
	size_t count;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		heap_set(h, list, PH_PyVarObject_ob_size, (uint64_t)sizes[i]);
		heap_set(h, list, PH_PyListObject_ob_item, list);
		heap_set(h, list, PH_PyListObject_allocated, (uint64_t)sizes[i]);
		heap_set(h, tuple, PH_PyVarObject_ob_size, (uint64_t)sizes[i]);
		decode(h, list);
		CHECK(value.status != PH_OK);
		CHECK_EQ(value.item_count, 0);
		decode(h, tuple);
		CHECK(value.status != PH_OK);
		CHECK(ph_sequence_items(h->objects, tuple, &items, &count) != PH_OK);
		CHECK_EQ(ph_sequence_item(h->objects, list, 3), 0);
	}
	/* a list that holds itself, and claims to be allocated beyond reason */
	heap_set(h, list, PH_PyVarObject_ob_size, 1);
	heap_put(h, list + 48, list, 8);
	heap_set(h, list, PH_PyListObject_ob_item, list + 48);
	heap_set(h, list, PH_PyListObject_allocated, INT64_MAX);
	decode(h, list);
	CHECK_EQ(value.status, PH_OK);
	CHECK_EQ(value.item_count, 1);
	CHECK_EQ(value.items[0], list);
	CHECK_STR(value.recursive, "[...]");
	CHECK_EQ(value.size, -1);
}

static void test_str(struct heap *h)
{
	ph_addr type = heap_type(h, "str", h->object, PH_TRAIT_TPFLAG_UNICODE_SUBCLASS, 48);
	ph_addr object = heap_object(h, type, 256);
	const struct ph_target *t = &h->target;
	uint64_t compact = UINT64_C(1) << ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT);
	uint64_t ascii = UINT64_C(1) << ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT);
	unsigned kind = (unsigned)ph_target_trait(t, PH_TRAIT_STR_KIND_SHIFT);
	size_t head = ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject);
	heap_set(h, object, PH_PyASCIIObject_state, compact | ascii | UINT64_C(1) << kind);
	heap_set(h, object, PH_PyASCIIObject_length, 3);
	memcpy(h->bytes + (object + head - HEAP_BASE), "a\xff" "c", 4);
	decode(h, object); /* not ASCII at all: read as Latin-1 */
	CHECK_STR(value.text, "a\xc3\xbf" "c");
	CHECK_EQ(value.form, PH_FORM_STR);
	static const uint64_t lengths[] = { UINT64_MAX, INT64_MAX, UINT64_C(1) << 40, UINT64_C(1) << 47, HEAP_SIZE };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		heap_set(h, object, PH_PyASCIIObject_length, lengths[i]);
		decode(h, object);
		CHECK(value.status != PH_OK);
		CHECK(!ph_str_equals(h->objects, object, "abc"));
	}
	for (uint64_t k = 0; k < 8; k++) {
		heap_set(h, object, PH_PyASCIIObject_length, 2);
		heap_set(h, object, PH_PyASCIIObject_state, k << kind | (k & 1 ? compact : 0));
		decode(h, object);
	}
	/* characters beyond Unicode */
	heap_set(h, object, PH_PyASCIIObject_state, compact | UINT64_C(4) << kind);
	heap_put(h, object + ph_target_sizeof(t, PH_SIZEOF_PyCompactUnicodeObject), 0x7fffffff7fffffff, 8);
	decode(h, object);
	CHECK_STR(value.text, "\xef\xbf\xbd\xef\xbf\xbd");
}

/* An empty dict whose keys object is at *ret_keys. */
static ph_addr make_dict(struct heap *h, ph_addr type, ph_addr *ret_keys)
{
	ph_addr dict = heap_object(h, type, 128), keys = heap_alloc(h, 512);
	heap_set(h, dict, PH_PyDictObject_ma_keys, keys);
	heap_set(h, dict, PH_PyDictObject_ma_used, 1);
	heap_set(h, keys, PH_PyDictKeysObject_dk_refcnt, 1);
	heap_set(h, keys, PH_PyDictKeysObject_dk_size, 8);
	heap_set(h, keys, PH_PyDictKeysObject_dk_log2_size, 3);
	heap_set(h, keys, PH_PyDictKeysObject_dk_log2_index_bytes, 3);
	heap_set(h, keys, PH_PyDictKeysObject_dk_nentries, 2);
	ph_addr entry = ph_target_at(&h->target, keys, PH_PyDictKeysObject_dk_indices) + 8 +
			ph_target_sizeof(&h->target, PH_SIZEOF_PyDictKeyEntry); /* the first is deleted */
	heap_set(h, entry, PH_PyDictKeyEntry_me_key, dict);
	heap_set(h, entry, PH_PyDictKeyEntry_me_value, keys);
	*ret_keys = keys;
	return dict;
}

static void test_dict(struct heap *h)
{
	ph_addr type = heap_type(h, "dict", h->object, PH_TRAIT_TPFLAG_DICT_SUBCLASS, 48), keys;
	ph_addr dict = make_dict(h, type, &keys);
	decode(h, dict);
	CHECK_EQ(value.status, PH_OK);
	CHECK_EQ(value.pair_count, 1);
	CHECK_EQ(value.pairs[0].key, dict);
	static const struct { enum ph_field field; uint64_t lie; bool of_keys; } lies[] = {
		{ PH_PyDictKeysObject_dk_nentries, UINT64_MAX, true },
		{ PH_PyDictKeysObject_dk_nentries, 9, true },
		{ PH_PyDictKeysObject_dk_nentries, INT64_MAX, true },
		{ PH_PyDictKeysObject_dk_size, 0, true },
		{ PH_PyDictKeysObject_dk_size, 7, true },
		{ PH_PyDictKeysObject_dk_size, UINT64_C(1) << 63, true },
		{ PH_PyDictKeysObject_dk_log2_size, 255, true },
		{ PH_PyDictKeysObject_dk_log2_size, 63, true },
		{ PH_PyDictKeysObject_dk_log2_index_bytes, 255, true },
		{ PH_PyDictKeysObject_dk_log2_index_bytes, 0, true },
		{ PH_PyDictObject_ma_keys, 0, false },
		{ PH_PyDictObject_ma_keys, HEAP_BASE + HEAP_SIZE - 8, false },
		{ PH_PyDictObject_ma_used, UINT64_MAX, false },
		{ PH_PyDictObject_ma_used, 1000, false },
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		if (!ph_target_has(&h->target, lies[i].field))
			continue;
		dict = make_dict(h, type, &keys);
		heap_set(h, lies[i].of_keys ? keys : dict, lies[i].field, lies[i].lie);
		decode(h, dict);
		CHECK(value.status != PH_OK);
		CHECK_EQ(value.pair_count, 0);
		CHECK_EQ(ph_dict_get(h->objects, dict, "key"), 0);
	}
	/* split values at the very start of memory, where the order would be before it */
	dict = make_dict(h, type, &keys);
	heap_set(h, dict, PH_PyDictObject_ma_values, HEAP_BASE);
	decode(h, dict);
	heap_set(h, dict, PH_PyDictObject_ma_values, HEAP_BASE + HEAP_SIZE - 1);
	decode(h, dict);
	CHECK(value.status != PH_OK);
}

static void test_set(struct heap *h)
{
	ph_addr type = heap_type(h, "set", h->object, PH_TRAIT_TPFLAG_READY, 200);
	ph_addr set = heap_object(h, type, 256);
	static const uint64_t masks[] = { 6, UINT64_MAX, INT64_MAX, (UINT64_C(1) << 40) - 1, (1 << 20) - 1 };
	heap_set(h, set, PH_PySetObject_table, ph_target_at(&h->target, set, PH_PySetObject_smalltable));
	heap_set(h, set, PH_PySetObject_used, 3);
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		heap_set(h, set, PH_PySetObject_mask, masks[i]);
		decode(h, set);
		CHECK(value.status != PH_OK);
	}
	heap_set(h, set, PH_PySetObject_mask, 7); /* none of the three is there */
	decode(h, set);
	CHECK_EQ(value.status, PH_OK);
	CHECK_EQ(value.item_count, 0);
	heap_set(h, set, PH_PySetObject_used, UINT64_MAX);
	decode(h, set);
	CHECK(value.status != PH_OK);
}

static void test_links(struct heap *h)
{
	ph_addr deque_type = heap_type(h, "collections.deque", h->object, PH_TRAIT_TPFLAG_READY, 80);
	ph_addr deque = heap_object(h, deque_type, 128);
	ph_addr block = heap_alloc(h, ph_target_sizeof(&h->target, PH_SIZEOF_BLOCK));
	heap_set(h, block, PH_BLOCK_rightlink, block);
	heap_set(h, deque, PH_dequeobject_leftblock, block);
	heap_set(h, deque, PH_dequeobject_maxlen, UINT64_MAX);
	heap_set(h, deque, PH_PyVarObject_ob_size, UINT64_C(1) << 39);
	decode(h, deque); /* a circle of blocks: no more than was asked for */
	CHECK(value.item_count <= limits.children);
	heap_set(h, deque, PH_dequeobject_leftindex, 64);
	decode(h, deque);
	CHECK(value.status != PH_OK);
	heap_set(h, deque, PH_dequeobject_leftindex, 0);
	heap_set(h, deque, PH_PyVarObject_ob_size, UINT64_MAX);
	decode(h, deque);
	CHECK(value.status != PH_OK);

	ph_addr dict_type = heap_type(h, "dict", h->object, PH_TRAIT_TPFLAG_DICT_SUBCLASS, 48), keys;
	ph_addr type = heap_type(h, "collections.OrderedDict", dict_type, PH_TRAIT_TPFLAG_DICT_SUBCLASS, 104);
	ph_addr dict = make_dict(h, type, &keys), node = heap_alloc(h, 64);
	heap_set(h, dict, PH_PyODictObject_od_first, node);
	heap_set(h, node, PH_odictnode_key, dict);
	heap_set(h, node, PH_odictnode_next, node);
	decode(h, dict);
	CHECK(value.part_count <= 1);
	CHECK_EQ(value.pair_count, 1);
	heap_set(h, node, PH_odictnode_key, node); /* a key that the dict has not; its indices are all taken */
	decode(h, dict);
	CHECK_EQ(value.part_count, 0);
}

static void test_version(uint8_t minor)
{
	struct heap h;
	bool open = heap_open(&h, (struct ph_version){ .major = 3, .minor = minor, .micro = 1, .level = 0xf });
	CHECK(open);
	if (open) {
		test_addresses(&h);
		test_int(&h);
		test_sequences(&h);
		test_str(&h);
		test_dict(&h);
		test_set(&h);
		test_links(&h);
	}
	heap_close(&h);
}

int main(void)
{
	for (uint8_t minor = 8; minor <= 13; minor++)
		test_version(minor);
	ph_value_deinit(&value);
	return CHECK_DONE();
}
