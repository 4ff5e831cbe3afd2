// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of get_user_pages(): faulting, mmap_lock, retries and signals.
 */
#include <kunit/test-bug.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "gup_kunit.h"

/*
 * What the fault handler is told
 */

#define GK_FAULT_FLAGS	(FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE |		\
			 FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |	\
			 FAULT_FLAG_INTERRUPTIBLE |			\
			 FAULT_FLAG_RETRY_NOWAIT | FAULT_FLAG_TRIED |	\
			 FAULT_FLAG_UNSHARE | FAULT_FLAG_USER)

#define GK_MAY_WAIT	(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE)
#define GK_NO_WAIT	(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT)

/* True if the last one of these has dropped the lock. */
static bool gk_dropped;

static long gk_get_droppable(unsigned long start, unsigned long nr,
			     unsigned int flags, struct page **pages)
{
	int locked = 1;
	long ret;

	mmap_read_lock(current->mm);
	ret = get_user_pages_remote(current->mm, start, nr, flags, pages,
				    &locked);
	gk_dropped = !locked;
	if (locked)
		mmap_read_unlock(current->mm);
	return ret;
}

static long gk_get_remote_kept(unsigned long start, unsigned long nr,
			       unsigned int flags, struct page **pages)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = get_user_pages_remote(current->mm, start, nr, flags, pages, NULL);
	mmap_read_unlock(current->mm);
	return ret;
}

/* Nobody else holds it for long: whoever does has forgotten to give it back. */
static void gk_expect_lock_free(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, gk_stays_locked(current->mm));
}

struct gk_told {
	const char *name;
	gk_take_fn *take;
	unsigned int flags;
	unsigned int want;
};

static const struct gk_told gk_told[] = {
	{ "get", gk_get_locked, 0, 0 },
	{ "get, write", gk_get_locked, FOLL_WRITE, FAULT_FLAG_WRITE },
	{ "get, nowait", gk_get_locked, FOLL_NOWAIT, GK_NO_WAIT },
	{ "get, interruptible", gk_get_locked, FOLL_INTERRUPTIBLE, 0 },
	{ "get_unlocked", gk_get_unlocked, 0, GK_MAY_WAIT },
	{ "get_unlocked, interruptible", gk_get_unlocked, FOLL_INTERRUPTIBLE,
	  GK_MAY_WAIT | FAULT_FLAG_INTERRUPTIBLE },
	{ "get_remote", gk_get_droppable, FOLL_WRITE,
	  GK_MAY_WAIT | FAULT_FLAG_REMOTE | FAULT_FLAG_WRITE },
	{ "get_remote, lock kept", gk_get_remote_kept, 0, FAULT_FLAG_REMOTE },
	{ "get_remote_unlocked", gk_get_remote_unlocked, FOLL_WRITE,
	  GK_MAY_WAIT | FAULT_FLAG_REMOTE | FAULT_FLAG_WRITE },
	{ "pin_remote_unlocked", gk_pin_remote_unlocked, 0,
	  GK_MAY_WAIT | FAULT_FLAG_REMOTE },
	{ "pin_fast", gk_pin_fast, FOLL_WRITE, GK_MAY_WAIT | FAULT_FLAG_WRITE },
	{ "pin_unlocked", gk_pin_unlocked, 0, GK_MAY_WAIT },
};

KUNIT_ARRAY_PARAM_DESC(gk_told, gk_told, name);

static void gup_fault_flags(struct kunit *test)
{
	const struct gk_told *told = test->param_value;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE,
					MAP_SHARED);
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, told->take(addr, 1, told->flags, pages), 1);
	KUNIT_EXPECT_EQ(test, dev->calls, 1);
	KUNIT_EXPECT_EQ(test, dev->flags[0] & GK_FAULT_FLAGS, told->want);
	KUNIT_EXPECT_PTR_EQ(test, pages[0], dev->pages[0]);
	if (told->take == gk_pin_fast || told->take == gk_pin_unlocked ||
	    told->take == gk_pin_remote_unlocked)
		unpin_user_page(pages[0]);
	else
		put_page(pages[0]);
	gk_expect_lock_free(test);
}

