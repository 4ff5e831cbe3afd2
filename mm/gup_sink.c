// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the spans of a request go: what is done with those that are there.
 */
#include <linux/bvec.h>
#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "gup_sink.h"

/*
 * Ranges
 */

/* Is there an entry that may grow? */
static __always_inline bool gup_ranges_may_grow(const struct gup_ranges *ranges)
{
	return ranges->nr > ranges->own;
}

/*
 * How many pages from @page on can become part of the last entry? None if they are not
 * what follows it in its folio. That is pinned, so it stays as it is, and @page is one
 * of its pages or not: nothing else has to be known of it.
 */
static unsigned long gup_ranges_more(const struct gup_ranges *ranges,
				     const struct page *page)
{
	const struct bio_vec *last = &ranges->bvecs[ranges->nr - 1];
	const struct folio *folio;
	unsigned long end;

	end = (unsigned long)last->bv_offset + last->bv_len;
	if (!PAGE_ALIGNED(end) || last->bv_page + (end >> PAGE_SHIFT) != page)
		return 0;
	folio = page_folio(last->bv_page);
	if (folio_page_idx(folio, page) >= folio_nr_pages(folio))
		return 0;
	return ranges->max_pages - min(gup_bvec_pages(last), ranges->max_pages);
}

/**
 * gup_ranges_limit() - is there room for a span?
 * @sink: Where it is to go. It has ranges.
 * @page: First page of the span. It need not be referenced yet.
 * @nr: Number of pages.
 *
 * Return: For how many of the pages there is room.
 */
unsigned long gup_ranges_limit(const struct gup_sink *sink,
			       const struct page *page, unsigned long nr)
{
	const struct gup_ranges *ranges = sink->ranges;
	unsigned long room = ranges->max - ranges->nr;

	room *= ranges->max_pages;
	if (gup_ranges_may_grow(ranges))
		room += gup_ranges_more(ranges, page);
	return min(nr, room);
}

/**
 * gup_ranges_put() - make entries of a span
 * @ranges: Where they go. There is room.
 * @page: First page of the span.
 * @nr: Number of pages.
 */
void gup_ranges_put(struct gup_ranges *ranges, struct page *page,
		    unsigned long nr)
{
	unsigned long part = 0;

	if (gup_ranges_may_grow(ranges)) {
		part = min(nr, gup_ranges_more(ranges, page));
		ranges->bvecs[ranges->nr - 1].bv_len += part << PAGE_SHIFT;
	}
	while (nr -= part) {
		page += part;
		part = min_t(unsigned long, nr, ranges->max_pages);
		bvec_set_page(&ranges->bvecs[ranges->nr++], page,
			      part << PAGE_SHIFT, 0);
	}
}

/* Makes entries of pages that are folios by themselves. Returns the first that is not. */
static struct page **gup_ranges_commit_ordinary(struct gup_ranges *ranges,
						struct page **pages,
						struct page **end)
{
	struct bio_vec *to = ranges->bvecs + ranges->nr;

	for (; pages < end && gup_page_is_ordinary(*pages); pages++)
		bvec_set_page(to++, *pages, PAGE_SIZE, 0);
	ranges->nr = to - ranges->bvecs;
	return pages;
}

/**
 * gup_ranges_commit() - make entries of pages in the room of a sink
 * @ranges: Where they go.
 * @pages: The pages.
 * @nr: How many they are. There is an entry for each.
 *
 * Entries grow towards the pages they are made of. They do not reach a page before
 * it has been read: the room is at the end of the entries, and a page takes no
 * more than half of one.
 */
void gup_ranges_commit(struct gup_ranges *ranges, struct page **pages,
		       unsigned long nr)
{
	struct page **const end = pages + nr;

	BUILD_BUG_ON(sizeof(struct bio_vec) < 2 * sizeof(struct page *));
	for (;;) {
		pages = gup_ranges_commit_ordinary(ranges, pages, end);
		if (pages == end)
			return;
		nr = gup_span_length(pages, end - pages);
		gup_ranges_put(ranges, *pages, nr);
		pages += nr;
	}
}

