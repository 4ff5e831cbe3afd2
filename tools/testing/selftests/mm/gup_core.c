// SPDX-License-Identifier: GPL-2.0
/*
 * A process with memory of every kind crashes. Each byte of its core dump must be
 * what the process had there. What was never touched must stay a hole.
 */
#include <limits.h>
#include <linux/elf.h>
#include <sys/resource.h>

#include "gup_common.h"

#define SEED		7
#define HOLE_SIZE	(64ul << 20)
#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

HUGETLB_SETUP_DEFAULT_PAGES(4)

/* What a page of a region holds in the crashing process. */
enum content {
	NOTHING,	/* never touched: reads as zeroes, not in the file */
	ZERO_PAGE,	/* only read */
	PATTERN,
};

struct region {
	char *mem;
	size_t len;
	enum content (*content)(size_t page);
};

static enum content all_pattern(size_t page)
{
	(void)page;
	return PATTERN;
}

static enum content all_zero_page(size_t page)
{
	(void)page;
	return ZERO_PAGE;
}

static enum content all_nothing(size_t page)
{
	(void)page;
	return NOTHING;
}

static enum content mixed(size_t page)
{
	return page % 3 == 0 ? NOTHING : page % 3 == 1 ? ZERO_PAGE : PATTERN;
}

/* Gives each page of a region the content that its content() names. */
static void touch(struct region *r)
{
	for (size_t off = 0; off < r->len; off += psize()) {
		enum content what = r->content(off / psize());

		if (what == ZERO_PAGE)
			FORCE_READ(r->mem[off]);
		for (size_t i = 0; what == PATTERN && i < psize(); i += sizeof(uint64_t))
			*(uint64_t *)(r->mem + off + i) = gup_word(SEED, off + i);
	}
}

/* The core file */

struct core {
	char path[64];
	char *data;
	size_t len;
	off_t blocks;
};

static const struct elf64_phdr *core_segment(struct core *core, const char *addr)
{
	const struct elf64_hdr *ehdr = (struct elf64_hdr *)core->data;
	const struct elf64_phdr *phdr = (struct elf64_phdr *)(core->data + ehdr->e_phoff);
	uintptr_t at = (uintptr_t)addr;

	for (int i = 0; i < ehdr->e_phnum; i++, phdr++)
		if (phdr->p_type == PT_LOAD && at >= phdr->p_vaddr &&
		    at < phdr->p_vaddr + phdr->p_filesz)
			return phdr;
	return NULL;
}

/* Returns the bytes dumped for that address, NULL if they are not in the file. */
static const char *core_at(struct core *core, const char *addr, size_t len)
{
	const struct elf64_phdr *phdr = core_segment(core, addr);
	size_t off;

	if (!phdr)
		return NULL;
	off = (uintptr_t)addr - phdr->p_vaddr;
	if (off + len > phdr->p_filesz || phdr->p_offset + off + len > core->len)
		return NULL;
	return core->data + phdr->p_offset + off;
}

/* Returns the index of the first page that was dumped wrongly, or how many there are. */
static size_t wrong_page(struct core *core, struct region *r)
{
	size_t page;

	for (page = 0; page < r->len / psize(); page++) {
		const char *got = core_at(core, r->mem + page * psize(), psize());

		if (!got)
			return page;
		for (size_t i = 0; i < psize(); i += sizeof(uint64_t)) {
			uint64_t want = r->content(page) == PATTERN ?
					gup_word(SEED, page * psize() + i) : 0;

			if (*(const uint64_t *)(got + i) != want)
				return page;
		}
	}
	return page;
}

static void open_core(struct core *core)
{
	int fd = open(core->path, O_RDONLY);
	struct stat st;

	if (fd < 0)
		fprintf(stderr, "# no core dump at %s\n", core->path);
	MUST(fd >= 0 && !fstat(fd, &st) && st.st_size > (off_t)sizeof(struct elf64_hdr));
	core->len = st.st_size;
	core->blocks = st.st_blocks;
	core->data = gup_mmap(core->len, PROT_READ, MAP_PRIVATE, fd);
	MUST(!memcmp(core->data, ELFMAG, SELFMAG));
	close(fd);
}

FIXTURE(core) {
	char saved_pattern[256];
	struct core core;
};

FIXTURE_SETUP(core)
{
	char pattern[PATH_MAX + 32];
	char dir[PATH_MAX];

	if (!read_file(CORE_PATTERN, self->saved_pattern, sizeof(self->saved_pattern)) ||
	    access(CORE_PATTERN, W_OK))
		SKIP(return, "needs root, CONFIG_COREDUMP and CONFIG_ELF_CORE");
	MUST(getcwd(dir, sizeof(dir)));
	self->saved_pattern[strcspn(self->saved_pattern, "\n")] = '\0';
	snprintf(pattern, sizeof(pattern), "%s/gup_core.%%p", dir);
	write_file(CORE_PATTERN, pattern, strlen(pattern) + 1);
}