/* Unsharing is a fault of its own kind, and never one for writing. */
static void gup_fault_unshare(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE,
					MAP_PRIVATE);
	struct page *pages[1];

	KUNIT_ASSERT_EQ(test, gk_pin_unlocked(addr, 1, FOLL_LONGTERM, pages), 1);
	/* The copy is made of the page that a fault for reading had mapped. */
	KUNIT_EXPECT_EQ(test, dev->calls, 1);
	KUNIT_EXPECT_EQ(test, dev->flags[0] & GK_FAULT_FLAGS, GK_MAY_WAIT);
	KUNIT_EXPECT_PTR_NE(test, pages[0], dev->pages[0]);
	KUNIT_EXPECT_TRUE(test, PageAnon(pages[0]));
	/* A fault for writing would have made it writable. */
	KUNIT_EXPECT_FALSE(test, pte_write(gk_pte(test, addr)));
	unpin_user_page(pages[0]);
}

/*
 * What the fault handler answers
 */

enum gk_answer {
	GK_OK,
	GK_RETRY,	/* to be asked again, without the lock */
	GK_COMPLETED,	/* done, without the lock */
	GK_BUSY,	/* would have to wait, and may not */
	GK_LIE,		/* done without the lock, which is still held */
	GK_SIGBUS,
	GK_SIGSEGV,
	GK_OOM,
	GK_HWPOISON,
	GK_FALLBACK,	/* an error that has no errno */
	GK_KILL,	/* asked again, but there is a fatal signal now */
	GK_INTR,	/* the same with another signal */
	GK_UNMAP,	/* asked again, but the mapping is gone */
};

/* The answers to the first calls at page 1 of the device; then all is well. */
static enum gk_answer gk_answers[4];
static unsigned int gk_asked;

