/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The waist: one pull interface that a live target (extract) and a dump both
 * implement.  Renderer, redaction, closure and verbs know only this. */
#ifndef RECORD_SOURCE_H
#define RECORD_SOURCE_H

#include "base/arena.h"
#include "record/report.h"
#include "record/value.h"

/* How much of an object to decode. */
struct ph_value_limits {
	size_t children;   /* items, pairs, attributes each; 0: attributes are not even counted */
	size_t characters; /* of a str; bytes of a bytes */
};

struct ph_source_ops {
	/* Fills *ret, always: an address that is no object gives PH_KIND_UNKNOWN with its status. */
	void (*value)(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret);
	/* The frame of a generator, coroutine, frame or traceback object, locals
	 * without repr (address and type only); PH_ABSENT when it has none (finished). */
	enum ph_status (*frame)(void *self, ph_addr address, struct ph_arena *arena, struct ph_frame *ret);
	/* An exception's own parts (see struct ph_exception), args and locals without repr. */
	enum ph_status (*exception)(void *self, ph_addr address, struct ph_arena *arena, struct ph_exception *ret);
	/* These will be asked for soon, in any order, with such limits: a source that is slow where objects lie far
	 * apart may decode them in an order of its own and keep them.  NULL: it does not. */
	void (*expect)(void *self, const ph_addr *addresses, size_t count, const struct ph_value_limits *limits);
	/* Their values are asked for soon, of the near one sooner; 0: none.  It only fetches what is kept of them into the
	 * processor's cache.  NULL: nothing is kept. */
	void (*approach)(void *self, ph_addr far, ph_addr near);
	/* ret[i]: addresses[i] is sure to hold nothing but attributes, and none of them has a name that is wanted.  Told
	 * without decoding, in an order of the source's own.  NULL: it cannot. */
	void (*lack)(void *self, const ph_addr *addresses, size_t count, bool (*is_wanted)(void *user, const char *name),
		     void *user, bool *ret);
};

struct ph_source {
	const struct ph_source_ops *ops;
	void *self;
};

static inline void ph_source_value(const struct ph_source *source, ph_addr address,
				   const struct ph_value_limits *limits, struct ph_value *ret)
{
	source->ops->value(source->self, address, limits, ret);
}

static inline void ph_source_expect(const struct ph_source *source, const ph_addr *addresses, size_t count,
				    const struct ph_value_limits *limits)
{
	if (source->ops->expect)
		source->ops->expect(source->self, addresses, count, limits);
}

#define PH_SOURCE_FAR 16 /* values ahead of the one that is asked for */
#define PH_SOURCE_NEAR 8

static inline void ph_source_approach(const struct ph_source *source, ph_addr far, ph_addr near)
{
	if (source->ops->approach)
		source->ops->approach(source->self, far, near);
}

static inline enum ph_status ph_source_frame(const struct ph_source *source, ph_addr address, struct ph_arena *arena,
					     struct ph_frame *ret)
{
	return source->ops->frame(source->self, address, arena, ret);
}

static inline enum ph_status ph_source_exception(const struct ph_source *source, ph_addr address,
						 struct ph_arena *arena, struct ph_exception *ret)
{
	return source->ops->exception(source->self, address, arena, ret);
}

#endif
