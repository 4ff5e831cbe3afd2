// SPDX-License-Identifier: GPL-2.0
/*
 * The takers of gup_torture: each has the kernel take pages of a window in one way,
 * and compares what the pages hold with what the mapping shows.
 */
#include <linux/futex.h>
#include <linux/udmabuf.h>

#include "gup_torture.h"
#include "gup_coredump.h"
#include "gup_flags.h"

#define PIPE_PAGES		16

enum { IN_ONE_PIECE, IN_PIECES };

/* Errors */

static bool is_one_of(int err, const int *errors, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (err == errors[i])
			return true;
	return false;
}

/* Where a disturber is at work. */
static bool error_when_denied(int err)
{
	static const int errors[] = { EFAULT, ENOMEM, EBUSY, EAGAIN };

	return is_one_of(err, errors, ARRAY_SIZE(errors));
}

/* A folio that had to be migrated could not be. */
static bool error_of_longterm(int err)
{
	static const int errors[] = { ENOMEM, EBUSY, EAGAIN };

	return is_one_of(err, errors, ARRAY_SIZE(errors));
}

/* An error, or a transfer that came short. */
void refused(struct thread *t, struct calm before, int err, bool expected)
{
	count_of(t)->refused++;
	if (expected || (error_when_denied(err) && !access_kept(t->choice, before)))
		return;
	wrong(t, "error %s", strerrorname_np(err));
}

bool stamped(struct thread *t, struct calm before)
{
	if (stamp(t))
		return true;
	refused(t, before, EFAULT, false);
	return false;
}

unsigned int transferred(struct thread *t, struct calm before, ssize_t ret, bool may_fail)
{
	if (ret == (ssize_t)len_of(t->choice))
		return t->choice->nr;
	if (ret > (ssize_t)len_of(t->choice))
		wrong(t, "%zd bytes for %zu", ret, len_of(t->choice));
	else
		refused(t, before, ret < 0 ? errno : EFAULT, may_fail);
	return ret > 0 ? ret / psize() : 0;
}

void check_mapping(struct thread *t, unsigned int nr, struct calm before, const char *what)
{
	if (look(t, nr))
		check(t, t->copy, nr, before, what);
	else
		refused(t, before, EFAULT, false);
}

/* By the driver: one call of one function */

static bool is_pin(unsigned int api)
{
	return api >= GUP_TEST_PIN_FAST;
}

static bool is_slow(unsigned int api)
{
	return api != GUP_TEST_GET_FAST && api != GUP_TEST_GET_FAST_ONLY &&
	       api != GUP_TEST_PIN_FAST;
}

static bool one_in(uint64_t bits, unsigned int at, unsigned int mask)
{
	return !(bits >> at & mask);
}

static unsigned int flags_for(unsigned int api, const struct choice *c)
{
	unsigned int flags = one_in(c->bits, 0, 1) ? FOLL_WRITE : 0;

	if (is_pin(api) && one_in(c->bits, 1, 3))
		flags |= FOLL_LONGTERM;
	if (api != GUP_TEST_GET_FAST_ONLY && one_in(c->bits, 3, 7))
		flags |= FOLL_NOFAULT;
	if (!is_slow(api))
		return flags;
	if (one_in(c->bits, 6, 15))
		flags |= FOLL_NOWAIT;
	if (one_in(c->bits, 10, 7))
		flags |= FOLL_INTERRUPTIBLE;
	if (one_in(c->bits, 13, 7))
		flags |= FOLL_HONOR_NUMA_FAULT;
	if (one_in(c->bits, 16, 7))
		flags |= FOLL_HWPOISON;
	if (one_in(c->bits, 19, 15) && !c->region->kind->huge_only)
		flags |= FOLL_SPLIT_PMD;
	return flags;
}

static bool hold_error_expected(const struct choice *c, unsigned int flags, int err)
{
	const unsigned int longterm_write = FOLL_LONGTERM | FOLL_WRITE;

	if ((flags & FOLL_LONGTERM) && error_of_longterm(err))
		return true;
	if ((flags & (FOLL_NOFAULT | FOLL_NOWAIT)) && error_when_denied(err))
		return true;
	return c->region->kind->no_longterm_write && err == EFAULT &&
	       (flags & longterm_write) == longterm_write;
}