static vm_fault_t gk_unlock(struct kunit *test, struct vm_fault *vmf)
{
	KUNIT_EXPECT_TRUE(test, vmf->flags & FAULT_FLAG_ALLOW_RETRY);
	KUNIT_EXPECT_FALSE(test, vmf->flags & FAULT_FLAG_RETRY_NOWAIT);
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

static vm_fault_t gk_complete(struct kunit *test, struct gk_dev *dev,
			      struct vm_fault *vmf)
{
	KUNIT_EXPECT_EQ(test, 0, vm_insert_page(vmf->vma, vmf->address,
						dev->pages[vmf->pgoff]));
	gk_unlock(test, vmf);
	return VM_FAULT_NOPAGE | VM_FAULT_COMPLETED;
}

static vm_fault_t gk_unmap(struct kunit *test, struct vm_fault *vmf)
{
	unsigned long addr = vmf->address;
	vm_fault_t ret = gk_unlock(test, vmf);

	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	return ret;
}

static vm_fault_t gk_fault_answer(struct gk_dev *dev, struct vm_fault *vmf)
{
	struct kunit *test = kunit_get_current_test();

	if (vmf->pgoff != 1 || gk_asked >= ARRAY_SIZE(gk_answers))
		return gk_dev_fault_page(dev, vmf);
	/* Asked again for the same page, it is told so. */
	KUNIT_EXPECT_EQ(test, !!(vmf->flags & FAULT_FLAG_TRIED), gk_asked > 0);
	switch (gk_answers[gk_asked++]) {
	case GK_OK:
		return gk_dev_fault_page(dev, vmf);
	case GK_RETRY:
		return gk_unlock(test, vmf);
	case GK_COMPLETED:
		return gk_complete(test, dev, vmf);
	case GK_BUSY:
		return VM_FAULT_RETRY;
	case GK_LIE:
		return VM_FAULT_NOPAGE | VM_FAULT_COMPLETED;
	case GK_SIGBUS:
		return VM_FAULT_SIGBUS;
	case GK_SIGSEGV:
		return VM_FAULT_SIGSEGV;
	case GK_OOM:
		return VM_FAULT_OOM;
	case GK_HWPOISON:
		return VM_FAULT_HWPOISON;
	case GK_FALLBACK:
		return VM_FAULT_FALLBACK;
	case GK_KILL:
		gk_signal(SIGKILL);
		return gk_unlock(test, vmf);
	case GK_INTR:
		gk_signal(SIGUSR1);
		return gk_unlock(test, vmf);
	case GK_UNMAP:
		return gk_unmap(test, vmf);
	}
	return VM_FAULT_SIGBUS;
}

struct gk_asks {
	const char *name;
	enum gk_answer answers[4];
	unsigned int flags;
	long whole;	/* from page 0 on, 4 pages */
	long rest;	/* from page 1 on, 3 pages */
	bool dropped;
};

/* For those who allow the lock to be dropped. */
static const struct gk_asks gk_asks[] = {
	{ "ok", { GK_OK }, 0, 4, 3, false },
	{ "retry", { GK_RETRY }, 0, 4, 3, true },
	{ "retry thrice", { GK_RETRY, GK_RETRY, GK_RETRY }, 0, 4, 3, true },
	{ "completed", { GK_COMPLETED }, 0, 4, 3, true },
	{ "retry, completed", { GK_RETRY, GK_COMPLETED }, 0, 4, 3, true },
	{ "sigbus", { GK_SIGBUS }, 0, 1, -EFAULT, false },
	{ "sigsegv", { GK_SIGSEGV }, 0, 1, -EFAULT, false },
	{ "oom", { GK_OOM }, 0, 1, -ENOMEM, false },
	{ "hwpoison", { GK_HWPOISON }, 0, 1, -EFAULT, false },
	{ "fallback", { GK_FALLBACK }, 0, 1, -EFAULT, false },
	{ "hwpoison, wants to know", { GK_HWPOISON }, FOLL_HWPOISON, 1,
	  -EHWPOISON, false },
	{ "retry, sigbus", { GK_RETRY, GK_SIGBUS }, 0, 1, -EFAULT, true },
	{ "retry, oom", { GK_RETRY, GK_OOM }, 0, 1, -ENOMEM, true },
	{ "retry, hwpoison", { GK_RETRY, GK_HWPOISON }, FOLL_HWPOISON, 1,
	  -EHWPOISON, true },
	{ "kill", { GK_KILL }, 0, 1, -EINTR, true },
	{ "retry, kill", { GK_RETRY, GK_KILL }, 0, 1, -EINTR, true },
	{ "signal", { GK_INTR }, 0, 4, 3, true },
	{ "signal, interruptible", { GK_INTR }, FOLL_INTERRUPTIBLE, 1, -EINTR,
	  true },
	{ "kill, interruptible", { GK_KILL }, FOLL_INTERRUPTIBLE, 1, -EINTR,
	  true },
	{ "unmap", { GK_UNMAP }, 0, 1, -EFAULT, true },
};

KUNIT_ARRAY_PARAM_DESC(gk_asks, gk_asks, name);

static unsigned long gk_map_answers(struct kunit *test, struct gk_dev **devp,
				    const enum gk_answer *answers)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr;

	memcpy(gk_answers, answers, sizeof(gk_answers));
	gk_asked = 0;
	dev->fault = gk_fault_answer;
	/* For vm_insert_page() under the lock for reading. */
	dev->vm_flags = VM_MIXEDMAP;
	addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (devp)
		*devp = dev;
	return addr;
}

static void gk_check_answers(struct kunit *test, gk_take_fn *take,
			     unsigned long first)
{
	const struct gk_asks *asks = test->param_value;
	long i, want = first ? asks->rest : asks->whole;
	struct page *pages[4];
	struct gk_dev *dev;
	unsigned long addr;
	long ret;

	addr = gk_map_answers(test, &dev, asks->answers);
	ret = take(addr + first * PAGE_SIZE, 4 - first, asks->flags, pages);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, want);
	for (i = 0; i < ret; i++) {
		KUNIT_EXPECT_PTR_EQ(test, pages[i], dev->pages[first + i]);
		put_page(pages[i]);
	}
	/* The test's own reference and, if still mapped, that of the table. */
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_LE(test, page_ref_count(dev->pages[i]), 2);
	gk_expect_lock_free(test);
}

static void gup_fault_unlocked(struct kunit *test)
{
	gk_check_answers(test, gk_get_unlocked, 0);
	gk_check_answers(test, gk_get_unlocked, 1);
}

static void gup_fault_remote(struct kunit *test)
{
	const struct gk_asks *asks = test->param_value;

	gk_check_answers(test, gk_get_droppable, 0);
	KUNIT_EXPECT_EQ(test, gk_dropped, asks->dropped);
	gk_check_answers(test, gk_get_droppable, 1);
	KUNIT_EXPECT_EQ(test, gk_dropped, asks->dropped);
}

