// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): the interfaces of older kernels. That the
 * names of a level stand for the right ones is shown by samples/gup, which are
 * compiled for it.
 */
#include <linux/kthread.h>
#include <linux/memblock.h>
#include <linux/memremap.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/sched/signal.h>

#include "gup_kunit.h"

#define GUP_COMPAT_ADAPTERS_ONLY
#include <linux/gup_compat.h>

#ifdef CONFIG_X86_64
#include <asm/vsyscall.h>
#endif

/*
 * All the old functions
 */

/**
 * struct gk_ask - what an old function is asked for, and what becomes of it
 * @tsk: Whose faults it takes.
 * @mm: The address space.
 * @start: First address.
 * @nr: Number of pages.
 * @write: To be written to.
 * @force: Whatever the protection is.
 * @pages: For the pages.
 * @vmas: For the VMAs.
 * @locked: True if mmap_lock is still held.
 */
struct gk_ask {
	struct task_struct *tsk;
	struct mm_struct *mm;
	unsigned long start;
	long nr;
	int write;
	int force;
	struct page **pages;
	struct vm_area_struct **vmas;
	int locked;
};

static unsigned int gk_foll(const struct gk_ask *ask)
{
	return (ask->write ? FOLL_WRITE : 0) | (ask->force ? FOLL_FORCE : 0);
}

static long gk_old_get_2_6_30(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_2_6_30(ask->tsk, ask->mm, ask->start,
						ask->nr, ask->write, ask->force,
						ask->pages, ask->vmas);
}

static long gk_old_get_3_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_3_9(ask->tsk, ask->mm, ask->start,
					     ask->nr, ask->write, ask->force,
					     ask->pages, ask->vmas);
}

static long gk_old_get_4_6(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_4_6(ask->start, ask->nr, ask->write,
					     ask->force, ask->pages, ask->vmas);
}

static long gk_old_get_4_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_4_9(ask->start, ask->nr, gk_foll(ask),
					     ask->pages, ask->vmas);
}

static long gk_old_get_longterm_4_15(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_longterm_4_15(ask->start, ask->nr,
						       gk_foll(ask), ask->pages,
						       ask->vmas);
}

static long gk_old_get_longterm_5_2(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_4_9(ask->start, ask->nr,
					     gk_foll(ask) | FOLL_LONGTERM,
					     ask->pages, ask->vmas);
}

static long gk_old_pin_5_6(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_5_6(ask->start, ask->nr, gk_foll(ask),
					     ask->pages, ask->vmas);
}

static long gk_old_pin_longterm_5_6(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_5_6(ask->start, ask->nr,
					     gk_foll(ask) | FOLL_LONGTERM,
					     ask->pages, ask->vmas);
}

static long gk_old_raw_2_6_39(struct gk_ask *ask)
{
	return gup_compat___get_user_pages_2_6_39(ask->tsk, ask->mm, ask->start,
						  ask->nr, gk_foll(ask),
						  ask->pages, ask->vmas, NULL);
}

static long gk_old_raw_nonblocking_2_6_39(struct gk_ask *ask)
{
	return gup_compat___get_user_pages_2_6_39(ask->tsk, ask->mm, ask->start,
						  ask->nr, gk_foll(ask),
						  ask->pages, ask->vmas,
						  &ask->locked);
}

static long gk_old_get_remote_4_6(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_remote_4_6(ask->tsk, ask->mm,
						    ask->start, ask->nr,
						    ask->write, ask->force,
						    ask->pages, ask->vmas);
}

static long gk_old_get_remote_4_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_remote_4_9(ask->tsk, ask->mm,
						    ask->start, ask->nr,
						    gk_foll(ask), ask->pages,
						    ask->vmas);
}

static long gk_old_get_remote_4_10(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_remote_4_10(ask->tsk, ask->mm,
						     ask->start, ask->nr,
						     gk_foll(ask), ask->pages,
						     ask->vmas,
						     ask->vmas ? NULL : &ask->locked);
}

static long gk_old_get_remote_5_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_remote_5_9(ask->mm, ask->start,
						    ask->nr, gk_foll(ask),
						    ask->pages, ask->vmas,
						    ask->vmas ? NULL : &ask->locked);
}

static long gk_old_pin_remote_5_6(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_remote_5_6(ask->tsk, ask->mm,
						    ask->start, ask->nr,
						    gk_foll(ask), ask->pages,
						    ask->vmas,
						    ask->vmas ? NULL : &ask->locked);
}

static long gk_old_pin_remote_5_9(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_remote_5_9(ask->mm, ask->start,
						    ask->nr, gk_foll(ask),
						    ask->pages, ask->vmas,
						    ask->vmas ? NULL : &ask->locked);
}

static long gk_old_get_locked_4_0(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_locked_4_0(ask->tsk, ask->mm,
						    ask->start, ask->nr,
						    ask->write, ask->force,
						    ask->pages, &ask->locked);
}

static long gk_old_get_locked_4_6(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_locked_4_6(ask->start, ask->nr,
						    ask->write, ask->force,
						    ask->pages, &ask->locked);
}

static long gk_old_get_locked_4_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_locked_4_9(ask->start, ask->nr,
						    gk_foll(ask), ask->pages,
						    &ask->locked);
}

static long gk_old_pin_locked_5_8(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_locked_5_8(ask->start, ask->nr,
						    gk_foll(ask), ask->pages,
						    &ask->locked);
}

static long gk_old_get_unlocked_4_0(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_unlocked_4_0(ask->tsk, ask->mm,
						      ask->start, ask->nr,
						      ask->write, ask->force,
						      ask->pages);
}

static long gk_old_get_unlocked_4_6(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_unlocked_4_6(ask->start, ask->nr,
						      ask->write, ask->force,
						      ask->pages);
}

static long gk_old_get_unlocked_4_9(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_unlocked_4_9(ask->start, ask->nr,
						      ask->pages, gk_foll(ask));
}

static long gk_old_raw_unlocked_4_0(struct gk_ask *ask)
{
	return gup_compat___get_user_pages_unlocked_4_0(ask->tsk, ask->mm,
							ask->start, ask->nr,
							ask->write, ask->force,
							ask->pages, 0);
}

static long gk_old_raw_unlocked_4_9(struct gk_ask *ask)
{
	return gup_compat___get_user_pages_unlocked_4_9(ask->tsk, ask->mm,
							ask->start, ask->nr,
							ask->pages,
							gk_foll(ask));
}

/* Any value but 0 is true. */
static long gk_old_fast_2_6_30(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_fast_2_6_30(ask->start, ask->nr,
						     ask->write ? 2 : 0,
						     ask->pages);
}

static long gk_old_fast_5_2(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_fast(ask->start, ask->nr, gk_foll(ask),
					      ask->pages);
}

static long gk_old_fast_longterm_5_2(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_fast(ask->start, ask->nr,
					      gk_foll(ask) | FOLL_LONGTERM,
					      ask->pages);
}

static long gk_old_fast_only_2_6_31(struct gk_ask *ask)
{
	return gup_compat___get_user_pages_fast_2_6_31(ask->start, ask->nr,
						       ask->write, ask->pages);
}

static long gk_old_fast_only_5_8(struct gk_ask *ask)
{
	return gup_compat_get_user_pages_fast_only_5_8(ask->start, ask->nr,
						       gk_foll(ask),
						       ask->pages);
}

static long gk_old_pin_fast_only_5_8(struct gk_ask *ask)
{
	return gup_compat_pin_user_pages_fast_only(ask->start, ask->nr,
						   gk_foll(ask), ask->pages);
}

