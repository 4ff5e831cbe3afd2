// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/gup_test: user space has the kernel take references on the
 * pages of a range of its memory, by each of the APIs, and is told how long that
 * took. The programs that use it are in tools/testing/selftests/mm.
 *
 * A command is a row of gup_test_commands[]: how to acquire pages, how to verify
 * that what came back deserves to be called acquired, how to release them. All
 * else is common to all commands.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmdebug.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include "gup_test.h"

/* The array of page pointers has to stay below INT_MAX bytes for kvmalloc(). */
#define GUP_TEST_MAX_PAGES	(INT_MAX / sizeof(struct page *) - 1)

/* How many pages are released between two chances to schedule. */
#define GUP_TEST_RELEASE_BATCH	65536UL

/* What a caller may pass to the API; the fast one knows fewer flags. */
#define GUP_TEST_FAST_FLAGS	(FOLL_WRITE | FOLL_FORCE | FOLL_NOFAULT | \
				 FOLL_PCI_P2PDMA | FOLL_HONOR_NUMA_FAULT)
#define GUP_TEST_SLOW_FLAGS	(GUP_TEST_FAST_FLAGS | FOLL_DUMP | \
				 FOLL_NOWAIT | FOLL_HWPOISON | FOLL_ANON | \
				 FOLL_SPLIT_PMD | FOLL_INTERRUPTIBLE)

struct gup_test_run;

/**
 * struct gup_test_command - how one command treats pages
 * @cmd: ioctl number
 * @test_flags: the gup_test.test_flags this row is for
 * @allowed_flags: FOLL_* flags that user space may add
 * @gup_flags: FOLL_* flags the command always sets
 * @mmap_locked: @acquire wants the mmap_lock held
 * @acquire: take references on the pages of a range
 * @verify: check what was acquired; outside of the time measured
 * @release: give the references back
 */
struct gup_test_command {
	unsigned int cmd;
	u32 test_flags;
	unsigned int allowed_flags;
	unsigned int gup_flags;
	bool mmap_locked;
	long (*acquire)(unsigned long start, unsigned long nr_pages,
			unsigned int gup_flags, struct page **pages);
	int (*verify)(const struct gup_test_run *run);
	void (*release)(struct page **pages, unsigned long nr_pages);
};

/**
 * struct gup_test_run - a command at work on a range
 * @command: the command
 * @start: address of the first page
 * @per_call: most pages to ask @command->acquire for at once
 * @gup_flags: FOLL_* flags for @command->acquire
 * @which_pages: pages to dump, or NULL
 * @pages: the pages acquired
 * @nr_wanted: size of @pages, in entries
 * @nr_held: how many pages are acquired
 */
struct gup_test_run {
	const struct gup_test_command *command;
	unsigned long start;
	unsigned long per_call;
	unsigned int gup_flags;
	const u32 *which_pages;
	struct page **pages;
	unsigned long nr_wanted;
	unsigned long nr_held;
};

/**
 * struct gup_test_file - an open file
 * @lock: threads and children share the file
 * @longterm: the range kept pinned; none if its @pages is NULL
 */
struct gup_test_file {
	struct mutex lock;	/* protects longterm */
	struct gup_test_run longterm;
};

static long acquire_get_fast(unsigned long start, unsigned long nr_pages,
			     unsigned int gup_flags, struct page **pages)
{
	return get_user_pages_fast(start, nr_pages, gup_flags, pages);
}

static long acquire_pin_fast(unsigned long start, unsigned long nr_pages,
			     unsigned int gup_flags, struct page **pages)
{
	return pin_user_pages_fast(start, nr_pages, gup_flags, pages);
}

static long acquire_get_fast_only(unsigned long start, unsigned long nr_pages,
				  unsigned int gup_flags, struct page **pages)
{
	return get_user_pages_fast_only(start, nr_pages, gup_flags, pages);
}