static void gup_fault_fast(struct kunit *test)
{
	const struct gk_asks *asks = test->param_value;
	struct page *pages[4];
	unsigned long addr;
	long ret;

	/* Flags that the fast functions do not take. */
	if (asks->flags)
		return;
	addr = gk_map_answers(test, NULL, asks->answers);
	ret = pin_user_pages_fast(addr + PAGE_SIZE, 3, 0, pages);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, asks->rest);
	if (ret > 0)
		unpin_user_pages(pages, ret);
	gk_expect_lock_free(test);
}

/* MADV_POPULATE must end, whatever the handler answers. */
static void gup_fault_populate(struct kunit *test)
{
	const struct gk_asks *asks = test->param_value;
	unsigned long addr = gk_map_answers(test, NULL, asks->answers);
	long want = asks->rest;
	int locked = 1;
	long ret;

	/* It always asks for HWPOISON, and never for INTERRUPTIBLE. */
	if (asks->answers[0] == GK_HWPOISON)
		want = -EHWPOISON;
	if (asks->flags & FOLL_INTERRUPTIBLE && asks->answers[0] == GK_INTR)
		want = 3;
	if (asks->answers[0] == GK_UNMAP)
		want = -ENOMEM;
	mmap_read_lock(current->mm);
	ret = faultin_page_range(current->mm, addr + PAGE_SIZE,
				 addr + 4 * PAGE_SIZE, true, &locked);
	if (locked)
		mmap_read_unlock(current->mm);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, want);
	KUNIT_EXPECT_EQ(test, !locked, asks->dropped);
	gk_expect_lock_free(test);
}

/* Once dropped, the lock stays so: on return it is not held. */
static void gup_fault_lock_is_kept_without_need(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 2);
	struct page *pages[2];

	KUNIT_ASSERT_EQ(test, gk_get_droppable(addr, 2, FOLL_WRITE, pages), 2);
	KUNIT_EXPECT_FALSE(test, gk_dropped);
	put_page(pages[0]);
	put_page(pages[1]);
}

/*
 * Not waiting
 */

static void gup_fault_nowait(struct kunit *test)
{
	static const enum gk_answer busy[4] = { GK_BUSY };
	struct page *pages[3] = {};
	unsigned long addr;

	/* 0 is no error: there was nothing to be had without waiting. */
	addr = gk_map_answers(test, NULL, busy);
	KUNIT_EXPECT_EQ(test, gk_get_locked(addr + PAGE_SIZE, 2, FOLL_NOWAIT,
					    pages), 0);
	KUNIT_EXPECT_NULL(test, pages[0]);
	gk_expect_lock_free(test);

	addr = gk_map_answers(test, NULL, busy);
	KUNIT_EXPECT_EQ(test, gk_get_locked(addr, 3, FOLL_NOWAIT, pages), 1);
	put_page(pages[0]);
	KUNIT_EXPECT_EQ(test, gk_asked, 1);
	gk_expect_lock_free(test);
}

static void gup_fault_nowait_keeps_remote_lock(struct kunit *test)
{
	static const enum gk_answer busy[4] = { GK_BUSY };
	unsigned long addr = gk_map_answers(test, NULL, busy);
	struct page *pages[2] = {};

	KUNIT_EXPECT_EQ(test, gk_get_droppable(addr + PAGE_SIZE, 2, FOLL_NOWAIT,
					       pages), 0);
	KUNIT_EXPECT_FALSE(test, gk_dropped);
	gk_expect_lock_free(test);
}

/*
 * Keeping the lock, though the fault handler says that it was dropped
 */

static long gk_populate_kept(unsigned long start, unsigned long nr,
			     unsigned int flags, struct page **pages)
{
	struct vm_area_struct *vma;
	long ret;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, start);
	ret = populate_vma_page_range(vma, start, start + nr * PAGE_SIZE, NULL);
	mmap_read_unlock(current->mm);
	return ret;
}

static long gk_fixup_kept(unsigned long start, unsigned long nr,
			  unsigned int flags, struct page **pages)
{
	long ret;

	mmap_read_lock(current->mm);
	ret = fixup_user_fault(current->mm, start, 0, NULL);
	mmap_read_unlock(current->mm);
	return ret;
}