#define GK_REMOTE	BIT(0)	/* takes any mm */
#define GK_TSK		BIT(1)	/* takes a task */
#define GK_VMAS		BIT(2)	/* can tell VMAs */
#define GK_FORCE	BIT(3)	/* can be forced */
#define GK_NOTHING	BIT(4)	/* can do without an array */
#define GK_DROPS	BIT(5)	/* may drop mmap_lock */
#define GK_TAKES_LOCK	BIT(6)	/* called without mmap_lock */
#define GK_LOCKLESS	BIT(7)	/* never faults, never fails */
#define GK_LONGTERM	BIT(8)	/* moves pages */
#define GK_NONBLOCKING	BIT(9)	/* does not wait */

#define GK_OLDEST	(GK_REMOTE | GK_TSK | GK_VMAS | GK_FORCE | GK_NOTHING)

/**
 * struct gk_old - an old function
 * @name: What it is called, and since when like this.
 * @take: Calls it.
 * @ref: FOLL_GET or FOLL_PIN.
 * @can: GK_* flags.
 */
struct gk_old {
	const char *name;
	long (*take)(struct gk_ask *ask);
	unsigned int ref;
	unsigned int can;
};

static const struct gk_old gk_olds[] = {
	{ "get 2.6.30", gk_old_get_2_6_30, FOLL_GET, GK_OLDEST },
	{ "get 3.9", gk_old_get_3_9, FOLL_GET, GK_OLDEST },
	{ "get 4.6", gk_old_get_4_6, FOLL_GET,
	  GK_VMAS | GK_FORCE | GK_NOTHING },
	{ "get 4.9", gk_old_get_4_9, FOLL_GET,
	  GK_VMAS | GK_FORCE | GK_NOTHING },
	{ "get_longterm 4.15", gk_old_get_longterm_4_15, FOLL_GET,
	  GK_VMAS | GK_FORCE | GK_LONGTERM },
	{ "get with LONGTERM 5.2", gk_old_get_longterm_5_2, FOLL_GET,
	  GK_VMAS | GK_FORCE | GK_LONGTERM },
	{ "pin 5.6", gk_old_pin_5_6, FOLL_PIN, GK_VMAS | GK_FORCE },
	{ "pin with LONGTERM 5.6", gk_old_pin_longterm_5_6, FOLL_PIN,
	  GK_VMAS | GK_FORCE | GK_LONGTERM },
	{ "__get 2.6.39", gk_old_raw_2_6_39, FOLL_GET, GK_OLDEST },
	{ "__get, nonblocking 2.6.39", gk_old_raw_nonblocking_2_6_39, FOLL_GET,
	  GK_OLDEST | GK_DROPS | GK_NONBLOCKING },
	{ "get_remote 4.6", gk_old_get_remote_4_6, FOLL_GET, GK_OLDEST },
	{ "get_remote 4.9", gk_old_get_remote_4_9, FOLL_GET, GK_OLDEST },
	{ "get_remote 4.10", gk_old_get_remote_4_10, FOLL_GET,
	  GK_OLDEST | GK_DROPS },
	{ "get_remote 5.9", gk_old_get_remote_5_9, FOLL_GET,
	  (GK_OLDEST & ~GK_TSK) | GK_DROPS },
	{ "pin_remote 5.6", gk_old_pin_remote_5_6, FOLL_PIN,
	  (GK_OLDEST & ~GK_NOTHING) | GK_DROPS },
	{ "pin_remote 5.9", gk_old_pin_remote_5_9, FOLL_PIN,
	  GK_REMOTE | GK_VMAS | GK_FORCE | GK_DROPS },
	{ "get_locked 4.0", gk_old_get_locked_4_0, FOLL_GET,
	  (GK_OLDEST & ~GK_VMAS) | GK_DROPS },
	{ "get_locked 4.6", gk_old_get_locked_4_6, FOLL_GET,
	  GK_FORCE | GK_NOTHING | GK_DROPS },
	{ "get_locked 4.9", gk_old_get_locked_4_9, FOLL_GET,
	  GK_FORCE | GK_NOTHING | GK_DROPS },
	{ "pin_locked 5.8", gk_old_pin_locked_5_8, FOLL_PIN,
	  GK_FORCE | GK_DROPS },
	{ "get_unlocked 4.0", gk_old_get_unlocked_4_0, FOLL_GET,
	  (GK_OLDEST & ~GK_VMAS) | GK_TAKES_LOCK },
	{ "get_unlocked 4.6", gk_old_get_unlocked_4_6, FOLL_GET,
	  GK_FORCE | GK_NOTHING | GK_TAKES_LOCK },
	{ "get_unlocked 4.9", gk_old_get_unlocked_4_9, FOLL_GET,
	  GK_FORCE | GK_NOTHING | GK_TAKES_LOCK },
	{ "__get_unlocked 4.0", gk_old_raw_unlocked_4_0, FOLL_GET,
	  (GK_OLDEST & ~GK_VMAS) | GK_TAKES_LOCK },
	{ "__get_unlocked 4.9", gk_old_raw_unlocked_4_9, FOLL_GET,
	  (GK_OLDEST & ~GK_VMAS) | GK_TAKES_LOCK },
	{ "get_fast 2.6.30", gk_old_fast_2_6_30, FOLL_GET, GK_TAKES_LOCK },
	{ "get_fast 5.2", gk_old_fast_5_2, FOLL_GET, GK_TAKES_LOCK },
	{ "get_fast with LONGTERM 5.2", gk_old_fast_longterm_5_2, FOLL_GET,
	  GK_TAKES_LOCK | GK_LONGTERM },
#ifdef CONFIG_HAVE_GUP_FAST
	{ "__get_fast 2.6.31", gk_old_fast_only_2_6_31, FOLL_GET,
	  GK_TAKES_LOCK | GK_LOCKLESS },
	{ "get_fast_only 5.8", gk_old_fast_only_5_8, FOLL_GET,
	  GK_TAKES_LOCK | GK_LOCKLESS },
	{ "pin_fast_only 5.8", gk_old_pin_fast_only_5_8, FOLL_PIN,
	  GK_TAKES_LOCK | GK_LOCKLESS },
#endif
};

static const void *gk_next_old(const struct gk_old *prev, char *desc,
			       unsigned int can, unsigned int not)
{
	const struct gk_old *old = prev ? prev + 1 : gk_olds;

	while (old < gk_olds + ARRAY_SIZE(gk_olds) &&
	       ((old->can & can) != can || (old->can & not)))
		old++;
	if (old == gk_olds + ARRAY_SIZE(gk_olds))
		return NULL;
	strscpy(desc, old->name, KUNIT_PARAM_DESC_SIZE);
	return old;
}

#define GK_OLD_GEN_PARAMS(name, can, not)				\
static const void *gk_##name##_gen_params(struct kunit *test,		\
					  const void *prev, char *desc)	\
{									\
	return gk_next_old(prev, desc, can, not);			\
}

