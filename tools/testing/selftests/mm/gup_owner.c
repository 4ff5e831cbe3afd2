// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds a pin: /sys/kernel/debug/gup_owner names those who have pinned a page that
 * could not be moved, and only those. The kernel has to be booted with gup_owner=on.
 */
#include <linux/udmabuf.h>
#include <linux/userfaultfd.h>
#include <poll.h>

#include "gup_disk.h"
#include "gup_disturb.h"
#include "gup_movable.h"

#define LIST		"/sys/kernel/debug/gup_owner"
#define NO_LIST		"needs CONFIG_GUP_OWNER and root: boot with gup_owner=on"
#define NO_UFFD		"needs CONFIG_USERFAULTFD and root"
#define NO_NODES	"needs two NUMA nodes"
#define NO_OFFLINE	"needs CONFIG_MEMORY_HOTREMOVE, root, and memory to be taken offline"
#define WRITE		PIN_LONGTERM_TEST_FLAG_USE_WRITE
#define FAST		PIN_LONGTERM_TEST_FLAG_USE_FAST
#define LIST_SIZE	0x20000
#define CMA		"/sys/kernel/debug/cma/reserved"
#define NR_TRIED	64
/* More than a block of memory, so that it is in two. */
#define BLOCKS_SIZE	(256UL << 20)
#define NO_CMA		"needs free memory of CMA only: boot with movablecore=0 cma=2000M"

/* A short pin that lasts: the kernel cannot go on as it copies to memory of a userfaultfd. */

struct holder {
	char *mem;
	char *to;
	int uffd;
	pthread_t thread;
};

static void *copy(void *arg)
{
	struct holder *h = arg;
	struct iovec from = { .iov_base = h->mem, .iov_len = psize() };
	struct iovec to = { .iov_base = h->to, .iov_len = psize() };

	prctl(PR_SET_NAME, "gup_holder");
	MUST(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)psize());
	return NULL;
}

static bool hold(struct holder *h, char *mem)
{
	struct pollfd fault = { .events = POLLIN };

	h->mem = mem;
	h->to = gup_map_anon(psize());
	h->uffd = gup_uffd(O_NONBLOCK, 0);
	if (h->uffd < 0)
		return false;
	MUST(!uffd_register(h->uffd, h->to, psize(), true, false, false));
	gup_thread(&h->thread, copy, h);
	fault.fd = h->uffd;
	MUST(poll(&fault, 1, 20000) == 1 && fault.revents == POLLIN);
	return true;
}