static long acquire_get_unlocked(unsigned long start, unsigned long nr_pages,
				 unsigned int gup_flags, struct page **pages)
{
	return get_user_pages_unlocked(start, nr_pages, pages, gup_flags);
}

static long acquire_pin_unlocked(unsigned long start, unsigned long nr_pages,
				 unsigned int gup_flags, struct page **pages)
{
	return pin_user_pages_unlocked(start, nr_pages, pages, gup_flags);
}

static long acquire_remote(bool pin, unsigned long start, unsigned long nr_pages,
			   unsigned int gup_flags, struct page **pages)
{
	struct mm_struct *mm = current->mm;
	int locked = 1;
	long ret;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	if (pin)
		ret = pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
					    &locked);
	else
		ret = get_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
					    &locked);
	if (locked)
		mmap_read_unlock(mm);
	return ret;
}

static long acquire_get_remote(unsigned long start, unsigned long nr_pages,
			       unsigned int gup_flags, struct page **pages)
{
	return acquire_remote(false, start, nr_pages, gup_flags, pages);
}

static long acquire_pin_remote(unsigned long start, unsigned long nr_pages,
			       unsigned int gup_flags, struct page **pages)
{
	return acquire_remote(true, start, nr_pages, gup_flags, pages);
}

static void release_got(struct page **pages, unsigned long nr_pages)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		put_page(pages[i]);
}

/*
 * The block of a page may be isolated for a moment, by who allocates a gigantic page
 * or takes memory offline: then it looks unfit until that has given up.
 */
static bool fit_for_longterm(struct folio *folio)
{
	return folio_is_longterm_pinnable(folio) ||
	       is_migrate_isolate_page(&folio->page) ||
	       folio_is_longterm_pinnable(folio);
}

static const char *page_defect(struct page *page, const struct gup_test_run *run,
			       bool pinned)
{
	struct folio *folio = page_folio(page);

	if (is_zero_folio(folio))
		return run->gup_flags & FOLL_WRITE ? "zero page given out for writing" : NULL;
	if (folio_ref_count(folio) <= 0)
		return "no reference held";
	if (pinned && !folio_maybe_dma_pinned(folio))
		return "not pinned";
	if ((run->gup_flags & FOLL_LONGTERM) && !fit_for_longterm(folio))
		return "not fit to be pinned for long";
	return NULL;
}

static int verify_pages(const struct gup_test_run *run, bool pinned)
{
	const char *defect;
	unsigned long i;

	for (i = 0; i < run->nr_held; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		defect = page_defect(run->pages[i], run, pinned);
		if (WARN(defect, "gup_test: page %lu: %s\n", i, defect)) {
			dump_page(run->pages[i], defect);
			return -EIO;
		}
		cond_resched();
	}
	return 0;
}

/* Callers may release all of their array: what was not taken must be NULL. */
static int verify_tail(const struct gup_test_run *run)
{
	unsigned long nr = min(run->nr_wanted - run->nr_held, run->per_call);

	if (WARN(memchr_inv(run->pages + run->nr_held, 0, nr * sizeof(*run->pages)),
		 "gup_test: a page behind the %lu taken\n", run->nr_held))
		return -EIO;
	return 0;
}

static int verify_got(const struct gup_test_run *run)
{
	return verify_pages(run, false);
}

static int verify_pinned(const struct gup_test_run *run)
{
	return verify_pages(run, true);
}

static void dump_pages(const struct gup_test_run *run)
{
	int i;

	for (i = 0; i < GUP_TEST_MAX_PAGES_TO_DUMP; i++) {
		u32 nr = run->which_pages[i];

		if (!nr)
			continue;
		if (nr > run->nr_held)
			pr_warn("gup_test: page %u was not reached\n", nr);
		else
			dump_page(run->pages[nr - 1], "gup_test: asked for by user space");
	}
}

static int dump_got(const struct gup_test_run *run)
{
	dump_pages(run);
	return verify_got(run);
}

static int dump_pinned(const struct gup_test_run *run)
{
	dump_pages(run);
	return verify_pinned(run);
}

