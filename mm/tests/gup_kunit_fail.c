// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): fault injection. Each function is made to fail at
 * each page, in each way: what it returns, what stands in the array behind the count,
 * and the references.
 */
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include <linux/user_bvecs.h>

#include "gup_kunit.h"
#include "../gup_fail.h"

/* An errno that nothing else gives. */
#define GK_ERROR	EXDEV

static struct gup_fail_attr gk_saved;

/* The next @times calls of this thread, at @page. */
static void gk_fail(enum gup_fail_kind kind, unsigned long page, int times)
{
	unsigned int i;

	for (i = 0; i < GUP_FAIL_NR_KINDS; i++)
		gup_fail_attr.kinds[i] = i == kind;
	gup_fail_attr.page = page;
	atomic_set(&gup_fail_attr.fault.times, times);
}

static int gk_fails_left(void)
{
	return atomic_read(&gup_fail_attr.fault.times);
}

/* gk_apis[] and the functions have the same order. */
static bool gk_is_function(const struct gk_api *api)
{
	return api - gk_apis <= GUP_FN_PIN_BVECS;
}

static long gk_failed(const struct gk_api *api, unsigned long page)
{
	if (page || api->lockless)
		return page;
	return -GK_ERROR;
}

static void gk_expect_call(struct kunit *test, const struct gk_api *api,
			   unsigned long addr, unsigned long nr, long want)
{
	struct gk_refs *refs = gk_refs(test, addr, nr);
	struct page **pages = gk_marked_array(test, nr);
	long taken, ret;

	ret = api->take(addr, nr, FOLL_WRITE, pages);
	taken = max(ret, 0L);
	KUNIT_EXPECT_EQ(test, ret, want);
	gk_expect_refs(test, refs, nr, taken, api->ref);
	gk_expect_nothing_behind(test, pages, ret, nr);
	gk_release(api, pages, taken);
	gk_expect_released(test, refs, nr);
}

/* Each place in small ranges; in large ones some, aligned to nothing. */
static unsigned long gk_next_page(unsigned long i, unsigned long nr)
{
	return nr <= 32 ? i + 1 : 2 * i + 3;
}

/*
 * Calls
 */

static void gup_fail_call_at_each_page(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr, i;

	if (!gk_is_function(combo->api))
		return;
	addr = kind->map(test, kind);
	for (i = 0; i < kind->nr; i = gk_next_page(i, kind->nr)) {
		gk_fail(GUP_FAIL_CALL, i, 1);
		gk_expect_call(test, combo->api, addr, kind->nr,
			       gk_failed(combo->api, i));
		KUNIT_EXPECT_EQ(test, gk_fails_left(), 0);
		gk_expect_call(test, combo->api, addr, kind->nr, kind->nr);
	}
}

/* A call that does not get there is left alone, and does not count. */
static void gup_fail_call_is_shorter(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *page;

	gk_fail(GUP_FAIL_CALL, 4, 1);
	gk_expect_call(test, api, addr, 4, 4);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	gk_fail(GUP_FAIL_CALL, 0, 1);
	KUNIT_EXPECT_EQ(test, api->take(addr, 1, 0, &page),
			api->lockless ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, api->take(addr, 0, 0, &page), 0);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
	if (gk_is_function(api))
		gk_expect_call(test, api, addr + PAGE_SIZE, 3, gk_failed(api, 0));
}

static void gup_fail_call_by_function(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);
	unsigned int i;

	if (!gk_is_function(api))
		return;
	for (i = 0; i < GUP_NR_FUNCTIONS; i++)
		gup_fail_attr.functions[i] = i != api - gk_apis;
	gk_fail(GUP_FAIL_CALL, 1, -1);
	gk_expect_call(test, api, addr, 2, 2);
	for (i = 0; i < GUP_NR_FUNCTIONS; i++)
		gup_fail_attr.functions[i] = i == api - gk_apis;
	gk_expect_call(test, api, addr, 2, 1);
}

static void gup_fail_call_by_task(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);

	if (!gk_is_function(api))
		return;
	gk_fail(GUP_FAIL_CALL, 1, -1);
	current->make_it_fail = 0;
	gk_expect_call(test, api, addr, 2, 2);
	current->make_it_fail = 1;
	gk_expect_call(test, api, addr, 2, 1);
}

/* The third call of a task, whatever else is set. */
static void gup_fail_call_by_number(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	const struct gk_api *api = test->param_value;

	if (!gk_is_function(api))
		return;
	gk_fail(GUP_FAIL_CALL, 1, -1);
	gup_fail_attr.fault.probability = 0;
	current->fail_nth = 3;
	gk_expect_call(test, api, addr, 2, 2);
	gk_expect_call(test, api, addr, 2, 2);
	gk_expect_call(test, api, addr, 2, 1);
	gk_expect_call(test, api, addr, 2, 2);
}

