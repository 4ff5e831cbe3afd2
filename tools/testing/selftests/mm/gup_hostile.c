// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile callers: sizes, addresses, counts and flags at and beyond each limit, for every
 * ioctl of /sys/kernel/debug/gup_test and for what else leads to get_user_pages(). Each
 * must be refused with the right errno, touch nothing and leave nothing pinned. Whoever
 * runs this looks for warnings in the kernel's log.
 */
#include <limits.h>
#include <linux/futex.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/time.h>

#include <samples/gup/gup_sample.h>

#include "gup_disk.h"

#define SEED		1
#define NR_PAGES	8
#define TIB		(1024 * GIB)
#define VSYSCALL	0xffffffffff600000ull
/* Ends of user and of kernel addresses, with page tables of four and of five levels. */
#define END_4		0x800000000000ull
#define END_5		0x100000000000000ull
#define KERNEL_4	0xffff800000000000ull
#define KERNEL_5	0xff00000000000000ull
#define KERNEL_TEXT	0xffffffff81000000ull
/* As many pages as the driver's array may have. */
#define MAX_PAGES	(INT_MAX / sizeof(void *) - 1)
/* A machine without KVM needs its time to clear the array for a TiB. */
#define SECONDS		600

/* FOLL_* flags, see include/linux/mm_types.h */
#define WRITE		0x1
#define DUMP		0x4
#define FORCE		0x8
#define NOWAIT		0x10
#define NOFAULT		0x20
#define HWPOISON	0x40
#define ANON		0x80
#define LONGTERM	0x100
#define SPLIT_PMD	0x200
#define P2PDMA		0x400
#define INTERRUPTIBLE	0x800
#define NUMA_FAULT	0x1000
#define FAST_FLAGS	(WRITE | FORCE | NOFAULT | P2PDMA | NUMA_FAULT)
#define SLOW_FLAGS	(FAST_FLAGS | DUMP | NOWAIT | HWPOISON | ANON | SPLIT_PMD | INTERRUPTIBLE)

static const struct command {
	const char *name;
	unsigned int cmd;
	unsigned int flags;	/* that user space may add */
	bool longterm;		/* it always is */
	bool fast;
} commands[] = {
	{ "get fast", GUP_FAST_BENCHMARK, FAST_FLAGS, .fast = true },
	{ "pin fast", PIN_FAST_BENCHMARK, FAST_FLAGS | LONGTERM, .fast = true },
	{ "get", GUP_BASIC_TEST, SLOW_FLAGS },
	{ "pin", PIN_BASIC_TEST, SLOW_FLAGS | LONGTERM },
	{ "pin long-term", PIN_LONGTERM_BENCHMARK, SLOW_FLAGS | LONGTERM, .longterm = true },
	{ "dump", DUMP_USER_PAGES_TEST, SLOW_FLAGS },
};

#define COMMANDS_END	(commands + ARRAY_SIZE(commands))

/* No one may have mapped any of these. */
static const uint64_t bad_addresses[] = {
	0, 1, 0xfff, 0x1000,
	END_4 - 0x1000, END_4 - 1, END_4, END_4 + 0x1000,
	END_5 - 0x1000, END_5 - 1, END_5, END_5 + 0x1000,
	LONG_MAX - 0xfff, LONG_MAX, 1ull << 63,
	KERNEL_5, KERNEL_4, KERNEL_TEXT,
	VSYSCALL - 0x1000, VSYSCALL + 0x1000,
	-0x2000ull, -0x1000ull, -1ull,
};

static const uint64_t sizes[] = {
	0, 1, 0xfff, 0x1000, 0x1001, 0x2000,
	(MAX_PAGES + 1) * 0x1000ull, 4 * TIB,
	LONG_MAX - 0xfff, LONG_MAX, 1ull << 63,
	-0x2000ull, -0x1000ull, -1ull,
};

