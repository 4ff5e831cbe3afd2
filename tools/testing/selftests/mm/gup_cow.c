// SPDX-License-Identifier: GPL-2.0
/*
 * Copy on write against pins and against forced writes. A pin must go on seeing what
 * its process writes, and never what another process does. No forced write may reach
 * a page that others still use.
 */
#include <linux/userfaultfd.h>

#include "gup_disturb.h"

#define RACE_SECONDS	0.5
#define RACE_PAGES	64
#define OLD		1
#define NEW		2

GUP_HUGETLB_PAGES(32)

FIXTURE(cow) {
	int driver;
	char *mem;
	char *copy;		/* what the pin reads */
	size_t len;
};

FIXTURE_VARIANT(cow) {
	unsigned int kind;
	unsigned int flags;
};

#define SLOW		0
#define FAST		PIN_LONGTERM_TEST_FLAG_USE_FAST
#define WRITE		PIN_LONGTERM_TEST_FLAG_USE_WRITE

FIXTURE_VARIANT_ADD(cow, anon_read_slow) { .kind = GUP_ANON, .flags = SLOW };
FIXTURE_VARIANT_ADD(cow, anon_read_fast) { .kind = GUP_ANON, .flags = FAST };
FIXTURE_VARIANT_ADD(cow, anon_write_slow) { .kind = GUP_ANON, .flags = WRITE | SLOW };
FIXTURE_VARIANT_ADD(cow, anon_write_fast) { .kind = GUP_ANON, .flags = WRITE | FAST };
FIXTURE_VARIANT_ADD(cow, thp_read_slow) { .kind = GUP_THP, .flags = SLOW };
FIXTURE_VARIANT_ADD(cow, thp_read_fast) { .kind = GUP_THP, .flags = FAST };
FIXTURE_VARIANT_ADD(cow, thp_write_slow) { .kind = GUP_THP, .flags = WRITE | SLOW };
FIXTURE_VARIANT_ADD(cow, thp_write_fast) { .kind = GUP_THP, .flags = WRITE | FAST };
FIXTURE_VARIANT_ADD(cow, thp_ptes_read_slow) { .kind = GUP_THP_PTES, .flags = SLOW };
FIXTURE_VARIANT_ADD(cow, thp_ptes_read_fast) { .kind = GUP_THP_PTES, .flags = FAST };
FIXTURE_VARIANT_ADD(cow, thp_ptes_write_slow) { .kind = GUP_THP_PTES, .flags = WRITE | SLOW };
FIXTURE_VARIANT_ADD(cow, thp_ptes_write_fast) { .kind = GUP_THP_PTES, .flags = WRITE | FAST };
FIXTURE_VARIANT_ADD(cow, hugetlb_read_slow) { .kind = GUP_HUGETLB, .flags = SLOW };
FIXTURE_VARIANT_ADD(cow, hugetlb_read_fast) { .kind = GUP_HUGETLB, .flags = FAST };
FIXTURE_VARIANT_ADD(cow, hugetlb_write_slow) { .kind = GUP_HUGETLB, .flags = WRITE | SLOW };
FIXTURE_VARIANT_ADD(cow, hugetlb_write_fast) { .kind = GUP_HUGETLB, .flags = WRITE | FAST };
FIXTURE_VARIANT_ADD(cow, file_private_read_slow) { .kind = GUP_SHMEM, .flags = SLOW };
FIXTURE_VARIANT_ADD(cow, file_private_read_fast) { .kind = GUP_SHMEM, .flags = FAST };
FIXTURE_VARIANT_ADD(cow, file_private_write_slow) {
	.kind = GUP_SHMEM, .flags = WRITE | SLOW };
FIXTURE_VARIANT_ADD(cow, file_private_write_fast) {
	.kind = GUP_SHMEM, .flags = WRITE | FAST };

FIXTURE_SETUP(cow)
{
	const char *why;

	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->mem = gup_map(variant->kind, GUP_HUGE_SIZE, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->len = variant->kind == GUP_ANON || variant->kind == GUP_SHMEM ?
		    64 * psize() : GUP_HUGE_SIZE;
	self->copy = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, OLD);
}

FIXTURE_TEARDOWN(cow)
{
}

