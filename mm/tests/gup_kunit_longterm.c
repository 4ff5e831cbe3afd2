// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): long-term pins, and memfd_pin_folios().
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "gup_kunit.h"

static void gk_expect_pinnable(struct kunit *test, struct page **pages,
			       unsigned long nr)
{
	while (nr--)
		KUNIT_EXPECT_TRUE(test, folio_is_longterm_pinnable(page_folio(pages[nr])));
}

/*
 * Migration
 */

static void gup_longterm_moves_pages(struct kunit *test)
{
	const struct gk_combo *combo = test->param_value;
	const struct gk_kind *kind = combo->kind;
	struct page **pages = gk_array(test, kind->nr);
	unsigned long addr, i;

	addr = kind->map(test, kind);
	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, combo->api->take(addr, kind->nr,
					       FOLL_WRITE | FOLL_LONGTERM,
					       pages), kind->nr);
	gk_expect_pinnable(test, pages, kind->nr);
	for (i = 0; i < kind->nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, pages[i],
				    gk_page_at(addr + i * PAGE_SIZE));
	gk_expect_filled(test, addr, kind->nr);
	gk_expect_refs(test, gk_refs_of(test, pages, kind->nr), kind->nr, 0,
		       FOLL_PIN);
	KUNIT_EXPECT_TRUE(test, folio_maybe_dma_pinned(page_folio(pages[0])));
	unpin_user_pages(pages, kind->nr);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(page_folio(pages[0])));
}

static void gup_longterm_short_pin_does_not_move(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *pages[2];

	KUNIT_ASSERT_EQ(test, api->take(addr, 2, FOLL_WRITE, pages), 2);
	gk_expect_taken(test, refs, pages, 2, api->ref);
	gk_release(api, pages, 2);
}

static void gup_longterm_pinnable_pages_stay(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4], *again[4];
	struct gk_refs *refs;

	KUNIT_ASSERT_EQ(test, api->take(addr, 4, FOLL_LONGTERM, pages), 4);
	refs = gk_refs(test, addr, 4);
	KUNIT_ASSERT_EQ(test, api->take(addr, 4, FOLL_LONGTERM, again), 4);
	gk_expect_taken(test, refs, again, 4, FOLL_PIN);
	unpin_user_pages(again, 4);
	unpin_user_pages(pages, 4);
}

/* What is faulted in by the way is allocated where it may stay. */
static void gup_longterm_faults_in_pinnable_pages(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	unsigned int flags = current->flags;
	struct page *pages[4];
	struct gup_req req;

	gk_need_movable(test, addr);
	addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	KUNIT_ASSERT_EQ(test, api->take(addr, 4, FOLL_WRITE | FOLL_LONGTERM,
					pages), 4);
	gk_expect_pinnable(test, pages, 4);
	KUNIT_EXPECT_EQ(test, current->flags & PF_MEMALLOC_PIN,
			flags & PF_MEMALLOC_PIN);
	unpin_user_pages(pages, 4);

	/* Without the long-term loop they would not be: that is the control. */
	addr = gk_map(test, 4, PROT_READ | PROT_WRITE);
	gk_req(&req, addr, 4, FOLL_PIN | FOLL_WRITE, pages);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, gup_slow(&req), 4);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_FALSE(test, folio_is_longterm_pinnable(page_folio(pages[0])));
	unpin_user_pages(pages, 4);
}

static void gk_check_isolated(struct kunit *test, unsigned long addr,
			      unsigned long nr)
{
	struct page **pages = gk_array(test, nr);
	const long anon = gk_stat(NR_ISOLATED_ANON);
	const long file = gk_stat(NR_ISOLATED_FILE);

	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, gk_pin_locked(addr, nr, FOLL_LONGTERM, pages), nr);
	gk_expect_pinnable(test, pages, nr);
	unpin_user_pages(pages, nr);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_ISOLATED_ANON), anon);
	KUNIT_EXPECT_EQ(test, gk_stat(NR_ISOLATED_FILE), file);
}

/* Whoever puts a folio back counts all of its pages, by what the folio is. */
static void gup_longterm_isolated_pages_are_counted(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	gk_check_isolated(test, gk_map_64k(test), 16);
	/* Lazily freed, it is on the list of the pages of files. */
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr, PAGE_SIZE,
					    MADV_FREE));
	lru_add_drain_all();
	KUNIT_ASSERT_FALSE(test, folio_test_swapbacked(page_folio(gk_page_at(addr))));
	gk_check_isolated(test, addr, 1);
}