GK_OLD_GEN_PARAMS(old, 0, 0)
GK_OLD_GEN_PARAMS(forced, GK_FORCE, 0)
GK_OLD_GEN_PARAMS(nothing, GK_NOTHING, 0)
GK_OLD_GEN_PARAMS(vmas, GK_VMAS, 0)
GK_OLD_GEN_PARAMS(remote, GK_REMOTE, 0)
GK_OLD_GEN_PARAMS(tsk, GK_TSK, 0)
GK_OLD_GEN_PARAMS(longterm, GK_LONGTERM, 0)
GK_OLD_GEN_PARAMS(faulting, 0, GK_LOCKLESS)
GK_OLD_GEN_PARAMS(waiting, 0, GK_LOCKLESS | GK_NONBLOCKING)
GK_OLD_GEN_PARAMS(lockless, GK_LOCKLESS, 0)
GK_OLD_GEN_PARAMS(keeping, 0, GK_DROPS | GK_TAKES_LOCK)

static struct gk_ask gk_ask(unsigned long start, long nr, int write,
			    struct page **pages)
{
	return (struct gk_ask){
		.tsk = current,
		.mm = current->mm,
		.start = start,
		.nr = nr,
		.write = write,
		.pages = pages,
	};
}

/* Calls @old as its callers did, and sees what became of the lock. */
static long gk_call(struct kunit *test, const struct gk_old *old,
		    struct gk_ask *ask)
{
	struct mm_struct *mm = ask->mm;
	long ret;

	if (!(old->can & GK_TAKES_LOCK))
		mmap_read_lock(mm);
	ask->locked = 1;
	ret = old->take(ask);
	if (!(old->can & GK_DROPS))
		KUNIT_EXPECT_EQ(test, ask->locked, 1);
	if (!(old->can & GK_TAKES_LOCK) && ask->locked)
		mmap_read_unlock(mm);
	/* Nobody else holds it for long: it is ours, or it was not given back. */
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(mm));
	return ret;
}

static void gk_put(const struct gk_old *old, struct page **pages, long nr)
{
	if (nr > 0)
		gup_release_range(pages, nr, old->ref);
}

/* Those that never fail say so by taking nothing. */
static long gk_error(const struct gk_old *old, long error)
{
	return (old->can & GK_LOCKLESS) ? 0 : error;
}

/*
 * What all of them promise
 */

static void gk_check_take(struct kunit *test, int write)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4] = {};
	struct gk_ask ask = gk_ask(addr + 5, 4, write, pages);
	struct gk_refs *refs;
	long i;

	/* Have them moved to where they may stay, so that they do stay. */
	if (old->can & GK_LONGTERM)
		gk_put(old, pages, gk_call(test, old, &ask));
	refs = gk_refs(test, addr, 4);
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 4);
	KUNIT_EXPECT_EQ(test, ask.locked, 1);
	gk_expect_taken(test, refs, pages, 4, old->ref);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, gk_page_word(pages[i]),
				addr + i * PAGE_SIZE + 1);
	/* fork() has to know. */
	if (old->ref == FOLL_PIN)
		KUNIT_EXPECT_TRUE(test, mm_flags_test(MMF_HAS_PINNED, ask.mm));
	gk_put(old, pages, 4);
	gk_expect_released(test, refs, 4);
}

static void gup_compat_takes_for_reading(struct kunit *test)
{
	gk_check_take(test, 0);
}

static void gup_compat_takes_for_writing(struct kunit *test)
{
	gk_check_take(test, 1);
}

static void gup_compat_count_of_zero_or_below(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);
	struct page *pages[2] = {};
	long nr;

	for (nr = 0; nr >= -2; nr--) {
		struct gk_ask ask = gk_ask(addr, nr, 1, pages);

		KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 0);
		KUNIT_EXPECT_EQ(test, ask.locked, 1);
	}
	KUNIT_EXPECT_NULL(test, pages[0]);
}

static void gup_compat_faults_pages_in(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);
	struct page *pages[3] = {};
	struct gk_ask ask = gk_ask(addr, 3, 1, pages);

	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 3);
	KUNIT_EXPECT_PTR_EQ(test, pages[2], gk_page_at(addr + 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, is_zero_page(pages[2]));
	gk_put(old, pages, 3);
}

/* Where the last page of a page table is, the address counts. */
static void gup_compat_unaligned_at_end_of_table(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 2 * PTRS_PER_PTE);
	struct page *pages[2] = {};
	struct gk_ask ask;

	addr = ALIGN(addr + PAGE_SIZE, PMD_SIZE) - PAGE_SIZE;
	ask = gk_ask(addr + 5, 2, 1, pages);
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 2);
	KUNIT_EXPECT_PTR_EQ(test, pages[0], gk_page_at(addr));
	KUNIT_EXPECT_PTR_EQ(test, pages[1], gk_page_at(addr + PAGE_SIZE));
	gk_put(old, pages, 2);
}

static void gup_compat_prefix_up_to_hole(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4] = {};
	struct gk_ask ask = gk_ask(addr, 4, 0, pages);

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 2 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 2);
	KUNIT_EXPECT_EQ(test, ask.locked, 1);
	KUNIT_EXPECT_PTR_EQ(test, pages[1], gk_page_at(addr + PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, pages[2]);
	gk_put(old, pages, 2);

	ask = gk_ask(addr + 2 * PAGE_SIZE, 2, 0, pages);
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), gk_error(old, -EFAULT));
	KUNIT_EXPECT_EQ(test, ask.locked, 1);
}

/* Behind the count stands what the caller had there, or NULL. */
static void gup_compat_tail(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct page **pages = gk_marked_array(test, 32);
	struct page **vmas = gk_marked_array(test, 32);
	struct gk_ask ask = gk_ask(addr, 32, 1, pages);
	struct gk_refs *refs;
	long ret;

	if (old->can & GK_VMAS)
		ask.vmas = (struct vm_area_struct **)vmas;
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 21 * PAGE_SIZE, PAGE_SIZE));
	refs = gk_refs(test, addr, 21);
	ret = gk_call(test, old, &ask);
	KUNIT_EXPECT_EQ(test, ret, 21);
	gk_expect_nothing_behind(test, pages, ret, 32);
	gk_expect_nothing_behind(test, vmas, ret, 32);
	gk_put(old, pages, ret);
	/* Those that were moved are no more. */
	if (!(old->can & GK_LONGTERM))
		gk_expect_released(test, refs, 21);
}

static void gup_compat_tail_cannot_move(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 8);
	struct page *page = gk_page_at(addr + 5 * PAGE_SIZE);
	struct page **pages = gk_marked_array(test, 8);
	struct page **vmas = gk_marked_array(test, 8);
	struct gk_ask ask = gk_ask(addr, 8, 0, pages);
	long ret;

	gk_need_movable(test, addr);
	if (old->can & GK_VMAS)
		ask.vmas = (struct vm_area_struct **)vmas;
	get_page(page);
	ret = gk_call(test, old, &ask);
	put_page(page);
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	gk_expect_nothing_behind(test, pages, ret, 8);
	gk_expect_nothing_behind(test, vmas, ret, 8);
}

/* fork() undoes what was pinned without a lock. */
static void gup_compat_tail_fork(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_64k(test);
	struct page **pages = gk_marked_array(test, 32);
	struct gk_ask ask = gk_ask(addr, 32, 1, pages);
	struct gk_trap trap = { .hit = gk_hit_fork, .arg = current->mm };
	struct gk_refs *refs = gk_refs(test, addr, 32);
	long ret;

	gk_trap_folio(test, &trap, addr);
	ret = gk_call(test, old, &ask);
	gk_trap_clear(&trap);
	KUNIT_EXPECT_EQ(test, ret, old->ref == FOLL_PIN ? 0 : 32);
	gk_expect_nothing_behind(test, pages, ret, 32);
	gk_put(old, pages, ret);
	gk_expect_released(test, refs, 32);
}

