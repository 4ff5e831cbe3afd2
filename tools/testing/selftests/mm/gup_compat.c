// SPDX-License-Identifier: GPL-2.0
/*
 * The get_user_pages() interfaces of older kernels. Each driver in samples/gup takes
 * a buffer of this process, reads it, writes to it and releases it, in each way that
 * the driver knows. The examples for today's functions come after that.
 */
#include "gup_common.h"

#include <samples/gup/gup_sample.h>

#define OLD	1
#define NEW	2

#define WAY(name)	(1u << GUP_SAMPLE_##name)
#define GET_FROM_ANY	(WAY(GET) | WAY(GET_NONBLOCKING) | WAY(GET_MAPPED))
#define ALL_WAYS	((1u << GUP_SAMPLE_NR) - 1)
#define PINS		(~0u << GUP_SAMPLE_PIN)
/* They find what is mapped, and fault nothing in for writing. */
#define LOOKUPS		(WAY(GET_MAPPED) | WAY(GET_DUMP))
/* They cannot force an access. */
#define UNFORCED	(LOOKUPS | WAY(GET_FAST) | WAY(PIN_FAST))

#define FORCED_WRITE	(GUP_SAMPLE_WRITE | GUP_SAMPLE_FORCE)

#define NR_PAGES	5

static const char *const way_names[GUP_SAMPLE_NR] = {
	[GUP_SAMPLE_GET] = "get", [GUP_SAMPLE_GET_REMOTE] = "get_remote",
	[GUP_SAMPLE_GET_LOCKED] = "get_locked", [GUP_SAMPLE_GET_UNLOCKED] = "get_unlocked",
	[GUP_SAMPLE_GET_FAST] = "get_fast", [GUP_SAMPLE_GET_LONGTERM] = "get_longterm",
	[GUP_SAMPLE_GET_NONBLOCKING] = "get_nonblocking", [GUP_SAMPLE_GET_MAPPED] = "get_mapped",
	[GUP_SAMPLE_GET_DUMP] = "get_dump", [GUP_SAMPLE_PIN] = "pin",
	[GUP_SAMPLE_PIN_REMOTE] = "pin_remote", [GUP_SAMPLE_PIN_LOCKED] = "pin_locked",
	[GUP_SAMPLE_PIN_UNLOCKED] = "pin_unlocked", [GUP_SAMPLE_PIN_FAST] = "pin_fast",
	[GUP_SAMPLE_PIN_LONGTERM] = "pin_longterm",
};

FIXTURE(level) {
	int fd;
	char *mem;
	char *buf;
	size_t len;
};

/* What each kernel had; the samples must say the same. */
FIXTURE_VARIANT(level) {
	const char *device;
	unsigned int ways;
	unsigned int remote;	/* those that can take other processes' memory */
};

FIXTURE_VARIANT_ADD(level, v2_6_30) {
	.device = "/dev/gup_2_6_30",
	.ways = WAY(GET) | WAY(GET_FAST),
	.remote = WAY(GET),
};

FIXTURE_VARIANT_ADD(level, v2_6_39) {
	.device = "/dev/gup_2_6_39",
	.ways = GET_FROM_ANY | WAY(GET_FAST) | WAY(GET_DUMP),
	.remote = GET_FROM_ANY,
};

FIXTURE_VARIANT_ADD(level, v3_9) {
	.device = "/dev/gup_3_9",
	.ways = GET_FROM_ANY | WAY(GET_FAST),
	.remote = GET_FROM_ANY,
};

FIXTURE_VARIANT_ADD(level, v4_0) {
	.device = "/dev/gup_4_0",
	.ways = WAY(GET) | WAY(GET_LOCKED) | WAY(GET_UNLOCKED) | WAY(GET_FAST) | WAY(GET_MAPPED),
	.remote = WAY(GET) | WAY(GET_LOCKED) | WAY(GET_UNLOCKED) | WAY(GET_MAPPED),
};