/* Some may stay, some have to move: in the end all of them are pinned once. */
static void gup_longterm_moves_some_pages(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	struct page *stay[2], *pages[8];
	struct gk_refs *refs;

	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, api->take(addr + 2 * PAGE_SIZE, 2, FOLL_LONGTERM,
					stay), 2);
	KUNIT_ASSERT_EQ(test, api->take(addr, 8, FOLL_LONGTERM, pages), 8);
	gk_expect_pinnable(test, pages, 8);
	KUNIT_EXPECT_PTR_EQ(test, pages[2], stay[0]);
	KUNIT_EXPECT_PTR_EQ(test, pages[3], stay[1]);
	gk_expect_filled(test, addr, 8);
	unpin_user_pages(stay, 2);
	refs = gk_refs(test, addr, 8);
	KUNIT_EXPECT_EQ(test, refs[0].refs, 1 + GUP_PIN_COUNTING_BIAS);
	KUNIT_EXPECT_EQ(test, refs[2].refs, 1 + GUP_PIN_COUNTING_BIAS);
	KUNIT_EXPECT_EQ(test, refs[7].refs, 1 + GUP_PIN_COUNTING_BIAS);
	unpin_user_pages(pages, 8);
}

static void gup_longterm_prefix_up_to_hole(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 6);
	struct page *pages[6];

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 4 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, api->take(addr, 6, FOLL_LONGTERM, pages), 4);
	gk_expect_pinnable(test, pages, 4);
	unpin_user_pages(pages, 4);
	KUNIT_EXPECT_EQ(test, api->take(addr + 4 * PAGE_SIZE, 2, FOLL_LONGTERM,
					pages), -EFAULT);
}

/* Somebody else's reference keeps the page where it is. */
static void gup_longterm_page_cannot_move(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *page = gk_page_at(addr + 2 * PAGE_SIZE), *pages[4] = {};
	unsigned long start = jiffies;
	struct gk_refs *refs;
	unsigned int i;

	gk_need_movable(test, addr);
	get_page(page);
	KUNIT_EXPECT_EQ(test, api->take(addr, 4, FOLL_LONGTERM, pages),
			-ENOMEM);
	/* It may be kept for ever: nobody waits for long. */
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 10 * HZ));
	refs = gk_refs(test, addr, 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, refs[i].refs, i == 2 ? 2 : 1);
	put_page(page);
	gk_expect_filled(test, addr, 4);
	KUNIT_EXPECT_EQ(test, api->take(addr, 4, FOLL_LONGTERM, pages), 4);
	gk_expect_pinnable(test, pages, 4);
	unpin_user_pages(pages, 4);
}

/* Somebody who has taken a folio off the LRU and puts it back soon. */
struct gk_isolator {
	struct folio *folio;
	struct completion isolated;
	bool ok;
};

static int gk_isolate_for_a_while(void *data)
{
	struct gk_isolator *isolator = data;

	lru_add_drain_all();
	isolator->ok = folio_isolate_lru(isolator->folio);
	complete(&isolator->isolated);
	/* That is longer than anybody waits for a reference. */
	msleep(300);
	if (isolator->ok)
		folio_putback_lru(isolator->folio);
	return 0;
}

/* "Could not be isolated" is not "may stay". */
static void gup_longterm_page_is_isolated_elsewhere(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct gk_isolator isolator = {};
	struct task_struct *task;
	struct page *pages[1];
	long ret;

	gk_need_movable(test, addr);
	isolator.folio = page_folio(gk_page_at(addr));
	init_completion(&isolator.isolated);
	task = kthread_run(gk_isolate_for_a_while, &isolator,
			   "gup_kunit_isolator");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wait_for_completion(&isolator.isolated);
	ret = api->take(addr, 1, FOLL_LONGTERM, pages);
	kthread_stop_put(task);
	KUNIT_EXPECT_TRUE(test, isolator.ok);
	KUNIT_ASSERT_EQ(test, ret, 1);
	gk_expect_pinnable(test, pages, 1);
	unpin_user_page(pages[0]);
}

/* Waits less than a minute for what is not put back. */
static long gk_take_impatiently(const struct gk_api *api, unsigned long addr,
				unsigned long nr, struct page **pages)
{
	const unsigned long patience = gup_busy_patience;
	long ret;

	gup_busy_patience = HZ / 5;
	ret = api->take(addr, nr, FOLL_WRITE | FOLL_LONGTERM, pages);
	gup_busy_patience = patience;
	return ret;
}

/* A page of a driver, which is on no LRU list, where it may not stay. */
static unsigned long gk_map_movable_dev(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;

	dev->pages[0] = gk_alloc_movable_page(test);
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	gk_poke(test, addr, 1);
	gk_need_movable(test, addr);
	return addr;
}

static void gup_longterm_page_is_never_isolated(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_movable_dev(test);
	struct page **pages = gk_marked_array(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 1);
	unsigned long start = jiffies;

	KUNIT_EXPECT_EQ(test, gk_take_impatiently(api, addr, 2, pages), -ENOMEM);
	gk_expect_nothing_behind(test, pages, 0, 2);
	gk_expect_released(test, refs, 1);
	/* A folio may come back by then. */
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, start + HZ / 5));
}

