// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory to take pages of: see gup_world.h.
 */
#include <cpuid.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gup_world.h"

#define PAGES_PER_GIB		(SZ_1G >> PAGE_SHIFT)
#define GUP_MAX_THREADS		16

struct gup_world world;
struct address_space gup_file, gup_shmem = { .shmem = true };
struct address_space gup_secret = { .a_ops = &secretmem_aops };

static unsigned long nr_tables, max_tables;
static struct task_struct *threads[GUP_MAX_THREADS];

void *gup_reserve(unsigned long size, unsigned long align)
{
	char *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("no memory for the memory map or page tables");
		exit(2);
	}
	p = (char *)ALIGN((unsigned long)p, align);
	/* The kernel maps its own memory by huge pages, too. */
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static bool have_pkru(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       (ecx & BIT(4));
}

/* A table of 512 entries, none of them set. */
static void *new_table(void)
{
	if (nr_tables == max_tables) {
		fprintf(stderr, "out of page tables: %lu\n", max_tables);
		exit(2);
	}
	return __va(nr_tables++ << PAGE_SHIFT);
}

void gup_world_init(unsigned long nr_pages, unsigned long tables)
{
	world.first_pfn = PAGES_PER_GIB;
	world.nr_pages = nr_pages;
	gup_nr_pfns = world.first_pfn + nr_pages;
	highest_memmap_pfn = gup_nr_pfns - 1;
	max_tables = tables;
	vmemmap = gup_reserve(gup_nr_pfns * sizeof(struct page),
			      PAGES_PER_GIB * sizeof(struct page));
	page_offset_base = (unsigned long)gup_reserve(tables << PAGE_SHIFT,
						      PMD_SIZE);
	gup_have_pkru = have_pkru();
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		gup_nodes[nid].node_id = nid;
	gup_thread_begin();
	gup_world_reset();
}

/* As it was in the beginning, with no VMA. */
void gup_world_reset(void)
{
	memset(__va(0), 0, nr_tables << PAGE_SHIFT);
	nr_tables = 0;
	memset(&world.mm, 0, sizeof(world.mm));
	world.mm.pgd = new_table();
	world.nr_freed = 0;
	world.freed = NULL;
	world.fault = NULL;
	zero_pfn = ULONG_MAX;
	huge_zero_pfn = ULONG_MAX;
	current->mm = &world.mm;
	current->fatal_signal = false;
	current->pkru = 0;
}

void gup_world_free(struct folio *folio)
{
	__atomic_fetch_add(&world.nr_freed, 1, __ATOMIC_RELAXED);
	if (world.freed)
		world.freed(folio);
}

vm_fault_t gup_world_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags)
{
	return world.fault ? world.fault(vma, addr, flags) : VM_FAULT_SIGBUS;
}

struct vm_area_struct *gup_world_vma(unsigned long start, unsigned long end,
				     vm_flags_t flags)
{
	struct vm_area_struct *vma = &world.mm.vmas[world.mm.nr_vmas++];

	memset(vma, 0, sizeof(*vma));
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_mm = &world.mm;
	vma->vm_flags = flags;
	return vma;
}

/*
 * Folios
 */

static void init_page(struct page *page)
{
	memset(page, 0, sizeof(*page));
	page->page_type = -1;
	page->flags.f = (unsigned long)ZONE_NORMAL << ZONES_PGSHIFT |
			BIT(PG_anon_exclusive);
}

static unsigned long compound_info(struct page *head, unsigned int order)
{
	if (IS_ENABLED(CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP))
		return ~(sizeof(struct page) * BIT(order) - 1) | 1;
	return (unsigned long)head | 1;
}

/* As in the kernel, the zero page is a reserved one. */
void gup_make_zero(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	zero_pfn = pfn;
	page->flags.f |= BIT(PG_reserved);
	page->mapping = NULL;
}

struct folio *gup_folio(unsigned long pfn, unsigned int order)
{
	struct page *head = pfn_to_page(pfn);
	struct folio *folio = (struct folio *)head;