static const struct gup_test_command gup_test_commands[] = {
	{
		.cmd = GUP_FAST_BENCHMARK,
		.allowed_flags = GUP_TEST_FAST_FLAGS,
		.acquire = acquire_get_fast,
		.verify = verify_got,
		.release = release_got,
	}, {
		.cmd = PIN_FAST_BENCHMARK,
		.allowed_flags = GUP_TEST_FAST_FLAGS | FOLL_LONGTERM,
		.acquire = acquire_pin_fast,
		.verify = verify_pinned,
		.release = unpin_user_pages,
	}, {
		.cmd = PIN_LONGTERM_BENCHMARK,
		.allowed_flags = GUP_TEST_SLOW_FLAGS | FOLL_LONGTERM,
		.gup_flags = FOLL_LONGTERM,
		.mmap_locked = true,
		.acquire = pin_user_pages,
		.verify = verify_pinned,
		.release = unpin_user_pages,
	}, {
		.cmd = GUP_BASIC_TEST,
		.allowed_flags = GUP_TEST_SLOW_FLAGS,
		.mmap_locked = true,
		.acquire = get_user_pages,
		.verify = verify_got,
		.release = release_got,
	}, {
		.cmd = PIN_BASIC_TEST,
		.allowed_flags = GUP_TEST_SLOW_FLAGS | FOLL_LONGTERM,
		.mmap_locked = true,
		.acquire = pin_user_pages,
		.verify = verify_pinned,
		.release = unpin_user_pages,
	}, {
		.cmd = DUMP_USER_PAGES_TEST,
		.allowed_flags = GUP_TEST_SLOW_FLAGS,
		.mmap_locked = true,
		.acquire = get_user_pages,
		.verify = dump_got,
		.release = release_got,
	}, {
		.cmd = DUMP_USER_PAGES_TEST,
		.test_flags = GUP_TEST_FLAG_DUMP_PAGES_USE_PIN,
		.allowed_flags = GUP_TEST_SLOW_FLAGS | FOLL_LONGTERM,
		.mmap_locked = true,
		.acquire = pin_user_pages,
		.verify = dump_pinned,
		.release = unpin_user_pages,
	},
};

#define GUP_TEST_GETTER(locked, flags, function) {		\
	.allowed_flags = flags,					\
	.mmap_locked = locked,					\
	.acquire = function,					\
	.verify = verify_got,					\
	.release = release_got,					\
}

#define GUP_TEST_PINNER(locked, flags, function) {		\
	.allowed_flags = (flags) | FOLL_LONGTERM,		\
	.mmap_locked = locked,					\
	.acquire = function,					\
	.verify = verify_pinned,				\
	.release = unpin_user_pages,				\
}

static const struct gup_test_command gup_test_holders[GUP_TEST_NR_APIS] = {
	[GUP_TEST_GET_FAST] = GUP_TEST_GETTER(false, GUP_TEST_FAST_FLAGS,
					      acquire_get_fast),
	[GUP_TEST_GET_FAST_ONLY] = GUP_TEST_GETTER(false, FOLL_WRITE,
						   acquire_get_fast_only),
	[GUP_TEST_GET] = GUP_TEST_GETTER(true, GUP_TEST_SLOW_FLAGS,
					 get_user_pages),
	[GUP_TEST_GET_UNLOCKED] = GUP_TEST_GETTER(false, GUP_TEST_SLOW_FLAGS,
						  acquire_get_unlocked),
	[GUP_TEST_GET_REMOTE] = GUP_TEST_GETTER(false, GUP_TEST_SLOW_FLAGS,
						acquire_get_remote),
	[GUP_TEST_PIN_FAST] = GUP_TEST_PINNER(false, GUP_TEST_FAST_FLAGS,
					      acquire_pin_fast),
	[GUP_TEST_PIN] = GUP_TEST_PINNER(true, GUP_TEST_SLOW_FLAGS,
					 pin_user_pages),
	[GUP_TEST_PIN_UNLOCKED] = GUP_TEST_PINNER(false, GUP_TEST_SLOW_FLAGS,
						  acquire_pin_unlocked),
	[GUP_TEST_PIN_REMOTE] = GUP_TEST_PINNER(false, GUP_TEST_SLOW_FLAGS,
						acquire_pin_remote),
};

