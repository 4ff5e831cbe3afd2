// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory to take pages of: see gup_world.h.
 */
#include <cpuid.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gup_world.h"

#define PAGES_PER_GIB		(SZ_1G >> PAGE_SHIFT)
#define GUP_MAX_THREADS		16

/* What the fields of a free page have that a user of the page would rely on. */
#define GUP_POISON		0xdead000000000400UL
#define GUP_POISON_COUNT	0x5a5a5a5a
#define PGTY_BUDDY		0xf0

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
#ifdef GUP_CHECKED
	gup_blocks = gup_reserve((gup_nr_pfns >> pageblock_order) + 1, PAGE_SIZE);
#endif
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
	world.vma_locks = false;
	world.vma_locked = NULL;
	world.new_table = NULL;
	world.migrated = NULL;
	world.drained = NULL;
	world.slept = 0;
	world.woken = NULL;
#ifdef GUP_CHECKED
	memset(gup_blocks, MIGRATE_MOVABLE, gup_nr_pfns >> pageblock_order);
#endif
	zero_pfn = ULONG_MAX;
	huge_zero_pfn = ULONG_MAX;
	current->mm = &world.mm;
	current->signal = false;
	current->fatal_signal = false;
	current->pkru = 0;
	current->nr_locks = 0;
	current->nr_mmap_locks = 0;
	current->nr_vma_locks = 0;
	current->nr_flushed = 0;
}

void gup_world_free(struct folio *folio)
{
	__atomic_fetch_add(&world.nr_freed, 1, __ATOMIC_RELAXED);
	gup_free(folio);
	if (world.freed)
		world.freed(folio);
}

/* What no caller of the real one does, and what no real one does. */
static vm_fault_t checked_fault(struct vm_area_struct *vma, unsigned long addr,
				unsigned int flags)
{
	const bool vma_locked = flags & FAULT_FLAG_VMA_LOCK;
	const unsigned int *held = vma_locked ? &current->nr_vma_locks :
						&current->nr_mmap_locks;
	const unsigned int locks = *held;
	const bool nowait = flags & FAULT_FLAG_RETRY_NOWAIT;
	vm_fault_t fault;
	bool dropped;

	might_sleep();
	GUP_MUST(locks && !(vma_locked && nowait));
	GUP_MUST(addr >= vma->vm_start && addr < vma->vm_end);
	if (flags & FAULT_FLAG_WRITE) {
		GUP_MUST(!(flags & FAULT_FLAG_UNSHARE));
		GUP_MUST((vma->vm_flags & VM_WRITE) || vma_is_cow_mapping(vma));
	}
	GUP_MUST(!nowait || (flags & FAULT_FLAG_ALLOW_RETRY));

	fault = world.fault(vma, addr, flags);
	dropped = (fault & VM_FAULT_COMPLETED) ||
		  ((fault & VM_FAULT_RETRY) && !nowait);
	GUP_MUST(!dropped || (flags & FAULT_FLAG_ALLOW_RETRY));
	GUP_MUST(*held == locks - dropped);
	return fault;
}

void gup_drop_lock(struct vm_area_struct *vma, unsigned int flags)
{
	if (flags & FAULT_FLAG_VMA_LOCK)
		vma_end_read(vma);
	else
		mmap_read_unlock(vma->vm_mm);
}

bool gup_world_lock_vma(void)
{
	if (world.vma_locked)
		world.vma_locked();
	return world.vma_locks;
}