struct gk_kept {
	const char *name;
	gk_take_fn *take;
	enum gk_answer answer;
};

static const struct gk_kept gk_kepts[] = {
	{ "get, retry", gk_get_locked, GK_BUSY },
	{ "get, completed", gk_get_locked, GK_LIE },
	{ "pin, retry", gk_pin_locked, GK_BUSY },
	{ "pin, completed", gk_pin_locked, GK_LIE },
	{ "get_remote, retry", gk_get_remote_kept, GK_BUSY },
	{ "get_remote, completed", gk_get_remote_kept, GK_LIE },
	{ "populate, retry", gk_populate_kept, GK_BUSY },
	{ "populate, completed", gk_populate_kept, GK_LIE },
	{ "fixup, retry", gk_fixup_kept, GK_BUSY },
	{ "fixup, completed", gk_fixup_kept, GK_LIE },
};

KUNIT_ARRAY_PARAM_DESC(gk_kepts, gk_kepts, name);

static void gup_fault_lock_is_not_dropped(struct kunit *test)
{
	const struct gk_kept *kept = test->param_value;
	const enum gk_answer answers[4] = { kept->answer };
	unsigned long addr = gk_map_answers(test, NULL, answers);
	struct page **pages = gk_marked_array(test, 3);
	long ret;

	kunit_warning_suppress(test) {
		ret = kept->take(addr + PAGE_SIZE, 3, 0, pages);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, gk_asked, 1);
	KUNIT_EXPECT_EQ(test, ret, -EFAULT);
	gk_expect_nothing_behind(test, pages, ret, 3);
	gk_expect_lock_free(test);
}

/*
 * Signals
 */

static void gup_fault_fatal_signal_is_pending(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);
	struct page *pages[2];
	long ret;

	gk_signal(SIGKILL);
	ret = api->take(addr, 2, FOLL_WRITE, pages);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : -EINTR);
	gk_expect_lock_free(test);
}

static void gup_fault_other_signal_is_pending(struct kunit *test)
{
	const struct gk_api *api = test->param_value;
	unsigned long addr = gk_map(test, 2, PROT_READ | PROT_WRITE);
	struct page *pages[2];
	long ret;

	gk_signal(SIGUSR1);
	ret = api->take(addr, 2, FOLL_WRITE, pages);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, ret, api->lockless ? 0 : 2);
	gk_release(api, pages, ret);
}

/*
 * Somebody who holds mmap_lock for writing until told to let go, and kills who waits
 * for it.
 */
struct gk_holder {
	struct mm_struct *mm;
	struct task_struct *victim;
	struct completion held;
	struct completion let_go;
};

static void gk_kill_waiting(struct mm_struct *mm, struct task_struct *victim)
{
	gk_wait_contended(mm);
	sigaddset(&victim->pending.signal, SIGKILL);
	set_tsk_thread_flag(victim, TIF_SIGPENDING);
	wake_up_process(victim);
}

static int gk_hold(void *data)
{
	struct gk_holder *holder = data;

	mmap_write_lock(holder->mm);
	complete(&holder->held);
	if (holder->victim)
		gk_kill_waiting(holder->mm, holder->victim);
	wait_for_completion(&holder->let_go);
	mmap_write_unlock(holder->mm);
	return 0;
}

static void gup_fault_fatal_signal_before_lock(struct kunit *test)
{
	/* No VMA is there, so it takes mmap_lock. */
	unsigned long addr = gk_map(test, 1, PROT_READ | PROT_WRITE);
	struct gk_holder holder = { .mm = current->mm };
	struct task_struct *task;
	struct page *pages[1];
	long ret;

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	init_completion(&holder.held);
	init_completion(&holder.let_go);
	task = kthread_run(gk_hold, &holder, "gup_kunit_holder");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wait_for_completion(&holder.held);
	gk_signal(SIGKILL);
	ret = get_user_pages_unlocked(addr, 1, pages, FOLL_WRITE);
	gk_no_signal();
	complete(&holder.let_go);
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
}

#ifdef CONFIG_PER_VMA_LOCK
/* Who takes pages that have to be faulted in, and does not get mmap_lock. */
struct gk_cold {
	long (*take)(struct gk_cold *cold);
	struct mm_struct *mm;
	unsigned long addr;
	struct page *pages[4];
	long ret;
	struct completion done;
};

