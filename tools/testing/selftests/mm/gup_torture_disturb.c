// SPDX-License-Identifier: GPL-2.0
/*
 * The disturbers of gup_torture: each changes what maps, holds or protects pages
 * that takers take at the same time.
 */
#include <linux/falloc.h>
#include <linux/userfaultfd.h>
#include <poll.h>

#include "gup_torture.h"
#include "gup_disturb.h"

#define UFFD_MSECS	20
#define CLEAR_REFS	"/proc/self/clear_refs"

static void count_result(struct thread *t, bool done)
{
	struct count *count = count_of(t);

	if (done)
		count->done++;
	else
		count->refused++;
}

/* Some of the changes have a state that others can be seen in. */
static void dwell(const struct choice *c)
{
	usleep(c->bits % 200);
}

/* madvise(): the argument is the advice */

/* The content stays, so nobody is to notice. */
static void advise(struct thread *t, const struct choice *c)
{
	count_result(t, !madvise(mem_of(c), len_of(c), disturbers[c->op].arg));
}

static void advise_losing(struct thread *t, const struct choice *c)
{
	change_begin(c->region, c->first, c->nr, LOST);
	count_result(t, !madvise(mem_of(c), len_of(c), disturbers[c->op].arg));
	change_end(c->region, c->first, c->nr, LOST);
}

static void collapse(struct thread *t, const struct choice *c)
{
	count_result(t, !madvise(c->region->mem, GUP_HUGE_SIZE, MADV_COLLAPSE));
}

/* Changes, here and there, what faults may allocate: huge pages or not. */
static void allow_huge(struct thread *t, const struct choice *c)
{
	const int advice = c->bits & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;

	count_result(t, !madvise(mem_of(c), len_of(c), advice));
}

#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE	103
#endif

static void guard(struct thread *t, const struct choice *c)
{
	change_begin(c->region, c->first, c->nr, LOST);
	count_result(t, !madvise(mem_of(c), len_of(c), MADV_GUARD_INSTALL));
	dwell(c);
	madvise(mem_of(c), len_of(c), MADV_GUARD_REMOVE);
	change_end(c->region, c->first, c->nr, LOST);
}

/* The mapping */

/* Mapped over by nothing, and then by the same as before. */
static void remap(struct thread *t, const struct choice *c)
{
	change_begin(c->region, c->first, c->nr, LOST);
	region_map(c->region, c->first, c->nr, PROT_NONE);
	dwell(c);
	region_map(c->region, c->first, c->nr, PROT_READ | PROT_WRITE);
	change_end(c->region, c->first, c->nr, LOST);
	count_result(t, true);
}

/* With the lock, nobody else is given the hole. */
static void unmap(struct thread *t, const struct choice *c)
{
	change_begin(c->region, c->first, c->nr, LOST);
	pthread_mutex_lock(&torture.map_lock);
	MUST(!munmap(mem_of(c), len_of(c)));
	dwell(c);
	region_map(c->region, c->first, c->nr, PROT_READ | PROT_WRITE);
	pthread_mutex_unlock(&torture.map_lock);
	change_end(c->region, c->first, c->nr, LOST);
	count_result(t, true);
}

/* Away and back. DONTUNMAP leaves no hole behind. */
static void move(struct thread *t, const struct choice *c)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
	char *to = t->spare + c->first * psize();
	bool moved;

	change_begin(c->region, c->first, c->nr, LOST);
	moved = mremap(mem_of(c), len_of(c), len_of(c), flags, to) == to;
	count_result(t, moved);
	dwell(c);
	/* Several mappings in the range cannot be moved at once, there or back. */
	if (moved && mremap(to, len_of(c), len_of(c), flags, mem_of(c)) != mem_of(c))
		region_map(c->region, c->first, c->nr, PROT_READ | PROT_WRITE);
	if (moved)
		gup_mmap_at(to, len_of(c), PROT_NONE, MAP_PRIVATE, -1, 0);
	change_end(c->region, c->first, c->nr, LOST);
}

