// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection into get_user_pages(), /sys/kernel/debug/fail_gup: each function that
 * user space can reach is made to fail at each page, in each way. What it returns and
 * what it leaves pinned must be right; the driver looks at the array behind the count.
 * Then users of the functions: they must cope with it.
 */
#include <linux/udmabuf.h>

#include "gup_disk.h"
#include "gup_flags.h"
#include "gup_iommu.h"
#include "gup_movable.h"

#define NO_FILTER	"needs CONFIG_FAULT_INJECTION_STACKTRACE_FILTER, KALLSYMS and x86-64"
#define FOREVER		-1
/* An errno that nothing else gives. */
#define ERROR		EXDEV
#define SMALL_PAGES	16
#define SEED		1

GUP_HUGETLB_PAGES(8)

static const char *const kinds[] = { "call", "fast", "isolate", "migrate" };

/* /sys/kernel/debug/fail_gup */

static bool set(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return gup_fail_set(name, text);
}

static bool set_address(const char *name, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%lx", value);
	return gup_fail_set(name, text);
}

static void set_switch(const char *group, const char *name, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	MUST(gup_fail_set(path, on ? "Y" : "N"));
}

static long get(const char *name)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), GUP_FAIL "/%s", name);
	MUST(read_file(path, text, sizeof(text)));
	return strtol(text, NULL, 0);
}

/* The next @times calls of this process, at @page. */
static void fail(const char *kind, unsigned long page, int times)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		set_switch("kinds", kinds[i], !strcmp(kinds[i], kind));
	MUST(set("page", page));
	MUST(set("times", times));
}

static void fail_nothing(void)
{
	fail("call", 0, 0);
}

static bool fail_setup(void)
{
	if (!set("probability", 100) || !set("errno", ERROR))
		return false;
	MUST(set("interval", 1) && set("space", 0) && set("verbose", 0));
	MUST(gup_fail_set("task-filter", "Y"));
	fail_nothing();
	MUST(gup_write("/proc/self/make-it-fail", "1"));
	return true;
}

/* As after the boot. */
static void fail_teardown(void)
{
	if (!set("probability", 0))
		return;
	fail("call", 0, 1);
	MUST(set("errno", EFAULT) && set("verbose", 2));
	MUST(gup_fail_set("task-filter", "N"));
}

/* Each page of small ranges; of large ones some, aligned to nothing. */
static size_t next_page(size_t page, size_t nr)
{
	return nr <= 32 ? page + 1 : 2 * page + 3;
}

/* The driver's commands, and the functions that they call */

static const struct command {
	unsigned int cmd;
	const char *function;
	bool fast;
} commands[] = {
	{ GUP_FAST_BENCHMARK, "get_user_pages_fast", true },
	{ PIN_FAST_BENCHMARK, "pin_user_pages_fast", true },
	{ GUP_BASIC_TEST, "get_user_pages" },
	{ PIN_BASIC_TEST, "pin_user_pages" },
};

/* Takes pages in one call and releases them. Returns how many, or a negative errno. */
static long take(int driver, const struct command *command, char *mem, size_t nr)
{
	struct gup_test arg = {
		.addr = (uintptr_t)mem,
		.size = nr * psize(),
		.nr_pages_per_call = nr,
		.gup_flags = FOLL_WRITE,
	};

	return ioctl(driver, command->cmd, &arg) ? -errno : (long)(arg.size / psize());
}

struct area {
	int driver;
	char *mem;
	size_t nr;
	long held;
};

FIXTURE(driver) {
	struct area area;
};

