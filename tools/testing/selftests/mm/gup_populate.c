// SPDX-License-Identifier: GPL-2.0
/*
 * MADV_POPULATE_READ and _WRITE and their errors, MAP_POPULATE and the mlock family.
 * mincore() and pagemap tell what is resident afterwards.
 */
#include <linux/userfaultfd.h>
#include <sys/resource.h>

#include "gup_common.h"

#define NR_PAGES	16
#define OLD		1
#define NO_UFFD		"needs CONFIG_USERFAULTFD"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT	1
#endif
#ifndef EHWPOISON
#define EHWPOISON	133
#endif

HUGETLB_SETUP_DEFAULT_PAGES(4)

static int populate_read(char *mem, size_t len)
{
	return madvise(mem, len, MADV_POPULATE_READ) ? errno : 0;
}

static int populate_write(char *mem, size_t len)
{
	return madvise(mem, len, MADV_POPULATE_WRITE) ? errno : 0;
}

/* Pages of the range that have an entry in the page table. */
static int mapped(char *mem, size_t len)
{
	int nr = 0;

	for (size_t off = 0; off < len; off += psize())
		nr += !!(gup_pagemap(mem + off) & PM_PRESENT);
	return nr;
}

/* Pages that mincore() calls resident. */
static int resident(char *mem, size_t len)
{
	unsigned char vec[1024];
	int nr = 0;

	MUST(len / psize() <= sizeof(vec) && !mincore(mem, len, vec));
	for (size_t i = 0; i < len / psize(); i++)
		nr += vec[i] & 1;
	return nr;
}

/* Page faults it takes to write to each page. */
static long write_faults(char *mem, size_t len)
{
	struct rusage before, after;

	MUST(!getrusage(RUSAGE_SELF, &before));
	for (size_t off = 0; off < len; off += psize())
		gup_store(mem + off, 1);
	MUST(!getrusage(RUSAGE_SELF, &after));
	return after.ru_minflt - before.ru_minflt;
}

/* A fault of the test's own code or stack may slip in. */
#define FEW_FAULTS	4

/* MADV_POPULATE */

FIXTURE(madv) {
	size_t len;
	char *mem;
};

FIXTURE_SETUP(madv)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
}

FIXTURE_TEARDOWN(madv)
{
}

TEST_F(madv, read)
{
	EXPECT_EQ(0, mapped(self->mem, self->len));
	EXPECT_EQ(0, populate_read(self->mem + psize(), self->len - 2 * psize()));
	EXPECT_EQ(NR_PAGES - 2, mapped(self->mem, self->len));
	EXPECT_EQ(NR_PAGES - 2, resident(self->mem, self->len));
	EXPECT_EQ(self->len, gup_nonzero(self->mem, self->len));
}

TEST_F(madv, write)
{
	EXPECT_EQ(0, populate_write(self->mem, self->len));
	EXPECT_EQ(NR_PAGES, mapped(self->mem, self->len));
	EXPECT_GE(FEW_FAULTS, write_faults(self->mem, self->len));
}

/* The zero pages that a read populated must become pages to write to. */
TEST_F(madv, write_after_read)
{
	EXPECT_EQ(0, populate_read(self->mem, self->len));
	EXPECT_EQ(0, populate_write(self->mem, self->len));
	EXPECT_GE(FEW_FAULTS, write_faults(self->mem, self->len));
}

TEST_F(madv, keeps_content)
{
	gup_fill(self->mem, self->len, OLD);
	EXPECT_EQ(0, populate_read(self->mem, self->len));
	EXPECT_EQ(0, populate_write(self->mem, self->len));
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, OLD));
}

/* Guards "no VMA is -ENOMEM"; what comes before the hole is populated. */
TEST_F(madv, hole)
{
	MUST(!munmap(self->mem + 4 * psize(), psize()));
	EXPECT_EQ(ENOMEM, populate_read(self->mem, self->len));
	EXPECT_EQ(4, mapped(self->mem, self->len));
	EXPECT_EQ(ENOMEM, populate_write(self->mem, self->len));
	EXPECT_EQ(ENOMEM, populate_read(self->mem + 4 * psize(), psize()));
	EXPECT_EQ(ENOMEM, populate_write(self->mem + 4 * psize(), 2 * psize()));
}

