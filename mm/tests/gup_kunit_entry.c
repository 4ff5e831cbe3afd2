// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): what each kind of page table entry means.
 */
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#include "gup_kunit.h"

/* The outcome of one step of the slow walk; what it took is given back. */
static enum gup_outcome gk_outcome(struct kunit *test, unsigned long addr,
				   unsigned int flags)
{
	struct page *pages[1];
	enum gup_outcome outcome;
	struct gup_req req;

	gk_req(&req, addr, 1, flags, flags & (FOLL_GET | FOLL_PIN) ? pages :
								     NULL);
	outcome = gk_walk_slow(&req);
	KUNIT_EXPECT_EQ(test, req.sink.nr, outcome == GUP_PROGRESS);
	gup_undo(&req, 0);
	return outcome == GUP_ERROR ? req.error : outcome;
}

/* The lockless walk must find nothing here, whatever is asked for. */
static void gk_expect_no_fast(struct kunit *test, unsigned long addr)
{
	struct page *pages[1];

	KUNIT_EXPECT_EQ(test, 0, get_user_pages_fast_only(addr, 1, 0, pages));
	KUNIT_EXPECT_EQ(test, 0, get_user_pages_fast_only(addr, 1, FOLL_WRITE,
							  pages));
	KUNIT_EXPECT_EQ(test, 0, gk_pin_lockless(addr, 1, 0, pages));
	KUNIT_EXPECT_EQ(test, 0, gk_pin_lockless(addr, 1, FOLL_WRITE, pages));
}

/*
 * Nothing mapped
 */

static void gup_entry_absent(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);

	/* No table at all, then a table with nothing in it. */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, 0), GUP_NEED_FAULT);
	gk_fill(test, addr + PAGE_SIZE, 1);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
	gk_expect_no_fast(test, addr);
}

static void gup_entry_nofault(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	struct page *pages[4];

	gk_fill(test, addr, 2);
	KUNIT_EXPECT_EQ(test, api->take(addr, 4, FOLL_NOFAULT, pages), 2);
	gk_release(api, pages, 2);
	KUNIT_EXPECT_EQ(test, api->take(addr + 2 * PAGE_SIZE, 2, FOLL_NOFAULT,
					pages), api->lockless ? 0 : -EFAULT);
	KUNIT_EXPECT_TRUE(test, pte_none(gk_pte(test, addr + 2 * PAGE_SIZE)));
}

/*
 * A PFN beyond all memory: where it leads there is no struct page. The report is
 * expected, so it is kept from the log.
 */
static void gk_check_beyond_memory(struct kunit *test, const struct gk_api *api,
				   unsigned long addr, unsigned long nr,
				   unsigned int flags)
{
	const unsigned long highest = highest_memmap_pfn;
	struct gk_refs *refs = gk_refs(test, addr, nr);
	struct page **pages = gk_array(test, nr);
	const int suppressed = suppress_printk;
	long ret;

	suppress_printk = 1;
	highest_memmap_pfn = 0;
	ret = api->take(addr, nr, flags, pages);
	highest_memmap_pfn = highest;
	suppress_printk = suppressed;
	KUNIT_EXPECT_EQ(test, ret, -EEXIST);
	gk_release(api, pages, ret);
	gk_expect_released(test, refs, nr);
}

/* Of the slow walk only: the lockless one takes what the entry says. */
static void gup_entry_pfn_beyond_memory(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned int i;

	if (IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "needs a kernel without lockdep, which the report turns off");
	for (i = 0; i < GK_NR_KINDS; i++) {
		const struct gk_kind *kind = &gk_kinds[i];
		unsigned long addr;

		if (!kind->ptes)
			continue;
		addr = kind->map(test, kind);
		gk_check_beyond_memory(test, api, addr, kind->nr, FOLL_WRITE);
		gk_check_beyond_memory(test, api, addr, 1, 0);
	}
}

/*
 * Holes in core dumps
 */

static void gup_entry_dump_anonymous_hole(struct kunit *test)
{
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);

	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			-EFAULT);
	gk_fill(test, addr + PAGE_SIZE, 1);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr + PAGE_SIZE,
					 FOLL_DUMP | FOLL_GET), GUP_PROGRESS);
	/* Not a hole: somebody wrote there once. */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
}

static void gup_entry_dump_file_hole(struct kunit *test)
{
	unsigned long addr = gk_map_file(test, gk_shmem_file(test, 1), 1,
					 PROT_READ | PROT_WRITE, MAP_SHARED);

	/* The file may have a page there: who knows before the fault? */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			GUP_NEED_FAULT);
}

static const struct vm_operations_struct gk_no_fault_ops = {};

static void gup_entry_dump_mapping_without_fault_handler(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);

	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			GUP_NEED_FAULT);
	mmap_write_lock(current->mm);
	dev->vma->vm_ops = &gk_no_fault_ops;
	mmap_write_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			-EFAULT);
}