/* Those before it have moved, and are not pinned any more. */
static void gup_longterm_others_have_moved(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct folio *folio = page_folio(gk_page_at(addr + 3 * PAGE_SIZE));
	struct page *pages[4];
	struct gk_refs *refs;
	unsigned int i;

	gk_need_movable(test, addr);
	lru_add_drain_all();
	KUNIT_ASSERT_TRUE(test, folio_isolate_lru(folio));
	KUNIT_EXPECT_EQ(test, gk_take_impatiently(api, addr, 4, pages), -ENOMEM);
	refs = gk_refs(test, addr, 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, folio_is_longterm_pinnable(page_folio(refs[i].page)),
				i < 3);
		KUNIT_EXPECT_EQ(test, refs[i].refs, i < 3 ? 1 : 2);
	}
	folio_putback_lru(folio);
	KUNIT_ASSERT_EQ(test, api->take(addr, 4, FOLL_LONGTERM, pages), 4);
	gk_expect_pinnable(test, pages, 4);
	gk_expect_filled(test, addr, 4);
	unpin_user_pages(pages, 4);
}

/* Somebody who does something to a test after a while. */
struct gk_later {
	void (*act)(struct gk_later *later);
	struct page *page;
	struct task_struct *target;
	struct completion done;
};

static int gk_act_later(void *data)
{
	struct gk_later *later = data;

	msleep(20);
	later->act(later);
	complete(&later->done);
	return 0;
}

static void gk_start_later(struct kunit *test, struct gk_later *later)
{
	init_completion(&later->done);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(gk_act_later, later,
						    "gup_kunit_later")));
}

/* gk_signal() for another thread. */
static void gk_kill(struct gk_later *later)
{
	sigaddset(&later->target->pending.signal, SIGKILL);
	set_tsk_thread_flag(later->target, TIF_SIGPENDING);
	wake_up_state(later->target, TASK_KILLABLE);
}

static void gup_longterm_fatal_signal_while_waiting(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_movable_dev(test), start = jiffies;
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct gk_later later = { .act = gk_kill, .target = current };
	struct page *pages[1];
	long ret;

	gk_start_later(test, &later);
	ret = api->take(addr, 1, FOLL_WRITE | FOLL_LONGTERM, pages);
	wait_for_completion(&later.done);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, start + 10 * HZ));
	gk_expect_released(test, refs, 1);
}

static void gk_put_later(struct gk_later *later)
{
	put_page(later->page);
}

/* However busy the machine is, so that later is not too late. */
static void gk_start_put_later(struct kunit *test, struct gk_later *later)
{
	get_page(later->page);
	gup_failed_patience = 60 * HZ;
	gk_start_later(test, later);
}

static void gk_finish_put_later(struct gk_later *later,
				unsigned long patience)
{
	wait_for_completion(&later->done);
	gup_failed_patience = patience;
}

/* A reader, or an I/O: its reference is gone in a moment. */
static void gup_longterm_reference_for_a_moment(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_later later = { .act = gk_put_later, .page = gk_page_at(addr) };
	const unsigned long patience = gup_failed_patience;
	struct page *pages[2];
	long ret;

	gk_need_movable(test, addr);
	gk_start_put_later(test, &later);
	ret = api->take(addr, 2, FOLL_WRITE | FOLL_LONGTERM, pages);
	gk_finish_put_later(&later, patience);
	KUNIT_ASSERT_EQ(test, ret, 2);
	gk_expect_pinnable(test, pages, 2);
	gk_expect_filled(test, addr, 2);
	unpin_user_pages(pages, 2);
}

/* Somebody who writes to user memory on another CPU. */
struct gk_writer {
	struct mm_struct *mm;
	unsigned long addr;
	int error;
	struct completion done;
};

static int gk_write_elsewhere(void *data)
{
	struct gk_writer *writer = data;
	unsigned long addr = writer->addr;

	kthread_use_mm(writer->mm);
	writer->error = put_user(addr + 1, (unsigned long __user *)addr);
	kthread_unuse_mm(writer->mm);
	complete(&writer->done);
	return 0;
}

struct gk_batch {
	const char *name;
	vm_flags_t vm_flags;
};

/* Those that a page waits in for an LRU list, and for the list of what is locked. */
static const struct gk_batch gk_batches[] = {
	{ "lru", 0 },
	{ "mlock", VM_LOCKED },
};

KUNIT_ARRAY_PARAM_DESC(gk_batches, gk_batches, name);

