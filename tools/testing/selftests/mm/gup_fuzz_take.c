// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of gup_fuzz that have the kernel take pages.
 */
#include <elf.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/udmabuf.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "gup_fuzz.h"
#include "gup_flags.h"

#define VSYSCALL	0xffffffffff600000ull
#define DISK_LEN	(512 * KIB)

static struct gup_ring ring;
static struct range registered;
static int driver, pipe_fds[2];
static size_t piped, pinned;

/* Addresses */

/* What no process may have, or has without asking for it. */
static const struct {
	const char *name;
	uint64_t addr;
} odd_addresses[] = {
	{ "null", 0 }, { "end-4", 0x7ffffffff000ull }, { "end", 0x800000000000ull },
	{ "end-5", 0xfffffffffff000ull }, { "non-canonical", 1ull << 63 },
	{ "kernel", 0xffffffff81000000ull }, { "vsyscall", VSYSCALL },
	{ "top", -0x1000ull }, { "top-2", -0x2000ull },
};

/* Mostly the pages of the range; at times not aligned; seldom somewhere else. */
static uint64_t take_from(struct step *s, const struct range *r)
{
	const unsigned int how = pick(s, 24);

	if (how == 0) {
		const unsigned int i = pick(s, ARRAY_SIZE(odd_addresses));

		say(s, " %s", odd_addresses[i].name);
		return odd_addresses[i].addr;
	}
	say_range(s, r);
	return (uintptr_t)r->addr;
}

/*
 * Linux 7.3 never ends a FOLL_FORCE write to hugetlb memory that is private and read-only,
 * except by a signal.
 */
static bool may_force(const struct range *r)
{
	for (unsigned int i = 0; i < fuzz.nr_areas; i++) {
		const struct area *a = &fuzz.areas[i];

		if (a->kind->gup_kind == GUP_HUGETLB_2M && range_reaches(r, a))
			return false;
	}
	return true;
}

/* The driver */

static const struct command {
	const char *name;
	unsigned int cmd;
	bool fast;
	bool pin;
} commands[] = {
	{ "get-fast", GUP_FAST_BENCHMARK, .fast = true },
	{ "pin-fast", PIN_FAST_BENCHMARK, .fast = true, .pin = true },
	{ "pin-longterm", PIN_LONGTERM_BENCHMARK, .pin = true },
	{ "get", GUP_BASIC_TEST },
	{ "pin", PIN_BASIC_TEST, .pin = true },
	{ "dump", DUMP_USER_PAGES_TEST },
};

static unsigned int choose_flags(struct step *s, const struct command *c)
{
	static const unsigned int fast[] = { FOLL_FORCE, FOLL_NOFAULT, FOLL_HONOR_NUMA_FAULT };
	static const unsigned int slow[] = {
		FOLL_FORCE, FOLL_FORCE, FOLL_DUMP, FOLL_NOFAULT, FOLL_HWPOISON, FOLL_ANON,
		FOLL_SPLIT_PMD, FOLL_INTERRUPTIBLE, FOLL_HONOR_NUMA_FAULT,
	};
	unsigned int flags = pick(s, 2) ? FOLL_WRITE : 0;

	if (c->pin && pick(s, 2))
		flags |= FOLL_LONGTERM;
	while (!pick(s, 3))
		flags |= c->fast ? fast[pick(s, ARRAY_SIZE(fast))] :
				   slow[pick(s, ARRAY_SIZE(slow))];
	return flags;
}

/*
 * The drivers differ, and what they differ in is left out. That of Linux 7.3 does not say why
 * a call failed. It counts what a call was asked for, however many pages it has taken, which
 * is the same for one page a call. It takes sizes that are not whole pages. For no pages it
 * calls get_user_pages_fast(), which writes to the array all the same. Of flags and sizes that
 * cannot be right it warns. gup_hostile has all these.
 */
