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

#include <sys/resource.h>

#include <samples/gup/gup_sample.h>

#include "gup_disk.h"
#include "gup_flags.h"

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

#define FAST_FLAGS	(FOLL_WRITE | FOLL_FORCE | FOLL_NOFAULT | FOLL_PCI_P2PDMA | \
			 FOLL_HONOR_NUMA_FAULT)
#define SLOW_FLAGS	(FAST_FLAGS | FOLL_DUMP | FOLL_NOWAIT | FOLL_HWPOISON | FOLL_ANON | \
			 FOLL_SPLIT_PMD | FOLL_INTERRUPTIBLE)

static const struct command {
	const char *name;
	unsigned int cmd;
	unsigned int flags;	/* that user space may add */
	bool longterm;		/* it always is */
	bool fast;
} commands[] = {
	{ "get fast", GUP_FAST_BENCHMARK, FAST_FLAGS, .fast = true },
	{ "pin fast", PIN_FAST_BENCHMARK, FAST_FLAGS | FOLL_LONGTERM, .fast = true },
	{ "get", GUP_BASIC_TEST, SLOW_FLAGS },
	{ "pin", PIN_BASIC_TEST, SLOW_FLAGS | FOLL_LONGTERM },
	{ "pin long-term", PIN_LONGTERM_BENCHMARK, SLOW_FLAGS | FOLL_LONGTERM, .longterm = true },
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
		args.gup_flags = FOLL_WRITE;
		EXPECT_EQ(-EFAULT, run(self->fd, c, &args)) TH_LOG("%s", c->name);
		args = request(VSYSCALL, psize());
		args.gup_flags = FOLL_WRITE | FOLL_FORCE;
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
	const unsigned int together = FOLL_LONGTERM | FOLL_PCI_P2PDMA;
	unsigned int all = flags | (c->longterm ? FOLL_LONGTERM : 0);

	return !(flags & ~c->flags) && (all & together) != together;
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

		args.gup_flags = c->flags & ~(FOLL_PCI_P2PDMA | (c->fast ? 0 : FOLL_LONGTERM));
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

/* One call whose pages stay: a row for each function. @cmd is enum gup_test_api. */
static const struct command holders[] = {
	{ "get fast", GUP_TEST_GET_FAST, FAST_FLAGS, .fast = true },
	{ "get fast only", GUP_TEST_GET_FAST_ONLY, FOLL_WRITE, .fast = true },
	{ "get", GUP_TEST_GET, SLOW_FLAGS },
	{ "get unlocked", GUP_TEST_GET_UNLOCKED, SLOW_FLAGS },
	{ "get remote", GUP_TEST_GET_REMOTE, SLOW_FLAGS },
	{ "pin fast", GUP_TEST_PIN_FAST, FAST_FLAGS | FOLL_LONGTERM, .fast = true },
	{ "pin", GUP_TEST_PIN, SLOW_FLAGS | FOLL_LONGTERM },
	{ "pin unlocked", GUP_TEST_PIN_UNLOCKED, SLOW_FLAGS | FOLL_LONGTERM },
	{ "pin remote", GUP_TEST_PIN_REMOTE, SLOW_FLAGS | FOLL_LONGTERM },
};

#define HOLDERS_END	(holders + ARRAY_SIZE(holders))

static struct gup_test_hold hold_request(const struct command *c, uint64_t addr, uint64_t size,
					 unsigned int flags)
{
	return (struct gup_test_hold) {
		.addr = addr, .size = size, .api = c->cmd, .gup_flags = flags,
	};
}

/* Returns how many bytes are held, or a negative errno. */
static int64_t hold(int fd, struct gup_test_hold args)
{
	return ioctl(fd, GUP_TEST_HOLD, &args) ? -errno : (int64_t)args.size;
}

TEST_F(driver, hold_addresses_and_sizes)
{
	for (const struct command *c = holders; c < HOLDERS_END; c++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
			for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
				const uint64_t addr = bad_addresses[i], size = sizes[j];
				const int want = range_error(addr, size);
				int64_t ret = hold(self->fd, hold_request(c, addr, size, 0));

				/* It need not say why there is no page. */
				if (c->cmd == GUP_TEST_GET_FAST_ONLY && want == -EFAULT && !ret)
					continue;
				EXPECT_EQ(want, ret)
					TH_LOG("%s: 0x%lx, 0x%lx bytes", c->name, addr, size);
			}
		}
	}
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_STOP));
}