static void let_go(struct holder *h)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)h->to, psize() } };

	MUST(!ioctl(h->uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(h->thread, NULL);
	close(h->uffd);
}

/* What the list says of a page, in memory to be freed, or NULL */

static unsigned long pfn_of(char *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	unsigned long pfn;

	MUST(fd >= 0);
	pfn = pagemap_get_pfn(fd, mem);
	close(fd);
	return pfn;
}

static char *entry_of(unsigned long pfn)
{
	char *list = malloc(LIST_SIZE), head[32], *entry, *end;
	int fd = open(LIST, O_RDONLY);
	size_t len = 0;
	ssize_t got;

	MUST(list && fd >= 0);
	while ((got = read(fd, list + len, LIST_SIZE - 1 - len)) > 0)
		len += got;
	close(fd);
	list[len] = 0;
	snprintf(head, sizeof(head), "pfn 0x%lx ", pfn);
	entry = strstr(list, head);
	if (entry) {
		end = strstr(entry + 1, "\npfn ");
		entry = strndup(entry, end ? (size_t)(end + 1 - entry) : strlen(entry));
	}
	free(list);
	return entry;
}

static bool says(const char *entry, const char *what)
{
	return entry && strstr(entry, what);
}

static void forget_all(void)
{
	MUST(gup_write(LIST, "0"));
}

/* Memory of CMA, and the pages of that area */

static unsigned long cma_number(const char *name)
{
	char path[80], text[32];

	snprintf(path, sizeof(path), CMA "/%s", name);
	return read_file(path, text, sizeof(text)) ? strtoul(text, NULL, 0) : 0;
}

static char *find_in_cma(char *mem, unsigned long *size)
{
	unsigned long start = cma_number("base_pfn");

	*size = cma_number("count");
	for (int i = 0; i < NR_TRIED; i++)
		if (pfn_of(mem + i * psize()) - start < *size)
			return mem + i * psize();
	return NULL;
}

FIXTURE(owner) {
	int driver;
	char *mem;
	struct holder holder;
};

FIXTURE_VARIANT(owner) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(owner, slow) { .flags = WRITE };
FIXTURE_VARIANT_ADD(owner, fast) { .flags = WRITE | FAST };

FIXTURE_SETUP(owner)
{
	self->driver = gup_driver();
	if (self->driver < 0)
		SKIP(return, NO_DRIVER);
	if (access(LIST, R_OK | W_OK))
		SKIP(return, NO_LIST);
	self->mem = gup_map_anon(psize());
	self->mem[0] = 1;
	forget_all();
}

FIXTURE_TEARDOWN(owner)
{
}

/* A pin that is in nobody's way is not in the list. */
TEST_F(owner, is_not_shown_without_cause)
{
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	EXPECT_FALSE(entry_of(pfn_of(self->mem)));
	gup_unpin(self->driver);
	EXPECT_FALSE(entry_of(pfn_of(self->mem)));
}

/* One of the two nodes is another one. */
static void try_to_move(char *mem)
{
	gup_migrate(mem, psize(), 0);
	gup_migrate(mem, psize(), 1);
}

TEST_F(owner, long_pin_is_in_the_way_of_move_pages)
{
	unsigned long pfn;
	char *entry;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	pfn = pfn_of(self->mem);
	try_to_move(self->mem);
	entry = entry_of(pfn);
	EXPECT_TRUE(says(entry, "order 0: 1 pins, not moved for syscall_or_cpuset 1 times"));
	EXPECT_TRUE(says(entry, "long-term pin by gup_owner["));
	EXPECT_TRUE(says(entry, "ioctl"));
	EXPECT_FALSE(says(entry, "last pin"));
	printf("%s", entry ?: "");
	try_to_move(self->mem);
	EXPECT_TRUE(says(entry_of(pfn), " 2 times"));
	gup_unpin(self->driver);

	forget_all();
	EXPECT_FALSE(entry_of(pfn));
	try_to_move(self->mem);
	EXPECT_FALSE(entry_of(pfn_of(self->mem)));
}

/* The first pin has moved the page, so the second takes it as it is. */
TEST_F(owner, next_pin_is_shown)
{
	char *entry;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	gup_unpin(self->driver);
	prctl(PR_SET_NAME, "gup_next");
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	try_to_move(self->mem);
	entry = entry_of(pfn_of(self->mem));
	EXPECT_TRUE(says(entry, "long-term pin by gup_next["));
	EXPECT_FALSE(says(entry, "gup_owner["));
	gup_unpin(self->driver);
}

/* memfd_pin_folios() knows no address. */
TEST_F(owner, memory_of_memfd)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), buf;
	struct udmabuf_create create = { .size = psize() };
	char *mem, *entry;

	if (device < 0)
		SKIP(return, "needs CONFIG_UDMABUF");
	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	create.memfd = gup_memfd_sealed(psize());
	mem = gup_mmap(psize(), PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd);
	mem[0] = 1;
	buf = ioctl(device, UDMABUF_CREATE, &create);
	ASSERT_LE(0, buf);
	try_to_move(mem);
	entry = entry_of(pfn_of(mem));
	EXPECT_TRUE(says(entry, "long-term pin by gup_owner["));
	EXPECT_TRUE(says(entry, "udmabuf"));
	close(buf);
	close(device);
}

/* A fixed buffer is pinned as ranges, here of pages that are there, without a lock. */
TEST_F(owner, fixed_buffer)
{
	struct gup_ring ring;
	unsigned long pfn;
	char *entry;

	if (!gup_ring_open(&ring))
		SKIP(return, NO_URING);
	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	/* Where the page may stay. */
	MUST(!gup_ring_register(&ring, self->mem, psize()));
	MUST(!gup_ring_unregister(&ring));
	prctl(PR_SET_NAME, "gup_ring");
	MUST(!gup_ring_register(&ring, self->mem, psize()));
	pfn = pfn_of(self->mem);
	try_to_move(self->mem);
	entry = entry_of(pfn);
	EXPECT_TRUE(says(entry, "order 0: 1 pins"));
	EXPECT_TRUE(says(entry, "long-term pin by gup_ring["));
	EXPECT_TRUE(says(entry, "io_uring"));
	MUST(!gup_ring_unregister(&ring));
	gup_ring_close(&ring);
}

