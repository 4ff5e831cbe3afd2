// SPDX-License-Identifier: GPL-2.0
/*
 * Long-term pins of every kind of memory, taken by /sys/kernel/debug/gup_test and
 * by io_uring fixed buffers: what may be pinned stays the memory that the process
 * sees, what must not be pinned is refused, and nothing stays pinned in the end.
 *
 * Files are made on the first writable mount of their file system, or in the
 * directory that GUP_TEST_TMPFS, GUP_TEST_EXT4 or GUP_TEST_XFS names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <lib/test_hmm_uapi.h>
#include <mm/gup_test.h>
#include <tools/include/io_uring/mini_liburing.h>
#include "kselftest.h"
#include "vm_util.h"
#include "hugepage_settings.h"

#define GUP_TEST_PATH "/sys/kernel/debug/gup_test"
#define MAX_HUGETLB_SIZES 10
#define SMALL_PAGES 16
/* Enough of a gigantic page to cross page table boundaries of small pages. */
#define MAX_PIN_SIZE (4UL << 20)

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* A kind of memory; fd is -1 for anonymous memory. */
struct kind {
	char name[48];
	char missing[160];
	int fd;
	size_t map_size;
	size_t pin_size;
	bool thp;
	/* The file system writes back, so it has to hear of each write. */
	bool writeback;
};

/* A way to pin. */
struct method {
	const char *name;
	bool write;
	bool fast;
	bool uring;
};

static const struct method methods[] = {
	{ .name = "read, slow" },
	{ .name = "read, fast", .fast = true },
	{ .name = "write, slow", .write = true },
	{ .name = "write, fast", .write = true, .fast = true },
	{ .name = "io_uring fixed buffer", .write = true, .uring = true },
};

/* A fresh mapping of a kind, and what it is to contain. */
struct area {
	char *mem;
	size_t map_size;
	size_t size;
	char *expected;
	char *seen;
};

/* Where pages must not stay while they are pinned; nr is 0 if there is no such zone. */
struct zone {
	unsigned int node;
	unsigned long start;
	unsigned long nr;
};

static struct kind kinds[8 + MAX_HUGETLB_SIZES];
static int nr_kinds;
static int gup_fd;
static int device_fd;
static struct io_uring ring;
static char no_ring[120];
static struct zone movable;

/* The kinds of memory */

static struct kind *add_kind(const char *name)
{
	struct kind *kind = &kinds[nr_kinds++];

	snprintf(kind->name, sizeof(kind->name), "%s", name);
	kind->fd = -1;
	kind->map_size = SMALL_PAGES * psize();
	kind->pin_size = kind->map_size;
	return kind;
}

static __printf(2, 3) void set_missing(struct kind *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(kind->missing, sizeof(kind->missing), format, args);
	va_end(args);
}

static void add_thp(unsigned long size)
{
	struct kind *kind;
	char name[48];

	snprintf(name, sizeof(name), "transparent huge page %lu kB", size / 1024);
	kind = add_kind(name);
	kind->thp = true;
	kind->map_size = size;
	kind->pin_size = size;
}

/* One size that is mapped by a PMD, one that is a large folio mapped by PTEs. */
static void add_all_thp(void)
{
	unsigned long pmdsize = read_pmd_pagesize();
	unsigned long ptesize = SMALL_PAGES * psize();
	struct thp_settings settings;

	if (!pmdsize) {
		set_missing(add_kind("transparent huge page"),
			    "needs CONFIG_TRANSPARENT_HUGEPAGE");
		return;
	}
	thp_save_settings();
	thp_read_settings(&settings);
	settings.thp_enabled = THP_MADVISE;
	settings.hugepages[sz2ord(pmdsize, psize())].enabled = THP_INHERIT;
	settings.hugepages[sz2ord(ptesize, psize())].enabled = THP_INHERIT;
	thp_write_settings(&settings);
	add_thp(pmdsize);
	add_thp(ptesize);
}

static void add_memfd(const char *name, unsigned int flags, size_t size)
{
	struct kind *kind = add_kind(name);

	if (size > kind->map_size) {
		kind->map_size = size;
		kind->pin_size = size < MAX_PIN_SIZE ? size : MAX_PIN_SIZE;
	}
	kind->fd = memfd_create(name, flags);
	if (kind->fd < 0)
		set_missing(kind, "memfd_create: %s", strerror(errno));
}

