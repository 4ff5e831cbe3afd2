// SPDX-License-Identifier: GPL-2.0
/*
 * What page reclaim sees of pages that GUP has brought in or touched: that they are
 * on an LRU list at once, and that they count as accessed. /proc/kpageflags tells.
 */
#include "gup_common.h"

#define NR_PAGES	16
#define NO_KPAGEFLAGS	"needs root and CONFIG_PROC_PAGE_MONITOR"
/* see Documentation/admin-guide/mm/pagemap.rst */
#define KPF_REFERENCED	BIT_ULL(2)
#define KPF_LRU		BIT_ULL(5)
#define KPF_ACTIVE	BIT_ULL(6)
#define KPF_UNEVICTABLE	BIT_ULL(18)

static void run_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	MUST(!sched_setaffinity(0, sizeof(cpus), &cpus));
}

static int nr_with_flag(const char *mem, size_t len, uint64_t flag)
{
	int nr = 0;

	for (size_t off = 0; off < len; off += psize())
		nr += !!(gup_page_flags(mem + off) & flag);
	return nr;
}

/*
 * Pages that a fault brings in wait in a batch of their CPU until it is full. Each
 * test is done several times, with one page more in the batch to begin with.
 */

#define FILLS	32	/* a batch has 31 pages, or fewer */

FIXTURE(populated) {
	char *mem;
	char *spare;	/* pages that fill the batch before */
	size_t len;
};

FIXTURE_SETUP(populated)
{
	char *page = gup_map_anon(psize());

	page[0] = 1;
	if (!gup_page_flags(page))
		SKIP(return, NO_KPAGEFLAGS);
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->spare = gup_map_anon(FILLS * psize());
	run_on_cpu(0);
}

FIXTURE_TEARDOWN(populated)
{
}

static void fill_batch(char *spare, int nr)
{
	MUST(!madvise(spare, FILLS * psize(), MADV_DONTNEED));
	gup_touch(spare, nr * psize());
}

TEST_F(populated, madvise_write_is_on_lru)
{
	for (int fill = 0; fill < FILLS; fill++) {
		fill_batch(self->spare, fill);
		ASSERT_EQ(0, madvise(self->mem, self->len, MADV_POPULATE_WRITE));
		ASSERT_EQ(NR_PAGES, nr_with_flag(self->mem, self->len, KPF_LRU));
		MUST(!madvise(self->mem, self->len, MADV_DONTNEED));
	}
}

TEST_F(populated, map_populate_is_on_lru)
{
	for (int fill = 0; fill < FILLS; fill++) {
		char *mem;

		fill_batch(self->spare, fill);
		mem = gup_mmap(self->len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
		ASSERT_EQ(NR_PAGES, nr_with_flag(mem, self->len, KPF_LRU));
		MUST(!munmap(mem, self->len));
	}
}

TEST_F(populated, mlock_is_unevictable)
{
	for (int fill = 0; fill < FILLS; fill++) {
		fill_batch(self->spare, fill);
		ASSERT_EQ(0, mlock(self->mem, self->len));
		ASSERT_EQ(NR_PAGES, nr_with_flag(self->mem, self->len, KPF_LRU));
		ASSERT_EQ(NR_PAGES, nr_with_flag(self->mem, self->len, KPF_UNEVICTABLE));
		MUST(!munlock(self->mem, self->len));
		MUST(!madvise(self->mem, self->len, MADV_DONTNEED));
	}
}

struct other_cpu {
	char *mem;
	size_t len;
	int *steps;
	int ret;
};

static void *page_out_from_cpu_1(void *arg)
{
	struct other_cpu *other = arg;

	run_on_cpu(1);
	gup_step(other->steps, 1);
	gup_wait(other->steps, 2);
	other->ret = madvise(other->mem, other->len, MADV_PAGEOUT);
	return NULL;
}

/* Another CPU does not see what waits in the batch of this one. */
TEST_F(populated, other_cpu_pages_out)
{
	struct other_cpu other = { .mem = self->mem, .len = self->len, .steps = gup_steps() };
	pthread_t thread;
	int nr = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs");
	if (!gup_have_swap())
		SKIP(return, NO_SWAP);
	gup_thread(&thread, page_out_from_cpu_1, &other);
	gup_wait(other.steps, 1);
	ASSERT_EQ(0, madvise(self->mem, self->len, MADV_POPULATE_WRITE));
	gup_step(other.steps, 2);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, other.ret);
	for (size_t off = 0; off < self->len; off += psize())
		nr += !!(gup_pagemap(self->mem + off) & PM_SWAP);
	EXPECT_EQ(NR_PAGES, nr);
}

/*
 * Folios that PTEs map. Each page that get_user_pages() takes is an access: the first
 * one marks the folio referenced, the second one activates it. The multi-generational
 * LRU does not set the flag of active folios; how often one was accessed does not show.
 */

#define FOLIO_PAGES	16
#define WRITE_SIZE	(64 * KIB)
#define MGLRU_SWITCH	"/sys/kernel/mm/lru_gen/enabled"