FIXTURE(driver) {
	int fd;
	char *mem;
	size_t len;
	long held;
};

FIXTURE_SETUP(driver)
{
	self->fd = gup_driver();
	if (self->fd < 0)
		SKIP(return, NO_DRIVER);
	MUST(psize() == 0x1000);
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, SEED);
	self->held = gup_pins_held();
}

/* Whatever was tried, nothing was touched, and nothing stays pinned. */
FIXTURE_TEARDOWN(driver)
{
	if (self->fd < 0)
		return;
	close(self->fd);
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, SEED));
	EXPECT_EQ(self->held, gup_pins_held());
}

static struct gup_test request(uint64_t addr, uint64_t size)
{
	return (struct gup_test) { .addr = addr, .size = size, .nr_pages_per_call = NR_PAGES };
}

/* Returns 0 or a negative errno. A request that fails is not written to. */
static int run(int fd, const struct command *c, struct gup_test *args)
{
	struct gup_test before = *args;

	if (!ioctl(fd, c->cmd, args))
		return 0;
	MUST(!memcmp(&before, args, sizeof(before)));
	return -errno;
}

/* What a range of which nothing is mapped leads to. */
static int range_error(uint64_t addr, uint64_t size)
{
	if (!size || size % 0x1000)
		return -EINVAL;
	if (addr + size < addr)
		return -EOVERFLOW;
	if (size / 0x1000 > MAX_PAGES)
		return -E2BIG;
	return -EFAULT;
}

TEST_F(driver, addresses_and_sizes)
{
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
			for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
				struct gup_test args = request(bad_addresses[i], sizes[j]);

				int want = range_error(args.addr, args.size);

				EXPECT_EQ(want, run(self->fd, c, &args))
					TH_LOG("%s: 0x%llx, 0x%llx bytes", c->name,
					       args.addr, args.size);
			}
		}
	}
}

/* It ends where the mapping does, whatever the alignment. */
TEST_F(driver, end_of_mapping)
{
	MUST(!munmap(self->mem + 5 * psize(), 3 * psize()));
	self->len = 5 * psize();
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		uintptr_t addr = (uintptr_t)self->mem + 3 * psize() + 77;
		struct gup_test args = request(addr, 4 * psize());

		EXPECT_EQ(0, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		EXPECT_EQ(2 * psize(), args.size) TH_LOG("%s", c->name);
		args = request((uintptr_t)self->mem + 5 * psize(), psize());
		EXPECT_EQ(-EFAULT, run(self->fd, c, &args)) TH_LOG("%s", c->name);
	}
}

TEST_F(driver, guard_page)
{
	if (madvise(self->mem + 2 * psize(), psize(), MADV_GUARD_INSTALL))
		SKIP(return, "needs MADV_GUARD_INSTALL");
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		struct gup_test args = request((uintptr_t)self->mem, 4 * psize());

		EXPECT_EQ(0, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		EXPECT_EQ(2 * psize(), args.size) TH_LOG("%s", c->name);
		args = request((uintptr_t)self->mem + 2 * psize(), psize());
		EXPECT_EQ(-EFAULT, run(self->fd, c, &args)) TH_LOG("%s", c->name);
	}
	EXPECT_EQ(-1, gup_pin(self->fd, self->mem, 4 * psize(), 0));
	EXPECT_EQ(EFAULT, errno);
	MUST(!munmap(self->mem + 2 * psize(), psize()));
	self->len = 2 * psize();
}

/* The page of vsyscalls can be read where it is mapped. It is never written to. */
TEST_F(driver, gate_area)
{
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		struct gup_test args = request(VSYSCALL, psize());
		int ret = run(self->fd, c, &args);

		EXPECT_TRUE(ret == -EFAULT || (!ret && !c->fast)) TH_LOG("%s: %d", c->name, ret);
		args = request(VSYSCALL, psize());
		args.gup_flags = WRITE;
		EXPECT_EQ(-EFAULT, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		args = request(VSYSCALL, psize());
		args.gup_flags = WRITE | FORCE;
		EXPECT_EQ(-EFAULT, run(self->fd, c, &args)) TH_LOG("%s", c->name);
	}
}