static void add_hugetlb(unsigned long size)
{
	unsigned int log2 = __builtin_ctzl(size);
	char name[48];

	snprintf(name, sizeof(name), "hugetlb %lu kB", size / 1024);
	add_memfd(name, MFD_HUGETLB | log2 << MFD_HUGE_SHIFT, size);
	if (!hugetlb_free_pages(size))
		hugetlb_set_nr_pages(size, hugetlb_nr_pages(size) + 1);
	if (!hugetlb_free_pages(size))
		set_missing(&kinds[nr_kinds - 1], "needs a free huge page of %lu kB", size / 1024);
}

static void add_all_hugetlb(void)
{
	unsigned long sizes[MAX_HUGETLB_SIZES];
	int nr;

	hugetlb_save_settings();
	nr = detect_hugetlb_page_sizes(sizes, MAX_HUGETLB_SIZES);
	for (int i = 0; i < nr; i++)
		add_hugetlb(sizes[i]);
	if (!nr)
		set_missing(add_kind("hugetlb"), "needs CONFIG_HUGETLBFS");
}

/* An unlinked file in @dir, if that is on the right file system; else -1. */
static int file_in(const char *dir, long magic)
{
	char path[PATH_MAX];
	struct statfs fs;
	int fd;

	if (statfs(dir, &fs) || fs.f_type != magic)
		return -1;
	snprintf(path, sizeof(path), "%s/gup_longterm.XXXXXX", dir);
	fd = mkstemp(path);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int file_on_mount_of(const char *fs_name, long magic)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	struct mntent *mount;
	int fd = -1;

	if (!mounts)
		return -1;
	while (fd < 0 && (mount = getmntent(mounts))) {
		if (!strcmp(mount->mnt_type, fs_name))
			fd = file_in(mount->mnt_dir, magic);
	}
	endmntent(mounts);
	return fd;
}

static void add_file(const char *fs_name, const char *variable, long magic, bool writeback)
{
	const char *dir = getenv(variable);
	struct kind *kind;
	char name[48];

	snprintf(name, sizeof(name), "%s file", fs_name);
	kind = add_kind(name);
	kind->writeback = writeback;
	kind->fd = dir ? file_in(dir, magic) : file_on_mount_of(fs_name, magic);
	if (kind->fd < 0)
		set_missing(kind, "needs a writable directory on %s: mount one or set %s",
			    fs_name, variable);
}

static void add_kinds(void)
{
	add_kind("anonymous");
	add_all_thp();
	add_memfd("shmem", 0, 0);
	add_all_hugetlb();
	add_file("tmpfs", "GUP_TEST_TMPFS", TMPFS_MAGIC, false);
	add_file("ext4", "GUP_TEST_EXT4", EXT4_SUPER_MAGIC, true);
	add_file("xfs", "GUP_TEST_XFS", XFS_SUPER_MAGIC, true);
}

/* Mapping them */

static bool map_thp(struct area *area)
{
	size_t size = area->map_size;
	char *hole, *aligned;

	hole = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole == MAP_FAILED)
		return false;
	aligned = (char *)(((unsigned long)hole + size - 1) & -size);
	if (aligned > hole)
		munmap(hole, aligned - hole);
	munmap(aligned + size, hole + size - aligned);
	area->mem = aligned;
	return !madvise(aligned, size, MADV_HUGEPAGE);
}

static bool map_file(struct area *area, int fd, bool shared)
{
	int flags = shared ? MAP_SHARED : MAP_PRIVATE;

	/* What an earlier test left in the file goes. */
	if (fd >= 0 && (ftruncate(fd, 0) || ftruncate(fd, area->map_size)))
		return false;
	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	area->mem = mmap(NULL, area->map_size, PROT_READ | PROT_WRITE, flags, fd, 0);
	return area->mem != MAP_FAILED;
}

static bool map_area(struct area *area, const struct kind *kind, bool shared)
{
	*area = (struct area) {
		.map_size = kind->map_size,
		.size = kind->pin_size,
		.expected = calloc(1, kind->pin_size),
		.seen = malloc(kind->pin_size),
	};
	if (!area->expected || !area->seen)
		return false;
	return kind->thp ? map_thp(area) : map_file(area, kind->fd, shared);
}

