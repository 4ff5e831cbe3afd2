// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the spans of a request go: what is done with those that are there.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "gup_sink.h"

/**
 * gup_sink_release() - release pages that are in a sink, and leave a gap
 * @sink: The sink.
 * @pos: The first of the pages, counted from the beginning of the sink.
 * @nr: Number of pages.
 * @flags: The flags they were taken with: FOLL_GET, FOLL_PIN or neither.
 *
 * Context: Any but NMI. May free pages.
 */
void gup_sink_release(struct gup_sink *sink, unsigned long pos,
		      unsigned long nr, unsigned int flags)
{
	if (!gup_sink_wants_pages(sink))
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
 * Context: Any but NMI; for FOLL_GET any. May free pages.
 */
void gup_sink_undo(struct gup_sink *sink, unsigned long mark,
		   unsigned int flags)
{
	gup_sink_release(sink, mark, sink->nr - mark, flags);
	sink->nr = mark;
}

/**
 * gup_sink_next() - look at the pages of one folio in a sink
 * @sink: The sink, of a request for references.
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
