// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): what every caller gets, and the arguments.
 */
#include <linux/hugetlb.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include <linux/user_bvecs.h>

#include "gup_kunit.h"

/*
 * What is taken
 */

static void gk_take_and_release(struct kunit *test, const struct gk_api *api,
				unsigned long addr, unsigned long nr,
				unsigned int flags)
{
	struct page **pages = gk_array(test, nr);
	struct gk_refs *refs = gk_refs(test, addr, nr);

	KUNIT_ASSERT_EQ(test, api->take(addr, nr, flags, pages), nr);
	gk_expect_taken(test, refs, pages, nr, api->ref);
	gk_release(api, pages, nr);
	gk_expect_released(test, refs, nr);
}

static void gup_api_takes_range(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;

	gk_take_and_release(test, combo->api, kind->map(test, kind), kind->nr,
			    0);
}

static void gup_api_takes_range_for_writing(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;

	gk_take_and_release(test, combo->api, kind->map(test, kind), kind->nr,
			    FOLL_WRITE);
}

/* Neither begins nor ends where a folio does. */
static void gup_api_takes_part_of_folio(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind) + 3 * PAGE_SIZE;

	gk_take_and_release(test, combo->api, addr, kind->nr - 5, FOLL_WRITE);
	gk_take_and_release(test, combo->api, addr, 1, 0);
}

static void gup_api_takes_gigantic(struct kunit *test)
{
	const unsigned long nr = (PMD_SIZE >> PAGE_SHIFT) + 20;
	unsigned long addr = gk_map_gigantic(test, 1);
	unsigned int i;

	for (i = 0; i < GK_NR_APIS; i++)
		gk_take_and_release(test, &gk_apis[i], addr + 7 * PAGE_SIZE, nr,
				    FOLL_WRITE);
}

static void gup_api_page_holds_the_content(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	struct page **pages = gk_array(test, kind->nr);
	unsigned long i, addr = kind->map(test, kind);
	long ret = combo->api->take(addr, kind->nr, 0, pages);

	for (i = 0; ret > 0 && i < ret; i++)
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[i]),
				addr + i * PAGE_SIZE + 1);
	gk_release(combo->api, pages, ret);
	KUNIT_EXPECT_EQ(test, ret, kind->nr);
}

static void gup_api_statistics(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	long nr = kind->nr, want = combo->api->ref == FOLL_PIN ? nr : 0;
	struct page **pages = gk_array(test, nr);
	unsigned long addr = kind->map(test, kind);
	long acquired = gk_stat(NR_FOLL_PIN_ACQUIRED);
	long released = gk_stat(NR_FOLL_PIN_RELEASED);

	KUNIT_ASSERT_EQ(test, combo->api->take(addr, nr, 0, pages), nr);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired + want);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_RELEASED), released);
	gk_release(combo->api, pages, nr);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_ACQUIRED), acquired + want);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_FOLL_PIN_RELEASED), released + want);
}

static void gup_api_start_need_not_be_aligned(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *pages[2];

	KUNIT_ASSERT_EQ(test, api->take(addr + PAGE_SIZE - 1, 2, 0, pages), 2);
	gk_expect_taken(test, refs, pages, 2, api->ref);
	gk_release(api, pages, 2);
}

static void gup_api_references_add_up(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	unsigned int unit = api->ref == FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1;
	struct page *pages[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, api->take(addr, 1, 0, pages + i), 1);
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, page_ref_count(refs->page), refs->refs + 3 * unit);
	gk_release(api, pages, 3);
	gk_expect_released(test, refs, 1);
}

static void gup_api_crosses_vmas(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);

	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr, 3 * PAGE_SIZE,
					    MADV_DONTFORK));
	KUNIT_ASSERT_NE(test, vma_lookup(current->mm, addr)->vm_end,
			vma_lookup(current->mm, addr + 3 * PAGE_SIZE)->vm_end);
	gk_take_and_release(test, api, addr, 8, FOLL_WRITE);
}

