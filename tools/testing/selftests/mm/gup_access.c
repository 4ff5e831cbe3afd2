// SPDX-License-Identifier: GPL-2.0
/*
 * Memory whose pages the kernel may not take, or only after it has asked: protection
 * keys, write protection by userfaultfd, secret memory, device memory, guard regions,
 * PROT_NONE, soft-dirty, the space below a stack.
 */
#include <linux/userfaultfd.h>

#include "gup_disk.h"

#define DISK_SIZE	(4ul << 20)
#define NR_PAGES	8
#define OLD		1
#define NEW		2
#define NO_UFFD_WP	"needs CONFIG_USERFAULTFD with write protection"

#ifndef PKEY_DISABLE_ACCESS
#define PKEY_DISABLE_ACCESS	1
#define PKEY_DISABLE_WRITE	2
#endif

/* Each test moves data between memory, which holds OLD, and a disk, which holds NEW. */
FIXTURE(access) {
	struct gup_disk disk;
	char *mem;
	size_t len;
};

FIXTURE_SETUP(access)
{
	if (!gup_disk_open(&self->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, OLD);
	gup_fill(self->disk.data, self->len, NEW);
}

FIXTURE_TEARDOWN(access)
{
	gup_disk_close(&self->disk);
}

/* Each returns 0 if all was moved, -1 if less was, or the errno. */

static int disk_to_mem(struct gup_disk *disk, char *mem, size_t len)
{
	ssize_t ret = pread(disk->fd, mem, len, 0);

	return ret == (ssize_t)len ? 0 : ret < 0 ? errno : -1;
}

static int mem_to_disk(struct gup_disk *disk, char *mem, size_t len)
{
	ssize_t ret = pwrite(disk->fd, mem, len, DISK_SIZE / 2);

	return ret == (ssize_t)len ? 0 : ret < 0 ? errno : -1;
}

static int mem_to_pipe(char *mem, size_t len)
{
	struct iovec iov = { .iov_base = mem, .iov_len = len };
	int fds[2], ret;

	MUST(!pipe(fds));
	ret = vmsplice(fds[1], &iov, 1, 0) < 0 ? errno : 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int register_with_ring(char *mem, size_t len)
{
	struct gup_ring ring;
	int ret;

	MUST(gup_ring_open(&ring));
	ret = gup_ring_register(&ring, mem, len) ? errno : 0;
	gup_ring_close(&ring);
	return ret;
}

/* A child reads the parent's memory at the same address. Returns 0 or the errno. */
static int read_from_child(char *mem, size_t len)
{
	struct iovec remote = { .iov_base = mem, .iov_len = len };
	pid_t parent = getpid(), child = gup_fork();

	if (!child) {
		struct iovec local = { .iov_base = gup_map_anon(len), .iov_len = len };

		_exit(process_vm_readv(parent, &local, 1, &remote, 1, 0) < 0 ? errno : 0);
	}
	return gup_join(child);
}

static int pin_by_driver(char *mem, size_t len, unsigned int flags)
{
	int fd = gup_driver(), ret;

	MUST(fd >= 0);
	ret = gup_pin(fd, mem, len, flags) ? errno : 0;
	close(fd);
	return ret;
}

/* Protection keys */

static int pkey_alloc_with(unsigned int rights)
{
	return syscall(__NR_pkey_alloc, 0, rights);
}

static void set_key(char *mem, size_t len, int key)
{
	MUST(!syscall(__NR_pkey_mprotect, mem, len, PROT_READ | PROT_WRITE, key));
}

FIXTURE(pkey) {
	struct gup_disk disk;
	char *mem;
	size_t len;
};

FIXTURE_VARIANT(pkey) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(pkey, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(pkey, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(pkey, shmem) { .kind = GUP_SHMEM | GUP_SHARED };

FIXTURE_SETUP(pkey)
{
	const char *why;
	int key = pkey_alloc_with(0);

	if (key < 0)
		SKIP(return, "needs protection keys (CPU flag ospke): %s", strerror(errno));
	MUST(!syscall(__NR_pkey_free, key));
	if (!gup_disk_open(&self->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	self->len = GUP_HUGE_SIZE;
	self->mem = gup_map(variant->kind, self->len, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	gup_fill(self->mem, self->len, OLD);
	gup_fill(self->disk.data, self->len, NEW);
}

FIXTURE_TEARDOWN(pkey)
{
	gup_disk_close(&self->disk);
}

/* Guards arch_vma_access_permitted() and the key check of the fast path. */
TEST_F(pkey, no_access)
{
	int key = pkey_alloc_with(PKEY_DISABLE_ACCESS);

	MUST(key > 0);
	set_key(self->mem, self->len, key);
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, self->mem, self->len));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, self->mem, self->len));
	EXPECT_EQ(EFAULT, mem_to_pipe(self->mem, psize()));
	EXPECT_EQ(EFAULT, register_with_ring(self->mem, psize()));
	set_key(self->mem, self->len, 0);
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
	EXPECT_EQ(0, disk_to_mem(&self->disk, self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, NEW));
}

TEST_F(pkey, no_write)
{
	int key = pkey_alloc_with(PKEY_DISABLE_WRITE);

	MUST(key > 0);
	set_key(self->mem, self->len, key);
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, self->mem, self->len));
	EXPECT_EQ(EFAULT, register_with_ring(self->mem, psize()));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
	EXPECT_EQ(0, mem_to_disk(&self->disk, self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->disk.data + DISK_SIZE / 2, self->len, OLD));
}

/* The keys of this thread do not count for the memory of another process. */
TEST_F(pkey, not_for_remote_access)
{
	int key = pkey_alloc_with(PKEY_DISABLE_ACCESS);

	MUST(key > 0);
	set_key(self->mem, self->len, key);
	EXPECT_EQ(0, read_from_child(self->mem, self->len));
	EXPECT_EQ(4, gup_force_write(self->mem + psize(), "junk", 4));
	set_key(self->mem, self->len, 0);
	EXPECT_EQ(0, memcmp(self->mem + psize(), "junk", 4));
}

/* userfaultfd write protection */

static int uffd_wp(char *mem, size_t len)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)mem, .len = len },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int fd = gup_uffd(O_NONBLOCK, UFFD_FEATURE_PAGEFAULT_FLAG_WP);

	if (fd < 0)
		return -1;
	if (uffd_register(fd, mem, len, false, true, false)) {
		close(fd);
		return -1;
	}
	MUST(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	return fd;
}

