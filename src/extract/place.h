/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXTRACT_PLACE_H
#define EXTRACT_PLACE_H

#include "extract/extract.h"
#include "record/place.h"

/* What addresses of a target are; borrows the extract, whose report has to be made for the names of threads. */
struct ph_places;

/* Finds every object first. */
struct ph_error *ph_places_create(struct ph_extract *extract, struct ph_places **ret)
	__attribute__((warn_unused_result));
void ph_places_free(struct ph_places *places);

/* Strings go into the arena. */
struct ph_error *ph_places_find(struct ph_places *places, ph_addr address, struct ph_arena *arena, struct ph_place *ret)
	__attribute__((warn_unused_result));

#endif