/* Returns the number of pages held, which may be 0. */
static unsigned int hold(struct thread *t, struct gup_test_hold *args, struct calm before)
{
	const bool may_be_none = args->api == GUP_TEST_GET_FAST_ONLY ||
				 args->gup_flags & FOLL_NOWAIT;
	const size_t wanted = args->size;

	if (ioctl(t->driver, GUP_TEST_HOLD, args)) {
		refused(t, before, errno, hold_error_expected(t->choice, args->gup_flags, errno));
		return 0;
	}
	if (args->size > wanted)
		wrong(t, "%llu bytes for %zu", args->size, wanted);
	if (!args->size) {
		count_of(t)->refused++;
		if (!may_be_none)
			wrong(t, "no page and no error, flags %#x", args->gup_flags);
	}
	return args->size / psize();
}

static void driver_copy(struct thread *t, unsigned int cmd)
{
	uint64_t addr = (uintptr_t)t->copy;

	MUST(!ioctl(t->driver, cmd, &addr));
}

/* Later writes of either side must reach the other, as long as the pin is held. */
static void exchange(struct thread *t, unsigned int nr, bool write, struct calm before)
{
	if (stamp(t)) {
		driver_copy(t, PIN_LONGTERM_TEST_READ);
		check(t, t->copy, nr, before, "pinned pages, written by the process");
	}
	if (!write)
		return;
	stamp_buffer(t, t->copy);
	driver_copy(t, GUP_TEST_WRITE);
	check_mapping(t, nr, before, "memory, written through the pin");
}

static void take_hold(struct thread *t, const struct choice *c)
{
	const unsigned int api = takers[c->op].arg;
	struct gup_test_hold args = {
		.addr = (uintptr_t)mem_of(c),
		.size = len_of(c),
		.api = api,
		.gup_flags = flags_for(api, c),
	};
	struct calm before = calm_now(c);
	unsigned int nr;

	if (!stamped(t, before))
		return;
	nr = hold(t, &args, before);
	if (!nr)
		return;
	count_of(t)->done++;
	driver_copy(t, PIN_LONGTERM_TEST_READ);
	check(t, t->copy, nr, before, "pages");
	if (is_pin(api))
		exchange(t, nr, args.gup_flags & FOLL_WRITE, before);
	gup_unpin(t->driver);
}

/* A range of several regions, that all takers write to and all disturbers disturb. */
static void take_range(struct thread *t, const struct choice *c)
{
	const unsigned int begin = c->region->id * REGION_PAGES + c->first;
	const unsigned int all = torture.nr_regions * REGION_PAGES;
	unsigned int api = (c->bits >> 32) % GUP_TEST_NR_APIS, nr;
	struct gup_test_hold args = {
		.addr = (uintptr_t)mem_of(c),
		.size = (all - begin) * psize(),
		.api = api,
		.gup_flags = flags_for(api, c) & ~(FOLL_SPLIT_PMD | FOLL_LONGTERM),
	};

	if (ioctl(t->driver, GUP_TEST_HOLD, &args)) {
		count_of(t)->refused++;
		if (!error_when_denied(errno))
			wrong(t, "error %s", strerrorname_np(errno));
		return;
	}
	nr = args.size / psize();
	if (!nr) {
		count_of(t)->refused++;
		return;
	}
	count_of(t)->done++;
	driver_copy(t, PIN_LONGTERM_TEST_READ);
	for (unsigned int i = 0, piece; i < nr; i += piece) {
		unsigned int page = (begin + i) % REGION_PAGES;

		piece = nr - i < REGION_PAGES - page ? nr - i : REGION_PAGES - page;
		if (!belongs(t->copy + i * psize(),
			     &torture.regions[(begin + i) / REGION_PAGES], page, piece))
			wrong(t, "foreign content in region %u", (begin + i) / REGION_PAGES);
	}
	gup_unpin(t->driver);
}

/*
 * All of a region by one call. Whatever happens to the pages in the middle of it shows
 * in those of the window, as often as in any others.
 */