static char mglru_before[16];

/* Each of these maps memory that does not count as accessed. */

/* khugepaged must not make huge pages of it. */
static void keep_ptes(char *mem, size_t len)
{
	MUST(!madvise(mem, len, MADV_NOHUGEPAGE));
}

static char *map_anon(size_t len, const char **why)
{
	char *mem = gup_map(GUP_ANON_64K, len, why);

	MUST(!mem || !madvise(mem, len, MADV_COLD));
	return mem;
}

static char *map_thp(size_t len, const char **why)
{
	char *mem = gup_map(GUP_THP_PTES, len, why);

	if (!mem)
		return NULL;
	keep_ptes(mem, len);
	MUST(!madvise(mem, len, MADV_COLD));
	return mem;
}

/* PMDs cannot map a huge page whose address does not fit to the offset in the file. */
static char *map_shmem(size_t len, const char **why)
{
	int fd = gup_memfd(len);
	char *mem = gup_map_file(GUP_SHMEM_THP, fd, len, why);

	if (!mem)
		return NULL;
	MUST(!madvise(mem, len, MADV_COLD));
	MUST(!munmap(mem, len));
	mem = gup_map_aligned(len);
	gup_mmap_at(mem, len - psize(), PROT_READ, MAP_SHARED, fd, psize());
	force_read_pages(mem, len / psize() - 1, psize());
	return mem;
}

/* The file system makes a folio of each write. */
static char *map_file(size_t len, const char **why)
{
	int fd = gup_file(GUP_XFS, len, why);
	char buf[WRITE_SIZE] = "";
	char *mem;

	if (fd < 0)
		return NULL;
	mem = gup_mmap(len, PROT_READ, MAP_SHARED, fd);
	keep_ptes(mem, len);
	for (size_t off = 0; off < len; off += sizeof(buf))
		MUST(pwrite(fd, buf, sizeof(buf), off) == sizeof(buf));
	MUST(!fsync(fd));
	force_read_pages(mem, len / psize(), psize());
	MUST(!madvise(mem, len, MADV_COLD));
	return mem;
}

FIXTURE(accessed) {
	char *mem;	/* pages of one folio */
	int driver;
};

FIXTURE_VARIANT(accessed) {
	char *(*map)(size_t len, const char **why);
	bool mglru;
};

FIXTURE_VARIANT_ADD(accessed, anon) { .map = map_anon };
FIXTURE_VARIANT_ADD(accessed, thp) { .map = map_thp };
FIXTURE_VARIANT_ADD(accessed, shmem) { .map = map_shmem };
FIXTURE_VARIANT_ADD(accessed, file) { .map = map_file };
FIXTURE_VARIANT_ADD(accessed, mglru_anon) { .map = map_anon, .mglru = true };
FIXTURE_VARIANT_ADD(accessed, mglru_file) { .map = map_file, .mglru = true };

/* Pages of one folio are tails, but for the first of them. */
static bool is_one_folio(const char *mem, size_t nr)
{
	return nr_with_flag(mem + psize(), (nr - 1) * psize(), KPF_COMPOUND_TAIL) == (int)nr - 1;
}

FIXTURE_SETUP(accessed)
{
	bool have_mglru = read_file(MGLRU_SWITCH, mglru_before, sizeof(mglru_before));
	const char *why;

	if (variant->mglru && !have_mglru)
		SKIP(return, "needs CONFIG_LRU_GEN");
	if (have_mglru)
		MUST(gup_write(MGLRU_SWITCH, variant->mglru ? "y" : "n"));
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->mem = variant->map(GUP_HUGE_SIZE, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	if (!is_one_folio(self->mem, FOLIO_PAGES))
		SKIP(return, "needs large folios (or root to see them)");
}

FIXTURE_TEARDOWN(accessed)
{
	if (mglru_before[0])
		MUST(gup_write(MGLRU_SWITCH, mglru_before));
}

static void get_pages(int driver, char *mem, unsigned int nr)
{
	struct gup_test request = {
		.addr = (uintptr_t)mem,
		.size = nr * psize(),
		.nr_pages_per_call = nr,
	};

	MUST(!ioctl(driver, GUP_BASIC_TEST, &request) && request.size == nr * psize());
}

TEST_F(accessed, by_one_page)
{
	uint64_t flags = KPF_REFERENCED | KPF_ACTIVE;

	EXPECT_EQ(0, gup_page_flags(self->mem) & flags);
	get_pages(self->driver, self->mem, 1);
	EXPECT_EQ(KPF_REFERENCED, gup_page_flags(self->mem) & flags);
}

TEST_F(accessed, by_all_pages)
{
	uint64_t flag = variant->mglru ? KPF_REFERENCED : KPF_ACTIVE;

	EXPECT_EQ(0, gup_page_flags(self->mem) & flag);
	get_pages(self->driver, self->mem, FOLIO_PAGES);
	EXPECT_EQ(flag, gup_page_flags(self->mem) & flag);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