static void drive(struct step *s)
{
	const struct command *c = &commands[pick(s, ARRAY_SIZE(commands))];
	const struct range *r = &s->range[0];
	const unsigned int per_call[] = { 1, 1, 1, 3, 16, r->len / psize(), UINT_MAX };
	struct gup_test args = { .size = r->len };
	size_t taken;

	say(s, " %s", c->name);
	args.addr = take_from(s, r) + (pick(s, 16) ? 0 : pick(s, psize()));
	args.gup_flags = choose_flags(s, c);
	args.nr_pages_per_call = per_call[pick(s, ARRAY_SIZE(per_call))];
	if (!may_force(r))
		args.gup_flags &= ~FOLL_FORCE;
	say(s, " +%llu flags 0x%x, %u a call", args.addr % psize(), args.gup_flags,
	    args.nr_pages_per_call);
	taken = ioctl(driver, c->cmd, &args) ? 0 : args.size / psize();
	say(s, " = %zu", args.nr_pages_per_call == 1 ? taken : !!taken);
}

static void driver_start(struct step *s)
{
	const struct range *r = &s->range[0];
	struct pin_longterm_test args = { .size = r->len };
	int ret;

	/* The drivers have different names for being busy, and for having nothing to do. */
	if (pinned)
		return;
	args.addr = take_from(s, r);
	args.flags = pick(s, 4);
	say(s, " flags %u", args.flags);
	ret = ioctl(driver, PIN_LONGTERM_TEST_START, &args);
	/* One of the drivers looks at the end of the range first. */
	if (ret && errno == EOVERFLOW)
		errno = EFAULT;
	say_result(s, ret);
	if (!ret)
		pinned = r->len;
}

/* What the pins see, if there are any: the pages may be mapped no more. */
static void driver_read(struct step *s)
{
	uint64_t to = (uintptr_t)fuzz.copy;
	int ret = ioctl(driver, PIN_LONGTERM_TEST_READ, &to);

	say_result(s, ret);
	if (!ret)
		say_hash(s, fuzz.copy, pinned);
}

/* ... and copied to memory that may be the one that is pinned. */
static void driver_read_to(struct step *s)
{
	uint64_t to = take_from(s, &s->range[0]);

	say_result(s, ioctl(driver, PIN_LONGTERM_TEST_READ, &to));
}

static void driver_stop(struct step *s)
{
	if (!pinned)
		return;
	say_result(s, ioctl(driver, PIN_LONGTERM_TEST_STOP));
	pinned = 0;
}

/* The memory of a process, this one or a child */

static void say_whose(struct step *s)
{
	if (s->kid)
		say(s, " of child %td", s->kid - fuzz.kids);
}

static void set_iov(struct iovec *iov, const struct range *r)
{
	iov->iov_base = r->addr;
	iov->iov_len = r->len;
}

/* Limits, too: more iovecs than there may be, more bytes, an unknown flag. */
static void vm_copy(struct step *s, bool write)
{
	const struct range a = piece_of(s, &s->range[0]), b = piece_of(s, &s->range[1]);
	struct iovec local = { fuzz.copy, a.len + b.len };
	const unsigned int limit = pick(s, 32);
	unsigned long nr = 1 + pick(s, 2), flags = 0;
	struct iovec remote[2];
	pid_t pid = getpid();
	long ret;

	s->kid = some_kid(s);
	if (s->kid)
		pid = s->kid->pid;
	if (write)
		local.iov_base = (void *)fill_data(s, local.iov_len);
	set_iov(&remote[0], &a);
	set_iov(&remote[1], &b);
	say_range(s, &a);
	if (nr > 1)
		say_range(s, &b);
	say_whose(s);
	if (!limit)
		nr = 1025;
	else if (limit == 1)
		remote[0].iov_len = 1ul << 63;
	else if (limit == 2)
		flags = 1;
	else if (limit < 6)
		local.iov_len = pick(s, 3 * psize());
	say(s, " to or from %zu, nr %lu, flags %lu", local.iov_len, nr, flags);
	ret = syscall(write ? __NR_process_vm_writev : __NR_process_vm_readv, pid, &local, 1,
		      remote, nr, flags);
	say_result(s, ret);
	if (!write && ret > 0)
		say_hash(s, fuzz.copy, ret);
}

static void vm_read(struct step *s)
{
	vm_copy(s, false);
}

static void vm_write(struct step *s)
{
	vm_copy(s, true);
}