/* Until it is full, the batch of that CPU holds a reference to the page. */
static void gup_longterm_page_is_in_batch_of_other_cpu(struct kunit *test)
{
	const struct gk_batch *batch = test->param_value;
	unsigned long addr = gk_map(test, 1, PROT_READ | PROT_WRITE);
	struct gk_writer writer = { .mm = current->mm, .addr = addr };
	unsigned int cpu = cpumask_any_but(cpu_online_mask,
					   raw_smp_processor_id());
	struct task_struct *task;
	struct page *pages[1];

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs (-smp 2)");
	gk_need_movable(test, gk_map_filled(test, 1));
	gk_vm_flags(addr, batch->vm_flags, 0);
	init_completion(&writer.done);
	task = kthread_create_on_cpu(gk_write_elsewhere, &writer, cpu,
				     "gup_kunit_writer/%u");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wake_up_process(task);
	wait_for_completion(&writer.done);
	KUNIT_ASSERT_EQ(test, 0, writer.error);
	KUNIT_ASSERT_EQ(test, gk_pin_locked(addr, 1, FOLL_LONGTERM, pages), 1);
	gk_expect_pinnable(test, pages, 1);
	gk_expect_filled(test, addr, 1);
	unpin_user_page(pages[0]);
}

/* In the lockless walk the slow path has to decide, and to migrate. */
static void gup_longterm_without_lock(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *pages[2];

	gk_need_movable(test, addr);
	KUNIT_EXPECT_EQ(test, 0, gk_pin_lockless(addr, 2, FOLL_LONGTERM, pages));
	gk_expect_released(test, refs, 2);
	KUNIT_ASSERT_EQ(test, 2, gk_pin_locked(addr, 2, FOLL_LONGTERM, pages));
	unpin_user_pages(pages, 2);
	KUNIT_EXPECT_EQ(test, 2, gk_pin_lockless(addr, 2, FOLL_LONGTERM, pages));
	unpin_user_pages(pages, 2);
}

/* The prefix that the fast path took is not touched by the loop. */
static void gup_longterm_fast_prefix_stays(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 6);
	struct page *first[3], *pages[6];

	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, 3, gk_pin_locked(addr, 3, FOLL_LONGTERM, first));
	KUNIT_ASSERT_EQ(test, 6, pin_user_pages_fast(addr, 6, FOLL_LONGTERM,
						     pages));
	KUNIT_EXPECT_MEMEQ(test, first, pages, sizeof(first));
	gk_expect_pinnable(test, pages, 6);
	unpin_user_pages(first, 3);
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, page_ref_count(pages[0]),
			1 + GUP_PIN_COUNTING_BIAS);
	unpin_user_pages(pages, 6);

	/* Nor is it lost when the rest cannot be moved. */
	addr = gk_map_filled(test, 4);
	KUNIT_ASSERT_EQ(test, 2, gk_pin_locked(addr, 2, FOLL_LONGTERM, first));
	first[2] = gk_page_at(addr + 2 * PAGE_SIZE);
	get_page(first[2]);
	KUNIT_EXPECT_EQ(test, 2, pin_user_pages_fast(addr, 4, FOLL_LONGTERM,
						     pages));
	put_page(first[2]);
	unpin_user_pages(first, 2);
	unpin_user_pages(pages, 2);
}

/*
 * memfd_pin_folios()
 */

struct gk_memfd {
	const char *name;
	struct file *(*file)(struct kunit *test, unsigned long nr);
};

/* Sizes are in folios: small ones here, huge ones there. */
static const struct gk_memfd gk_memfds[] = {
	{ "shmem", gk_shmem_file },
	{ "hugetlb", gk_pinnable_hugetlb_file },
};

KUNIT_ARRAY_PARAM_DESC(gk_memfds, gk_memfds, name);

static const struct gk_memfd gk_movable_memfds[] = {
	{ "shmem", gk_shmem_file },
	{ "hugetlb", gk_hugetlb_file },
};

KUNIT_ARRAY_PARAM_DESC(gk_movable_memfds, gk_movable_memfds, name);

static size_t gk_memfd_size(struct file *file)
{
	if (is_file_hugepages(file))
		return huge_page_size(hstate_file(file));
	return PAGE_SIZE;
}

static void gk_expect_folios(struct kunit *test, struct file *file,
			     struct folio **folios, long nr, pgoff_t first)
{
	const unsigned long pages = gk_memfd_size(file) >> PAGE_SHIFT;
	long i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		KUNIT_EXPECT_PTR_EQ(test, folio->mapping, file->f_mapping);
		KUNIT_EXPECT_EQ(test, folio->index, (first + i) * pages);
		KUNIT_EXPECT_TRUE(test, folio_test_uptodate(folio));
		KUNIT_EXPECT_TRUE(test, folio_maybe_dma_pinned(folio));
		KUNIT_EXPECT_TRUE(test, folio_is_longterm_pinnable(folio));
	}
}