FIXTURE_VARIANT(driver) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(driver, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(driver, folios_64k) { .kind = GUP_ANON_64K };
FIXTURE_VARIANT_ADD(driver, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(driver, thp_ptes) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(driver, hugetlb) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(driver, shmem) { .kind = GUP_SHMEM | GUP_SHARED };
FIXTURE_VARIANT_ADD(driver, ext4) { .kind = GUP_EXT4 };

FIXTURE_SETUP(driver)
{
	const char *why;
	size_t unit = gup_unit(variant->kind);
	struct area *area = &self->area;

	area->driver = gup_driver();
	if (area->driver < 0)
		SKIP(return, NO_DRIVER);
	area->nr = unit > psize() ? unit / psize() : SMALL_PAGES;
	area->mem = gup_map(variant->kind, area->nr * psize(), &why);
	if (!area->mem)
		SKIP(return, "%s", why);
	gup_touch(area->mem, area->nr * psize());
	if (!fail_setup())
		SKIP(return, NO_GUP_FAIL);
	area->held = gup_pins_held();
}

FIXTURE_TEARDOWN(driver)
{
	fail_teardown();
}

/* Takes pages, and sees that no pin is left. Names the function that does not work. */
static void expect_taken(struct __test_metadata *_metadata, const struct area *area,
			 const struct command *command, size_t nr, long want)
{
	EXPECT_EQ(want, take(area->driver, command, area->mem, nr))
		TH_LOG("%s", command->function);
	EXPECT_EQ(area->held, gup_pins_held()) TH_LOG("%s", command->function);
}

/* Guards the undo of what was taken: in the middle of a folio, and of all. */
TEST_F(driver, call_fails_at_each_page)
{
	const size_t nr = self->area.nr;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		for (size_t page = 0; page < nr; page = next_page(page, nr)) {
			fail("call", page, 1);
			expect_taken(_metadata, &self->area, &commands[i], nr,
				     page ? (long)page : -ERROR);
			EXPECT_EQ(0, get("times"));
			expect_taken(_metadata, &self->area, &commands[i], nr, nr);
		}
	}
}

/* Guards that the slow path goes on where the fast path ends. */
TEST_F(driver, fast_path_ends_at_each_page)
{
	const size_t nr = self->area.nr;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		for (size_t page = 0; page < nr; page = next_page(page, nr)) {
			fail("fast", page, 1);
			expect_taken(_metadata, &self->area, &commands[i], nr, nr);
			EXPECT_EQ(!commands[i].fast, get("times"));
		}
	}
}

TEST_F(driver, shorter_calls_are_left_alone)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		fail("call", 5, FOREVER);
		expect_taken(_metadata, &self->area, &commands[i], 5, 5);
		expect_taken(_metadata, &self->area, &commands[i], 6, 5);
	}
}

TEST_F(driver, by_function)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		fail("call", 3, FOREVER);
		set_switch("functions", commands[i].function, false);
		for (size_t j = 0; j < ARRAY_SIZE(commands); j++)
			expect_taken(_metadata, &self->area, &commands[j], 4, i == j ? 4 : 3);
		set_switch("functions", commands[i].function, true);
	}
}

/* Who is to fail */

FIXTURE(who) {
	int driver;
	char *mem;
};

FIXTURE_SETUP(who)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->mem = gup_map_anon(SMALL_PAGES * psize());
	gup_fill(self->mem, SMALL_PAGES * psize(), SEED);
	if (!fail_setup())
		SKIP(return, NO_GUP_FAIL);
}

FIXTURE_TEARDOWN(who)
{
	fail_teardown();
}

static long take_two(int driver, char *mem)
{
	return take(driver, &commands[0], mem, 2);
}

TEST_F(who, tasks)
{
	fail("call", 1, FOREVER);
	EXPECT_EQ(1, take_two(self->driver, self->mem));
	MUST(gup_write("/proc/self/make-it-fail", "0"));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
}

TEST_F(who, every_second_call)
{
	long sum = 0;

	fail("call", 1, FOREVER);
	MUST(set("interval", 2));
	for (int i = 0; i < 4; i++)
		sum += take_two(self->driver, self->mem);
	EXPECT_EQ(6, sum);
}

/* The budget is in pages. */
TEST_F(who, behind_a_number_of_pages)
{
	fail("call", 1, FOREVER);
	MUST(set("space", 5));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
	EXPECT_EQ(1, take_two(self->driver, self->mem));
}

TEST_F(who, nth_call)
{
	fail("call", 1, FOREVER);
	MUST(set("probability", 0));
	MUST(gup_write("/proc/thread-self/fail-nth", "2"));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
	EXPECT_EQ(1, take_two(self->driver, self->mem));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
}