static const struct gup_test_command longterm_slow = {
	.mmap_locked = true,
	.acquire = pin_user_pages,
	.verify = verify_pinned,
	.release = unpin_user_pages,
};

static const struct gup_test_command longterm_fast = {
	.acquire = acquire_pin_fast,
	.verify = verify_pinned,
	.release = unpin_user_pages,
};

static const struct gup_test_command *find_command(unsigned int cmd, u32 test_flags)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(gup_test_commands); i++) {
		const struct gup_test_command *command = &gup_test_commands[i];

		if (command->cmd == cmd && command->test_flags == test_flags)
			return command;
	}
	return NULL;
}

/* The API takes these for a bug of its caller, and warns; here it is user error. */
static bool flags_allowed(const struct gup_test_command *command, u32 gup_flags)
{
	u32 exclusive = FOLL_LONGTERM | FOLL_PCI_P2PDMA;

	if (gup_flags & ~command->allowed_flags)
		return false;
	return ((gup_flags | command->gup_flags) & exclusive) != exclusive;
}

static int run_init(struct gup_test_run *run, u64 addr, u64 size)
{
	u64 end;

	if (!size || size & ~PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(addr, size, &end) || end > ULONG_MAX)
		return -EOVERFLOW;
	if (size >> PAGE_SHIFT > GUP_TEST_MAX_PAGES)
		return -E2BIG;

	run->start = addr;
	run->nr_held = 0;
	run->nr_wanted = size >> PAGE_SHIFT;
	/*
	 * A range too large for the memory there is must not wake the OOM killer. One
	 * more than asked for: hold_call() watches it.
	 */
	run->pages = kvzalloc_objs(struct page *, run->nr_wanted + 1,
				   GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	return run->pages ? 0 : -ENOMEM;
}

static void run_release(struct gup_test_run *run)
{
	unsigned long done, nr;

	for (done = 0; done < run->nr_held; done += nr) {
		nr = min(run->nr_held - done, GUP_TEST_RELEASE_BATCH);
		run->command->release(run->pages + done, nr);
		cond_resched();
	}
	run->nr_held = 0;
}

static void run_destroy(struct gup_test_run *run)
{
	run_release(run);
	kvfree(run->pages);
	run->pages = NULL;
}

/* A range may be large, and the API only looks for signals that it has to look for. */
static bool interrupted(const struct gup_test_run *run)
{
	if (run->gup_flags & FOLL_INTERRUPTIBLE)
		return signal_pending(current);
	return fatal_signal_pending(current);
}

/* Returns 0 at the end of the range or at the first short call, else -errno. */
static int acquire_calls(struct gup_test_run *run)
{
	unsigned long nr;
	long ret;

	while (run->nr_held < run->nr_wanted) {
		if (interrupted(run))
			return -EINTR;

		nr = min(run->nr_wanted - run->nr_held, run->per_call);
		ret = run->command->acquire(run->start + run->nr_held * PAGE_SIZE, nr,
					    run->gup_flags, run->pages + run->nr_held);
		if (ret < 0)
			return ret;
		if (!ret)
			return -EAGAIN;
		run->nr_held += ret;
		if (ret < nr)
			return 0;
		cond_resched();
	}
	return 0;
}

static int run_acquire(struct gup_test_run *run)
{
	int ret;

	if (!run->command->mmap_locked)
		return acquire_calls(run);

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	ret = acquire_calls(run);
	mmap_read_unlock(current->mm);
	return ret;
}

static int run_timed(struct gup_test_run *run, struct gup_test *args)
{
	ktime_t begin;
	int ret;

	begin = ktime_get();
	ret = run_acquire(run);
	args->get_delta_usec = ktime_us_delta(ktime_get(), begin);
	args->size = (u64)run->nr_held << PAGE_SHIFT;
	if (ret && !run->nr_held)
		return verify_tail(run) ?: ret;

	ret = verify_tail(run) ?: run->command->verify(run);

	begin = ktime_get();
	run_release(run);
	args->put_delta_usec = ktime_us_delta(ktime_get(), begin);
	return ret;
}

static int check_which_pages(const struct gup_test *args)
{
	int i;

	for (i = 0; i < GUP_TEST_MAX_PAGES_TO_DUMP; i++) {
		if (args->which_pages[i] > args->size >> PAGE_SHIFT)
			return -EINVAL;
	}
	return 0;
}

static long run_command(unsigned int cmd, struct gup_test __user *user_args)
{
	struct gup_test_run run = { };
	struct gup_test args;
	int ret;

	if (copy_from_user(&args, user_args, sizeof(args)))
		return -EFAULT;

	run.command = find_command(cmd, args.test_flags);
	if (!run.command || !flags_allowed(run.command, args.gup_flags))
		return -EINVAL;
	if (!args.nr_pages_per_call || check_which_pages(&args))
		return -EINVAL;

	run.gup_flags = args.gup_flags | run.command->gup_flags;
	run.per_call = args.nr_pages_per_call;
	run.which_pages = args.which_pages;
	ret = run_init(&run, args.addr, args.size);
	if (ret)
		return ret;

	ret = run_timed(&run, &args);
	run_destroy(&run);
	if (ret)
		return ret;
	return copy_to_user(user_args, &args, sizeof(args)) ? -EFAULT : 0;
}

/* A short call is no error here: the next one tells why, or goes on. */
static int acquire_all(struct gup_test_run *run)
{
	int ret = 0;

	while (!ret && run->nr_held < run->nr_wanted)
		ret = run_acquire(run);
	return ret;
}

static long longterm_start(struct gup_test_file *file,
			   struct pin_longterm_test __user *user_args)
{
	struct gup_test_run *run = &file->longterm;
	struct pin_longterm_test args;
	int ret;

	if (run->pages)
		return -EBUSY;
	if (copy_from_user(&args, user_args, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(PIN_LONGTERM_TEST_FLAG_USE_WRITE |
			   PIN_LONGTERM_TEST_FLAG_USE_FAST))
		return -EINVAL;
	if (args.addr & ~PAGE_MASK)
		return -EINVAL;

	run->command = &longterm_slow;
	if (args.flags & PIN_LONGTERM_TEST_FLAG_USE_FAST)
		run->command = &longterm_fast;
	run->gup_flags = FOLL_LONGTERM;
	if (args.flags & PIN_LONGTERM_TEST_FLAG_USE_WRITE)
		run->gup_flags |= FOLL_WRITE;
	ret = run_init(run, args.addr, args.size);
	if (ret)
		return ret;
	run->per_call = run->nr_wanted;

	ret = acquire_all(run);
	if (!ret)
		ret = run->command->verify(run);
	else
		ret = verify_tail(run) ?: ret;
	if (ret)
		run_destroy(run);
	return ret;
}

static long longterm_stop(struct gup_test_file *file)
{
	if (!file->longterm.pages)
		return -EINVAL;
	run_destroy(&file->longterm);
	return 0;
}

/* What stands in the array before the call: no function stores this. */
#define GUP_TEST_SENTINEL	((struct page *)ERR_PTR(-ERESTARTSYS))

/*
 * One call, with an entry behind those that it may use.
 *
 * Behind what it returns it may leave NULL, or what was there, but no page: nobody
 * holds a reference to that.
 */
static long hold_call(struct gup_test_run *run)
{
	struct page **pages = run->pages;
	const unsigned long nr = run->nr_wanted;
	unsigned long i;
	long ret;

	for (i = 0; i <= nr; i++)
		pages[i] = GUP_TEST_SENTINEL;
	if (run->command->mmap_locked && mmap_read_lock_killable(current->mm))
		return -EINTR;
	ret = run->command->acquire(run->start, nr, run->gup_flags, pages);
	if (run->command->mmap_locked)
		mmap_read_unlock(current->mm);

	if (WARN(ret > (long)nr, "gup_test: %ld pages for %lu\n", ret, nr))
		return -EIO;
	run->nr_held = max(ret, 0L);
	for (i = run->nr_held; i < nr; i++) {
		if (WARN(pages[i] && pages[i] != GUP_TEST_SENTINEL,
			 "gup_test: entry %lu has a page, and %ld was returned\n", i, ret))
			return -EIO;
	}
	if (WARN(pages[nr] != GUP_TEST_SENTINEL, "gup_test: wrote behind the array\n"))
		return -EIO;
	return min(ret, 0L);
}

static int hold_init(struct gup_test_run *run, const struct gup_test_hold *args)
{
	if (args->api >= GUP_TEST_NR_APIS)
		return -EINVAL;
	run->command = &gup_test_holders[args->api];
	if (!flags_allowed(run->command, args->gup_flags))
		return -EINVAL;
	run->gup_flags = args->gup_flags;
	return run_init(run, args->addr, args->size);
}

static long hold_start(struct gup_test_file *file,
		       struct gup_test_hold __user *user_args)
{
	struct gup_test_run *run = &file->longterm;
	struct gup_test_hold args;
	int ret;

	if (run->pages)
		return -EBUSY;
	if (copy_from_user(&args, user_args, sizeof(args)))
		return -EFAULT;
	ret = hold_init(run, &args);
	if (ret)
		return ret;

	ret = hold_call(run);
	if (!ret)
		ret = run->command->verify(run);
	args.size = (u64)run->nr_held << PAGE_SHIFT;
	if (!ret && copy_to_user(user_args, &args, sizeof(args)))
		ret = -EFAULT;
	if (ret || !run->nr_held)
		run_destroy(run);
	return ret;
}

static int copy_page_to_user(u64 dst, struct page *page)
{
	unsigned long left;
	void *src;

	src = kmap_local_page(page);
	left = copy_to_user(u64_to_user_ptr(dst), src, PAGE_SIZE);
	kunmap_local(src);
	return left ? -EFAULT : 0;
}

/* copy_from_user() writes zeroes for what it cannot read: not to a page that others see. */
static int copy_page_from_user(u64 src, struct page *page)
{
	void *copy;

	copy = memdup_user(u64_to_user_ptr(src), PAGE_SIZE);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	memcpy_to_page(page, 0, copy, PAGE_SIZE);
	set_page_dirty_lock(page);
	kfree(copy);
	return 0;
}

static long longterm_copy(struct gup_test_file *file, u64 __user *user_addr,
			  int (*copy)(u64 addr, struct page *page))
{
	const struct gup_test_run *run = &file->longterm;
	unsigned long i;
	u64 addr;
	int ret;

	if (!run->pages)
		return -EINVAL;
	if (copy_from_user(&addr, user_addr, sizeof(addr)))
		return -EFAULT;
	if (!access_ok(u64_to_user_ptr(addr), run->nr_held << PAGE_SHIFT))
		return -EFAULT;

	for (i = 0; i < run->nr_held; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = copy(addr + (u64)i * PAGE_SIZE, run->pages[i]);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static long longterm_write(struct gup_test_file *file, u64 __user *user_addr)
{
	if (!(file->longterm.gup_flags & FOLL_WRITE))
		return -EINVAL;
	return longterm_copy(file, user_addr, copy_page_from_user);
}

/* How many of the pages are of this folio; 0 if it was there before entry @at. */
static unsigned long holds_of(const struct gup_test_run *run, unsigned long at,
			      const struct folio *folio)
{
	unsigned long i, holds = 0;

	for (i = 0; i < run->nr_held; i++) {
		if (!(i % SZ_64K))
			cond_resched();
		if (page_folio(run->pages[i]) != folio)
			continue;
		if (i < at)
			return 0;
		holds++;
	}
	return holds;
}

static void add_excess(struct folio *folio, unsigned long holds,
		       struct gup_test_excess *excess)
{
	const long refs = folio_ref_count(folio);

	excess->pinned += folio_maybe_dma_pinned(folio);
	if (!folio_test_hugetlb(folio))
		excess->refs += abs(refs - folio_expected_ref_count(folio) - (long)holds);
}

/* All processes have it in common. Mappings do not tell how many references it has. */
static bool is_common(const struct folio *folio)
{
	return is_zero_folio(folio) || is_huge_zero_folio(folio);
}

static long hold_excess(struct gup_test_file *file,
			struct gup_test_excess __user *user_excess)
{
	const struct gup_test_run *run = &file->longterm;
	struct gup_test_excess excess = { };
	unsigned long i;

	if (!run->pages)
		return -EINVAL;
	/* A folio on its way to an LRU list has a reference more. */
	lru_add_drain_all();
	for (i = 0; i < run->nr_held; i++) {
		struct folio *folio = page_folio(run->pages[i]);
		unsigned long holds;

		if (fatal_signal_pending(current))
			return -EINTR;
		holds = is_common(folio) ? 0 : holds_of(run, i, folio);
		if (holds)
			add_excess(folio, holds, &excess);
		cond_resched();
	}
	return copy_to_user(user_excess, &excess, sizeof(excess)) ? -EFAULT : 0;
}

static long longterm_ioctl(struct gup_test_file *file, unsigned int cmd,
			   unsigned long arg)
{
	long ret;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	if (cmd == PIN_LONGTERM_TEST_START)
		ret = longterm_start(file, (void __user *)arg);
	else if (cmd == PIN_LONGTERM_TEST_READ)
		ret = longterm_copy(file, (void __user *)arg, copy_page_to_user);
	else if (cmd == GUP_TEST_WRITE)
		ret = longterm_write(file, (void __user *)arg);
	else if (cmd == GUP_TEST_HOLD)
		ret = hold_start(file, (void __user *)arg);
	else if (cmd == GUP_TEST_EXCESS)
		ret = hold_excess(file, (void __user *)arg);
	else
		ret = longterm_stop(file);
	mutex_unlock(&file->lock);
	return ret;
}

static long gup_test_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case GUP_BASIC_TEST:
	case GUP_FAST_BENCHMARK:
	case PIN_BASIC_TEST:
	case PIN_FAST_BENCHMARK:
	case PIN_LONGTERM_BENCHMARK:
	case DUMP_USER_PAGES_TEST:
		return run_command(cmd, (void __user *)arg);
	case PIN_LONGTERM_TEST_START:
	case PIN_LONGTERM_TEST_READ:
	case PIN_LONGTERM_TEST_STOP:
	case GUP_TEST_HOLD:
	case GUP_TEST_WRITE:
	case GUP_TEST_EXCESS:
		return longterm_ioctl(filp->private_data, cmd, arg);
	default:
		return -ENOTTY;
	}
}

static int gup_test_open(struct inode *inode, struct file *filp)
{
	struct gup_test_file *file = kzalloc_obj(*file);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	filp->private_data = file;
	return nonseekable_open(inode, filp);
}

static int gup_test_release(struct inode *inode, struct file *filp)
{
	struct gup_test_file *file = filp->private_data;

	if (file->longterm.pages)
		run_destroy(&file->longterm);
	kfree(file);
	return 0;
}

static const struct file_operations gup_test_fops = {
	.owner = THIS_MODULE,
	.open = gup_test_open,
	.release = gup_test_release,
	.unlocked_ioctl = gup_test_ioctl,
};

static int __init gup_test_init(void)
{
	debugfs_create_file("gup_test", 0600, NULL, NULL, &gup_test_fops);
	return 0;
}
late_initcall(gup_test_init);