TEST_F(driver, pages_per_call)
{
	static const unsigned int counts[] = { 1, 3, INT_MAX, 1u << 31, UINT_MAX };

	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		struct gup_test args = request((uintptr_t)self->mem, self->len);

		args.nr_pages_per_call = 0;
		EXPECT_EQ(-EINVAL, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			args = request((uintptr_t)self->mem, self->len);
			args.nr_pages_per_call = counts[i];
			EXPECT_EQ(0, run(self->fd, c, &args)) TH_LOG("%s", c->name);
			EXPECT_EQ(self->len, args.size) TH_LOG("%s: %u", c->name, counts[i]);
		}
	}
}

static bool may_have(const struct command *c, unsigned int flags)
{
	unsigned int all = flags | (c->longterm ? LONGTERM : 0);

	return !(flags & ~c->flags) && (all & (LONGTERM | P2PDMA)) != (LONGTERM | P2PDMA);
}

/* Each flag, and each pair of them, known to the kernel or not. */
TEST_F(driver, flags)
{
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		for (unsigned int pair = 0; pair < 32 * 32; pair++) {
			struct gup_test args = request((uintptr_t)self->mem, self->len);
			int want;

			args.gup_flags = 1u << pair % 32 | 1u << pair / 32;
			want = may_have(c, args.gup_flags) ? 0 : -EINVAL;
			EXPECT_EQ(want, run(self->fd, c, &args))
				TH_LOG("%s: flags 0x%x", c->name, args.gup_flags);
			EXPECT_EQ(self->len, args.size)
				TH_LOG("%s: flags 0x%x", c->name, args.gup_flags);
		}
		for (unsigned int flag = 0; flag < 32; flag++) {
			struct gup_test args = request((uintptr_t)self->mem, self->len);

			if (c->cmd == DUMP_USER_PAGES_TEST && !flag)
				continue;
			args.test_flags = 1u << flag;
			EXPECT_EQ(-EINVAL, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		}
	}
}

/* All that a command may have at once. */
TEST_F(driver, all_flags)
{
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		struct gup_test args = request((uintptr_t)self->mem, self->len);

		args.gup_flags = c->flags & ~(P2PDMA | (c->fast ? 0 : LONGTERM));
		EXPECT_EQ(0, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		EXPECT_EQ(self->len, args.size) TH_LOG("%s", c->name);
		args.gup_flags = UINT_MAX;
		EXPECT_EQ(-EINVAL, run(self->fd, c, &args)) TH_LOG("%s", c->name);
	}
}

TEST_F(driver, pages_to_dump)
{
	static const unsigned int wrong[] = { NR_PAGES + 1, INT_MAX, 1u << 31, UINT_MAX };
	const struct command *dump = &commands[ARRAY_SIZE(commands) - 1];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct gup_test args = request((uintptr_t)self->mem, self->len);

		args.which_pages[7] = wrong[i];
		EXPECT_EQ(-EINVAL, run(self->fd, dump, &args)) TH_LOG("page %u", wrong[i]);
	}
}

/* Pointers, and numbers of ioctls */

TEST_F(driver, pointers)
{
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
			EXPECT_EQ(-1, ioctl(self->fd, c->cmd, bad_addresses[i]));
			EXPECT_EQ(EFAULT, errno) TH_LOG("%s: 0x%lx", c->name, bad_addresses[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_START, bad_addresses[i]));
		EXPECT_EQ(EFAULT, errno);
	}
}