TEST_F(driver, hold_flags)
{
	const uint64_t addr = (uintptr_t)self->mem;

	for (const struct command *c = holders; c < HOLDERS_END; c++) {
		for (unsigned int pair = 0; pair < 32 * 32; pair++) {
			const unsigned int flags = 1u << pair % 32 | 1u << pair / 32;
			int64_t want = may_have(c, flags) ? (int64_t)self->len : -EINVAL;

			EXPECT_EQ(want, hold(self->fd, hold_request(c, addr, self->len, flags)))
				TH_LOG("%s: flags 0x%x", c->name, flags);
			if (want > 0)
				gup_unpin(self->fd);
		}
	}
}

TEST_F(driver, hold_functions)
{
	static const unsigned int wrong[] = { GUP_TEST_NR_APIS, INT_MAX, 1u << 31, UINT_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct gup_test_hold args = { (uintptr_t)self->mem, self->len, wrong[i], 0 };

		EXPECT_EQ(-EINVAL, hold(self->fd, args)) TH_LOG("%u", wrong[i]);
	}
}

/* What was taken for a request that cannot be written to is released. */
TEST_F(driver, hold_read_only_request)
{
	struct gup_test_hold *args = (struct gup_test_hold *)gup_map_anon(psize());

	for (const struct command *c = holders; c < HOLDERS_END; c++) {
		*args = hold_request(c, (uintptr_t)self->mem, self->len, 0);
		MUST(!mprotect(args, psize(), PROT_READ));
		EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_HOLD, args));
		EXPECT_EQ(EFAULT, errno) TH_LOG("%s", c->name);
		EXPECT_EQ(self->held, gup_pins_held()) TH_LOG("%s", c->name);
		MUST(!mprotect(args, psize(), PROT_READ | PROT_WRITE));
	}
	EXPECT_EQ(-1, ioctl(self->fd, PIN_LONGTERM_TEST_STOP));
}

TEST_F(driver, hold_pointers)
{
	static const unsigned int cmds[] = { GUP_TEST_HOLD, GUP_TEST_WRITE, GUP_TEST_EXCESS };
	const struct command *pin = &holders[GUP_TEST_PIN];

	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_HOLD, bad_addresses[i]));
		EXPECT_EQ(EFAULT, errno) TH_LOG("0x%lx", bad_addresses[i]);
	}
	ASSERT_EQ((int64_t)self->len,
		  hold(self->fd, hold_request(pin, (uintptr_t)self->mem, self->len, FOLL_WRITE)));
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(bad_addresses); j++) {
			EXPECT_EQ(-1, ioctl(self->fd, cmds[i], bad_addresses[j]));
			EXPECT_EQ(cmds[i] == GUP_TEST_HOLD ? EBUSY : EFAULT, errno)
				TH_LOG("%zu: 0x%lx", i, bad_addresses[j]);
		}
	}
}

TEST_F(driver, order_of_hold_calls)
{
	const struct gup_test_hold get = hold_request(&holders[GUP_TEST_GET],
						      (uintptr_t)self->mem, self->len, 0);
	struct gup_test_excess excess = { 1, 1 };
	uint64_t src = (uintptr_t)self->mem;

	EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_WRITE, &src));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_EXCESS, &excess));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((int64_t)self->len, hold(self->fd, get));
	EXPECT_EQ(-EBUSY, hold(self->fd, get));
	EXPECT_EQ(-EBUSY, start(self->fd, (uintptr_t)self->mem, self->len, 0));
	/* They were not taken for writing. */
	EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_WRITE, &src));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, ioctl(self->fd, GUP_TEST_EXCESS, &excess));
	EXPECT_EQ(0, excess.refs);
	EXPECT_EQ(0, excess.pinned);
	gup_unpin(self->fd);
	EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_EXCESS, &excess));
	EXPECT_EQ(EINVAL, errno);
}