static void gup_compat_write_needs_permission(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map(test, 1, PROT_READ);
	struct page *pages[1] = {};
	struct gk_ask ask = gk_ask(addr, 1, 1, pages);

	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), gk_error(old, -EFAULT));
	KUNIT_EXPECT_NULL(test, pages[0]);
}

static void gup_compat_lockless_never_fails(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct page *pages[1] = {};
	struct gk_ask ask = gk_ask(TASK_SIZE_MAX, 1, 0, pages);

	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 0);
	ask = gk_ask(-PAGE_SIZE, 1, 0, pages);
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 0);
#ifdef CONFIG_X86_VSYSCALL_EMULATION
	/* User space may read it, but it is no memory of a user. */
	ask = gk_ask(VSYSCALL_ADDR, 1, 0, pages);
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 0);
#endif
	KUNIT_EXPECT_NULL(test, pages[0]);
}

/*
 * force
 */

static unsigned long gk_map_readonly(struct kunit *test, struct file *file,
				     unsigned long flags)
{
	unsigned long addr;

	addr = gk_map_file(test, file, 2, PROT_READ | PROT_WRITE, MAP_SHARED);
	gk_fill(test, addr, 2);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));
	return gk_map_file(test, file, 2, PROT_READ, flags);
}

static void gup_compat_force_copies_private(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct file *file = gk_shmem_file(test, 2);
	unsigned long addr = gk_map_readonly(test, file, MAP_PRIVATE);
	unsigned long shared = gk_map_file(test, file, 2, PROT_READ, MAP_SHARED);
	struct page *pages[2] = {};
	struct gk_ask ask = gk_ask(addr, 2, 1, pages);
	unsigned long content = gk_peek(test, addr + PAGE_SIZE);

	ask.force = 1;
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 2);
	KUNIT_EXPECT_TRUE(test, PageAnon(pages[1]));
	KUNIT_EXPECT_PTR_EQ(test, pages[1], gk_page_at(addr + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[1]), content);
	KUNIT_EXPECT_EQ(test, gk_peek(test, shared + PAGE_SIZE), content);
	KUNIT_EXPECT_PTR_NE(test, pages[1], gk_page_at(shared + PAGE_SIZE));
	gk_put(old, pages, 2);
}

static void gup_compat_force_does_not_write_shared(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_readonly(test, gk_shmem_file(test, 2),
					     MAP_SHARED);
	struct page *pages[2] = {};
	struct gk_ask ask = gk_ask(addr, 2, 1, pages);

	/* Not even if it could be made writable. */
	ask.force = 1;
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), -EFAULT);
	KUNIT_EXPECT_NULL(test, pages[0]);
}

static void gup_compat_force_reads(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 1);
	struct page *pages[1] = {};
	struct gk_ask ask = gk_ask(addr, 1, 0, pages);

	gk_vm_flags(addr, 0, VM_READ | VM_WRITE);
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), -EFAULT);
	ask.force = 1;
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 1);
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[0]), addr + 1);
	gk_put(old, pages, 1);
}

/*
 * pages and vmas
 */

static void gup_compat_without_array(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);
	struct gk_ask ask = gk_ask(addr, 3, 1, NULL);
	struct gk_refs *refs;

	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 3);
	refs = gk_refs(test, addr, 3);
	KUNIT_EXPECT_EQ(test, refs[0].refs, 1);
	KUNIT_EXPECT_EQ(test, refs[2].refs, 1);
}

static void gup_compat_tells_vmas(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 5);
	struct vm_area_struct *vmas[5] = {};
	struct page *pages[5] = {};
	struct gk_ask ask = gk_ask(addr + 7, 5, 0, pages);
	int i;

	/* Three VMAs: pages 0 and 1, page 2, page 3. Then nothing. */
	KUNIT_ASSERT_EQ(test, 0, do_madvise(current->mm, addr + 2 * PAGE_SIZE,
					    PAGE_SIZE, MADV_DONTFORK));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 4 * PAGE_SIZE, PAGE_SIZE));
	ask.vmas = vmas;
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_PTR_EQ(test, vmas[i],
				    vma_lookup(current->mm,
					       addr + i * PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, vmas[0], vmas[1]);
	KUNIT_EXPECT_PTR_NE(test, vmas[1], vmas[2]);
	KUNIT_EXPECT_PTR_NE(test, vmas[2], vmas[3]);
	KUNIT_EXPECT_NULL(test, vmas[4]);
	gk_put(old, pages, 4);
}

#ifdef CONFIG_X86_VSYSCALL_EMULATION
static void gup_compat_tells_gate_vma(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct vm_area_struct *vmas[1] = {};
	struct page *pages[1] = {};
	struct gk_ask ask = gk_ask(VSYSCALL_ADDR, 1, 0, pages);

	/* execve() would set it. */
	__set_bit(MM_CONTEXT_HAS_VSYSCALL, &current->mm->context.flags);
	if (!in_gate_area(current->mm, VSYSCALL_ADDR) ||
	    !pte_present(ptep_get(virt_to_kpte(VSYSCALL_ADDR))))
		kunit_skip(test, "needs vsyscall=emulate on the command line");
	/* It cannot be moved. */
	if (old->can & GK_LONGTERM)
		return;
	ask.vmas = vmas;
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 1);
	KUNIT_EXPECT_PTR_EQ(test, vmas[0], get_gate_vma(current->mm));
	gk_put(old, pages, 1);
}
#else
static void gup_compat_tells_gate_vma(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_X86_VSYSCALL_EMULATION");
}
#endif

/*
 * mmap_lock
 */