FIXTURE_TEARDOWN(core)
{
	if (self->saved_pattern[0])
		write_file(CORE_PATTERN, self->saved_pattern, strlen(self->saved_pattern) + 1);
	unlink(self->core.path);
}

/* All kinds of memory go into the file, see core(5). */
static void dump_everything(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	write_file("/proc/self/coredump_filter", "0x7f", sizeof("0x7f"));
	MUST(!setrlimit(RLIMIT_CORE, &limit));
	MUST(!prctl(PR_SET_DUMPABLE, 1));
}

/* A child fills the region and crashes. */
static void crash(struct core *core, struct region *r)
{
	pid_t child = gup_fork();

	if (!child) {
		dump_everything();
		touch(r);
		kill(getpid(), SIGABRT);
		_exit(1);
	}
	snprintf(core->path, sizeof(core->path), "gup_core.%d", child);
	MUST(gup_join(child) == 128 + SIGABRT);
	open_core(core);
}

static size_t dumped_bytes(struct core *core)
{
	return core->blocks * 512;
}

/* Guards DUMP on absent entries and zero pages: not allocated, not written. */
TEST_F(core, holes)
{
	struct region r = { gup_map_anon(HOLE_SIZE), HOLE_SIZE, all_nothing };

	/* the dump leaves out a mapping that nobody has touched */
	r.mem[0] = 0;
	r.mem[HOLE_SIZE - 1] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_LT(HOLE_SIZE, self->core.len);
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

TEST_F(core, zero_pages)
{
	struct region r = { gup_map_anon(HOLE_SIZE), HOLE_SIZE, all_zero_page };

	r.mem[0] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

/* Guards "huge zero page with DUMP". */
TEST_F(core, huge_zero_pages)
{
	struct region r = { gup_map_aligned(HOLE_SIZE), HOLE_SIZE, all_zero_page };

	if (!thp_is_enabled() || !detect_huge_zeropage())
		SKIP(return, "needs THP and its use_zero_page");
	MUST(!madvise(r.mem, r.len, MADV_HUGEPAGE));
	r.mem[0] = 0;
	crash(&self->core, &r);
	EXPECT_EQ(HOLE_SIZE / psize(), wrong_page(&self->core, &r));
	EXPECT_GT(HOLE_SIZE / 4, dumped_bytes(&self->core));
}

/* Guards "the page at that address": no page of another address, none left out. */
TEST_F(core, anon_mixed)
{
	struct region r = { gup_map_anon(GUP_HUGE_SIZE), GUP_HUGE_SIZE, mixed };

	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

/* FORCE: what the process could not read is dumped all the same. */
TEST_F(core, prot_none)
{
	struct region r = { gup_map_anon(GUP_HUGE_SIZE), GUP_HUGE_SIZE, mixed };
	struct region none = r;

	touch(&r);
	MUST(!mprotect(r.mem, r.len, PROT_NONE));
	r.len = 0;
	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &none));
}

TEST_F(core, thp)
{
	struct region r = { gup_map_thp(GUP_HUGE_SIZE), GUP_HUGE_SIZE, all_pattern };

	if (!r.mem)
		SKIP(return, NO_THP);
	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

TEST_F(core, private_file_partly_copied)
{
	int fd = gup_file_filled(GUP_SHMEM, GUP_HUGE_SIZE, SEED);
	struct region r = {
		gup_mmap(GUP_HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd),
		GUP_HUGE_SIZE, all_pattern,
	};
	struct region half = { r.mem, r.len / 2, all_pattern };

	crash(&self->core, &half);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

TEST_F(core, shared_memory)
{
	const size_t len = GUP_HUGE_SIZE;
	const char *why;
	struct region r = { gup_map(GUP_SHMEM | GUP_SHARED, len, &why), len, all_pattern };

	crash(&self->core, &r);
	EXPECT_EQ(GUP_HUGE_SIZE / psize(), wrong_page(&self->core, &r));
}

static enum content first_huge_page(size_t page)
{
	return page < GUP_HUGE_SIZE / psize() ? PATTERN : NOTHING;
}

/* Guards DUMP for hugetlb: where the page cache has no page there is a hole. */
TEST_F(core, hugetlb_with_hole)
{
	const size_t len = 8 * GUP_HUGE_SIZE;
	const char *why;
	struct region r = { gup_map(GUP_HUGETLB, len, &why), len, first_huge_page };

	if (!r.mem)
		SKIP(return, "%s", why);
	crash(&self->core, &r);
	EXPECT_EQ(len / psize(), wrong_page(&self->core, &r));
	/* one huge page, and the program's own memory */
	EXPECT_GT(len / 2, dumped_bytes(&self->core));
}

#include "gup_end.h"

TEST_HARNESS_MAIN