static void take_region(struct thread *t, const struct choice *c)
{
	struct gup_test_hold args = {
		.addr = (uintptr_t)c->region->mem,
		.size = GUP_HUGE_SIZE,
		.api = takers[c->op].arg,
		.gup_flags = FOLL_WRITE,
	};
	struct calm before = calm_now(c);

	if (ioctl(t->driver, GUP_TEST_HOLD, &args)) {
		count_of(t)->refused++;
		if (!error_when_denied(errno))
			wrong(t, "error %s", strerrorname_np(errno));
		return;
	}
	count_of(t)->done++;
	if (args.size >= (c->first + c->nr) * psize() && stamp(t)) {
		driver_copy(t, PIN_LONGTERM_TEST_READ);
		check(t, t->copy + c->first * psize(), c->nr, before, "pinned pages of the window");
	}
	if (args.size)
		gup_unpin(t->driver);
}

/* Direct I/O, of the window as one buffer or as pieces of up to three pages */

#define MAX_PIECES	128

/* Pieces begin and end within pages. Returns how many there are. */
static unsigned int cut_window(const struct choice *c, struct iovec *iov)
{
	unsigned int nr = 0;
	size_t len;

	for (size_t off = 0; off < len_of(c); off += len) {
		len = (1 + (c->bits >> nr % 48) % (3 * psize() / SECTOR)) * SECTOR;
		if (takers[c->op].arg != IN_PIECES || nr == MAX_PIECES - 1 ||
		    len > len_of(c) - off)
			len = len_of(c) - off;
		iov[nr++] = (struct iovec) { .iov_base = mem_of(c) + off, .iov_len = len };
	}
	return nr;
}

static void take_direct(struct thread *t, const struct choice *c)
{
	struct iovec iov[MAX_PIECES];
	const unsigned int nr_iov = cut_window(c, iov);
	struct calm before = calm_now(c);
	unsigned int nr;

	if (!stamped(t, before))
		return;
	nr = transferred(t, before, pwritev(t->disk.fd, iov, nr_iov, 0), false);
	check(t, t->disk.data, nr, before, "disk, written from memory");
	stamp_buffer(t, t->disk.data);
	nr = transferred(t, before, preadv(t->disk.fd, iov, nr_iov, 0), false);
	if (!nr)
		return;
	check_mapping(t, nr, before, "memory, read from the disk");
	count_of(t)->done++;
}

static const char *need_disk(void)
{
	return access("/dev/loop-control", R_OK | W_OK) ? NO_DISK : NULL;
}

/* The registered window to the disk, or the other way. */
static void transfer_fixed(struct thread *t, int op)
{
	const struct choice *c = t->choice;
	int ret = gup_ring_rw(&t->ring, op, t->disk.fd, mem_of(c), len_of(c), 0);

	if (ret != (int)len_of(c))
		wrong(t, "a fixed buffer of %zu bytes: %d", len_of(c), ret);
}

static void take_uring(struct thread *t, const struct choice *c)
{
	struct calm before = calm_now(c);

	if (gup_ring_register(&t->ring, mem_of(c), len_of(c))) {
		/* io_uring says EFAULT if a pin comes short, whatever the reason. */
		refused(t, before, errno, error_of_longterm(errno) || errno == EFAULT);
		return;
	}
	if (c->region->kind->no_longterm_write)
		wrong(t, "a file that wants to know of each write was pinned for long");
	if (stamp(t)) {
		transfer_fixed(t, IORING_OP_WRITE_FIXED);
		check(t, t->disk.data, c->nr, before, "disk, written from a fixed buffer");
	}
	stamp_buffer(t, t->disk.data);
	transfer_fixed(t, IORING_OP_READ_FIXED);
	check_mapping(t, c->nr, before, "memory, read to a fixed buffer");
	MUST(!gup_ring_unregister(&t->ring));
	count_of(t)->done++;
}

static const char *need_uring(void)
{
	struct gup_ring ring;

	if (!gup_ring_open(&ring))
		return NO_URING;
	gup_ring_close(&ring);
	return need_disk();
}

/* vmsplice() */

static void take_vmsplice(struct thread *t, const struct choice *c)
{
	struct iovec iov = { .iov_base = mem_of(c) };
	struct calm before = calm_now(c);
	ssize_t ret;

	iov.iov_len = (c->nr < PIPE_PAGES ? c->nr : PIPE_PAGES) * psize();
	if (!stamped(t, before))
		return;
	ret = vmsplice(t->pipe[1], &iov, 1, SPLICE_F_NONBLOCK);
	if (ret <= 0) {
		refused(t, before, ret ? errno : 0, false);
		return;
	}
	if (ret > (ssize_t)iov.iov_len)
		wrong(t, "%zd bytes for %zu", ret, iov.iov_len);
	MUST(read(t->pipe[0], t->copy, ret) == ret);
	check(t, t->copy, ret / psize(), before, "pipe");
	count_of(t)->done++;
}