TEST_F(who, errno_has_limits)
{
	EXPECT_FALSE(set("errno", 0));
	EXPECT_FALSE(set("errno", -1));
	EXPECT_FALSE(set("errno", 4096));
	EXPECT_EQ(ERROR, get("errno"));
	EXPECT_TRUE(set("errno", ENOMEM));
	fail("call", 0, 1);
	EXPECT_EQ(-ENOMEM, take_two(self->driver, self->mem));
}

/* The range of addresses of a function of the kernel. */
static bool find_function(const char *name, unsigned long *start, unsigned long *end)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long addr;
	char line[512], symbol[256];

	*start = 0;
	*end = 0;
	while (f && !*end && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %255s", &addr, symbol) != 2)
			continue;
		if (*start && addr > *start)
			*end = addr;
		else if (!strcmp(symbol, name))
			*start = addr;
	}
	if (f)
		fclose(f);
	return *end;
}

/* The call site: only calls from the ioctl fail, or all others. */
TEST_F(who, callers)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = 2 * psize() };
	char *copy = gup_map_anon(2 * psize());
	struct iovec to = { .iov_base = copy, .iov_len = 2 * psize() };
	unsigned long start, end;

	if (access(GUP_FAIL "/require-start", F_OK) ||
	    !find_function("__x64_sys_ioctl", &start, &end))
		SKIP(return, NO_FILTER);
	fail("call", 0, FOREVER);
	MUST(set_address("require-start", start) && set_address("require-end", end));
	EXPECT_EQ(-ERROR, take_two(self->driver, self->mem));
	EXPECT_EQ((ssize_t)iov.iov_len, process_vm_readv(getpid(), &to, 1, &iov, 1, 0));
	MUST(set_address("require-start", 0) && set_address("require-end", -1ul));
	MUST(set_address("reject-start", start) && set_address("reject-end", end));
	EXPECT_EQ(2, take_two(self->driver, self->mem));
	EXPECT_EQ(-1, process_vm_readv(getpid(), &to, 1, &iov, 1, 0));
	MUST(set_address("reject-start", 0) && set_address("reject-end", 0));
}

/* Long-term pins that have to move pages */

FIXTURE(longterm) {
	int driver;
	char *mem;
	char *seen;
	size_t len;
	long held;
};

FIXTURE_VARIANT(longterm) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(longterm, slow) { .flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE };
FIXTURE_VARIANT_ADD(longterm, fast) {
	.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE | PIN_LONGTERM_TEST_FLAG_USE_FAST,
};

FIXTURE_SETUP(longterm)
{
	self->len = SMALL_PAGES * psize();
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->mem = gup_map_anon(self->len);
	self->seen = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, SEED);
	if (gup_nr_movable(self->mem, self->len) != SMALL_PAGES)
		SKIP(return, NO_MOVABLE);
	if (!fail_setup())
		SKIP(return, NO_GUP_FAIL);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(longterm)
{
	fail_teardown();
}

/* Guards "could not isolate" taken for "pinnable": all is released, and tried again. */
TEST_F(longterm, isolation_is_refused)
{
	fail("isolate", 3, 2);
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, self->len, variant->flags));
	EXPECT_EQ(0, get("times"));
	EXPECT_EQ(0, gup_nr_movable(self->mem, self->len));
	gup_pin_read(self->driver, self->seen);
	EXPECT_EQ(self->len, gup_differs(self->seen, self->len, SEED));
	gup_unpin(self->driver);
	EXPECT_EQ(self->held, gup_pins_held());
}