/* What only has pages faulted in has none to release. */
static void gup_fail_call_without_array(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);

	gk_fail(GUP_FAIL_CALL, 3, 1);
	KUNIT_EXPECT_EQ(test, gk_get_unlocked(addr, 4, FOLL_WRITE, NULL), 3);
	gk_fail(GUP_FAIL_CALL, 0, 1);
	KUNIT_EXPECT_EQ(test, gk_get_unlocked(addr, 4, FOLL_WRITE, NULL),
			-GK_ERROR);
}

/*
 * The fast path
 */

#ifdef CONFIG_HAVE_GUP_FAST
/* The slow path goes on where the fast path is made to end. */
static void gup_fail_fast_at_each_page(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_api *api = combo->api;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind), i;

	for (i = 0; i < kind->nr; i = gk_next_page(i, kind->nr)) {
		gk_fail(GUP_FAIL_FAST, i, 1);
		gk_expect_call(test, api, addr, kind->nr,
			       api->lockless ? i : kind->nr);
		KUNIT_EXPECT_EQ(test, gk_fails_left(), api->fast ? 0 : 1);
	}
}

/* What it does not get to is the slow path's. */
static void gup_fail_fast_is_shorter(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	struct page *pages[4];
	long ret;

	gk_fill(test, addr, 1);
	gk_fail(GUP_FAIL_FAST, 2, 1);
	ret = api->take(addr, 4, FOLL_WRITE, pages);
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 1 : 4);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
	gk_release(api, pages, ret);
}

/* What the slow path has taken before is left alone. */
static void gup_fail_fast_begins_behind_page(struct kunit *test)
{
	const unsigned long nr = (SZ_2M >> PAGE_SHIFT) + 8;
	unsigned long addr = gk_map(test, nr, PROT_READ | PROT_WRITE);
	struct page **pages = gk_array(test, nr);

	gk_fill(test, addr + SZ_2M, 8);
	gk_fail(GUP_FAIL_FAST, 1, 1);
	KUNIT_ASSERT_EQ(test, gk_pin_bvecs(addr, nr, FOLL_WRITE, pages), nr);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
	unpin_user_pages(pages, nr);
}

/* It is not for want of room that it ends. */
static void gup_fail_fast_leaves_room(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 4);
	struct bio_vec bvecs[2];
	struct user_bvecs to = { .bvecs = bvecs, .max = 2 };

	gk_fail(GUP_FAIL_FAST, 1, 1);
	KUNIT_EXPECT_EQ(test, pin_user_bvecs_fast(addr, 4 * PAGE_SIZE,
						  FOLL_WRITE, &to),
			2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 0);
	unpin_user_bvecs(bvecs, to.nr, false);
}

/* What it leaves shows where the slow path can do nothing. */
static void gup_fail_fast_without_slow_path(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_api *api = combo->api;
	const struct gk_kind *kind = combo->kind;
	unsigned long addr = kind->map(test, kind), i;
	struct page **pages = gk_marked_array(test, kind->nr);
	long ret;

	if (!api->fast)
		return;
	for (i = 1; i < kind->nr; i = gk_next_page(i, kind->nr)) {
		gk_fail(GUP_FAIL_FAST, i, 1);
		gk_signal(SIGKILL);
		ret = api->take(addr, kind->nr, 0, pages);
		gk_no_signal();
		KUNIT_EXPECT_EQ(test, ret, i);
		gk_expect_nothing_behind(test, pages, ret, kind->nr);
		gk_release(api, pages, ret);
	}
}

static void gup_fail_fast_by_function(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);

	if (!api->fast || !gk_is_function(api))
		return;
	gk_fail(GUP_FAIL_FAST, 1, 1);
	gup_fail_attr.functions[api - gk_apis] = false;
	gk_expect_call(test, api, addr, 2, 2);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
}

struct gk_nmi {
	unsigned long addr;
	struct page *page;
	int ret;
};

static void gk_hit_take(struct gk_trap *trap, struct pt_regs *regs)
{
	struct gk_nmi *nmi = trap->arg;

	nmi->ret = get_user_pages_fast_only(nmi->addr, 1, 0, &nmi->page);
}

/* perf takes pages there, where no message may be printed. */
static void gup_fail_call_from_nmi(struct kunit *test)
{
	struct gk_nmi nmi = { .addr = gk_map_filled(test, 1) };
	struct gk_trap trap = { .hit = gk_hit_take, .arg = &nmi };
	int *word = kunit_kzalloc(test, sizeof(*word), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, word);
	gk_trap_set(test, &trap, word);
	gk_fail(GUP_FAIL_CALL, 0, 1);
	/* The filter lets nothing through but tasks: it must not be what helps. */
	WRITE_ONCE(gup_fail_attr.fault.task_filter, false);
	WRITE_ONCE(*word, 1);
	gk_trap_clear(&trap);
	KUNIT_ASSERT_EQ(test, trap.hits, 1);
	KUNIT_ASSERT_EQ(test, nmi.ret, 1);
	put_page(nmi.page);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
}