/*
 * The same, with a hole meanwhile that nobody else is given. The content comes back. Of
 * several mappings, those before one that cannot be moved have moved.
 */
static void move_leaving_hole(struct thread *t, const struct choice *c)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *to = t->spare + c->first * psize();
	bool back;

	change_begin(c->region, c->first, c->nr, DENIED);
	pthread_mutex_lock(&torture.map_lock);
	back = mremap(mem_of(c), len_of(c), len_of(c), flags, to) == to;
	dwell(c);
	back = back && mremap(to, len_of(c), len_of(c), flags, mem_of(c)) == mem_of(c);
	if (!back) {
		change_loses(c->region, c->first, c->nr);
		region_map(c->region, c->first, c->nr, PROT_READ | PROT_WRITE);
	}
	gup_mmap_at(to, len_of(c), PROT_NONE, MAP_PRIVATE, -1, 0);
	pthread_mutex_unlock(&torture.map_lock);
	change_end(c->region, c->first, c->nr, DENIED);
	count_result(t, back);
}

static void protect(struct thread *t, const struct choice *c)
{
	const int prot = c->bits & 0x100 ? PROT_READ : PROT_NONE;

	change_begin(c->region, c->first, c->nr, DENIED);
	count_result(t, !mprotect(mem_of(c), len_of(c), prot));
	dwell(c);
	mprotect(mem_of(c), len_of(c), PROT_READ | PROT_WRITE);
	change_end(c->region, c->first, c->nr, DENIED);
}

/* A huge page is mapped by PTEs from now on. */
static void split_table(struct thread *t, const struct choice *c)
{
	change_begin(c->region, c->first, 1, DENIED);
	count_result(t, !mprotect(mem_of(c), psize(), PROT_READ));
	mprotect(mem_of(c), psize(), PROT_READ | PROT_WRITE);
	change_end(c->region, c->first, 1, DENIED);
}

/* Protection keys: other threads do not get at the memory meanwhile. */
static void protect_by_key(struct thread *t, const struct choice *c)
{
	const int prot = PROT_READ | PROT_WRITE;
	int key = syscall(__NR_pkey_alloc, 0, 0);

	if (key < 0) {
		count_result(t, false);
		return;
	}
	change_begin(c->region, c->first, c->nr, DENIED);
	count_result(t, !syscall(__NR_pkey_mprotect, mem_of(c), len_of(c), prot, key));
	dwell(c);
	syscall(__NR_pkey_mprotect, mem_of(c), len_of(c), prot, 0);
	change_end(c->region, c->first, c->nr, DENIED);
	syscall(__NR_pkey_free, key);
}

static const char *need_pkeys(void)
{
	/* The threads inherit what this one may do. */
	int key = syscall(__NR_pkey_alloc, 0, PKEY_DISABLE_ACCESS);

	if (key < 0)
		return "needs protection keys";
	syscall(__NR_pkey_free, key);
	return NULL;
}

/* Locked memory stays in memory; on its way it is in a batch of the CPU. */
static void lock_memory(struct thread *t, const struct choice *c)
{
	count_result(t, !mlock2(mem_of(c), len_of(c), c->bits & 1 ? MLOCK_ONFAULT : 0));
	dwell(c);
	munlock(mem_of(c), len_of(c));
}

/* Other processes */

/* The first word of each page, or 0 where the child has none. */
static bool child_looks(struct thread *t, const struct choice *c, uint64_t *words)
{
	if (sigsetjmp(t->jump, 0))
		return false;
	gup_store(&t->guarded, 1);
	for (unsigned int i = 0; i < c->nr; i++)
		words[i] = FORCE_READ(*(uint64_t *)(mem_of(c) + i * psize()));
	gup_store(&t->guarded, 0);
	return true;
}

