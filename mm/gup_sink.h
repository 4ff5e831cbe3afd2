/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the spans of a request go. Only this file and gup_sink.c know what is in
 * a sink: another kind of sink is a change of these two.
 *
 * What is in a sink is referenced, if the flags of the request ask for
 * references. Behind it the caller's array has what the caller had there, or
 * NULL: nothing is stored before it is known to stay, and what is undone is
 * cleared.
 */
#ifndef _MM_GUP_SINK_H
#define _MM_GUP_SINK_H

#include <linux/bvec.h>
#include <linux/highmem.h>

#include "gup_ref.h"

/**
 * struct gup_ranges - entries of struct bio_vec, as spans go into them
 * @bvecs: The entries. What is behind those in use is scratch space.
 * @nr: How many are in use, those that the caller had included.
 * @max: How many there are.
 * @max_pages: How many pages an entry may have.
 * @own: The first entry that may grow: the last one that the caller had, or the
 *	 first that the request makes.
 *
 * While the request lasts, an entry that it has made is of whole pages.
 */
struct gup_ranges {
	struct bio_vec *bvecs;
	unsigned int nr;
	unsigned int max;
	unsigned int max_pages;
	unsigned int own;
};

/**
 * struct gup_sink - where spans go
 * @pages: The caller's array, NULL if there is none.
 * @ranges: The caller's ranges, NULL if there are none. With neither the caller
 *	    only wants the memory faulted in.
 * @nr: Number of pages that are in the sink.
 * @acquired: Pins taken but not yet counted in NR_FOLL_PIN_ACQUIRED.
 */
struct gup_sink {
	struct page **pages;
	struct gup_ranges *ranges;
	unsigned long nr;
	struct gup_pin_stat acquired;
};

/* mm/gup_sink.c */
void gup_sink_undo(struct gup_sink *sink, unsigned long mark,
		   unsigned int flags);
void gup_sink_release(struct gup_sink *sink, unsigned long pos,
		      unsigned long nr, unsigned int flags);
unsigned long gup_sink_next(const struct gup_sink *sink, unsigned long pos,
			    struct folio **folio);
void gup_sink_visit(const struct gup_sink *sink,
		    void (*visit)(struct folio *folio, unsigned long nr,
				  void *arg),
		    void *arg);
unsigned long gup_ranges_limit(const struct gup_sink *sink,
			       const struct page *page, unsigned long nr);
void gup_ranges_put(struct gup_ranges *ranges, struct page *page,
		    unsigned long nr);
void gup_ranges_commit(struct gup_ranges *ranges, struct page **pages,
		       unsigned long nr);

/* All members are named: nothing is cleared only to be set again. */
static __always_inline struct gup_sink gup_sink_init(struct page **pages)
{
	return (struct gup_sink) {
		.pages = pages,
		.ranges = NULL,
		.nr = 0,
		.acquired.nid = numa_node_id(),
		.acquired.nr = 0,
	};
}

static __always_inline struct gup_sink
gup_sink_init_ranges(struct gup_ranges *ranges)
{
	struct gup_sink sink = gup_sink_init(NULL);

	sink.ranges = ranges;
	return sink;
}

/* How many pages are in the sink: the progress of the request. */
static __always_inline unsigned long gup_sink_nr(const struct gup_sink *sink)
{
	return sink->nr;
}

/* Does the caller want the pages, or only their faults? */
static __always_inline bool gup_sink_wants_pages(const struct gup_sink *sink)
{
	return sink->pages || sink->ranges;
}

static __always_inline bool gup_sink_has_ranges(const struct gup_sink *sink)
{
	return sink->ranges;
}

/* For how many of the next @nr pages is there room, whatever they are? */
static __always_inline unsigned long
gup_sink_limit(const struct gup_sink *sink, unsigned long nr)
{
	if (likely(!sink->ranges))
		return nr;
	return min_t(unsigned long, nr, sink->ranges->max - sink->ranges->nr);
}