vm_fault_t gup_world_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags)
{
	return world.fault ? checked_fault(vma, addr, flags) : VM_FAULT_SIGBUS;
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

/*
 * Fields of a struct page are written one by one and as a whole: somebody may look
 * at a page that is not his.
 */
static void init_page(struct page *page)
{
	WRITE_ONCE(page->flags.f, (unsigned long)ZONE_NORMAL << ZONES_PGSHIFT |
				  BIT(PG_lru));
	WRITE_ONCE(page->compound_info, 0);
	WRITE_ONCE(page->lru.prev, NULL);
	WRITE_ONCE(page->mapping, (void *)FOLIO_MAPPING_ANON);
	WRITE_ONCE(page->index, 0);
	WRITE_ONCE(page->private, 0);
	WRITE_ONCE(page->page_type, -1);
	WRITE_ONCE(page->memcg_data, 0);
}

/*
 * Did somebody write to a free page? As soon as its folio has a count, somebody may:
 * the branches in here order the reads before that, which ThreadSanitizer cannot see.
 */
static void check_free(struct page *page)
{
	if (READ_ONCE(page->page_type) != (unsigned int)PGTY_BUDDY << 24)
		return;
	GUP_MUST(atomic_read(&page->_refcount) == 0);
	GUP_MUST((unsigned long)READ_ONCE(page->mapping) == GUP_POISON);
	GUP_MUST(READ_ONCE(page->index) == GUP_POISON);
	GUP_MUST(READ_ONCE(page->private) == GUP_POISON);
	GUP_MUST(READ_ONCE(page->memcg_data) == GUP_POISON);
}

/* See the comment in mm/gup_fast.h about what a freed folio leaves behind. */
static void poison_page(struct page *page)
{
	WRITE_ONCE(page->flags.f, READ_ONCE(page->flags.f) & ZONES_MASK <<
				  ZONES_PGSHIFT);
	WRITE_ONCE(page->compound_info, GUP_POISON);
	WRITE_ONCE(page->lru.prev, (void *)GUP_POISON);
	WRITE_ONCE(page->mapping, (void *)GUP_POISON);
	WRITE_ONCE(page->index, GUP_POISON);
	WRITE_ONCE(page->private, GUP_POISON);
	WRITE_ONCE(page->page_type, (unsigned int)PGTY_BUDDY << 24);
	WRITE_ONCE(page->memcg_data, GUP_POISON);
	atomic_set(&page->_refcount, 0);
}

void gup_free(struct folio *folio)
{
	unsigned long nr = folio_nr_pages(folio);

	if (folio_has_pincount(folio))
		GUP_MUST(atomic_read(&folio->_pincount) == 0);
	if (nr > 1)
		WRITE_ONCE(folio->_nr_pages, 0);
	while (nr--)
		poison_page(folio_page(folio, nr));
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

/* Lets the hook step in while a folio is being made. */
static void at_count(struct folio *folio)
{
#ifdef GUP_CHECKED
	if (gup_hook)
		gup_hook(&folio->_refcount.counter, true);
#endif
}

struct folio *gup_folio(unsigned long pfn, unsigned int order)
{
	struct page *head = pfn_to_page(pfn);
	struct folio *folio = (struct folio *)head;

	for (unsigned long i = 0; i < BIT(order); i++) {
		check_free(head + i);
		init_page(head + i);
		if (i)
			atomic_set(&head[i]._refcount, 0);
	}
	/* The allocator gives the page a reference, and then makes it a head. */
	atomic_set(&folio->_refcount, 1);
	at_count(folio);
	if (order)
		set_bit(PG_head, &folio->flags.f);
	for (unsigned long i = 1; i < BIT(order); i++) {
		WRITE_ONCE(head[i].mapping, (void *)GUP_POISON);
		WRITE_ONCE(head[i].compound_info, compound_info(head, order));
	}
	at_count(folio);
	if (order) {
		WRITE_ONCE(folio->_flags_1, (folio->_flags_1 & ~0xffUL) | order);
		WRITE_ONCE(folio->_nr_pages, BIT(order));
	}
	if (folio_has_pincount(folio))
		atomic_set(&folio->_pincount, 0);
	set_bit(PG_anon_exclusive, &folio->flags.f);
	if (!order && pfn == zero_pfn)
		gup_make_zero(pfn);
	return folio;
}

void gup_set_exclusive(unsigned long pfn, unsigned long nr, bool exclusive)
{
	for (; nr--; pfn++) {
		if (exclusive)
			set_bit(PG_anon_exclusive, &pfn_to_page(pfn)->flags.f);
		else
			clear_bit(PG_anon_exclusive, &pfn_to_page(pfn)->flags.f);
	}
}

#ifdef GUP_CHECKED
void gup_set_block(unsigned long pfn, enum migratetype type)
{
	WRITE_ONCE(gup_blocks[pfn >> pageblock_order], type);
}
#endif

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

/* A mapping of a file is taken away, to be faulted in again as needed. */
void split_huge_pmd(struct vm_area_struct *vma, pmd_t *pmdp, unsigned long addr)
{
	pmd_t pmd = *pmdp;
	unsigned long pfn = pmd_pfn(pmd);

	might_sleep();
	pmdp->pmd = 0;
	if (!vma_is_anonymous(vma))
		return;
	if (PageAnonExclusive(pmd_page(pmd)))
		gup_set_exclusive(pfn, PTRS_PER_PTE, true);
	addr &= PMD_MASK;
	for (unsigned long i = 0; i < PTRS_PER_PTE; i++)
		gup_map_pte(addr + i * PAGE_SIZE, pfn + i,
			    pmd_flags(pmd) & ~_PAGE_PSE);
}

int pte_alloc(struct mm_struct *mm, pmd_t *pmdp)
{
	might_sleep();
	if (!pmd_none(*pmdp))
		return 0;
	if (world.new_table && !world.new_table())
		return -ENOMEM;
	table_below(&pmdp->pmd);
	return 0;
}

/*
 * Migration
 */

#ifdef GUP_CHECKED
bool folio_isolate_lru(struct folio *folio)
{
	if (!folio_test_lru(folio))
		return false;
	folio_clear_lru(folio);
	folio_get(folio);
	return true;
}

void lru_cache_drain_for_folio(struct folio *folio, unsigned int extra_refs,
			       enum lru_cache_drained *drained)
{
	might_sleep();
	if (world.drained)
		world.drained(folio);
}

struct folio *alloc_migration_target(struct folio *folio, unsigned long private)
{
	return world.migrated ? world.migrated(folio) : NULL;
}

/* Lets all entries that map a folio map another. */
static void move_entries(struct folio *from, struct folio *to)
{
	u64 *entry = __va(0), *end = entry + nr_tables * PTRS_PER_PTE;

	for (; entry < end; entry++) {
		pte_t pte = __pte(*entry);
		struct page *page = pte_page(pte);

		if (pte_present(pte) && pte_pfn(pte) >= world.first_pfn &&
		    page_folio(page) == from)
			*entry += (u64)(&to->page - &from->page) << PAGE_SHIFT;
	}
}

/* A folio that has no reference but its own and that of who isolated it moves. */
static int migrate(struct folio *folio, struct folio *(*get_new)(struct folio *,
								 unsigned long),
		   unsigned long private)
{
	struct folio *new;

	if (folio_ref_count(folio) != 2)
		return -EAGAIN;
	new = get_new(folio, private);
	if (!new)
		return -ENOMEM;
	move_entries(folio, new);
	folio_put_refs(folio, 2);
	return 0;
}

int migrate_pages(struct list_head *from,
		  struct folio *(*get_new)(struct folio *folio,
					   unsigned long private),
		  void *put_new, unsigned long private, enum migrate_mode mode,
		  int reason, unsigned int *ret_succeeded)
{
	struct list_head *at = from->next;
	int failed = 0, error = 0;

	might_sleep();
	while (at != from && error != -ENOMEM) {
		struct folio *folio = (void *)at - offsetof(struct folio, lru);
		const bool file = folio_is_file_lru(folio);
		const int nid = folio_nid(folio);
		const long nr = folio_nr_pages(folio);

		at = at->next;
		list_del(&folio->lru);
		error = migrate(folio, get_new, private);
		if (!error) {
			mod_node_page_state(NODE_DATA(nid),
					    NR_ISOLATED_ANON + file, -nr);
			continue;
		}
		/* Where it was. */
		list_add_tail(&folio->lru, at);
		failed++;
	}
	/* The others are not tried then. */
	return error == -ENOMEM ? error : failed;
}

void putback_movable_pages(struct list_head *list)
{
	while (!list_empty(list)) {
		struct folio *folio = (void *)list->next -
				      offsetof(struct folio, lru);

		list_del(&folio->lru);
		node_stat_mod_folio(folio, NR_ISOLATED_ANON +
					   folio_is_file_lru(folio),
				    -(long)folio_nr_pages(folio));
		folio->page.compound_info = 0;
		folio_set_lru(folio);
		folio_put(folio);
	}
}

long schedule_timeout_killable(long timeout)
{
	might_sleep();
	world.slept += timeout;
	if (world.woken)
		world.woken();
	return 0;
}

int migrate_device_coherent_folio(struct folio *folio)
{
	if (!migrate(folio, alloc_migration_target, 0))
		return 0;
	folio_put(folio);
	return -EBUSY;
}
#endif

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
	gup_forget_barriers();
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
			gup_wait();
	}
}