/* For page 1 of the device: has to wait, as long as that is an option. */
static vm_fault_t gk_fault_waits(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (vmf->pgoff != 1 || !(vmf->flags & FAULT_FLAG_ALLOW_RETRY) ||
	    (vmf->flags & FAULT_FLAG_TRIED))
		return gk_dev_fault_page(dev, vmf);
	if (!(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

static unsigned long gk_map_waits(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);

	dev->fault = gk_fault_waits;
	return gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void gup_compat_waits(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_waits(test);
	struct page *pages[3] = {};
	struct gk_ask ask = gk_ask(addr, 3, 1, pages);

	/* Its pages cannot be moved, and shared ones not be tracked. */
	if (old->can & GK_LONGTERM)
		ask.write = 0;
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 3);
	KUNIT_EXPECT_EQ(test, !ask.locked, !!(old->can & GK_DROPS));
	KUNIT_EXPECT_PTR_EQ(test, pages[2], gk_page_at(addr + 2 * PAGE_SIZE));
	gk_put(old, pages, 3);
}

static void gup_compat_takes_under_write_lock(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);
	struct page *pages[2] = {};
	struct gk_ask ask = gk_ask(addr, 2, 1, pages);

	/* What a driver's down_write(&mm->mmap_sem) is today. */
	down_write(&current->mm->mmap_lock);
	KUNIT_EXPECT_EQ(test, old->take(&ask), 2);
	rwsem_assert_held_write(&current->mm->mmap_lock);
	up_write(&current->mm->mmap_lock);
	KUNIT_EXPECT_PTR_EQ(test, pages[1], gk_page_at(addr + PAGE_SIZE));
	gk_put(old, pages, 2);
}

/*
 * __get_user_pages()
 */

/**
 * struct gk_nonblocking - a call with some of its pages not there yet
 * @name: What it is about.
 * @first: First page; page 1 has to be waited for.
 * @flags: FOLL_NOWAIT or nothing.
 * @null: There is no @nonblocking.
 * @broken: Page 1 is an error.
 * @want: The result of asking for 3 pages.
 * @nonblocking: What it points at in the end.
 * @held: True if mmap_lock is still held.
 */
struct gk_nonblocking {
	const char *name;
	int first;
	unsigned int flags;
	bool null;
	bool broken;
	long want;
	int nonblocking;
	bool held;
};

static const struct gk_nonblocking gk_nonblockings[] = {
	{ "waits with the lock", 0, 0, true, false, 3, 1, true },
	{ "nothing to wait for", 2, 0, false, false, 3, 1, true },
	{ "some are there", 0, 0, false, false, 1, 0, false },
	{ "none is there", 1, 0, false, false, 0, 0, false },
	{ "some are there, keep the lock", 0, FOLL_NOWAIT, false, false, 1, 0,
	  true },
	{ "none is there, keep the lock", 1, FOLL_NOWAIT, false, false, 0, 0,
	  true },
	{ "NOWAIT alone, some", 0, FOLL_NOWAIT, true, false, 1, 1, true },
	{ "NOWAIT alone, none", 1, FOLL_NOWAIT, true, false, 0, 1, true },
	{ "NOWAIT, nothing to wait for", 2, FOLL_NOWAIT, false, false, 3, 1,
	  true },
	{ "error, some", 0, 0, false, true, 1, 1, true },
	{ "error, none", 1, 0, false, true, -EFAULT, 1, true },
};

KUNIT_ARRAY_PARAM_DESC(gk_nonblockings, gk_nonblockings, name);

static void gup_compat_nonblocking(struct kunit *test)
{
	const struct gk_nonblocking *how = test->param_value;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *vmas[3] = {};
	struct gk_dev *dev = gk_dev(test);
	struct page *pages[3] = {};
	int nonblocking = 1;
	unsigned long addr;
	long ret, i;

	if (how->broken)
		dev->pages[1] = NULL;
	else
		dev->fault = gk_fault_waits;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	addr += how->first * PAGE_SIZE;
	ret = gup_compat___get_user_pages_2_6_39(current, mm, addr, 3,
						 FOLL_WRITE | how->flags,
						 pages, vmas, how->null ?
						 NULL : &nonblocking);
	if (how->held) {
		KUNIT_EXPECT_TRUE(test, rwsem_is_locked(&mm->mmap_lock));
		mmap_read_unlock(mm);
	}
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(mm));
	KUNIT_EXPECT_EQ(test, ret, how->want);
	KUNIT_EXPECT_EQ(test, nonblocking, how->nonblocking);
	for (i = 0; i < ret; i++) {
		KUNIT_EXPECT_PTR_EQ(test, pages[i], dev->pages[how->first + i]);
		KUNIT_EXPECT_PTR_EQ(test, vmas[i], vma);
		put_page(pages[i]);
	}
}

static bool gk_touches(struct kunit *test, unsigned long addr,
		       unsigned int flags)
{
	struct folio *folio = page_folio(gk_page_at(addr));
	struct page *page;

	folio_clear_referenced(folio);
	mmap_read_lock(current->mm);
	KUNIT_ASSERT_EQ(test, 1,
			gup_compat___get_user_pages_2_6_39(current, current->mm,
							   addr, 1, flags,
							   &page, NULL, NULL));
	mmap_read_unlock(current->mm);
	put_page(page);
	return folio_test_referenced(folio);
}

static void gup_compat_touches_if_told(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);

	KUNIT_EXPECT_FALSE(test, gk_touches(test, addr, FOLL_GET));
	KUNIT_EXPECT_TRUE(test, gk_touches(test, addr, FOLL_GET | FOLL_TOUCH));
}

/*
 * Other processes, and whose faults it is
 */

static void gup_compat_other_mm(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 2);
	struct page *ours = gk_page_at(addr + PAGE_SIZE);
	struct page *pages[2] = {};
	struct gk_ask ask = gk_ask(addr, 2, 1, pages);

	ask.mm = gk_fork(test);
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 2);
	/* A copy, as the child is written to. */
	KUNIT_EXPECT_PTR_NE(test, pages[1], ours);
	KUNIT_EXPECT_PTR_EQ(test, gk_page_at(addr + PAGE_SIZE), ours);
	KUNIT_EXPECT_EQ(test, gk_page_word(pages[1]), addr + PAGE_SIZE + 1);
	gk_put(old, pages, 2);
}

/* One's own protection keys count, unless it is said to be somebody else's mm. */
static void gup_compat_whose_keys(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	struct page *pages[1] = {};
	struct gk_ask ask = gk_ask(addr, 1, 0, pages);

	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 1);
	KUNIT_EXPECT_EQ(test, !!(dev->flags[0] & FAULT_FLAG_REMOTE),
			!!strstr(old->name, "_remote"));
	gk_put(old, pages, 1);
}

static int gk_no_thread(void *data)
{
	return 0;
}

static unsigned long gk_faults(const struct task_struct *task)
{
	return task->min_flt + task->maj_flt;
}

static void gup_compat_whose_faults(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct task_struct *other = kthread_create(gk_no_thread, NULL, "gk");
	struct task_struct *tasks[] = { NULL, current, other };
	int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);
		unsigned long ours = gk_faults(current);
		unsigned long theirs = gk_faults(other);
		struct page *pages[2] = {};
		struct gk_ask ask = gk_ask(addr, 2, 1, pages);

		ask.tsk = tasks[i];
		KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 2);
		KUNIT_EXPECT_EQ(test, gk_faults(current) != ours,
				ask.tsk == current);
		KUNIT_EXPECT_EQ(test, gk_faults(other) != theirs,
				ask.tsk == other);
		gk_put(old, pages, 2);
	}
	kthread_stop(other);
}

static vm_fault_t gk_fault_reads(struct gk_dev *dev, struct vm_fault *vmf)
{
	return gk_dev_fault_page(dev, vmf) | VM_FAULT_MAJOR;
}

static void gup_compat_whose_major_faults(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	struct task_struct *other = kthread_create(gk_no_thread, NULL, "gk");
	unsigned long ours = current->maj_flt;
	struct gk_dev *dev = gk_dev(test);
	struct page *pages[2] = {};
	struct gk_ask ask;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	dev->fault = gk_fault_reads;
	ask = gk_ask(gk_map_dev(test, dev, PROT_READ, MAP_SHARED), 2, 0, pages);
	ask.tsk = other;
	KUNIT_EXPECT_EQ(test, gk_call(test, old, &ask), 2);
	KUNIT_EXPECT_EQ(test, current->maj_flt, ours);
	KUNIT_EXPECT_EQ(test, other->maj_flt, 2);
	gk_put(old, pages, 2);
	kthread_stop(other);
}

/*
 * FOLL_LONGTERM without pins
 */

static void gup_compat_longterm_moves(struct kunit *test)
{
	const struct gk_old *old = test->param_value;
	unsigned long addr = gk_map_filled(test, 4);
	struct page *pages[4] = {};
	struct gk_ask ask = gk_ask(addr, 4, 1, pages);
	int i;

	gk_need_movable(test, addr);
	KUNIT_ASSERT_EQ(test, gk_call(test, old, &ask), 4);
	for (i = 0; i < 4; i++) {
		struct folio *folio = page_folio(pages[i]);

		KUNIT_EXPECT_TRUE(test, folio_is_longterm_pinnable(folio));
		KUNIT_EXPECT_EQ(test, folio_maybe_dma_pinned(folio),
				old->ref == FOLL_PIN);
	}
	gk_expect_filled(test, addr, 4);
	gk_put(old, pages, 4);
}