FIXTURE_VARIANT_ADD(level, v4_6) {
	.device = "/dev/gup_4_6",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_LOCKED) | WAY(GET_UNLOCKED) | WAY(GET_FAST),
	.remote = WAY(GET_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v4_9) {
	.device = "/dev/gup_4_9",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_LOCKED) | WAY(GET_UNLOCKED) | WAY(GET_FAST),
	.remote = WAY(GET_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v4_10) {
	.device = "/dev/gup_4_10",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_LONGTERM) | WAY(GET_UNLOCKED) | WAY(GET_FAST),
	.remote = WAY(GET_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v5_2) {
	.device = "/dev/gup_5_2",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_LONGTERM) | WAY(GET_FAST) | WAY(GET_MAPPED),
	.remote = WAY(GET_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v5_6) {
	.device = "/dev/gup_5_6",
	.ways = WAY(GET) | WAY(PIN) | WAY(PIN_REMOTE) | WAY(PIN_LONGTERM) | WAY(PIN_FAST),
	.remote = WAY(PIN_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v5_9) {
	.device = "/dev/gup_5_9",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_LOCKED) | WAY(GET_UNLOCKED) | WAY(GET_FAST) |
		WAY(PIN) | WAY(PIN_REMOTE) | WAY(PIN_LOCKED) | WAY(PIN_UNLOCKED) | WAY(PIN_FAST) |
		WAY(PIN_LONGTERM),
	.remote = WAY(GET_REMOTE) | WAY(PIN_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v6_3) {
	.device = "/dev/gup_6_3",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_FAST) | WAY(PIN) | WAY(PIN_REMOTE) |
		WAY(PIN_UNLOCKED) | WAY(PIN_FAST) | WAY(PIN_LONGTERM),
	.remote = WAY(GET_REMOTE) | WAY(PIN_REMOTE),
};

FIXTURE_VARIANT_ADD(level, v6_5) {
	.device = "/dev/gup_6_5",
	.ways = WAY(GET) | WAY(GET_REMOTE) | WAY(GET_UNLOCKED) | WAY(GET_FAST) | WAY(GET_DUMP) |
		WAY(PIN) | WAY(PIN_REMOTE) | WAY(PIN_UNLOCKED) | WAY(PIN_FAST) | WAY(PIN_LONGTERM),
	.remote = WAY(GET_REMOTE) | WAY(PIN_REMOTE),
};

FIXTURE_SETUP(level)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->buf = gup_map_anon(self->len);
	self->fd = open(variant->device, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		SKIP(return, "needs CONFIG_SAMPLE_GUP and root");
}

FIXTURE_TEARDOWN(level)
{
	if (self->fd >= 0)
		close(self->fd);
}

static int take_of(int fd, pid_t pid, unsigned int way, char *mem, size_t size, unsigned int flags)
{
	struct gup_sample_range range = {
		.addr = (uintptr_t)mem,
		.size = size,
		.how = way,
		.flags = flags,
		.pid = pid,
	};

	return ioctl(fd, GUP_SAMPLE_TAKE, &range) ? -errno : 0;
}

static int take(int fd, unsigned int way, char *mem, size_t size, unsigned int flags)
{
	return take_of(fd, 0, way, mem, size, flags);
}

static int release(int fd)
{
	return ioctl(fd, GUP_SAMPLE_RELEASE) ? -errno : 0;
}

/* Returns the next of the ways that are left, or GUP_SAMPLE_NR. */
static unsigned int pop_way(unsigned int *left)
{
	unsigned int way = *left ? __builtin_ctz(*left) : GUP_SAMPLE_NR;

	*left &= *left - 1;
	return way;
}

#define for_each_way(ways)				\
	for (unsigned int left = (ways) & ALL_WAYS, way; (way = pop_way(&left)) < GUP_SAMPLE_NR;)

/* Names the way that does not work. */
#define EXPECT_WAY(cond)	EXPECT_STREQ("", (cond) ? "" : way_names[way])

/* Guards each signature, and that reference and release belong together. */
TEST_F(level, reads_and_writes)
{
	const size_t off = 8 * 13, size = self->len - off - 8 * 5;

	for_each_way(variant->ways) {
		gup_fill(self->mem, self->len, OLD);
		EXPECT_WAY(!take(self->fd, way, self->mem + off, size, GUP_SAMPLE_WRITE));
		EXPECT_WAY(pread(self->fd, self->buf, self->len, 0) == (ssize_t)size);
		EXPECT_WAY(!memcmp(self->buf, self->mem + off, size));

		gup_fill(self->buf, self->len, NEW);
		EXPECT_WAY(pwrite(self->fd, self->buf, size, 0) == (ssize_t)size);
		EXPECT_WAY(!memcmp(self->buf, self->mem + off, size));
		EXPECT_WAY(*(uint64_t *)(self->mem + off - 8) == gup_word(OLD, off - 8));
		EXPECT_WAY(*(uint64_t *)(self->mem + off + size) == gup_word(OLD, off + size));
		/* The driver sees what the process writes. */
		gup_fill(self->mem, self->len, OLD);
		EXPECT_WAY(pread(self->fd, self->buf, self->len, 0) == (ssize_t)size);
		EXPECT_WAY(!memcmp(self->buf, self->mem + off, size));
		EXPECT_WAY(!release(self->fd));
	}
}

