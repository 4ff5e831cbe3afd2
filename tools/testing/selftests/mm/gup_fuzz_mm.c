// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of gup_fuzz that change what is mapped, and child processes.
 */
#include <linux/userfaultfd.h>

#include "gup_fuzz.h"

#ifndef MADV_COLD
#define MADV_COLD		20
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE	103
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT		1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT		4
#endif

static const int prots[] = {
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_WRITE, PROT_NONE,
};

static const char *prot_name(int prot)
{
	static const char * const names[] = { "none", "r", "w", "rw" };

	return names[prot & 3];
}

static void touch(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	int signal;

	say_range(s, &r);
	say_result(s, try_write(r.addr, fill_data(s, r.len), r.len, &signal));
	say(s, " signal %d", signal);
}

static void look(struct step *s)
{
	const struct range r = piece_of(s, &s->range[0]);
	size_t done;
	int signal;

	say_range(s, &r);
	done = try_read(fuzz.copy, r.addr, r.len, &signal);
	say_result(s, done);
	say_hash(s, fuzz.copy, done);
	say(s, " signal %d", signal);
}

static void protect(struct step *s)
{
	const struct range *r = &s->range[0];
	int prot = prots[pick(s, ARRAY_SIZE(prots))];

	say_range(s, r);
	say(s, " %s", prot_name(prot));
	say_result(s, mprotect(r->addr, r->len, prot));
}

/* A key that forbids what it is told to. */
static void protect_key(struct step *s)
{
	const struct range *r = &s->range[0];
	int prot = prots[pick(s, ARRAY_SIZE(prots))], rights = pick(s, 3), key;

	key = pkey_alloc(0, rights);
	say_range(s, r);
	say(s, " %s rights %d", prot_name(prot), rights);
	say_result(s, key < 0 ? key : pkey_mprotect(r->addr, r->len, prot, key));
}

static void unmap(struct step *s)
{
	say_range(s, &s->range[0]);
	say_result(s, munmap(s->range[0].addr, s->range[0].len));
}

static const struct {
	const char *name;
	int flags;
} map_flags[] = {
	{ "", 0 },
	{ " populate", MAP_POPULATE },
	{ " locked", MAP_LOCKED },
	{ " populate nonblock", MAP_POPULATE | MAP_NONBLOCK },
	{ " growsdown", MAP_GROWSDOWN },
};

static void map(struct step *s)
{
	const struct range *r = &s->range[0];
	int prot = prots[pick(s, ARRAY_SIZE(prots))], flags = pick(s, ARRAY_SIZE(map_flags));
	void *mem;

	say_range(s, r);
	say(s, " %s%s", prot_name(prot), map_flags[flags].name);
	mem = area_remap(r->area, r->addr, r->len, prot, map_flags[flags].flags);
	say_result(s, mem == MAP_FAILED ? -1 : mem == r->addr ? 0 : 1);
}

/* The second range says where to, and how long. */
static void move(struct step *s)
{
	static const int flags[] = {
		0, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	};
	const struct range *r = s->range;
	const int how = flags[pick(s, ARRAY_SIZE(flags))];
	const size_t len = how && pick(s, 4) ? r[0].len : r[1].len;
	void *mem;

	say_range(s, &r[0]);
	say_range(s, &r[1]);
	say(s, " flags %d to %zu pages", how, len / psize());
	mem = mremap(r[0].addr, r[0].len, len, how, r[1].addr);
	say_result(s, mem == MAP_FAILED ? -1 : mem == r[0].addr ? 0 : mem == r[1].addr ? 1 : 2);
}

/* Opened by the first step with userfaultfd */
static int uffd = -1;

#define ADVICE(name) { #name, MADV_##name }

/*
 * No MADV_HWPOISON: the pages would be missing in the cases that follow. No
 * MADV_GUARD_INSTALL where memory may be write-protected by userfaultfd: what Linux
 * clears for a guard keeps that protection, and it clears it again, for ever.
 */