static bool child_writes(struct thread *t, const struct choice *c)
{
	if (sigsetjmp(t->jump, 0))
		return false;
	gup_store(&t->guarded, 1);
	for (unsigned int i = 0; i < c->nr; i++)
		gup_store((uint64_t *)(mem_of(c) + i * psize()), 0);
	gup_store(&t->guarded, 0);
	return true;
}

/*
 * In the child, private memory does not change by what the parent's pins are used for.
 * MADV_FREE in the parent may turn it into zeroes.
 */
static int child_sees_the_same(struct thread *t, const struct choice *c)
{
	static uint64_t before[REGION_PAGES], after[REGION_PAGES];

	if (!child_looks(t, c, before))
		return 0;
	usleep(c->bits % 5000);
	if (!child_looks(t, c, after))
		return 0;
	for (unsigned int i = 0; i < c->nr; i++)
		if (after[i] && after[i] != before[i])
			return 1;
	return 0;
}

enum { FORK_ONLY, FORK_AND_LOOK, FORK_AND_WRITE };

static int child(struct thread *t, const struct choice *c)
{
	/* What the child has of files changes with them. */
	if (c->region->fd >= 0)
		return 0;
	if (disturbers[c->op].arg == FORK_AND_LOOK)
		return child_sees_the_same(t, c);
	if (disturbers[c->op].arg == FORK_AND_WRITE)
		child_writes(t, c);
	return 0;
}

static void fork_child(struct thread *t, const struct choice *c)
{
	pid_t pid = gup_fork();

	if (!pid)
		_exit(child(t, c));
	if (gup_join(pid))
		wrong(t, "a child saw its private memory change");
	count_result(t, true);
}

/* A process that is killed while it holds pages and takes more and more. */
static void exit_holding(struct thread *t, const struct choice *c)
{
	struct gup_test_hold args = {
		.addr = (uintptr_t)mem_of(c),
		.size = len_of(c),
		.api = c->bits % GUP_TEST_NR_APIS,
		.gup_flags = c->bits >> 32 & 1,
	};
	pid_t pid = gup_fork();

	while (!pid)
		ioctl(gup_driver(), GUP_TEST_HOLD, &args);
	usleep(c->bits % 20000);
	kill(pid, SIGKILL);
	gup_join(pid);
	count_result(t, true);
}

static const char *need_driver(void)
{
	return access(GUP_DRIVER, R_OK | W_OK) ? NO_DRIVER : NULL;
}

/* Where pages are */

static void split(struct thread *t, const struct choice *c)
{
	count_result(t, gup_split_folio(c->region->mem, c->bits & 1 ? 4 : 0));
}

static void migrate(struct thread *t, const struct choice *c)
{
	count_result(t, gup_migrate(mem_of(c), len_of(c), c->bits & 1));
}

static void compact(struct thread *t, const struct choice *c)
{
	(void)c;
	count_result(t, gup_compact());
}

/* From now on soft-dirty says what was written to. */
static void clear_refs(struct thread *t, const struct choice *c)
{
	(void)c;
	count_result(t, gup_write(CLEAR_REFS, "4"));
}

static const char *need_clear_refs(void)
{
	return access(CLEAR_REFS, W_OK) ? "needs CONFIG_PROC_PAGE_MONITOR" : NULL;
}

/* KSM */

static void merge(struct thread *t, const struct choice *c)
{
	const int advice = c->bits & 7 ? MADV_MERGEABLE : MADV_UNMERGEABLE;

	count_result(t, !madvise(mem_of(c), len_of(c), advice));
	usleep(20000);
}

static void ksm_begin(void)
{
	torture.uniform = true;
	gup_ksm_hurry();
	write_num(GUP_KSM "run", 1);
}

static void ksm_end(void)
{
	write_num(GUP_KSM "run", 2);
	gup_ksm_relax();
}

/* NUMA balancing takes access away again and again, all by itself. */

static void balance(struct thread *t, const struct choice *c)
{
	dwell(c);
	count_result(t, true);
}

