/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/damage.h"

#include "unit/check.h"

static void test_folding(void)
{
	struct ph_damage d = { 0 };
	CHECK(!ph_damage_is_serious(&d));
	ph_damage_add(&d, PH_DAMAGE_HEAP, "dict at 0x10", "%d entries", 3);
	ph_damage_add(&d, PH_DAMAGE_HEAP, "dict at 0x10", "%d entries", 3);
	ph_damage_add(&d, PH_DAMAGE_HEAP, "dict at 0x10", "%d entries", 4);
	ph_damage_add(&d, PH_DAMAGE_HEAP, "dict at 0x20", "%d entries", 3);
	CHECK_EQ(d.count, 3);
	CHECK_EQ(d.entries[0].count, 2);
	CHECK_STR(d.entries[0].where, "dict at 0x10");
	CHECK_STR(d.entries[0].what, "3 entries");
	CHECK_EQ(d.entries[2].count, 1);
	CHECK(!ph_damage_is_serious(&d));
	/* the same words of another kind are another entry: one is serious */
	ph_damage_add(&d, PH_DAMAGE_REPORT, "dict at 0x10", "%d entries", 3);
	CHECK_EQ(d.count, 4);
	CHECK(ph_damage_is_serious(&d));
	ph_damage_deinit(&d);
	CHECK_EQ(d.count, 0);
	ph_damage_deinit(&d);
}

static void test_bound(void)
{
	struct ph_damage d = { 0 };
	char where[32];
	for (int i = 0; i < PH_DAMAGE_MAXIMUM + 10; i++) {
		snprintf(where, sizeof(where), "segment %d", i);
		ph_damage_add(&d, PH_DAMAGE_HEAP, where, "missing");
	}
	CHECK_EQ(d.count, PH_DAMAGE_MAXIMUM);
	CHECK_EQ(d.dropped, 10);
	/* what is known is counted still */
	ph_damage_add(&d, PH_DAMAGE_HEAP, "segment 0", "missing");
	CHECK_EQ(d.entries[0].count, 2);
	CHECK_EQ(d.dropped, 10);
	ph_damage_deinit(&d);
}

static void test_image(void)
{
	struct ph_damage d = { 0 };
	ph_damage_add(&d, PH_DAMAGE_IMAGE, "segment 0x1000", "12 bytes missing");
	CHECK(ph_damage_is_serious(&d));
	ph_damage_deinit(&d);
}

int main(void)
{
	test_folding();
	test_bound();
	test_image();
	return CHECK_DONE();
}
