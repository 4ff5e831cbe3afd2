// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): what stands in the array behind the returned
 * count. Some callers release all of their array after a short result, so nothing
 * may be there but what they had, or NULL.
 */
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "gup_kunit.h"

/*
 * Takes @nr pages, of which @want can be had: these are in the array, and no other
 * is. Their references are given back.
 */
static void gk_check_tail(struct kunit *test, const struct gk_api *api,
			  unsigned long addr, unsigned long nr,
			  unsigned int flags, long want)
{
	struct page **pages = gk_marked_array(test, nr);
	long i, ret = api->take(addr, nr, flags, pages);

	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, want);
	for (i = 0; i < ret; i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[i],
				    gk_page_at(addr + i * PAGE_SIZE));
	gk_expect_nothing_behind(test, pages, ret, nr);
	gk_release(api, pages, ret);
}

/* @taken without a lock, when the slow path ends in @error. */
static long gk_short(const struct gk_api *api, long taken, long error)
{
	if (taken || api->lockless)
		return taken;
	return error;
}

/* The same if a fatal signal lets the slow path do nothing. */
static long gk_killed(const struct gk_api *api, long taken)
{
	return gk_short(api, api->fast ? taken : 0, -EINTR);
}

/* Each place in small ranges; in large ones some, aligned to nothing. */
static unsigned long gk_next_place(unsigned long i, unsigned long nr)
{
	return nr <= 32 ? i + 1 : 2 * i + 3;
}

/*
 * Something is in the way
 */

static void gup_tail_hole(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long i;

	for (i = 0; i < kind->nr; i = gk_next_place(i, kind->nr)) {
		const long want = gk_short(combo->api, i, -EFAULT);
		unsigned long addr = kind->map(test, kind);
		struct gk_refs *refs;

		KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + i * PAGE_SIZE,
						   PAGE_SIZE));
		refs = gk_refs(test, addr, i);
		gk_check_tail(test, combo->api, addr, kind->nr, 0, want);
		gk_check_tail(test, combo->api, addr, kind->nr, FOLL_WRITE,
			      want);
		gk_expect_released(test, refs, i);
		KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, kind->nr << PAGE_SHIFT));
	}
}

/* The last huge page of a mapping, and a bit more. */
static void gup_tail_end_of_mapping(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	unsigned long size = (unsigned long)kind->nr << PAGE_SHIFT;

	if (vma_lookup(current->mm, addr + size))
		KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + size, PAGE_SIZE));
	gk_check_tail(test, combo->api, addr, kind->nr + 20, FOLL_WRITE,
		      kind->nr);
	gk_check_tail(test, combo->api, addr + size - 3 * PAGE_SIZE, 20, 0, 3);
}

/* Behind a huge page come pages that are mapped by a table, with a hole. */
static void gup_tail_hole_behind_huge_page(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	const unsigned long nr = PMD_SIZE >> PAGE_SHIFT;
	unsigned long addr = gk_map_thp(test);
	unsigned long small = addr + PMD_SIZE;

	gk_fill(test, small, 16);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(small + 5 * PAGE_SIZE, PAGE_SIZE));
	gk_check_tail(test, api, addr, nr + 16, FOLL_WRITE, nr + 5);
	gk_check_tail(test, api, addr + PMD_SIZE - PAGE_SIZE, 17, 0, 6);
}

/* What only a fault can make writable, and no fault is allowed any more. */
static void gup_tail_readonly_entry(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct gk_refs *refs = gk_refs(test, addr, kind->nr);
	unsigned long i;

	for (i = 0; i < kind->nr; i = gk_next_place(i, kind->nr)) {
		const unsigned long page = addr + i * PAGE_SIZE;
		const pte_t pte = gk_pte(test, page);

		gk_write_protect(test, page, 1);
		gk_signal(SIGKILL);
		gk_check_tail(test, combo->api, addr, kind->nr, FOLL_WRITE,
			      gk_killed(combo->api, i));
		gk_set_pte(test, page, pte);
	}
	gk_expect_released(test, refs, kind->nr);
}