/* Drivers may ask for it; the references are of that kind anyway. */
static void gup_compat_longterm_with_get(struct kunit *test)
{
	const unsigned int flags = FOLL_GET | FOLL_LONGTERM | FOLL_TOUCH;
	unsigned long addr = gk_map_filled(test, 2);
	struct gup_compat_call call = { .mm = current->mm, .start = addr,
					.nr_pages = 2, .gup_flags = flags };
	struct page *pages[2] = {};
	struct gk_refs *refs;

	call.pages = pages;
	KUNIT_ASSERT_EQ(test, gup_compat_get_user_pages_fast(addr, 2, flags,
							     pages), 2);
	gup_release_range(pages, 2, FOLL_GET);
	refs = gk_refs(test, addr, 2);
	KUNIT_ASSERT_EQ(test, gup_compat_take_unlocked(&call), 2);
	gk_expect_taken(test, refs, pages, 2, FOLL_GET);
	gup_release_range(pages, 2, FOLL_GET);
}

/*
 * Wrong arguments
 */

static void gk_expect_wrong(struct kunit *test, struct gup_compat_call *call)
{
	call->tsk = current;
	call->mm = current->mm;
	call->start = gk_map_filled(test, 1);
	call->nr_pages = 1;
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, gup_compat_take(call), -EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

static void gup_compat_wrong_arguments(struct kunit *test)
{
	struct page *pages[1] = {};
	struct vm_area_struct *vmas[1];
	int held = 1, dropped = 0;
	struct gup_compat_call wrong[] = {
		{ .pages = pages, .gup_flags = FOLL_PIN },
		{ .pages = pages, .gup_flags = FOLL_REMOTE },
		{ .pages = pages, .gup_flags = FOLL_UNLOCKABLE },
		{ .pages = pages, .gup_flags = FOLL_GET, .pin = true },
		{ .pages = pages, .gup_flags = FOLL_LONGTERM | FOLL_PCI_P2PDMA },
		{ .gup_flags = FOLL_GET },
		{ .gup_flags = FOLL_LONGTERM },
		{ .pin = true },
		{ .pages = pages, .vmas = vmas, .locked = &held },
		{ .pages = pages, .locked = &dropped },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		gk_expect_wrong(test, &wrong[i]);
	KUNIT_EXPECT_NULL(test, pages[0]);
}

#ifdef CONFIG_HAVE_GUP_FAST
static void gup_compat_wrong_flags_without_lock(struct kunit *test)
{
	static const unsigned int wrong[] = {
		FOLL_GET, FOLL_PIN, FOLL_REMOTE, FOLL_LONGTERM | FOLL_PCI_P2PDMA,
	};
	unsigned long addr = gk_map_filled(test, 1);
	struct page *pages[1] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		kunit_warning_suppress(test) {
			KUNIT_EXPECT_EQ(test, 0,
					gup_compat_pin_user_pages_fast_only(addr, 1, wrong[i],
									    pages));
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
		}
	}
	KUNIT_EXPECT_NULL(test, pages[0]);
}
#else
static void gup_compat_wrong_flags_without_lock(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HAVE_GUP_FAST");
}
#endif

/* Who does not hold the lock can neither drop it nor be told VMAs. */
static void gup_compat_wrong_without_lock(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct vm_area_struct *vmas[1];
	struct page *pages[1] = {};
	int locked = 1, nonblocking = 1;
	struct gup_compat_call call = { .mm = current->mm, .start = addr,
					.nr_pages = 1, .pages = pages };

	kunit_warning_suppress(test) {
		call.vmas = vmas;
		KUNIT_EXPECT_EQ(test, gup_compat_take_unlocked(&call), -EINVAL);
		call.vmas = NULL;
		call.locked = &locked;
		KUNIT_EXPECT_EQ(test, gup_compat_take_unlocked(&call), -EINVAL);
		mmap_read_lock(current->mm);
		KUNIT_EXPECT_EQ(test, gup_compat_take_nonblocking(&call, &nonblocking),
				-EINVAL);
		mmap_read_unlock(current->mm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 3);
	}
	KUNIT_EXPECT_EQ(test, locked, 1);
	KUNIT_EXPECT_EQ(test, nonblocking, 1);
	KUNIT_EXPECT_NULL(test, pages[0]);
}

/*
 * follow_page_mask()
 */

static struct page *gk_follow(unsigned long addr, unsigned int flags,
			      struct follow_page_context *ctx)
{
	struct page *page;

	mmap_read_lock(current->mm);
	page = gup_compat_follow_page_mask(vma_lookup(current->mm, addr), addr,
					   flags, ctx);
	mmap_read_unlock(current->mm);
	return page;
}

static void gup_compat_follow_references(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2) + PAGE_SIZE;
	struct gk_refs *refs = gk_refs(test, addr, 1);
	struct follow_page_context ctx = { .page_mask = 99 };
	struct page *page;

	page = gk_follow(addr + 9, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, refs->page);
	KUNIT_EXPECT_EQ(test, ctx.page_mask, 0);
	KUNIT_EXPECT_NULL(test, ctx.pgmap);
	gk_expect_released(test, refs, 1);

	page = gk_follow(addr, FOLL_GET | FOLL_WRITE | FOLL_TOUCH, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, refs->page);
	gk_expect_taken(test, refs, &page, 1, FOLL_GET);
	put_page(page);
}

static void gup_compat_follow_nothing(struct kunit *test)
{
	unsigned long hole = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long zero = gk_map_zero(test, 1);
	unsigned long readonly = gk_map_filled(test, 1);
	struct follow_page_context ctx = { .page_mask = 7 };

	KUNIT_EXPECT_NULL(test, gk_follow(hole, FOLL_GET, &ctx));
	KUNIT_EXPECT_EQ(test, ctx.page_mask, 0);
	KUNIT_EXPECT_NULL(test, gk_page_at(hole));
	KUNIT_EXPECT_TRUE(test, is_zero_page(gk_follow(zero, 0, &ctx)));
	KUNIT_EXPECT_NULL(test, gk_follow(zero, FOLL_GET | FOLL_WRITE, &ctx));
	gk_write_protect(test, readonly, 1);
	KUNIT_EXPECT_NULL(test, gk_follow(readonly, FOLL_GET | FOLL_WRITE,
					  &ctx));
	KUNIT_EXPECT_PTR_EQ(test, gk_follow(readonly, 0, &ctx),
			    gk_page_at(readonly));
}

static void gup_compat_follow_errors(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long zero = gk_map_zero(test, 1);
	unsigned long hole = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long addr;
	struct follow_page_context ctx = {};
	struct page *page;

	dev->vm_flags = VM_PFNMAP;
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, VM_FAULT_NOPAGE,
			vmf_insert_pfn(vma_lookup(current->mm, addr), addr,
				       page_to_pfn(dev->pages[0])));
	mmap_read_unlock(current->mm);
	page = gk_follow(addr, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, ERR_PTR(-EEXIST));
	page = gk_follow(zero, FOLL_DUMP, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, ERR_PTR(-EFAULT));
	page = gk_follow(hole, FOLL_DUMP, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, ERR_PTR(-EFAULT));
	kunit_warning_suppress(test) {
		page = gk_follow(zero, FOLL_PIN, &ctx);
		KUNIT_EXPECT_PTR_EQ(test, page, ERR_PTR(-EINVAL));
		page = gk_follow(zero, FOLL_LONGTERM, &ctx);
		KUNIT_EXPECT_PTR_EQ(test, page, ERR_PTR(-EINVAL));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 2);
	}
}