static void gup_longterm_memfd_holes(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 4);
	const size_t size = gk_memfd_size(file);
	const unsigned int flags = current->flags;
	struct folio *folios[8] = {};
	pgoff_t offset = 1;
	long ret = memfd_pin_folios(file, 0, 4 * size - 1, folios, 8, &offset);

	KUNIT_ASSERT_EQ(test, ret, 4);
	/* What the task allocates later may lie anywhere again. */
	KUNIT_EXPECT_EQ(test, current->flags & PF_MEMALLOC_PIN,
			flags & PF_MEMALLOC_PIN);
	KUNIT_EXPECT_EQ(test, offset, 0);
	gk_expect_folios(test, file, folios, 4, 0);
	KUNIT_EXPECT_NULL(test, folios[4]);
	unpin_folios(folios, 4);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(folios[0]));
}

static void gup_longterm_memfd_present(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 4);
	const size_t size = gk_memfd_size(file);
	unsigned long addr = gk_map_file(test, file, 4 * size >> PAGE_SHIFT,
					 PROT_READ | PROT_WRITE, MAP_SHARED);
	struct folio *folios[8];
	pgoff_t offset;

	/* The second one is missing in between. */
	gk_poke(test, addr, 1);
	gk_poke(test, addr + 2 * size, 3);
	gk_poke(test, addr + 3 * size, 4);
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 4 * size - 1, folios, 8,
					       &offset), 4);
	gk_expect_folios(test, file, folios, 4, 0);
	KUNIT_EXPECT_EQ(test, gk_page_word(&folios[0]->page), 1UL);
	KUNIT_EXPECT_EQ(test, gk_page_word(&folios[1]->page), 0UL);
	KUNIT_EXPECT_EQ(test, gk_page_word(&folios[3]->page), 4UL);
	/* The user sees the same memory. */
	gk_poke(test, addr + size, 2);
	KUNIT_EXPECT_EQ(test, gk_page_word(&folios[1]->page), 2UL);
	unpin_folios(folios, 4);
}

static void gup_longterm_memfd_offset(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 3);
	const size_t size = gk_memfd_size(file);
	struct folio *folios[4];
	pgoff_t offset;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, size + 123, 2 * size + 5,
					       folios, 4, &offset), 2);
	KUNIT_EXPECT_EQ(test, offset, 123);
	gk_expect_folios(test, file, folios, 2, 1);
	unpin_folios(folios, 2);
	/* One byte, the last one of a folio. */
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 2 * size - 1, 2 * size - 1,
					       folios, 4, &offset), 1);
	KUNIT_EXPECT_EQ(test, offset, size - 1);
	gk_expect_folios(test, file, folios, 1, 1);
	unpin_folios(folios, 1);
}

static void gup_longterm_memfd_max(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 4);
	const size_t size = gk_memfd_size(file);
	struct folio *folios[4] = {};
	pgoff_t offset;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 4 * size - 1, folios, 2,
					       &offset), 2);
	KUNIT_EXPECT_NULL(test, folios[2]);
	unpin_folios(folios, 2);
	/* The same with all of them in the page cache. */
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 4 * size - 1, folios, 4,
					       &offset), 4);
	unpin_folios(folios, 4);
	folios[3] = NULL;
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 4 * size - 1, folios, 3,
					       &offset), 3);
	KUNIT_EXPECT_NULL(test, folios[3]);
	unpin_folios(folios, 3);
}

/* One pin a folio, and no reference besides, however they were come by. */
static void gup_longterm_memfd_references(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 2);
	const size_t size = gk_memfd_size(file);
	struct folio *folios[2];
	struct page *pages[2];
	struct gk_refs *refs;
	pgoff_t offset;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 2 * size - 1, folios, 2,
					       &offset), 2);
	pages[0] = &folios[0]->page;
	pages[1] = &folios[1]->page;
	unpin_folios(folios, 2);
	refs = gk_refs_of(test, pages, 2);
	KUNIT_EXPECT_EQ(test, refs[0].refs,
			folio_expected_ref_count(folios[0]));
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 2 * size - 1, folios, 2,
					       &offset), 2);
	gk_expect_taken(test, refs, pages, 2, FOLL_PIN);
	unpin_folios(folios, 2);
	gk_expect_released(test, refs, 2);
}

struct gk_pinner {
	struct file *file;
	struct folio *folio;
	long ret;
	struct completion done;
};

static int gk_pin_first_folio(void *data)
{
	struct gk_pinner *pinner = data;
	pgoff_t offset;

	pinner->ret = memfd_pin_folios(pinner->file, 0, PAGE_SIZE - 1,
				       &pinner->folio, 1, &offset);
	complete_all(&pinner->done);
	return 0;
}

