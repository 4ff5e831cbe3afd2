/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of page table entries that map consecutive pages of one folio, as the
 * walk under locks and the lockless walk look at them.
 */
#ifndef _MM_GUP_PTE_H
#define _MM_GUP_PTE_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/unroll.h>

#include <asm/gup_fast.h>

/* The entry at @ptep, whose page table lock is held, or not if @lockless. */
static __always_inline pte_t gup_pte_get(pte_t *ptep, const bool lockless)
{
	return lockless ? ptep_get_lockless(ptep) : ptep_get(ptep);
}

/*
 * Entries that are not the same: do they differ in nothing but what the MMU sets
 * by itself? Seldom asked, so it stays out of the loops.
 */
static noinline bool gup_pte_same_but_mmu(pte_t pte, pte_t want)
{
	/* Where the dirty bit makes an entry writable, it counts. */
	return pte_present(pte) && pte_present(want) &&
	       !pte_write(pte) == !pte_write(want) &&
	       pte_same(pte_mkold(pte_mkclean(pte)),
			pte_mkold(pte_mkclean(want)));
}

static __always_inline bool gup_pte_alike(pte_t pte, pte_t want)
{
	return likely(pte_same(pte, want)) || gup_pte_same_but_mmu(pte, want);
}

#define GUP_PTE_BATCH	16

/* Do GUP_PTE_BATCH entries map consecutive pages and not differ otherwise? */
static __always_inline bool gup_pte_batch_same(pte_t *ptep, pte_t first,
					       const bool lockless)
{
	unsigned int i;

	/* An architecture that has batches itself need not read them one by one. */
	if (GUP_PTE_BATCHES)
		return false;
	unrolled_full
	for (i = 0; i < GUP_PTE_BATCH; i++) {
		if (!pte_same(gup_pte_get(ptep + i, lockless),
			      gup_pte_advance(first, i)))
			return false;
	}
	return true;
}

/**
 * gup_pte_run() - how far do entries map consecutive pages?
 * @ptep: The first entry.
 * @first: What it was when it was read before; it is accessible.
 * @max: Number of entries, at most up to the end of the page table and of the
 *	 folio.
 * @lockless: The page table lock is not held. A constant.
 * @dirty: Cleared if one of the entries is clean. May be NULL.
 *
 * The entries of the run differ from the first in nothing but what the MMU sets
 * by itself: what holds for the first holds for all. folio_pte_batch_flags()
 * does the same for @lockless false, but clears these bits in each entry before
 * it compares, which makes a page of a 64 KiB folio half as expensive again.
 *
 * If @lockless each entry is read once, the first one too.
 *
 * Return: Number of entries. 0 if @lockless and the first one has changed.
 */
static __always_inline unsigned int gup_pte_run(pte_t *const ptep,
						const pte_t first,
						unsigned int max,
						const bool lockless,
						bool *dirty)
{
	pte_t *const end = ptep + max, *p = ptep;
	pte_t want = first;

	while (end - p >= GUP_PTE_BATCH && gup_pte_batch_same(p, want, lockless)) {
		p += GUP_PTE_BATCH;
		want = gup_pte_advance(want, GUP_PTE_BATCH);
	}
	while (p < end) {
		const pte_t pte = gup_pte_get(p, lockless);
		unsigned int nr;

		if (!gup_pte_alike(pte, want))
			break;
		if (dirty && !pte_dirty(pte))
			*dirty = false;
		nr = gup_pte_batch(p, pte);
		p += nr;
		want = gup_pte_advance(want, nr);
	}
	/* A batch may go beyond the end. */
	return GUP_PTE_BATCHES ? min_t(unsigned long, p - ptep, max) : p - ptep;
}

#endif	/* _MM_GUP_PTE_H */