static void gup_entry_dump_hugetlb_hole(struct kunit *test)
{
	struct file *file = gk_hugetlb_file(test, 2);
	unsigned long size = huge_page_size(hstate_file(file)), addr, other;

	addr = gk_map_file(test, file, 2 * size >> PAGE_SHIFT,
			   PROT_READ | PROT_WRITE, MAP_SHARED);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			-EFAULT);
	/* Mapped elsewhere, it is in the page cache: no hole. */
	other = gk_map_file(test, file, 2 * size >> PAGE_SHIFT,
			    PROT_READ | PROT_WRITE, MAP_SHARED);
	gk_poke(test, other + size, 1);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr + size,
					 FOLL_DUMP | FOLL_GET), GUP_NEED_FAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_DUMP | FOLL_GET),
			-EFAULT);
}

/*
 * Present, but not for us
 */

static void gk_make_protnone(struct kunit *test, unsigned long addr)
{
	if (!IS_ENABLED(CONFIG_NUMA_BALANCING))
		kunit_skip(test, "needs CONFIG_NUMA_BALANCING");
	gk_set_pte(test, addr, pte_modify(gk_pte(test, addr), PAGE_NONE));
	KUNIT_ASSERT_TRUE(test, pte_protnone(gk_pte(test, addr)));
}

static void gup_entry_protnone(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_make_protnone(test, addr);
	/* A hint is followed only by those who say so, or who write. */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr,
					 FOLL_GET | FOLL_HONOR_NUMA_FAULT),
			GUP_NEED_FAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE),
			GUP_NEED_FAULT);
	gk_expect_no_fast(test, addr);
}

static void gup_entry_protnone_is_faulted(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *pages[1];
	long ret;

	gk_make_protnone(test, addr);
	ret = api->take(addr, 1, FOLL_HONOR_NUMA_FAULT, pages);
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : 1);
	KUNIT_EXPECT_EQ(test, pte_protnone(gk_pte(test, addr)), api->lockless);
	gk_release(api, pages, ret);
}

/* There a protnone entry is no hint: userfaultfd wants to know. */
static void gup_entry_protnone_of_uffd_rwp(struct kunit *test)
{
#ifdef CONFIG_USERFAULTFD_RWP
	unsigned long addr = gk_map_filled(test, 1);

	gk_make_protnone(test, addr);
	gk_vm_flags(addr, VM_UFFD_RWP, 0);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
	gk_vm_flags(addr, 0, VM_UFFD_RWP);
#else
	kunit_skip(test, "needs CONFIG_USERFAULTFD_RWP");
#endif
}

static void gk_check_not_present(struct kunit *test, unsigned long addr,
				 pte_t pte)
{
	pte_t old = gk_pte(test, addr);

	gk_set_pte(test, addr, pte);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
	/* It is no hole either. */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			GUP_NEED_FAULT);
	gk_expect_no_fast(test, addr);
	gk_set_pte(test, addr, old);
}

static void gup_entry_swap(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_check_not_present(test, addr, swp_entry_to_pte(swp_entry(0, 1)));
}

static void gup_entry_migration(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	unsigned long pfn = page_to_pfn(gk_page_at(addr));
	swp_entry_t entry = make_writable_migration_entry(pfn);

	/* Only a locked folio is on the move. */
	lock_page(gk_page_at(addr));
	gk_check_not_present(test, addr, swp_entry_to_pte(entry));
	unlock_page(gk_page_at(addr));
}

static void gup_entry_guard(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 3);
	struct page *pages[3];

	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + PAGE_SIZE,
					    PAGE_SIZE, MADV_GUARD_INSTALL));
	KUNIT_EXPECT_EQ(test, api->take(addr, 3, 0, pages), 1);
	gk_release(api, pages, 1);
	KUNIT_EXPECT_EQ(test, api->take(addr + PAGE_SIZE, 2, FOLL_FORCE, pages),
			api->lockless ? 0 : -EFAULT);
}

/*
 * Zero pages
 */

static void gup_entry_zero_page(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_zero(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *pages[2];

	if (api->lockless) {
		gk_expect_no_fast(test, addr);
		return;
	}
	KUNIT_ASSERT_EQ(test, api->take(addr, 2, 0, pages), 2);
	gk_expect_taken(test, refs, pages, 2, api->ref);
	gk_release(api, pages, 2);
	gk_expect_released(test, refs, 2);
}

static void gup_entry_zero_page_is_not_dumped(struct kunit *test)
{
	unsigned long addr = gk_map_zero(test, 1);

	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE),
			GUP_NEED_FAULT);
	/* Nor may it be written to by force. */
	gk_vm_flags(addr, 0, VM_WRITE);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE |
					 FOLL_FORCE), GUP_NEED_FAULT);
}

static void gup_entry_zero_page_is_replaced_for_writing(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_zero(test, 1);
	struct page *pages[1];
	long ret = api->take(addr, 1, FOLL_WRITE, pages);

	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : 1);
	if (ret == 1) {
		KUNIT_EXPECT_FALSE(test, is_zero_page(pages[0]));
		KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(addr));
	}
	gk_release(api, pages, ret);
}

static void gup_entry_huge_zero_folio(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_huge_zero(test) + 5 * PAGE_SIZE;
	struct gk_refs *refs = gk_refs(test, addr, 3);
	struct page *pages[3];

	if (api->lockless) {
		gk_expect_no_fast(test, addr);
		return;
	}
	KUNIT_ASSERT_EQ(test, api->take(addr, 3, 0, pages), 3);
	gk_expect_taken(test, refs, pages, 3, api->ref);
	gk_release(api, pages, 3);
	gk_expect_released(test, refs, 3);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			-EFAULT);
}

