// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockless walker of x86-64.
 *
 * Entries of every level are 64 bits wide, are read in one piece, and have the
 * same bits in the same places. So all are handled as PTEs, with one test of
 * permission and one function for huge leaves of either size. The rules are
 * those of mm/gup_fast.h.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include <asm/pkru.h>

#include "../../../mm/gup_fast.h"

/* The MMU sets these whenever it likes; they do not say what is mapped. */
#define GUP_X86_IGNORE	(_PAGE_ACCESSED | _PAGE_DIRTY)

/**
 * struct gup_x86_need - what an entry must look like
 * @mask: The bits that matter.
 * @want: Their values, the protection key being the one found last.
 * @pkru: What the protection keys permit, read once a window: it belongs to the
 *	  thread and does not change with interrupts off.
 * @deny: The bits of key 0 in @pkru that forbid this access.
 */
struct gup_x86_need {
	u64 mask;
	u64 want;
	u32 pkru;
	u32 deny;
};

static __always_inline struct gup_x86_need gup_x86_need(unsigned int flags)
{
	const u64 want = _PAGE_PRESENT | _PAGE_USER |
			 (flags & FOLL_WRITE ? _PAGE_RW : 0);
	struct gup_x86_need need = {
		.mask = want | _PAGE_SPECIAL | _PAGE_PKEY_MASK,
		.want = want,
		.pkru = read_pkru(),
		.deny = PKRU_AD_BIT | (flags & FOLL_WRITE ? PKRU_WD_BIT : 0),
	};

	/* Nearly everything has key 0; if that is denied, let nothing match. */
	if (unlikely(need.pkru & need.deny))
		need.mask = 0;
	return need;
}

/* @val is right but perhaps for its protection key. */
static noinline bool gup_x86_other_key(struct gup_x86_need *need, u64 val)
{
	const u64 want = need->want & ~(u64)_PAGE_PKEY_MASK;
	const u64 mask = want | _PAGE_SPECIAL;
	const unsigned int key = pte_flags_pkey(val);

	if ((val & mask) != want)
		return false;
	if (need->pkru & (need->deny << (key * PKRU_BITS_PER_PKEY)))
		return false;
	need->mask = mask | _PAGE_PKEY_MASK;
	need->want = want | (val & _PAGE_PKEY_MASK);
	return true;
}

static __always_inline bool gup_x86_permitted(struct gup_x86_need *need,
					      u64 val)
{
	if (likely((val & need->mask) == need->want))
		return true;
	return gup_x86_other_key(need, val);
}

static __always_inline struct page *gup_x86_page(u64 val)
{
	return pfn_to_page((val & PTE_PFN_MASK) >> PAGE_SHIFT);
}

/*
 * An entry of any level. On a Xen PV guest it holds a machine frame, and only
 * pte_val() knows whose.
 */
static __always_inline u64 gup_x86_read(const pte_t *entryp)
{
	return pte_val(READ_ONCE(*entryp));
}

/* The entry for @addr in the table that @val, of the level above, points to. */
static __always_inline const pte_t *gup_x86_entry(u64 val, unsigned long addr,
						  unsigned int shift)
{
	const pte_t *table = __va(val & PTE_PFN_MASK);

	return table + ((addr >> shift) & (PTRS_PER_PTE - 1));
}

/* Does the entry at @entryp map something else than when it was read as @val? */
static __always_inline bool gup_x86_changed(const pte_t *entryp, u64 val)
{
	const u64 now = gup_x86_read(entryp);

	return unlikely(now != val) && ((now ^ val) & ~(u64)GUP_X86_IGNORE);
}

/* Where a table of PTEs is walked and what is taken from it. */
struct gup_x86_cursor {
	const pte_t *ptep;
	const pte_t *end;
	struct page **out;
	unsigned long seen;	/* as for gup_fast_accept_folio() */
};

/* Takes the page behind @ptep, read as @val, which seems to be a folio itself. */
static __always_inline bool gup_x86_small(struct gup_req *req,
					  const pte_t *ptep, u64 val,
					  unsigned long *seen,
					  const unsigned int kind)
{
	struct gup_fast_small small = {
		.folio = (struct folio *)gup_x86_page(val),
	};

	if (unlikely(!gup_fast_grab_small(req, &small, kind)))
		return false;
	if (gup_x86_changed(ptep, val)) {
		gup_fast_drop(req, small.folio, 1);
		return false;
	}
	return gup_fast_accept_small(req, &small, val & _PAGE_RW, seen, kind);
}

