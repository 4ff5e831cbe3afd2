/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References of get_user_pages: what taking and releasing them means.
 *
 * Nothing here knows of requests, page tables or where pages go.
 */
#ifndef _MM_GUP_REF_H
#define _MM_GUP_REF_H

#include <linux/bvec.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/prefetch.h>
#include <linux/unroll.h>
#include <linux/vmstat.h>

#include "internal.h"

/*
 * A span is a run of consecutive pages of one folio at consecutive user
 * addresses. It is passed around as (page, nr): the first page and the number
 * of pages. One span costs one update of the folio's reference count.
 */

/**
 * struct gup_pin_stat - pins of one node not yet in its statistics
 * @nid: The node; before the first pin, where that is likely to be.
 * @nr: Number of pages.
 */
struct gup_pin_stat {
	int nid;
	long nr;
};

/**
 * struct gup_longterm - what was found out for FOLL_LONGTERM
 * @unpinnable: A page of the request must not stay pinned where it is.
 * @block: Pageblock of the last folio that may, in units of pageblocks.
 * @zone: Its zone; a pageblock may belong to several.
 *
 * Neighbours mostly lie in one pageblock, and what it is for is costly to look
 * up. It may change at any time, after the look-up as well as before.
 */
struct gup_longterm {
	bool unpinnable;
	unsigned long block;
	enum zone_type zone;
};

/* mm/gup_ref.c */
void gup_stat_flush_node(struct gup_pin_stat *stat, enum node_stat_item item);
void gup_stat_change_node(struct gup_pin_stat *stat, int nid,
			  enum node_stat_item item);
void gup_unpin(struct folio *folio, unsigned long nr);
void gup_release_range(struct page **pages, unsigned long nr,
		       unsigned int flags);
void gup_warn_refcount(struct folio *folio);
bool gup_longterm_look_up(struct gup_longterm *longterm, struct folio *folio);

static __always_inline void gup_stat_flush(struct gup_pin_stat *stat,
					   enum node_stat_item item)
{
	if (stat->nr)
		gup_stat_flush_node(stat, item);
}

static __always_inline void gup_stat_add(struct gup_pin_stat *stat, int nid,
					 long nr, enum node_stat_item item)
{
	if (unlikely(stat->nid != nid))
		gup_stat_change_node(stat, nid, item);
	stat->nr += nr;
}

/*
 * fork() has to know that pins may exist before the first one does. The flag
 * shares its cache line with all of the mm's flags: write it only once.
 */
static inline void gup_set_has_pinned(struct mm_struct *mm)
{
	if (!mm_flags_test(MMF_HAS_PINNED, mm))
		mm_flags_set(MMF_HAS_PINNED, mm);
}

/*
 * What a pageblock is for may change: it is not to be remembered over a wait that has
 * no limit, such as a page fault or one for mmap_lock.
 */
static __always_inline void gup_longterm_forget(struct gup_longterm *longterm)
{
	longterm->block = ULONG_MAX;
}

/* May @folio, referenced or mapped by a locked entry, stay pinned for long? */
static __always_inline bool gup_longterm_pinnable(struct gup_longterm *longterm,
						  struct folio *folio)
{
	return (folio_pfn(folio) >> pageblock_order == longterm->block &&
		folio_zonenum(folio) == longterm->zone) ||
	       gup_longterm_look_up(longterm, folio);
}

/* The folio of a page that is known to be a head, or a folio by itself. */
static __always_inline struct folio *gup_head_folio(struct page *page)
{
	return (struct folio *)page;
}

/* folio_has_pincount() for a folio that need not be stable. */
static __always_inline bool gup_order_has_pincount(unsigned int order)
{
	return IS_ENABLED(CONFIG_64BIT) ? order : order > 1;
}

/* How much @nr pages add to the refcount of a folio that is already stable. */
static __always_inline int gup_refs(const struct folio *folio, int nr,
				    unsigned int flags)
{
	if ((flags & FOLL_PIN) && !folio_has_pincount(folio))
		return nr * GUP_PIN_COUNTING_BIAS;
	return nr;
}

/*
 * A page whose flags have none of these is an order-0 folio, unless it is a
 * tail page, and it is not the zero page. Zero pages are part of the kernel's
 * image or come from memblock: they are reserved.
 */
#define GUP_NOT_ORDINARY	(BIT(PG_head) | BIT(PG_reserved))

/* Is it an order-0 folio, and not the zero page? */
static __always_inline bool gup_page_is_ordinary(const struct page *page)
{
	return !(READ_ONCE(page->flags.f) & GUP_NOT_ORDINARY) &&
	       !PageTail(page);
}

