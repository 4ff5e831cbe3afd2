// SPDX-License-Identifier: GPL-2.0
/*
 * Long-term pins of every kind of memory, taken by /sys/kernel/debug/gup_test and
 * by fixed buffers of io_uring. What may be pinned stays the memory that the process
 * sees. What must not be pinned is refused. Nothing stays pinned in the end.
 *
 * Files are made on the first writable mount of their file system, or in the
 * directory that GUP_TEST_TMPFS, GUP_TEST_EXT4 or GUP_TEST_XFS names.
 */
#include <lib/test_hmm_uapi.h>

#include "gup_disk.h"
#include "gup_movable.h"

#define WRITE		PIN_LONGTERM_TEST_FLAG_USE_WRITE
#define FAST		PIN_LONGTERM_TEST_FLAG_USE_FAST
#define SMALL_PAGES	16
/* Enough of a gigantic page to cross page table boundaries of small pages. */
#define MAX_PIN_SIZE	(4 * MIB)
#define MAX_HUGETLB_SIZES	10
#define PAGES_SEED	1000	/* what is written to a page before it is pinned */
#define LATER		1
#define FROM_RING	2
/* Clearing a gigantic page takes an emulated machine some time. */
#define SECONDS		120

/* A fresh mapping, how much of it is to be pinned, and what that part is to contain. */
struct area {
	unsigned int kind;
	char *mem;
	size_t size;
	char *expected;
	char *seen;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool map_area(struct area *area, unsigned int kind, const char **why)
{
	size_t unit = gup_unit(kind);
	size_t size = unit > psize() ? unit : SMALL_PAGES * psize();

	area->kind = kind;
	area->mem = gup_map(kind, size, why);
	area->size = smaller(size, MAX_PIN_SIZE);
	area->expected = calloc(1, area->size);
	area->seen = malloc(area->size);
	MUST(area->expected && area->seen);
	return area->mem;
}

static size_t first_difference(const char *seen, const char *wanted, size_t size)
{
	for (size_t at = 0; at < size; at++)
		if (seen[at] != wanted[at])
			return at;
	return size;
}

static void check_pins(struct __test_metadata *_metadata, int fd, struct area *area)
{
	gup_pin_read(fd, area->seen);
	EXPECT_EQ(area->size, first_difference(area->seen, area->expected, area->size))
		TH_LOG("pinning changed the contents");
	gup_fill(area->mem, area->size, LATER);
	gup_pin_read(fd, area->seen);
	EXPECT_EQ(area->size, first_difference(area->seen, area->mem, area->size))
		TH_LOG("the pin does not see a later write");
}

/* Each kind of memory, private and shared */

FIXTURE(longterm) {
	struct area area;
	int driver;
};

FIXTURE_VARIANT(longterm) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(longterm, anon_private) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(longterm, anon_shared) { .kind = GUP_ANON | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, thp) { .kind = GUP_THP | GUP_UNTOUCHED };
FIXTURE_VARIANT_ADD(longterm, thp_64kb) { .kind = GUP_ANON_64K | GUP_UNTOUCHED };
FIXTURE_VARIANT_ADD(longterm, shmem_private) { .kind = GUP_SHMEM };
FIXTURE_VARIANT_ADD(longterm, shmem_shared) { .kind = GUP_SHMEM | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, hugetlb_2mb_private) { .kind = GUP_HUGETLB_2M };
FIXTURE_VARIANT_ADD(longterm, hugetlb_2mb_shared) { .kind = GUP_HUGETLB_2M | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, hugetlb_1gb_private) { .kind = GUP_HUGETLB_1G };
FIXTURE_VARIANT_ADD(longterm, hugetlb_1gb_shared) { .kind = GUP_HUGETLB_1G | GUP_SHARED };
#ifdef __aarch64__
FIXTURE_VARIANT_ADD(longterm, hugetlb_64kb_private) { .kind = GUP_HUGETLB_64K };
FIXTURE_VARIANT_ADD(longterm, hugetlb_64kb_shared) { .kind = GUP_HUGETLB_64K | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, hugetlb_32mb_private) { .kind = GUP_HUGETLB_32M };
FIXTURE_VARIANT_ADD(longterm, hugetlb_32mb_shared) { .kind = GUP_HUGETLB_32M | GUP_SHARED };
#endif
FIXTURE_VARIANT_ADD(longterm, tmpfs_private) { .kind = GUP_TMPFS };
FIXTURE_VARIANT_ADD(longterm, tmpfs_shared) { .kind = GUP_TMPFS | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, ext4_private) { .kind = GUP_EXT4 };
FIXTURE_VARIANT_ADD(longterm, ext4_shared) { .kind = GUP_EXT4 | GUP_SHARED };
FIXTURE_VARIANT_ADD(longterm, xfs_private) { .kind = GUP_XFS };
FIXTURE_VARIANT_ADD(longterm, xfs_shared) { .kind = GUP_XFS | GUP_SHARED };

FIXTURE_SETUP(longterm)
{
	const char *why;

	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	if (!map_area(&self->area, variant->kind, &why))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(longterm)
{
}

/* A write fault gets a huge page of its own, a read fault at best a zero page. */
static bool got_folio(struct area *area)
{
	if (!(area->kind & GUP_UNTOUCHED))
		return true;
	area->mem[0] = 0;
	return gup_has_folios(area->mem, area->size, area->size);
}

/* Every other page, so that the pin meets pages both present and absent. */
static void read_some(struct area *area)
{
	for (size_t at = 0; at < area->size; at += 2 * psize())
		FORCE_READ(area->mem[at]);
}

static void write_some(struct area *area)
{
	for (size_t at = 0; at < area->size; at += 2 * psize()) {
		gup_fill(area->mem + at, psize(), PAGES_SEED + at / psize());
		gup_fill(area->expected + at, psize(), PAGES_SEED + at / psize());
	}
}

static void expect_refused(struct __test_metadata *_metadata, int fd, struct area *area,
			   unsigned int flags)
{
	int ret;

	read_some(area);
	ret = gup_pin(fd, area->mem, area->size, flags);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(EFAULT, errno);
	if (!ret)
		gup_unpin(fd);
}

static void expect_pinned(struct __test_metadata *_metadata, int fd, struct area *area,
			  unsigned int flags)
{
	ASSERT_EQ(0, gup_pin(fd, area->mem, area->size, flags))
		TH_LOG("PIN_LONGTERM_TEST_START: %s", strerror(errno));
	check_pins(_metadata, fd, area);
	gup_unpin(fd);
}

/* These file systems have to hear of each write. */
static bool write_is_refused(const struct area *area)
{
	return area->kind == (GUP_EXT4 | GUP_SHARED) || area->kind == (GUP_XFS | GUP_SHARED);
}

TEST_F_TIMEOUT(longterm, read_slow, SECONDS)
{
	read_some(&self->area);
	expect_pinned(_metadata, self->driver, &self->area, 0);
}

TEST_F_TIMEOUT(longterm, read_fast, SECONDS)
{
	read_some(&self->area);
	expect_pinned(_metadata, self->driver, &self->area, FAST);
}

static void test_write(struct __test_metadata *_metadata, int fd, struct area *area,
		       unsigned int flags)
{
	if (write_is_refused(area)) {
		expect_refused(_metadata, fd, area, flags);
		return;
	}
	if (!got_folio(area))
		SKIP(return, NO_THP);
	write_some(area);
	expect_pinned(_metadata, fd, area, flags);
}

TEST_F_TIMEOUT(longterm, write_slow, SECONDS)
{
	test_write(_metadata, self->driver, &self->area, WRITE);
}

TEST_F_TIMEOUT(longterm, write_fast, SECONDS)
{
	test_write(_metadata, self->driver, &self->area, WRITE | FAST);
}

/* What the kernel writes to a file from the pinned buffer, and reads into it. */
static void check_fixed_buffer(struct __test_metadata *_metadata, struct gup_ring *ring,
			       struct area *area)
{
	const ssize_t size = area->size;
	int fd = gup_memfd(size);

	EXPECT_EQ(area->size, first_difference(area->mem, area->expected, size))
		TH_LOG("pinning changed the contents");
	gup_fill(area->mem, size, LATER);
	EXPECT_EQ(size, gup_ring_rw(ring, IORING_OP_WRITE_FIXED, fd, area->mem, size, 0));
	EXPECT_EQ(size, pread(fd, area->seen, size, 0));
	EXPECT_EQ(area->size, first_difference(area->seen, area->mem, size))
		TH_LOG("the pin does not see a later write");

	gup_fill(area->expected, size, FROM_RING);
	EXPECT_EQ(size, pwrite(fd, area->expected, size, 0));
	EXPECT_EQ(size, gup_ring_rw(ring, IORING_OP_READ_FIXED, fd, area->mem, size, 0));
	EXPECT_EQ(area->size, first_difference(area->mem, area->expected, size))
		TH_LOG("we do not see a write to the pin");
	close(fd);
}

TEST_F_TIMEOUT(longterm, io_uring_fixed_buffer, SECONDS)
{
	struct area *area = &self->area;
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	if (write_is_refused(area)) {
		read_some(area);
		EXPECT_EQ(-1, gup_ring_register(&ring, area->mem, area->size));
		EXPECT_EQ(EFAULT, errno);
		return;
	}
	if (!got_folio(area))
		SKIP(return, NO_THP);
	write_some(area);
	ASSERT_EQ(0, gup_ring_register(&ring, area->mem, area->size))
		TH_LOG("IORING_REGISTER_BUFFERS: %s", strerror(errno));
	check_fixed_buffer(_metadata, &ring, area);
	EXPECT_EQ(0, gup_ring_unregister(&ring));
}

/* Memory that is moved before it is pinned */

FIXTURE(moved) {
	struct area area;
	int driver;
};

FIXTURE_VARIANT(moved) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(moved, slow) { .flags = WRITE };
FIXTURE_VARIANT_ADD(moved, fast) { .flags = WRITE | FAST };

FIXTURE_SETUP(moved)
{
	const char *why;

	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	MUST(map_area(&self->area, GUP_ANON, &why));
	gup_fill(self->area.mem, self->area.size, PAGES_SEED);
	gup_fill(self->area.expected, self->area.size, PAGES_SEED);
}

FIXTURE_TEARDOWN(moved)
{
}

TEST_F(moved, from_movable_zone)
{
	struct area *area = &self->area;

	if (!gup_nr_movable(area->mem, area->size))
		SKIP(return, NO_MOVABLE);
	ASSERT_EQ(0, gup_pin(self->driver, area->mem, area->size, variant->flags));
	EXPECT_EQ(0, gup_nr_movable(area->mem, area->size));
	check_pins(_metadata, self->driver, area);
	gup_unpin(self->driver);
}

/*
 * A pipe keeps the last page of a buffer where it must not stay. The error says so, though
 * the pages in front of it have been pinned.
 */
TEST(fixed_buffer_with_page_of_pipe)
{
	const size_t size = 2 * MIB;
	char *mem = gup_map_anon(size), *last = mem + size - psize();
	struct iovec iov = { .iov_base = last, .iov_len = psize() };
	struct gup_ring ring;
	int pipe_fds[2];

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	gup_fill(mem, size, PAGES_SEED);
	if (!gup_nr_movable(last, psize()))
		SKIP(return, NO_MOVABLE);
	MUST(!pipe(pipe_fds));
	MUST(vmsplice(pipe_fds[1], &iov, 1, 0) == (ssize_t)psize());
	EXPECT_EQ(-1, gup_ring_register(&ring, mem, size));
	EXPECT_EQ(ENOMEM, errno);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	EXPECT_EQ(0, gup_ring_register(&ring, mem, size));
}

/* Memory of a device, which the CPU can access as well */

static struct hmm_dmirror_cmd device_cmd(struct area *area, void *buffer)
{
	return (struct hmm_dmirror_cmd) {
		.addr = (uintptr_t)area->mem,
		.ptr = (uintptr_t)buffer,
		.npages = SMALL_PAGES,
	};
}

static size_t nr_in_device(int device, struct area *area)
{
	unsigned char pages[SMALL_PAGES];
	struct hmm_dmirror_cmd cmd = device_cmd(area, pages);
	size_t nr = 0;

	MUST(!ioctl(device, HMM_DMIRROR_SNAPSHOT, &cmd));
	for (size_t i = 0; i < SMALL_PAGES; i++)
		nr += (pages[i] & HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL) != 0;
	return nr;
}

TEST_F(moved, from_device)
{
	int device = open("/dev/hmm_dmirror2", O_RDWR | O_CLOEXEC);
	struct area *area = &self->area;
	struct hmm_dmirror_cmd cmd = device_cmd(area, area->seen);

	if (device < 0)
		SKIP(return, "needs CONFIG_TEST_HMM, test_hmm.spm_addr_dev0= and _dev1=");
	ASSERT_EQ(0, ioctl(device, HMM_DMIRROR_MIGRATE_TO_DEV, &cmd));
	ASSERT_EQ(SMALL_PAGES, nr_in_device(device, area));
	ASSERT_EQ(0, gup_pin(self->driver, area->mem, area->size, variant->flags));
	EXPECT_EQ(0, nr_in_device(device, area));
	check_pins(_metadata, self->driver, area);
	gup_unpin(self->driver);
}

/* Ranges that no one may pin */

FIXTURE(refused) {
	int driver;
	char *mem;
	size_t len;
};

FIXTURE_VARIANT(refused) {
	char *(*map)(size_t len);
	unsigned int flags;
};

static char *map_private(size_t len, int prot)
{
	return gup_mmap(len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static char *map_read_only(size_t len)
{
	return map_private(len, PROT_READ);
}

static char *map_inaccessible(size_t len)
{
	return map_private(len, PROT_NONE);
}

static char *map_with_hole(size_t len)
{
	char *mem = map_private(len, PROT_READ | PROT_WRITE);

	MUST(!munmap(mem + len / 2, psize()));
	return mem;
}

static char *map_secretmem(size_t len)
{
	int fd = syscall(__NR_memfd_secret, 0);
	char *mem;

	if (fd < 0)
		return NULL;
	MUST(!ftruncate(fd, len));
	mem = gup_mmap(len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	memset(mem, 1, len);
	return mem;
}

FIXTURE_VARIANT_ADD(refused, write_to_read_only) { .map = map_read_only, .flags = WRITE };
FIXTURE_VARIANT_ADD(refused, read_of_inaccessible) { .map = map_inaccessible };
FIXTURE_VARIANT_ADD(refused, hole) { .map = map_with_hole, .flags = WRITE };
FIXTURE_VARIANT_ADD(refused, secretmem) { .map = map_secretmem, .flags = WRITE };

FIXTURE_SETUP(refused)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	self->len = SMALL_PAGES * psize();
	self->mem = variant->map(self->len);
	if (!self->mem)
		SKIP(return, "needs CONFIG_SECRETMEM");
}

FIXTURE_TEARDOWN(refused)
{
}

TEST_F(refused, slow)
{
	EXPECT_EQ(-1, gup_pin(self->driver, self->mem, self->len, variant->flags));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(refused, fast)
{
	EXPECT_EQ(-1, gup_pin(self->driver, self->mem, self->len, variant->flags | FAST));
	EXPECT_EQ(EFAULT, errno);
}

/* Requests that make no sense to the driver */

FIXTURE(bad_request) {
	int driver;
};

FIXTURE_VARIANT(bad_request) {
	struct pin_longterm_test args;
	int error;
};

FIXTURE_VARIANT_ADD(bad_request, size_0) {
	.args = { .addr = MIB }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_request, half_a_page) {
	.args = { .addr = MIB, .size = 2048 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_request, address_in_mid_page) {
	.args = { .addr = 2048, .size = MIB }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_request, unknown_flag) {
	.args = { .addr = MIB, .size = MIB, .flags = 4 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_request, past_last_address) {
	.args = { .addr = -MIB, .size = 2 * MIB }, .error = EOVERFLOW };
FIXTURE_VARIANT_ADD(bad_request, beyond_all_memory) {
	.args = { .addr = MIB, .size = 1ULL << 62 }, .error = E2BIG };

FIXTURE_SETUP(bad_request)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
}

FIXTURE_TEARDOWN(bad_request)
{
}

TEST_F(bad_request, fails)
{
	EXPECT_EQ(-1, ioctl(self->driver, PIN_LONGTERM_TEST_START, &variant->args));
	EXPECT_EQ(variant->error, errno);
}

FIXTURE(bad_run) {
	int driver;
};

/* Address and size are in pages. */
FIXTURE_VARIANT(bad_run) {
	unsigned long ioctl;
	struct gup_test args;
	int error;
};

#define ONE_PAGE_AT(page) .addr = (page), .size = 1, .nr_pages_per_call = 1

FIXTURE_VARIANT_ADD(bad_run, no_pages_per_call) {
	.ioctl = PIN_BASIC_TEST, .args = { .addr = 1, .size = 1 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, no_size) {
	.ioctl = PIN_BASIC_TEST, .args = { .addr = 1, .nr_pages_per_call = 1 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, flag_that_tells_get_from_pin) {
	.ioctl = PIN_BASIC_TEST, .args = { ONE_PAGE_AT(1), .gup_flags = 1 << 1 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, flag_internal_to_the_kernel) {
	.ioctl = PIN_FAST_BENCHMARK, .args = { ONE_PAGE_AT(1), .gup_flags = 1 << 16 },
	.error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, longterm_get) {
	.ioctl = GUP_BASIC_TEST, .args = { ONE_PAGE_AT(1), .gup_flags = 1 << 8 }, .error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, test_flag_of_another_command) {
	.ioctl = PIN_BASIC_TEST,
	.args = { ONE_PAGE_AT(1), .test_flags = GUP_TEST_FLAG_DUMP_PAGES_USE_PIN },
	.error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, dump_of_a_page_past_the_end) {
	.ioctl = DUMP_USER_PAGES_TEST, .args = { ONE_PAGE_AT(1), .which_pages = { 2 } },
	.error = EINVAL };
FIXTURE_VARIANT_ADD(bad_run, past_last_address) {
	.ioctl = GUP_FAST_BENCHMARK, .args = { ONE_PAGE_AT(-1ULL) }, .error = EOVERFLOW };
FIXTURE_VARIANT_ADD(bad_run, memory_that_is_not_there) {
	.ioctl = GUP_FAST_BENCHMARK, .args = { ONE_PAGE_AT(0) }, .error = EFAULT };
FIXTURE_VARIANT_ADD(bad_run, unknown_command) {
	.ioctl = _IOWR('g', 100, struct gup_test), .args = { ONE_PAGE_AT(1) }, .error = ENOTTY };

FIXTURE_SETUP(bad_run)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
}

FIXTURE_TEARDOWN(bad_run)
{
}

TEST_F(bad_run, fails)
{
	struct gup_test args = variant->args;

	args.addr *= psize();
	args.size *= psize();
	EXPECT_EQ(-1, ioctl(self->driver, variant->ioctl, &args));
	EXPECT_EQ(variant->error, errno);
}

TEST(run_ends_at_a_hole)
{
	size_t len = SMALL_PAGES * psize();
	struct gup_test args = {
		.addr = (uintptr_t)map_with_hole(len),
		.size = len,
		.nr_pages_per_call = SMALL_PAGES,
	};
	int driver = gup_driver();

	if (driver < 0)
		SKIP(return, NO_DRIVER);
	EXPECT_EQ(0, ioctl(driver, PIN_LONGTERM_BENCHMARK, &args));
	EXPECT_EQ(len / 2, args.size);
}

/* What an open file of the driver holds, and for how long */

static int map_and_pin(int driver, struct area *area)
{
	const char *why;

	MUST(map_area(area, GUP_ANON, &why));
	return gup_pin(driver, area->mem, area->size, WRITE);
}

TEST(two_files_pin_a_range_each)
{
	int first = gup_driver(), second = gup_driver();
	struct area a, b;

	if (first < 0)
		SKIP(return, NO_DRIVER);
	ASSERT_EQ(0, map_and_pin(first, &a));
	ASSERT_EQ(0, map_and_pin(second, &b));
	check_pins(_metadata, first, &a);
	check_pins(_metadata, second, &b);
	gup_unpin(first);
	gup_unpin(second);
}

TEST(requests_out_of_turn)
{
	struct area area, second;
	int driver = gup_driver();
	uint64_t nowhere = 0;

	if (driver < 0)
		SKIP(return, NO_DRIVER);
	ASSERT_EQ(0, map_and_pin(driver, &area));
	EXPECT_EQ(-1, map_and_pin(driver, &second));
	EXPECT_EQ(EBUSY, errno);
	check_pins(_metadata, driver, &area);
	gup_unpin(driver);
	EXPECT_EQ(-1, ioctl(driver, PIN_LONGTERM_TEST_STOP));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(driver, PIN_LONGTERM_TEST_READ, &nowhere));
	EXPECT_EQ(EINVAL, errno);
}

TEST(killed_process_leaves_nothing_pinned)
{
	long before = gup_pins_held();
	pid_t child;

	if (access(GUP_DRIVER, R_OK))
		SKIP(return, NO_DRIVER);
	child = gup_fork();
	if (!child) {
		struct area area;

		MUST(!map_and_pin(gup_driver(), &area));
		raise(SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, gup_join(child));
	EXPECT_EQ(before, gup_pins_held());
}

/* One free huge page of each size is enough. */
static void __attribute__((constructor)) set_up_hugetlb(void)
{
	unsigned long sizes[MAX_HUGETLB_SIZES];
	int nr;

	hugetlb_save_settings();
	nr = detect_hugetlb_page_sizes(sizes, MAX_HUGETLB_SIZES);
	for (int i = 0; i < nr; i++)
		if (!hugetlb_free_pages(sizes[i]))
			hugetlb_set_nr_pages(sizes[i], hugetlb_nr_pages(sizes[i]) + 1);
}

/* Where madvise() asks for a huge page it is to get one. */
static void __attribute__((constructor)) set_up_thp(void)
{
	struct thp_settings settings;

	if (!thp_available())
		return;
	thp_save_settings();
	thp_read_settings(&settings);
	settings.thp_enabled = THP_MADVISE;
	settings.hugepages[sz2ord(read_pmd_pagesize(), psize())].enabled = THP_INHERIT;
	thp_write_settings(&settings);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