/* The result cannot be written: what was taken is released all the same. */
TEST_F(driver, read_only_request)
{
	struct gup_test *args = (struct gup_test *)gup_map_anon(psize());

	*args = request((uintptr_t)self->mem, self->len);
	MUST(!mprotect(args, psize(), PROT_READ));
	for (const struct command *c = commands; c < COMMANDS_END; c++) {
		EXPECT_EQ(-1, ioctl(self->fd, c->cmd, args));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(self->held, gup_pins_held());
	}
}

TEST_F(driver, numbers)
{
	struct gup_test args = request((uintptr_t)self->mem, self->len);

	for (unsigned int nr = 0; nr < 256; nr++) {
		EXPECT_EQ(-1, ioctl(self->fd, _IOW('g', nr, char[3]), &args));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("%u", nr);
	}
	EXPECT_EQ(-1, ioctl(self->fd, _IOWR('g', 10, struct gup_test), &args));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, read(self->fd, &args, 1));
	EXPECT_EQ(-1, write(self->fd, &args, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, psize(), PROT_READ, MAP_SHARED, self->fd, 0));
}

/* Long-term pins that stay */

static int start(int fd, uint64_t addr, uint64_t size, unsigned int flags)
{
	struct pin_longterm_test args = { .addr = addr, .size = size, .flags = flags };

	return ioctl(fd, PIN_LONGTERM_TEST_START, &args) ? -errno : 0;
}

TEST_F(driver, start_addresses_and_sizes)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			for (unsigned int flags = 0; flags < 4; flags++) {
				uint64_t addr = bad_addresses[i], size = sizes[j];
				int want = addr % 0x1000 ? -EINVAL : range_error(addr, size);

				EXPECT_EQ(want, start(self->fd, addr, size, flags))
					TH_LOG("0x%lx, 0x%lx bytes, flags %u", addr, size, flags);
			}
		}
	}
	/* None has left anything behind that would be in the way. */
	EXPECT_EQ(0, start(self->fd, (uintptr_t)self->mem, self->len, 0));
}

TEST_F(driver, start_flags)
{
	for (unsigned int flag = 2; flag < 32; flag++) {
		EXPECT_EQ(-EINVAL, start(self->fd, (uintptr_t)self->mem, self->len, 1u << flag))
			TH_LOG("flag %u", flag);
	}
}

TEST_F(driver, order_of_calls)
{
	uint64_t dst = (uintptr_t)gup_map_anon(self->len);

	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_STOP));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_READ, &dst));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	EXPECT_EQ(-EBUSY, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	EXPECT_EQ(self->held + NR_PAGES, gup_pins_held());
	EXPECT_EQ(0, ioctl(self->fd, PIN_LONGTERM_TEST_STOP));
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_STOP));
	/* A range with a hole leaves none of it pinned, and the file as it was. */
	MUST(!munmap(self->mem + 6 * psize(), psize()));
	EXPECT_EQ(-EFAULT, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	EXPECT_EQ(self->held, gup_pins_held());
	self->len = 6 * psize();
	EXPECT_EQ(0, start(self->fd, (uintptr_t)self->mem, self->len, 0));
}