static bool gk_start_pinner(struct gk_pinner *pinner)
{
	init_completion(&pinner->done);
	return !IS_ERR(kthread_run(gk_pin_first_folio, pinner, "gup_kunit_pinner"));
}

/*
 * khugepaged has counted the references of a folio, and puts another in its place
 * before it unlocks it. What is pinned is what the file has then.
 */
static void gup_longterm_memfd_folio_replaced(struct kunit *test)
{
	struct gk_pinner pinner = { .file = gk_shmem_file(test, 1) };
	struct folio *folio;
	pgoff_t offset;
	bool started;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(pinner.file, 0, PAGE_SIZE - 1,
					       &folio, 1, &offset), 1);
	unpin_folios(&folio, 1);
	folio = filemap_lock_folio(pinner.file->f_mapping, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));

	started = gk_start_pinner(&pinner);
	if (started) {
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&pinner.done,
								  HZ / 5), 0);
		filemap_remove_folio(folio);
	}
	folio_unlock(folio);
	KUNIT_ASSERT_TRUE(test, started);
	wait_for_completion(&pinner.done);

	KUNIT_ASSERT_EQ(test, pinner.ret, 1);
	KUNIT_EXPECT_PTR_NE(test, pinner.folio, folio);
	gk_expect_folios(test, pinner.file, &pinner.folio, 1, 0);
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(folio));
	unpin_folios(&pinner.folio, 1);
	folio_put(folio);
}

static void gup_longterm_memfd_moves_folios(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 2);
	const size_t size = gk_memfd_size(file);
	unsigned long addr = gk_map_file(test, file, 2 * size >> PAGE_SHIFT,
					 PROT_READ | PROT_WRITE, MAP_SHARED);
	struct folio *folios[2];
	pgoff_t offset;

	gk_poke(test, addr, 1);
	gk_poke(test, addr + size, 2);
	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 2 * size - 1, folios, 2,
					       &offset), 2);
	gk_expect_folios(test, file, folios, 2, 0);
	KUNIT_EXPECT_EQ(test, gk_peek(test, addr), 1UL);
	KUNIT_EXPECT_EQ(test, gk_peek(test, addr + size), 2UL);
	KUNIT_EXPECT_PTR_EQ(test, gk_page_at(addr), &folios[0]->page);
	unpin_folios(folios, 2);
}

/* Not only the first one is looked at. */
static void gup_longterm_memfd_moves_one_folio(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 3);
	unsigned long addr = gk_map_file(test, file, 3, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct folio *folios[3];
	unsigned int i;
	pgoff_t offset;

	/* Where it may stay it is allocated here, the one in between is not. */
	for (i = 0; i < 3; i += 2) {
		const loff_t at = i * PAGE_SIZE;

		KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, at, at, folios, 1,
						       &offset), 1);
		unpin_folios(folios, 1);
	}
	gk_fill(test, addr, 3);
	gk_need_movable(test, addr + PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 3 * PAGE_SIZE - 1,
					       folios, 3, &offset), 3);
	gk_expect_folios(test, file, folios, 3, 0);
	gk_expect_filled(test, addr, 3);
	unpin_folios(folios, 3);
}

/* One of them has too many references: none is pinned. */
static void gup_longterm_memfd_folio_is_refused(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 3);
	struct page **pages = gk_array(test, 3);
	struct folio *folios[3];
	struct gk_refs *refs;
	unsigned int i;
	pgoff_t offset;
	int count;

	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 3 * PAGE_SIZE - 1,
					       folios, 3, &offset), 3);
	for (i = 0; i < 3; i++)
		pages[i] = &folios[i]->page;
	unpin_folios(folios, 3);
	refs = gk_refs_of(test, pages, 3);
	count = page_ref_count(pages[1]);
	set_page_count(pages[1], INT_MIN / 2);
	kunit_warning_suppress(test) {
		gk_forget_warnings();
		KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, 3 * PAGE_SIZE - 1,
						       folios, 3, &offset),
				-ENOMEM);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, page_ref_count(pages[1]), INT_MIN / 2);
	set_page_count(pages[1], count);
	gk_expect_released(test, refs, 3);
}

static void gup_longterm_memfd_folio_cannot_move(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 2);
	unsigned long addr = gk_map_file(test, file, 2, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct folio *folios[2];
	struct gk_refs *refs;
	struct page *page;
	pgoff_t offset = 77;

	gk_fill(test, addr, 2);
	gk_need_movable(test, addr);
	page = gk_page_at(addr + PAGE_SIZE);
	get_page(page);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, 2 * PAGE_SIZE - 1,
					       folios, 2, &offset), -ENOMEM);
	refs = gk_refs(test, addr, 2);
	/* The page cache, the page table, and the test's. */
	KUNIT_EXPECT_EQ(test, refs[0].refs, 2);
	KUNIT_EXPECT_EQ(test, refs[1].refs, 3);
	put_page(page);
}