struct reader {
	struct gup_disk *disk;
	char *mem;
	size_t len;
	int ret;
};

static void *direct_reader(void *arg)
{
	struct reader *r = arg;

	r->ret = disk_to_mem(r->disk, r->mem, r->len);
	return NULL;
}

/* Serves faults of write protection until the reader ends. Returns how many there were. */
static int serve_wp_faults(int fd, struct reader *r, pthread_t reader)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;
	int faults = 0;

	while (pthread_tryjoin_np(reader, NULL)) {
		struct uffdio_writeprotect wp = { .range.len = psize() };

		if (poll(&poll_fd, 1, 20) != 1 || read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		MUST(msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP);
		wp.range.start = msg.arg.pagefault.address & -(long)psize();
		/* nothing may have been written to it behind the protection */
		MUST(*(uint64_t *)(uintptr_t)wp.range.start ==
		     gup_word(OLD, wp.range.start - (uintptr_t)r->mem));
		MUST(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
		faults++;
	}
	return faults;
}

/* Guards "write wanted, entry not writable": fast and slow path must both fault. */
TEST_F(access, uffd_wp_direct_read)
{
	struct reader r = { .disk = &self->disk, .mem = self->mem, .len = self->len };
	int fd = uffd_wp(self->mem, self->len);
	pthread_t reader;

	if (fd < 0)
		SKIP(return, NO_UFFD_WP);
	gup_thread(&reader, direct_reader, &r);
	EXPECT_EQ(NR_PAGES, serve_wp_faults(fd, &r, reader));
	EXPECT_EQ(0, r.ret);
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, NEW));
}

TEST_F(access, uffd_wp_allows_reads)
{
	int fd = uffd_wp(self->mem, self->len);
	struct uffd_msg msg;

	if (fd < 0)
		SKIP(return, NO_UFFD_WP);
	EXPECT_EQ(0, mem_to_disk(&self->disk, self->mem, self->len));
	EXPECT_EQ(-1, read(fd, &msg, sizeof(msg)));
	EXPECT_EQ(self->len, gup_differs(self->disk.data + DISK_SIZE / 2, self->len, OLD));
}