/*
 * Entries without struct page
 */

static unsigned long gk_pfn_without_page(struct kunit *test)
{
	/* Where PCs, and QEMU's machines for arm64 and RISC-V, have devices. */
	static const unsigned long from[] = { 0xe0000000UL, 0x10000000UL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(from); i++) {
		unsigned long pfn = PHYS_PFN(from[i]);

		for (; pfn < PHYS_PFN(from[i] + SZ_256M); pfn++) {
			if (!pfn_valid(pfn))
				return pfn;
		}
	}
	kunit_skip(test, "needs an address without memory below 4 GiB");
}

static vm_fault_t gk_fault_pfn(struct gk_dev *dev, struct vm_fault *vmf)
{
	unsigned long pfn = (unsigned long)dev->pages[0];

	return vmf_insert_mixed(vmf->vma, vmf->address, pfn);
}

static unsigned long gk_map_pfn(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;

	dev->pages[0] = (struct page *)gk_pfn_without_page(test);
	dev->fault = gk_fault_pfn;
	dev->vm_flags = VM_MIXEDMAP;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	mmap_read_lock(current->mm);
	KUNIT_ASSERT_EQ(test, get_user_pages(addr, 2, 0, NULL), 2);
	mmap_read_unlock(current->mm);
	KUNIT_ASSERT_TRUE(test, pte_special(gk_pte(test, addr)));
	return addr;
}

static void gup_entry_pfn(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_pfn(test);
	struct page *pages[1] = {};

	KUNIT_EXPECT_EQ(test, api->take(addr, 1, 0, pages),
			api->lockless ? 0 : -EEXIST);
	KUNIT_EXPECT_NULL(test, pages[0]);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, 0), GUP_PROGRESS);
	gk_expect_no_fast(test, addr);
}

static void gup_entry_pfn_is_touched(struct kunit *test)
{
	unsigned long addr = gk_map_pfn(test);
	pte_t pte = pte_mkwrite_novma(pte_mkold(pte_mkclean(gk_pte(test, addr))));

	gk_set_pte(test, addr, pte);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_WRITE), GUP_PROGRESS);
	KUNIT_EXPECT_FALSE(test, pte_young(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_TOUCH), GUP_PROGRESS);
	KUNIT_EXPECT_TRUE(test, pte_young(gk_pte(test, addr)));
	KUNIT_EXPECT_FALSE(test, pte_dirty(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_TOUCH | FOLL_WRITE),
			GUP_PROGRESS);
	KUNIT_EXPECT_TRUE(test, pte_dirty(gk_pte(test, addr)));
}

#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
static void gup_entry_pud_of_pfn(struct kunit *test)
{
	unsigned long pfn = gk_pfn_without_page(test) & (PUD_MASK >> PAGE_SHIFT);
	unsigned long addr = gk_map_file(test, NULL, 2 * PUD_SIZE >> PAGE_SHIFT,
					 PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	pgprot_t prot;
	pud_t *pudp, old;

	addr = ALIGN(addr, PUD_SIZE);
	/* Now there is a table of PUDs. */
	gk_peek(test, addr);
	gk_vm_flags(addr, VM_MIXEDMAP, 0);
	prot = vma_lookup(current->mm, addr)->vm_page_prot;
	pudp = pud_offset(p4d_offset(pgd_offset(current->mm, addr), addr), addr);
	old = pudp_get(pudp);
	set_pud(pudp, pud_mkspecial(pud_mkhuge(pfn_pud(pfn, prot))));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr + PAGE_SIZE, FOLL_GET),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr + PAGE_SIZE, 0),
			GUP_PROGRESS);
	gk_expect_no_fast(test, addr + PAGE_SIZE);
	set_pud(pudp, old);
	gk_vm_flags(addr, 0, VM_MIXEDMAP);
}
#else
static void gup_entry_pud_of_pfn(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_ARCH_SUPPORTS_PUD_PFNMAP");
}
#endif

/*
 * Touching
 */

static void gk_make_untouched(struct kunit *test, unsigned long addr)
{
	struct folio *folio = page_folio(gk_page_at(addr));

	gk_set_pte(test, addr, pte_mkold(pte_mkclean(gk_pte(test, addr))));
	lru_add_drain_all();
	folio_clear_referenced(folio);
	folio_clear_active(folio);
	folio_clear_dirty(folio);
}

static void gup_entry_touch(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct folio *folio = page_folio(gk_page_at(addr));

	gk_make_untouched(test, addr);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE),
			GUP_PROGRESS);
	KUNIT_EXPECT_FALSE(test, folio_test_dirty(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_referenced(folio));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_TOUCH),
			GUP_PROGRESS);
	KUNIT_EXPECT_TRUE(test, folio_test_referenced(folio));
	KUNIT_EXPECT_FALSE(test, folio_test_dirty(folio));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_TOUCH |
					 FOLL_WRITE), GUP_PROGRESS);
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));

	/* The entry will tell in time: nothing to be done. */
	folio_clear_dirty(folio);
	gk_set_pte(test, addr, pte_mkdirty(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_TOUCH |
					 FOLL_WRITE), GUP_PROGRESS);
	KUNIT_EXPECT_FALSE(test, folio_test_dirty(folio));
}

