// SPDX-License-Identifier: GPL-2.0
/*
 * The takers of gup_torture that get at memory from outside: as a debugger does, in this
 * process and in others, and by a core dump.
 */
#include "gup_torture.h"
#include "gup_coredump.h"

/* Whose memory it is. */
struct target {
	pid_t pid;
	int mem;	/* /proc/pid/mem */
};

static ssize_t vm_read(struct thread *t, const struct target *of, char *mem, size_t len)
{
	struct iovec local = { .iov_base = t->copy, .iov_len = len };
	struct iovec remote = { .iov_base = mem, .iov_len = len };

	return process_vm_readv(of->pid, &local, 1, &remote, 1, 0);
}

static ssize_t vm_write(struct thread *t, const struct target *of, char *mem, size_t len)
{
	struct iovec local = { .iov_base = t->copy, .iov_len = len };
	struct iovec remote = { .iov_base = mem, .iov_len = len };

	return process_vm_writev(of->pid, &local, 1, &remote, 1, 0);
}

/* The file says EIO where all others say EFAULT. */
static ssize_t or_fault(ssize_t ret)
{
	if (ret < 0 && errno == EIO)
		errno = EFAULT;
	return ret;
}

static ssize_t proc_read(struct thread *t, const struct target *of, char *mem, size_t len)
{
	return or_fault(pread(of->mem, t->copy, len, (uintptr_t)mem));
}

static ssize_t proc_write(struct thread *t, const struct target *of, char *mem, size_t len)
{
	return or_fault(pwrite(of->mem, t->copy, len, (uintptr_t)mem));
}

static const struct debugger {
	ssize_t (*read)(struct thread *t, const struct target *of, char *mem, size_t len);
	ssize_t (*write)(struct thread *t, const struct target *of, char *mem, size_t len);
	bool forces;	/* gets at memory that the process itself may not access */
} debuggers[] = {
	[BY_PROCESS_VM] = { vm_read, vm_write },
	[BY_PROC_MEM] = { proc_read, proc_write, .forces = true },
};

void take_remote(struct thread *t, const struct choice *c)
{
	const struct debugger *debugger = &debuggers[takers[c->op].arg];
	const struct target self = { .pid = getpid(), .mem = t->mem };
	struct calm before = calm_now(c);
	ssize_t ret;
	unsigned int nr;

	if (!stamped(t, before))
		return;
	ret = debugger->read(t, &self, mem_of(c), len_of(c));
	nr = transferred(t, before, ret, false);
	check(t, t->copy, nr, before, "what a debugger reads");
	stamp_buffer(t, t->copy);
	ret = debugger->write(t, &self, mem_of(c), len_of(c));
	nr = transferred(t, before, ret, false);
	if (!nr)
		return;
	check_mapping(t, nr, before, "memory, written by a debugger");
	count_of(t)->done++;
}

/*
 * Another process, a child: it has the same files, and a copy of private memory, and
 * changes how they are mapped.
 */

struct life {
	bool forks;
	bool unmaps;	/* what is next to the window */
	bool protects;	/* the window, in vain */
	bool discards;	/* the window */
	bool exits;
};

static struct life life_of(const struct choice *c, const struct debugger *debugger)
{
	const bool may_force = debugger->forces && !c->region->kind->shared;

	return (struct life) {
		.forks = c->bits & 1,
		.unmaps = c->bits & 2 && !c->region->kind->huge_only,
		.protects = c->bits & 4 && may_force,
		.discards = !(c->bits >> 3 & 7),
		.exits = !(c->bits >> 6 & 7),
	};
}