static void unmap_area(struct area *area)
{
	if (area->mem && area->mem != MAP_FAILED)
		munmap(area->mem, area->map_size);
	free(area->expected);
	free(area->seen);
}

/* Each page differs from its neighbours, and from the same page of another seed. */
static void fill(char *buffer, size_t size, unsigned int seed)
{
	for (size_t at = 0; at < size; at += psize())
		memset(buffer + at, 1 + (seed + at / psize()) % 251, psize());
}

/* Every other page, so that the pin meets pages both present and absent. */
static void touch_some(struct area *area, bool write)
{
	for (size_t at = 0; at < area->size; at += 2 * psize()) {
		if (!write) {
			FORCE_READ(area->mem[at]);
			continue;
		}
		fill(area->mem + at, psize(), at);
		fill(area->expected + at, psize(), at);
	}
}

/* Pins through the driver */

static int start_pin(int fd, void *mem, size_t size, const struct method *method)
{
	struct pin_longterm_test args = {
		.addr = (unsigned long)mem,
		.size = size,
	};

	if (method->write)
		args.flags |= PIN_LONGTERM_TEST_FLAG_USE_WRITE;
	if (method->fast)
		args.flags |= PIN_LONGTERM_TEST_FLAG_USE_FAST;
	return ioctl(fd, PIN_LONGTERM_TEST_START, &args) ? -errno : 0;
}

static int stop_pin(int fd)
{
	if (!ioctl(fd, PIN_LONGTERM_TEST_STOP))
		return KSFT_PASS;
	ksft_perror("PIN_LONGTERM_TEST_STOP");
	return KSFT_FAIL;
}

static int check_refused(int error)
{
	if (error == -EFAULT)
		return KSFT_PASS;
	ksft_print_msg("to be refused with EFAULT, was: %s\n", error ? strerror(-error) : "pinned");
	return KSFT_FAIL;
}

static bool same(const char *seen, const char *wanted, size_t size, const char *what)
{
	for (size_t at = 0; at < size; at++) {
		if (seen[at] == wanted[at])
			continue;
		ksft_print_msg("%s: byte %zu is %#hhx, not %#hhx\n",
			       what, at, seen[at], wanted[at]);
		return false;
	}
	return true;
}

static bool read_pins(int fd, char *to)
{
	__u64 addr = (unsigned long)to;

	if (!ioctl(fd, PIN_LONGTERM_TEST_READ, &addr))
		return true;
	ksft_perror("PIN_LONGTERM_TEST_READ");
	return false;
}

static int check_pins(int fd, struct area *area)
{
	if (!read_pins(fd, area->seen) ||
	    !same(area->seen, area->expected, area->size, "pinning changed the contents"))
		return KSFT_FAIL;

	fill(area->mem, area->size, 100);
	if (!read_pins(fd, area->seen) ||
	    !same(area->seen, area->mem, area->size, "the pin does not see a later write"))
		return KSFT_FAIL;
	return KSFT_PASS;
}

static int test_driver(struct area *area, const struct method *method, bool refused)
{
	int error, result;

	touch_some(area, method->write && !refused);
	error = start_pin(gup_fd, area->mem, area->size, method);
	if (error && !refused) {
		ksft_print_msg("PIN_LONGTERM_TEST_START: %s\n", strerror(-error));
		return KSFT_FAIL;
	}

	result = refused ? check_refused(error) : check_pins(gup_fd, area);
	if (!error && stop_pin(gup_fd))
		return KSFT_FAIL;
	return result;
}

/* Pins through io_uring */

static void setup_ring(void)
{
	if (!io_uring_queue_init(1, &ring, 0))
		return;
	snprintf(no_ring, sizeof(no_ring),
		 "io_uring_setup: %s: needs CONFIG_IO_URING and kernel.io_uring_disabled=0",
		 strerror(errno));
}