static void gup_entry_touch_large_folio(struct kunit *test)
{
	unsigned long addr = gk_map_64k(test);
	struct folio *folio = page_folio(gk_page_at(addr));
	struct page **pages = gk_array(test, 16);
	struct gup_req req;

	/* One of its entries is clean: that is enough. */
	folio_clear_dirty(folio);
	gk_set_pte(test, addr + 9 * PAGE_SIZE,
		   pte_mkclean(gk_pte(test, addr + 9 * PAGE_SIZE)));
	gk_req(&req, addr, 16, FOLL_GET | FOLL_TOUCH | FOLL_WRITE, pages);
	KUNIT_EXPECT_EQ(test, gk_walk_slow(&req), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, req.sink.nr, 16);
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
	gup_undo(&req, 0);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static void gk_set_pmd(unsigned long addr, pmd_t pmd)
{
	pmd_t *pmdp = gk_pmdp(addr);

	/* Some MMUs must not see one turn into another. */
	pmdp_huge_get_and_clear(current->mm, addr, pmdp);
	flush_tlb_mm(current->mm);
	set_pmd_at(current->mm, addr, pmdp, pmd);
}
#endif

/* A bit where the PFN of a small page has one says how a huge one is cached. */
static void gup_entry_thp_with_cache_bit(struct kunit *test)
{
#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && defined(CONFIG_X86_64)
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_thp(test);
	struct gk_refs *refs = gk_refs(test, addr, 4);
	pmd_t pmd = *gk_pmdp(addr);
	struct page *pages[4];
	long ret;

	gk_set_pmd(addr, __pmd(pmd_val(pmd) | _PAGE_PAT_LARGE));
	ret = api->take(addr, 4, FOLL_WRITE, pages);
	gk_set_pmd(addr, pmd);
	KUNIT_ASSERT_EQ(test, ret, 4);
	gk_expect_taken(test, refs, pages, 4, api->ref);
	gk_release(api, pages, 4);
#else
	kunit_skip(test, "needs x86-64 with CONFIG_TRANSPARENT_HUGEPAGE");
#endif
}

static void gup_entry_touch_thp(struct kunit *test)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	unsigned long addr = gk_map_thp(test);
	pmd_t *pmdp = gk_pmdp(addr);

	gk_set_pmd(addr, pmd_mkold(pmd_mkclean(*pmdp)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE),
			GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_TOUCH),
			GUP_PROGRESS);
	KUNIT_EXPECT_FALSE(test, pmd_dirty(*pmdp));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_TOUCH |
					 FOLL_WRITE), GUP_PROGRESS);
	KUNIT_EXPECT_TRUE(test, pmd_dirty(*pmdp));
	KUNIT_EXPECT_TRUE(test, pmd_young(*pmdp));
#else
	kunit_skip(test, "needs CONFIG_TRANSPARENT_HUGEPAGE");
#endif
}

/* An entry of the top level may have bits above the address of a table. */
static void gup_entry_table_without_execution(struct kunit *test)
{
#ifdef CONFIG_X86_64
	unsigned long addr = gk_map_filled(test, 4);
	pgd_t *pgdp = pgd_offset(current->mm, addr);
	struct gk_refs *refs = gk_refs(test, addr, 4);
	struct page *pages[4];
	pgd_t pgd = *pgdp;
	long ret;

	/* As where user space has page tables of its own. */
	WRITE_ONCE(*pgdp, __pgd(pgd_val(pgd) | _PAGE_NX));
	ret = gk_get_fast_only(addr, 4, FOLL_WRITE, pages);
	WRITE_ONCE(*pgdp, pgd);
	KUNIT_ASSERT_EQ(test, ret, 4);
	gk_expect_taken(test, refs, pages, 4, FOLL_GET);
	gup_release_range(pages, 4, FOLL_GET);
#else
	kunit_skip(test, "needs x86-64");
#endif
}

/*
 * Runs of entries
 */

/* Two entries of a large folio, the wrong way round. */
static void gk_swap_ptes(struct kunit *test, unsigned long a, unsigned long b)
{
	pte_t pte_a = gk_pte(test, a), pte_b = gk_pte(test, b);

	gk_set_pte(test, a, __pte(0));
	gk_set_pte(test, b, __pte(0));
	gk_set_pte(test, a, pte_b);
	gk_set_pte(test, b, pte_a);
}

static void gup_entry_run_out_of_order(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct page **pages = gk_array(test, 32);
	struct gk_refs *refs;

	gk_swap_ptes(test, addr + 3 * PAGE_SIZE, addr + 7 * PAGE_SIZE);
	/* Into another folio of the same size. */
	gk_swap_ptes(test, addr + 11 * PAGE_SIZE, addr + 27 * PAGE_SIZE);
	refs = gk_refs(test, addr, 32);
	KUNIT_ASSERT_EQ(test, api->take(addr, 32, FOLL_WRITE, pages), 32);
	gk_expect_refs(test, refs, 32, 32, api->ref);
	KUNIT_EXPECT_MEMEQ(test, &pages[7], &refs[7].page, sizeof(*pages));
	gk_expect_taken(test, refs, pages, 32, api->ref);
	gk_release(api, pages, 32);
	gk_expect_released(test, refs, 32);
	gk_swap_ptes(test, addr + 11 * PAGE_SIZE, addr + 27 * PAGE_SIZE);
	gk_swap_ptes(test, addr + 3 * PAGE_SIZE, addr + 7 * PAGE_SIZE);
}

