// SPDX-License-Identifier: GPL-2.0
/*
 * Access to another process: ptrace, /proc/pid/mem, process_vm_readv() and
 * process_vm_writev(). A forced write must never reach a page that others use. A
 * refused one must leave everything as it was. Counts must be exact.
 */
#include <sys/ptrace.h>
#include <sys/user.h>

#include "gup_common.h"

#define OLD	1
#define NEW	2

GUP_HUGETLB_PAGES(32)

/* Forks a child that does nothing until it is killed. */
static pid_t fork_idle(void)
{
	pid_t pid = gup_fork();

	while (!pid)
		pause();
	return pid;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	gup_join(pid);
}

static int traced_function(void)
{
	return 42;
}

static pid_t fork_traced(void)
{
	int (*fn)(void) = traced_function;
	pid_t pid = gup_fork();
	int status;

	if (!pid) {
		MUST(!ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		/* loaded, so that it is called and not inlined */
		_exit(gup_load(&fn)());
	}
	MUST(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	return pid;
}

#if defined(__x86_64__)
/* Guards FORCE writes into private mappings: the text's file is not touched. */
TEST(ptrace_breakpoint_in_text)
{
	unsigned char before = FORCE_READ(*(unsigned char *)traced_function);
	pid_t pid = fork_traced();
	struct user_regs_struct regs;
	int status;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, traced_function, 0);
	ASSERT_EQ(0, errno);
	ASSERT_EQ(before, (unsigned char)word);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, pid, traced_function, (word & ~0xffl) | 0xcc));
	EXPECT_EQ(0xcc, ptrace(PTRACE_PEEKTEXT, pid, traced_function, 0) & 0xff);
	EXPECT_EQ(before, FORCE_READ(*(unsigned char *)traced_function));

	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, 0, &regs));
	EXPECT_EQ((unsigned long)traced_function + 1, regs.rip);

	regs.rip--;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, pid, 0, &regs));
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, pid, traced_function, word));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EQ(42, gup_join(pid));
}
#endif

/* Guards the same for a file mapped without PROT_WRITE. */
TEST(ptrace_poke_private_file)
{
	int fd = gup_file_filled(GUP_SHMEM, psize(), OLD);
	char *mem = gup_mmap(psize(), PROT_READ, MAP_PRIVATE, fd);
	pid_t pid = fork_traced();

	EXPECT_EQ((long)gup_word(OLD, 0), ptrace(PTRACE_PEEKDATA, pid, mem, 0));
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, mem, 0x1234567890l));
	EXPECT_EQ(0x1234567890l, ptrace(PTRACE_PEEKDATA, pid, mem, 0));
	EXPECT_EQ((long)gup_word(OLD, 8), ptrace(PTRACE_PEEKDATA, pid, mem + 8, 0));
	EXPECT_EQ(psize(), gup_differs(mem, psize(), OLD));
	EXPECT_EQ(psize(), gup_fd_differs(fd, psize(), OLD));
	reap(pid);
}

/* Guards "FORCE writes into shared mappings: refused". */
TEST(ptrace_poke_shared_readonly_refused)
{
	int fd = gup_file_filled(GUP_SHMEM, psize(), OLD);
	char *mem = gup_mmap(psize(), PROT_READ, MAP_SHARED, fd);
	pid_t pid = fork_traced();

	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, pid, mem, 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(psize(), gup_fd_differs(fd, psize(), OLD));
	reap(pid);
}

/* /proc/pid/mem */

FIXTURE(proc_mem) {
	char *mem;
	char *buf;
	size_t len;
	pid_t pid;
	int fd;
};

FIXTURE_VARIANT(proc_mem) {
	unsigned int kind;
	int prot;		/* while the child is accessed */
};