static void gup_api_crosses_page_tables(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long small = gk_map_thp(test) + PMD_SIZE;

	gk_fill(test, small, 8);
	KUNIT_ASSERT_FALSE(test, pmd_leaf(*gk_pmdp(small)));
	gk_take_and_release(test, api, small - 8 * PAGE_SIZE, 16, FOLL_WRITE);
}

/* From the middle of a huge page into the next one, which may be anywhere. */
static void gup_api_crosses_hugetlb(struct kunit *test)
{
	static const unsigned long flags[] = { MAP_SHARED, MAP_PRIVATE };
	const struct gk_api *api = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct file *file = gk_hugetlb_file(test, 2);
		const size_t size = huge_page_size(hstate_file(file));
		unsigned long addr = gk_map_file(test, file,
						 2 * size >> PAGE_SHIFT,
						 PROT_READ | PROT_WRITE,
						 flags[i]);
		unsigned long inside = addr + size - 8 * PAGE_SIZE;

		gk_poke(test, addr, 1);
		gk_poke(test, addr + size, 2);
		gk_take_and_release(test, api, inside, 13, FOLL_WRITE);
		gk_take_and_release(test, api, inside, 13, 0);
		KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, 2 * size));
	}
}

/*
 * Prefixes and errors
 */

static void gup_api_faults_pages_in(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	struct page *pages[4];
	long ret = api->take(addr, 4, FOLL_WRITE, pages);

	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : 4);
	if (ret == 4)
		KUNIT_EXPECT_PTR_EQ(test, pages[3],
				    gk_page_at(addr + 3 * PAGE_SIZE));
	gk_release(api, pages, ret);
}

static void gup_api_prefix_up_to_hole(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	struct gk_refs *refs = gk_refs(test, addr, 5);
	struct page *pages[8] = {};

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 5 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, api->take(addr, 8, 0, pages), 5);
	gk_expect_taken(test, refs, pages, 5, api->ref);
	KUNIT_EXPECT_NULL(test, pages[5]);
	gk_release(api, pages, 5);
	gk_expect_released(test, refs, 5);
}

static void gup_api_nothing_mapped(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4];

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, api->take(addr, 4, 0, pages),
			api->lockless ? 0 : -EFAULT);
}

static void gup_api_count_of_zero(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1] = {};

	KUNIT_EXPECT_EQ(test, api->take(addr, 0, FOLL_WRITE, pages), 0);
	KUNIT_EXPECT_EQ(test, api->take(0, 0, 0, pages), 0);
	KUNIT_EXPECT_NULL(test, pages[0]);
	gk_expect_released(test, refs, 1);
}

static void gup_api_count_below_zero(struct kunit *test)
{
	static const int counts[] = { -1, -512, INT_MIN };
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		KUNIT_EXPECT_EQ(test, get_user_pages_fast(addr, counts[i], 0,
							  pages), 0);
		KUNIT_EXPECT_EQ(test, get_user_pages_fast_only(addr, counts[i],
							       0, pages), 0);
		KUNIT_EXPECT_EQ(test, pin_user_pages_fast(addr, counts[i], 0,
							  pages), 0);
	}
	KUNIT_EXPECT_NULL(test, pages[0]);
	gk_expect_released(test, refs, 1);
	KUNIT_EXPECT_FALSE(test, mm_flags_test(MMF_HAS_PINNED, current->mm));
}

/* A part of the range is no help: there is a page that could be had. */
static void gup_api_range_beyond_user_addresses(struct kunit *test)
{
	const unsigned long last = TASK_SIZE_MAX - PAGE_SIZE;
	struct page *pages[2] = {};

	gk_map_over(test, last, NULL, 1, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS);
	gk_fill(test, last, 1);
	KUNIT_EXPECT_EQ(test, get_user_pages_fast(last, 2, 0, pages), -EFAULT);
	KUNIT_EXPECT_EQ(test, get_user_pages_fast_only(last, 2, 0, pages),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, pin_user_pages_fast(last, 2, 0, pages), -EFAULT);
	KUNIT_EXPECT_NULL(test, pages[0]);

	/* Up to the end it can. */
	KUNIT_EXPECT_EQ(test, get_user_pages_fast_only(last, 1, 0, pages), 1);
	KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(last));
	put_page(pages[0]);
}