/* All processes have it in common: nobody knows who has how many references. */
TEST_F(driver, huge_zero_folio)
{
	struct gup_test_excess excess = { 1, 1 };
	char *mem = gup_map_aligned(GUP_HUGE_SIZE);

	/* Without THP it is the small one, of which the same holds. */
	madvise(mem, GUP_HUGE_SIZE, MADV_HUGEPAGE);
	ASSERT_EQ(GUP_HUGE_SIZE, hold(self->fd, hold_request(&holders[GUP_TEST_GET],
							     (uintptr_t)mem, GUP_HUGE_SIZE, 0)));
	EXPECT_EQ(0, ioctl(self->fd, GUP_TEST_EXCESS, &excess));
	EXPECT_EQ(0, excess.refs);
	gup_unpin(self->fd);
	munmap(mem, GUP_HUGE_SIZE);
}

/* Nothing comes from where nothing can be read, in place of what is there. */
TEST_F(driver, write_from_wrong_addresses)
{
	const struct command *pin = &holders[GUP_TEST_PIN];
	char *src = gup_map_anon(self->len);
	uint64_t addr;

	ASSERT_EQ((int64_t)self->len,
		  hold(self->fd, hold_request(pin, (uintptr_t)self->mem, self->len, FOLL_WRITE)));
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		addr = bad_addresses[i];
		EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_WRITE, &addr));
		EXPECT_EQ(EFAULT, errno) TH_LOG("0x%lx", addr);
		EXPECT_EQ(self->len, gup_differs(self->mem, self->len, SEED))
			TH_LOG("0x%lx", addr);
	}
	/* Up to there it is copied. */
	gup_fill(src, self->len, SEED);
	MUST(!mprotect(src + 3 * psize(), psize(), PROT_NONE));
	addr = (uintptr_t)src;
	EXPECT_EQ(-1, ioctl(self->fd, GUP_TEST_WRITE, &addr));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, SEED));
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
	while (gup_vmstat("nr_page_table_pages ") < before + 64 && !has_ended(pid))
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
	args.gup_flags = FOLL_INTERRUPTIBLE;
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

/*
 * A terabyte of address space that is one small file, mapped over and over. What takes it
 * needs memory for what it has got, not for what was asked for.
 */

/* In seconds of CPU time: what is done before the signal, and to undo it. */
#define CPU_BEFORE	1
#define CPU_AFTER	100
#define SLACK		(16 * MIB)

FIXTURE(bounded) {
	char *mem;
	long held;
};

FIXTURE_VARIANT(bounded) {
	unsigned int kind;
	size_t chunk;	/* size of the file */
	size_t run;	/* the kernel may need to know each of such runs */
};

FIXTURE_VARIANT_ADD(bounded, small_pages) {
	.kind = GUP_SHMEM,
	.chunk = 64 * MIB,
	.run = 4 * KIB,
};

FIXTURE_VARIANT_ADD(bounded, huge_pages) {
	.kind = GUP_HUGETLB_2M,
	.chunk = 64 * MIB,
	.run = 2 * MIB,
};

