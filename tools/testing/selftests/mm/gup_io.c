// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O, vmsplice and fixed buffers of io_uring, with memory of each kind at odd
 * offsets. The device, the pipe and the process must see the same bytes.
 */
#include "gup_disk.h"
#include "gup_disturb.h"

#define RACE_SECONDS	2.0
#define SECTOR		512ul
#define DISK_SIZE	(4ul << 20)
#define OLD		1
#define NEW		2

GUP_HUGETLB_PAGES(32)

FIXTURE(io) {
	struct gup_disk disk;
	struct gup_ring ring;
	char *mem;
	char *copy;
	size_t len;
};

/* How folios of 64 KiB lie: one behind the other, or from the last to the first. */
enum layout {
	FORWARDS,
	BACKWARDS,
	BACKWARDS_TAILS,	/* of every other only the second half */
	BACKWARDS_HEADS,	/* of every other only the first half */
};

FIXTURE_VARIANT(io) {
	unsigned int kind;
	enum layout layout;
	bool device;		/* the page cache of a block device */
	bool mixed;		/* one page is a folio of its own */
};

FIXTURE_VARIANT_ADD(io, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(io, anon_64k) { .kind = GUP_ANON_64K };
FIXTURE_VARIANT_ADD(io, anon_64k_backwards) { .kind = GUP_ANON_64K, .layout = BACKWARDS };
FIXTURE_VARIANT_ADD(io, anon_64k_tails) { .kind = GUP_ANON_64K, .layout = BACKWARDS_TAILS };
FIXTURE_VARIANT_ADD(io, anon_64k_heads) { .kind = GUP_ANON_64K, .layout = BACKWARDS_HEADS };
FIXTURE_VARIANT_ADD(io, anon_64k_mixed) { .kind = GUP_ANON_64K, .mixed = true };
FIXTURE_VARIANT_ADD(io, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(io, thp_ptes) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(io, hugetlb) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(io, shmem) { .kind = GUP_SHMEM | GUP_SHARED };
FIXTURE_VARIANT_ADD(io, file_private) { .kind = GUP_SHMEM };
FIXTURE_VARIANT_ADD(io, device_shared) { .device = true };

/* Maps the second half of the disk, through the page cache of the device. */
static char *map_device(struct gup_disk *disk, size_t len)
{
	char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, disk->buffered,
			 DISK_SIZE - len);

	MUST(mem != MAP_FAILED);
	return mem;
}

/*
 * The allocator gives neighbours to neighbours. What is beyond the end of one would then
 * be right by accident.
 */
static char *map_backwards(enum layout layout, size_t len, const char **why)
{
	const size_t folio = 16 * psize();
	char *from = gup_map(GUP_ANON_64K, 2 * len, why);
	char *to = gup_mmap(len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	size_t size;

	for (size_t at = 0, i = 1; from && at < len; at += size, i++) {
		char *old = from + 2 * len - i * folio;

		size = i % 2 || layout == BACKWARDS ? folio : folio / 2;
		if (layout == BACKWARDS_TAILS)
			old += folio - size;
		if (size > len - at)
			size = len - at;
		MUST(mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to + at) == to + at);
	}
	return from ? to : NULL;
}

static char *map_laid_out(unsigned int kind, enum layout layout, size_t len, const char **why)
{
	if (layout == FORWARDS)
		return gup_map(kind, len, why);
	return map_backwards(layout, len, why);
}

FIXTURE_SETUP(io)
{
	const char *why = "";

	if (!gup_disk_open(&self->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	self->len = GUP_HUGE_SIZE;
	self->mem = variant->device ? map_device(&self->disk, self->len) :
				      map_laid_out(variant->kind, variant->layout, self->len, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	if (variant->mixed)
		MUST(!madvise(self->mem + 20 * psize(), psize(), MADV_DONTNEED));
	self->copy = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, OLD);
	gup_fill(self->copy, self->len, OLD);
}

FIXTURE_TEARDOWN(io)
{
	gup_disk_close(&self->disk);
}

/* Pieces of the memory: within a page, across pages, across a huge page's middle. */
static const struct piece {
	size_t off, len;
} pieces[] = {
	{ 0, SECTOR },
	{ 3 * SECTOR, 2 * SECTOR },
	{ 7 * SECTOR, 2 * SECTOR },
	{ SECTOR, 61 * SECTOR },
	{ 2045 * SECTOR, 517 * SECTOR },
	{ 9 * SECTOR, GUP_HUGE_SIZE - 11 * SECTOR },
};

/* Guards the prefix rule: result i belongs to start + i pages, for each kind. */
TEST_F(io, direct_read)
{
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct piece *p = &pieces[i];

		gup_fill(self->disk.data, p->len, NEW + i);
		ASSERT_EQ((ssize_t)p->len, pread(self->disk.fd, self->mem + p->off, p->len, 0));
		memcpy(self->copy + p->off, self->disk.data, p->len);
		EXPECT_EQ(0, memcmp(self->mem, self->copy, self->len))
			TH_LOG("read to offset %zu, %zu bytes", p->off, p->len);
	}
}

TEST_F(io, direct_write)
{
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct piece *p = &pieces[i];

		memset(self->disk.data, 0, p->len);
		ASSERT_EQ((ssize_t)p->len, pwrite(self->disk.fd, self->mem + p->off, p->len, 0));
		EXPECT_EQ(0, memcmp(self->disk.data, self->mem + p->off, p->len))
			TH_LOG("write from offset %zu, %zu bytes", p->off, p->len);
	}
}

TEST_F(io, vmsplice_and_read)
{
	size_t off = 11 * psize() + 77, len = 9 * psize() + 5;
	struct iovec iov = { .iov_base = self->mem + off, .iov_len = len };
	int fds[2];

	MUST(!pipe(fds));
	ASSERT_EQ((ssize_t)len, vmsplice(fds[1], &iov, 1, 0));
	ASSERT_EQ((ssize_t)len, read(fds[0], self->copy, len));
	EXPECT_EQ(0, memcmp(self->copy, self->mem + off, len));
}

/*
 * Long-term pins. Guards the VMA rule that refuses them on files which need
 * dirty tracking, here the device's page cache.
 */
TEST_F(io, fixed_buffer)
{
	struct gup_ring *ring = &self->ring;
	size_t off = 5 * SECTOR, len = self->len - 8 * SECTOR;
	int fd = self->disk.fd;

	if (!gup_ring_open(ring))
		SKIP(return, NO_URING);
	if (variant->device) {
		EXPECT_EQ(-1, gup_ring_register(ring, self->mem, self->len));
		EXPECT_EQ(EFAULT, errno);
		return;
	}
	ASSERT_EQ(0, gup_ring_register(ring, self->mem, self->len));
	gup_fill(self->mem, self->len, NEW);
	ASSERT_EQ((int)len, gup_ring_rw(ring, IORING_OP_WRITE_FIXED, fd, self->mem + off, len, 0));
	EXPECT_EQ(0, memcmp(self->disk.data, self->mem + off, len));

	gup_fill(self->disk.data, len, NEW + 1);
	gup_fill(self->copy, self->len, NEW);
	memcpy(self->copy + off, self->disk.data, len);
	ASSERT_EQ((int)len, gup_ring_rw(ring, IORING_OP_READ_FIXED, fd, self->mem + off, len, 0));
	EXPECT_EQ(0, memcmp(self->mem, self->copy, self->len));
	EXPECT_EQ(0, gup_ring_unregister(ring));
}

/* A piece of a registered buffer, told by an iovec if @vec. */
static int ring_piece(struct gup_ring *ring, int fd, bool write, bool vec, char *mem, int size)
{
	struct iovec iov = { .iov_base = mem, .iov_len = size };

	if (vec)
		return gup_ring_rw(ring, write ? IORING_OP_WRITEV_FIXED : IORING_OP_READV_FIXED,
				   fd, (char *)&iov, 1, 0);
	return gup_ring_rw(ring, write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED, fd, mem,
			   size, 0);
}

/* The buffer begins and ends within a page, and perhaps a folio. */
TEST_F(io, fixed_buffer_in_pieces)
{
	const size_t begin = 5 * psize() + 3 * SECTOR, len = self->len - 7 * psize();
	struct gup_ring *ring = &self->ring;
	int fd = self->disk.fd;

	if (variant->device)
		return;
	if (!gup_ring_open(ring))
		SKIP(return, NO_URING);
	ASSERT_EQ(0, gup_ring_register(ring, self->mem + begin, len));
	for (size_t i = 0; i < 2 * ARRAY_SIZE(pieces); i++) {
		const struct piece *p = &pieces[i / 2];
		const size_t left = len - p->off, at = begin + p->off;
		const int size = p->len < left ? p->len : left;

		gup_fill(self->disk.data, size, NEW + i);
		memcpy(self->copy + at, self->disk.data, size);
		ASSERT_EQ(size, ring_piece(ring, fd, false, i % 2, self->mem + at, size));
		EXPECT_EQ(0, memcmp(self->mem, self->copy, self->len))
			TH_LOG("read to offset %zu, %d bytes", at, size);
		memset(self->disk.data, 0, size);
		ASSERT_EQ(size, ring_piece(ring, fd, true, i % 2, self->mem + at, size));
		EXPECT_EQ(0, memcmp(self->disk.data, self->mem + at, size))
			TH_LOG("write from offset %zu, %d bytes", at, size);
	}
	EXPECT_EQ(0, gup_ring_unregister(ring));
}

/* Guards unpin: a ring that is closed with its buffers registered lets go of them. */
TEST_F(io, fixed_buffer_closed)
{
	long before = gup_pins_held();

	if (variant->device)
		return;
	if (!gup_ring_open(&self->ring))
		SKIP(return, NO_URING);
	ASSERT_EQ(0, gup_ring_register(&self->ring, self->mem, self->len));
	EXPECT_LT(before, gup_pins_held());
	gup_ring_close(&self->ring);
	EXPECT_EQ(before, gup_pins_settle(before));
}

/* What must be refused, and short transfers */

FIXTURE(refused) {
	struct gup_disk disk;
	char *mem;
	char *copy;
};

FIXTURE_SETUP(refused)
{
	if (!gup_disk_open(&self->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	self->mem = gup_map_anon(16 * psize());
	self->copy = gup_map_anon(16 * psize());
	gup_fill(self->mem, 16 * psize(), OLD);
	gup_fill(self->copy, 16 * psize(), OLD);
	gup_fill(self->disk.data, DISK_SIZE, NEW);
}

FIXTURE_TEARDOWN(refused)
{
	gup_disk_close(&self->disk);
}

/* Guards "a failure in the middle returns the prefix". */
TEST_F(refused, partial_at_hole)
{
	size_t want = 8 * psize() - SECTOR, have = 4 * psize() - SECTOR;
	char *at = self->mem + SECTOR;
	ssize_t ret;

	MUST(!munmap(self->mem + 4 * psize(), psize()));
	ret = pread(self->disk.fd, at, want, 0);
	EXPECT_EQ((ssize_t)have, ret);
	EXPECT_EQ(0, memcmp(at, self->disk.data, have));
	EXPECT_EQ(0, memcmp(self->mem + 5 * psize(), self->copy + 5 * psize(), 11 * psize()));

	ret = pwrite(self->disk.fd, at, want, DISK_SIZE / 2);
	EXPECT_EQ((ssize_t)have, ret);
	EXPECT_EQ(0, memcmp(at, self->disk.data + DISK_SIZE / 2, have));

	EXPECT_EQ(-1, pread(self->disk.fd, self->mem + 4 * psize(), psize(), 0));
	EXPECT_EQ(EFAULT, errno);
}

/* Guards the VMA and entry rules for writes: fast path (page there) and slow. */
TEST_F(refused, read_to_readonly)
{
	char *untouched = gup_map_anon(psize());

	MUST(!mprotect(self->mem, 16 * psize(), PROT_READ));
	MUST(!mprotect(untouched, psize(), PROT_READ));
	EXPECT_EQ(-1, pread(self->disk.fd, self->mem, psize(), 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(self->disk.fd, untouched, psize(), 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(16 * psize(), gup_differs(self->mem, 16 * psize(), OLD));

	EXPECT_EQ((ssize_t)psize(), pwrite(self->disk.fd, self->mem, psize(), 0));
	EXPECT_EQ(psize(), gup_differs(self->disk.data, psize(), OLD));
	EXPECT_EQ((ssize_t)psize(), pwrite(self->disk.fd, untouched, psize(), 0));
	EXPECT_EQ(psize(), gup_nonzero(self->disk.data, psize()));
}

TEST_F(refused, fixed_buffer)
{
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	MUST(!mprotect(self->mem + 2 * psize(), psize(), PROT_READ));
	MUST(!munmap(self->mem + 6 * psize(), psize()));
	EXPECT_EQ(-1, gup_ring_register(&ring, self->mem, 4 * psize()));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, gup_ring_register(&ring, self->mem + 5 * psize(), 2 * psize()));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, gup_ring_register(&ring, self->mem + 6 * psize(), psize()));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, gup_ring_register(&ring, self->mem, 2 * psize()));
}

/* Guards "zero pages are never pinned": their reference count must not move. */
TEST_F(refused, zero_pages_not_counted)
{
	char *zero = gup_map_anon(16 * psize());
	long before;

	for (size_t i = 0; i < 16; i++)
		FORCE_READ(zero[i * psize()]);
	before = gup_pins_acquired();
	EXPECT_EQ((ssize_t)(16 * psize()), pwrite(self->disk.fd, zero, 16 * psize(), 0));
	EXPECT_EQ(before, gup_pins_acquired());
	EXPECT_EQ(16 * psize(), gup_nonzero(self->disk.data, 16 * psize()));
	EXPECT_EQ((ssize_t)(16 * psize()), pwrite(self->disk.fd, self->mem, 16 * psize(), 0));
	EXPECT_EQ(before + 16, gup_pins_acquired());
}

/* Reads that end within a block, as the memory behind is not there */

#define BLOCK		4096u

FIXTURE(cut) {
	struct gup_disk disk;
	char *mem;
	char *none;
};

FIXTURE_VARIANT(cut) {
	unsigned int kind;
	/* What comes before the memory that is not there: how many bytes at which offset. */
	struct {
		size_t offset;
		size_t len;
	} part[3];
};

FIXTURE_VARIANT_ADD(cut, page_of_entry) {
	.kind = GUP_THP, .part = { { 0, BLOCK + SECTOR } }
};

FIXTURE_VARIANT_ADD(cut, entry_of_two_pages) {
	.kind = GUP_THP, .part = { { 0, BLOCK }, { 9 * BLOCK - SECTOR, 2 * SECTOR } }
};

FIXTURE_VARIANT_ADD(cut, several_entries) {
	.kind = GUP_THP,
	.part = { { BLOCK, BLOCK }, { 9 * BLOCK - SECTOR, 2 * SECTOR }, { 0, SECTOR } }
};

FIXTURE_VARIANT_ADD(cut, entry_within_page) {
	.kind = GUP_THP, .part = { { SECTOR, BLOCK }, { 9 * BLOCK + SECTOR, SECTOR } }
};

FIXTURE_VARIANT_ADD(cut, small_pages) {
	.kind = GUP_ANON, .part = { { 0, BLOCK + SECTOR }, { 9 * BLOCK - SECTOR, 2 * SECTOR } }
};

FIXTURE_VARIANT_ADD(cut, less_than_block) {
	.kind = GUP_THP, .part = { { 9 * BLOCK - SECTOR, 2 * SECTOR } }
};

FIXTURE_SETUP(cut)
{
	const char *why;

	if (!gup_disk_open(&self->disk, DISK_SIZE))
		SKIP(return, NO_DISK);
	MUST(!ioctl(self->disk.buffered, LOOP_SET_BLOCK_SIZE, BLOCK));
	self->mem = gup_map(variant->kind, GUP_HUGE_SIZE, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->none = gup_mmap(psize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	gup_fill(self->disk.data, DISK_SIZE, NEW);
}

FIXTURE_TEARDOWN(cut)
{
	gup_disk_close(&self->disk);
}

/*
 * Guards "what a bio is cut by is not released": one pin was, of as many pages as it may be.
 * The device reads whole blocks. What is left before the hole comes from the page cache.
 */
TEST_F(cut, releases_all)
{
	struct iovec iov[ARRAY_SIZE(variant->part) + 1];
	const long before = gup_pins_held();
	const char *data = self->disk.data;
	size_t len = 0;
	int nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variant->part) && variant->part[i].len; i++) {
		iov[nr].iov_base = self->mem + variant->part[i].offset;
		iov[nr++].iov_len = variant->part[i].len;
		len += variant->part[i].len;
	}
	iov[nr].iov_base = self->none;
	iov[nr].iov_len = BLOCK - len % BLOCK;

	EXPECT_EQ(len < BLOCK ? -1 : (ssize_t)len, preadv(self->disk.fd, iov, nr + 1, 0));
	for (int i = 0; len >= BLOCK && i < nr; data += iov[i++].iov_len)
		EXPECT_EQ(0, memcmp(iov[i].iov_base, data, iov[i].iov_len));
	EXPECT_EQ(before, gup_pins_settle(before));
}

/* Direct reads racing fork */

#define RACE_PAGES	64

/* Writes to the last byte of each page. If that copied the page, the read would be lost. */
static void touch_pages(struct gup_disturber *d)
{
	for (size_t end = psize(); end <= d->len; end += psize())
		__atomic_add_fetch(d->mem + end - 1, 1, __ATOMIC_RELAXED);
	sched_yield();
}

/* The first sector of each page is read by one call. */
static void scatter(struct iovec *iov, char *mem)
{
	for (size_t i = 0; i < RACE_PAGES; i++) {
		iov[i].iov_base = mem + i * psize();
		iov[i].iov_len = SECTOR;
	}
}

static bool reads_back(const char *mem, const char *data)
{
	for (size_t i = 0; i < RACE_PAGES; i++)
		if (memcmp(mem + i * psize(), data + i * SECTOR, SECTOR))
			return false;
	return true;
}

/* Guards write_protect_seq: what the device writes is what the process reads. */
TEST_F(refused, direct_read_races_fork)
{
	struct gup_disturber forker = { .once = gup_fork_child };
	struct gup_disturber toucher = { .once = touch_pages, .len = RACE_PAGES * psize() };
	const ssize_t total = RACE_PAGES * SECTOR;
	char *mem = gup_map_anon(toucher.len);
	struct iovec iov[RACE_PAGES];
	double end = gup_now() + RACE_SECONDS;
	long rounds = 0;
	bool ok = true;

	toucher.mem = mem;
	scatter(iov, mem);
	gup_disturb_start(&forker);
	gup_disturb_start(&toucher);
	for (; ok && (gup_now() < end || !gup_load(&forker.times)); rounds++) {
		gup_fill(self->disk.data, total, rounds);
		ok = preadv(self->disk.fd, iov, RACE_PAGES, 0) == total &&
		     reads_back(mem, self->disk.data);
	}
	gup_disturb_stop(&forker);
	gup_disturb_stop(&toucher);
	EXPECT_TRUE(ok);
	TH_LOG("%ld rounds, %ld forks", rounds, forker.times);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