static void fork_and_join(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void map_over_next_window(const struct choice *c)
{
	const unsigned int next = (c->first / WINDOW_PAGES + 1) % NR_WINDOWS;
	char *mem = page_of(c->region, next * WINDOW_PAGES);
	const size_t len = WINDOW_PAGES * psize();

	MUST(!munmap(mem, len));
	gup_mmap_at(mem, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	mem[0] = 1;
}

static void __noreturn live(const struct choice *c, const struct life *life)
{
	for (unsigned int i = 0; !life->exits || i < (c->bits >> 16 & 7); i++) {
		if (life->protects)
			mprotect(mem_of(c), len_of(c),
				 i % 2 ? PROT_READ | PROT_WRITE : c->bits & 1 << 9 ?
				 PROT_READ : PROT_NONE);
		if (life->unmaps)
			map_over_next_window(c);
		if (life->discards)
			madvise(mem_of(c), len_of(c), MADV_DONTNEED);
		if (life->forks)
			fork_and_join();
		usleep(c->bits >> 24 & 0x1ff);
	}
	_exit(0);
}

static struct target other_begin(const struct choice *c, const struct life *life)
{
	struct target other = { .pid = gup_fork() };
	char path[64];

	if (!other.pid)
		live(c, life);
	snprintf(path, sizeof(path), "/proc/%d/mem", other.pid);
	/* It may have gone already, if it does not wait to be killed. */
	other.mem = open(path, O_RDWR | O_CLOEXEC);
	MUST(other.mem >= 0 || life->exits);
	return other;
}

static void other_end(const struct target *other)
{
	kill(other->pid, SIGKILL);
	gup_join(other->pid);
	if (other->mem >= 0)
		close(other->mem);
}

/* What came from the window of the other process, or went there. */
static void check_other(struct thread *t, unsigned int nr, const struct life *life,
			struct calm before, const char *what)
{
	const struct choice *c = t->choice;

	if (!life->discards)
		check(t, t->copy, nr, before, what);
	else if (!belongs(t->copy, c->region, c->first, nr))
		wrong(t, "%s: foreign content", what);
}

/* Here is what was written there only if that is the same memory. */
static void check_here(struct thread *t, struct calm before)
{
	const struct choice *c = t->choice;

	if (c->region->kind->shared) {
		check_mapping(t, c->nr, before, "shared memory, written by a debugger of another");
		return;
	}
	t->round--;
	check_mapping(t, c->nr, before, "memory whose copy in another process was written");
	t->round++;
}

static void use_other(struct thread *t, const struct target *other, const struct life *life,
		      struct calm before)
{
	const struct choice *c = t->choice;
	const struct debugger *debugger = &debuggers[takers[c->op].arg];
	const bool may_fail = life->exits || life->discards;
	ssize_t ret;
	unsigned int nr;

	ret = debugger->read(t, other, mem_of(c), len_of(c));
	nr = transferred(t, before, ret, may_fail);
	check_other(t, nr, life, before, "what a debugger reads of another process");
	stamp_buffer(t, t->copy);
	ret = debugger->write(t, other, mem_of(c), len_of(c));
	if (transferred(t, before, ret, may_fail) != c->nr)
		return;
	ret = debugger->read(t, other, mem_of(c), len_of(c));
	nr = transferred(t, before, ret, may_fail);
	check_other(t, nr, life, before, "what a debugger has written to another process");
	check_here(t, before);
	count_of(t)->done++;
}

void take_other(struct thread *t, const struct choice *c)
{
	const struct life life = life_of(c, &debuggers[takers[c->op].arg]);
	struct calm before = calm_now(c);
	struct target other;

	if (!stamped(t, before))
		return;
	other = other_begin(c, &life);
	use_other(t, &other, &life, before);
	other_end(&other);
}

/* Core dumps */

/* Has nothing else of the arena, which would go into the file. */
static void __noreturn crash(const struct choice *c)
{
	char *mem = c->region->mem, *behind = mem + GUP_HUGE_SIZE;

	munmap(torture.arena, mem - torture.arena);
	munmap(behind, torture.arena + torture.nr_regions * GUP_HUGE_SIZE - behind);
	gup_core_dump();
}

/* Copies what the file has of the window, up to a page that is missing. */
static unsigned int read_core(struct thread *t, const struct gup_core *core)
{
	const struct choice *c = t->choice;
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		const char *page = gup_core_at(core, mem_of(c) + i * psize(), psize());

		if (!page)
			break;
		memcpy(t->copy + i * psize(), page, psize());
	}
	return i;
}

void take_core(struct thread *t, const struct choice *c)
{
	struct calm before = calm_now(c);
	struct gup_core core;
	unsigned int nr;
	pid_t pid;

	if (!stamped(t, before))
		return;
	pid = gup_fork();
	if (!pid)
		crash(c);
	MUST(gup_join(pid) == 128 + SIGABRT);
	pthread_mutex_lock(&torture.map_lock);
	gup_core_open(&core, pid);
	nr = read_core(t, &core);
	gup_core_close(&core);
	pthread_mutex_unlock(&torture.map_lock);
	check(t, t->copy, transferred(t, before, nr * psize(), false), before, "core dump");
	count_of(t)->done++;
}