static long gk_cold_fast(struct gk_cold *cold)
{
	return pin_user_pages_fast(cold->addr, 4, FOLL_WRITE, cold->pages);
}

static long gk_cold_longterm(struct gk_cold *cold)
{
	return pin_user_pages_fast(cold->addr, 4, FOLL_WRITE | FOLL_LONGTERM,
				   cold->pages);
}

static long gk_cold_unlocked(struct gk_cold *cold)
{
	return pin_user_pages_unlocked(cold->addr, 4, cold->pages, FOLL_WRITE);
}

static long gk_cold_remote(struct gk_cold *cold)
{
	return pin_user_pages_remote_unlocked(cold->mm, cold->addr, 4,
					      FOLL_WRITE, cold->pages);
}

/* It takes no pins, so that others do for it what is to be released. */
static long gk_cold_populate(struct gk_cold *cold)
{
	return __mm_populate(cold->addr, 4 * PAGE_SIZE, 0) ?:
	       pin_user_pages_fast(cold->addr, 4, FOLL_WRITE, cold->pages);
}

static long gk_cold_get_remote(struct gk_cold *cold)
{
	long ret = get_user_pages_remote_unlocked(cold->mm, cold->addr, 4,
						  FOLL_WRITE, NULL);

	return ret != 4 ? ret : pin_user_pages_fast(cold->addr, 4, FOLL_WRITE,
						    cold->pages);
}

static const struct gk_cold_take {
	const char *name;
	long (*take)(struct gk_cold *cold);
} gk_cold_takes[] = {
	{ "pin_user_pages_fast", gk_cold_fast },
	{ "pin_user_pages_fast, long-term", gk_cold_longterm },
	{ "pin_user_pages_unlocked", gk_cold_unlocked },
	{ "pin_user_pages_remote_unlocked", gk_cold_remote },
	{ "get_user_pages_remote_unlocked", gk_cold_get_remote },
	{ "__mm_populate", gk_cold_populate },
};

KUNIT_ARRAY_PARAM_DESC(gk_cold_takes, gk_cold_takes, name);

static int gk_take_cold(void *data)
{
	struct gk_cold *cold = data;

	kthread_use_mm(cold->mm);
	cold->ret = cold->take(cold);
	kthread_unuse_mm(cold->mm);
	complete_all(&cold->done);
	return 0;
}

/*
 * Somebody changes other mappings, and does not come to an end. That the VMA has an
 * anon_vma is not a matter of this call: the first fault in a VMA takes mmap_lock.
 */
static void gup_fault_without_mmap_lock(struct kunit *test)
{
	const struct gk_cold_take *how = test->param_value;
	unsigned long addr = gk_map(test, 8, PROT_READ | PROT_WRITE);
	struct gk_cold cold = {
		.take = how->take,
		.mm = current->mm,
		.addr = addr + PAGE_SIZE,
	};
	struct task_struct *task;
	unsigned long left = 0;

	gk_fill(test, addr, 1);
	init_completion(&cold.done);
	mmap_write_lock(current->mm);
	task = kthread_run(gk_take_cold, &cold, "gup_kunit_cold");
	if (!IS_ERR(task))
		left = wait_for_completion_timeout(&cold.done, 10 * HZ);
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&cold.done);
	KUNIT_EXPECT_NE(test, left, 0);
	KUNIT_ASSERT_EQ(test, cold.ret, 4);
	unpin_user_pages(cold.pages, 4);
}

/* That VMA itself is being changed: whoever does that is waited for. */
static void gup_fault_waits_for_change(struct kunit *test)
{
	unsigned long addr = gk_map(test, 8, PROT_READ | PROT_WRITE);
	struct gk_cold cold = {
		.take = gk_cold_unlocked,
		.mm = current->mm,
		.addr = addr + PAGE_SIZE,
	};
	struct vm_area_struct *vma;
	struct task_struct *task;
	unsigned long left = 1;

	gk_fill(test, addr, 1);
	init_completion(&cold.done);
	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	vma_start_write(vma);
	task = kthread_run(gk_take_cold, &cold, "gup_kunit_cold");
	if (!IS_ERR(task))
		left = wait_for_completion_timeout(&cold.done, HZ / 5);
	vm_flags_clear(vma, VM_WRITE);
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&cold.done);
	KUNIT_EXPECT_EQ(test, left, 0);
	KUNIT_EXPECT_EQ(test, cold.ret, -EFAULT);
}
#endif