/* Takes pages as long as each is a folio of its own. */
static __always_inline void gup_x86_smalls(struct gup_req *req,
					   struct gup_x86_need *need,
					   struct gup_x86_cursor *cur,
					   const unsigned int kind)
{
	for (; cur->ptep < cur->end; cur->ptep++) {
		const u64 val = gup_x86_read(cur->ptep);
		struct page *page = gup_x86_page(val);

		if (unlikely(!gup_x86_permitted(need, val)) ||
		    gup_fast_head(page))
			break;
		if (unlikely(!gup_x86_small(req, cur->ptep, val, &cur->seen,
					    kind)))
			break;
		*cur->out++ = page;
	}
}

#define GUP_X86_BATCH	8

/* Do GUP_X86_BATCH entries map consecutive pages and look alike otherwise? */
static __always_inline bool gup_x86_batch_same(const pte_t *ptep, u64 val)
{
	unsigned int i;

	unrolled_full
	for (i = 0; i < GUP_X86_BATCH; i++) {
		if (unlikely(gup_x86_read(ptep + i) != val + i * PAGE_SIZE))
			return false;
	}
	return true;
}

/*
 * Reads the entries of a span again, from @ptep on: how many of them map the
 * pages they should, with the permissions of the first? Entries behind the first
 * are read only here, after the grab: see gup_fast_check_ptes().
 */
static __always_inline unsigned int
gup_x86_check_ptes(const pte_t *const ptep, u64 val, unsigned int max)
{
	const pte_t *const end = ptep + max, *p = ptep;

	for (; end - p >= GUP_X86_BATCH && gup_x86_batch_same(p, val);
	     p += GUP_X86_BATCH)
		val += GUP_X86_BATCH * PAGE_SIZE;
	for (; p < end && !gup_x86_changed(p, val); p++)
		val += PAGE_SIZE;
	return p - ptep;
}

/*
 * Takes the span of a large folio that begins at @ptep, read as @val. Of a small
 * folio it takes nothing.
 */
static __always_inline unsigned int gup_x86_span(struct gup_req *req,
						 const pte_t *ptep, u64 val,
						 unsigned int max,
						 unsigned long *seen)
{
	struct gup_fast_span span = {
		.excl = gup_x86_page(val),
		.writable = val & _PAGE_RW,
	};

	span.folio = gup_fast_grab_large(req, span.excl, &max);
	if (unlikely(!span.folio))
		return 0;
	span.nr = gup_x86_check_ptes(ptep, val, max);
	if (unlikely(span.nr != max))
		gup_fast_drop(req, span.folio, max - span.nr);
	span.nr_excl = span.nr;
	if (unlikely(!span.nr) || !gup_fast_accept(req, &span, seen))
		return 0;
	return span.nr;
}

/* Takes spans of large folios as long as there are any. */
static __always_inline void gup_x86_spans(struct gup_req *req,
					  struct gup_x86_need *need,
					  struct gup_x86_cursor *cur)
{
	while (cur->ptep < cur->end) {
		const u64 val = gup_x86_read(cur->ptep);
		unsigned int nr;

		if (unlikely(!gup_x86_permitted(need, val)))
			break;
		nr = gup_x86_span(req, cur->ptep, val, cur->end - cur->ptep,
				  &cur->seen);
		if (unlikely(!nr))
			break;
		gup_store_pages(cur->out, gup_x86_page(val), nr);
		cur->out += nr;
		cur->ptep += nr;
	}
}

/* Takes pages of consecutive entries, up to @cur.end if all are plainly fine. */
static __always_inline void gup_x86_ptes(struct gup_req *req,
					 struct gup_x86_cursor *cur,
					 const unsigned int kind)
{
	struct gup_x86_need need = gup_x86_need(req->flags);
	const pte_t *from;

	do {
		from = cur->ptep;
		gup_x86_smalls(req, &need, cur, kind);
		gup_x86_spans(req, &need, cur);
	} while (cur->ptep > from && cur->ptep < cur->end);
}