/*
 * Guards "FORCE goes by the uffd-wp rules": the page is exclusive and anonymous,
 * and still must not be written. /proc/self/mem cannot wait, so it fails.
 */
TEST_F(access, uffd_wp_stops_force)
{
	int fd;

	MUST(!mprotect(self->mem, self->len, PROT_READ));
	fd = uffd_wp(self->mem, self->len);
	if (fd < 0)
		SKIP(return, NO_UFFD_WP);
	EXPECT_EQ(-1, gup_force_write(self->mem, "junk", 4));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
}

TEST_F(access, uffd_wp_stops_force_thp)
{
	char *thp = gup_map_thp(GUP_HUGE_SIZE);
	int fd;

	if (!thp)
		SKIP(return, NO_THP);
	gup_fill(thp, GUP_HUGE_SIZE, OLD);
	MUST(!mprotect(thp, GUP_HUGE_SIZE, PROT_READ));
	fd = uffd_wp(thp, GUP_HUGE_SIZE);
	if (fd < 0)
		SKIP(return, NO_UFFD_WP);
	EXPECT_EQ(-1, gup_force_write(thp + 3 * psize(), "junk", 4));
	EXPECT_EQ(GUP_HUGE_SIZE, gup_differs(thp, GUP_HUGE_SIZE, OLD));
}

/* Soft-dirty */

/* Guards "FORCE goes by the soft-dirty rules": the write must be seen. */
static bool forced_write_marks(char *at)
{
	gup_force_write(at, "own", 4);
	clear_softdirty();
	MUST(!(gup_pagemap(at) & PM_SOFT_DIRTY));
	MUST(gup_force_write(at, "new", 4) == 4);
	MUST(!strcmp(at, "new"));
	return gup_pagemap(at) & PM_SOFT_DIRTY;
}

TEST(soft_dirty_forced_write)
{
	char *mem = gup_map_anon(psize());

	if (!softdirty_supported())
		SKIP(return, "needs CONFIG_MEM_SOFT_DIRTY");
	mem[0] = 1;
	MUST(!mprotect(mem, psize(), PROT_READ));
	EXPECT_TRUE(forced_write_marks(mem));
}

TEST(soft_dirty_forced_write_thp)
{
	char *mem = gup_map_thp(GUP_HUGE_SIZE);

	if (!softdirty_supported())
		SKIP(return, "needs CONFIG_MEM_SOFT_DIRTY");
	if (!mem)
		SKIP(return, NO_THP);
	MUST(!mprotect(mem, GUP_HUGE_SIZE, PROT_READ));
	EXPECT_TRUE(forced_write_marks(mem + 9 * psize()));
}

/* Secret memory */

/*
 * Guards secretmem against the fast path (CVE-2024-35872). The pages are in the
 * table: only a look at their mapping stops it.
 */
TEST_F(access, secretmem)
{
	int fd = syscall(__NR_memfd_secret, 0);
	char *mem;

	if (fd < 0)
		SKIP(return, "needs CONFIG_SECRETMEM and secretmem.enable=1");
	MUST(!ftruncate(fd, self->len));
	mem = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	gup_fill(mem, self->len, OLD);
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, mem, psize()));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, mem, psize()));
	EXPECT_EQ(EFAULT, mem_to_pipe(mem, psize()));
	EXPECT_EQ(EFAULT, register_with_ring(mem, psize()));
	EXPECT_EQ(EFAULT, read_from_child(mem, psize()));
	EXPECT_EQ(-1, gup_force_write(mem, "junk", 4));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, madvise(mem, psize(), MADV_POPULATE_READ));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(self->len, gup_differs(mem, self->len, OLD));
}

/* The driver asks for long-term pins, by the fast and the slow path. */
TEST_F(access, secretmem_pins)
{
	int fd = syscall(__NR_memfd_secret, 0);
	char *mem;

	if (access(GUP_DRIVER, F_OK))
		SKIP(return, NO_DRIVER);
	if (fd < 0)
		SKIP(return, "needs CONFIG_SECRETMEM and secretmem.enable=1");
	MUST(!ftruncate(fd, self->len));
	mem = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	gup_fill(mem, self->len, OLD);
	for (unsigned int flags = 0; flags < 4; flags++)
		EXPECT_NE(0, pin_by_driver(mem, psize(), flags));
	EXPECT_EQ(0, pin_by_driver(self->mem, psize(), PIN_LONGTERM_TEST_FLAG_USE_FAST));
}