static void gup_entry_run_with_hole(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct gk_refs *refs = gk_refs(test, addr, 32);
	struct page **pages = gk_array(test, 32);
	long ret;

	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + 5 * PAGE_SIZE,
					    PAGE_SIZE, MADV_DONTNEED));
	ret = api->take(addr, 32, FOLL_NOFAULT, pages);
	KUNIT_EXPECT_EQ(test, ret, 5);
	KUNIT_EXPECT_PTR_EQ(test, pages[4], refs[4].page);
	gk_release(api, pages, ret);

	ret = api->take(addr, 32, FOLL_WRITE, pages);
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 5 : 32);
	if (ret == 32) {
		KUNIT_EXPECT_PTR_EQ(test, pages[5],
				    gk_page_at(addr + 5 * PAGE_SIZE));
		KUNIT_EXPECT_PTR_EQ(test, pages[6], refs[6].page);
		KUNIT_EXPECT_PTR_EQ(test, pages[31], refs[31].page);
	}
	gk_release(api, pages, ret);
	gk_expect_released(test, refs + 16, 16);
}

static void gup_entry_run_with_readonly_entry(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct gk_refs *refs = gk_refs(test, addr, 16);
	struct page **pages = gk_array(test, 16);
	long ret;

	gk_write_protect(test, addr + 6 * PAGE_SIZE, 2);
	ret = api->take(addr, 16, FOLL_WRITE | FOLL_NOFAULT, pages);
	KUNIT_EXPECT_EQ(test, ret, 6);
	gk_release(api, pages, ret);
	/* All of them exclusive: to read them nothing needs to be done. */
	KUNIT_ASSERT_EQ(test, api->take(addr, 16, FOLL_NOFAULT, pages), 16);
	gk_expect_taken(test, refs, pages, 16, api->ref);
	gk_release(api, pages, 16);
	gk_expect_released(test, refs, 16);
}

/* Whether a page is exclusive is not seen in its entry. */
static void gup_entry_run_with_shared_page(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct gk_refs *refs = gk_refs(test, addr, 16);
	struct page **pages = gk_array(test, 16);
	long ret;

	gk_write_protect(test, addr, 16);
	ClearPageAnonExclusive(refs[6].page);
	ret = api->take(addr, 16, FOLL_NOFAULT, pages);
	/* The lockless walk may give up the run before it as well. */
	if (api->ref == FOLL_GET)
		KUNIT_EXPECT_EQ(test, ret, 16);
	else if (api->lockless)
		KUNIT_EXPECT_LE(test, ret, 6);
	else
		KUNIT_EXPECT_EQ(test, ret, 6);
	gk_release(api, pages, ret);
	SetPageAnonExclusive(refs[6].page);
	gk_expect_released(test, refs, 16);
}

/*
 * FOLL_FORCE: the Dirty COW rule
 */

static void gk_make_readonly(struct kunit *test, unsigned long addr)
{
	gk_write_protect(test, addr, 1);
	gk_vm_flags(addr, 0, VM_WRITE);
}

static enum gup_outcome gk_forced(struct kunit *test, unsigned long addr)
{
	return gk_outcome(test, addr, FOLL_GET | FOLL_WRITE | FOLL_FORCE);
}

static void gup_entry_force_exclusive_page(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_make_readonly(test, addr);
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_WRITE),
			GUP_NEED_FAULT);
	/* By force means: where an ordinary write would not be allowed. */
	gk_vm_flags(addr, VM_WRITE, 0);
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
}

static void gup_entry_force_shared_page(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct page *page = gk_page_at(addr);

	gk_make_readonly(test, addr);
	ClearPageAnonExclusive(page);
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
	/* A dirty page is not one that has been copied. */
	SetPageDirty(page);
	gk_set_pte(test, addr, pte_mkdirty(gk_pte(test, addr)));
	gk_write_protect(test, addr, 1);
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
	SetPageAnonExclusive(page);
}

static void gup_entry_force_page_of_file(struct kunit *test)
{
	unsigned long addr = gk_map_file(test, gk_shmem_file(test, 1), 1,
					 PROT_READ, MAP_PRIVATE);

	gk_peek(test, addr);
	SetPageDirty(gk_page_at(addr));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
}