/* A futex that other processes may share: one page, and no look at its content. */
static void take_futex(struct thread *t, const struct choice *c)
{
	struct calm before = calm_now(c);

	if (syscall(__NR_futex, mem_of(c), FUTEX_WAKE, 1, NULL, NULL, 0) < 0)
		refused(t, before, errno, false);
	else
		count_of(t)->done++;
}

/*
 * A lock in the window that one thread hands to another. The kernel finds those who wait
 * by the page, wherever that has moved meanwhile. The first word of a sector is taken.
 */

#define LOCK_OFFSET	sizeof(uint64_t)

struct locker {
	struct thread *t;
	uint32_t *word;
	struct calm before;
	int err;
};

static bool lock_is_safe(const struct locker *l)
{
	return content_kept(l->t->choice, l->before) && access_kept(l->t->choice, l->before);
}

static int lock_op(const struct locker *l, int op, const struct timespec *end)
{
	return syscall(__NR_futex, l->word, op, 0, end, NULL, 0) ? errno : 0;
}

/* Where the word may be lost nobody hands it over. */
static void *lock_and_unlock(void *arg)
{
	struct locker *l = arg;
	struct timespec end;

	for (int tries = 0; tries < 100; tries++) {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_nsec += 200000000;
		end.tv_sec += end.tv_nsec / 1000000000;
		end.tv_nsec %= 1000000000;
		l->err = lock_op(l, FUTEX_LOCK_PI, &end);
		if (l->err != ETIMEDOUT || !lock_is_safe(l))
			break;
	}
	if (!l->err)
		l->err = lock_op(l, FUTEX_UNLOCK_PI, NULL);
	return NULL;
}

static bool set_lock(struct thread *t, uint32_t *word, uint32_t val)
{
	if (sigsetjmp(t->jump, 0))
		return false;
	gup_store(&t->guarded, 1);
	gup_store(word, val);
	gup_store(&t->guarded, 0);
	return true;
}

static void locked_wrongly(const struct locker *l, const char *who, int err)
{
	count_of(l->t)->refused++;
	if (lock_is_safe(l))
		wrong(l->t, "%s: %s", who, strerrorname_np(err));
}

static void hand_over(struct locker *first)
{
	struct locker second = *first;
	pthread_t thread;
	int err;

	pthread_mutex_lock(&torture.map_lock);
	gup_thread(&thread, lock_and_unlock, &second);
	pthread_mutex_unlock(&torture.map_lock);
	usleep(first->t->choice->bits % 2000);
	err = lock_op(first, FUTEX_UNLOCK_PI, NULL);
	pthread_join(thread, NULL);
	if (err)
		locked_wrongly(first, "unlock", err);
	else if (second.err)
		locked_wrongly(first, "lock of the one who waits", second.err);
	else
		count_of(first->t)->done++;
}

static void take_futex_pi(struct thread *t, const struct choice *c)
{
	struct locker l = {
		.t = t,
		.word = (uint32_t *)(mem_of(c) + LOCK_OFFSET),
		.before = calm_now(c),
	};
	int err;

	if (!set_lock(t, l.word, 0)) {
		refused(t, l.before, EFAULT, false);
		return;
	}
	err = lock_op(&l, FUTEX_LOCK_PI, NULL);
	if (err)
		locked_wrongly(&l, "lock", err);
	else
		hand_over(&l);
}

static const char *need_futex_pi(void)
{
	uint32_t word = 0;
	struct locker l = { .word = &word };

	return lock_op(&l, FUTEX_LOCK_PI, NULL) ? "needs CONFIG_FUTEX_PI" : NULL;
}

/* memfd_pin_folios(), by way of udmabuf */

static const struct region *next_memfd(const struct region *r)
{
	for (unsigned int i = 0; i < torture.nr_regions; i++) {
		const struct region *other = &torture.regions[(r->id + i) % torture.nr_regions];

		if (other->kind->sealed)
			return other;
	}
	return NULL;
}