/* Guards the faulting in: nothing of the buffer is there yet. */
TEST_F(level, untouched_memory)
{
	for_each_way(variant->ways & ~LOOKUPS) {
		char *mem = gup_map_anon(self->len);

		gup_fill(self->buf, self->len, NEW);
		EXPECT_WAY(!take(self->fd, way, mem, self->len, GUP_SAMPLE_WRITE));
		EXPECT_WAY(pwrite(self->fd, self->buf, self->len, 0) == (ssize_t)self->len);
		EXPECT_WAY(gup_differs(mem, self->len, NEW) == self->len);
		EXPECT_WAY(!release(self->fd));
		munmap(mem, self->len);
	}
	/* Neither follow_page() nor get_dump_page() allocates a page. */
	for_each_way(variant->ways & LOOKUPS) {
		char *mem = gup_map_anon(self->len);

		EXPECT_WAY(take(self->fd, way, mem, self->len, 0) == -EFAULT);
		munmap(mem, self->len);
	}
}

/* Guards the accounting: a pin is counted as long as it lasts, a get never. */
TEST_F(level, pins_are_counted)
{
	const long before = gup_pins_held();

	gup_fill(self->mem, self->len, OLD);
	for_each_way(variant->ways) {
		const long want = ((1u << way) & PINS) ? NR_PAGES : 0;

		EXPECT_WAY(!take(self->fd, way, self->mem, self->len, GUP_SAMPLE_WRITE));
		EXPECT_WAY(gup_pins_held() - before == want);
		EXPECT_WAY(!release(self->fd));
		EXPECT_WAY(gup_pins_held() == before);
	}
}

/* Guards "write = 0 means the page must not be written". It needs less permission. */
TEST_F(level, read_only_memory)
{
	gup_fill(self->mem, self->len, OLD);
	MUST(!mprotect(self->mem, self->len, PROT_READ));
	for_each_way(variant->ways) {
		EXPECT_WAY(!take(self->fd, way, self->mem, self->len, 0));
		EXPECT_WAY(pread(self->fd, self->buf, self->len, 0) == (ssize_t)self->len);
		EXPECT_WAY(gup_differs(self->buf, self->len, OLD) == self->len);
		EXPECT_WAY(pwrite(self->fd, self->buf, 8, 0) == -1 && errno == EPERM);
		EXPECT_WAY(!release(self->fd));
	}
	for_each_way(variant->ways & ~WAY(GET_DUMP))
		EXPECT_WAY(take(self->fd, way, self->mem, psize(), GUP_SAMPLE_WRITE) == -EFAULT);
}

/* Guards force: a private mapping gets copies, the file stays as it is. */
TEST_F(level, force_copies_private_file)
{
	for_each_way(variant->ways & ~UNFORCED) {
		int fd = gup_file_filled(GUP_SHMEM, self->len, OLD);
		char *mem = gup_mmap(self->len, PROT_READ, MAP_PRIVATE, fd);

		gup_fill(self->buf, self->len, NEW);
		EXPECT_WAY(!take(self->fd, way, mem, self->len, FORCED_WRITE));
		EXPECT_WAY(pwrite(self->fd, self->buf, self->len, 0) == (ssize_t)self->len);
		EXPECT_WAY(gup_differs(mem, self->len, NEW) == self->len);
		EXPECT_WAY(gup_fd_differs(fd, self->len, OLD) == self->len);
		EXPECT_WAY(!release(self->fd));
		munmap(mem, self->len);
		close(fd);
	}
}

/* Guards "into a shared one, refused as every kernel since 3.15 does". */
TEST_F(level, force_does_not_write_shared_file)
{
	int fd = gup_file_filled(GUP_SHMEM, self->len, OLD);
	char *mem = gup_mmap(self->len, PROT_READ, MAP_SHARED, fd);

	for_each_way(variant->ways & ~UNFORCED)
		EXPECT_WAY(take(self->fd, way, mem, self->len, FORCED_WRITE) == -EFAULT);
	EXPECT_EQ(self->len, gup_fd_differs(fd, self->len, OLD));
	close(fd);
}

