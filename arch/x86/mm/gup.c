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
 * struct gup_x86_need - what an entry with one of the protection keys must look like
 * @mask: The bits that matter; none if the key forbids the access.
 * @want: Their values. Never 0, so that without a mask nothing is as it must be.
 */
struct gup_x86_need {
	u64 mask;
	u64 want;
};

/*
 * @val says which protection key. What keys permit belongs to the thread and does
 * not change with interrupts off.
 */
static __always_inline struct gup_x86_need gup_x86_need(unsigned int flags,
							u64 val)
{
	const u32 deny = PKRU_AD_BIT | (flags & FOLL_WRITE ? PKRU_WD_BIT : 0);
	const u64 bits = _PAGE_PRESENT | _PAGE_USER |
			 (flags & FOLL_WRITE ? _PAGE_RW : 0);
	struct gup_x86_need need = {
		.mask = bits | _PAGE_SPECIAL | _PAGE_PKEY_MASK,
		.want = bits | (val & _PAGE_PKEY_MASK),
	};

	if (unlikely((read_pkru() >> (pte_flags_pkey(val) * PKRU_BITS_PER_PKEY)) &
		     deny))
		need.mask = 0;
	return need;
}

/* Rare, so it stays out of the loops. */
static noinline struct gup_x86_need gup_x86_need_other(unsigned int flags,
						       u64 val)
{
	return gup_x86_need(flags, val);
}

/* Is @val as it must be? Nearly everything has the key that was found last. */
static __always_inline bool gup_x86_permitted(const struct gup_req *req,
					      struct gup_x86_need *need, u64 val)
{
	if (likely((val & need->mask) == need->want))
		return true;
	*need = gup_x86_need_other(req->flags, val);
	return (val & need->mask) == need->want;
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

/**
 * struct gup_x86_cursor - where in a table of PTEs the walk is
 * @end: Behind the last entry to look at.
 * @out: Behind where its page goes.
 * @next: The next entry and where its page goes, counted from both: negative, and
 *	  0 when all have been taken. So one register moves and ends a loop.
 */
struct gup_x86_cursor {
	const pte_t *end;
	struct page **out;
	long next;
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

/*
 * Takes pages as long as each is a folio of its own. There is an entry to look at.
 * Returns the cursor's @next.
 */
static __always_inline long gup_x86_smalls(struct gup_req *req,
					   struct gup_x86_need *need,
					   struct gup_x86_cursor cur,
					   const unsigned int kind)
{
	unsigned long seen = GUP_FAST_NO_MAPPING;

	do {
		const pte_t *ptep = cur.end + cur.next;
		const u64 val = gup_x86_read(ptep);
		struct page *page = gup_x86_page(val);

		if (unlikely(!gup_x86_permitted(req, need, val)) ||
		    gup_fast_head(page))
			break;
		if (unlikely(!gup_x86_small(req, ptep, val, &seen, kind)))
			break;
		cur.out[cur.next] = page;
	} while (++cur.next);
	return cur.next;
}

#define GUP_X86_BATCH	16

/*
 * Reads GUP_X86_BATCH entries again and puts the pages they should map, @page and
 * those behind it, into @out. Do they map these, and look alike otherwise?
 */
static __always_inline bool gup_x86_check_batch(const pte_t *ptep, u64 val,
						struct page *page,
						struct page **out)
{
	u64 differ = 0;
	unsigned int i;

	unrolled_full
	for (i = 0; i < GUP_X86_BATCH; i++) {
		differ |= gup_x86_read(ptep + i) ^ (val + i * PAGE_SIZE);
		out[i] = page + i;
	}
	return likely(!differ);
}

/*
 * Reads the entries of a span again, from @ptep on, whose first was @val: how many
 * of them map the pages they should, with the permissions of the first? Puts those
 * pages into @out; what it stores behind them means nothing. Entries behind the
 * first are read only here, after the grab: see gup_fast_check_ptes().
 */
static __always_inline unsigned int
gup_x86_check_ptes(const pte_t *const ptep, u64 val, unsigned int max,
		   struct page **out)
{
	const pte_t *const end = ptep + max, *p = ptep;
	struct page *page = gup_x86_page(val);