/* Guards "a refused VMA is -EINVAL". */
TEST_F(madv, protection)
{
	MUST(!mprotect(self->mem, self->len, PROT_NONE));
	EXPECT_EQ(EINVAL, populate_read(self->mem, self->len));
	EXPECT_EQ(EINVAL, populate_write(self->mem, self->len));
	EXPECT_EQ(0, mapped(self->mem, self->len));
	MUST(!mprotect(self->mem, self->len, PROT_READ));
	EXPECT_EQ(EINVAL, populate_write(self->mem, self->len));
	EXPECT_EQ(0, populate_read(self->mem, self->len));
	EXPECT_EQ(NR_PAGES, mapped(self->mem, self->len));
}

/* The prefix before the refused VMA is done. */
TEST_F(madv, protection_in_the_middle)
{
	MUST(!mprotect(self->mem + 5 * psize(), psize(), PROT_NONE));
	EXPECT_EQ(EINVAL, populate_write(self->mem, self->len));
	EXPECT_EQ(5, mapped(self->mem, self->len));
}

TEST_F(madv, bad_range)
{
	EXPECT_EQ(EINVAL, populate_read(self->mem + 1, psize()));
	EXPECT_EQ(EINVAL, populate_write(self->mem + 1, psize()));
	EXPECT_EQ(0, populate_read(self->mem, 0));
	EXPECT_EQ(0, mapped(self->mem, self->len));
}