/* Guards the counts: what was taken in front of a hole is released again. */
TEST_F(level, hole)
{
	const long before = gup_pins_held();

	gup_fill(self->mem, self->len, OLD);
	MUST(!munmap(self->mem + 3 * psize(), psize()));
	for_each_way(variant->ways) {
		EXPECT_WAY(take(self->fd, way, self->mem, self->len, 0) == -EFAULT);
		EXPECT_WAY(!take(self->fd, way, self->mem, 3 * psize(), 0));
		EXPECT_WAY(!release(self->fd));
	}
	EXPECT_EQ(before, gup_pins_held());
}

/* The child waits for 1, expects NEW in the buffer, and says so by 2. */
static void child_with_buffer(char *mem, size_t len, int *steps)
{
	gup_fill(mem, len, OLD);
	gup_step(steps, 1);
	gup_wait(steps, 2);
	_exit(gup_differs(mem, len, NEW) == len ? 0 : 1);
}

/* Guards "tsk and mm may be another process's". Not every function takes them. */
TEST_F(level, other_process)
{
	gup_fill(self->mem, self->len, 3);
	for_each_way(variant->remote) {
		int *steps = gup_steps();
		pid_t pid = gup_fork();

		if (!pid)
			child_with_buffer(self->mem, self->len, steps);
		gup_wait(steps, 1);
		EXPECT_WAY(!take_of(self->fd, pid, way, self->mem, self->len, GUP_SAMPLE_WRITE));
		EXPECT_WAY(pread(self->fd, self->buf, self->len, 0) == (ssize_t)self->len);
		EXPECT_WAY(gup_differs(self->buf, self->len, OLD) == self->len);
		gup_fill(self->buf, self->len, NEW);
		EXPECT_WAY(pwrite(self->fd, self->buf, self->len, 0) == (ssize_t)self->len);
		EXPECT_WAY(!release(self->fd));
		gup_step(steps, 2);
		EXPECT_WAY(gup_join(pid) == 0);
		EXPECT_WAY(gup_differs(self->mem, self->len, 3) == self->len);
	}
	for_each_way(variant->ways & ~variant->remote)
		EXPECT_WAY(take_of(self->fd, getpid(), way, self->mem, 1, 0) == -EOPNOTSUPP);
}

/* Guards the table above: a level has its own interface, not that of another. */
TEST_F(level, no_other_way)
{
	for_each_way(~variant->ways)
		EXPECT_WAY(take(self->fd, way, self->mem, self->len, 0) == -EOPNOTSUPP);
}

/* Guards the release at close(): the pins fixture sees what is left. */
TEST_F(level, close_releases)
{
	gup_fill(self->mem, self->len, OLD);
	for_each_way(variant->ways) {
		EXPECT_WAY(!take(self->fd, way, self->mem, self->len, GUP_SAMPLE_WRITE));
		EXPECT_WAY(take(self->fd, way, self->mem, self->len, 0) == -EBUSY);
		close(self->fd);
		self->fd = open(variant->device, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fd);
		EXPECT_WAY(release(self->fd) == -EINVAL);
	}
}

/* The examples of the documentation, for today's functions */

FIXTURE(today) {
	int fd;
	char *mem;
	size_t len;
};

FIXTURE_SETUP(today)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->fd = open("/dev/gup_today", O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		SKIP(return, "needs CONFIG_SAMPLE_GUP and root");
}

FIXTURE_TEARDOWN(today)
{
	if (self->fd >= 0)
		close(self->fd);
}

static int ask(int fd, unsigned long cmd, char *mem, size_t size, pid_t pid)
{
	struct gup_sample_range range = {
		.addr = (uintptr_t)mem,
		.size = size,
		.pid = pid,
	};
	int ret = ioctl(fd, cmd, &range);

	return ret < 0 ? -errno : ret;
}

static bool is_filled(const char *mem, size_t len)
{
	while (len && FORCE_READ(*mem) == GUP_SAMPLE_BYTE) {
		mem++;
		len--;
	}
	return !len;
}

/* Guards the example of a DMA transfer: every byte of the buffer, and no other. */
TEST_F(today, dma)
{
	size_t off = 13, size = self->len - off - 9;

	ASSERT_EQ(0, ask(self->fd, GUP_SAMPLE_FILL, self->mem + off, size, 0));
	EXPECT_TRUE(is_filled(self->mem + off, size));
	EXPECT_EQ(off, gup_nonzero(self->mem, off));
	EXPECT_EQ(0, self->mem[off + size]);

	MUST(!mprotect(self->mem + 2 * psize(), psize(), PROT_READ));
	EXPECT_EQ(-EFAULT, ask(self->fd, GUP_SAMPLE_FILL, self->mem, self->len, 0));
	EXPECT_EQ(-EINVAL, ask(self->fd, GUP_SAMPLE_FILL, self->mem, 0, 0));
}