/* One transfer of all of the fixed buffer; true if all of it was transferred. */
static bool transfer(int opcode, int fd, struct area *area)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;
	int moved;

	if (!sqe)
		return false;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (unsigned long)area->mem;
	sqe->len = area->size;
	if (io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe)) {
		ksft_print_msg("io_uring_enter failed\n");
		return false;
	}
	moved = cqe->res;
	io_uring_cqe_seen(&ring);
	if (moved != (int)area->size)
		ksft_print_msg("transferred %d of %zu bytes\n", moved, area->size);
	return moved == (int)area->size;
}

static bool check_uring_write(struct area *area, int fd)
{
	if (!same(area->mem, area->expected, area->size, "pinning changed the contents"))
		return false;
	fill(area->mem, area->size, 100);
	return transfer(IORING_OP_WRITE_FIXED, fd, area) &&
	       pread(fd, area->seen, area->size, 0) == (ssize_t)area->size &&
	       same(area->seen, area->mem, area->size, "the pin does not see a later write");
}

static bool check_uring_read(struct area *area, int fd)
{
	fill(area->expected, area->size, 200);
	return pwrite(fd, area->expected, area->size, 0) == (ssize_t)area->size &&
	       transfer(IORING_OP_READ_FIXED, fd, area) &&
	       same(area->mem, area->expected, area->size, "we do not see a write to the pin");
}

static int check_fixed_buffer(struct area *area)
{
	int fd = memfd_create("io_uring", 0);
	bool good;

	if (fd < 0) {
		ksft_perror("memfd_create");
		return KSFT_FAIL;
	}
	good = check_uring_write(area, fd) && check_uring_read(area, fd);
	close(fd);
	return good ? KSFT_PASS : KSFT_FAIL;
}

static int test_uring(struct area *area, bool refused)
{
	struct iovec buffer = { area->mem, area->size };
	int error, result;

	touch_some(area, !refused);
	error = io_uring_register_buffers(&ring, &buffer, 1);
	if (error && !refused) {
		ksft_print_msg("IORING_REGISTER_BUFFERS: %s\n", strerror(-error));
		return KSFT_FAIL;
	}

	result = refused ? check_refused(error) : check_fixed_buffer(area);
	if (!error && syscall(__NR_io_uring_register, ring.ring_fd,
			      IORING_UNREGISTER_BUFFERS, NULL, 0)) {
		ksft_perror("IORING_UNREGISTER_BUFFERS");
		return KSFT_FAIL;
	}
	return result;
}

/* Each kind, private and shared, by each method */

/* A write fault gets a huge page of its own, a read fault at best a zero page. */
static bool got_thp(struct area *area, const struct method *method)
{
	if (!method->write)
		return true;
	area->mem[0] = 0;
	return check_huge_anon(area->mem, area->size, 1, area->size);
}

static void skip_test(const char *missing)
{
	ksft_print_msg("%s\n", missing);
	log_test_result(KSFT_SKIP);
}

static void test_one(const struct kind *kind, bool shared, const struct method *method)
{
	bool refused = shared && method->write && kind->writeback;
	int result = KSFT_FAIL;
	struct area area;

	log_test_start("%s, %s, %s: %s", kind->name, shared ? "shared" : "private",
		       method->name, refused ? "refused" : "pinned");
	if (method->uring && no_ring[0]) {
		skip_test(no_ring);
		return;
	}

	if (!map_area(&area, kind, shared))
		ksft_perror("mapping the memory");
	else if (kind->thp && !got_thp(&area, method))
		result = KSFT_SKIP;
	else if (method->uring)
		result = test_uring(&area, refused);
	else
		result = test_driver(&area, method, refused);
	unmap_area(&area);
	if (result == KSFT_SKIP)
		ksft_print_msg("needs memory that is less fragmented: no huge page was free\n");
	log_test_result(result);
}

static unsigned int nr_tests_of(const struct kind *kind)
{
	if (kind->missing[0])
		return 1;
	return ARRAY_SIZE(methods) * (kind->thp ? 1 : 2);
}

static void test_kind(const struct kind *kind)
{
	if (kind->missing[0]) {
		log_test_start("%s", kind->name);
		skip_test(kind->missing);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		test_one(kind, false, &methods[i]);
		/* A shared transparent huge page is a matter of shmem. */
		if (!kind->thp)
			test_one(kind, true, &methods[i]);
	}
}

