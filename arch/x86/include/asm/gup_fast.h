/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockless walk of get_user_pages_fast() on x86-64.
 *
 * Entries of every level have the same bits in the same places, so one test of
 * permission serves all. It is one comparison: what the protection keys permit
 * is read once a page table, and belongs to the bits compared. That is what a single
 * page is faster by than with the common walk; of many pages each costs the same.
 */
#ifndef _ASM_X86_GUP_FAST_H
#define _ASM_X86_GUP_FAST_H

#ifdef CONFIG_GUP_FAST_X86
#include <linux/log2.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/prefetch.h>
#include <linux/sizes.h>

#include <asm/pkru.h>

/*
 * An entry that is present is not inverted, as the generic accessors have to
 * expect. The walk under locks pays for that once a page.
 */
static __always_inline bool gup_pte_accessible(pte_t pte)
{
	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_SPECIAL)) == _PAGE_PRESENT;
}

#define gup_pte_accessible gup_pte_accessible

static __always_inline unsigned long gup_pte_pfn(pte_t pte)
{
	return (pte_val(pte) & PTE_PFN_MASK) >> PAGE_SHIFT;
}

#define gup_pte_pfn gup_pte_pfn

static __always_inline pte_t gup_pte_advance(pte_t pte, unsigned long nr)
{
	return __pte(pte_val(pte) + (nr << PFN_PTE_SHIFT));
}

#define gup_pte_advance gup_pte_advance

static __always_inline bool gup_pmd_accessible(pmd_t pmd)
{
	const u64 leaf = _PAGE_PRESENT | _PAGE_PSE;

	return (pmd_val(pmd) & (leaf | _PAGE_SPECIAL)) == leaf;
}

#define gup_pmd_accessible gup_pmd_accessible

static __always_inline unsigned long gup_pmd_pfn(pmd_t pmd)
{
	return (pmd_val(pmd) & PHYSICAL_PMD_PAGE_MASK) >> PAGE_SHIFT;
}

#define gup_pmd_pfn gup_pmd_pfn

/*
 * What an entry with one of the protection keys must be: the bits that matter,
 * none if the key forbids the access, and their values, which are never all 0.
 * So without a mask no entry matches.
 */
struct gup_fast_access {
	u64 mask;
	u64 match;
};

void gup_fast_access_other_key(struct gup_fast_access *access, u64 val);

/* For entries that have the same protection key as @val. */
static __always_inline struct gup_fast_access
gup_fast_access_key(bool write, u64 val)
{
	const u32 deny = PKRU_AD_BIT + write * PKRU_WD_BIT;
	const u64 bits = _PAGE_PRESENT + _PAGE_USER + write * _PAGE_RW;
	struct gup_fast_access access = {
		.mask = bits | _PAGE_SPECIAL | _PAGE_PKEY_MASK,
		.match = bits | (val & _PAGE_PKEY_MASK),
	};

	if (unlikely((read_pkru() >> (pte_flags_pkey(val) * PKRU_BITS_PER_PKEY)) &
		     deny))
		access.mask = 0;
	return access;
}

/* Nearly everything has the key 0. */
static __always_inline struct gup_fast_access gup_fast_access(bool write)
{
	return gup_fast_access_key(write, 0);
}

#define gup_fast_access gup_fast_access

static __always_inline bool
gup_fast_val_permitted(struct gup_fast_access *access, u64 val)
{
	struct gup_fast_access other;

	if (likely((val & access->mask) == access->match))
		return true;
	/* A copy: the address of what loops keep in registers is not taken. */
	other = *access;
	gup_fast_access_other_key(&other, val);
	*access = other;
	return (val & access->mask) == access->match;
}

static __always_inline bool
gup_fast_pte_permitted(struct gup_fast_access *access, pte_t pte)
{
	return gup_fast_val_permitted(access, pte_val(pte));
}

static __always_inline bool
gup_fast_pmd_permitted(struct gup_fast_access *access, pmd_t pmd)
{
	return gup_fast_val_permitted(access, pmd_val(pmd));
}

static __always_inline bool
gup_fast_pud_permitted(struct gup_fast_access *access, pud_t pud)
{
	return gup_fast_val_permitted(access, pud_val(pud));
}

/* A shadow stack's entry counts as not writable: the slow path looks closer. */
static __always_inline bool gup_fast_pte_writable(pte_t pte)
{
	return pte_val(pte) & _PAGE_RW;
}

#define gup_fast_pte_writable gup_fast_pte_writable

static __always_inline bool gup_fast_pmd_writable(pmd_t pmd)
{
	return pmd_val(pmd) & _PAGE_RW;
}

#define gup_fast_pmd_writable gup_fast_pmd_writable

/* pmd_leaf() tells flags and PFN apart by this bit, before it looks at it. */
static __always_inline bool gup_fast_pmd_leaf(pmd_t pmd)
{
	return pmd_val(pmd) & _PAGE_PSE;
}

#define gup_fast_pmd_leaf gup_fast_pmd_leaf

/* One shift, from the entry to the offset in the memory map. */
static __always_inline struct page *gup_fast_pte_page(const pte_t *ptep,
						      pte_t pte)
{
	const u64 addr = pte_val(pte) & PTE_PFN_MASK;

	if (IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) && sizeof(struct page) == SZ_64)
		return (void *)vmemmap + (addr >> (PAGE_SHIFT - ilog2(SZ_64)));
	return pfn_to_page(gup_pte_pfn(pte));
}

#define gup_fast_pte_page gup_fast_pte_page

/* In the virtual memory map, a page that is nowhere is not fetched either. */
static __always_inline void gup_fast_prefetch(const pte_t *ptep)
{
	/* It may be any value: nothing depends on it. */
	const pte_t pte = data_race(*ptep);

	if (IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP))
		prefetchw(gup_fast_pte_page(ptep, pte));
}

#define gup_fast_prefetch gup_fast_prefetch

/* The entry for @addr in the table that @val, of the level above, points to. */
static __always_inline void *gup_fast_entry(u64 val, unsigned long addr,
					    unsigned int shift)
{
	u64 *table = __va(val & PTE_PFN_MASK);

	return table + ((addr >> shift) & (PTRS_PER_PTE - 1));
}

/* For a PMD that is no leaf, which pte_offset_kernel() has to expect. */
static __always_inline pte_t *gup_fast_pte_offset(pmd_t *pmd, unsigned long addr)
{
	return gup_fast_entry(pmd_val(*pmd), addr, PAGE_SHIFT);
}

#define gup_fast_pte_offset gup_fast_pte_offset

/* No level above has a leaf, and all have PRESENT in the same place. */
static __always_inline pud_t *gup_fast_pud_offset(struct mm_struct *mm,
						  unsigned long addr,
						  pud_t *pud)
{
	u64 val = pgd_val(READ_ONCE(*pgd_offset(mm, addr)));
	pud_t *pudp;

	if (pgtable_l5_enabled()) {
		if (unlikely(!(val & _PAGE_PRESENT)))
			return NULL;
		val = p4d_val(READ_ONCE(*(p4d_t *)gup_fast_entry(val, addr,
								 P4D_SHIFT)));
	}
	if (unlikely(!(val & _PAGE_PRESENT)))
		return NULL;
	pudp = gup_fast_entry(val, addr, PUD_SHIFT);
	*pud = READ_ONCE(*pudp);
	return pudp;
}

#define gup_fast_pud_offset gup_fast_pud_offset
#endif	/* CONFIG_GUP_FAST_X86 */

#include <asm-generic/gup_fast.h>

#endif	/* _ASM_X86_GUP_FAST_H */