static void advise(struct step *s)
{
	static const struct {
		const char *name;
		int advice;
	} advices[] = {
		ADVICE(DONTNEED), ADVICE(DONTNEED), ADVICE(DONTNEED_LOCKED), ADVICE(FREE),
		ADVICE(POPULATE_READ), ADVICE(POPULATE_READ), ADVICE(POPULATE_READ),
		ADVICE(POPULATE_WRITE), ADVICE(POPULATE_WRITE), ADVICE(POPULATE_WRITE),
		ADVICE(PAGEOUT), ADVICE(PAGEOUT), ADVICE(COLD), ADVICE(COLLAPSE), ADVICE(COLLAPSE),
		ADVICE(HUGEPAGE), ADVICE(NOHUGEPAGE), ADVICE(REMOVE), ADVICE(WILLNEED),
		ADVICE(DONTFORK), ADVICE(DOFORK), ADVICE(WIPEONFORK), ADVICE(KEEPONFORK),
		ADVICE(GUARD_INSTALL), ADVICE(GUARD_REMOVE), ADVICE(GUARD_REMOVE),
	};
	const struct range *r = &s->range[0];
	const unsigned int i = pick(s, ARRAY_SIZE(advices));

	say_range(s, r);
	say(s, " %s", advices[i].name);
	if (advices[i].advice == MADV_GUARD_INSTALL && uffd >= 0)
		return;
	say_result(s, madvise(r->addr, r->len, advices[i].advice));
}

static void lock(struct step *s)
{
	const struct range *r = &s->range[0];
	const unsigned int how = pick(s, 5);
	const int all = how < 2 ? 0 : 1 + pick(s, 7);

	if (how == 4) {
		say(s, " all flags %d", all);
		say_result(s, mlockall(all));
		return;
	}
	say_range(s, r);
	say(s, how % 2 ? " on fault" : "");
	say_result(s, mlock2(r->addr, r->len, how % 2 ? MLOCK_ONFAULT : 0));
}

static void unlock(struct step *s)
{
	const struct range *r = &s->range[0];

	if (!pick(s, 2)) {
		say(s, " all");
		say_result(s, munlockall());
		return;
	}
	say_range(s, r);
	say_result(s, munlock(r->addr, r->len));
}

/* Which pages of swap are in memory depends on when they were written: files only. */
static void in_core(struct step *s)
{
	const struct range *r = &s->range[0];
	unsigned char *vec = (unsigned char *)fuzz.copy;
	int ret;

	say_range(s, r);
	ret = mincore(r->addr, r->len, vec);
	say_result(s, ret);
	if (!ret && (r->area->kind->gup_kind & ~GUP_SHARED) == GUP_EXT4)
		say_hash(s, vec, r->len / psize() & ~7ul);
}

static void truncate_file(struct step *s)
{
	const struct range *r = &s->range[0];
	const off_t size = r->addr - r->area->mem + pick(s, 2) * 123;

	say_range(s, r);
	say(s, " to %ld", size);
	say_result(s, ftruncate(r->area->fd, size));
}

static void punch(struct step *s)
{
	const struct range *r = &s->range[0];
	const int mode = pick(s, 3) ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0;

	say_range(s, r);
	say(s, " mode %d", mode);
	say_result(s, fallocate(r->area->fd, mode, r->addr - r->area->mem, r->len));
}

/* From now on soft-dirty says what was written to. */
static void clear_soft_dirty(struct step *s)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	say_result(s, write(fd, "4", 1));
	close(fd);
}

/* userfaultfd. Faults that wait for a handler get a SIGBUS, so that nobody has to be one. */