/* A huge page is one folio, and has one entry. */
TEST_F(owner, huge_page)
{
	char *mem = thp_is_enabled() ? gup_map_thp(GUP_HUGE_SIZE) : NULL, *entry;

	if (!mem)
		SKIP(return, NO_THP);
	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	ASSERT_EQ(0, gup_pin(self->driver, mem, GUP_HUGE_SIZE, variant->flags));
	try_to_move(mem);
	entry = entry_of(pfn_of(mem));
	EXPECT_TRUE(says(entry, "order 9: 512 pins, not moved"));
	EXPECT_TRUE(says(entry, "long-term pin by gup_owner["));
	gup_unpin(self->driver);
}

/* The list has room for 64 folios. */
TEST_F(owner, last_ones_are_kept)
{
	const int nr = 70;
	char *mem = gup_map_anon(nr * psize());
	int kept = 0;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	gup_fill(mem, nr * psize(), 1);
	ASSERT_EQ(0, gup_pin(self->driver, mem, nr * psize(), variant->flags));
	for (int i = 0; i < nr; i++)
		try_to_move(mem + i * psize());
	for (int i = 0; i < nr; i++)
		kept += !!entry_of(pfn_of(mem + i * psize()));
	EXPECT_EQ(64, kept);
	EXPECT_TRUE(entry_of(pfn_of(mem + (nr - 1) * psize())));
	EXPECT_FALSE(entry_of(pfn_of(mem)));
	gup_unpin(self->driver);
}

/* A pipe has a reference, but no pin, whether there are others or not. */
TEST_F(owner, reference_is_not_shown)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = psize() };
	unsigned long pfn = pfn_of(self->mem);
	int pipe_fds[2];
	char *entry;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	MUST(!pipe(pipe_fds));
	MUST(vmsplice(pipe_fds[1], &iov, 1, 0) == (ssize_t)psize());
	try_to_move(self->mem);
	EXPECT_EQ(pfn, pfn_of(self->mem));
	EXPECT_FALSE(entry_of(pfn));
	close(pipe_fds[0]);
	close(pipe_fds[1]);

	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	MUST(!pipe(pipe_fds));
	MUST(vmsplice(pipe_fds[1], &iov, 1, 0) == (ssize_t)psize());
	try_to_move(self->mem);
	entry = entry_of(pfn_of(self->mem));
	EXPECT_TRUE(says(entry, "long-term pin by gup_owner["));
	EXPECT_FALSE(says(entry, "last pin"));
	gup_unpin(self->driver);
}

/* The long one stays, whoever comes later. */
TEST_F(owner, short_pin_does_not_hide_long_one)
{
	char *entry;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	if (!hold(&self->holder, self->mem))
		SKIP(return, NO_UFFD);
	try_to_move(self->mem);
	let_go(&self->holder);
	entry = entry_of(pfn_of(self->mem));
	EXPECT_TRUE(says(entry, "order 0: 2 pins"));
	EXPECT_TRUE(says(entry, "long-term pin by gup_owner["));
	EXPECT_TRUE(says(entry, "last pin by gup_holder["));
	gup_unpin(self->driver);
}

TEST_F(owner, short_pin_is_in_the_way_of_long_one)
{
	unsigned long pfn = pfn_of(self->mem);
	char *entry;

	if (!gup_nr_movable(self->mem, psize()))
		SKIP(return, NO_MOVABLE);
	if (!hold(&self->holder, self->mem))
		SKIP(return, NO_UFFD);
	EXPECT_EQ(-1, gup_pin(self->driver, self->mem, psize(), variant->flags));
	EXPECT_EQ(ENOMEM, errno);
	let_go(&self->holder);
	entry = entry_of(pfn);
	EXPECT_TRUE(says(entry, "order 0: 1 pins, not moved for longterm_pin"));
	EXPECT_TRUE(says(entry, "last pin by gup_holder["));
	EXPECT_TRUE(says(entry, "process_vm_r"));
	/* It was tried, but has never been one. */
	EXPECT_FALSE(says(entry, "long-term pin"));
	printf("%s", entry ?: "");
}