static void gup_api_range_wraps_around(struct kunit *test)
{
	struct page *pages[2];

	KUNIT_EXPECT_EQ(test, get_user_pages_fast(-PAGE_SIZE, 2, 0, pages),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, get_user_pages_fast_only(-PAGE_SIZE, 2, 0, pages),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, pin_user_pages_fast(-PAGE_SIZE, 2, 0, pages),
			-EOVERFLOW);
}

static void gup_api_without_array(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	struct gk_refs *refs;
	int locked = 1;

	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, get_user_pages(addr, 2, FOLL_WRITE, NULL), 2);
	KUNIT_EXPECT_EQ(test, get_user_pages_remote(current->mm, addr, 3,
						    FOLL_WRITE, NULL, &locked),
			3);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, get_user_pages_unlocked(addr, 4, NULL,
						      FOLL_WRITE), 4);
	refs = gk_refs(test, addr, 4);
	KUNIT_EXPECT_TRUE(test, pte_write(gk_pte(test, addr + 3 * PAGE_SIZE)));
	/* That of the page table alone. */
	KUNIT_EXPECT_EQ(test, refs[3].refs, 1);
}

static void gup_api_pin_marks_the_mm(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *pages[1];

	KUNIT_ASSERT_FALSE(test, mm_flags_test(MMF_HAS_PINNED, current->mm));
	KUNIT_ASSERT_EQ(test, api->take(addr, 1, 0, pages), 1);
	KUNIT_EXPECT_EQ(test, mm_flags_test(MMF_HAS_PINNED, current->mm),
			api->ref == FOLL_PIN && api->take != gk_pin_lockless);
	gk_release(api, pages, 1);
}

/* Of another process: what is taken, and marked for a pin, is its mm. */
typedef long gk_take_of_fn(struct mm_struct *mm, unsigned long start,
			   struct page **pages, int *locked);

static long gk_pin_two_of(struct mm_struct *mm, unsigned long start,
			  struct page **pages, int *locked)
{
	return pin_user_pages_remote(mm, start, 2, FOLL_WRITE, pages, locked);
}

static long gk_pin_two_bvecs_of(struct mm_struct *mm, unsigned long start,
				struct page **pages, int *locked)
{
	struct bio_vec bvecs[2];
	struct user_bvecs to = { .bvecs = bvecs, .max = 2 };
	ssize_t ret = pin_user_bvecs_remote(mm, start, 2 * PAGE_SIZE, FOLL_WRITE,
					    &to, locked);

	if (ret != 2 * PAGE_SIZE || to.nr != 2)
		return ret;
	pages[0] = bvecs[0].bv_page;
	pages[1] = bvecs[1].bv_page;
	return 2;
}

static long gk_get_two_of(struct mm_struct *mm, unsigned long start,
			  struct page **pages, int *locked)
{
	return get_user_pages_remote(mm, start, 2, FOLL_WRITE, pages, locked);
}

static long gk_get_two_unlocked(struct mm_struct *mm, unsigned long start,
				struct page **pages, int *locked)
{
	mmap_read_unlock(mm);
	*locked = 0;
	return get_user_pages_remote_unlocked(mm, start, 2, FOLL_WRITE, pages);
}

static long gk_pin_two_unlocked(struct mm_struct *mm, unsigned long start,
				struct page **pages, int *locked)
{
	mmap_read_unlock(mm);
	*locked = 0;
	return pin_user_pages_remote_unlocked(mm, start, 2, FOLL_WRITE, pages);
}

static const struct gk_remote {
	const char *name;
	gk_take_of_fn *take;
	unsigned int ref;
} gk_remotes[] = {
	{ "get", gk_get_two_of, FOLL_GET },
	{ "pages", gk_pin_two_of, FOLL_PIN },
	{ "ranges", gk_pin_two_bvecs_of, FOLL_PIN },
	{ "get, unlocked", gk_get_two_unlocked, FOLL_GET },
	{ "pages, unlocked", gk_pin_two_unlocked, FOLL_PIN },
};