FIXTURE_VARIANT_ADD(proc_mem, anon_none) { .kind = GUP_ANON, .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(proc_mem, anon_read) { .kind = GUP_ANON, .prot = PROT_READ };
FIXTURE_VARIANT_ADD(proc_mem, thp_none) { .kind = GUP_THP, .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(proc_mem, thp_read) { .kind = GUP_THP, .prot = PROT_READ };
FIXTURE_VARIANT_ADD(proc_mem, thp_ptes_read) { .kind = GUP_THP_PTES, .prot = PROT_READ };
FIXTURE_VARIANT_ADD(proc_mem, hugetlb_none) { .kind = GUP_HUGETLB, .prot = PROT_NONE };
FIXTURE_VARIANT_ADD(proc_mem, hugetlb_read) { .kind = GUP_HUGETLB, .prot = PROT_READ };
FIXTURE_VARIANT_ADD(proc_mem, file_read) { .kind = GUP_SHMEM, .prot = PROT_READ };

FIXTURE_SETUP(proc_mem)
{
	const char *why;

	self->len = GUP_HUGE_SIZE;
	self->mem = gup_map(variant->kind, self->len, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->buf = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, OLD);
	MUST(!mprotect(self->mem, self->len, variant->prot));
	self->pid = fork_idle();
	self->fd = gup_open_mem(self->pid);
	/* only the child's memory keeps this protection */
	MUST(!mprotect(self->mem, self->len, PROT_READ));
}

FIXTURE_TEARDOWN(proc_mem)
{
	if (self->pid)
		reap(self->pid);
}

/* Guards the VMA rules: FORCE reads what the process itself may not. */
TEST_F(proc_mem, force_reads)
{
	size_t off = 3 * psize() + 17, len = self->len - off - 5;

	ASSERT_EQ((ssize_t)len, pread(self->fd, self->buf, len, (uintptr_t)self->mem + off));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + off, len));
}

/* Guards "private ones (hugetlb too) get a copy": the parent shares these pages. */
TEST_F(proc_mem, force_writes_copy)
{
	uintptr_t at = (uintptr_t)self->mem + 5 * psize() - 7;
	size_t len = 2 * psize();

	gup_fill(self->buf, self->len, NEW);
	ASSERT_EQ((ssize_t)len, pwrite(self->fd, self->buf, len, at));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
	ASSERT_EQ((ssize_t)len, pread(self->fd, self->buf + self->len / 2, len, at));
	EXPECT_EQ(0, memcmp(self->buf, self->buf + self->len / 2, len));
	ASSERT_EQ(7, pread(self->fd, self->buf, 7, at - 7));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + 5 * psize() - 14, 7));
}

/* Twice: the page is now the child's own, and the second write goes into it. */
TEST_F(proc_mem, force_writes_again)
{
	uintptr_t at = (uintptr_t)self->mem + psize();

	ASSERT_EQ(6, pwrite(self->fd, "first", 6, at));
	ASSERT_EQ(7, pwrite(self->fd, "second", 7, at));
	ASSERT_EQ(7, pread(self->fd, self->buf, 7, at));
	EXPECT_STREQ("second", self->buf);
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
}

FIXTURE(shared_mem) {
	int fd;
	size_t len;
};

FIXTURE_VARIANT(shared_mem) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(shared_mem, shmem) { .kind = GUP_SHMEM };
FIXTURE_VARIANT_ADD(shared_mem, hugetlb) { .kind = GUP_HUGETLB };

FIXTURE_SETUP(shared_mem)
{
	const char *why;
	char *mem;

	self->len = GUP_HUGE_SIZE;
	self->fd = gup_file(variant->kind, self->len, &why);
	if (self->fd < 0)
		SKIP(return, "%s", why);
	mem = gup_map_file(variant->kind | GUP_SHARED, self->fd, self->len, &why);
	if (!mem)
		SKIP(return, "%s", why);
	gup_fill(mem, self->len, OLD);
	munmap(mem, self->len);
}

FIXTURE_TEARDOWN(shared_mem)
{
}

/* Guards "FORCE writes into shared mappings: refused". */
TEST_F(shared_mem, force_write_refused)
{
	char *mem = gup_mmap(self->len, PROT_READ, MAP_SHARED, self->fd);

	EXPECT_EQ(-1, gup_force_write(mem + psize(), "junk", 4));
	EXPECT_EQ(EIO, errno);
	FORCE_READ(mem[0]);
	EXPECT_EQ(-1, gup_force_write(mem, "junk", 4));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(self->len, gup_differs(mem, self->len, OLD));
}