static void wp_open(void)
{
	if (uffd < 0)
		uffd = gup_uffd(O_NONBLOCK, UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP |
					    UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
	MUST(uffd >= 0);
}

static void wp_register(struct step *s)
{
	const struct range *r = &s->range[0];
	struct uffdio_register reg = {
		.range = { (uintptr_t)r->addr, r->len },
		.mode = pick(s, 3) ? UFFDIO_REGISTER_MODE_WP : 1 + pick(s, 3),
	};

	wp_open();
	say_range(s, r);
	say(s, " mode %llu", reg.mode);
	say_result(s, ioctl(uffd, UFFDIO_REGISTER, &reg));
}

static void wp_unregister(struct step *s)
{
	struct uffdio_range range = { (uintptr_t)s->range[0].addr, s->range[0].len };

	wp_open();
	say_range(s, &s->range[0]);
	say_result(s, ioctl(uffd, UFFDIO_UNREGISTER, &range));
}

static void wp_protect(struct step *s)
{
	const struct range *r = &s->range[0];
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)r->addr, r->len },
		.mode = pick(s, 4) ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	wp_open();
	say_range(s, r);
	say(s, " mode %llu", wp.mode);
	say_result(s, ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
}

static void wp_copy(struct step *s)
{
	const struct range *r = &s->range[0];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)r->addr,
		.src = (uintptr_t)fill_data(s, r->len),
		.len = r->len,
		.mode = pick(s, 2) ? UFFDIO_COPY_MODE_WP : 0,
	};
	int ret;

	wp_open();
	say_range(s, r);
	say(s, " mode %llu", copy.mode);
	ret = ioctl(uffd, UFFDIO_COPY, &copy);
	say_result(s, ret);
	say(s, " copied %lld", copy.copy);
}

/* Child processes */

struct kid_order {
	enum kid_task task;
	struct range range;
	uint64_t arg;
};

struct kid_answer {
	long ret;
	char text[TEXT_SIZE];
};

static void kid_look(const struct range *r, struct kid_answer *answer)
{
	int signal;

	answer->ret = try_read(fuzz.copy, r->addr, r->len, &signal);
	snprintf(answer->text, sizeof(answer->text), " %08x signal %d",
		 (uint32_t)hash_words(0, fuzz.copy, answer->ret & ~7ul), signal);
}

static void kid_write(const struct range *r, uint64_t seed, struct kid_answer *answer)
{
	int signal;

	gup_fill(fuzz.data, r->len, seed);
	answer->ret = try_write(r->addr, fuzz.data, r->len, &signal);
	snprintf(answer->text, sizeof(answer->text), " signal %d", signal);
}

static void kid_obey(const struct kid_order *order, struct kid_answer *answer)
{
	const struct range *r = &order->range;

	answer->text[0] = 0;
	answer->ret = 0;
	switch (order->task) {
	case KID_WRITE:
		kid_write(r, order->arg, answer);
		return;
	case KID_READ:
		kid_look(r, answer);
		return;
	case KID_STATE:
		area_state(r->area, order->arg, answer->text, sizeof(answer->text));
		return;
	case KID_DISCARD:
		answer->ret = madvise(r->addr, r->len, MADV_DONTNEED) ? -errno : 0;
		return;
	case KID_PROTECT:
		answer->ret = mprotect(r->addr, r->len, order->arg) ? -errno : 0;
		return;
	case KID_UNMAP:
		answer->ret = munmap(r->addr, r->len) ? -errno : 0;
		return;
	case KID_EXIT:
		_exit(0);
	}
}

static void __noreturn kid_run(int from, int to)
{
	static struct kid_order order;
	static struct kid_answer answer;

	while (read(from, &order, sizeof(order)) == sizeof(order)) {
		kid_obey(&order, &answer);
		MUST(write(to, &answer, sizeof(answer)) == sizeof(answer));
	}
	_exit(0);
}