/* From one range to the other, both of which may be short of pages. */
static void vm_across(struct step *s)
{
	const struct range a = piece_of(s, &s->range[0]), b = piece_of(s, &s->range[1]);
	const bool write = pick(s, 2);
	struct iovec from, to;

	set_iov(&from, &a);
	set_iov(&to, &b);
	say_range(s, &a);
	say_range(s, &b);
	say(s, write ? " write" : " read");
	say_result(s, syscall(write ? __NR_process_vm_writev : __NR_process_vm_readv, getpid(),
			      &from, 1, &to, 1, 0));
}

static int open_mem(struct step *s, int *own)
{
	s->kid = some_kid(s);
	*own = s->kid ? -1 : gup_open_mem(getpid());
	return s->kid ? s->kid->mem : *own;
}

static void mem_read(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	uint64_t addr = take_from(s, &r);
	int own, fd = open_mem(s, &own);
	long ret;

	say_whose(s);
	ret = pread(fd, fuzz.copy, r.len, addr);
	say_result(s, ret);
	if (ret > 0)
		say_hash(s, fuzz.copy, ret);
	if (own >= 0)
		close(own);
}

static void mem_write(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	uint64_t addr = take_from(s, &r);
	int own, fd;

	if (!may_force(&r))
		return;
	fd = open_mem(s, &own);
	say_whose(s);
	say_result(s, pwrite(fd, fill_data(s, r.len), r.len, addr));
	if (own >= 0)
		close(own);
}

/* A word, which may lie in two pages */
static void ptrace_word(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	const bool poke = pick(s, 2) && may_force(&r);
	long ret, word = draw(s);

	s->kid = some_kid(s);
	say_range(s, &r);
	say(s, poke ? " poke" : " peek");
	say_whose(s);
	if (!s->kid)
		return;
	MUST(!ptrace(PTRACE_ATTACH, s->kid->pid, 0, 0));
	MUST(waitpid(s->kid->pid, NULL, __WALL) == s->kid->pid);
	ret = syscall(__NR_ptrace, poke ? PTRACE_POKEDATA : PTRACE_PEEKDATA, s->kid->pid, r.addr,
		      poke ? (void *)word : &word);
	say_result(s, ret);
	if (!poke && !ret)
		say(s, " %lx", word);
	MUST(!ptrace(PTRACE_DETACH, s->kid->pid, 0, 0));
}

/* Pipes */

static void drain_pipe(struct step *s)
{
	size_t got = 0;

	while (got < piped) {
		ssize_t part = read(pipe_fds[0], fuzz.copy + got, piped - got);

		MUST(part > 0);
		got += part;
	}
	if (s && piped)
		say_hash(s, fuzz.copy, piped);
	piped = 0;
}

/* What is spliced now and read later is what the pages hold later. */
static void splice_in(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	struct iovec iov;
	long ret;

	set_iov(&iov, &r);
	iov.iov_base = (void *)take_from(s, &r);
	ret = vmsplice(pipe_fds[1], &iov, 1, SPLICE_F_NONBLOCK | (pick(s, 4) ? 0 : SPLICE_F_GIFT));
	say_result(s, ret);
	if (ret > 0)
		piped += ret;
	if (!pick(s, 2))
		drain_pipe(s);
}

static void splice_out(struct step *s)
{
	say_result(s, piped);
	drain_pipe(s);
}

/* Files */

static off_t sector_of(struct step *s)
{
	return pick(s, DISK_LEN / SECTOR) * SECTOR;
}

/* Direct I/O wants whole sectors. At times it does not get them. */
static struct range sectors_of(struct step *s, const struct range *r)
{
	struct range piece = piece_of(s, r);

	if (!pick(s, 16))
		return piece;
	piece.addr = (char *)((uintptr_t)piece.addr & ~(SECTOR - 1));
	if (piece.len > DISK_LEN / 2)
		piece.len = DISK_LEN / 2;
	piece.len = (piece.len + SECTOR - 1) & ~(SECTOR - 1);
	return piece;
}

static void direct(struct step *s, bool write)
{
	const struct range a = sectors_of(s, &s->range[0]), b = sectors_of(s, &s->range[1]);
	const unsigned int nr = 1 + pick(s, 2);
	const off_t at = sector_of(s);
	struct iovec iov[2];

	set_iov(&iov[0], &a);
	set_iov(&iov[1], &b);
	iov[0].iov_base = (void *)take_from(s, &a);
	if (nr > 1)
		say_range(s, &b);
	say(s, " at %ld", at);
	if (write)
		say_result(s, pwritev(fuzz.disk, iov, nr, at));
	else
		say_result(s, preadv(fuzz.disk, iov, nr, at));
	/* It goes back to its size. What it holds in the end is compared, too. */
	MUST(!ftruncate(fuzz.disk, DISK_LEN));
}