FIXTURE_SETUP(bounded)
{
	const char *why;

	self->mem = gup_map_repeated(variant->kind, variant->chunk, TIB, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(bounded)
{
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

static size_t memory_of(const char *name)
{
	return gup_number_in("/proc/meminfo", name) * KIB;
}

/* All that is neither free, nor of files and processes, nor their page tables. */
static size_t kernel_memory(void)
{
	static const char *const others[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:", "PageTables:",
	};
	size_t bytes = memory_of("MemTotal:");

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		bytes -= memory_of(others[i]);
	return bytes;
}

/* CPU time of a process, in seconds. */
static double cpu_time(pid_t pid)
{
	unsigned long user, sys;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	MUST(f && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			 &user, &sys) == 2);
	fclose(f);
	return (double)(user + sys) / sysconf(_SC_CLK_TCK);
}

/* That of all children that have been waited for. */
static double cpu_time_of_dead(void)
{
	struct rusage usage;

	MUST(!getrusage(RUSAGE_CHILDREN, &usage));
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int register_all(char *mem, size_t len)
{
	struct gup_ring ring;

	MUST(gup_ring_open(&ring));
	return gup_ring_register(&ring, mem, len);
}

/* To read it, one part of it is written to. No call transfers more than INT_MAX allows. */
static int read_all(char *mem, size_t len)
{
	static struct iovec local[IOV_MAX], remote[IOV_MAX];
	const size_t most = INT_MAX & -psize(), part = len / IOV_MAX;
	ssize_t ret;

	for (size_t i = 0; i < IOV_MAX; i++) {
		local[i] = (struct iovec) { mem, part };
		remote[i] = (struct iovec) { mem + i * part, part };
	}
	ret = process_vm_readv(getpid(), local, IOV_MAX, remote, IOV_MAX, 0);
	if (ret >= 0)
		errno = EFAULT;
	return ret != (ssize_t)most;
}

static int populate_all(char *mem, size_t len)
{
	return madvise(mem, len, MADV_POPULATE_WRITE);
}

static int lock_all(char *mem, size_t len)
{
	return mlock(mem, len);
}

static const struct bounded_request {
	const char *name;
	int (*take)(char *mem, size_t len);
} bounded_requests[] = {
	{ "register", register_all },
	{ "read", read_all },
	{ "populate", populate_all },
	{ "lock", lock_all },
};

struct peak {
	size_t memory;	/* of the kernel */
	size_t pinned;	/* by whomever */
};

static void look_for_peak(struct peak *peak)
{
	const size_t memory = kernel_memory(), pinned = gup_pins_held() * psize();

	peak->memory = memory > peak->memory ? memory : peak->memory;
	peak->pinned = pinned > peak->pinned ? pinned : peak->pinned;
}

struct attempt {
	const struct bounded_request *request;
	char *mem;
	size_t len;
	size_t run;		/* as in the variant */
	double seconds;		/* of CPU time until it is killed; 0: it ends by itself */
};

/* Has a child that waits for its first step take memory. Returns how it ended. */
static int let_take(struct __test_metadata *_metadata, const struct attempt *a, pid_t pid,
		    int *steps)
{
	struct peak before = {}, most = {};
	const double dead = cpu_time_of_dead();
	double worked;
	size_t runs;
	int status;

	look_for_peak(&before);
	gup_step(steps, 1);
	while (!has_ended(pid) && (!a->seconds || cpu_time(pid) < a->seconds)) {
		look_for_peak(&most);
		usleep(10000);
	}
	worked = cpu_time(pid);
	kill(pid, SIGKILL);
	status = gup_join(pid);
	/* An array with an entry for each run grows by a factor of 8, and is copied. */
	runs = (most.pinned > before.pinned ? most.pinned - before.pinned : 0) / a->run;
	EXPECT_GT(before.memory + SLACK + 9 * runs * 16, most.memory)
		TH_LOG("%s: %zu KiB for %zu MiB", a->request->name,
		       (most.memory - before.memory) / KIB, runs * a->run / MIB);
	EXPECT_GT(CPU_AFTER, cpu_time_of_dead() - dead - worked) TH_LOG("%s", a->request->name);
	return status;
}

static int take_bounded(struct __test_metadata *_metadata, const struct attempt *a)
{
	int *steps = gup_steps();
	pid_t pid = gup_fork();
	int status;

	if (!pid) {
		gup_wait(steps, 1);
		_exit(a->request->take(a->mem, a->len) ? errno : 0);
	}
	status = let_take(_metadata, a, pid, steps);
	MUST(!munmap(steps, psize()));
	return status;
}

#define REQUESTS_END	(bounded_requests + ARRAY_SIZE(bounded_requests))

/* One that is through by then had enough of it. */
TEST_F_TIMEOUT(bounded, terabyte, SECONDS)
{
	for (const struct bounded_request *r = bounded_requests; r < REQUESTS_END; r++) {
		struct attempt a = { r, self->mem, TIB, variant->run, CPU_BEFORE };
		int status = take_bounded(_metadata, &a);

		EXPECT_TRUE(!status || status == 128 + SIGKILL) TH_LOG("%s: %d", r->name, status);
		EXPECT_EQ(self->held, gup_pins_settle(self->held)) TH_LOG("%s", r->name);
	}
}

/* To the end. If the pages have to be migrated, that looks into each mapping: let these be few. */
TEST_F_TIMEOUT(bounded, gigabytes, SECONDS)
{
	const size_t len = variant->run > 4 * KIB ? 16 * GIB : 256 * MIB;
	struct attempt a = { &bounded_requests[0], self->mem, len, variant->run };

	MUST(!munmap(self->mem + len, TIB - len));
	EXPECT_EQ(0, take_bounded(_metadata, &a));
}

/* Nothing is mapped behind the beginning: it ends there, by itself. */
TEST_F_TIMEOUT(bounded, mostly_unmapped, SECONDS)
{
	MUST(!munmap(self->mem + variant->chunk, TIB - variant->chunk));
	for (const struct bounded_request *r = bounded_requests; r < REQUESTS_END; r++) {
		struct attempt a = { r, self->mem, TIB, variant->run };

		EXPECT_NE(0, take_bounded(_metadata, &a)) TH_LOG("%s", r->name);
		EXPECT_EQ(self->held, gup_pins_settle(self->held)) TH_LOG("%s", r->name);
	}
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

static int register_buffers(struct gup_ring *ring, const struct iovec *iov, unsigned int nr)
{
	return result(syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, iov, nr));
}

/* see io_uring/rsrc.c of the kernel */
#define MAX_BUFFERS	16384u
#define MAX_BUFFER	TIB

TEST_F_TIMEOUT(other, number_of_fixed_buffers, SECONDS)
{
	static const unsigned int wrong[] = { 0, MAX_BUFFERS + 1, 1u << 31, UINT_MAX };
	static struct iovec iov[MAX_BUFFERS + 1];
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	for (size_t i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct iovec) { .iov_base = self->mem, .iov_len = psize() };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(-EINVAL, register_buffers(&ring, iov, wrong[i]))
			TH_LOG("%u", wrong[i]);
	}
	/* All of the same page; the last one is wrong at first, and all are released. */
	iov[MAX_BUFFERS - 1].iov_base = (void *)0x1000;
	EXPECT_EQ(-EFAULT, register_buffers(&ring, iov, MAX_BUFFERS));
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
	iov[MAX_BUFFERS - 1].iov_base = self->mem;
	EXPECT_EQ(0, register_buffers(&ring, iov, MAX_BUFFERS));
	EXPECT_EQ(self->held + MAX_BUFFERS, gup_pins_held());
	EXPECT_EQ(-EBUSY, register_buffers(&ring, iov, 1));
	EXPECT_EQ(0, gup_ring_unregister(&ring));
	EXPECT_EQ(-ENXIO, result(gup_ring_unregister(&ring)));
	for (size_t i = 1; i < ARRAY_SIZE(bad_addresses); i++) {
		const struct iovec *wrong_iov = (void *)bad_addresses[i];

		EXPECT_EQ(-EFAULT, register_buffers(&ring, wrong_iov, 1)) TH_LOG("%p", wrong_iov);
	}
	gup_ring_close(&ring);
}

#define TERABYTES	256

/* Each is of 1024 runs. Of so many, what others allocate meanwhile is a small part. */
TEST_F(other, terabytes_as_fixed_buffers)
{
	struct iovec iov[TERABYTES];
	struct gup_ring ring;
	const char *why;
	size_t before;
	char *mem;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	mem = gup_map_repeated(GUP_HUGETLB_1G, GIB, TIB, &why);
	if (!mem)
		SKIP(return, "%s", why);
	for (size_t i = 0; i < TERABYTES; i++)
		iov[i] = (struct iovec) { .iov_base = mem, .iov_len = TIB };
	/* Page tables */
	ASSERT_EQ(0, register_buffers(&ring, iov, 1));
	ASSERT_EQ(0, gup_ring_unregister(&ring));
	before = kernel_memory();
	ASSERT_EQ(0, register_buffers(&ring, iov, TERABYTES));
	EXPECT_GT(before + TERABYTES * 64 * KIB, kernel_memory());
	/* One pin of each page is enough: those of all pages of 4 KiB could not be counted. */
	EXPECT_EQ(self->held + TERABYTES * (long)(TIB / GIB), gup_pins_held());
	EXPECT_EQ(0, gup_ring_unregister(&ring));
	gup_ring_close(&ring);
	MUST(!munmap(mem, TIB));
}

TEST_F(other, size_of_fixed_buffer)
{
	const struct {
		char *mem;
		size_t len;
		int want;
	} cases[] = {
		{ NULL, 0, 0 },		/* none, to come later */
		{ NULL, psize(), -EFAULT },
		{ self->mem, 0, -EFAULT },
		{ self->mem, self->len, 0 },
		{ self->mem + 1, self->len - 1, 0 },
		{ self->mem, MAX_BUFFER, -EFAULT },
		{ self->mem, MAX_BUFFER + 1, -EINVAL },
		{ (char *)-(long)psize(), 2 * psize(), -EOVERFLOW },
		{ self->mem + self->len - 1, 1, 0 },
	};
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	/* Nothing follows what is mapped. */
	MUST(munmap(gup_mmap(psize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1), psize()) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = result(gup_ring_register(&ring, cases[i].mem, cases[i].len));

		EXPECT_EQ(cases[i].want, ret) TH_LOG("case %zu", i);
		if (!ret)
			EXPECT_EQ(0, gup_ring_unregister(&ring));
		EXPECT_EQ(self->held, gup_pins_settle(self->held)) TH_LOG("case %zu", i);
	}
	gup_ring_close(&ring);
}

/* Direct I/O. The disk has what the memory has, so that a transfer changes nothing. */

#define NR_IOVECS	(IOV_MAX + 1)

static bool open_disk(struct gup_disk *disk, size_t len)
{
	if (!gup_disk_open(disk, len))
		return false;
	for (size_t off = 0; off < len; off += NR_PAGES * psize())
		gup_fill(disk->data + off, NR_PAGES * psize(), SEED);
	return true;
}

/* Requests outside of the buffer that is registered, or across its ends. */
TEST_F(other, range_of_fixed_buffer)
{
	static const int ops[] = { IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED };
	const size_t len = self->len / 2, sector = 512;
	char *mem = self->mem + len / 2;
	struct gup_disk disk;
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	if (!open_disk(&disk, self->len))
		SKIP(return, NO_DISK);
	ASSERT_EQ(0, gup_ring_register(&ring, mem, len));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		const struct {
			char *mem;
			size_t len;
			int want;
		} cases[] = {
			{ mem, len, len },
			{ mem + len - sector, sector, sector },
			{ mem - sector, sector, -EFAULT },
			{ mem - sector, 2 * sector, -EFAULT },
			{ mem + len, sector, -EFAULT },
			{ mem + len - sector, 2 * sector, -EFAULT },
			{ mem, 1u << 31, -EFAULT },
			{ (char *)-(long)psize(), psize(), -EFAULT },
			{ NULL, psize(), -EFAULT },
		};

		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			off_t off = 0;

			if (cases[j].want > 0)
				off = cases[j].mem - self->mem;
			EXPECT_EQ(cases[j].want, gup_ring_rw(&ring, ops[i], disk.fd, cases[j].mem,
							     cases[j].len, off))
				TH_LOG("%zu: case %zu", i, j);
		}
	}
	gup_ring_close(&ring);
	EXPECT_EQ(self->len, gup_differs(disk.data, self->len, SEED));
	gup_disk_close(&disk);
}