/* A shared mapping that is writable needs no FORCE: the file gets the write. */
TEST_F(shared_mem, write_reaches_file)
{
	char *mem = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd);
	char *other = gup_mmap(self->len, PROT_READ, MAP_SHARED, self->fd);

	EXPECT_EQ(4, gup_force_write(mem + psize() + 1, "junk", 4));
	EXPECT_EQ(0, memcmp(other + psize() + 1, "junk", 4));
}

/* Guards "private ones (hugetlb too) get a copy": the file keeps its content. */
TEST_F(shared_mem, private_force_write_copies)
{
	char *mem = gup_mmap(self->len, PROT_READ, MAP_PRIVATE, self->fd);
	char *other = gup_mmap(self->len, PROT_READ, MAP_SHARED, self->fd);

	EXPECT_EQ(4, gup_force_write(mem + psize() + 1, "junk", 4));
	EXPECT_EQ(0, memcmp(mem + psize() + 1, "junk", 4));
	EXPECT_EQ(self->len, gup_differs(other, self->len, OLD));
}

/* Guards "no VMA: -EFAULT" in the middle of a range, seen as a short count. */
TEST(proc_mem_stops_at_hole)
{
	char *mem = gup_map_anon(4 * psize());
	char *buf = gup_map_anon(4 * psize());
	int fd = gup_open_mem(getpid());

	gup_fill(mem, 4 * psize(), OLD);
	MUST(!munmap(mem + 2 * psize(), psize()));
	EXPECT_EQ((ssize_t)(2 * psize() - 100),
		  pread(fd, buf, 4 * psize() - 100, (uintptr_t)mem + 100));
	EXPECT_EQ(0, memcmp(buf, mem + 100, 2 * psize() - 100));
	EXPECT_EQ(-1, pread(fd, buf, 1, (uintptr_t)mem + 2 * psize()));
	EXPECT_EQ(EIO, errno);
}

/* process_vm_readv() and process_vm_writev() */

#define NR_PAGES	40		/* more than one batch of the kernel's */

FIXTURE(process_vm) {
	char *mem;
	char *buf;
	size_t len;
	pid_t pid;
};

FIXTURE_SETUP(process_vm)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
	self->buf = gup_map_anon(self->len);
	gup_fill(self->mem, self->len, OLD);
}

FIXTURE_TEARDOWN(process_vm)
{
	if (self->pid)
		reap(self->pid);
}

static ssize_t vm_read(pid_t pid, char *buf, char *mem, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = mem, .iov_len = len };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static ssize_t vm_write(pid_t pid, char *buf, char *mem, size_t len)
{
	struct iovec local = { .iov_base = buf, .iov_len = len };
	struct iovec remote = { .iov_base = mem, .iov_len = len };

	return process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

TEST_F(process_vm, whole_range)
{
	self->pid = fork_idle();
	ASSERT_EQ((ssize_t)self->len - 30, vm_read(self->pid, self->buf, self->mem + 13,
						   self->len - 30));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + 13, self->len - 30));

	gup_fill(self->buf, self->len, NEW);
	ASSERT_EQ((ssize_t)self->len, vm_write(self->pid, self->buf, self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
	memset(self->buf, 0, self->len);
	ASSERT_EQ((ssize_t)self->len, vm_read(self->pid, self->buf, self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->buf, self->len, NEW));
}

/* Guards the prefix rule: a hole ends the call, what came before it counts. */
TEST_F(process_vm, partial_at_hole)
{
	size_t before = (NR_PAGES - 3) * psize();

	MUST(!munmap(self->mem + before, psize()));
	self->pid = fork_idle();
	EXPECT_EQ((ssize_t)before - 50,
		  vm_read(self->pid, self->buf, self->mem + 50, self->len - 50));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + 50, before - 50));
	EXPECT_EQ(psize(), gup_nonzero(self->buf + before - 50, psize()));
	EXPECT_EQ((ssize_t)before, vm_write(self->pid, self->mem, self->mem, before + 10));
	EXPECT_EQ(-1, vm_read(self->pid, self->buf, self->mem + before, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, vm_read(self->pid, self->buf, self->mem, 0));
}