/* What was released is not blamed for what somebody else does. */
TEST_F(owner, released_pin_is_forgotten)
{
	char *entry;

	if (gup_need_nodes())
		SKIP(return, NO_NODES);
	ASSERT_EQ(0, gup_pin(self->driver, self->mem, psize(), variant->flags));
	gup_unpin(self->driver);
	if (!hold(&self->holder, self->mem))
		SKIP(return, NO_UFFD);
	try_to_move(self->mem);
	let_go(&self->holder);
	entry = entry_of(pfn_of(self->mem));
	EXPECT_TRUE(says(entry, "last pin by gup_holder["));
	EXPECT_FALSE(says(entry, "long-term pin"));
}

/* It goes on until it is done, or a signal comes. */
static pid_t offline(unsigned long pfn)
{
	unsigned long block_size;
	char text[32], path[80];
	pid_t pid;

	if (!read_file("/sys/devices/system/memory/block_size_bytes", text, sizeof(text)))
		return 0;
	block_size = strtoul(text, NULL, 16);
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state",
		 pfn / (block_size / psize()));
	if (access(path, W_OK))
		return 0;
	pid = gup_fork();
	if (!pid)
		_exit(gup_write(path, "offline"));
	return pid;
}

/* What the list says of that page while its memory is taken offline, or NULL: *refused then. */
static char *entry_while_offlining(unsigned long pfn, bool *refused)
{
	double end = gup_now() + 20;
	pid_t pid = offline(pfn);
	char *entry = NULL;

	*refused = !pid;
	while (!*refused && !entry && gup_now() < end) {
		usleep(10000);
		entry = entry_of(pfn);
		*refused = waitpid(pid, NULL, WNOHANG) == pid;
	}
	if (!*refused) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return entry;
}

/* It is refused where the kernel has memory of its own in the same block. */
TEST_F_TIMEOUT(owner, short_pin_is_in_the_way_of_memory_offlining, 120)
{
	char *mem = gup_map_anon(BLOCKS_SIZE), *entry = NULL;
	bool refused = true;

	gup_fill(mem, BLOCKS_SIZE, 1);
	if (!gup_nr_movable(mem, BLOCKS_SIZE))
		SKIP(return, NO_MOVABLE);
	for (size_t at = 0; at < BLOCKS_SIZE && refused && !entry; at += BLOCKS_SIZE / 8) {
		if (!hold(&self->holder, mem + at))
			SKIP(return, NO_UFFD);
		entry = entry_while_offlining(pfn_of(mem + at), &refused);
		let_go(&self->holder);
	}
	if (!entry && refused)
		SKIP(return, NO_OFFLINE);
	EXPECT_TRUE(says(entry, "not moved for memory_hotplug"));
	EXPECT_TRUE(says(entry, "last pin by gup_holder["));
}

/* Whoever wants a range as a whole does not isolate a pinned page. */
TEST_F(owner, short_pin_is_in_the_way_of_cma)
{
	char *mem = gup_map_anon(NR_TRIED * psize()), *entry, nr[32];
	unsigned long size;
	char *page;

	gup_fill(mem, NR_TRIED * psize(), 1);
	page = find_in_cma(mem, &size);
	if (!page)
		SKIP(return, NO_CMA);
	if (!hold(&self->holder, page))
		SKIP(return, NO_UFFD);
	snprintf(nr, sizeof(nr), "%lu", size);
	EXPECT_FALSE(gup_write(CMA "/alloc", nr));
	let_go(&self->holder);
	entry = entry_of(pfn_of(page));
	EXPECT_TRUE(says(entry, "order 0: 1 pins, not moved for contig_range"));
	EXPECT_TRUE(says(entry, "last pin by gup_holder["));
	printf("%s", entry ?: "");
}

#include "gup_end.h"

TEST_HARNESS_MAIN