/* How many pages from the next address to @end or to the end of @size bytes. */
static __always_inline unsigned int gup_x86_pages_in(struct gup_req *req,
						     unsigned long size,
						     unsigned long end)
{
	unsigned long addr = gup_addr(req);

	return min(end - addr, size - (addr & (size - 1))) >> PAGE_SHIFT;
}

/* Takes the pages of the PTE table that @pmdp, read as @pmd, points to. */
static bool gup_x86_pte_table(struct gup_req *req, const pte_t *pmdp, u64 pmd,
			      unsigned long end)
{
	const pte_t *ptep = gup_x86_entry(pmd, gup_addr(req), PAGE_SHIFT);
	const unsigned int kind = req->flags & (FOLL_PIN | FOLL_LONGTERM);
	const unsigned long mark = req->sink.nr;
	struct gup_x86_cursor cur = {
		.ptep = ptep,
		.end = ptep + gup_x86_pages_in(req, PMD_SIZE, end),
		.out = req->sink.pages + mark,
		.seen = GUP_FAST_NO_MAPPING,
	};

	if (!kind)
		gup_x86_ptes(req, &cur, FOLL_GET);
	else if (kind == FOLL_PIN)
		gup_x86_ptes(req, &cur, FOLL_PIN);
	else
		gup_x86_ptes(req, &cur, FOLL_PIN | FOLL_LONGTERM);
	req->sink.nr = cur.out - req->sink.pages;

	/* A table that is still in its place was there at every look. */
	if (gup_x86_changed(pmdp, pmd)) {
		gup_sink_undo(req, mark);
		return false;
	}
	return cur.ptep == cur.end;
}

/* Takes the pages of the leaf of @size bytes at @entryp, read as @val. */
static bool gup_x86_leaf(struct gup_req *req, const pte_t *entryp, u64 val,
			 unsigned long size, unsigned long end)
{
	struct gup_fast_span span = {
		.nr = gup_x86_pages_in(req, size, end),
		.excl = gup_x86_page(val & ~(u64)(size - 1)),
		.nr_excl = 1,
		.writable = val & _PAGE_RW,
	};
	struct page *page = span.excl +
			    ((gup_addr(req) & (size - 1)) >> PAGE_SHIFT);
	unsigned int grabbed = span.nr;
	struct gup_x86_need need = gup_x86_need(req->flags);
	unsigned long seen = GUP_FAST_NO_MAPPING;

	if (unlikely(!gup_x86_permitted(&need, val)))
		return false;
	span.folio = gup_fast_grab_large(req, page, &grabbed);
	if (unlikely(!span.folio))
		return false;
	/* A leaf maps one folio; if it seems longer, its size was misread. */
	if (unlikely(grabbed != span.nr) || gup_x86_changed(entryp, val)) {
		gup_fast_drop(req, span.folio, grabbed);
		return false;
	}
	if (unlikely(!gup_fast_accept(req, &span, &seen)))
		return false;
	gup_sink_push(&req->sink, page, span.nr);
	return true;
}

bool gup_walk_fast(struct gup_req *req, unsigned long end)
{
	const unsigned long addr = gup_addr(req);
	const pte_t *entryp = (pte_t *)pgd_offset(req->mm, addr);
	u64 val = gup_x86_read(entryp);

	/* Each entry is read once: it may be cleared at any time. */
	if (pgtable_l5_enabled()) {
		if (unlikely(!(val & _PAGE_PRESENT)))
			return false;
		val = gup_x86_read(gup_x86_entry(val, addr, P4D_SHIFT));
	}
	if (unlikely(!(val & _PAGE_PRESENT)))
		return false;
	entryp = gup_x86_entry(val, addr, PUD_SHIFT);
	val = gup_x86_read(entryp);
	if (unlikely(!(val & _PAGE_PRESENT)))
		return false;
	if (unlikely(val & _PAGE_PSE))
		return gup_x86_leaf(req, entryp, val, PUD_SIZE, end);
	entryp = gup_x86_entry(val, addr, PMD_SHIFT);
	val = gup_x86_read(entryp);
	if (unlikely(!(val & _PAGE_PRESENT)))
		return false;
	if (val & _PAGE_PSE)
		return gup_x86_leaf(req, entryp, val, PMD_SIZE, end);
	return gup_x86_pte_table(req, entryp, val, end);
}