/* Device memory */

/* Guards "refuse VM_IO/VM_PFNMAP". Only access() of the VMA gets there. */
TEST_F(access, device_memory)
{
	int fd = open("/dev/mem", O_RDONLY);
	char *mem = fd < 0 ? MAP_FAILED :
		    mmap(NULL, psize(), PROT_READ, MAP_SHARED, fd, 0xf0000);

	if (mem == MAP_FAILED)
		SKIP(return, "needs root and CONFIG_DEVMEM, to map the BIOS at 0xf0000");
	MUST(check_vmflag_pfnmap(mem));
	FORCE_READ(mem[0]);
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, mem, psize()));
	EXPECT_EQ(EFAULT, mem_to_pipe(mem, psize()));
	EXPECT_EQ(EFAULT, read_from_child(mem, 8));
	EXPECT_EQ(-1, madvise(mem, psize(), MADV_POPULATE_READ));
	EXPECT_EQ(EINVAL, errno);
}

/* Inaccessible memory */

/* Guards the entry rule of the fast path: what mprotect() took away stays away. */
TEST_F(access, prot_none)
{
	MUST(!mprotect(self->mem, self->len, PROT_NONE));
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, self->mem, self->len));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, self->mem, self->len));
	EXPECT_EQ(EFAULT, mem_to_pipe(self->mem, self->len));
	EXPECT_EQ(EFAULT, register_with_ring(self->mem, self->len));
	MUST(!mprotect(self->mem, self->len, PROT_READ));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
}

TEST_F(access, prot_none_thp)
{
	char *thp = gup_map_thp(GUP_HUGE_SIZE);

	if (!thp)
		SKIP(return, NO_THP);
	MUST(!mprotect(thp, GUP_HUGE_SIZE, PROT_NONE));
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, thp + psize(), psize()));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, thp + psize(), psize()));
	MUST(!mprotect(thp, GUP_HUGE_SIZE, PROT_READ));
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, thp + psize(), psize()));
	EXPECT_EQ(0, mem_to_disk(&self->disk, thp + psize(), psize()));
}

/* Guards the rule for non-present entries: a guard marker faults for FORCE as well. */
TEST_F(access, guard_region)
{
	char *guard = self->mem + 2 * psize();
	char buf[8];
	int fd = gup_open_mem(getpid());

	if (madvise(guard, psize(), MADV_GUARD_INSTALL))
		SKIP(return, "needs MADV_GUARD_INSTALL");
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, guard, psize()));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, guard, psize()));
	EXPECT_EQ(EFAULT, mem_to_pipe(guard, psize()));
	EXPECT_EQ(EFAULT, register_with_ring(self->mem, self->len));
	EXPECT_EQ(-1, pread(fd, buf, sizeof(buf), (uintptr_t)guard));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, madvise(self->mem, self->len, MADV_POPULATE_READ));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(2 * psize(), pread(self->disk.fd, self->mem, 4 * psize(), 0));
}

/* Guards "the stack is NOT expanded". This is too far below to be a mistake. */
TEST_F(access, below_stack)
{
	char *area = gup_mmap(1024 * psize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *stack = area + 768 * psize(), *below = stack - 64 * psize();

	MUST(!munmap(area, 1024 * psize()));
	MUST(mmap(stack, psize(), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE,
		  -1, 0) == stack);
	stack[0] = 1;
	EXPECT_EQ(EFAULT, disk_to_mem(&self->disk, below, psize()));
	EXPECT_EQ(EFAULT, mem_to_disk(&self->disk, below, psize()));
	EXPECT_EQ(EFAULT, mem_to_pipe(below, psize()));
	EXPECT_EQ(EFAULT, read_from_child(below, psize()));
	EXPECT_EQ(-1, mincore(stack - psize(), psize(), (unsigned char[1]) { 0 }));
	EXPECT_EQ(ENOMEM, errno);
	/* the process itself may go there, and then so may the kernel */
	below[0] = 1;
	EXPECT_EQ(0, disk_to_mem(&self->disk, below, psize()));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