TEST_F(driver, read_to_wrong_addresses)
{
	char *dst = gup_map_anon(2 * self->len);
	uint64_t addr;

	ASSERT_EQ(0, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		addr = bad_addresses[i];
		EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_READ, &addr));
		EXPECT_EQ(EFAULT, errno) TH_LOG("0x%lx", addr);
		EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_READ, bad_addresses[i]));
		EXPECT_EQ(EFAULT, errno) TH_LOG("0x%lx", addr);
	}
	MUST(!mprotect(dst, self->len, PROT_READ));
	addr = (uintptr_t)dst;
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_EQ(EFAULT, errno);
	addr += self->len;
	EXPECT_EQ(0, ioctl(self->fd, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_EQ(self->len, gup_differs(dst + self->len, self->len, SEED));
}

static char *map_at(uint64_t addr)
{
	char *mem = mmap((void *)addr, psize(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* A destination that goes beyond the end of user addresses is not written to at all. */
TEST_F(driver, read_across_end_of_addresses)
{
	char *last = map_at(END_5 - 2 * psize());
	uint64_t addr;

	if (!last)
		last = map_at(END_4 - 2 * psize());
	if (!last)
		SKIP(return, "needs user addresses that end at 1 << 47 or 1 << 56");
	ASSERT_EQ(0, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	addr = (uintptr_t)last;
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_READ, &addr));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(psize(), gup_nonzero(last, psize()));
}

/* The pins are those of the file, whoever closes it. */
TEST_F(driver, file_of_a_dead_process)
{
	pid_t pid = gup_fork();

	if (!pid)
		_exit(start(self->fd, (uintptr_t)self->mem, self->len, 0));
	EXPECT_EQ(0, gup_join(pid));
	EXPECT_EQ(self->held + NR_PAGES, gup_pins_held());
}

/* Terabytes: more than there is memory, or time */

static char *map_terabytes(size_t len)
{
	char *mem = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(mem != MAP_FAILED);
	MUST(!madvise(mem, len, MADV_NOHUGEPAGE));
	return mem;
}

enum { RUN_COMMAND, RUN_START, RUN_POPULATE, RUN_LOCK, RUN_NR };

/*
 * Does not come back before it is killed, unless it is refused. The array for a
 * terabyte takes long to clear, and one command that has it will do.
 */
static void take_terabyte(int fd, int what, size_t command)
{
	const bool small = what == RUN_START || (what == RUN_COMMAND && command);
	const size_t len = small ? 64 * GIB : MAX_PAGES * psize();
	char *mem = map_terabytes(len);
	struct gup_test args = request((uintptr_t)mem, len);

	args.nr_pages_per_call = UINT_MAX;
	if (what == RUN_COMMAND)
		_exit(-run(fd, &commands[command], &args));
	if (what == RUN_START)
		_exit(-start(fd, (uintptr_t)mem, len, 0));
	if (what == RUN_POPULATE)
		_exit(madvise(mem, len, MADV_POPULATE_READ) ? errno : 0);
	_exit(mlock(mem, len) ? errno : 0);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {};

	MUST(!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid;
}

static void kill_amid(struct __test_metadata *_metadata, int fd, int what, size_t command)
{
	long before = gup_vmstat("nr_page_table_pages ");
	pid_t pid = gup_fork();
	int status;

	if (!pid)
		take_terabyte(fd, what, command);
	/* It is well under way, if not refused for lack of memory. */
	while (gup_vmstat("nr_page_table_pages ") < before + 256 && !has_ended(pid))
		usleep(10000);
	kill(pid, SIGKILL);
	status = gup_join(pid);
	EXPECT_TRUE(status == 128 + SIGKILL || status == ENOMEM) TH_LOG("%d: %d", what, status);
}

TEST_F_TIMEOUT(driver, terabyte_ends_with_fatal_signal, SECONDS)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		kill_amid(_metadata, self->fd, RUN_COMMAND, i);
	for (int what = RUN_START; what < RUN_NR; what++)
		kill_amid(_metadata, self->fd, what, 0);
}

static void do_nothing(int sig)
{
	(void)sig;
}

/* A signal with a handler ends what asks for it, between two calls, with what it has. */
TEST_F_TIMEOUT(driver, terabyte_ends_with_any_signal, SECONDS)
{
	const size_t len = 64 * GIB;
	struct gup_test args = request((uintptr_t)map_terabytes(len), len);
	struct itimerval timer = { .it_value.tv_usec = 300000, .it_interval.tv_usec = 300000 };
	struct sigaction action = { .sa_handler = do_nothing };
	int ret;

	args.nr_pages_per_call = 512;
	args.gup_flags = INTERRUPTIBLE;
	MUST(!sigaction(SIGALRM, &action, NULL));
	MUST(!setitimer(ITIMER_REAL, &timer, NULL));
	ret = run(self->fd, &commands[3], &args);
	timer = (struct itimerval) {};
	MUST(!setitimer(ITIMER_REAL, &timer, NULL));
	if (ret == -ENOMEM)
		SKIP(return, "needs 128 MiB of free memory");
	EXPECT_TRUE(ret == -EINTR || (!ret && args.size < len))
		TH_LOG("%d, %llu bytes", ret, args.size);
}

/* Other ways to get_user_pages() */

FIXTURE(other) {
	char *mem;
	char *copy;
	size_t len;
	long held;
};

FIXTURE_SETUP(other)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->copy = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, SEED);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(other)
{
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, SEED));
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

TEST_F(other, process_vm)
{
	const pid_t pid = getpid();
	struct iovec local = { .iov_base = self->copy, .iov_len = self->len };

	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		struct iovec remote = { .iov_base = (void *)bad_addresses[i], .iov_len = psize() };

		EXPECT_EQ(-EFAULT, result(process_vm_readv(pid, &local, 1, &remote, 1, 0)))
			TH_LOG("0x%lx", bad_addresses[i]);
		EXPECT_EQ(-EFAULT, result(process_vm_writev(pid, &local, 1, &remote, 1, 0)))
			TH_LOG("0x%lx", bad_addresses[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct iovec remote = { .iov_base = self->mem, .iov_len = sizes[i] };
		ssize_t ret = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		ssize_t want = sizes[i] < self->len ? sizes[i] : self->len;

		EXPECT_EQ(sizes[i] > LONG_MAX ? -EINVAL : want, result(ret))
			TH_LOG("0x%lx bytes", sizes[i]);
	}
	EXPECT_EQ(-EINVAL, result(process_vm_readv(pid, &local, 1, &local, 1, 1)));
	EXPECT_EQ(-EINVAL, result(process_vm_readv(pid, &local, 1, &local, IOV_MAX + 1, 0)));
}

TEST_F(other, proc_mem)
{
	int fd = gup_open_mem(getpid());

	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		const int error = bad_addresses[i] > LONG_MAX ? EINVAL : EIO;

		EXPECT_EQ(-error, result(pread(fd, self->copy, 8, bad_addresses[i])))
			TH_LOG("0x%lx", bad_addresses[i]);
		EXPECT_EQ(-error, result(pwrite(fd, self->copy, 8, bad_addresses[i])))
			TH_LOG("0x%lx", bad_addresses[i]);
	}
	close(fd);
}

TEST_F(other, vmsplice)
{
	int fds[2];

	MUST(!pipe(fds));
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		struct iovec iov = { .iov_base = (void *)bad_addresses[i], .iov_len = psize() };

		EXPECT_EQ(-EFAULT, result(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK)))
			TH_LOG("0x%lx", bad_addresses[i]);
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_F(other, fixed_buffers)
{
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	for (size_t i = 1; i < ARRAY_SIZE(bad_addresses); i++) {
		EXPECT_EQ(-1, gup_ring_register(&ring, (char *)bad_addresses[i], psize()))
			TH_LOG("0x%lx", bad_addresses[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] && sizes[i] <= self->len)
			continue;
		EXPECT_EQ(-1, gup_ring_register(&ring, self->mem, sizes[i]))
			TH_LOG("0x%lx bytes", sizes[i]);
	}
	gup_ring_close(&ring);
}

TEST_F(other, populate_and_lock)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		void *addr = (void *)bad_addresses[i];

		EXPECT_EQ(-1, madvise(addr, psize(), MADV_POPULATE_READ));
		EXPECT_TRUE(errno == ENOMEM || errno == EINVAL) TH_LOG("%p: %m", addr);
		EXPECT_EQ(-1, madvise(addr, psize(), MADV_POPULATE_WRITE));
		EXPECT_TRUE(errno == ENOMEM || errno == EINVAL) TH_LOG("%p: %m", addr);
		EXPECT_EQ(-1, mlock(addr, psize()));
		EXPECT_TRUE(errno == ENOMEM || errno == EINVAL) TH_LOG("%p: %m", addr);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] <= self->len)
			continue;
		EXPECT_EQ(-1, madvise(self->mem, sizes[i], MADV_POPULATE_READ))
			TH_LOG("0x%lx bytes", sizes[i]);
		/* mlock() rounds a length up, this one to 0. */
		if (sizes[i] > -0x1000ull)
			continue;
		EXPECT_EQ(-1, mlock(self->mem, sizes[i])) TH_LOG("0x%lx bytes", sizes[i]);
	}
}