TEST_F(other, direct_io)
{
	struct gup_disk disk;

	if (!open_disk(&disk, self->len))
		SKIP(return, NO_DISK);
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		void *addr = (void *)bad_addresses[i];
		int error = bad_addresses[i] % 512 && bad_addresses[i] < END_4 ? EINVAL : EFAULT;

		EXPECT_EQ(-error, result(pread(disk.fd, addr, psize(), 0))) TH_LOG("%p", addr);
		EXPECT_EQ(-error, result(pwrite(disk.fd, addr, psize(), 0))) TH_LOG("%p", addr);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ssize_t want = sizes[i] < self->len ? sizes[i] : self->len;
		ssize_t ret = result(pread(disk.fd, self->mem, sizes[i], 0));

		if (sizes[i] % 512 || sizes[i] > LONG_MAX)
			want = -EINVAL;
		/* The address space may end before the buffer does. */
		EXPECT_TRUE(ret == want || (sizes[i] >= TIB && ret == -EFAULT))
			TH_LOG("0x%lx bytes: %zd", sizes[i], ret);
		ret = result(pwrite(disk.fd, self->mem, sizes[i], 0));
		EXPECT_TRUE(ret == want || (sizes[i] >= TIB && ret == -EFAULT))
			TH_LOG("0x%lx bytes: %zd", sizes[i], ret);
	}
	EXPECT_EQ(self->len, gup_differs(disk.data, self->len, SEED));
	gup_disk_close(&disk);
}