/*
 * Forks a child that exits with 0 if it still sees OLD when the parent takes the next
 * step.
 */
static pid_t fork_watcher(char *mem, size_t len, int *steps)
{
	pid_t pid = gup_fork();

	if (!pid) {
		gup_wait(steps, 1);
		_exit(gup_differs(mem, len, OLD) == len ? 0 : 1);
	}
	return pid;
}

/* Guards that fork copies a pinned page at once. Otherwise the pin would go stale. */
TEST_F(cow, parent_writes_after_fork)
{
	int *steps = gup_steps();
	pid_t child;

	ASSERT_EQ(0, gup_pin(self->driver, self->mem, self->len, variant->flags));
	child = fork_watcher(self->mem, self->len, steps);
	gup_fill(self->mem, self->len, NEW);
	gup_step(steps, 1);
	gup_pin_read(self->driver, self->copy);
	EXPECT_EQ(self->len, gup_differs(self->copy, self->len, NEW));
	EXPECT_EQ(0, gup_join(child));
	gup_unpin(self->driver);
}

/*
 * Guards the vmsplice leak's rule (CVE-2020-29374): a read pin of a shared
 * anonymous page is unshared first; a write pin breaks COW.
 */
TEST_F(cow, pin_after_fork)
{
	int *steps = gup_steps();
	pid_t child = fork_watcher(self->mem, self->len, steps);

	ASSERT_EQ(0, gup_pin(self->driver, self->mem, self->len, variant->flags));
	gup_fill(self->mem, self->len, NEW);
	gup_step(steps, 1);
	gup_pin_read(self->driver, self->copy);
	EXPECT_EQ(self->len, gup_differs(self->copy, self->len, NEW));
	EXPECT_EQ(0, gup_join(child));
	gup_unpin(self->driver);
}

/* Guards the same rule: what the child writes never reaches the parent's pin. */
TEST_F(cow, child_writes)
{
	pid_t child;

	ASSERT_EQ(0, gup_pin(self->driver, self->mem, self->len, variant->flags));
	child = gup_fork();
	if (!child) {
		gup_fill(self->mem, self->len, NEW);
		_exit(gup_differs(self->mem, self->len, NEW) == self->len ? 0 : 1);
	}
	EXPECT_EQ(0, gup_join(child));
	gup_pin_read(self->driver, self->copy);
	EXPECT_EQ(self->len, gup_differs(self->copy, self->len, OLD));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
	gup_unpin(self->driver);
}

/* Guards the same rule in the child: its pin must not see its parent's writes. */
TEST_F(cow, child_pins_parent_writes)
{
	int *steps = gup_steps();
	pid_t child = gup_fork();

	if (!child) {
		MUST(!gup_pin(self->driver, self->mem, self->len, variant->flags));
		MUST(!munmap(self->mem, GUP_HUGE_SIZE));
		gup_step(steps, 1);
		gup_wait(steps, 2);
		gup_pin_read(self->driver, self->copy);
		gup_unpin(self->driver);
		_exit(gup_differs(self->copy, self->len, OLD) == self->len ? 0 : 1);
	}
	gup_wait(steps, 1);
	gup_fill(self->mem, self->len, NEW);
	gup_step(steps, 2);
	EXPECT_EQ(0, gup_join(child));
}

struct racing_pin {
	int driver;
	int pagemap;
	char *mem;
	char *copy;
	size_t page;
	unsigned long round;
};

struct forker {
	bool stop;
	long wanted;
	long done;
};

static void *fork_when_wanted(void *arg)
{
	struct forker *f = arg;

	while (!gup_load(&f->stop)) {
		pid_t pid;

		if (gup_load(&f->wanted) == f->done) {
			sched_yield();
			continue;
		}
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		gup_store(&f->done, f->done + 1);
	}
	return NULL;
}

/*
 * Writing after a fork replaces a page of a large folio by a small one. So each fork
 * gets another page, the last one first: those before it still are one folio.
 */
static void next_page(struct racing_pin *pin, char *mem, unsigned int kind)
{
	pin->page = (pin->page ?: RACE_PAGES) - 1;
	if (!pin->page && (kind == GUP_THP || kind == GUP_THP_PTES))
		madvise(mem, GUP_HUGE_SIZE, MADV_COLLAPSE);
	if (!pin->page && kind == GUP_THP_PTES)
		gup_split_table(mem);
	pin->mem = mem + (512 - RACE_PAGES + pin->page) * psize();
	gup_store((unsigned long *)pin->mem, 0);
}