static int create_dmabuf(int memfd, off_t off, size_t len)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = off,
		.size = len,
	};
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd, err;

	MUST(device >= 0);
	fd = ioctl(device, UDMABUF_CREATE, &create);
	err = errno;
	close(device);
	errno = err;
	return fd;
}

/* Both ways, through a second mapping of the pinned pages. */
static void use_dmabuf(struct thread *t, int fd, struct calm before)
{
	const struct choice *c = t->choice;
	char *buf;

	pthread_mutex_lock(&torture.map_lock);
	buf = gup_mmap(len_of(c), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (stamp(t))
		check(t, buf, c->nr, before, "pinned pages of the memfd");
	stamp_buffer(t, buf);
	check_mapping(t, c->nr, before, "memory, written through the memfd's pages");
	MUST(!munmap(buf, len_of(c)));
	pthread_mutex_unlock(&torture.map_lock);
}

static void take_memfd(struct thread *t, const struct choice *drawn)
{
	struct choice c = *drawn;
	struct calm before;
	int fd;

	c.region = (struct region *)next_memfd(c.region);
	t->choice = &c;
	before = calm_now(&c);
	fd = create_dmabuf(c.region->fd, c.first * psize(), len_of(&c));
	if (fd < 0) {
		refused(t, before, errno, error_of_longterm(errno));
	} else {
		use_dmabuf(t, fd, before);
		close(fd);
		count_of(t)->done++;
	}
	t->choice = drawn;
}

static const char *need_udmabuf(void)
{
	if (access("/dev/udmabuf", R_OK | W_OK))
		return "needs root and CONFIG_UDMABUF";
	if (!next_memfd(&torture.regions[0]))
		return "needs a region of the kind shmem or hugetlb-memfd";
	return NULL;
}

static const char *need_driver(void)
{
	struct gup_test_hold nothing = { .api = GUP_TEST_NR_APIS };
	int fd = gup_driver();

	if (fd < 0)
		return NO_DRIVER;
	ioctl(fd, GUP_TEST_HOLD, &nothing);
	close(fd);
	return errno == ENOTTY ? "needs a gup_test driver with GUP_TEST_HOLD" : NULL;
}

#define BY_DRIVER(label, which) \
	{ .name = label, .once = take_hold, .need = need_driver, .arg = which }

const struct op takers[] = {
	BY_DRIVER("get-fast", GUP_TEST_GET_FAST),
	BY_DRIVER("get-fast-only", GUP_TEST_GET_FAST_ONLY),
	BY_DRIVER("get", GUP_TEST_GET),
	BY_DRIVER("get-unlocked", GUP_TEST_GET_UNLOCKED),
	BY_DRIVER("get-remote", GUP_TEST_GET_REMOTE),
	BY_DRIVER("pin-fast", GUP_TEST_PIN_FAST),
	BY_DRIVER("pin", GUP_TEST_PIN),
	BY_DRIVER("pin-unlocked", GUP_TEST_PIN_UNLOCKED),
	BY_DRIVER("pin-remote", GUP_TEST_PIN_REMOTE),
	{ .name = "range", .once = take_range, .need = need_driver },
	{ .name = "region", .once = take_region, .need = need_driver, .arg = GUP_TEST_PIN_FAST },
	{ .name = "direct", .once = take_direct, .need = need_disk, .arg = IN_ONE_PIECE },
	{ .name = "direct-vec", .once = take_direct, .need = need_disk, .arg = IN_PIECES },
	{ .name = "uring", .once = take_uring, .need = need_uring },
	{ .name = "vmsplice", .once = take_vmsplice },
	{ .name = "process-vm", .once = take_remote, .arg = BY_PROCESS_VM },
	{ .name = "proc-mem", .once = take_remote, .arg = BY_PROC_MEM },
	{ .name = "other-vm", .once = take_other, .arg = BY_PROCESS_VM },
	{ .name = "other-mem", .once = take_other, .arg = BY_PROC_MEM },
	{ .name = "core", .once = take_core, .need = gup_need_coredump, .begin = gup_core_begin,
	  .end = gup_core_end },
	{ .name = "futex", .once = take_futex },
	{ .name = "futex-pi", .once = take_futex_pi, .need = need_futex_pi },
	{ .name = "memfd", .once = take_memfd, .need = need_udmabuf },
};

const unsigned int nr_taker_ops = ARRAY_SIZE(takers);