/* It ends where the mapping does, or is refused. */
TEST_F(other, direct_io_end_of_mapping)
{
	const ssize_t there = 5 * psize();
	struct gup_disk disk;
	ssize_t ret;

	if (!open_disk(&disk, self->len))
		SKIP(return, NO_DISK);
	MUST(!munmap(self->mem + there, self->len - there));
	ret = result(pread(disk.fd, self->mem, self->len, 0));
	EXPECT_TRUE(ret == -EFAULT || ret == there) TH_LOG("%zd", ret);
	ret = result(pwrite(disk.fd, self->mem, self->len, 0));
	EXPECT_TRUE(ret == -EFAULT || ret == there) TH_LOG("%zd", ret);
	EXPECT_EQ(-EFAULT, result(pread(disk.fd, self->mem + there, psize(), 0)));
	EXPECT_EQ(self->len, gup_differs(disk.data, self->len, SEED));
	gup_disk_close(&disk);
	self->len = there;
}

static ssize_t sum_of(const struct iovec *iov, unsigned int nr)
{
	ssize_t sum = 0;

	for (unsigned int i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* Both ways; what is read is what was there. */
static void try_vectors(struct __test_metadata *_metadata, int fd, const struct iovec *iov,
			unsigned int nr, ssize_t want)
{
	EXPECT_EQ(want, result(pwritev(fd, iov, nr, 0))) TH_LOG("write, %u pieces", nr);
	EXPECT_EQ(want, result(preadv(fd, iov, nr, 0))) TH_LOG("read, %u pieces", nr);
}

TEST_F(other, direct_io_vectors)
{
	static const unsigned int wrong[] = { IOV_MAX + 1, INT_MAX, 1u << 31 };
	const size_t sector = 512;
	struct iovec iov[NR_IOVECS];
	struct gup_disk disk;

	if (!open_disk(&disk, NR_IOVECS * psize()))
		SKIP(return, NO_DISK);
	/* More pieces than a bio has entries, each a sector further. */
	for (size_t i = 0; i < NR_IOVECS; i++)
		iov[i] = (struct iovec) { self->mem + i * sector % self->len, sector };
	try_vectors(_metadata, disk.fd, iov, IOV_MAX, IOV_MAX * sector);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		try_vectors(_metadata, disk.fd, iov, wrong[i], -EINVAL);
	try_vectors(_metadata, disk.fd, iov, 0, 0);
	/* Empty pieces */
	for (size_t i = 0; i < NR_IOVECS; i += 2)
		iov[i].iov_len = 0;
	for (size_t i = 1; i < NR_IOVECS; i += 2)
		iov[i].iov_base = self->mem + i / 2 * sector % self->len;
	try_vectors(_metadata, disk.fd, iov, IOV_MAX, sum_of(iov, IOV_MAX));
	/* One that is not of whole sectors, and one that is too long together with others. */
	iov[IOV_MAX / 2].iov_len = sector - 1;
	try_vectors(_metadata, disk.fd, iov, IOV_MAX, -EINVAL);
	iov[IOV_MAX / 2].iov_len = LONG_MAX - 511;
	EXPECT_GT(0, result(preadv(disk.fd, iov, IOV_MAX, 0)));
	iov[IOV_MAX / 2].iov_len = -sector;
	try_vectors(_metadata, disk.fd, iov, IOV_MAX, -EINVAL);
	EXPECT_EQ(self->len, gup_differs(disk.data, self->len, SEED));
	gup_disk_close(&disk);
}

/* What is transferred in front of a piece that is not there counts, or nothing is. */
TEST_F(other, direct_io_missing_piece)
{
	const unsigned int at = IOV_MAX / 2;
	const size_t sector = 512;
	struct iovec iov[IOV_MAX];
	struct gup_disk disk;

	if (!open_disk(&disk, IOV_MAX * psize()))
		SKIP(return, NO_DISK);
	for (size_t i = 0; i < IOV_MAX; i++)
		iov[i] = (struct iovec) { self->mem + i * sector % self->len, sector };
	for (size_t i = 0; i < ARRAY_SIZE(bad_addresses); i++) {
		const ssize_t before = at * sector;
		ssize_t ret;

		if (bad_addresses[i] % sector)
			continue;
		iov[at].iov_base = (void *)bad_addresses[i];
		ret = result(preadv(disk.fd, iov, IOV_MAX, 0));
		EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= before && !(ret % 512)))
			TH_LOG("0x%lx: %zd", bad_addresses[i], ret);
		ret = result(pwritev(disk.fd, iov, IOV_MAX, 0));
		EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= before && !(ret % 512)))
			TH_LOG("0x%lx: %zd", bad_addresses[i], ret);
	}
	EXPECT_EQ(self->len, gup_differs(disk.data, self->len, SEED));
	gup_disk_close(&disk);
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