KUNIT_ARRAY_PARAM_DESC(gk_remote, gk_remotes, name);

static void gup_api_remote(struct kunit *test)
{
	const struct gk_remote *remote = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);
	struct mm_struct *child = gk_fork(test);
	struct page *pages[2];
	int locked = 1;

	mmap_read_lock(child);
	KUNIT_ASSERT_EQ(test, remote->take(child, addr, pages, &locked), 2);
	if (locked)
		mmap_read_unlock(child);
	/* It was shared with the child, which has got a copy. */
	KUNIT_EXPECT_PTR_NE(test, pages[0], gk_page_at(addr));
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[1]), addr + PAGE_SIZE + 1);
	KUNIT_EXPECT_EQ(test, mm_flags_test(MMF_HAS_PINNED, child),
			remote->ref == FOLL_PIN);
	KUNIT_EXPECT_FALSE(test, mm_flags_test(MMF_HAS_PINNED, current->mm));
	gup_release_range(pages, 2, remote->ref);
}

/*
 * Wrong arguments
 */

struct gk_bad_flags {
	const char *name;
	gk_take_fn *take;
	unsigned int flags;
	bool no_array;
};

static long gk_get_remote_dropped(unsigned long start, unsigned long nr,
				  unsigned int flags, struct page **pages)
{
	int locked = 0;

	return get_user_pages_remote(current->mm, start, nr, flags, pages,
				     &locked);
}

static const struct gk_bad_flags gk_bad_flags[] = {
	{ "get: TOUCH is internal", gk_get_unlocked, FOLL_TOUCH },
	{ "get: PIN is internal", gk_get_unlocked, FOLL_PIN },
	{ "get: UNLOCKABLE is internal", gk_get_unlocked, FOLL_UNLOCKABLE },
	{ "pin: REMOTE is internal", gk_pin_unlocked, FOLL_REMOTE },
	{ "pin: MADV_POPULATE is internal", gk_pin_unlocked, FOLL_MADV_POPULATE },
	{ "pin: TRIED is internal", gk_pin_unlocked, FOLL_TRIED },
	{ "get_fast: FAST_ONLY is internal", gk_get_fast, FOLL_FAST_ONLY },
	{ "get_fast: PIN is internal", gk_get_fast, FOLL_PIN },
	{ "pin_fast: FAST_ONLY is internal", gk_pin_fast, FOLL_FAST_ONLY },
	{ "pin: GET excludes PIN", gk_pin_unlocked, FOLL_GET },
	{ "pin_fast: GET excludes PIN", gk_pin_fast, FOLL_GET },
	{ "get: LONGTERM needs PIN", gk_get_unlocked, FOLL_LONGTERM },
	{ "get_fast: LONGTERM needs PIN", gk_get_fast, FOLL_LONGTERM },
	{ "pin: LONGTERM excludes PCI_P2PDMA", gk_pin_unlocked,
	  FOLL_LONGTERM | FOLL_PCI_P2PDMA },
	{ "pin_fast: LONGTERM excludes PCI_P2PDMA", gk_pin_fast,
	  FOLL_LONGTERM | FOLL_PCI_P2PDMA },
	{ "get: GET needs pages", gk_get_unlocked, FOLL_GET, true },
	{ "pin: needs pages", gk_pin_unlocked, 0, true },
	{ "get_fast: needs pages", gk_get_fast, 0, true },
	{ "pin_fast: needs pages", gk_pin_fast, 0, true },
	{ "get_fast: DUMP", gk_get_fast, FOLL_DUMP },
	{ "get_fast: NOWAIT", gk_get_fast, FOLL_NOWAIT },
	{ "get_fast: HWPOISON", gk_get_fast, FOLL_HWPOISON },
	{ "get_fast: ANON", gk_get_fast, FOLL_ANON },
	{ "get_fast: SPLIT_PMD", gk_get_fast, FOLL_SPLIT_PMD },
	{ "get_fast_only: INTERRUPTIBLE", gk_get_fast_only, FOLL_INTERRUPTIBLE },
	{ "pin_fast: SPLIT_PMD", gk_pin_fast, FOLL_SPLIT_PMD },
	{ "remote: lock not held", gk_get_remote_dropped, 0 },
	{ "get_remote_unlocked: PIN is internal", gk_get_remote_unlocked, FOLL_PIN },
	{ "pin_remote_unlocked: GET excludes PIN", gk_pin_remote_unlocked, FOLL_GET },
};