/* userfaultfd */

static const char *need_uffd(void)
{
	int fd = gup_uffd(O_NONBLOCK, 0);

	if (fd < 0)
		return "needs root and CONFIG_USERFAULTFD";
	close(fd);
	return NULL;
}

static void uffd_resolve(int fd, uint64_t addr, uint64_t mode)
{
	struct uffdio_range page = { .start = addr & ~(psize() - 1), .len = psize() };
	struct uffdio_writeprotect unprotect = { .range = page };
	struct uffdio_zeropage zero = { .range = page };

	if (mode == UFFDIO_REGISTER_MODE_WP)
		ioctl(fd, UFFDIO_WRITEPROTECT, &unprotect);
	else
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

static void uffd_serve(int fd, uint64_t mode)
{
	const double end = gup_now() + UFFD_MSECS / 1e3;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	while (gup_now() < end) {
		if (poll(&wait, 1, 1) <= 0)
			continue;
		if (read(fd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT)
			uffd_resolve(fd, msg.arg.pagefault.address, mode);
	}
}

/* Registers a range, makes its pages fault, and serves the faults for a while. */
static void uffd(struct thread *t, const struct choice *c)
{
	const uint64_t mode = disturbers[c->op].arg;
	const enum change what = mode == UFFDIO_REGISTER_MODE_WP ? DENIED : LOST;
	struct uffdio_range range = { .start = (uintptr_t)mem_of(c), .len = len_of(c) };
	struct uffdio_register reg = { .range = range, .mode = mode };
	struct uffdio_writeprotect wp = {
		.range = range, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd = gup_uffd(O_NONBLOCK, 0);
	bool done;

	MUST(fd >= 0);
	change_begin(c->region, c->first, c->nr, what);
	done = !ioctl(fd, UFFDIO_REGISTER, &reg);
	count_result(t, done);
	if (done && what == DENIED)
		ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
	else if (done)
		madvise(mem_of(c), len_of(c), MADV_DONTNEED);
	if (done)
		uffd_serve(fd, mode);
	/* Unregisters, unprotects, and wakes those who wait. */
	close(fd);
	change_end(c->region, c->first, c->nr, what);
}

/* Files */

static void truncate_file(struct thread *t, const struct choice *c)
{
	const unsigned int nr = REGION_PAGES - c->first;
	const int fd = c->region->fd;

	if (fd < 0 || c->region->kind->huge_only) {
		count_result(t, false);
		return;
	}
	change_begin(c->region, c->first, nr, LOST);
	count_result(t, !ftruncate(fd, c->first * psize()));
	dwell(c);
	MUST(!ftruncate(fd, GUP_HUGE_SIZE));
	change_end(c->region, c->first, nr, LOST);
}

static void punch(struct thread *t, const struct choice *c)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	change_begin(c->region, c->first, c->nr, LOST);
	count_result(t, !fallocate(c->region->fd, mode, c->first * psize(), len_of(c)));
	change_end(c->region, c->first, c->nr, LOST);
}

static const char *need_file(void)
{
	for (unsigned int i = 0; i < torture.nr_regions; i++)
		if (torture.regions[i].fd >= 0)
			return NULL;
	return "needs a region that is a file";
}

/* Swap and memory of the whole machine */

static char swap_device[128];

static const char *need_swap(void)
{
	FILE *swaps = fopen("/proc/swaps", "r");
	char line[256];

	while (swaps && fgets(line, sizeof(line), swaps))
		if (line[0] == '/')
			sscanf(line, "%127s", swap_device);
	if (swaps)
		fclose(swaps);
	return swap_device[0] ? NULL : NO_SWAP;
}

/* All that is swapped out is brought back. */
static void swap_in(struct thread *t, const struct choice *c)
{
	(void)c;
	count_result(t, !syscall(__NR_swapoff, swap_device));
	syscall(__NR_swapon, swap_device, 0);
}

#define BLOCKS		"/sys/devices/system/memory"

static int offline_blocks[256];
static unsigned int nr_offline_blocks;

static bool is_movable(int block)
{
	char path[96], zones[64] = "";
	int fd;

	snprintf(path, sizeof(path), BLOCKS "/memory%d/valid_zones", block);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	MUST(read(fd, zones, sizeof(zones) - 1) >= 0);
	close(fd);
	return !strncmp(zones, "Movable", strlen("Movable"));
}

static const char *need_blocks(void)
{
	nr_offline_blocks = 0;
	for (int block = 0; block < 1024; block++)
		if (is_movable(block) && nr_offline_blocks < ARRAY_SIZE(offline_blocks))
			offline_blocks[nr_offline_blocks++] = block;
	return nr_offline_blocks ? NULL : "needs root, CONFIG_MEMORY_HOTREMOVE and movablecore=";
}

/* Everything in a block is migrated out of it. */
static void offline(struct thread *t, const struct choice *c)
{
	int block = offline_blocks[(c->bits >> 8) % nr_offline_blocks];
	char path[96];

	snprintf(path, sizeof(path), BLOCKS "/memory%d/state", block);
	count_result(t, gup_write(path, "offline"));
	gup_write(path, "online_movable");
}

#define ADVICE(label, what)	{ .name = label, .once = advise, .arg = what }
#define LOSING(label, what)	{ .name = label, .once = advise_losing, .arg = what }

const struct op disturbers[] = {
	{ .name = "fork", .once = fork_child, .arg = FORK_ONLY },
	{ .name = "fork-look", .once = fork_child, .arg = FORK_AND_LOOK },
	{ .name = "cow", .once = fork_child, .arg = FORK_AND_WRITE },
	{ .name = "exit", .once = exit_holding, .need = need_driver },
	{ .name = "unmap", .once = unmap },
	{ .name = "remap", .once = remap },
	{ .name = "mremap", .once = move },
	{ .name = "mremap-hole", .once = move_leaving_hole },
	{ .name = "mprotect", .once = protect },
	{ .name = "pkey", .once = protect_by_key, .need = need_pkeys },
	{ .name = "mlock", .once = lock_memory },
	LOSING("dontneed", MADV_DONTNEED),
	LOSING("free", MADV_FREE),
	{ .name = "guard", .once = guard },
	ADVICE("pageout", MADV_PAGEOUT),
	ADVICE("cold", MADV_COLD),
	ADVICE("populate", MADV_POPULATE_WRITE),
	{ .name = "hugepage", .once = allow_huge },
	{ .name = "collapse", .once = collapse, .need = gup_need_collapse },
	{ .name = "split", .once = split, .need = gup_need_split },
	{ .name = "split-table", .once = split_table },
	{ .name = "migrate", .once = migrate, .need = gup_need_nodes },
	{ .name = "compact", .once = compact, .need = gup_need_compaction },
	{ .name = "clear-refs", .once = clear_refs, .need = need_clear_refs },
	{ .name = "ksm", .once = merge, .need = gup_need_ksm, .begin = ksm_begin, .end = ksm_end },
	{ .name = "numa", .once = balance, .need = gup_need_balancing, .begin = gup_numa_hurry,
	  .end = gup_numa_restore },
	{ .name = "uffd-wp", .once = uffd, .need = need_uffd, .arg = UFFDIO_REGISTER_MODE_WP },
	{ .name = "uffd-missing", .once = uffd, .need = need_uffd,
	  .arg = UFFDIO_REGISTER_MODE_MISSING },
	{ .name = "truncate", .once = truncate_file, .need = need_file },
	{ .name = "punch", .once = punch, .need = need_file },
	{ .name = "swapoff", .once = swap_in, .need = need_swap },
	{ .name = "offline", .once = offline, .need = need_blocks },
};

const unsigned int nr_disturber_ops = ARRAY_SIZE(disturbers);