/* Guards the VMA rules: without FORCE the protection counts. */
TEST_F(process_vm, protection)
{
	char *none = self->mem + 4 * psize(), *ro = self->mem + 8 * psize();

	MUST(!mprotect(none, psize(), PROT_NONE));
	MUST(!mprotect(ro, psize(), PROT_READ));
	self->pid = fork_idle();
	EXPECT_EQ(-1, vm_read(self->pid, self->buf, none, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vm_write(self->pid, self->buf, none, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vm_write(self->pid, self->buf, ro, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(8, vm_read(self->pid, self->buf, ro, 8));
	EXPECT_EQ(0, memcmp(self->buf, ro, 8));
	EXPECT_EQ((ssize_t)psize(), vm_read(self->pid, self->buf, none - psize(), 2 * psize()));
}

/* Several pieces on both sides that do not line up. */
TEST_F(process_vm, scattered)
{
	struct iovec local[] = {
		{ .iov_base = self->buf, .iov_len = 100 },
		{ .iov_base = self->buf + 200, .iov_len = psize() },
	};
	struct iovec remote[] = {
		{ .iov_base = self->mem + psize() - 1, .iov_len = 2 },
		{ .iov_base = self->mem + 9 * psize() + 7, .iov_len = 0 },
		{ .iov_base = self->mem + 3 * psize() - 50, .iov_len = psize() },
	};

	self->pid = fork_idle();
	ASSERT_EQ((ssize_t)psize() + 2, process_vm_readv(self->pid, local, 2, remote, 3, 0));
	EXPECT_EQ(0, memcmp(self->buf, self->mem + psize() - 1, 2));
	EXPECT_EQ(0, memcmp(self->buf + 2, self->mem + 3 * psize() - 50, 98));
	EXPECT_EQ(0, memcmp(self->buf + 200, self->mem + 3 * psize() + 48, psize() - 98));
}

/* Guards the pin counts of huge pages and untouched memory. */
TEST_F(process_vm, thp_and_holes)
{
	char *thp = gup_map_thp(GUP_HUGE_SIZE);
	char *untouched = gup_map_anon(self->len);

	if (!thp)
		SKIP(return, NO_THP);
	gup_fill(thp, GUP_HUGE_SIZE, NEW);
	self->pid = fork_idle();
	ASSERT_EQ((ssize_t)self->len, vm_read(self->pid, self->buf, thp + 100 * psize() + 1,
					      self->len));
	EXPECT_EQ(0, memcmp(self->buf, thp + 100 * psize() + 1, self->len));
	ASSERT_EQ((ssize_t)self->len, vm_read(self->pid, self->buf, untouched, self->len));
	EXPECT_EQ(self->len, gup_nonzero(self->buf, self->len));
}

/* The gate area */

#define VSYSCALL	((char *)0xffffffffff600000ul)

/* Reads the protection from /proc/self/maps. It is empty if there is no such page. */
static void vsyscall_prot(char prot[5])
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[256];

	MUST(f);
	prot[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[vsyscall]"))
			MUST(sscanf(line, "%*x-%*x %4s", prot) == 1);
	fclose(f);
}

/* Guards the gate area's rule: readable as far as it is mapped, never writable. */
TEST(gate_area)
{
	char buf[64], prot[5];
	pid_t pid;
	ssize_t ret;

	vsyscall_prot(prot);
	if (!prot[0])
		SKIP(return, "needs a vsyscall page (boot with vsyscall=emulate)");
	pid = fork_idle();
	ret = vm_read(pid, buf, VSYSCALL, sizeof(buf));
	if (prot[0] == 'r') {
		EXPECT_EQ((ssize_t)sizeof(buf), ret);
		EXPECT_EQ(0, memcmp(buf, VSYSCALL, sizeof(buf)));
	} else {
		EXPECT_EQ(-1, ret);
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(-1, vm_write(pid, buf, VSYSCALL, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vm_read(pid, buf, VSYSCALL + psize(), 8));
	EXPECT_EQ(EFAULT, errno);
	reap(pid);
}

#include "gup_end.h"

TEST_HARNESS_MAIN