static void gup_compat_follow_secret(struct kunit *test)
{
	unsigned long addr = gk_map_secretmem(test);
	struct follow_page_context ctx = {};

	KUNIT_ASSERT_NOT_NULL(test, gk_page_at(addr));
	KUNIT_EXPECT_NULL(test, gk_follow(addr, 0, &ctx));
	KUNIT_EXPECT_NULL(test, gk_follow(addr, FOLL_GET, &ctx));
}

static void gup_compat_follow_tells_size(struct kunit *test)
{
	unsigned long thp = gk_map_thp(test);
	unsigned long ptes = gk_map_64k(test);
	unsigned long zero = gk_map_huge_zero(test);
	struct follow_page_context ctx = {};
	unsigned int page_mask = 0;
	struct page *page;

	page = gk_follow(zero + 5 * PAGE_SIZE, 0, &ctx);
	KUNIT_EXPECT_TRUE(test, is_huge_zero_folio(page_folio(page)));
	KUNIT_EXPECT_EQ(test, ctx.page_mask, (PMD_SIZE >> PAGE_SHIFT) - 1);
	page = gk_follow(thp + 5 * PAGE_SIZE, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(thp + 5 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ctx.page_mask, (PMD_SIZE >> PAGE_SHIFT) - 1);
	/* What counts is how it is mapped. */
	page = gk_follow(ptes + 3 * PAGE_SIZE, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(ptes + 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ctx.page_mask, 0);

	mmap_read_lock(current->mm);
	page = gup_compat_follow_page_mask_3_9(vma_lookup(current->mm, thp),
					       thp, FOLL_GET, &page_mask);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(thp));
	KUNIT_EXPECT_EQ(test, page_mask, (PMD_SIZE >> PAGE_SHIFT) - 1);
	put_page(page);
	page = gup_compat_follow_page_2_6_30(vma_lookup(current->mm, ptes),
					     ptes, FOLL_GET);
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(ptes));
	put_page(page);
	mmap_read_unlock(current->mm);
}

static void gup_compat_follow_hugetlb(struct kunit *test)
{
	unsigned long addr = gk_map_hugetlb(test, MAP_PRIVATE);
	struct follow_page_context ctx = {};
	struct page *page;

	page = gk_follow(addr + 7 * PAGE_SIZE, FOLL_GET, &ctx);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(page));
	KUNIT_EXPECT_PTR_EQ(test, page, gk_page_at(addr + 7 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ctx.page_mask,
			folio_nr_pages(page_folio(page)) - 1);
	put_page(page);
}

#ifdef CONFIG_ZONE_DEVICE
static void gk_release_resource(void *res)
{
	release_resource(res);
}

static struct page *gk_device_memory(struct kunit *test,
				     struct dev_pagemap *pgmap)
{
	struct resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	res->name = "gup_kunit";
	res->flags = IORESOURCE_MEM;
	if (allocate_resource(&iomem_resource, res, SZ_128M,
			      PFN_PHYS(max_pfn) + SZ_4G, -1, SZ_128M, NULL,
			      NULL))
		kunit_skip(test, "needs free physical addresses");
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   gk_release_resource,
							   res));
	pgmap->type = MEMORY_DEVICE_GENERIC;
	pgmap->nr_range = 1;
	pgmap->range = (struct range){ res->start, res->end };
	if (IS_ERR(memremap_pages(pgmap, NUMA_NO_NODE)))
		kunit_skip(test, "needs memory hotplug");
	return pfn_to_page(PHYS_PFN(res->start));
}

static void gup_compat_follow_keeps_device(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	struct follow_page_context ctx = {};
	struct dev_pagemap pgmap = {}, other = {};
	struct page *page, *memory;
	unsigned long addr;

	memory = gk_device_memory(test, &pgmap);
	dev->pages[0] = memory;
	dev->pages[1] = memory + 1;
	dev->pages[3] = gk_device_memory(test, &other);
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	KUNIT_EXPECT_EQ(test, 0, __mm_populate(addr, 4 * PAGE_SIZE, 0));

	page = gk_follow(addr, FOLL_GET, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, memory);
	KUNIT_EXPECT_PTR_EQ(test, ctx.pgmap, &pgmap);
	put_page(memory);
	/* It is kept, for other memory as well. */
	page = gk_follow(addr + PAGE_SIZE, FOLL_GET, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, memory + 1);
	KUNIT_EXPECT_PTR_EQ(test, ctx.pgmap, &pgmap);
	put_page(memory + 1);
	page = gk_follow(addr + 2 * PAGE_SIZE, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, dev->pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, ctx.pgmap, &pgmap);
	page = gk_follow(addr + 3 * PAGE_SIZE, 0, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, page, dev->pages[3]);
	KUNIT_EXPECT_PTR_EQ(test, ctx.pgmap, &other);

	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, GK_DEV_PAGES << PAGE_SHIFT));
	put_dev_pagemap(ctx.pgmap);
	/* Waits for ever if it is still held. */
	memunmap_pages(&pgmap);
	memunmap_pages(&other);
}

/* The device is on its way out: so is the page. */
static void gup_compat_follow_lost_device(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	struct dev_pagemap pgmap = { .type = MEMORY_DEVICE_GENERIC };
	struct follow_page_context ctx = {};
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	struct page *page = dev->pages[0];
	enum zone_type zone = page_zonenum(page);
	int refs;

	KUNIT_ASSERT_EQ(test, 0, __mm_populate(addr, PAGE_SIZE, 0));
	refs = page_ref_count(page);
	page_folio(page)->pgmap = &pgmap;
	set_page_zone(page, ZONE_DEVICE);
	KUNIT_EXPECT_NULL(test, gk_follow(addr, FOLL_GET, &ctx));
	KUNIT_EXPECT_NULL(test, gk_follow(addr, 0, &ctx));
	set_page_zone(page, zone);
	INIT_LIST_HEAD(&page->lru);
	KUNIT_EXPECT_NULL(test, ctx.pgmap);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), refs);
}
#else
static void gup_compat_follow_keeps_device(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_ZONE_DEVICE");
}

#define gup_compat_follow_lost_device	gup_compat_follow_keeps_device
#endif

/*
 * populate_vma_page_range()
 */

static long gk_populate_vma(struct kunit *test, unsigned long addr,
			    unsigned long nr, int *nonblocking)
{
	struct mm_struct *mm = current->mm;
	long ret;

	mmap_read_lock(mm);
	ret = gup_compat_populate_vma_page_range(vma_lookup(mm, addr), addr,
						 addr + (nr << PAGE_SHIFT),
						 nonblocking);
	if (!nonblocking || *nonblocking)
		mmap_read_unlock(mm);
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(mm));
	return ret;
}

static void gup_compat_populates(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);
	int nonblocking = 1;

	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 3, &nonblocking), 0);
	KUNIT_EXPECT_EQ(test, nonblocking, 1);
	KUNIT_EXPECT_NOT_NULL(test, gk_page_at(addr + 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 0, NULL), 0);
}

static void gup_compat_populate_mlocks(struct kunit *test)
{
	unsigned long addr = gk_map(test, 3, PROT_READ | PROT_WRITE);
	int i;

	/* What mlock() does. */
	gk_vm_flags(addr, VM_LOCKED, 0);
	current->mm->locked_vm += 3;
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 3, NULL), 0);
	for (i = 0; i < 3; i++) {
		struct page *page = gk_page_at(addr + i * PAGE_SIZE);

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_TRUE(test, folio_test_mlocked(page_folio(page)));
	}
}