static void gup_entry_force_sees_soft_dirty(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "needs CONFIG_MEM_SOFT_DIRTY");
	gk_make_readonly(test, addr);
	gk_vm_flags(addr, 0, VM_SOFTDIRTY);
	gk_set_pte(test, addr, pte_clear_soft_dirty(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
	gk_set_pte(test, addr, pte_mksoft_dirty(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_PROGRESS);
}

static void gup_entry_force_sees_uffd_wp(struct kunit *test)
{
#ifdef CONFIG_HAVE_ARCH_USERFAULTFD_WP
	unsigned long addr = gk_map_filled(test, 1);

	if (!pgtable_supports_uffd())
		kunit_skip(test, "needs a CPU with a bit for userfaultfd");
	gk_make_readonly(test, addr);
	gk_vm_flags(addr, VM_UFFD_WP, 0);
	gk_set_pte(test, addr, pte_mkuffd(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
	gk_set_pte(test, addr, pte_clear_uffd(gk_pte(test, addr)));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_PROGRESS);
	gk_vm_flags(addr, 0, VM_UFFD_WP);
#else
	kunit_skip(test, "needs CONFIG_HAVE_ARCH_USERFAULTFD_WP");
#endif
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static void gup_entry_force_thp(struct kunit *test)
{
	unsigned long addr = gk_map_thp(test), inside = addr + 9 * PAGE_SIZE;
	struct page *head = gk_page_at(addr);
	pmd_t pmd = pmd_wrprotect(*gk_pmdp(addr));

	gk_vm_flags(addr, 0, VM_WRITE);
	gk_set_pmd(addr, pmd);
	KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_PROGRESS);
	ClearPageAnonExclusive(head);
	KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_NEED_FAULT);
	gk_set_pmd(addr, pmd_wrprotect(pmd_mkdirty(pmd)));
	SetPageDirty(head);
	KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_NEED_FAULT);
	SetPageAnonExclusive(head);
}

static void gup_entry_force_thp_sees_soft_dirty(struct kunit *test)
{
	unsigned long addr = gk_map_thp(test);
	pmd_t pmd = pmd_wrprotect(*gk_pmdp(addr));

	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "needs CONFIG_MEM_SOFT_DIRTY");
	gk_vm_flags(addr, 0, VM_WRITE | VM_SOFTDIRTY);
	gk_set_pmd(addr, pmd_clear_soft_dirty(pmd));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_NEED_FAULT);
	gk_set_pmd(addr, pmd_mksoft_dirty(pmd));
	KUNIT_EXPECT_EQ(test, gk_forced(test, addr), GUP_PROGRESS);
}

static void gup_entry_split_pmd(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_thp(test) + 3 * PAGE_SIZE;
	struct page *want[4], *pages[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		want[i] = gk_page_at(addr + i * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 4, api->take(addr, 4, FOLL_SPLIT_PMD, pages));
	KUNIT_EXPECT_FALSE(test, pmd_leaf(*gk_pmdp(addr)));
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_PTR_EQ(test, pages[i], want[i]);
		KUNIT_EXPECT_PTR_EQ(test, gk_page_at(addr + i * PAGE_SIZE),
				    want[i]);
	}
	gk_expect_filled(test, addr, 4);
	gk_release(api, pages, 4);
}
#else
static void gup_entry_force_thp(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_TRANSPARENT_HUGEPAGE");
}

#define gup_entry_force_thp_sees_soft_dirty	gup_entry_force_thp
#define gup_entry_split_pmd			gup_entry_force_thp
#endif	/* CONFIG_TRANSPARENT_HUGEPAGE */

/* What is written by force must not reach the file, nor anybody else. */
static void gup_entry_force_copies_page_of_file(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	struct file *file = gk_shmem_file(test, 1);
	unsigned long shared = gk_map_file(test, file, 1,
					   PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned long addr = gk_map_file(test, file, 1, PROT_READ, MAP_PRIVATE);
	struct page *pages[1];
	long ret;

	gk_fill(test, shared, 1);
	KUNIT_ASSERT_EQ(test, gk_peek(test, addr), shared + 1);
	ret = api->take(addr, 1, FOLL_WRITE | FOLL_FORCE, pages);
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : 1);
	if (ret == 1) {
		KUNIT_EXPECT_PTR_NE(test, pages[0], gk_page_at(shared));
		KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(addr));
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), shared + 1);
		KUNIT_EXPECT_FALSE(test, pte_write(gk_pte(test, addr)));
	}
	gk_release(api, pages, ret);
}

static void gup_entry_force_copies_shared_page(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct page *shared = gk_page_at(addr), *pages[1];
	long ret;

	gk_fork(test);
	gk_vm_flags(addr, 0, VM_WRITE);
	ret = combo->api->take(addr, 1, FOLL_WRITE | FOLL_FORCE, pages);
	KUNIT_EXPECT_EQ(test, ret, combo->api->lockless ? 0 : 1);
	if (ret == 1) {
		KUNIT_EXPECT_PTR_NE(test, pages[0], shared);
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), addr + 1);
	}
	gk_release(combo->api, pages, ret);
}

/*
 * hugetlb
 */

#ifdef CONFIG_HUGETLB_PAGE
static pte_t *gk_huge_ptep(unsigned long addr)
{
	return (pte_t *)gk_pmdp(addr);
}

static pte_t gk_huge_pte(unsigned long addr)
{
	return huge_ptep_get(current->mm, addr, gk_huge_ptep(addr));
}

