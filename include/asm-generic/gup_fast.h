/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an architecture can do better than the common walks of get_user_pages(),
 * first of all the lockless one. Its <asm/gup_fast.h> defines what it has, each
 * with a macro of the same name, and includes this file for the rest.
 */
#ifndef _ASM_GENERIC_GUP_FAST_H
#define _ASM_GENERIC_GUP_FAST_H

#include <linux/pgtable.h>

/*
 * Entries that the MMU lets a process access
 */

#ifndef gup_pte_accessible
/* May the MMU let user mode access the page of an entry, which is not special? */
static __always_inline bool gup_pte_accessible(pte_t pte)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_special(pte);
}
#endif

#ifndef gup_pte_pfn
/* The PFN of an entry like this. */
static __always_inline unsigned long gup_pte_pfn(pte_t pte)
{
	return pte_pfn(pte);
}
#endif

#ifndef gup_pte_advance
/* The entry that maps the @nr-th page after that of an entry like this. */
static __always_inline pte_t gup_pte_advance(pte_t pte, unsigned long nr)
{
	return pte_advance_pfn(pte, nr);
}
#endif

#if defined(gup_pte_batch) || defined(pte_batch_hint)
#define GUP_PTE_BATCHES	true
#else
#define GUP_PTE_BATCHES	false
#endif

#ifndef gup_pte_batch
/*
 * How many entries, from the one at @ptep on, does the architecture know to map
 * consecutive pages like @pte, which is accessible? To take one of them away it first
 * clears all: who reads one that is in the batch speaks for the others. There may be
 * more of them than the folio or the page table has.
 */
static __always_inline unsigned int gup_pte_batch(pte_t *ptep, pte_t pte)
{
	return pte_batch_hint(ptep, pte);
}
#endif

#ifndef gup_pmd_accessible
/* The same for an entry of the level above: is it such a huge leaf? */
static __always_inline bool gup_pmd_accessible(pmd_t pmd)
{
	return pmd_present(pmd) && pmd_leaf(pmd) && !pmd_protnone(pmd) &&
	       !pmd_special(pmd);
}
#endif

#ifndef gup_pmd_pfn
/* The first PFN of a huge leaf like this. */
static __always_inline unsigned long gup_pmd_pfn(pmd_t pmd)
{
	return pmd_pfn(pmd);
}
#endif

/*
 * The lockless walk
 */

#ifndef gup_fast_access
/**
 * struct gup_fast_access - what the entries of one page table must permit
 * @write: Writing, not only reading.
 * @bits: What the last entry that permitted it had beside its PFN.
 */
struct gup_fast_access {
	u64 write;
	u64 bits;
};

/* What an entry must permit so that this thread may @write, or read. */
static __always_inline struct gup_fast_access gup_fast_access(bool write)
{
	/* No entry has these bits: those of the PFN are left out. */
	return (struct gup_fast_access) { .write = write, .bits = U64_MAX };
}

static noinline bool gup_fast_ask_pte(bool write, pte_t pte)
{
	return pte_access_permitted(pte, write) && !pte_protnone(pte) &&
	       !pte_special(pte);
}

/**
 * gup_fast_pte_permitted() - does an entry permit the access?
 * @access: From gup_fast_access(). May be changed, so that the next is quicker.
 * @pte: The entry.
 *
 * Neighbours mostly differ in nothing but their PFN: then what was found out for
 * one holds for the next. What the protection keys of a thread permit does not
 * change with interrupts off.
 *
 * Return: True if the MMU would grant the access to user mode, and the entry is
 * not special.
 */
static __always_inline bool
gup_fast_pte_permitted(struct gup_fast_access *access, pte_t pte)
{
#ifdef PFN_PTE_SHIFT
	const u64 bits = pte_val(pte) - ((u64)pte_pfn(pte) << PFN_PTE_SHIFT);

	if (likely(bits == access->bits))
		return true;
	if (!gup_fast_ask_pte(access->write, pte))
		return false;
	access->bits = bits;
	return true;
#else
	return gup_fast_ask_pte(access->write, pte);
#endif
}

/* The same for huge leaves. */
static __always_inline bool
gup_fast_pmd_permitted(struct gup_fast_access *access, pmd_t pmd)
{
#if !defined(CONFIG_TRANSPARENT_HUGEPAGE) && !defined(pmd_write)
	/* There may be hugetlb, but no pmd_write() that could be asked. */
	return false;
#else
	return pmd_access_permitted(pmd, access->write) && !pmd_protnone(pmd) &&
	       !pmd_special(pmd);
#endif
}

static __always_inline bool
gup_fast_pud_permitted(struct gup_fast_access *access, pud_t pud)
{
	return pud_access_permitted(pud, access->write) && !pud_special(pud);
}
#endif	/* gup_fast_access */

#ifndef gup_fast_pte_writable
/* Does an entry that permits reading permit writing as well? */
static __always_inline bool gup_fast_pte_writable(pte_t pte)
{
	return pte_write(pte);
}
#endif

#ifndef gup_fast_pmd_writable
/* The same for a huge leaf. */
static __always_inline bool gup_fast_pmd_writable(pmd_t pmd)
{
	return pmd_write(pmd);
}
#endif

#ifndef gup_fast_pmd_leaf
/* Is an entry of the PMD level a huge leaf? */
static __always_inline bool gup_fast_pmd_leaf(pmd_t pmd)
{
	return pmd_leaf(pmd);
}
#endif

#ifndef gup_fast_pte_offset
/* The entry for an address in the table that @pmd points to, not in high memory. */
static __always_inline pte_t *gup_fast_pte_offset(pmd_t *pmd, unsigned long addr)
{
	return pte_offset_kernel(pmd, addr);
}
#endif

#ifndef gup_fast_pte_page
/* The page of the entry at @ptep, which was @pte and permitted the access. */
static __always_inline struct page *gup_fast_pte_page(const pte_t *ptep,
						      pte_t pte)
{
	return pte_page(pte);
}
#endif

#ifndef gup_fast_prefetch
/*
 * Fetches the struct page of an entry that may be anything, and may be read as plain
 * memory: it need not be consistent. For architectures that can tell quickly where
 * the page is, and where it does no harm if it is nowhere.
 */
static __always_inline void gup_fast_prefetch(const pte_t *ptep)
{
}
#endif

#endif	/* _ASM_GENERIC_GUP_FAST_H */