/*
 * The same if they are a span that begins with @page, which may be anything as long
 * as it is not referenced.
 */
static __always_inline unsigned long
gup_sink_limit_span(const struct gup_sink *sink, const struct page *page,
		    unsigned long nr)
{
	if (!sink->ranges)
		return nr;
	return gup_ranges_limit(sink, page, nr);
}

/**
 * struct gup_room - room for the next pages of a sink
 * @end: Behind the last of them.
 *
 * For loops over page table entries. They count entries from the end, -1 being
 * the last, and what they leave in the room counts only when it is committed.
 *
 * With ranges, the room is at the end of the entries that are not in use.
 */
struct gup_room {
	struct page **end;
};

/* Room for @nr pages, within gup_sink_limit(). The sink must want pages. */
static __always_inline struct gup_room
gup_sink_room(const struct gup_sink *sink, unsigned long nr)
{
	struct page **end = sink->pages + sink->nr + nr;

	if (unlikely(sink->ranges))
		end = (void *)(sink->ranges->bvecs + sink->ranges->max);
	/* Loops are to keep this, not the three values it is the sum of. */
	OPTIMIZER_HIDE_VAR(end);
	return (struct gup_room) { .end = end };
}

/* The array of the last @nr pages of the room. */
static __always_inline struct page **gup_room_array(struct gup_room room,
						    unsigned long nr)
{
	return room.end - nr;
}

static __always_inline void gup_room_put(struct gup_room room, long at,
					 struct page *page)
{
	room.end[at] = page;
}

/*
 * The next pages are in the sink: if it wants any, they are in its room, from the
 * first, at @from, up to @to.
 */
static __always_inline void gup_sink_commit(struct gup_sink *sink, long from,
					    long to)
{
	sink->nr += to - from;
	if (unlikely(sink->ranges))
		gup_ranges_commit(sink->ranges,
				  gup_sink_room(sink, 0).end + from, to - from);
}

/* Two instructions a page: to compute it and to store it. */
static __always_inline void gup_store_pages(struct page **out,
					    struct page *page, unsigned long nr)
{
	struct page **end;
	unsigned int i;

	/* One page is common: it is not to pay for loops. */
	if (nr == 1) {
		*out = page;
		return;
	}
	end = out + nr;
	for (; end - out >= GUP_PAGES_BATCH; out += GUP_PAGES_BATCH) {
		unrolled_full
		for (i = 0; i < GUP_PAGES_BATCH; i++)
			out[i] = page + i;
		page += GUP_PAGES_BATCH;
	}
	while (out < end)
		*out++ = page++;
}

/**
 * gup_sink_put() - put a span into the sink
 * @sink: The sink.
 * @page: First page of the span.
 * @nr: Number of pages.
 *
 * The span has been referenced, and it stays.
 */
static __always_inline void gup_sink_put(struct gup_sink *sink,
					 struct page *page, unsigned long nr)
{
	unsigned long pos = sink->nr;

	sink->nr = pos + nr;
	if (likely(sink->pages))
		gup_store_pages(sink->pages + pos, page, nr);
	else if (sink->ranges)
		gup_ranges_put(sink->ranges, page, nr);
}

/**
 * gup_sink_flush_caches() - prepare the kernel's accesses to pages
 * @sink: The sink. It has no ranges.
 * @mark: The first of the pages, counted from the beginning of the sink.
 * @vma: The VMA they were found in.
 * @addr: Address of the first.
 *
 * Context: Page table locks are not held: some architectures take locks that
 * nest outside them.
 */
static inline void gup_sink_flush_caches(const struct gup_sink *sink,
					 unsigned long mark,
					 struct vm_area_struct *vma,
					 unsigned long addr)
{
	if (!sink->pages)
		return;
	for (; mark < sink->nr; mark++, addr += PAGE_SIZE) {
		struct page *page = sink->pages[mark];

		flush_anon_page(vma, page, addr);
		flush_dcache_page(page);
	}
}

#endif	/* _MM_GUP_SINK_H */