static void gk_set_huge_pte(unsigned long addr, pte_t pte)
{
	pte_t *ptep = gk_huge_ptep(addr);

	/* Some MMUs must not see one turn into another. */
	huge_ptep_get_and_clear(current->mm, addr, ptep, PMD_SIZE);
	flush_tlb_mm(current->mm);
	set_huge_pte_at(current->mm, addr, ptep, pte, PMD_SIZE);
}

/* What is neither mapped nor a hole. */
static void gup_entry_hugetlb_migration(struct kunit *test)
{
	unsigned long addr = gk_map_hugetlb(test, MAP_SHARED);
	pte_t pte = gk_huge_pte(addr);
	unsigned long pfn = pte_pfn(pte);

	lock_page(pfn_to_page(pfn));
	gk_set_huge_pte(addr, swp_entry_to_pte(make_writable_migration_entry(pfn)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_NEED_FAULT);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			GUP_NEED_FAULT);
	gk_expect_no_fast(test, addr);
	gk_set_huge_pte(addr, pte);
	unlock_page(pfn_to_page(pfn));
}

static void gup_entry_hugetlb_is_dumped(struct kunit *test)
{
	unsigned long addr = gk_map_hugetlb(test, MAP_PRIVATE);

	gk_set_huge_pte(addr, huge_pte_wrprotect(gk_huge_pte(addr)));
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET | FOLL_DUMP),
			GUP_PROGRESS);
}

static void gup_entry_force_hugetlb(struct kunit *test)
{
	unsigned long addr = gk_map_hugetlb(test, MAP_PRIVATE);
	unsigned long inside = addr + 9 * PAGE_SIZE;
	pte_t pte = huge_pte_wrprotect(gk_huge_pte(addr));

	gk_vm_flags(addr, 0, VM_WRITE | VM_SOFTDIRTY);
	/* Soft-dirty is not tracked: no fault would ever set it. */
	if (pgtable_supports_soft_dirty())
		pte = pte_clear_soft_dirty(pte);
	gk_set_huge_pte(addr, pte);
	KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_PROGRESS);
#ifdef CONFIG_HAVE_ARCH_USERFAULTFD_WP
	if (pgtable_supports_uffd()) {
		gk_vm_flags(addr, VM_UFFD_WP, 0);
		gk_set_huge_pte(addr, huge_pte_mkuffd(pte));
		KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_NEED_FAULT);
		gk_set_huge_pte(addr, pte);
		KUNIT_EXPECT_EQ(test, gk_forced(test, inside), GUP_PROGRESS);
		gk_vm_flags(addr, 0, VM_UFFD_WP);
	}
#endif
}

/* A lock of the VMA keeps page tables that others may share. */
static void gup_entry_hugetlb_lock_is_released(struct kunit *test)
{
	unsigned long addr = gk_map_hugetlb(test, MAP_SHARED);
	struct vm_area_struct *vma = vma_lookup(current->mm, addr);

	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_PROGRESS);
	if (hugetlb_vma_trylock_write(vma))
		hugetlb_vma_unlock_write(vma);
	else
		KUNIT_FAIL(test, "the lock of the VMA is still held");
}
#else
static void gup_entry_hugetlb_migration(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HUGETLBFS");
}

#define gup_entry_hugetlb_is_dumped		gup_entry_hugetlb_migration
#define gup_entry_force_hugetlb			gup_entry_hugetlb_migration
#define gup_entry_hugetlb_lock_is_released	gup_entry_hugetlb_migration
#endif	/* CONFIG_HUGETLB_PAGE */

/*
 * Unsharing
 */

static void gup_entry_unshare(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_fork(test);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_PIN),
			GUP_NEED_UNSHARE);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_PIN | FOLL_WRITE),
			GUP_NEED_FAULT);
	/* Who does not pin sees what is there now, not what comes later. */
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_GET), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, 0), GUP_PROGRESS);
}

/* The page pinned for reading is the one this process will write to. */
static void gup_entry_read_pin_of_shared_page(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	const bool pin = combo->api->ref == FOLL_PIN;
	unsigned long addr = kind->map(test, kind);
	struct page *shared = gk_page_at(addr), *pages[1];
	long ret;

	gk_fork(test);
	ret = combo->api->take(addr, 1, 0, pages);
	KUNIT_EXPECT_EQ(test, ret, combo->api->lockless && pin ? 0 : 1);
	if (ret != 1)
		return;
	KUNIT_EXPECT_EQ(test, pages[0] == shared, !pin);
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), addr + 1);
	if (pin) {
		gk_poke(test, addr, 12345);
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), 12345UL);
		KUNIT_EXPECT_EQ(test, gk_page_word(shared), addr + 1);
	}
	gk_release(combo->api, pages, ret);
}

/* A long-term pin of a file's page in a private mapping, likewise. */
static void gup_entry_longterm_read_of_private_file(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 1);
	unsigned long addr = gk_map_file(test, file, 1, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE);
	unsigned long shared = gk_map_file(test, file, 1,
					   PROT_READ | PROT_WRITE, MAP_SHARED);

	gk_fill(test, shared, 1);
	gk_peek(test, addr);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_PIN), GUP_PROGRESS);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, addr, FOLL_PIN | FOLL_LONGTERM),
			GUP_NEED_UNSHARE);
	KUNIT_EXPECT_EQ(test, gk_outcome(test, shared,
					 FOLL_PIN | FOLL_LONGTERM),
			GUP_PROGRESS);
}

