/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walks of get_user_pages() on RISC-V. With Svnapot all entries of a huge page of
 * 64 KiB have the same value, so where an entry is tells which of the pages it maps.
 */
#ifndef _ASM_RISCV_GUP_FAST_H
#define _ASM_RISCV_GUP_FAST_H

#ifdef CONFIG_RISCV_ISA_SVNAPOT
#include <linux/mm_types.h>
#include <linux/pgtable.h>

/* How many entries have the value of this one, and which of them is at @ptep? */
static __always_inline unsigned int gup_pte_napot(const pte_t *ptep, pte_t pte,
						  unsigned int *idx)
{
	unsigned int nr = 1;

	if (has_svnapot() && pte_napot(pte))
		nr = napot_pte_num(napot_cont_order(pte));
	*idx = ((unsigned long)ptep / sizeof(pte_t)) % nr;
	return nr;
}

static __always_inline unsigned int gup_pte_batch(pte_t *ptep, pte_t pte)
{
	unsigned int idx, nr = gup_pte_napot(ptep, pte, &idx);

	return nr - idx;
}

#define gup_pte_batch gup_pte_batch

static __always_inline struct page *gup_fast_pte_page(const pte_t *ptep,
						      pte_t pte)
{
	unsigned int idx;

	gup_pte_napot(ptep, pte, &idx);
	return pte_page(pte) + idx;
}

#define gup_fast_pte_page gup_fast_pte_page
#endif	/* CONFIG_RISCV_ISA_SVNAPOT */

#include <asm-generic/gup_fast.h>

#endif	/* _ASM_RISCV_GUP_FAST_H */