long kid_do(struct kid *kid, enum kid_task task, const struct range *r, uint64_t arg,
	    char *text)
{
	static struct kid_answer answer;
	struct kid_order order = { .task = task, .range = *r, .arg = arg };
	size_t got = 0;

	MUST(write(kid->to, &order, sizeof(order)) == sizeof(order));
	/* A long answer comes in pieces. */
	while (got < sizeof(answer)) {
		ssize_t part = read(kid->from, (char *)&answer + got, sizeof(answer) - got);

		MUST(part > 0);
		got += part;
	}
	strcpy(text, answer.text);
	return answer.ret;
}

static void kid_start(struct kid *kid)
{
	int down[2], up[2];

	MUST(!pipe(down) && !pipe(up));
	kid->pid = gup_fork();
	if (!kid->pid) {
		close(down[1]);
		close(up[0]);
		kid_run(down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	kid->to = down[1];
	kid->from = up[0];
	kid->mem = gup_open_mem(kid->pid);
}

/* An end of file would not do: younger children have its other end as well. */
void kid_end(struct kid *kid)
{
	struct kid_order order = { .task = KID_EXIT };

	MUST(write(kid->to, &order, sizeof(order)) == sizeof(order));
	close(kid->to);
	close(kid->from);
	close(kid->mem);
	gup_join(kid->pid);
	kid->pid = 0;
}

struct kid *some_kid(struct step *s)
{
	struct kid *kid = &fuzz.kids[pick(s, NR_KIDS)];

	return kid->pid ? kid : NULL;
}

/* One of the children begins, or ends. */
static void fork_or_exit(struct step *s)
{
	const unsigned int nr = pick(s, NR_KIDS), end = pick(s, 3);
	struct kid *kid = &fuzz.kids[nr];

	if (kid->pid && !end)
		kid_end(kid);
	else if (!kid->pid)
		kid_start(kid);
	say(s, " child %u", nr);
	say_result(s, !!kid->pid);
}

static void in_child(struct step *s)
{
	static const struct {
		const char *name;
		enum kid_task task;
	} tasks[] = {
		{ "writes", KID_WRITE }, { "writes", KID_WRITE }, { "reads", KID_READ },
		{ "reads", KID_READ }, { "discards", KID_DISCARD }, { "protects", KID_PROTECT },
		{ "unmaps", KID_UNMAP },
	};
	const unsigned int task = pick(s, ARRAY_SIZE(tasks));
	const int prot = prots[pick(s, ARRAY_SIZE(prots))];
	const uint64_t arg = tasks[task].task == KID_PROTECT ? (uint64_t)prot : draw(s);
	struct kid *kid = some_kid(s);
	char text[TEXT_SIZE] = "";
	long ret;

	say_range(s, &s->range[0]);
	say(s, " %s", tasks[task].name);
	if (!kid)
		return;
	ret = kid_do(kid, tasks[task].task, &s->range[0], arg, text);
	say(s, " = %ld%s", ret, text);
	s->kid = kid;
}

const struct op mm_ops[] = {
	{ "touch", 12, 1, touch },
	{ "look", 6, 1, look },
	{ "mprotect", 8, 1, protect },
	{ "pkey_mprotect", 3, 1, protect_key },
	{ "munmap", 3, 1, unmap },
	{ "mmap", 5, 1, map },
	{ "mremap", 4, 2, move },
	{ "madvise", 18, 1, advise },
	{ "mlock", 5, 1, lock },
	{ "munlock", 2, 1, unlock },
	{ "mincore", 1, 1, in_core },
	{ "ftruncate", 2, 1, truncate_file },
	{ "fallocate", 3, 1, punch },
	{ "clear_refs", 2, 0, clear_soft_dirty },
	{ "uffd-register", 5, 1, wp_register },
	{ "uffd-unregister", 1, 1, wp_unregister },
	{ "uffd-protect", 6, 1, wp_protect },
	{ "uffd-copy", 2, 1, wp_copy },
	{ "fork", 8, 0, fork_or_exit },
	{ "child", 10, 1, in_child },
};

const unsigned int nr_mm_ops = ARRAY_SIZE(mm_ops);