TEST_F(other, futex)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		uint64_t addr = bad_addresses[i];

		EXPECT_EQ(addr % 4 ? -EINVAL : -EFAULT,
			  result(syscall(__NR_futex, addr, FUTEX_WAIT, 0, NULL, NULL, 0)))
			TH_LOG("0x%lx", addr);
	}
}

TEST_F(other, memfd)
{
	static const uint64_t offsets[] = {
		0, 0x1000, 0x8000, LONG_MAX - 0xfff, 1ull << 63, -0x1000ull,
	};
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create create = {};

	if (device < 0)
		SKIP(return, "needs CONFIG_UDMABUF");
	create.memfd = gup_memfd_sealed(self->len);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			/* The driver itself warns of an array of more than INT_MAX bytes. */
			if (sizes[j] / psize() > MAX_PAGES)
				continue;
			create.offset = offsets[i];
			create.size = sizes[j];
			if (offsets[i] < self->len && sizes[j] && !(sizes[j] % psize()) &&
			    sizes[j] <= self->len - offsets[i])
				continue;
			EXPECT_EQ(-EINVAL, result(ioctl(device, UDMABUF_CREATE, &create)))
				TH_LOG("0x%llx, 0x%llx bytes", create.offset, create.size);
		}
	}
	close(create.memfd);
	close(device);
}