/* Movable memory */

static void find_movable(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "r");
	unsigned long managed = 0;
	struct zone zone = {};
	bool inside = false;
	char line[160];
	char name[32];

	if (!zones)
		return;
	while (!movable.nr && fgets(line, sizeof(line), zones)) {
		if (sscanf(line, "Node %u, zone %31s", &zone.node, name) == 2)
			inside = !strcmp(name, "Movable");
		else if (inside && sscanf(line, " spanned %lu", &zone.nr) == 1)
			continue;
		else if (inside && sscanf(line, " managed %lu", &managed) == 1)
			continue;
		else if (inside && sscanf(line, " start_pfn: %lu", &zone.start) == 1 && managed)
			movable = zone;
	}
	fclose(zones);
}

/* Then what user space allocates comes from there, and pinning has to move it. */
static void prefer_movable(void)
{
	unsigned long nodes;

	find_movable();
	if (!movable.nr || movable.node >= 8 * sizeof(nodes))
		return;
	nodes = 1UL << movable.node;
	if (syscall(__NR_set_mempolicy, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes)))
		ksft_perror("set_mempolicy");
}

/* How many of the pages of the area are in movable memory. */
static size_t nr_movable(struct area *area)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t nr = 0;

	for (size_t at = 0; at < area->size; at += psize()) {
		unsigned long pfn = pagemap_get_pfn(fd, area->mem + at);

		nr += pfn >= movable.start && pfn - movable.start < movable.nr;
	}
	close(fd);
	return nr;
}

/* @nr_left says how many pages of the area are where they must not stay. */
static int test_moved(struct area *area, bool fast, size_t (*nr_left)(struct area *area))
{
	const struct method method = { .write = true, .fast = fast };
	int error, result;
	size_t left;

	error = start_pin(gup_fd, area->mem, area->size, &method);
	if (error) {
		ksft_print_msg("PIN_LONGTERM_TEST_START: %s\n", strerror(-error));
		return KSFT_FAIL;
	}
	left = nr_left(area);
	if (left)
		ksft_print_msg("%zu pages are pinned where they must not stay\n", left);
	result = check_pins(gup_fd, area);
	if (stop_pin(gup_fd) || left)
		return KSFT_FAIL;
	return result;
}

static int test_movable(struct area *area, bool fast)
{
	if (nr_movable(area))
		return test_moved(area, fast, nr_movable);
	ksft_print_msg("needs free memory in ZONE_MOVABLE: boot with movablecore=256M\n");
	return KSFT_SKIP;
}

/* Memory of a device, which the CPU can access as well */

#define DEVICE_PATH "/dev/hmm_dmirror2"

/* SIZE_MAX, which no check takes for right, if it cannot tell. */
static size_t nr_in_device(struct area *area)
{
	unsigned char pages[SMALL_PAGES];
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)area->mem,
		.ptr = (unsigned long)pages,
		.npages = SMALL_PAGES,
	};
	size_t nr = 0;

	if (ioctl(device_fd, HMM_DMIRROR_SNAPSHOT, &cmd)) {
		ksft_perror("HMM_DMIRROR_SNAPSHOT");
		return SIZE_MAX;
	}
	for (size_t i = 0; i < SMALL_PAGES; i++)
		nr += (pages[i] & HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL) != 0;
	return nr;
}

/* Pinning has to bring the pages back from the device. */
static int test_device(struct area *area, bool fast)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (unsigned long)area->mem,
		.ptr = (unsigned long)area->seen,
		.npages = SMALL_PAGES,
	};
	int result = KSFT_FAIL;

	device_fd = open(DEVICE_PATH, O_RDWR);
	if (device_fd < 0) {
		ksft_print_msg("needs CONFIG_TEST_HMM, test_hmm.spm_addr_dev0= and _dev1=\n");
		return KSFT_SKIP;
	}
	if (ioctl(device_fd, HMM_DMIRROR_MIGRATE_TO_DEV, &cmd))
		ksft_perror("HMM_DMIRROR_MIGRATE_TO_DEV");
	else if (nr_in_device(area) != SMALL_PAGES)
		ksft_print_msg("%zu pages are in the device\n", nr_in_device(area));
	else
		result = test_moved(area, fast, nr_in_device);
	close(device_fd);
	return result;
}