static void direct_read(struct step *s)
{
	direct(s, false);
}

static void direct_write(struct step *s)
{
	direct(s, true);
}

/* The page cache copies from memory that may have to be faulted in first. */
static void buffered_write(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	const struct area *to = s->range[1].area;

	say_range(s, &r);
	say(s, " to the file of %s%u", to->kind->name, to->id);
	say_result(s, pwrite(to->fd, r.addr, r.len, pick(s, to->len)));
}

/* io_uring: buffers that stay registered, whatever becomes of the memory */

static void uring_register(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	int ret;

	ret = gup_ring_register(&ring, (char *)take_from(s, &r), r.len);
	say_result(s, ret);
	if (!ret)
		registered = r;
}

static void uring_unregister(struct step *s)
{
	say_result(s, gup_ring_unregister(&ring));
	registered.len = 0;
}

/* Within the buffer, or beyond its end */
static void uring_io(struct step *s)
{
	static const int ops[] = { IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED };
	const int op = ops[pick(s, ARRAY_SIZE(ops))];
	const uint64_t skip = draw(s), size = draw(s);
	const off_t at = sector_of(s);
	struct range r = registered;
	int ret;

	if (!r.len) {
		r = s->range[0];
	} else {
		r.addr += skip % r.len & ~(SECTOR - 1);
		r.len = (size % (r.len + SECTOR) & ~(SECTOR - 1)) + SECTOR;
	}
	say(s, op == IORING_OP_READ_FIXED ? " read" : " write");
	say_range(s, &r);
	say(s, " at %ld", at);
	ret = gup_ring_rw(&ring, op, fuzz.disk, r.addr, r.len, at);
	errno = -ret;
	say_result(s, ret < 0 ? -1 : ret);
	MUST(!ftruncate(fuzz.disk, DISK_LEN));
}

/* Futexes: no wait lasts, as the time is up or the value is another. */

static void futex(struct step *s)
{
	static const struct {
		const char *name;
		int op;
	} ops[] = {
		{ "wake", FUTEX_WAKE }, { "wait", FUTEX_WAIT }, { "wake-op", FUTEX_WAKE_OP },
		{ "wake-op", FUTEX_WAKE_OP }, { "requeue", FUTEX_CMP_REQUEUE },
		{ "unlock-pi", FUTEX_UNLOCK_PI }, { "wake-private", FUTEX_WAKE_PRIVATE },
	};
	const unsigned int i = pick(s, ARRAY_SIZE(ops));
	const struct range a = piece_of(s, &s->range[0]), b = piece_of(s, &s->range[1]);
	const uint64_t mask = pick(s, 8) ? ~3ull : ~0ull;
	const uint64_t first = take_from(s, &a) & mask, second = (uintptr_t)b.addr & mask;
	const uint32_t val = pick(s, 2) ? 0 : draw(s);
	const struct timespec now = { 0 };

	if (ops[i].op == FUTEX_WAKE_OP || ops[i].op == FUTEX_CMP_REQUEUE)
		say_range(s, &b);
	say(s, " %s mask %llx val %x", ops[i].name, (unsigned long long)mask, val);
	say_result(s, syscall(__NR_futex, first, ops[i].op, val,
			      ops[i].op == FUTEX_WAIT ? &now : (void *)1ul, second,
			      ops[i].op == FUTEX_WAKE_OP ? FUTEX_OP(FUTEX_OP_ADD, 5, 0, 0) : val));
}

/* Core dumps */

/* What a dump has of the arena */
static uint64_t hash_core(int fd)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	uint64_t hash = 0;

	MUST(pread(fd, &head, sizeof(head), 0) == sizeof(head));
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		MUST(pread(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)) ==
		     sizeof(part));
		if (part.p_type != PT_LOAD || part.p_vaddr < ARENA ||
		    part.p_vaddr >= ARENA + MAX_AREAS * SLOT_SIZE)
			continue;
		MUST(part.p_filesz <= BUFFER_SIZE);
		MUST(pread(fd, fuzz.copy, part.p_filesz, part.p_offset) == (ssize_t)part.p_filesz);
		hash = mix(hash, hash_words(part.p_vaddr + part.p_memsz, fuzz.copy, part.p_filesz));
	}
	return hash;
}