/* What has to be unshared before it is pinned. */
static void gup_tail_shared_pages(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	const bool pin = combo->api->ref == FOLL_PIN;
	unsigned long addr = kind->map(test, kind);
	struct gk_refs *refs;

	gk_fork(test);
	refs = gk_refs(test, addr, kind->nr);
	gk_signal(SIGKILL);
	gk_check_tail(test, combo->api, addr, kind->nr, 0,
		      gk_killed(combo->api, pin ? 0 : kind->nr));
	gk_expect_released(test, refs, kind->nr);
}

/* A page of a device that cannot be had. */
static void gup_tail_fault_fails(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE,
					MAP_SHARED);

	dev->pages[3] = NULL;
	gk_fill(test, addr, 2);
	/* Without a mapping they are left to the slow path. */
	gk_check_tail(test, api, addr, GK_DEV_PAGES, FOLL_WRITE,
		      api->lockless ? 0 : 3);
	gk_check_tail(test, api, addr + 3 * PAGE_SIZE, 3, FOLL_WRITE,
		      gk_short(api, 0, -EFAULT));
}

/* A refcount that must not be raised. */
static void gup_tail_refcount_overflow(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	struct page *page = gk_page_at(addr + 5 * PAGE_SIZE);
	int refs;

	lru_add_drain_all();
	refs = page_ref_count(page);
	set_page_count(page, INT_MIN + 5);
	kunit_warning_suppress(test)
		gk_check_tail(test, api, addr, 8, FOLL_WRITE, 5);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), INT_MIN + 5);
	set_page_count(page, refs);
}

/*
 * Taken and undone
 */

#if defined(CONFIG_HAVE_GUP_FAST) && defined(CONFIG_64BIT)
/* After the undo the slow path does nothing: what is left stays to be seen. */
static void gk_check_undone(struct kunit *test, const struct gk_api *api,
			    struct gk_trap *trap, unsigned long trapped,
			    unsigned long addr, unsigned long nr,
			    unsigned long want)
{
	struct gk_refs *refs = gk_refs(test, addr, nr);

	gk_trap_folio(test, trap, trapped);
	gk_signal(SIGKILL);
	gk_check_tail(test, api, addr, nr, FOLL_WRITE, gk_killed(api, want));
	gk_trap_clear(trap);
	KUNIT_EXPECT_EQ(test, trap->hits > 0, api->fast);
	gk_expect_released(test, refs, nr);
}

static void gup_tail_table_goes(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct gk_change change = { .entry = (u64 *)gk_pmdp(addr) };
	struct gk_trap trap = { .hit = gk_hit_change, .arg = &change };

	gk_check_undone(test, combo->api, &trap, addr, addr, kind->nr, 0);
	if (trap.hits)
		WRITE_ONCE(*change.entry, change.was);
}

static void gup_tail_fork(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };
	const bool keeps = combo->api->ref == FOLL_GET;
	unsigned long addr = kind->map(test, kind);

	/* Only pins are undone. */
	gk_check_undone(test, combo->api, &trap, addr, addr, kind->nr,
			keeps ? kind->nr : 0);
}

/* What was taken before stays. */
static void gup_tail_fork_in_second_window(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long small = gk_map_thp(test) + PMD_SIZE;
	unsigned long addr = small - 8 * PAGE_SIZE;
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };

	gk_fill(test, small, 8);
	gk_check_undone(test, api, &trap, small, addr, 16,
			api->ref == FOLL_GET ? 16 : 8);
}
#endif	/* CONFIG_HAVE_GUP_FAST && CONFIG_64BIT */

/*
 * Long-term pins
 */

static void gup_tail_longterm_cannot_move(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind);
	struct page *page = gk_page_at(addr + 5 * PAGE_SIZE);

	gk_need_movable(test, addr);
	get_page(page);
	gk_check_tail(test, combo->api, addr, kind->nr, FOLL_LONGTERM, -ENOMEM);
	put_page(page);
}

/* The first two may stay where they are, and the fast path keeps them. */
static void gup_tail_longterm_rest_cannot_move(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	struct page *first[2], *page;

	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, 2, gk_pin_locked(addr, 2, FOLL_LONGTERM, first));
	page = gk_page_at(addr + 5 * PAGE_SIZE);
	get_page(page);
	gk_check_tail(test, api, addr, 8, FOLL_LONGTERM,
		      api->fast ? 2 : -ENOMEM);
	put_page(page);
	unpin_user_pages(first, 2);
}