static void test_place(const char *what, bool fast, int (*test)(struct area *area, bool fast))
{
	const struct kind *anonymous = &kinds[0];
	int result = KSFT_FAIL;
	struct area area;

	log_test_start("%s memory, %s: moved before it is pinned", what, fast ? "fast" : "slow");
	if (map_area(&area, anonymous, false)) {
		fill(area.mem, area.size, 50);
		fill(area.expected, area.size, 50);
		result = test(&area, fast);
	} else {
		ksft_perror("mapping the memory");
	}
	unmap_area(&area);
	log_test_result(result);
}

/* Ranges that no one may pin */

static void *map_anonymous(int prot)
{
	return mmap(NULL, SMALL_PAGES * psize(), prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *map_read_only(void)
{
	return map_anonymous(PROT_READ);
}

static void *map_inaccessible(void)
{
	return map_anonymous(PROT_NONE);
}

static void *map_with_hole(void)
{
	char *mem = map_anonymous(PROT_READ | PROT_WRITE);

	if (mem != MAP_FAILED)
		munmap(mem + SMALL_PAGES / 2 * psize(), psize());
	return mem;
}

static void *map_secretmem(void)
{
	size_t size = SMALL_PAGES * psize();
	void *mem = MAP_FAILED;
	int fd;

	fd = syscall(__NR_memfd_secret, 0);
	if (fd < 0)
		return MAP_FAILED;
	if (!ftruncate(fd, size))
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mem != MAP_FAILED)
		memset(mem, 1, size);
	return mem;
}

struct refusal {
	const char *name;
	/* What a kernel may lack for it. */
	const char *needs;
	void *(*map)(void);
	bool write;
};

static const struct refusal refusals[] = {
	{ "write pin of a read-only mapping", NULL, map_read_only, true },
	{ "read pin of an inaccessible mapping", NULL, map_inaccessible, false },
	{ "pin of a range with a hole", NULL, map_with_hole, true },
	{ "pin of secret memory", "CONFIG_SECRETMEM", map_secretmem, true },
};

static void test_refusal(const struct refusal *refusal, bool fast)
{
	const struct method method = { .write = refusal->write, .fast = fast };
	size_t size = SMALL_PAGES * psize();
	int error, result;
	void *mem;

	log_test_start("%s, %s: refused", refusal->name, fast ? "fast" : "slow");
	mem = refusal->map();
	if (mem == MAP_FAILED) {
		ksft_perror("mapping it");
		if (refusal->needs)
			ksft_print_msg("needs %s\n", refusal->needs);
		log_test_result(refusal->needs ? KSFT_SKIP : KSFT_FAIL);
		return;
	}

	error = start_pin(gup_fd, mem, size, &method);
	result = check_refused(error);
	if (!error)
		stop_pin(gup_fd);
	munmap(mem, size);
	log_test_result(result);
}

/* Requests that make no sense to the driver */

struct bad_request {
	const char *name;
	struct pin_longterm_test args;
	int error;
};

static const struct bad_request bad_requests[] = {
	{ "size 0", { .addr = 1UL << 20 }, EINVAL },
	{ "size of half a page", { .addr = 1UL << 20, .size = 2048 }, EINVAL },
	{ "address in mid-page", { .addr = 2048, .size = 1UL << 20 }, EINVAL },
	{ "unknown flag", { .addr = 1UL << 20, .size = 1UL << 20, .flags = 4 }, EINVAL },
	{ "range past the last address", { .addr = -(1ULL << 20), .size = 1UL << 21 }, EOVERFLOW },
	{ "range beyond all memory", { .addr = 1UL << 20, .size = 1ULL << 62 }, E2BIG },
};

static void test_bad_request(const struct bad_request *bad)
{
	struct pin_longterm_test args = bad->args;
	int error;

	log_test_start("bad request: %s", bad->name);
	error = ioctl(gup_fd, PIN_LONGTERM_TEST_START, &args) ? errno : 0;
	if (error != bad->error)
		ksft_print_msg("%s, not %s\n", strerror(error), strerror(bad->error));
	if (!error)
		stop_pin(gup_fd);
	log_test_result(error == bad->error ? KSFT_PASS : KSFT_FAIL);
}

struct bad_run {
	const char *name;
	unsigned long ioctl;
	/* Address and size in pages. */
	struct gup_test args;
	int error;
};

#define ONE_PAGE_AT(page) .addr = (page), .size = 1, .nr_pages_per_call = 1

static const struct bad_run bad_runs[] = {
	{ "no pages per call", PIN_BASIC_TEST, { .addr = 1, .size = 1 }, EINVAL },
	{ "no size", PIN_BASIC_TEST, { .addr = 1, .nr_pages_per_call = 1 }, EINVAL },
	{ "flag that tells get from pin", PIN_BASIC_TEST,
	  { ONE_PAGE_AT(1), .gup_flags = 1 << 1 }, EINVAL },
	{ "flag internal to the kernel", PIN_FAST_BENCHMARK,
	  { ONE_PAGE_AT(1), .gup_flags = 1 << 16 }, EINVAL },
	{ "long-term get", GUP_BASIC_TEST,
	  { ONE_PAGE_AT(1), .gup_flags = 1 << 8 }, EINVAL },
	{ "test flag of another command", PIN_BASIC_TEST,
	  { ONE_PAGE_AT(1), .test_flags = GUP_TEST_FLAG_DUMP_PAGES_USE_PIN }, EINVAL },
	{ "dump of a page past the end", DUMP_USER_PAGES_TEST,
	  { ONE_PAGE_AT(1), .which_pages = { 2 } }, EINVAL },
	{ "range past the last address", GUP_FAST_BENCHMARK,
	  { ONE_PAGE_AT(-1ULL) }, EOVERFLOW },
	{ "memory that is not there", GUP_FAST_BENCHMARK, { ONE_PAGE_AT(0) }, EFAULT },
	{ "unknown command", _IOWR('g', 100, struct gup_test), { ONE_PAGE_AT(1) }, ENOTTY },
};

static void test_bad_run(const struct bad_run *bad)
{
	struct gup_test args = bad->args;
	int error;

	args.addr *= psize();
	args.size *= psize();
	log_test_start("bad run: %s", bad->name);
	error = ioctl(gup_fd, bad->ioctl, &args) ? errno : 0;
	if (error != bad->error)
		ksft_print_msg("%s, not %s\n", strerror(error), strerror(bad->error));
	log_test_result(error == bad->error ? KSFT_PASS : KSFT_FAIL);
}

static void test_short_run(void)
{
	struct gup_test args = {
		.size = SMALL_PAGES * psize(),
		.nr_pages_per_call = SMALL_PAGES,
	};
	size_t wanted = SMALL_PAGES / 2 * psize();
	void *mem = map_with_hole();
	int result = KSFT_FAIL;

	log_test_start("a run ends at a hole, with what comes before it");
	args.addr = (unsigned long)mem;
	if (ioctl(gup_fd, PIN_LONGTERM_BENCHMARK, &args))
		ksft_perror("PIN_LONGTERM_BENCHMARK");
	else if (args.size != wanted)
		ksft_print_msg("%llu bytes, not %zu\n", (unsigned long long)args.size, wanted);
	else
		result = KSFT_PASS;
	munmap(mem, SMALL_PAGES * psize());
	log_test_result(result);
}

/* What an open file of the driver holds, and for how long */

static bool pin_anonymous(int fd, struct area *area)
{
	const struct kind kind = {
		.fd = -1,
		.map_size = SMALL_PAGES * psize(),
		.pin_size = SMALL_PAGES * psize(),
	};

	return map_area(area, &kind, false) &&
	       !start_pin(fd, area->mem, area->size, &(struct method) { .write = true });
}

static void test_two_files(void)
{
	int other = open(GUP_TEST_PATH, O_RDWR);
	struct area area = {}, other_area = {};
	int result = KSFT_FAIL;

	log_test_start("two open files pin a range each");
	if (pin_anonymous(gup_fd, &area) && pin_anonymous(other, &other_area)) {
		result = check_pins(gup_fd, &area) | check_pins(other, &other_area);
		result |= stop_pin(gup_fd) | stop_pin(other);
	}
	close(other);
	unmap_area(&area);
	unmap_area(&other_area);
	log_test_result(result);
}

static void test_out_of_turn(void)
{
	struct area area = {}, second = {};
	bool good;

	log_test_start("START twice, READ and STOP without START");
	good = pin_anonymous(gup_fd, &area);
	good = !pin_anonymous(gup_fd, &second) && errno == EBUSY && good;
	good = check_pins(gup_fd, &area) == KSFT_PASS && good;
	good = stop_pin(gup_fd) == KSFT_PASS && good;
	good = ioctl(gup_fd, PIN_LONGTERM_TEST_STOP) && errno == EINVAL && good;
	good = ioctl(gup_fd, PIN_LONGTERM_TEST_READ, &(__u64) { 0 }) && errno == EINVAL && good;
	unmap_area(&area);
	unmap_area(&second);
	log_test_result(good ? KSFT_PASS : KSFT_FAIL);
}

/* -1: there is no such counter */
static long counter(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "r");
	size_t len = strlen(name);
	char line[128];
	long value = -1;

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, len) && line[len] == ' ')
			value = strtol(line + len, NULL, 10);
	}
	fclose(file);
	return value;
}

