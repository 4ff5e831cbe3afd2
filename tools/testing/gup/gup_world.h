/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory to take pages of: a memory map, folios in it, and page tables.
 *
 * Pages have no contents. The physical memory begins with the page tables,
 * which do; behind them are the pages that can be mapped.
 */
#ifndef _GUP_WORLD_H
#define _GUP_WORLD_H

#include "gup_kernel.h"

#define GUP_PTE		(_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)
#define GUP_PTE_RW	(GUP_PTE | _PAGE_RW | _PAGE_DIRTY | _PAGE_SOFT_DIRTY)

/*
 * What happens on a fault; none: VM_FAULT_SIGBUS. Who answers VM_FAULT_COMPLETED
 * or VM_FAULT_RETRY has called gup_drop_lock().
 */
typedef vm_fault_t (*gup_fault_fn)(struct vm_area_struct *vma,
				   unsigned long addr, unsigned int flags);

/**
 * struct gup_world - the memory of a test
 * @mm: The address space of the tests.
 * @first_pfn: First page that can be mapped, aligned to 1 GiB.
 * @nr_pages: Number of those pages.
 * @nr_freed: Folios whose refcount fell to 0.
 * @freed: Called for each of them, if set.
 * @fault: Called by handle_mm_fault().
 * @vma_locks: VMAs can be locked.
 * @vma_locked: Called when one is to be.
 * @new_table: Called for a page table; false: there is no memory for it.
 * @migrated: Called for a folio that moves: returns the one that takes its place,
 *	      or NULL.
 * @drained: Called when LRU batches are drained that may hold a folio.
 * @slept: For how many jiffies somebody has slept.
 * @woken: Called after each time.
 */
struct gup_world {
	struct mm_struct mm;
	unsigned long first_pfn;
	unsigned long nr_pages;
	unsigned long nr_freed;
	void (*freed)(struct folio *folio);
	gup_fault_fn fault;
	bool vma_locks;
	void (*vma_locked)(void);
	bool (*new_table)(void);
	struct folio *(*migrated)(struct folio *folio);
	void (*drained)(struct folio *folio);
	long slept;
	void (*woken)(void);
};

extern struct gup_world world;
extern struct address_space gup_file, gup_shmem, gup_secret;

/* @size bytes of zeroes, aligned to @align. Memory is used on first access. */
void *gup_reserve(unsigned long size, unsigned long align);
void gup_world_init(unsigned long nr_pages, unsigned long nr_tables);
void gup_world_reset(void);
void gup_world_free(struct folio *folio);
vm_fault_t gup_world_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags);
/* For a fault: releases the lock that was held when it was called with @flags. */
void gup_drop_lock(struct vm_area_struct *vma, unsigned int flags);
/* Can a VMA be locked now? */
bool gup_world_lock_vma(void);
struct vm_area_struct *gup_world_vma(unsigned long start, unsigned long end,
				     vm_flags_t flags);

/*
 * Makes an anonymous folio of 2^order pages, with one reference. Its head is
 * exclusive, as if mapped by a huge leaf.
 */
struct folio *gup_folio(unsigned long pfn, unsigned int order);

/* Says that each of these pages of an anonymous folio is exclusive, or not. */
void gup_set_exclusive(unsigned long pfn, unsigned long nr, bool exclusive);

/* Frees a folio, whatever its refcount is. Nothing of it can be relied on then. */
void gup_free(struct folio *folio);

/* The kind of the pageblock of @pfn; MIGRATE_MOVABLE at first. */
void gup_set_block(unsigned long pfn, enum migratetype type);

/* Makes an order-0 folio the zero page. */
void gup_make_zero(unsigned long pfn);

/* The entries of an address; missing tables above them are made. */
pud_t *gup_pud(unsigned long addr);
pmd_t *gup_pmd(unsigned long addr);
pte_t *gup_pte(unsigned long addr);

void gup_map_pte(unsigned long addr, unsigned long pfn, u64 flags);
void gup_map_pmd(unsigned long addr, unsigned long pfn, u64 flags);
void gup_map_pud(unsigned long addr, unsigned long pfn, u64 flags);

/* Each thread that may switch interrupts off. */
void gup_thread_begin(void);
void gup_thread_end(void);

/* Adds what this thread has gathered to the statistics. */
void gup_stat_fold(void);
void gup_stat_reset(void);
long gup_stat(int nid, enum node_stat_item item);

#endif	/* _GUP_WORLD_H */
