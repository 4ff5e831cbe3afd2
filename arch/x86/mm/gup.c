// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockless walker of x86-64.
 *
 * Entries of every level are 64 bits wide, are read in one piece, and have the
 * same bits in the same places. So there is one test of permission, and one
 * function for huge leaves of either size. The rules are those of
 * mm/gup_fast.h.
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
 * @pkru: What the protection keys permit, read once a walk: it belongs to the
 *	  thread and does not change with interrupts off.
 * @pkru_deny: The bits of a key in @pkru that forbid this access.
 */
struct gup_x86_need {
	u64 mask;
	u64 want;
	u32 pkru;
	u32 pkru_deny;
};

static inline bool gup_x86_key_permitted(const struct gup_x86_need *need,
					 unsigned int key)
{
	return !(need->pkru & (need->pkru_deny << (key * PKRU_BITS_PER_PKEY)));
}

static inline void gup_x86_need_init(struct gup_x86_need *need,
				     unsigned int flags)
{
	const bool write = flags & FOLL_WRITE;
	unsigned int key = 0;

	need->want = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);
	need->mask = need->want | _PAGE_SPECIAL | _PAGE_PKEY_MASK;
	need->pkru = read_pkru();
	need->pkru_deny = PKRU_AD_BIT | (write ? PKRU_WD_BIT : 0);

	/*
	 * Begin with a key that permits the access. Where none does,
	 * require of the entry what it cannot be.
	 */
	while (unlikely(!gup_x86_key_permitted(need, key)) && key < 15)
		key++;
	if (unlikely(!gup_x86_key_permitted(need, key)))
		need->mask &= ~(u64)_PAGE_PRESENT;
	need->want |= ((u64)key << _PAGE_BIT_PKEY_BIT0) & _PAGE_PKEY_MASK;
}

/* @val is right but perhaps for its protection key. */
static noinline bool gup_x86_other_key(struct gup_x86_need *need, u64 val)
{
	const u64 keyless = need->mask & ~(u64)_PAGE_PKEY_MASK;

	if ((val ^ need->want) & keyless)
		return false;
	if (!gup_x86_key_permitted(need, pte_flags_pkey(val)))
		return false;
	need->want = (need->want & keyless) | (val & _PAGE_PKEY_MASK);
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

/* On a Xen PV guest the table holds machine frames: only pte_val() knows. */
static __always_inline u64 gup_x86_read_pte(const pte_t *ptep)
{
	return pte_val(READ_ONCE(*ptep));
}

static __always_inline bool gup_x86_changed(u64 now, u64 then)
{
	return (now ^ then) & ~(u64)GUP_X86_IGNORE;
}

/*
 * Reads the entries of a span again: how many of them, from the first on, map
 * the pages they should, with the same permissions? Entries behind the first
 * are read only here, after the grab: see gup_fast_check_ptes().
 */
static unsigned int gup_x86_check_ptes(const pte_t *ptep, u64 first,
				       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++, first += PAGE_SIZE) {
		if (unlikely(gup_x86_changed(gup_x86_read_pte(ptep + i), first)))
			break;
	}
	return i;
}

/* Takes the span of a large folio that begins at @ptep. */
static noinline unsigned int gup_x86_pte_span(struct gup_req *req,
					      const pte_t *ptep, u64 val,
					      unsigned int max)
{
	struct page *page = gup_x86_page(val);
	unsigned int grabbed = max, nr;
	struct folio *folio;

	folio = gup_fast_grab(req, page, &grabbed);
	if (unlikely(!folio))
		return 0;
	nr = gup_x86_check_ptes(ptep, val, grabbed);
	if (unlikely(nr != grabbed))
		gup_fast_drop(req, folio, grabbed - nr);
	if (!nr || !gup_fast_accept(req, folio, nr, page, nr, val & _PAGE_RW))
		return 0;
	gup_sink_push(&req->sink, page, nr);
	return nr;
}