/* Takes back the last @nr pages, which the request has pinned. */
static void gup_ranges_undo(struct gup_ranges *ranges, unsigned long nr)
{
	unsigned long part;

	for (; nr; nr -= part) {
		struct bio_vec *last = &ranges->bvecs[ranges->nr - 1];

		part = min(nr, gup_bvec_pages(last));
		gup_unpin(page_folio(last->bv_page), part);
		last->bv_len -= part << PAGE_SHIFT;
		if (!last->bv_len)
			ranges->nr--;
	}
}

/*
 * All sinks
 */

/**
 * gup_sink_release() - release pages that are in a sink, and leave a gap
 * @sink: The sink. It has no ranges.
 * @pos: The first of the pages, counted from the beginning of the sink.
 * @nr: Number of pages.
 * @flags: The flags they were taken with: FOLL_GET, FOLL_PIN or neither.
 *
 * Context: Any but NMI. May free pages.
 */
void gup_sink_release(struct gup_sink *sink, unsigned long pos,
		      unsigned long nr, unsigned int flags)
{
	if (!sink->pages)
		return;
	gup_release_range(sink->pages + pos, nr, flags);
	/* The caller must never find a page that is not referenced any more. */
	memset(sink->pages + pos, 0, nr * sizeof(*sink->pages));
}

/**
 * gup_sink_undo() - release what a sink got after a mark
 * @sink: The sink.
 * @mark: An earlier value of gup_sink_nr().
 * @flags: The flags the pages were taken with.
 *
 * Context: Any but NMI. May free pages.
 */
void gup_sink_undo(struct gup_sink *sink, unsigned long mark,
		   unsigned int flags)
{
	if (sink->ranges)
		gup_ranges_undo(sink->ranges, sink->nr - mark);
	else
		gup_sink_release(sink, mark, sink->nr - mark, flags);
	sink->nr = mark;
}

/**
 * gup_sink_next() - look at the pages of one folio in a sink
 * @sink: The sink, of a request for references. It has no ranges.
 * @pos: The first page to look at, counted from the beginning of the sink.
 * @folio: Set to its folio, NULL in a gap that gup_sink_release() has left.
 *
 * Return: How many pages from @pos on are of this folio.
 */
unsigned long gup_sink_next(const struct gup_sink *sink, unsigned long pos,
			    struct folio **folio)
{
	struct page **const pages = sink->pages + pos;

	if (!*pages) {
		*folio = NULL;
		return 1;
	}
	*folio = page_folio(*pages);
	return gup_run_length(pages, sink->nr - pos, *folio);
}

#ifdef CONFIG_GUP_OWNER
/**
 * gup_sink_visit() - look at all folios in a sink
 * @sink: The sink, of a request for references.
 * @visit: Called for each run of pages of a folio, with their number. The last entry
 *	   that the caller had counts as a whole, if the request could extend it.
 * @arg: For @visit.
 */
void gup_sink_visit(const struct gup_sink *sink,
		    void (*visit)(struct folio *folio, unsigned long nr,
				  void *arg),
		    void *arg)
{
	const struct gup_ranges *ranges = sink->ranges;
	unsigned long pos, nr;
	struct folio *folio;

	if (ranges) {
		for (pos = ranges->own; pos < ranges->nr; pos++)
			visit(page_folio(ranges->bvecs[pos].bv_page),
			      gup_bvec_pages(&ranges->bvecs[pos]), arg);
		return;
	}
	for (pos = 0; pos < sink->nr; pos += nr) {
		nr = gup_sink_next(sink, pos, &folio);
		visit(folio, nr, arg);
	}
}
#endif	/* CONFIG_GUP_OWNER */