/**
 * gup_ref_stable() - reference pages of a folio that cannot go away
 * @folio: The folio.
 * @nr: Number of pages.
 * @flags: FOLL_* flags; FOLL_GET and FOLL_PIN say what a reference is.
 * @ordinary: The caller has seen an order-0 folio without any of
 *	      GUP_NOT_ORDINARY, and a refcount above 0. A constant: it leaves
 *	      out what cannot be then.
 *
 * Context: Any.
 * Return: How many pins have to be counted in the statistics. -EREMOTEIO for
 * PCI peer-to-peer memory that @flags do not admit, -ENOMEM if the refcount has
 * overflowed: then there is no new reference.
 */
static __always_inline int gup_ref_stable(struct folio *folio, int nr,
					  unsigned int flags,
					  const bool ordinary)
{
	const bool pin = flags & FOLL_PIN;
	bool pincount;

	if (!(flags & (FOLL_GET | FOLL_PIN)))
		return 0;
	if (unlikely(!(flags & FOLL_PCI_P2PDMA) && folio_is_pci_p2pdma(folio)))
		return -EREMOTEIO;
	if (pin && !ordinary && unlikely(is_zero_folio(folio)))
		return 0;
	VM_WARN_ON_ONCE(pin && is_zero_folio(folio));
	/*
	 * The refcount of a folio that is mapped or referenced is above 0,
	 * unless it overflowed. Then nobody may add to it: at the wrap the
	 * folio would be freed while it is in use.
	 */
	if (!ordinary && unlikely(folio_ref_count(folio) <= 0)) {
		gup_warn_refcount(folio);
		return -ENOMEM;
	}
	pincount = pin && !ordinary && folio_has_pincount(folio);
	folio_ref_add(folio, pin && !pincount ? nr * GUP_PIN_COUNTING_BIAS : nr);
	if (pincount)
		atomic_add(nr, &folio->_pincount);
	return pin ? nr : 0;
}

#define GUP_PAGES_BATCH	16

/* Are the first GUP_PAGES_BATCH entries of @pages @page and those behind it? */
static __always_inline bool gup_batch_consecutive(struct page **pages,
						  struct page *page)
{
	unsigned int i;

	unrolled_full
	for (i = 0; i < GUP_PAGES_BATCH; i++) {
		if (pages[i] != page + i)
			return false;
	}
	return true;
}

/* Is @page one of the @size bytes of struct pages that @folio has? */
static __always_inline bool gup_folio_has(const struct folio *folio,
					  unsigned long size,
					  const struct page *page)
{
	return (unsigned long)page - (unsigned long)folio < size;
}

/*
 * Where the run ends that begins at @pages: entries up to @end that are pages of
 * @folio, which is large and has the first. Mostly they are consecutive.
 */
static __always_inline struct page **
gup_large_run_end(struct page **pages, struct page **end,
		  const struct folio *folio)
{
	const unsigned long nr = folio_large_nr_pages(folio);
	struct page *page = *pages;
	struct page **const last = min(end, pages + nr -
					    folio_page_idx(folio, page));

	while (pages + GUP_PAGES_BATCH <= last &&
	       gup_batch_consecutive(pages, page)) {
		pages += GUP_PAGES_BATCH;
		page += GUP_PAGES_BATCH;
	}
	while (pages < end && gup_folio_has(folio, nr * sizeof(*page), *pages))
		pages++;
	return pages;
}

/* How many entries of @pages, from the first on, are pages of @folio? */
static __always_inline unsigned long gup_run_length(struct page **pages,
						    unsigned long nr,
						    struct folio *folio)
{
	unsigned long i;

	if (folio_test_large(folio))
		return gup_large_run_end(pages, pages + nr, folio) - pages;
	for (i = 1; i < nr && pages[i] == &folio->page; i++)
		;
	return i;
}

/* How many consecutive pages of one folio does an array of @max pages begin with? */
static inline unsigned long gup_span_length(struct page **pages,
					    unsigned long max)
{
	struct folio *folio = page_folio(*pages);
	unsigned long i;

	max = min(max, folio_nr_pages(folio) - folio_page_idx(folio, *pages));
	for (i = 1; i < max && pages[i] == *pages + i; i++)
		;
	return i;
}

/* Of how many pages does an entry have a part? */
static inline unsigned long gup_bvec_pages(const struct bio_vec *bv)
{
	const unsigned long end = (unsigned long)bv->bv_offset + bv->bv_len;

	return DIV_ROUND_UP(end, PAGE_SIZE) - (bv->bv_offset >> PAGE_SHIFT);
}

#endif	/* _MM_GUP_REF_H */