	for (unsigned long i = 0; i < BIT(order); i++) {
		init_page(head + i);
		if (i)
			head[i].compound_info = compound_info(head, order);
	}
	folio->mapping = (void *)FOLIO_MAPPING_ANON;
	if (!order && pfn == zero_pfn)
		gup_make_zero(pfn);
	if (order) {
		folio->flags.f |= BIT(PG_head);
		folio->_flags_1 = (folio->_flags_1 & ~0xffUL) | order;
		folio->_nr_pages = BIT(order);
		atomic_set(&folio->_pincount, 0);
	}
	atomic_set(&folio->_refcount, 1);
	return folio;
}

/*
 * Page tables
 */

static void *table_below(u64 *entry)
{
	if (!*entry)
		*entry = __pa(new_table()) | _PAGE_TABLE;
	return gup_table(*entry);
}

pud_t *gup_pud(unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(&world.mm, addr);

	return (pud_t *)table_below(&pgdp->pgd) + gup_index(addr, PUD_SHIFT);
}

pmd_t *gup_pmd(unsigned long addr)
{
	return (pmd_t *)table_below(&gup_pud(addr)->pud) +
	       gup_index(addr, PMD_SHIFT);
}

pte_t *gup_pte(unsigned long addr)
{
	return (pte_t *)table_below(&gup_pmd(addr)->pmd) +
	       gup_index(addr, PAGE_SHIFT);
}

/* An entry of any level: see gup_pfn_invert(). */
static u64 entry(unsigned long pfn, u64 flags)
{
	u64 val = pfn << PAGE_SHIFT | flags;

	return val ^ (gup_pfn_invert(flags) & PTE_PFN_MASK);
}

void gup_map_pte(unsigned long addr, unsigned long pfn, u64 flags)
{
	WRITE_ONCE(gup_pte(addr)->pte, entry(pfn, flags));
}

void gup_map_pmd(unsigned long addr, unsigned long pfn, u64 flags)
{
	WRITE_ONCE(gup_pmd(addr)->pmd, entry(pfn, flags | _PAGE_PSE));
}

void gup_map_pud(unsigned long addr, unsigned long pfn, u64 flags)
{
	WRITE_ONCE(gup_pud(addr)->pud, entry(pfn, flags | _PAGE_PSE));
}

void split_huge_pmd(struct vm_area_struct *vma, pmd_t *pmdp, unsigned long addr)
{
	pmd_t pmd = *pmdp;
	unsigned long pfn = pmd_pfn(pmd);

	pmdp->pmd = 0;
	addr &= PMD_MASK;
	for (unsigned long i = 0; i < PTRS_PER_PTE; i++)
		gup_map_pte(addr + i * PAGE_SIZE, pfn + i,
			    pmd_flags(pmd) & ~_PAGE_PSE);
}

int pte_alloc(struct mm_struct *mm, pmd_t *pmdp)
{
	table_below(&pmdp->pmd);
	return 0;
}

/*
 * Threads
 */

void gup_thread_begin(void)
{
	current->mm = &world.mm;
	for (int i = 0; i < GUP_MAX_THREADS; i++) {
		struct task_struct *nobody = NULL;

		if (__atomic_compare_exchange_n(&threads[i], &nobody, current,
						false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return;
	}
}

void gup_thread_end(void)
{
	gup_stat_fold();
	for (int i = 0; i < GUP_MAX_THREADS; i++) {
		if (__atomic_load_n(&threads[i], __ATOMIC_SEQ_CST) == current)
			__atomic_store_n(&threads[i], NULL, __ATOMIC_SEQ_CST);
	}
}

/* Waits until each thread has had its interrupts on at least once. */
void tlb_remove_table_sync_one(void)
{
	for (int i = 0; i < GUP_MAX_THREADS; i++) {
		struct task_struct *task =
			__atomic_load_n(&threads[i], __ATOMIC_SEQ_CST);
		unsigned long seen;

		if (!task || task == current)
			continue;
		seen = __atomic_load_n(&task->irqs_off, __ATOMIC_SEQ_CST);
		while ((seen & 1) && __atomic_load_n(&task->irqs_off,
						     __ATOMIC_SEQ_CST) == seen)
			sched_yield();
	}
}