KUNIT_ARRAY_PARAM_DESC(gk_bad_flags, gk_bad_flags, name);

static void gup_api_wrong_flags(struct kunit *test)
{
	const struct gk_bad_flags *bad = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *pages[1] = {};

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, bad->take(addr, 1, bad->flags,
						bad->no_array ? NULL : pages),
				-EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_NULL(test, pages[0]);
	gk_expect_released(test, refs, 1);
}

/* What the fast functions may be given; here it makes no difference. */
static const struct gk_bad_flags gk_good_flags[] = {
	{ "get_fast: FORCE", gk_get_fast, FOLL_FORCE },
	{ "get_fast: NOFAULT", gk_get_fast, FOLL_NOFAULT },
	{ "get_fast: GET", gk_get_fast, FOLL_GET },
	{ "get_fast: PCI_P2PDMA", gk_get_fast, FOLL_PCI_P2PDMA },
	{ "get_fast: HONOR_NUMA_FAULT", gk_get_fast, FOLL_HONOR_NUMA_FAULT },
	{ "get_fast_only: WRITE", gk_get_fast_only, FOLL_WRITE },
	{ "get: NOWAIT", gk_get_unlocked, FOLL_NOWAIT },
	{ "get: HWPOISON", gk_get_unlocked, FOLL_HWPOISON },
	{ "get: ANON", gk_get_unlocked, FOLL_ANON },
	{ "get: DUMP", gk_get_unlocked, FOLL_DUMP },
	{ "get: SPLIT_PMD", gk_get_unlocked, FOLL_SPLIT_PMD },
	{ "get: INTERRUPTIBLE", gk_get_unlocked, FOLL_INTERRUPTIBLE },
};

KUNIT_ARRAY_PARAM_DESC(gk_good_flags, gk_good_flags, name);

static void gup_api_right_flags(struct kunit *test)
{
	const struct gk_bad_flags *good = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *pages[1] = {};

	KUNIT_ASSERT_EQ(test, good->take(addr, 1, good->flags, pages), 1);
	KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(addr));
	put_page(pages[0]);
}

static struct kunit_case gup_api_cases[] = {
	KUNIT_CASE_PARAM(gup_api_takes_range, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_api_takes_range_for_writing, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_api_takes_part_of_folio, gk_combo_gen_params),
	KUNIT_CASE_SLOW(gup_api_takes_gigantic),
	KUNIT_CASE_PARAM(gup_api_page_holds_the_content, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_api_statistics, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_api_start_need_not_be_aligned, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_references_add_up, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_crosses_vmas, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_crosses_page_tables, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_crosses_hugetlb, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_faults_pages_in, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_prefix_up_to_hole, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_nothing_mapped, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_count_of_zero, gk_api_gen_params),
	KUNIT_CASE(gup_api_count_below_zero),
	KUNIT_CASE(gup_api_range_beyond_user_addresses),
	KUNIT_CASE(gup_api_range_wraps_around),
	KUNIT_CASE(gup_api_without_array),
	KUNIT_CASE_PARAM(gup_api_pin_marks_the_mm, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_api_remote, gk_remote_gen_params),
	KUNIT_CASE_PARAM(gup_api_wrong_flags, gk_bad_flags_gen_params),
	KUNIT_CASE_PARAM(gup_api_right_flags, gk_good_flags_gen_params),
	{}
};

static struct kunit_suite gup_api_suite = {
	.name = "gup_api",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_api_cases,
};

kunit_test_suite(gup_api_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): arguments and results");
MODULE_LICENSE("GPL");