/* It takes a minute, but a fatal signal ends it at once. */
TEST_F(longterm, isolation_is_always_refused)
{
	double killed;
	pid_t pid;

	fail("isolate", 3, FOREVER);
	pid = gup_fork();
	if (!pid) {
		MUST(gup_write("/proc/self/make-it-fail", "1"));
		/* What is copied only by the pin is put where it may stay. */
		gup_fill(self->mem, self->len, SEED);
		_exit(!gup_pin(self->driver, self->mem, self->len, variant->flags));
	}
	usleep(200000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	kill(pid, SIGKILL);
	killed = gup_now();
	EXPECT_EQ(128 + SIGKILL, gup_join(pid));
	EXPECT_GT(20, gup_now() - killed);
	EXPECT_EQ(self->held, gup_pins_held());
}

/* Guards that nothing stays pinned or isolated. */
TEST_F(longterm, migration_is_refused)
{
	fail("migrate", 0, 1);
	EXPECT_EQ(-1, gup_pin(self->driver, self->mem, self->len, variant->flags));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, get("times"));
	EXPECT_EQ(self->held, gup_pins_held());
	EXPECT_EQ(SMALL_PAGES, gup_nr_movable(self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, SEED));

	ASSERT_EQ(0, gup_pin(self->driver, self->mem, self->len, variant->flags));
	EXPECT_EQ(0, gup_nr_movable(self->mem, self->len));
	gup_unpin(self->driver);
}

/* Users of the functions */

FIXTURE(user) {
	struct gup_disk disk;
	char *mem;
	char *copy;
	size_t len;
	long held;
};

FIXTURE_SETUP(user)
{
	self->len = SMALL_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->copy = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, SEED);
	gup_touch(self->copy, self->len);
	if (!fail_setup())
		SKIP(return, NO_GUP_FAIL);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(user)
{
	fail_teardown();
	gup_disk_close(&self->disk);
}

/* Guards get_user_pages_fast(): pages of the pipe. */
TEST_F(user, vmsplice)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = 8 * psize() };
	int fds[2];

	MUST(!pipe(fds));
	fail("call", 0, 1);
	EXPECT_EQ(-1, vmsplice(fds[1], &iov, 1, 0));
	fail("call", 3, 1);
	ASSERT_EQ((ssize_t)iov.iov_len, vmsplice(fds[1], &iov, 1, 0));
	EXPECT_EQ(0, get("times"));
	ASSERT_EQ((ssize_t)iov.iov_len, read(fds[0], self->copy, iov.iov_len));
	EXPECT_EQ(iov.iov_len, gup_differs(self->copy, iov.iov_len, SEED));
}