static void __noreturn dump_core(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	/* memory of each kind */
	MUST(gup_write("/proc/self/coredump_filter", "0x7f"));
	MUST(!setrlimit(RLIMIT_CORE, &all));
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void core_dump(struct step *s)
{
	pid_t pid = gup_fork();
	int fd;

	if (!pid)
		dump_core();
	say_result(s, gup_join(pid));
	fd = open("core", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	say(s, " data %08x", (uint32_t)hash_core(fd));
	close(fd);
	MUST(!unlink("core"));
}

/* memfd_pin_folios() */

static void pin_folios(struct step *s)
{
	const struct range *r = &s->range[0];
	struct udmabuf_create create = {
		.memfd = r->area->fd,
		.offset = r->addr - r->area->mem,
		.size = r->len,
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd, signal;
	size_t done;
	char *mem;

	MUST(dev >= 0);
	say_range(s, r);
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	say_result(s, fd < 0 ? -1 : 0);
	close(dev);
	if (fd < 0)
		return;
	mem = mmap(NULL, r->len, PROT_READ, MAP_SHARED, fd, 0);
	MUST(mem != MAP_FAILED);
	done = try_read(fuzz.copy, mem, r->len, &signal);
	say_hash(s, fuzz.copy, done);
	munmap(mem, r->len);
	close(fd);
}

/*
 * All cases write to this one file, again and again, so that it lies at the same place
 * of the disk, in one piece: a transfer that fails has moved what lies in the pieces
 * before, and if ranges of it overlap, the order counts. Files of one case each would
 * fill the disk, as what is deleted is free only after the journal's next commit.
 */
void disk_open(void)
{
	const char *why = "";
	char path[64];
	int fd = gup_file(GUP_EXT4, DISK_LEN, &why);

	if (fd < 0)
		fprintf(stderr, "# %s\n", why);
	MUST(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz.disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	MUST(fuzz.disk >= 0);
	close(fd);
}

static void fill_disk(void)
{
	gup_fill(fuzz.data, DISK_LEN, fuzz.seed);
	MUST(pwrite(fuzz.disk, fuzz.data, DISK_LEN, 0) == (ssize_t)DISK_LEN);
	fuzz.disk_len = DISK_LEN;
}

void takers_open(void)
{
	fill_disk();
	driver = gup_driver();
	if (driver < 0)
		fprintf(stderr, "# %s\n", NO_DRIVER);
	MUST(driver >= 0);
	MUST(!pipe(pipe_fds));
	MUST(gup_ring_open(&ring));
}

void takers_close(void)
{
	drain_pipe(NULL);
	close(driver);
	gup_ring_close(&ring);
}

const struct op take_ops[] = {
	{ "driver", 40, 1, drive },
	{ "pin-start", 8, 1, driver_start },
	{ "pin-read", 5, 0, driver_read },
	{ "pin-read-to", 2, 1, driver_read_to },
	{ "pin-stop", 4, 0, driver_stop },
	{ "vm-read", 6, 2, vm_read },
	{ "vm-write", 6, 2, vm_write },
	{ "vm-across", 4, 2, vm_across },
	{ "mem-read", 6, 1, mem_read },
	{ "mem-write", 8, 1, mem_write },
	{ "ptrace", 4, 1, ptrace_word },
	{ "vmsplice", 7, 1, splice_in },
	{ "pipe-read", 3, 0, splice_out },
	{ "direct-read", 8, 2, direct_read },
	{ "direct-write", 8, 2, direct_write },
	{ "buffered-write", 3, 2, buffered_write },
	{ "uring-register", 6, 1, uring_register },
	{ "uring-unregister", 2, 0, uring_unregister },
	{ "uring-io", 8, 1, uring_io },
	{ "futex", 8, 2, futex },
	{ "udmabuf", 3, 1, pin_folios },
	{ "core", 2, 0, core_dump },
};

const unsigned int nr_take_ops = ARRAY_SIZE(take_ops);