/* For ever, as far as the pin can tell, and only for a while. */
static void gup_longterm_memfd_folio_is_isolated(struct kunit *test)
{
	const unsigned long patience = gup_busy_patience;
	struct file *file = gk_shmem_file(test, 2);
	unsigned long addr = gk_map_file(test, file, 2, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct folio *folio, *folios[2];
	pgoff_t offset;

	gk_fill(test, addr, 2);
	gk_need_movable(test, addr);
	folio = page_folio(gk_page_at(addr + PAGE_SIZE));
	lru_add_drain_all();
	KUNIT_ASSERT_TRUE(test, folio_isolate_lru(folio));
	gup_busy_patience = HZ / 5;
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, 2 * PAGE_SIZE - 1,
					       folios, 2, &offset), -ENOMEM);
	gup_busy_patience = patience;
	KUNIT_EXPECT_FALSE(test, folio_maybe_dma_pinned(folio));
	folio_putback_lru(folio);
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, 2 * PAGE_SIZE - 1,
					       folios, 2, &offset), 2);
	gk_expect_folios(test, file, folios, 2, 0);
	gk_expect_filled(test, addr, 2);
	unpin_folios(folios, 2);
}

static void gup_longterm_memfd_reference_for_a_moment(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 1);
	unsigned long addr = gk_map_file(test, file, 1, PROT_READ | PROT_WRITE,
					 MAP_SHARED);
	struct gk_later later = { .act = gk_put_later };
	const unsigned long patience = gup_failed_patience;
	struct folio *folios[1];
	pgoff_t offset;
	long ret;

	gk_fill(test, addr, 1);
	gk_need_movable(test, addr);
	later.page = gk_page_at(addr);
	gk_start_put_later(test, &later);
	ret = memfd_pin_folios(file, 0, PAGE_SIZE - 1, folios, 1, &offset);
	gk_finish_put_later(&later, patience);
	KUNIT_ASSERT_EQ(test, ret, 1);
	gk_expect_folios(test, file, folios, 1, 0);
	unpin_folios(folios, 1);
}

static void gup_longterm_memfd_wrong_arguments(struct kunit *test)
{
	const struct gk_memfd *memfd = test->param_value;
	struct file *file = memfd->file(test, 2);
	const loff_t size = 2 * gk_memfd_size(file);
	struct folio *folios[2];
	pgoff_t offset;

	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, -1, 0, folios, 2, &offset),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 5, 4, folios, 2, &offset),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, size, folios, 2,
					       &offset), -EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, size, size, folios, 2,
					       &offset), -EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, size - 1, folios, 0,
					       &offset), -EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, size - 1, NULL, 2,
					       &offset), -EINVAL);
}

static void gup_longterm_memfd_wrong_file(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	struct folio *folios[1];
	unsigned long addr;
	pgoff_t offset;

	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(dev->vma->vm_file, 0, 0, folios,
					       1, &offset), -EINVAL);
	KUNIT_EXPECT_EQ(test, memfd_pin_folios(NULL, 0, 0, folios, 1, &offset),
			-EINVAL);
}

/* It has folios and a size like those of a memfd. */
static void gup_longterm_memfd_secret(struct kunit *test)
{
	unsigned long addr = gk_map_secretmem(test);
	struct file *file = vma_lookup(current->mm, addr)->vm_file;
	struct folio *folios[1];
	pgoff_t offset;

	KUNIT_EXPECT_EQ(test, memfd_pin_folios(file, 0, 0, folios, 1, &offset),
			-EINVAL);
}

static void gup_longterm_memfd_fatal_signal(struct kunit *test)
{
	struct file *file = gk_shmem_file(test, 2);
	struct folio *folios[2];
	pgoff_t offset;
	long ret;

	gk_signal(SIGKILL);
	ret = memfd_pin_folios(file, 0, 2 * PAGE_SIZE - 1, folios, 2, &offset);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
}

#ifdef CONFIG_HUGETLB_PAGE
/* A failure half way: what was pinned before it is released. */
static void gup_longterm_memfd_no_memory_half_way(struct kunit *test)
{
	struct file *file = gk_pinnable_hugetlb_file(test, 1);
	const size_t size = gk_memfd_size(file);
	struct hstate *h = hstate_file(file);
	unsigned long limit = h->nr_overcommit_huge_pages;
	/* more than the pool has, besides the one that the file has got */
	const unsigned int nr = h->free_huge_pages + 2;
	struct folio **folios = (struct folio **)gk_marked_array(test, nr);
	pgoff_t offset;
	long ret;

	i_size_write(file_inode(file), nr * size);
	h->nr_overcommit_huge_pages = 0;
	ret = memfd_pin_folios(file, 0, nr * size - 1, folios, nr, &offset);
	KUNIT_EXPECT_LT(test, ret, 0);
	gk_expect_nothing_behind(test, folios, ret, nr);
	h->nr_overcommit_huge_pages = limit;
	KUNIT_ASSERT_EQ(test, memfd_pin_folios(file, 0, size - 1, folios, nr,
					       &offset), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&folios[0]->_pincount), 1);
	unpin_folios(folios, 1);
}