/*
 * fork holds mmap_lock and copies from the lowest address on. Memory at the lowest
 * address is copied first: a pin taken while fork holds the lock is likely to meet it
 * there.
 */
static char *move_to_front(char *mem)
{
	char *front = mremap(mem, GUP_HUGE_SIZE, GUP_HUGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     (void *)GUP_HUGE_SIZE);

	return front == MAP_FAILED ? mem : front;
}

/*
 * One round: whatever fork did meanwhile, pin and process share the page.
 *
 * If fork is under way, wait until it is through before writing: only then are
 * the old permissions flushed from this CPU. Reading pagemap takes mmap_lock,
 * which fork holds all the time.
 */
static bool pin_follows_writes(struct racing_pin *pin, unsigned int flags)
{
	unsigned long *copy = (unsigned long *)pin->copy;
	bool ok;

	if (gup_pin(pin->driver, pin->mem, psize(), flags))
		return false;
	pagemap_get_entry(pin->pagemap, pin->mem);
	gup_store((unsigned long *)pin->mem, ++pin->round);
	gup_pin_read(pin->driver, pin->copy);
	ok = *copy == pin->round;
	gup_unpin(pin->driver);
	return ok;
}

/* fork copies a pinned page at once. Leave it some time without a pin as well. */
static void pause_between_pins(struct racing_pin *pin)
{
	for (unsigned long i = 0; i < pin->round % 64 * 256; i++)
		FORCE_READ(pin->round);
}

/*
 * Guards write_protect_seq: fork racing fast pins, every pin of the attempt
 * undone. A large folio mapped by PTEs gives fork the longest way from finding
 * no pin to taking away the permission to write.
 */
TEST_F(cow, fork_races_pins)
{
	struct racing_pin pin = {
		.driver = self->driver,
		.pagemap = open("/proc/self/pagemap", O_RDONLY),
		.copy = self->copy,
	};
	struct forker forker = { 0 };
	double end = gup_now() + RACE_SECONDS;
	pthread_t thread;
	bool ok = true;

	MUST(pin.pagemap >= 0);
	self->mem = move_to_front(self->mem);
	gup_thread(&thread, fork_when_wanted, &forker);
	while (ok && gup_now() < end) {
		next_page(&pin, self->mem, variant->kind);
		gup_store(&forker.wanted, forker.wanted + 1);
		while (ok && gup_load(&forker.done) < forker.wanted) {
			ok = pin_follows_writes(&pin, variant->flags);
			pause_between_pins(&pin);
		}
	}
	gup_store(&forker.stop, true);
	pthread_join(thread, NULL);
	EXPECT_TRUE(ok)
		TH_LOG("the pin does not see what was written");
	TH_LOG("%lu rounds, %ld forks", pin.round, forker.done);
}

/* A fork that takes long: it has to copy a lot of pinned pages */

#define SLOW_FORK_PAGES	16384
#define SLOW_FORKS	40	/* at most */
#define TIMED_FORKS	5
#define WAITS		3	/* pins that have to wait */

/* Returns how long the fork took. */
static double fork_and_join(void)
{
	double begin = gup_now(), time;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	MUST(pid > 0);
	time = gup_now() - begin;
	gup_join(pid);
	return time;
}

static void *fork_once(void *steps)
{
	gup_step(steps, gup_load((int *)steps) + 1);
	fork_and_join();
	return NULL;
}

/* How long a fork takes that nothing else keeps from the CPU. */
static double shortest_fork(void)
{
	double time = fork_and_join();

	for (int i = 1; i < TIMED_FORKS; i++) {
		double next = fork_and_join();

		if (next < time)
			time = next;
	}
	return time;
}

struct pin_time {
	double pin;		/* how long the pin took */
	double lock;		/* and then, how long it took to get mmap_lock */
};

/* Measures a pin while another thread forks. */
static void time_pin(int driver, int pagemap, char *mem, struct pin_time *time)
{
	double begin, pinned;

	begin = gup_now();
	MUST(!gup_pin(driver, mem, psize(), WRITE | FAST));
	pinned = gup_now();
	pagemap_get_entry(pagemap, mem);
	time->pin = pinned - begin;
	time->lock = gup_now() - pinned;
	gup_unpin(driver);
}