static struct gk_holder gk_hold_after_fault;
static struct task_struct *gk_holder_task;

/* Drops the lock, and before it can be taken again somebody else has it. */
static vm_fault_t gk_fault_loses_lock(struct gk_dev *dev, struct vm_fault *vmf)
{
	if (vmf->flags & FAULT_FLAG_TRIED)
		return gk_dev_fault_page(dev, vmf);
	release_fault_lock(vmf);
	wake_up_process(gk_holder_task);
	wait_for_completion(&gk_hold_after_fault.held);
	return VM_FAULT_RETRY;
}

static void gup_fault_fatal_signal_before_relock(struct kunit *test)
{
	struct gk_holder *holder = &gk_hold_after_fault;
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ, MAP_SHARED);
	struct page *pages[1];
	long ret;

	dev->fault = gk_fault_loses_lock;
	holder->mm = current->mm;
	holder->victim = current;
	init_completion(&holder->held);
	init_completion(&holder->let_go);
	gk_holder_task = kthread_create(gk_hold, holder, "gup_kunit_holder");
	KUNIT_ASSERT_FALSE(test, IS_ERR(gk_holder_task));
	get_task_struct(gk_holder_task);
	ret = get_user_pages_unlocked(addr, 1, pages, 0);
	gk_no_signal();
	complete(&holder->let_go);
	kthread_stop_put(gk_holder_task);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, dev->calls, 1);
	gk_expect_lock_free(test);
}

/*
 * fixup_user_fault()
 */

struct gk_fixup {
	const char *name;
	enum gk_answer answers[4];
	unsigned int flags;
	int want;
	bool unlocked;
};

static const struct gk_fixup gk_fixups[] = {
	{ "read", { GK_OK }, 0, 0, false },
	{ "write", { GK_OK }, FAULT_FLAG_WRITE, 0, false },
	{ "retry", { GK_RETRY }, 0, 0, true },
	{ "retry thrice", { GK_RETRY, GK_RETRY, GK_RETRY }, 0, 0, true },
	{ "completed", { GK_COMPLETED }, 0, 0, true },
	{ "sigbus", { GK_SIGBUS }, 0, -EFAULT, false },
	{ "oom", { GK_OOM }, 0, -ENOMEM, false },
	{ "hwpoison", { GK_HWPOISON }, 0, -EFAULT, false },
	{ "fallback", { GK_FALLBACK }, 0, -EFAULT, false },
	{ "kill", { GK_KILL }, 0, -EINTR, true },
	{ "unmap", { GK_UNMAP }, 0, -EFAULT, true },
};

KUNIT_ARRAY_PARAM_DESC(gk_fixups, gk_fixups, name);

static void gup_fault_fixup(struct kunit *test)
{
	const struct gk_fixup *fixup = test->param_value;
	struct mm_struct *mm = current->mm;
	bool unlocked = false;
	unsigned long addr;
	int ret;

	addr = gk_map_answers(test, NULL, fixup->answers);
	mmap_read_lock(mm);
	ret = fixup_user_fault(mm, addr + PAGE_SIZE + 5, fixup->flags,
			       &unlocked);
	gk_no_signal();
	/* Whatever happened, it is held again. */
	mmap_assert_locked(mm);
	mmap_read_unlock(mm);
	KUNIT_EXPECT_EQ(test, ret, fixup->want);
	KUNIT_EXPECT_EQ(test, unlocked, fixup->unlocked);
	gk_expect_lock_free(test);
}

static void gup_fault_fixup_calls_handler_always(struct kunit *test)
{
	struct gk_dev *dev = gk_dev(test);
	unsigned long addr = gk_map_dev(test, dev, PROT_READ | PROT_WRITE,
					MAP_SHARED);

	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 0, fixup_user_fault(current->mm, addr,
						  FAULT_FLAG_WRITE, NULL));
	KUNIT_EXPECT_EQ(test, dev->flags[0] & GK_FAULT_FLAGS, FAULT_FLAG_WRITE);
	mmap_read_unlock(current->mm);
	/* Mapped already, but not marked yet. */
	gk_set_pte(test, addr, pte_mkold(pte_mkclean(gk_pte(test, addr))));
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 0, fixup_user_fault(current->mm, addr,
						  FAULT_FLAG_WRITE, NULL));
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_TRUE(test, pte_young(gk_pte(test, addr)));
	KUNIT_EXPECT_TRUE(test, pte_dirty(gk_pte(test, addr)));
}

