/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests have in common: page tables that are built by hand. */
#ifndef _GUP_UNIT_H
#define _GUP_UNIT_H

#include <linux/user_bvecs.h>

#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define ADDR		(4 * SZ_1G)
#define RW_VMA		(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | \
			 VM_SOFTDIRTY)
#define RO_VMA		(VM_READ | VM_MAYREAD | VM_MAYWRITE | VM_SOFTDIRTY)
#define NR_PAGES	2048UL
/* Where the folio of 1 GiB is; below it are those of the other tests. */
#define HUGE_AT		(SZ_1G >> PAGE_SHIFT)

extern struct page *pages[NR_PAGES];
extern struct gup_req req;
/* From ADDR on, 4 GiB, writable. */
extern struct vm_area_struct *vma;

/* The page that is @n pages behind the first that can be mapped. */
static inline struct page *page_at(unsigned long n)
{
	return pfn_to_page(world.first_pfn + n);
}

static inline struct folio *folio_at(unsigned long n)
{
	return (struct folio *)page_at(n);
}

static inline unsigned long addr_of(unsigned long i)
{
	return ADDR + i * PAGE_SIZE;
}

static inline struct folio *new_folio(unsigned long n, unsigned int order)
{
	return gup_folio(world.first_pfn + n, order);
}

/*
 * Maps page @n at the address @i. A page of an anonymous folio becomes exclusive,
 * as one is that nobody shares.
 */
void map(unsigned long i, unsigned long n, u64 flags);
void unmap(unsigned long i);

/* Maps the pages from @n on at the addresses from @i on. */
void map_range(unsigned long i, unsigned long n, unsigned long nr, u64 flags);

/* @nr folios of their own, mapped writable one after the other. */
void map_small(unsigned long i, unsigned long n, unsigned long nr);

static inline void share(unsigned long n)
{
	gup_set_exclusive(world.first_pfn + n, 1, false);
}

void set_zone(unsigned long n, enum zone_type zone);
void setup(void);

/* How many pages the fast path takes. */
unsigned long fast(unsigned long i, unsigned long nr, unsigned int flags);

/* One step of the slow walk. */
enum gup_outcome slow(unsigned long i, unsigned long nr, unsigned int flags);

void init_req(unsigned long i, unsigned long nr, unsigned int flags);
void expect_pages(unsigned long from, unsigned long nr, unsigned long n);
void expect_count(struct folio *folio, int gets, int pins);

/* No reference is left but the first of each folio, and no lock is held. */
void expect_clean(void);

/* Releases what @req has. */
void give_back(void);

/* unit_entry.c */
extern const struct test entry_tests[];
extern const unsigned int nr_entry_tests;

/* unit_accessible.c */
extern const struct test accessible_tests[];
extern const unsigned int nr_accessible_tests;

/* unit_lock.c */
extern const struct test lock_tests[];
extern const unsigned int nr_lock_tests;

/* unit_bvec.c */
extern const struct test bvec_tests[];
extern const unsigned int nr_bvec_tests;

#endif	/* _GUP_UNIT_H */