/* Guards pin_user_pages_fast(). */
TEST_F(user, direct_read)
{
	if (!gup_disk_open(&self->disk, MIB))
		SKIP(return, NO_DISK);
	gup_fill(self->disk.data, self->len, SEED);
	fail("call", 0, FOREVER);
	EXPECT_EQ(-1, pread(self->disk.fd, self->copy, self->len, 0));
	for (size_t page = 1; page < SMALL_PAGES; page++) {
		memset(self->copy, 0, self->len);
		fail("call", page, 1);
		ASSERT_EQ((ssize_t)self->len, pread(self->disk.fd, self->copy, self->len, 0));
		EXPECT_EQ(0, get("times"));
		EXPECT_EQ(self->len, gup_differs(self->copy, self->len, SEED));
	}
	fail_nothing();
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

/* What is pinned before an error is given back; a short call is repeated for the rest. */
TEST_F(user, fixed_buffer)
{
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	fail("call", 0, 1);
	EXPECT_EQ(-1, gup_ring_register(&ring, self->mem, self->len));
	EXPECT_EQ(ERROR, errno);
	EXPECT_EQ(self->held, gup_pins_held());
	for (size_t page = 1; page < SMALL_PAGES; page++) {
		fail("call", page, 1);
		ASSERT_EQ(0, gup_ring_register(&ring, self->mem, self->len));
		EXPECT_EQ(0, get("times"));
		ASSERT_EQ(0, gup_ring_unregister(&ring));
		EXPECT_EQ(self->held, gup_pins_settle(self->held));
	}
	gup_ring_close(&ring);
}

/* Guards pin_user_pages_remote() and get_user_pages_remote(). */
TEST_F(user, process_vm_readv)
{
	struct iovec from = { .iov_base = self->mem, .iov_len = self->len };
	struct iovec to = { .iov_base = self->copy, .iov_len = self->len };

	fail("call", 0, 1);
	EXPECT_EQ(-1, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	fail("call", 5, 1);
	EXPECT_EQ((ssize_t)self->len, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(0, get("times"));
	EXPECT_EQ(self->len, gup_differs(self->copy, self->len, SEED));
	EXPECT_EQ(self->held, gup_pins_held());
}

TEST_F(user, proc_mem)
{
	int fd = gup_open_mem(getpid());

	fail("call", 0, 1);
	EXPECT_EQ(-1, pread(fd, self->copy, self->len, (uintptr_t)self->mem));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ((ssize_t)self->len, pread(fd, self->copy, self->len, (uintptr_t)self->mem));
	EXPECT_EQ(self->len, gup_differs(self->copy, self->len, SEED));
}

/* Guards memfd_pin_folios(): all or none. */
TEST_F(user, udmabuf)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create create = { .size = self->len };
	int buf;

	if (device < 0)
		SKIP(return, "needs CONFIG_UDMABUF");
	create.memfd = gup_memfd_sealed(self->len);
	for (size_t page = 0; page < SMALL_PAGES; page++) {
		fail("call", page, 1);
		EXPECT_EQ(-1, ioctl(device, UDMABUF_CREATE, &create));
		EXPECT_EQ(ERROR, errno);
		EXPECT_EQ(self->held, gup_pins_held());
	}
	buf = ioctl(device, UDMABUF_CREATE, &create);
	EXPECT_GE(buf, 0);
	close(buf);
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

/*
 * Guards the batches of iommufd: what is pinned and waits for the next batch is given
 * back, too. With little memory a batch is of two runs.
 */
TEST_F(user, iommufd)
{
	static const unsigned int limits[] = { 32, 65536 };
	struct gup_iommu iommu;
	uint64_t iova;

	if (!gup_iommu_open(&iommu))
		SKIP(return, NO_IOMMU);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		gup_iommu_limit(&iommu, limits[i]);
		fail("call", 0, 1);
		EXPECT_EQ(-1, gup_iommu_map(&iommu, self->mem, self->len, &iova));
		EXPECT_EQ(ERROR, errno);
		EXPECT_EQ(self->held, gup_pins_held());
		for (size_t page = 1; page < SMALL_PAGES; page++) {
			fail("call", page, 1);
			ASSERT_EQ(0, gup_iommu_map(&iommu, self->mem, self->len, &iova));
			EXPECT_EQ(self->held + SMALL_PAGES, gup_pins_held());
			gup_iommu_unmap(&iommu, iova, self->len);
			EXPECT_EQ(self->held, gup_pins_held());
		}
		/* A hole behind what fits in a batch. */
		fail_nothing();
		MUST(!mprotect(self->mem + self->len - psize(), psize(), PROT_NONE));
		EXPECT_EQ(-1, gup_iommu_map(&iommu, self->mem, self->len, &iova));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(self->held, gup_pins_held());
		MUST(!mprotect(self->mem, self->len, PROT_READ | PROT_WRITE));
	}
	gup_iommu_close(&iommu);
}

/* Guards populate: a short step is no error. */
TEST_F(user, populate)
{
	char *mem = gup_map_anon(self->len);
	size_t populated = 0;

	fail("call", 7, 1);
	EXPECT_EQ(0, mlock(mem, self->len));
	EXPECT_EQ(0, get("times"));
	for (size_t at = 0; at < self->len; at += psize())
		populated += gup_pagemap(mem + at) >> 63;
	EXPECT_EQ(SMALL_PAGES, populated);
	MUST(!munlock(mem, self->len));

	MUST(set("errno", ENOMEM));
	fail("call", 0, 1);
	EXPECT_EQ(-1, mlock(mem, self->len));
	EXPECT_EQ(EAGAIN, errno);
	MUST(!munlock(mem, self->len));
	fail("call", 0, 1);
	EXPECT_EQ(-1, madvise(mem, self->len, MADV_POPULATE_WRITE));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, madvise(mem, self->len, MADV_POPULATE_WRITE));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