static void gup_fault_fixup_refuses(struct kunit *test)
{
	unsigned long readonly = gk_map(test, 1, PROT_READ);
	unsigned long none = gk_map(test, 1, PROT_NONE);
	unsigned long hole = gk_map(test, 1, PROT_READ);
	struct mm_struct *mm = current->mm;

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(hole, PAGE_SIZE));
	mmap_read_lock(mm);
	KUNIT_EXPECT_EQ(test, -EFAULT, fixup_user_fault(mm, readonly,
							FAULT_FLAG_WRITE,
							NULL));
	KUNIT_EXPECT_EQ(test, 0, fixup_user_fault(mm, readonly, 0, NULL));
	KUNIT_EXPECT_EQ(test, -EFAULT, fixup_user_fault(mm, none, 0, NULL));
	KUNIT_EXPECT_EQ(test, -EFAULT, fixup_user_fault(mm, hole, 0, NULL));
	mmap_read_unlock(mm);
}

/* Only who may lose the lock looks for signals: the others cannot wait for long. */
static void gup_fault_fixup_with_fatal_signal(struct kunit *test)
{
	unsigned long addr = gk_map_filled(test, 1);
	struct mm_struct *mm = current->mm;
	bool unlocked = false;
	int kept, droppable;

	gk_signal(SIGKILL);
	mmap_read_lock(mm);
	kept = fixup_user_fault(mm, addr, 0, NULL);
	droppable = fixup_user_fault(mm, addr, 0, &unlocked);
	mmap_read_unlock(mm);
	gk_no_signal();
	KUNIT_EXPECT_EQ(test, kept, 0);
	KUNIT_EXPECT_EQ(test, droppable, -EINTR);
	KUNIT_EXPECT_FALSE(test, unlocked);
}

static struct kunit_case gup_fault_cases[] = {
	KUNIT_CASE_PARAM(gup_fault_flags, gk_told_gen_params),
	KUNIT_CASE(gup_fault_unshare),
	KUNIT_CASE_PARAM(gup_fault_unlocked, gk_asks_gen_params),
	KUNIT_CASE_PARAM(gup_fault_remote, gk_asks_gen_params),
	KUNIT_CASE_PARAM(gup_fault_fast, gk_asks_gen_params),
	KUNIT_CASE_PARAM(gup_fault_populate, gk_asks_gen_params),
	KUNIT_CASE(gup_fault_lock_is_kept_without_need),
	KUNIT_CASE(gup_fault_nowait),
	KUNIT_CASE(gup_fault_nowait_keeps_remote_lock),
	KUNIT_CASE_PARAM(gup_fault_lock_is_not_dropped, gk_kepts_gen_params),
	KUNIT_CASE_PARAM(gup_fault_fatal_signal_is_pending, gk_api_gen_params),
	KUNIT_CASE_PARAM(gup_fault_other_signal_is_pending, gk_api_gen_params),
	KUNIT_CASE(gup_fault_fatal_signal_before_lock),
	KUNIT_CASE(gup_fault_fatal_signal_before_relock),
#ifdef CONFIG_PER_VMA_LOCK
	KUNIT_CASE_PARAM(gup_fault_without_mmap_lock, gk_cold_takes_gen_params),
	KUNIT_CASE(gup_fault_waits_for_change),
#endif
	KUNIT_CASE_PARAM(gup_fault_fixup, gk_fixups_gen_params),
	KUNIT_CASE(gup_fault_fixup_calls_handler_always),
	KUNIT_CASE(gup_fault_fixup_refuses),
	KUNIT_CASE(gup_fault_fixup_with_fatal_signal),
	{}
};

static struct kunit_suite gup_fault_suite = {
	.name = "gup_fault",
	.init = gk_init,
	.exit = gk_exit,
	.test_cases = gup_fault_cases,
};

kunit_test_suite(gup_fault_suite);

MODULE_DESCRIPTION("KUnit tests of get_user_pages(): faults and mmap_lock");
MODULE_LICENSE("GPL");