#endif	/* CONFIG_HAVE_GUP_FAST */

/*
 * Long-term pins
 */

#ifdef CONFIG_MIGRATION
static unsigned long gk_map_movable(struct kunit *test, unsigned long nr)
{
	unsigned long addr = gk_map_filled(test, nr);

	gk_need_movable(test, addr);
	return addr;
}

/* It is tried again until it can be isolated. */
static void gup_fail_isolate_twice(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long i, addr = gk_map_movable(test, 8);
	struct page **pages = gk_marked_array(test, 8);
	struct page *before = gk_page_at(addr + 3 * PAGE_SIZE);

	gk_fail(GUP_FAIL_ISOLATE, 3, 2);
	KUNIT_ASSERT_EQ(test, api->take(addr, 8, FOLL_WRITE | FOLL_LONGTERM,
					pages), 8);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 0);
	KUNIT_EXPECT_PTR_NE(test, pages[3], before);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_TRUE(test, folio_is_longterm_pinnable(page_folio(pages[i])));
		KUNIT_EXPECT_PTR_EQ(test, pages[i],
				    gk_page_at(addr + i * PAGE_SIZE));
	}
	gk_expect_filled(test, addr, 8);
	gk_release(api, pages, 8);
}

/* The other pages are moved meanwhile; a page that is not there is not waited for. */
static void gup_fail_isolate_other_page(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_movable(test, 4);
	struct page *pages[4];

	gk_fail(GUP_FAIL_ISOLATE, 4, 1);
	KUNIT_ASSERT_EQ(test, api->take(addr, 4, FOLL_WRITE | FOLL_LONGTERM,
					pages), 4);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
	gk_release(api, pages, 4);
}

static void gup_fail_migrate_once(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_movable(test, 8);
	struct page **pages = gk_marked_array(test, 8);
	struct gk_refs *refs = gk_refs(test, addr, 8);

	gk_fail(GUP_FAIL_MIGRATE, 0, 1);
	KUNIT_EXPECT_EQ(test, api->take(addr, 8, FOLL_WRITE | FOLL_LONGTERM,
					pages), -ENOMEM);
	gk_expect_nothing_behind(test, pages, 0, 8);
	gk_expect_released(test, refs, 8);
	KUNIT_EXPECT_PTR_EQ(test, gk_page_at(addr), refs[0].page);
	gk_expect_filled(test, addr, 8);
	/* They are back on their LRU list: the next try can isolate them. */
	KUNIT_ASSERT_EQ(test, api->take(addr, 8, FOLL_WRITE | FOLL_LONGTERM,
					pages), 8);
	KUNIT_EXPECT_PTR_NE(test, pages[0], refs[0].page);
	gk_release(api, pages, 8);
}

#endif	/* CONFIG_MIGRATION */

static void gup_fail_folios_of_memfd(struct kunit *test)
{
	const loff_t last = 8 * PAGE_SIZE - 1;
	struct file *file = gk_shmem_file(test, 8);
	struct page **pages = gk_marked_array(test, 8);
	struct folio **folios = (struct folio **)pages;
	pgoff_t offset;
	unsigned long i;

	for (i = 0; i < 8; i++) {
		gk_fail(GUP_FAIL_CALL, i, 1);
		KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, last, folios, 8,
						       &offset), -GK_ERROR);
		gk_expect_nothing_behind(test, pages, 0, 8);
	}
	gk_fail(GUP_FAIL_CALL, 8, 1);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, last, folios, 8,
					       &offset), 8);
	unpin_folios(folios, 8);

	gk_fail(GUP_FAIL_CALL, 0, 1);
	gup_fail_attr.functions[GUP_FN_MEMFD] = false;
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, last, folios, 8,
					       &offset), 8);
	unpin_folios(folios, 8);
}

/* An error of its own is not replaced by another. */
static void gup_fail_memfd_has_failed(struct kunit *test)
{
	const loff_t last = 2 * PAGE_SIZE - 1;
	struct file *file = gk_shmem_file(test, 2);
	struct folio *folios[2];
	pgoff_t offset;
	int count;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, last, folios, 2,
					       &offset), 2);
	unpin_folios(folios, 2);
	lru_add_drain_all();
	count = folio_ref_count(folios[1]);
	/* Too many references: it cannot be pinned. */
	folio_set_count(folios[1], INT_MIN / 2);
	gk_fail(GUP_FAIL_CALL, 0, 1);
	kunit_warning_suppress(test) {
		struct folio *again[2];

		gk_forget_warnings();
		KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, last, again, 2,
						       &offset), -ENOMEM);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	folio_set_count(folios[1], count);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 1);
}