/* The interfaces of older kernels */

static const char *const devices[] = {
	"2_6_30", "2_6_39", "3_9", "4_0", "4_6", "4_9", "4_10", "5_2", "5_6", "5_9", "6_3", "6_5",
};

static void try_device(struct __test_metadata *_metadata, int fd, const char *name)
{
	for (unsigned int how = 0; how < GUP_SAMPLE_NR; how++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
			for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
				struct gup_sample_range range = {
					.addr = bad_addresses[i],
					.size = sizes[j],
					.how = how,
					.flags = j % 4,
				};

				EXPECT_EQ(-1, ioctl(fd, GUP_SAMPLE_TAKE, &range))
					TH_LOG("%s: %u: 0x%lx, 0x%lx bytes", name, how,
					       bad_addresses[i], sizes[j]);
			}
		}
	}
}

TEST_F(other, older_interfaces)
{
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/gup_%s", devices[i]);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			SKIP(return, "needs CONFIG_SAMPLE_GUP and root");
		try_device(_metadata, fd, devices[i]);
		close(fd);
	}
}

TEST_F(other, todays_interfaces)
{
	static const unsigned int cmds[] = {
		GUP_SAMPLE_FILL, GUP_SAMPLE_REGISTER, GUP_SAMPLE_MIRROR, GUP_SAMPLE_NODE,
		GUP_SAMPLE_PEEK,
	};
	int fd = open("/dev/gup_today", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "needs CONFIG_SAMPLE_GUP and root");
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(bad_addresses); j++) {
			for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
				struct gup_sample_range range = {
					.addr = bad_addresses[j],
					.size = sizes[k],
				};

				EXPECT_EQ(-1, ioctl(fd, cmds[i], &range))
					TH_LOG("%zu: 0x%lx, 0x%lx bytes", i,
					       bad_addresses[j], sizes[k]);
				ioctl(fd, GUP_SAMPLE_RELEASE);
			}
		}
	}
	close(fd);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