/* By the time of the second page the device has lost the first. */
static vm_fault_t gk_fault_loses_page(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (vmf->pgoff == 1) {
		dev->pages[0] = NULL;
		unmap_mapping_pages(vmf->vma->vm_file->f_mapping, 0, 1, false);
	}
	return gk_dev_fault_page(dev, vmf);
}

/* After pages were moved there are fewer to be pinned than before. */
static void gup_tail_longterm_restart_is_shorter(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_movable_and_dev(test, dev);

	dev->fault = gk_fault_loses_page;
	gk_check_tail(test, test->param_value, addr, 8, FOLL_LONGTERM, 4);
	KUNIT_EXPECT_EQ(test, dev->calls, 3);
}

static vm_fault_t gk_fault_kills(struct gk_dev *dev, struct vm_fault *vmf)
{
	gk_signal(SIGKILL);
	return gk_dev_fault_page(dev, vmf);
}

/* Pages were pinned and moved; then there is no second round. */
static void gup_tail_longterm_is_killed(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_movable_and_dev(test, dev);

	dev->fault = gk_fault_kills;
	gk_check_tail(test, test->param_value, addr, 8, FOLL_LONGTERM, -EINTR);
}

/*
 * memfd_pin_folios()
 */

static void gk_check_memfd_tail(struct kunit *test, struct file *file,
				unsigned long nr, long want)
{
	struct page **array = gk_marked_array(test, nr + 2);
	struct folio **folios = (struct folio **)array;
	pgoff_t offset;
	long ret;

	ret = memfd_pin_folios(file, 0, (nr << PAGE_SHIFT) - 1, folios, nr + 2,
			       &offset);
	KUNIT_EXPECT_EQ(test, ret, want);
	gk_expect_nothing_behind(test, array, ret, nr + 2);
	if (ret > 0)
		unpin_folios(folios, ret);
}

static void gup_tail_memfd_file_ends(struct kunit *test)
{
	gk_check_memfd_tail(test, gk_shmem_file(test, 20), 20, 20);
}

static void gup_tail_memfd_cannot_move(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 8);
	unsigned long addr = gk_map_file(test, file, 8, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct page *page;

	gk_fill(test, addr, 8);
	gk_need_movable(test, addr);
	page = gk_page_at(addr + 5 * PAGE_SIZE);
	get_page(page);
	gk_check_memfd_tail(test, file, 8, -ENOMEM);
	put_page(page);
}

static void gup_tail_memfd_refcount_overflow(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 8);
	unsigned long addr = gk_map_file(test, file, 8, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct gk_refs *refs;
	struct page *page;

	gk_fill(test, addr, 8);
	refs = gk_refs(test, addr, 8);
	page = refs[5].page;
	set_page_count(page, INT_MIN + 5);
	kunit_warning_suppress(test)
		gk_check_memfd_tail(test, file, 8, -ENOMEM);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), INT_MIN + 5);
	set_page_count(page, refs[5].refs);
	gk_expect_released(test, refs, 8);
}

static struct kunit_case gup_tail_cases[] = {
	KUNIT_CASE_PARAM(gup_tail_hole, gk_pte_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_end_of_mapping, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_hole_behind_huge_page, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_tail_readonly_entry, gk_pte_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_shared_pages, gk_anon_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_fault_fails, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_tail_refcount_overflow, gk_api_gen_params),
#if defined(CONFIG_HAVE_GUP_FAST) && defined(CONFIG_64BIT)
	KUNIT_CASE_PARAM(gup_tail_table_goes, gk_pte_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_fork, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_fork_in_second_window, gk_api_gen_params),
#endif
	KUNIT_CASE_PARAM(gup_tail_longterm_cannot_move,
			 gk_pin_combo_gen_params),
	KUNIT_CASE_PARAM(gup_tail_longterm_rest_cannot_move,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_tail_longterm_restart_is_shorter,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_tail_longterm_is_killed, gk_pin_api_gen_params),
	KUNIT_CASE(gup_tail_memfd_file_ends),
	KUNIT_CASE(gup_tail_memfd_cannot_move),
	KUNIT_CASE(gup_tail_memfd_refcount_overflow),
	{}
};

static struct kunit_suite gup_tail_suite = {
	.name = "gup_tail",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_tail_cases,
};

kunit_test_suite(gup_tail_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): behind the returned count");
MODULE_LICENSE("GPL");