/*
 * No references
 */

static void gup_fail_faultin(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	int locked = 1;

	mmap_read_lock(current->mm);
	gk_fail(GUP_FAIL_CALL, 2, 1);
	KUNIT_EXPECT_EQ(test, faultin_page_range(current->mm, addr,
						 addr + 4 * PAGE_SIZE, true,
						 &locked), 2);
	KUNIT_EXPECT_EQ(test, locked, 1);
	gk_fail(GUP_FAIL_CALL, 0, 1);
	KUNIT_EXPECT_EQ(test, faultin_page_range(current->mm, addr,
						 addr + 4 * PAGE_SIZE, true,
						 &locked), -GK_ERROR);
	KUNIT_EXPECT_EQ(test, locked, 1);
	mmap_read_unlock(current->mm);
}

/* A short step is no error here: the rest is populated by the next. */
static void gup_fail_populate(struct kunit *test)
{
	unsigned long addr = gk_map(test, 4, PROT_READ | PROT_WRITE);

	gk_fail(GUP_FAIL_CALL, 0, 1);
	KUNIT_EXPECT_EQ(test, __mm_populate(addr, 4 * PAGE_SIZE, 0), -GK_ERROR);
	gk_fail(GUP_FAIL_CALL, 1, 1);
	KUNIT_EXPECT_EQ(test, __mm_populate(addr, 4 * PAGE_SIZE, 0), 0);
	KUNIT_EXPECT_EQ(test, gk_fails_left(), 0);
	KUNIT_EXPECT_NOT_NULL(test, gk_page_at(addr + 3 * PAGE_SIZE));
}

#ifdef CONFIG_ELF_CORE
static void gup_fail_dump(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct page *page;
	int locked = 0;

	gk_fail(GUP_FAIL_CALL, 0, 1);
	KUNIT_EXPECT_NULL(test, get_dump_page(addr, &locked));
	gk_expect_released(test, refs, 1);
	page = get_dump_page(addr, &locked);
	KUNIT_ASSERT_PTR_EQ(test, page, refs->page);
	put_page(page);
}
#endif

static struct kunit_case gup_fail_cases[] = {
	KUNIT_CASE_PARAM(gup_fail_call_at_each_page, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_fail_call_is_shorter, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_fail_call_by_function, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_fail_call_by_task, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_fail_call_by_number, gk_api_gen_params),
	KUNIT_CASE(gup_fail_call_without_array),
#ifdef CONFIG_HAVE_GUP_FAST
	KUNIT_CASE_PARAM(gup_fail_fast_at_each_page, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_fail_fast_is_shorter, gk_api_gen_params),
	KUNIT_CASE(gup_fail_fast_begins_behind_page),
	KUNIT_CASE(gup_fail_fast_leaves_room),
	KUNIT_CASE_PARAM(gup_fail_fast_without_slow_path, gk_combo_gen_params),
	KUNIT_CASE_PARAM(gup_fail_fast_by_function, gk_api_gen_params),
	KUNIT_CASE(gup_fail_call_from_nmi),
#endif
#ifdef CONFIG_MIGRATION
	KUNIT_CASE_PARAM(gup_fail_isolate_twice, gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_fail_isolate_other_page, gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_fail_migrate_once, gk_pin_api_gen_params),
#endif
	KUNIT_CASE(gup_fail_folios_of_memfd),
	KUNIT_CASE(gup_fail_memfd_has_failed),
	KUNIT_CASE(gup_fail_faultin),
	KUNIT_CASE(gup_fail_populate),
#ifdef CONFIG_ELF_CORE
	KUNIT_CASE(gup_fail_dump),
#endif
	{}
};

static int gk_fail_init(struct kunit *test)
{
	gk_saved = gup_fail_attr;
	gup_fail_attr.fault.probability = 100;
	gup_fail_attr.fault.task_filter = true;
	gup_fail_attr.fault.verbose = 0;
	gup_fail_attr.error = GK_ERROR;
	gk_fail(GUP_FAIL_CALL, 0, 0);
	current->make_it_fail = 1;
	return gk_init(test);
}

static void gk_fail_exit(struct kunit *test)
{
	gup_fail_attr = gk_saved;
	gk_exit(test);
}

static struct kunit_suite gup_fail_suite = {
	.name = "gup_fail",
	.init = gk_fail_init,
	.exit = gk_fail_exit,
	.test_cases = gup_fail_cases,
};

kunit_test_suite(gup_fail_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): fault injection");
MODULE_LICENSE("GPL");