static void gup_entry_longterm_read_of_zero_page(struct kunit *test)
{
	unsigned long addr = gk_map_zero(test, 1);
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, gk_pin_locked(addr, 1, FOLL_LONGTERM, pages), 1);
	KUNIT_EXPECT_FALSE(test, is_zero_page(pages[0]));
	gk_poke(test, addr, 7);
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), 7UL);
	unpin_user_page(pages[0]);
}

/* A write for real: the entry is made writable, the page is a copy. */
static void gup_entry_write_breaks_cow(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct page *shared = gk_page_at(addr), *pages[1];
	long ret;

	gk_fork(test);
	ret = combo->api->take(addr, 1, FOLL_WRITE, pages);
	KUNIT_EXPECT_EQ(test, ret, combo->api->lockless ? 0 : 1);
	if (ret == 1) {
		KUNIT_EXPECT_PTR_NE(test, pages[0], shared);
		KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(addr));
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), addr + 1);
	}
	gk_release(combo->api, pages, ret);
}

/* fork() after a pin: the child gets a copy, the parent keeps the page. */
static void gup_entry_pin_survives_fork(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, combo->api->take(addr, 1, 0, pages), 1);
	gk_fork(test);
	gk_poke(test, addr, 4711);
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), 4711UL);
	gk_release(combo->api, pages, 1);
}

static struct kunit_case gup_entry_cases[] = {
	KUNIT_CASE(gup_entry_absent),
	KUNIT_CASE_PARAM(gup_entry_nofault, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_pfn_beyond_memory, gk_slow_api_gen_params),
	KUNIT_CASE(gup_entry_dump_anonymous_hole),
	KUNIT_CASE(gup_entry_dump_file_hole),
	KUNIT_CASE(gup_entry_dump_mapping_without_fault_handler),
	KUNIT_CASE(gup_entry_dump_hugetlb_hole),
	KUNIT_CASE(gup_entry_protnone),
	KUNIT_CASE_PARAM(gup_entry_protnone_is_faulted, gk_api_gen_params),
	KUNIT_CASE(gup_entry_protnone_of_uffd_rwp),
	KUNIT_CASE(gup_entry_swap),
	KUNIT_CASE(gup_entry_migration),
	KUNIT_CASE_PARAM(gup_entry_guard, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_zero_page, gk_api_gen_params),
	KUNIT_CASE(gup_entry_zero_page_is_not_dumped),
	KUNIT_CASE_PARAM(gup_entry_zero_page_is_replaced_for_writing,
			 gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_huge_zero_folio, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_pfn, gk_api_gen_params),
	KUNIT_CASE(gup_entry_pfn_is_touched),
	KUNIT_CASE(gup_entry_pud_of_pfn),
	KUNIT_CASE(gup_entry_touch),
	KUNIT_CASE(gup_entry_touch_large_folio),
	KUNIT_CASE_PARAM(gup_entry_thp_with_cache_bit, gk_api_gen_params),
	KUNIT_CASE(gup_entry_touch_thp),
	KUNIT_CASE(gup_entry_table_without_execution),
	KUNIT_CASE_PARAM(gup_entry_run_out_of_order, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_run_with_hole, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_run_with_readonly_entry, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_run_with_shared_page, gk_api_gen_params),
	KUNIT_CASE(gup_entry_force_exclusive_page),
	KUNIT_CASE(gup_entry_force_shared_page),
	KUNIT_CASE(gup_entry_force_page_of_file),
	KUNIT_CASE(gup_entry_force_sees_soft_dirty),
	KUNIT_CASE(gup_entry_force_sees_uffd_wp),
	KUNIT_CASE(gup_entry_force_thp),
	KUNIT_CASE(gup_entry_force_thp_sees_soft_dirty),
	KUNIT_CASE_PARAM(gup_entry_split_pmd, gk_slow_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_force_copies_page_of_file,
			 gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_entry_force_copies_shared_page,
			 gk_anon_combo_gen_params),
	KUNIT_CASE(gup_entry_hugetlb_migration),
	KUNIT_CASE(gup_entry_hugetlb_is_dumped),
	KUNIT_CASE(gup_entry_force_hugetlb),
	KUNIT_CASE(gup_entry_hugetlb_lock_is_released),
	KUNIT_CASE(gup_entry_unshare),
	KUNIT_CASE_PARAM(gup_entry_read_pin_of_shared_page,
			 gk_anon_combo_gen_params),
	KUNIT_CASE(gup_entry_longterm_read_of_private_file),
	KUNIT_CASE(gup_entry_longterm_read_of_zero_page),
	KUNIT_CASE_PARAM(gup_entry_write_breaks_cow,
			 gk_anon_combo_gen_params),
	KUNIT_CASE_PARAM(gup_entry_pin_survives_fork,
			 gk_anon_pin_combo_gen_params),
	{}
};

static struct kunit_suite gup_entry_suite = {
	.name = "gup_entry",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_entry_cases,
};

kunit_test_suite(gup_entry_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): page table entries");
MODULE_LICENSE("GPL");