static long locked_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	MUST(f);
	while (kb < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "VmLck: %ld", &kb);
	fclose(f);
	MUST(kb >= 0);
	return kb;
}

/* Guards the example of registered memory: it stays pinned, and charged. */
TEST_F(today, registered)
{
	const long pins = gup_pins_held(), kb = locked_kb();

	ASSERT_EQ(0, ask(self->fd, GUP_SAMPLE_REGISTER, self->mem, self->len, 0));
	EXPECT_EQ(pins + NR_PAGES, gup_pins_held());
	EXPECT_EQ(kb + (long)self->len / 1024, locked_kb());
	EXPECT_EQ(-EBUSY, ask(self->fd, GUP_SAMPLE_REGISTER, self->mem, self->len, 0));
	ASSERT_EQ(0, release(self->fd));
	EXPECT_EQ(pins, gup_pins_held());
	EXPECT_EQ(kb, locked_kb());

	MUST(!munmap(self->mem + 3 * psize(), psize()));
	EXPECT_EQ(-EFAULT, ask(self->fd, GUP_SAMPLE_REGISTER, self->mem, self->len, 0));
	EXPECT_EQ(pins, gup_pins_held());
	EXPECT_EQ(kb, locked_kb());
}

/* Guards the example with an MMU notifier: the device loses what the process loses. */
TEST_F(today, mirrored)
{
	gup_fill(self->mem, self->len, OLD);
	ASSERT_EQ(0, ask(self->fd, GUP_SAMPLE_MIRROR, self->mem + psize(), 1, 0));
	EXPECT_EQ(1, ioctl(self->fd, GUP_SAMPLE_IS_MIRRORED));
	MUST(!madvise(self->mem, psize(), MADV_DONTNEED));
	EXPECT_EQ(1, ioctl(self->fd, GUP_SAMPLE_IS_MIRRORED));
	MUST(!madvise(self->mem + psize(), psize(), MADV_DONTNEED));
	EXPECT_EQ(0, ioctl(self->fd, GUP_SAMPLE_IS_MIRRORED));
	EXPECT_EQ(0, release(self->fd));

	/* And all of it when it ends, or has failed. */
	ASSERT_EQ(0, ask(self->fd, GUP_SAMPLE_MIRROR, self->mem + psize(), 1, 0));
	EXPECT_EQ(-EBUSY, ask(self->fd, GUP_SAMPLE_MIRROR, self->mem, 1, 0));
	EXPECT_EQ(0, release(self->fd));
	EXPECT_EQ(0, ioctl(self->fd, GUP_SAMPLE_IS_MIRRORED));
	MUST(!munmap(self->mem, psize()));
	EXPECT_EQ(-EFAULT, ask(self->fd, GUP_SAMPLE_MIRROR, self->mem, 1, 0));
	EXPECT_EQ(0, ask(self->fd, GUP_SAMPLE_MIRROR, self->mem + psize(), 1, 0));
}

/* Guards the example that looks at struct page only. */
TEST_F(today, node)
{
	int node = -1;

	self->mem[0] = 1;
	MUST(!syscall(__NR_get_mempolicy, &node, NULL, 0, self->mem, 3 /* node of address */));
	EXPECT_EQ(node, ask(self->fd, GUP_SAMPLE_NODE, self->mem + 99, 0, 0));
	MUST(!munmap(self->mem, psize()));
	EXPECT_EQ(-EFAULT, ask(self->fd, GUP_SAMPLE_NODE, self->mem, 0, 0));
}

/* Guards the example with another process. */
TEST_F(today, peek)
{
	int *steps = gup_steps();
	pid_t pid = gup_fork();

	if (!pid) {
		self->mem[psize() + 7] = 'x';
		gup_step(steps, 1);
		pause();
	}
	gup_wait(steps, 1);
	EXPECT_EQ('x', ask(self->fd, GUP_SAMPLE_PEEK, self->mem + psize() + 7, 1, pid));
	EXPECT_EQ(0, ask(self->fd, GUP_SAMPLE_PEEK, self->mem + psize() + 7, 1, 0));
	EXPECT_EQ(-EFAULT, ask(self->fd, GUP_SAMPLE_PEEK, NULL, 1, pid));
	kill(pid, SIGKILL);
	gup_join(pid);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