/* For the time limit alone: a fork takes a second in an emulated kernel with KASAN. */
FIXTURE(slow_fork) {
};

FIXTURE_SETUP(slow_fork)
{
}

FIXTURE_TEARDOWN(slow_fork)
{
}

/*
 * Guards write_protect_seq, without a race. While fork copies, a pin has to wait
 * until it is through. After that nobody holds mmap_lock.
 */
TEST_F_TIMEOUT(slow_fork, pin_waits_for_fork, 180)
{
	int holder = gup_driver(), driver = gup_driver();
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	size_t len = SLOW_FORK_PAGES * psize();
	char *mem = gup_map_anon(len + psize());
	int *steps = gup_steps();
	double fork_time;
	int waits = 0;

	if (driver < 0)
		SKIP(return, NO_DRIVER);
	MUST(pagemap >= 0);
	MUST(!gup_pin(holder, mem, len, WRITE));
	fork_time = shortest_fork();
	for (int i = 0; i < SLOW_FORKS && waits < WAITS; i++) {
		struct pin_time time;
		pthread_t thread;

		gup_store(mem + len, 1);
		gup_thread(&thread, fork_once, steps);
		gup_wait(steps, i + 1);
		/* meet it while it copies the pinned pages */
		usleep(1e6 * fork_time / 4);
		time_pin(driver, pagemap, mem + len, &time);
		pthread_join(thread, NULL);
		TH_LOG("pin: %.1f ms, then mmap_lock: %.1f ms", 1e3 * time.pin, 1e3 * time.lock);
		waits += time.pin > time.lock && time.pin > fork_time / 8;
	}
	/* a pin may come before the copying, or after it, but not each one */
	EXPECT_EQ(waits, WAITS);
	gup_unpin(holder);
}

/* A large folio of which one half is shared with a child */

FIXTURE(half_shared) {
	int driver;
	char *mem;
	char *copy;
};

FIXTURE_VARIANT(half_shared) {
	unsigned int flags;
	bool first;		/* which half it is */
};

FIXTURE_VARIANT_ADD(half_shared, first_slow) { .flags = SLOW, .first = true };
FIXTURE_VARIANT_ADD(half_shared, first_fast) { .flags = FAST, .first = true };
FIXTURE_VARIANT_ADD(half_shared, second_slow) { .flags = SLOW };
FIXTURE_VARIANT_ADD(half_shared, second_fast) { .flags = FAST };

#define HALF	(GUP_HUGE_SIZE / 2)

FIXTURE_SETUP(half_shared)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->mem = gup_map_thp_ptes(GUP_HUGE_SIZE);
	if (!self->mem)
		SKIP(return, NO_THP);
	self->copy = gup_map_anon(GUP_HUGE_SIZE);
	gup_fill(self->mem, HALF, OLD);
	gup_fill(self->mem + HALF, HALF, OLD);
}

FIXTURE_TEARDOWN(half_shared)
{
}

/*
 * Guards the unshare rule where all entries look the same. Pages are taken by the
 * run, but each one says for itself whether it is exclusive.
 */
TEST_F(half_shared, read_pin_unshares)
{
	char *own = variant->first ? self->mem + HALF : self->mem;
	char *shared = variant->first ? self->mem : self->mem + HALF;
	int *steps = gup_steps();
	pid_t child;

	MUST(!madvise(own, HALF, MADV_DONTFORK));
	child = fork_watcher(shared, HALF, steps);
	MUST(!madvise(own, HALF, MADV_DOFORK));
	MUST(!mprotect(self->mem, GUP_HUGE_SIZE, PROT_READ));
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, GUP_HUGE_SIZE, variant->flags));
	MUST(!mprotect(self->mem, GUP_HUGE_SIZE, PROT_READ | PROT_WRITE));
	gup_fill(self->mem, GUP_HUGE_SIZE, NEW);
	gup_step(steps, 1);
	gup_pin_read(self->driver, self->copy);
	EXPECT_EQ(GUP_HUGE_SIZE, gup_differs(self->copy, GUP_HUGE_SIZE, NEW));
	EXPECT_EQ(0, gup_join(child));
	gup_unpin(self->driver);
}