	while (p + GUP_X86_BATCH <= end &&
	       gup_x86_check_batch(p, val, page, out)) {
		p += GUP_X86_BATCH;
		out += GUP_X86_BATCH;
		page += GUP_X86_BATCH;
		val += GUP_X86_BATCH * PAGE_SIZE;
	}
	for (; p < end && !gup_x86_changed(p, val); p++) {
		*out++ = page++;
		val += PAGE_SIZE;
	}
	return p - ptep;
}

/*
 * Takes the span of a large folio that begins at the next entry, read as @val.
 * Of a small folio it takes nothing.
 */
static __always_inline unsigned int
gup_x86_span(struct gup_req *req, const struct gup_x86_cursor *cur, u64 val,
	     unsigned long *seen)
{
	struct gup_fast_span span = {
		.excl = gup_x86_page(val),
		.writable = val & _PAGE_RW,
	};
	unsigned int max = -cur->next;

	span.folio = gup_fast_grab_large(req, span.excl, &max);
	if (unlikely(!span.folio))
		return 0;
	span.nr = gup_x86_check_ptes(cur->end + cur->next, val, max,
				     cur->out + cur->next);
	if (unlikely(span.nr != max))
		gup_fast_drop(req, span.folio, max - span.nr);
	span.nr_excl = span.nr;
	if (unlikely(!span.nr) || !gup_fast_accept(req, &span, seen))
		return 0;
	return span.nr;
}

/*
 * Takes spans of large folios as long as there are any. Returns the cursor's @next.
 * Not inlined, and called by value: the loop over single pages needs registers.
 */
static noinline long gup_x86_spans(struct gup_req *req,
				   struct gup_x86_need need,
				   struct gup_x86_cursor cur)
{
	unsigned long seen = GUP_FAST_NO_MAPPING;
	unsigned int nr;

	for (; cur.next; cur.next += nr) {
		const u64 val = gup_x86_read(cur.end + cur.next);

		if (unlikely(!gup_x86_permitted(req, &need, val)))
			break;
		nr = gup_x86_span(req, &cur, val, &seen);
		if (unlikely(!nr))
			break;
	}
	return cur.next;
}

/*
 * Takes pages of consecutive entries, up to the end if all are plainly fine.
 * Returns the cursor's @next.
 */
static __always_inline long gup_x86_ptes(struct gup_req *req,
					 struct gup_x86_cursor cur,
					 const unsigned int kind)
{
	struct gup_x86_need need = gup_x86_need(req->flags, 0);
	long from;

	do {
		from = cur.next;
		cur.next = gup_x86_smalls(req, &need, cur, kind);
		if (likely(!cur.next))
			break;
		cur.next = gup_x86_spans(req, need, cur);
	} while (cur.next > from && cur.next);
	return cur.next;
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
	const unsigned int kind = req->flags & (FOLL_PIN | FOLL_LONGTERM);
	const long nr = gup_x86_pages_in(req, PMD_SIZE, end);
	struct gup_x86_cursor cur = {
		.end = gup_x86_entry(pmd, gup_addr(req), PAGE_SHIFT) + nr,
		.out = req->sink.pages + req->sink.nr + nr,
		.next = -nr,
	};

	if (!kind)
		cur.next = gup_x86_ptes(req, cur, FOLL_GET);
	else if (kind == FOLL_PIN)
		cur.next = gup_x86_ptes(req, cur, FOLL_PIN);
	else
		cur.next = gup_x86_ptes(req, cur, FOLL_PIN | FOLL_LONGTERM);
	req->sink.nr += nr + cur.next;

	/* A table that is still in its place was there at every look. */
	if (gup_x86_changed(pmdp, pmd)) {
		gup_sink_undo(req, req->sink.nr - nr - cur.next);
		return false;
	}
	return !cur.next;
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
	struct gup_x86_need need = gup_x86_need(req->flags, 0);
	unsigned long seen = GUP_FAST_NO_MAPPING;

	if (unlikely(!gup_x86_permitted(req, &need, val)))
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