/* Guards "every fault error handled": beyond the end of a file is -EFAULT. */
TEST_F(madv, beyond_end_of_file)
{
	int fd = gup_memfd(4 * psize());
	char *mem = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	EXPECT_EQ(EFAULT, populate_read(mem, self->len));
	EXPECT_EQ(4, mapped(mem, self->len));
	EXPECT_EQ(EFAULT, populate_write(mem, self->len));
	EXPECT_EQ(EFAULT, populate_write(mem + 4 * psize(), psize()));
	EXPECT_EQ(0, populate_write(mem, 4 * psize()));
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* Guards "-EHWPOISON with FOLL_HWPOISON". */
TEST_F(madv, hwpoison)
{
	char *bad = self->mem + 3 * psize();
	unsigned long pfn;
	int fd;

	gup_fill(self->mem, self->len, OLD);
	fd = open("/proc/self/pagemap", O_RDONLY);
	MUST(fd >= 0);
	pfn = pagemap_get_pfn(fd, bad);
	/* the loss of a dirty page is a signal, which kills a process that ignores it */
	signal(SIGBUS, ignore_signal);
	if (madvise(bad, psize(), MADV_HWPOISON))
		SKIP(return, "needs root and CONFIG_MEMORY_FAILURE");
	EXPECT_EQ(EHWPOISON, populate_read(self->mem, self->len));
	EXPECT_EQ(EHWPOISON, populate_write(self->mem, self->len));
	EXPECT_EQ(0, populate_write(self->mem, 3 * psize()));
	MUST(!munmap(bad, psize()));
	unpoison_memory(pfn);
}

/* Guards "the stack is NOT expanded". This is too far below to be a mistake. */
TEST_F(madv, stack_not_expanded)
{
	size_t below = 48 * psize();
	char *area = gup_mmap(1024 * psize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *stack = area + 768 * psize();

	MUST(!munmap(area, 1024 * psize()));
	MUST(mmap(stack, psize(), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE,
		  -1, 0) == stack);
	stack[0] = 1;
	EXPECT_EQ(ENOMEM, populate_read(stack - below, psize()));
	EXPECT_EQ(ENOMEM, populate_write(stack - below, psize()));
	EXPECT_EQ(-1, mincore(stack - psize(), psize(), (unsigned char[1]) { 0 }));
	EXPECT_EQ(ENOMEM, errno);
	/* the area does grow for an access by the process itself */
	stack[-(long)below] = 1;
	EXPECT_EQ(0, populate_read(stack - below, psize()));
}

/* Faults that wait until a thread resolves them */

struct uffd_server {
	char *mem;
	size_t len;
	int fd;
	long faults;
	void (*change)(struct uffd_server *s);	/* done before the first fault ends, or NULL */
	int file;				/* for a change that maps it */
};

static void *serve_faults(void *arg)
{
	struct uffd_server *s = arg;
	char *page = gup_map_anon(psize());
	struct uffd_msg msg;

	while (read(s->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		char *at = (char *)(uintptr_t)(msg.arg.pagefault.address & -(long)psize());
		struct uffdio_copy copy = {
			.dst = (uintptr_t)at,
			.src = (uintptr_t)page,
			.len = psize(),
		};
		struct uffdio_range range = { .start = copy.dst, .len = copy.len };

		if (!s->faults++ && s->change)
			s->change(s);
		gup_store((uint64_t *)page, gup_word(OLD, at - s->mem));
		/* The page has no place any more: whoever waits for it is to look again. */
		if (ioctl(s->fd, UFFDIO_COPY, &copy) < 0)
			MUST(!ioctl(s->fd, UFFDIO_WAKE, &range));
	}
	return NULL;
}

static int uffd_missing(char *mem, size_t len)
{
	int fd = gup_uffd(0, 0);

	if (fd >= 0)
		MUST(!uffd_register(fd, mem, len, true, false, false));
	return fd;
}

/* Guards "MADV_POPULATE looping for ever": RETRY drops the lock and goes on. */
TEST_F(madv, waits_for_userfaultfd)
{
	struct uffd_server server = { .mem = self->mem };
	pthread_t thread;

	server.fd = uffd_missing(self->mem, self->len);
	if (server.fd < 0)
		SKIP(return, NO_UFFD);
	gup_thread(&thread, serve_faults, &server);
	EXPECT_EQ(0, populate_write(self->mem, self->len / 2));
	EXPECT_EQ(0, populate_read(self->mem, self->len));
	EXPECT_EQ(NR_PAGES, mapped(self->mem, self->len));
	for (size_t off = 0; off < self->len; off += psize())
		EXPECT_EQ(gup_word(OLD, off), *(uint64_t *)(self->mem + off));
	EXPECT_LE(NR_PAGES, server.faults);
}

/* Guards "a pending fatal signal ends the call", where nobody resolves the fault. */
TEST_F(madv, killed_while_waiting)
{
	int *steps = gup_steps();
	pid_t child = gup_fork();

	if (!child) {
		if (uffd_missing(self->mem, self->len) < 0)
			_exit(KSFT_SKIP);
		gup_step(steps, 1);
		madvise(self->mem, self->len, MADV_POPULATE_WRITE);
		_exit(KSFT_FAIL);
	}
	while (!gup_load(steps) && !waitpid(child, NULL, WNOHANG))
		usleep(1000);
	if (!gup_load(steps))
		SKIP(return, NO_UFFD);
	usleep(100000);
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, gup_join(child));
}

/*
 * Mappings that change while populate waits for a fault. It has dropped mmap_lock
 * then, and must look at the VMA again afterwards.
 */

#define CHANGED_PAGES	8

FIXTURE(changed) {
	struct uffd_server server;
	pthread_t thread;
};

FIXTURE_SETUP(changed)
{
	struct uffd_server *s = &self->server;

	s->len = CHANGED_PAGES * psize();
	s->mem = gup_map_anon(s->len);
	s->fd = uffd_missing(s->mem, s->len);
	if (s->fd < 0)
		SKIP(return, NO_UFFD);
}

FIXTURE_TEARDOWN(changed)
{
}

static void make_read_only(struct uffd_server *s)
{
	MUST(!mprotect(s->mem, s->len, PROT_READ));
}

/* Guards the second look: the VMA is to be read now, not written to. */
TEST_F(changed, read_only_during_mlock)
{
	self->server.change = make_read_only;
	gup_thread(&self->thread, serve_faults, &self->server);
	EXPECT_EQ(0, mlock(self->server.mem, self->server.len))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(CHANGED_PAGES, mapped(self->server.mem, self->server.len));
}

static void unmap_first_page(struct uffd_server *s)
{
	MUST(!munmap(s->mem, psize()));
}

/* Guards the same: what is left of the VMA is not skipped with the page that is gone. */
TEST_F(changed, unmapped_during_mlockall)
{
	self->server.change = unmap_first_page;
	gup_thread(&self->thread, serve_faults, &self->server);
	EXPECT_EQ(0, mlockall(MCL_CURRENT));
	EXPECT_EQ(CHANGED_PAGES - 1,
		  mapped(self->server.mem + psize(), self->server.len - psize()));
}

static void map_file_over(struct uffd_server *s)
{
	gup_mmap_at(s->mem, s->len, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, 0);
}

/* Guards the same: a shared mapping is not written to, so that no block is allocated. */
TEST_F(changed, file_during_mlock)
{
	struct uffd_server *s = &self->server;
	const char *why;
	struct stat st;

	/* tmpfs has no holes to read from */
	s->file = gup_file(GUP_EXT4, s->len, &why);
	if (s->file < 0)
		SKIP(return, "%s", why);
	s->change = map_file_over;
	gup_thread(&self->thread, serve_faults, s);
	EXPECT_EQ(0, mlock(s->mem, s->len))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(CHANGED_PAGES, mapped(s->mem, s->len));
	MUST(!fsync(s->file) && !fstat(s->file, &st));
	EXPECT_EQ(0, st.st_blocks);
}

static void lock_on_fault(struct uffd_server *s)
{
	MUST(!syscall(__NR_mlock2, s->mem, s->len, MLOCK_ONFAULT));
}

/* Guards the same: pages that are to be locked when they are touched stay absent. */
TEST_F(changed, onfault_during_mlock)
{
	self->server.change = lock_on_fault;
	gup_thread(&self->thread, serve_faults, &self->server);
	EXPECT_EQ(0, mlock(self->server.mem, self->server.len))
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(1, mapped(self->server.mem, self->server.len));
	EXPECT_EQ(1, self->server.faults);
}

/* MAP_POPULATE */

FIXTURE(map_populate) {
	size_t len;
};

FIXTURE_SETUP(map_populate)
{
	self->len = NR_PAGES * psize();
}

FIXTURE_TEARDOWN(map_populate)
{
}

/* Guards populate_vma_page_range(): WRITE if private and writable. */
TEST_F(map_populate, private_writable)
{
	char *mem = gup_mmap(self->len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);

	EXPECT_EQ(NR_PAGES, mapped(mem, self->len));
	EXPECT_GE(FEW_FAULTS, write_faults(mem, self->len));
}

/* Guards the same: a private, writable file mapping gets its copies at once. */
TEST_F(map_populate, private_file)
{
	int fd = gup_file_filled(GUP_SHMEM, self->len, OLD);
	char *mem = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd);

	EXPECT_EQ(NR_PAGES, mapped(mem, self->len));
	EXPECT_FALSE(!!(gup_pagemap(mem) & PM_FILE));
	EXPECT_EQ(self->len, gup_differs(mem, self->len, OLD));
}

TEST_F(map_populate, read_only_file)
{
	int fd = gup_file_filled(GUP_SHMEM, self->len, OLD);
	char *mem = gup_mmap(self->len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd);

	EXPECT_EQ(NR_PAGES, mapped(mem, self->len));
	EXPECT_TRUE(!!(gup_pagemap(mem) & PM_FILE));
}

TEST_F(map_populate, shared)
{
	char *mem = gup_mmap(self->len, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1);

	EXPECT_EQ(NR_PAGES, mapped(mem, self->len));
	EXPECT_EQ(NR_PAGES, resident(mem, self->len));
}

/* Errors are ignored: the mapping stands all the same. */
TEST_F(map_populate, errors_ignored)
{
	char *none = gup_mmap(self->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	int fd = gup_memfd(2 * psize());
	char *mem = gup_mmap(self->len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd);

	EXPECT_EQ(0, mapped(none, self->len));
	EXPECT_EQ(2, mapped(mem, self->len));
}

TEST_F(map_populate, hugetlb)
{
	char *mem = mmap(NULL, 2 * GUP_HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED)
		SKIP(return, NO_HUGETLB);
	EXPECT_EQ(1024, mapped(mem, 2 * GUP_HUGE_SIZE));
	EXPECT_GE(FEW_FAULTS, write_faults(mem, 2 * GUP_HUGE_SIZE));
}

/* The mlock family */

FIXTURE(locked) {
	size_t len;
	char *mem;
};

FIXTURE_SETUP(locked)
{
	self->len = NR_PAGES * psize();
	self->mem = gup_map_anon(self->len);
}

FIXTURE_TEARDOWN(locked)
{
}

TEST_F(locked, mlock)
{
	EXPECT_EQ(0, mlock(self->mem + psize() + 1, self->len - 2 * psize() - 1));
	EXPECT_EQ(NR_PAGES - 2, mapped(self->mem, self->len));
	EXPECT_EQ(NR_PAGES - 2, resident(self->mem, self->len));
	EXPECT_GE(FEW_FAULTS, write_faults(self->mem + psize(), self->len - 2 * psize()));
	EXPECT_EQ(-1, madvise(self->mem + psize(), psize(), MADV_DONTNEED));
}

/* Guards FORCE: memory that may be written but not read is populated by reading. */
TEST_F(locked, mlock_write_only)
{
	char *mem = gup_mmap(self->len, PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);

	EXPECT_EQ(0, mlock(mem, self->len));
	EXPECT_EQ(NR_PAGES, mapped(mem, self->len));
}

/* Memory that nobody may access is not populated. */
TEST_F(locked, mlock_prot_none)
{
	MUST(!mprotect(self->mem, self->len, PROT_NONE));
	EXPECT_EQ(-1, mlock(self->mem, self->len));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, mapped(self->mem, self->len));
}

TEST_F(locked, mlock_hole)
{
	MUST(!munmap(self->mem + 4 * psize(), psize()));
	EXPECT_EQ(-1, mlock(self->mem, self->len));
	EXPECT_EQ(ENOMEM, errno);
}

/* -EFAULT of the population is ENOMEM for mlock(). */
TEST_F(locked, mlock_beyond_end_of_file)
{
	int fd = gup_memfd(4 * psize());
	char *mem = gup_mmap(self->len, PROT_READ, MAP_SHARED, fd);

	EXPECT_EQ(-1, mlock(mem, self->len));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(4, mapped(mem, self->len));
}

TEST_F(locked, mlock2_onfault)
{
	EXPECT_EQ(0, syscall(__NR_mlock2, self->mem, self->len, MLOCK_ONFAULT));
	EXPECT_EQ(0, mapped(self->mem, self->len));
	self->mem[3 * psize()] = 1;
	EXPECT_EQ(1, mapped(self->mem, self->len));
	EXPECT_EQ(0, syscall(__NR_mlock2, self->mem, self->len, 0));
	EXPECT_EQ(NR_PAGES, mapped(self->mem, self->len));
}

TEST_F(locked, mlockall)
{
	char *later, *onfault;

	EXPECT_EQ(0, mlockall(MCL_CURRENT));
	EXPECT_EQ(NR_PAGES, mapped(self->mem, self->len));
	EXPECT_EQ(0, mlockall(MCL_FUTURE));
	later = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	EXPECT_EQ(NR_PAGES, mapped(later, self->len));
	EXPECT_EQ(0, mlockall(MCL_FUTURE | MCL_ONFAULT));
	onfault = gup_mmap(self->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	EXPECT_EQ(0, mapped(onfault, self->len));
	EXPECT_EQ(0, munlockall());
}

TEST_F(locked, mlock_thp)
{
	char *mem = gup_map_thp(GUP_HUGE_SIZE);

	if (!mem)
		SKIP(return, NO_THP);
	EXPECT_EQ(0, mlock(mem + 100 * psize(), 300 * psize()));
	EXPECT_EQ(512, mapped(mem, GUP_HUGE_SIZE));
	EXPECT_EQ(0, mlock(mem, GUP_HUGE_SIZE));
	EXPECT_EQ(0, munlock(mem, GUP_HUGE_SIZE));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