/* vmsplice */

FIXTURE(vmsplice) {
	char *mem;
	size_t len;
	int pipe[2];
};

FIXTURE_VARIANT(vmsplice) {
	unsigned int kind;
};

/* Not hugetlb: its write faults do not look at references. */
FIXTURE_VARIANT_ADD(vmsplice, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(vmsplice, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(vmsplice, thp_ptes) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(vmsplice, file_private) { .kind = GUP_SHMEM };

FIXTURE_SETUP(vmsplice)
{
	const char *why;

	self->len = 8 * psize();
	self->mem = gup_map(variant->kind, GUP_HUGE_SIZE, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	gup_fill(self->mem, GUP_HUGE_SIZE, OLD);
	MUST(!pipe(self->pipe));
}

FIXTURE_TEARDOWN(vmsplice)
{
}

/* Guards the vmsplice leak (CVE-2020-29374): the child never reads the secret. */
TEST_F(vmsplice, child_never_reads_parents_secret)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = self->len };
	int *steps = gup_steps();
	char *copy = gup_map_anon(self->len);
	pid_t child = gup_fork();

	if (!child) {
		MUST(vmsplice(self->pipe[1], &iov, 1, 0) == (ssize_t)self->len);
		MUST(!munmap(self->mem, GUP_HUGE_SIZE));
		gup_step(steps, 1);
		gup_wait(steps, 2);
		MUST(read(self->pipe[0], copy, self->len) == (ssize_t)self->len);
		_exit(gup_differs(copy, self->len, OLD) == self->len ? 0 : 1);
	}
	gup_wait(steps, 1);
	gup_fill(self->mem, GUP_HUGE_SIZE, NEW);
	gup_step(steps, 2);
	EXPECT_EQ(0, gup_join(child));
	EXPECT_EQ(GUP_HUGE_SIZE, gup_differs(self->mem, GUP_HUGE_SIZE, NEW));
}

/* Dirty COW */

static void uffd_continue(int uffd, char *mem, size_t len)
{
	struct uffdio_continue cont = {
		.range = { .start = (uintptr_t)mem, .len = len },
	};

	ioctl(uffd, UFFDIO_CONTINUE, &cont);
}

/* Maps the page cache's page again and again: read-only, but marked dirty. */
static void drop_and_continue(struct gup_disturber *d)
{
	gup_drop(d);
	uffd_continue(d->uffd, d->mem, d->len);
}

/*
 * Writes by force to all of the range while its pages are dropped. Returns how many
 * writes were done. One that meets a userfault fails with EIO, as it cannot wait
 * there.
 */
static long race_forced_writes(struct gup_disturber *d)
{
	double end = gup_now() + RACE_SECONDS;
	int mem = gup_open_mem(getpid());
	char junk[64];
	long done = 0;

	memset(junk, 0xff, sizeof(junk));
	gup_disturb_start(d);
	/* On a busy machine it may take longer until one comes through. */
	for (size_t off = 0; gup_now() < end || !done; off += psize())
		done += pwrite(mem, junk, sizeof(junk), (uintptr_t)d->mem + off % d->len) > 0;
	gup_disturb_stop(d);
	close(mem);
	return done;
}

/* Guards Dirty COW (CVE-2016-5195): the write intent is not dropped after a fault. */
TEST(dirty_cow_file)
{
	struct gup_disturber d = { .once = gup_drop, .len = 4 * psize() };
	int fd = gup_file_filled(GUP_FILE, d.len, OLD);

	d.mem = gup_mmap(d.len, PROT_READ, MAP_PRIVATE, fd);
	EXPECT_LT(0, race_forced_writes(&d));
	EXPECT_EQ(d.len, gup_fd_differs(fd, d.len, OLD));
}

/* The same for a memfd, whose pages come from another fault handler. */
TEST(dirty_cow_memfd)
{
	struct gup_disturber d = { .once = gup_drop, .len = 4 * psize() };
	int fd = gup_file_filled(GUP_SHMEM, d.len, OLD);

	d.mem = gup_mmap(d.len, PROT_READ, MAP_PRIVATE, fd);
	EXPECT_LT(0, race_forced_writes(&d));
	EXPECT_EQ(d.len, gup_fd_differs(fd, d.len, OLD));
}

static char *map_huge_zero_page(void)
{
	char *mem = gup_map_aligned(GUP_HUGE_SIZE);

	MUST(!madvise(mem, GUP_HUGE_SIZE, MADV_HUGEPAGE));
	FORCE_READ(mem[0]);
	return mem;
}

/*
 * Guards its huge-PMD twin (CVE-2017-1000405): forced writes must not reach
 * the huge zero page, which everybody shares.
 */
TEST(dirty_cow_huge_zero_page)
{
	struct gup_disturber d = { .once = gup_drop, .len = GUP_HUGE_SIZE };
	char *witness;

	if (!thp_is_enabled() || !detect_huge_zeropage())
		SKIP(return, "needs THP and its use_zero_page");
	witness = map_huge_zero_page();
	d.mem = map_huge_zero_page();
	MUST(!mprotect(d.mem, d.len, PROT_READ));
	EXPECT_LT(0, race_forced_writes(&d));
	EXPECT_EQ(GUP_HUGE_SIZE, gup_nonzero(witness, GUP_HUGE_SIZE));
}

/* Guards the same: a forced write to a huge page shared with a child copies it. */
TEST(forced_write_spares_childs_huge_page)
{
	char *mem = gup_map_thp(GUP_HUGE_SIZE);
	int *steps = gup_steps();
	char junk[16] = "junk";
	pid_t child;

	if (!mem)
		SKIP(return, NO_THP);
	gup_fill(mem, GUP_HUGE_SIZE, OLD);
	child = fork_watcher(mem, GUP_HUGE_SIZE, steps);
	MUST(!mprotect(mem, GUP_HUGE_SIZE, PROT_READ));
	EXPECT_EQ((ssize_t)sizeof(junk), gup_force_write(mem + 8 * psize(), junk, sizeof(junk)));
	EXPECT_EQ(0, memcmp(mem + 8 * psize(), junk, sizeof(junk)));
	gup_step(steps, 1);
	EXPECT_EQ(0, gup_join(child));
}

/* Registers a range for minor faults. Returns -1 if this kernel has none. */
static int uffd_minor(char *mem, size_t len)
{
	int uffd = gup_uffd(0, UFFD_FEATURE_MINOR_SHMEM);

	if (uffd < 0)
		return -1;
	if (uffd_register(uffd, mem, len, false, false, true)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

#define NO_UFFD_MINOR	"needs CONFIG_USERFAULTFD with minor faults on shmem"

/*
 * Guards the shmem twin (CVE-2022-2590), without a race. A dirty entry that maps the
 * page cache must not be taken for a broken COW.
 */
TEST(dirty_entry_is_no_broken_cow)
{
	size_t len = 4 * psize();
	int fd = gup_file_filled(GUP_SHMEM, len, OLD);
	char *mem = gup_mmap(len, PROT_READ, MAP_PRIVATE, fd);
	int uffd = uffd_minor(mem, len);
	char junk[16] = "junk";

	if (uffd < 0)
		SKIP(return, NO_UFFD_MINOR);
	uffd_continue(uffd, mem, len);
	ASSERT_TRUE(!!(gup_pagemap(mem) & PM_FILE));
	EXPECT_EQ((ssize_t)sizeof(junk), gup_force_write(mem, junk, sizeof(junk)));
	EXPECT_EQ(0, memcmp(mem, junk, sizeof(junk)));
	EXPECT_EQ(len, gup_fd_differs(fd, len, OLD));
}

/* Guards the shmem twin (CVE-2022-2590), racing. */
TEST(dirty_cow_shmem_minor_fault)
{
	struct gup_disturber d = { .once = drop_and_continue, .len = 4 * psize() };
	int fd = gup_file_filled(GUP_SHMEM, d.len, OLD);

	d.mem = gup_mmap(d.len, PROT_READ, MAP_PRIVATE, fd);
	d.uffd = uffd_minor(d.mem, d.len);
	if (d.uffd < 0)
		SKIP(return, NO_UFFD_MINOR);
	EXPECT_LT(0, race_forced_writes(&d));
	EXPECT_EQ(d.len, gup_fd_differs(fd, d.len, OLD));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