/* Pins taken and not yet released, on the whole machine; -1: cannot tell. */
static long pins_outstanding(void)
{
	long acquired, released;

	/* The counters are kept per CPU; a write here sums them up. */
	if (write_sysfs("/proc/sys/vm/stat_refresh", 1))
		return -1;
	acquired = counter("nr_foll_pin_acquired");
	released = counter("nr_foll_pin_released");
	return acquired < 0 || released < 0 ? -1 : acquired - released;
}

static bool pin_and_die(void)
{
	struct area area;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		int fd = open(GUP_TEST_PATH, O_RDWR);

		if (pin_anonymous(fd, &area))
			raise(SIGKILL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void test_killed(long before)
{
	int result = KSFT_FAIL;

	log_test_start("a killed process leaves nothing pinned");
	if (!pin_and_die())
		ksft_print_msg("the process to be killed could not pin\n");
	else if (before < 0 || pins_outstanding() != before)
		ksft_print_msg("%ld pins before, %ld after\n", before, pins_outstanding());
	else
		result = KSFT_PASS;
	log_test_result(result);
}

static void test_nothing_left(long before)
{
	long after = pins_outstanding();

	log_test_start("nothing is left pinned");
	if (before < 0 || after != before)
		ksft_print_msg("%ld pins before, %ld after\n", before, after);
	log_test_result(before >= 0 && after == before ? KSFT_PASS : KSFT_FAIL);
}

static void open_driver(void)
{
	gup_fd = open(GUP_TEST_PATH, O_RDWR);
	if (gup_fd >= 0)
		return;
	if (errno == EACCES)
		ksft_exit_skip("%s: needs root\n", GUP_TEST_PATH);
	if (errno == ENOENT)
		ksft_exit_skip("%s: needs CONFIG_GUP_TEST, and debugfs mounted\n", GUP_TEST_PATH);
	ksft_exit_fail_perror(GUP_TEST_PATH);
}

static void set_plan(void)
{
	unsigned int nr = 2 * ARRAY_SIZE(refusals) + ARRAY_SIZE(bad_requests) +
			  ARRAY_SIZE(bad_runs) + 9;

	for (int i = 0; i < nr_kinds; i++)
		nr += nr_tests_of(&kinds[i]);
	ksft_set_plan(nr);
}

int main(void)
{
	long before;

	ksft_print_header();
	open_driver();
	prefer_movable();
	add_kinds();
	setup_ring();
	set_plan();

	before = pins_outstanding();
	for (int i = 0; i < nr_kinds; i++)
		test_kind(&kinds[i]);
	test_place("movable", false, test_movable);
	test_place("movable", true, test_movable);
	test_place("device", false, test_device);
	test_place("device", true, test_device);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		test_refusal(&refusals[i], false);
		test_refusal(&refusals[i], true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_requests); i++)
		test_bad_request(&bad_requests[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_runs); i++)
		test_bad_run(&bad_runs[i]);
	test_short_run();
	test_two_files();
	test_out_of_turn();
	test_killed(before);
	test_nothing_left(before);
	ksft_finished();
}