/*
 * Two find that the file has no folio, and allocate one each. The mutex keeps them
 * apart, but the second cannot know that there is one now.
 */
static void gup_longterm_memfd_two_at_a_time(struct kunit *test)
{
	/* One huge page for each: a file has to reserve what is allocated. */
	struct file *file = gk_pinnable_hugetlb_file(test, 2);
	struct mutex *mutex = hugetlb_fault_mutex_table +
			      hugetlb_fault_mutex_hash(file->f_mapping, 0);
	struct gk_pinner pinners[2] = { { .file = file }, { .file = file } };
	struct hstate *h = hstate_file(file);
	const unsigned long reserved = h->resv_huge_pages;
	unsigned int i, nr;

	mutex_lock(mutex);
	for (nr = 0; nr < 2 && gk_start_pinner(&pinners[nr]); nr++)
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&pinners[nr].done,
								  HZ / 5), 0);
	mutex_unlock(mutex);
	for (i = 0; i < nr; i++)
		wait_for_completion(&pinners[i].done);
	/* Linux forgets to reserve anew what it frees again. */
	if (h->resv_huge_pages == reserved - 2)
		h->resv_huge_pages++;
	KUNIT_ASSERT_EQ(test, nr, 2);

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, pinners[i].ret, 1);
		if (pinners[i].ret == 1)
			gk_expect_folios(test, file, &pinners[i].folio, 1, 0);
	}
	for (i = 0; i < 2; i++)
		if (pinners[i].ret == 1)
			unpin_folios(&pinners[i].folio, 1);
}
#endif

static struct kunit_case gup_longterm_cases[] = {
	KUNIT_CASE_PARAM(gup_longterm_moves_pages, gk_pin_combo_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_short_pin_does_not_move,
			 gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_pinnable_pages_stay,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_faults_in_pinnable_pages,
			 gk_pin_api_gen_params),
	KUNIT_CASE(gup_longterm_isolated_pages_are_counted),
	KUNIT_CASE_PARAM(gup_longterm_moves_some_pages,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_prefix_up_to_hole,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_page_cannot_move,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_page_is_isolated_elsewhere,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_page_is_never_isolated,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_others_have_moved, gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_fatal_signal_while_waiting,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_reference_for_a_moment,
			 gk_pin_api_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_page_is_in_batch_of_other_cpu,
			 gk_batches_gen_params),
	KUNIT_CASE(gup_longterm_memfd_folio_is_isolated),
	KUNIT_CASE(gup_longterm_memfd_reference_for_a_moment),
	KUNIT_CASE(gup_longterm_without_lock),
	KUNIT_CASE(gup_longterm_fast_prefix_stays),
	KUNIT_CASE_PARAM(gup_longterm_memfd_holes, gk_memfds_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_memfd_present, gk_memfds_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_memfd_offset, gk_memfds_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_memfd_max, gk_memfds_gen_params),
	KUNIT_CASE_PARAM(gup_longterm_memfd_references, gk_memfds_gen_params),
	KUNIT_CASE(gup_longterm_memfd_folio_replaced),
	KUNIT_CASE_PARAM(gup_longterm_memfd_moves_folios,
			 gk_movable_memfds_gen_params),
	KUNIT_CASE(gup_longterm_memfd_moves_one_folio),
	KUNIT_CASE(gup_longterm_memfd_folio_is_refused),
	KUNIT_CASE(gup_longterm_memfd_folio_cannot_move),
	KUNIT_CASE_PARAM(gup_longterm_memfd_wrong_arguments,
			 gk_memfds_gen_params),
	KUNIT_CASE(gup_longterm_memfd_wrong_file),
	KUNIT_CASE(gup_longterm_memfd_secret),
	KUNIT_CASE(gup_longterm_memfd_fatal_signal),
#ifdef CONFIG_HUGETLB_PAGE
	KUNIT_CASE(gup_longterm_memfd_no_memory_half_way),
	KUNIT_CASE(gup_longterm_memfd_two_at_a_time),
#endif
	{}
};

static struct kunit_suite gup_longterm_suite = {
	.name = "gup_longterm",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_longterm_cases,
};

kunit_test_suite(gup_longterm_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): long-term pins");
MODULE_LICENSE("GPL");