static void gup_compat_populate_errors(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long none = gk_map(test, 2, PROT_NONE);
	unsigned long addr;
	int nonblocking = 1;

	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, none, 2, NULL), -EFAULT);
	dev->pages[2] = NULL;
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	/* Not all of it is as bad as nothing. */
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 4, NULL), -EFAULT);
	KUNIT_EXPECT_NOT_NULL(test, gk_page_at(addr + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 4, &nonblocking),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, nonblocking, 1);
}

static void gup_compat_populate_drops_lock(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;
	int nonblocking = 1;

	/* The VMA may be gone: nothing further is populated by it. */
	addr = gk_map_waits(test);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 3, &nonblocking),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, nonblocking, 0);
	addr = gk_map_waits(test);
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 3, NULL), 0);

	/* Without the lock nobody can tell what is wrong with page 2. */
	dev->fault = gk_fault_waits;
	dev->pages[2] = NULL;
	addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	nonblocking = 1;
	KUNIT_EXPECT_EQ(test, gk_populate_vma(test, addr, 3, &nonblocking),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, nonblocking, 0);
}

/*
 * get_dump_page()
 */

#ifdef CONFIG_ELF_CORE
static void gup_compat_dumps(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *page;

	/* Its protection does not matter. */
	gk_vm_flags(addr, 0, VM_READ | VM_WRITE);
	page = gup_compat_get_dump_page(addr + PAGE_SIZE);
	gk_expect_taken(test, refs + 1, &page, 1, FOLL_GET);
	put_page(page);
	gk_expect_released(test, refs, 2);
}

static void gup_compat_dumps_nothing(struct kunit *test)
{
	unsigned long hole = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long gone = gk_map(test, 1, PROT_READ | PROT_WRITE);
	unsigned long device = gk_map_filled(test, 1);

	KUNIT_EXPECT_NULL(test, gup_compat_get_dump_page(hole));
	KUNIT_EXPECT_NULL(test, gk_page_at(hole));
	KUNIT_EXPECT_NULL(test, gup_compat_get_dump_page(gk_map_zero(test, 1)));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(gone, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, gup_compat_get_dump_page(gone));
	gk_vm_flags(device, VM_IO, 0);
	KUNIT_EXPECT_NULL(test, gup_compat_get_dump_page(device));
	gk_vm_flags(device, 0, VM_IO);
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}
#else
static void gup_compat_dumps(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_ELF_CORE");
}

#define gup_compat_dumps_nothing	gup_compat_dumps
#endif

/*
 * Releasing, as in 5.2
 */

static void gup_compat_puts_many(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct gk_refs *refs = gk_refs(test, addr, 2);
	struct page *pages[2];
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, 2, get_user_pages_fast(addr, 2, 0,
							     pages));
	gup_compat_put_user_pages_5_2(pages, 2);
	folio_clear_dirty(page_folio(pages[0]));
	gup_compat_put_user_pages_dirty_5_2(pages, 1);
	gup_compat_put_user_pages_5_2(pages + 1, 1);
	KUNIT_EXPECT_TRUE(test, PageDirty(pages[0]));
	folio_clear_dirty(page_folio(pages[1]));
	/* As in 5.4, and as in 5.2 and 5.3 */
	gup_compat_put_user_pages_dirty_lock_5_2(pages, 2, false);
	KUNIT_EXPECT_FALSE(test, PageDirty(pages[1]));
	gup_compat_put_user_pages_dirty_lock_5_2(pages, 2);
	KUNIT_EXPECT_TRUE(test, PageDirty(pages[1]));
	gk_expect_released(test, refs, 2);
}

static struct kunit_case gup_compat_cases[] = {
	KUNIT_CASE_PARAM(gup_compat_takes_for_reading, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_takes_for_writing, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_count_of_zero_or_below, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_faults_pages_in, gk_faulting_gen_params),
	KUNIT_CASE_PARAM(gup_compat_unaligned_at_end_of_table,
			 gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_prefix_up_to_hole, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_tail, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_tail_cannot_move, gk_longterm_gen_params),
	KUNIT_CASE_PARAM(gup_compat_tail_fork, gk_lockless_gen_params),
	KUNIT_CASE_PARAM(gup_compat_write_needs_permission, gk_old_gen_params),
	KUNIT_CASE_PARAM(gup_compat_lockless_never_fails,
			 gk_lockless_gen_params),
	KUNIT_CASE_PARAM(gup_compat_force_copies_private, gk_forced_gen_params),
	KUNIT_CASE_PARAM(gup_compat_force_does_not_write_shared,
			 gk_forced_gen_params),
	KUNIT_CASE_PARAM(gup_compat_force_reads, gk_forced_gen_params),
	KUNIT_CASE_PARAM(gup_compat_without_array, gk_nothing_gen_params),
	KUNIT_CASE_PARAM(gup_compat_tells_vmas, gk_vmas_gen_params),
	KUNIT_CASE_PARAM(gup_compat_tells_gate_vma, gk_vmas_gen_params),
	KUNIT_CASE_PARAM(gup_compat_waits, gk_waiting_gen_params),
	KUNIT_CASE_PARAM(gup_compat_takes_under_write_lock,
			 gk_keeping_gen_params),
	KUNIT_CASE_PARAM(gup_compat_nonblocking, gk_nonblockings_gen_params),
	KUNIT_CASE(gup_compat_touches_if_told),
	KUNIT_CASE_PARAM(gup_compat_other_mm, gk_remote_gen_params),
	KUNIT_CASE_PARAM(gup_compat_whose_keys, gk_faulting_gen_params),
	KUNIT_CASE_PARAM(gup_compat_whose_faults, gk_tsk_gen_params),
	KUNIT_CASE_PARAM(gup_compat_whose_major_faults, gk_tsk_gen_params),
	KUNIT_CASE_PARAM(gup_compat_longterm_moves, gk_longterm_gen_params),
	KUNIT_CASE(gup_compat_longterm_with_get),
	KUNIT_CASE(gup_compat_wrong_arguments),
	KUNIT_CASE(gup_compat_wrong_flags_without_lock),
	KUNIT_CASE(gup_compat_wrong_without_lock),
	KUNIT_CASE(gup_compat_follow_references),
	KUNIT_CASE(gup_compat_follow_nothing),
	KUNIT_CASE(gup_compat_follow_errors),
	KUNIT_CASE(gup_compat_follow_secret),
	KUNIT_CASE(gup_compat_follow_tells_size),
	KUNIT_CASE(gup_compat_follow_hugetlb),
	KUNIT_CASE(gup_compat_follow_keeps_device),
	KUNIT_CASE(gup_compat_follow_lost_device),
	KUNIT_CASE(gup_compat_populates),
	KUNIT_CASE(gup_compat_populate_mlocks),
	KUNIT_CASE(gup_compat_populate_errors),
	KUNIT_CASE(gup_compat_populate_drops_lock),
	KUNIT_CASE(gup_compat_dumps),
	KUNIT_CASE(gup_compat_dumps_nothing),
	KUNIT_CASE(gup_compat_puts_many),
	{}
};

static struct kunit_suite gup_compat_suite = {
	.name = "gup_compat",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_compat_cases,
};

kunit_test_suite(gup_compat_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages() as in older kernels");
MODULE_LICENSE("GPL");