/* Takes the span that begins at @ptep: how many pages, 0 to give up. */
static __always_inline unsigned int gup_x86_pte(struct gup_req *req,
						struct gup_x86_need *need,
						const pte_t *ptep,
						unsigned int max)
{
	u64 val = gup_x86_read_pte(ptep);
	struct folio *folio;
	struct page *page;

	if (unlikely(!gup_x86_permitted(need, val)))
		return 0;
	page = gup_x86_page(val);
	if (gup_fast_compound(page))
		return gup_x86_pte_span(req, ptep, val, max);
	folio = gup_fast_grab_small(req, page);
	if (unlikely(!folio))
		return 0;
	if (unlikely(gup_x86_changed(gup_x86_read_pte(ptep), val))) {
		gup_fast_drop(req, folio, 1);
		return 0;
	}
	if (unlikely(!gup_fast_accept(req, folio, 1, page, 1, val & _PAGE_RW)))
		return 0;
	gup_sink_push(&req->sink, page, 1);
	return 1;
}

static bool gup_x86_pte_table(struct gup_req *req, struct gup_x86_need *need,
			      pmd_t *pmdp, pmd_t pmd, unsigned long end)
{
	const unsigned long mark = req->sink.nr;
	unsigned long addr = gup_addr(req);
	const pte_t *ptep = pte_offset_kernel(&pmd, addr);
	unsigned int nr, left = (end - addr) >> PAGE_SHIFT;

	for (; left; left -= nr, ptep += nr) {
		nr = gup_x86_pte(req, need, ptep, left);
		if (unlikely(!nr))
			break;
	}
	/* A table that is still in its place was there at every look. */
	if (unlikely(gup_x86_changed(pmd_val(READ_ONCE(*pmdp)),
				     pmd_val(pmd)))) {
		gup_sink_undo(req, mark);
		return false;
	}
	return !left;
}

/* Takes the pages of the leaf of @size bytes that @entryp points to. */
static bool gup_x86_leaf(struct gup_req *req, struct gup_x86_need *need,
			 const u64 *entryp, u64 val, unsigned long size,
			 unsigned long end)
{
	unsigned long addr = gup_addr(req);
	unsigned int nr = (end - addr) >> PAGE_SHIFT, grabbed = nr;
	struct page *first = gup_x86_page(val & ~(u64)(size - 1));
	struct page *page = first + ((addr & (size - 1)) >> PAGE_SHIFT);
	struct folio *folio;

	if (!gup_x86_permitted(need, val))
		return false;
	folio = gup_fast_grab(req, page, &grabbed);
	if (!folio)
		return false;
	/* A leaf maps one folio; if it seems longer, its size was misread. */
	if (unlikely(grabbed != nr || gup_x86_changed(READ_ONCE(*entryp), val))) {
		gup_fast_drop(req, folio, grabbed);
		return false;
	}
	if (!gup_fast_accept(req, folio, nr, first, 1, val & _PAGE_RW))
		return false;
	gup_sink_push(&req->sink, page, nr);
	return true;
}

static bool gup_x86_pmd(struct gup_req *req, pud_t pud, unsigned long end)
{
	unsigned long addr = gup_addr(req);
	pmd_t *pmdp = pmd_offset(&pud, addr);
	pmd_t pmd = READ_ONCE(*pmdp);
	struct gup_x86_need need;

	if (!pmd_present(pmd))
		return false;
	end = pmd_addr_end(addr, end);
	gup_x86_need_init(&need, req->flags);
	if (pmd_leaf(pmd))
		return gup_x86_leaf(req, &need, (const u64 *)pmdp, pmd_val(pmd),
				    PMD_SIZE, end);
	return gup_x86_pte_table(req, &need, pmdp, pmd, end);
}

bool gup_walk_fast(struct gup_req *req, unsigned long end)
{
	unsigned long addr = gup_addr(req);
	pgd_t pgd = READ_ONCE(*pgd_offset(req->mm, addr));
	struct gup_x86_need need;
	pud_t *pudp, pud;
	p4d_t p4d;

	/* Each entry is read once: it may be cleared at any time. */
	if (pgd_none(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (!p4d_present(p4d))
		return false;
	pudp = pud_offset(&p4d, addr);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud))
		return false;
	end = pud_addr_end(addr, end);
	if (likely(!pud_leaf(pud)))
		return gup_x86_pmd(req, pud, end);
	gup_x86_need_init(&need, req->flags);
	return gup_x86_leaf(req, &need, (const u64 *)pudp, pud_val(pud),
			    PUD_SIZE, end);
}
