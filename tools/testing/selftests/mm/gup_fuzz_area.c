// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of gup_fuzz, and what can be seen of it.
 */
#include "gup_fuzz.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret	447
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE		0x08
#endif

/* PROT_NONE, which is 0 */
#define NO_ACCESS		0x40000000
#define SMALL			(32 * 4 * KIB)
#define ROM			0xf0000
#define SHORT			(12 * 4 * KIB + 100)
/* of an entry of pagemap */
#define PM_PRESENT		BIT_ULL(63)
#define PM_SWAP			BIT_ULL(62)
#define PM_FILE			BIT_ULL(61)
#define PM_GUARD		BIT_ULL(58)
#define PM_UFFD_WP		BIT_ULL(57)
#define PM_EXCLUSIVE		BIT_ULL(56)
#define PM_SOFT_DIRTY		BIT_ULL(55)

/* Accesses */

static sigjmp_buf jump;
static sig_atomic_t guarded;

static void on_fault(int signal)
{
	if (gup_load(&guarded))
		siglongjmp(jump, signal);
	/* A bug of this program: let it die of it. */
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	MUST(!sigaction(SIGSEGV, &action, NULL) && !sigaction(SIGBUS, &action, NULL));
}

/* Copies what lies in one page. */
static int try_copy(char *to, const char *from, size_t len)
{
	int signal = sigsetjmp(jump, 0);

	if (!signal) {
		gup_store(&guarded, 1);
		memcpy(to, from, len);
	}
	gup_store(&guarded, 0);
	return signal;
}

static size_t to_page_end(const char *addr, size_t left)
{
	const size_t rest = psize() - (uintptr_t)addr % psize();

	return left < rest ? left : rest;
}

/* Copies page by page of @area, which is @to or @from. */
static size_t try_pages(char *to, const char *from, size_t len, int *signal, const char *area)
{
	size_t done = 0, part;

	for (*signal = 0; done < len; done += part) {
		part = to_page_end(area + done, len - done);
		*signal = try_copy(to + done, from + done, part);
		if (*signal)
			break;
	}
	return done;
}

size_t try_write(char *to, const char *from, size_t len, int *signal)
{
	return try_pages(to, from, len, signal, to);
}

size_t try_read(char *to, const char *from, size_t len, int *signal)
{
	return try_pages(to, from, len, signal, from);
}

/* Kinds */

static void map_as(struct area *a, int flags)
{
	gup_mmap_at(a->mem, a->len, PROT_READ | PROT_WRITE, flags, a->fd, 0);
}

static void map_untouched_thp(struct area *a)
{
	map_as(a, MAP_PRIVATE);
	MUST(!madvise(a->mem, a->len, MADV_HUGEPAGE));
}

static void map_thp(struct area *a)
{
	map_untouched_thp(a);
	gup_touch(a->mem, a->len);
}

static void map_thp_ptes(struct area *a)
{
	map_thp(a);
	gup_split_table(a->mem);
}

/* The setting is for all, and so changes back before khugepaged may notice. */
static void map_64k(struct area *a)
{
	struct gup_folio_settings before;

	MUST(gup_set_only_64k(&before));
	map_thp(a);
	gup_restore_folios(&before);
}

static void map_shmem_thp(struct area *a)
{
	map_as(a, MAP_SHARED);
	gup_touch(a->mem, a->len);
	MUST(!madvise(a->mem, a->len, MADV_COLLAPSE));
}

static void map_shared(struct area *a)
{
	map_as(a, MAP_SHARED);
}

static void map_short(struct area *a)
{
	MUST(!ftruncate(a->fd, SHORT));
	map_shared(a);
}

static void map_short_private(struct area *a)
{
	MUST(!ftruncate(a->fd, SHORT));
	map_as(a, MAP_PRIVATE);
}

static void map_secret(struct area *a)
{
	a->fd = syscall(__NR_memfd_secret, 0);
	MUST(a->fd >= 0 && !ftruncate(a->fd, a->len));
	map_shared(a);
}

static void map_droppable(struct area *a)
{
	map_as(a, MAP_DROPPABLE);
}

/* Half of it is mapped: there is room to grow, and a page that it must not grow into. */
static void map_growsdown(struct area *a)
{
	const size_t half = a->len / 2;

	gup_mmap_at(a->mem + half, half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN,
		    -1, 0);
}

/* The ROM of the BIOS: memory without struct pages that may be used */
static void map_device(struct area *a)
{
	a->fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	MUST(a->fd >= 0);
	MUST(area_remap(a, a->mem, a->len, PROT_READ, 0) == a->mem);
}

static const struct area_kind kinds[] = {
	{ "anon", GUP_ANON, SMALL },
	{ "anon-there", GUP_ANON, SMALL, .touch = true },
	{ "anon-ro", GUP_ANON, SMALL, .touch = true, .prot = PROT_READ },
	{ "anon-ro-empty", GUP_ANON, SMALL, .prot = PROT_READ },
	{ "anon-none", GUP_ANON, SMALL, .touch = true, .prot = NO_ACCESS },
	{ "anon-wo", GUP_ANON, SMALL, .touch = true, .prot = PROT_WRITE },
	{ "anon-64k", GUP_ANON, SMALL, .map = map_64k, .touch = true },
	{ "thp", GUP_THP, GUP_HUGE_SIZE, .map = map_thp, .touch = true },
	{ "thp-empty", GUP_THP, GUP_HUGE_SIZE, .map = map_untouched_thp },
	{ "thp-ptes", GUP_THP, GUP_HUGE_SIZE, .map = map_thp_ptes, .touch = true },
	{ "thp-ro", GUP_THP, GUP_HUGE_SIZE, .map = map_thp, .prot = PROT_READ },
	{ "anon-shared", GUP_ANON, SMALL, .map = map_shared },
	{ "growsdown", GUP_ANON, SMALL, .map = map_growsdown },
	{ "droppable", GUP_ANON, SMALL, .map = map_droppable, .touch = true },
	{ "memfd", GUP_SHMEM, SMALL },
	{ "memfd-shared", GUP_SHMEM | GUP_SHARED, SMALL, .touch = true },
	{ "memfd-thp", GUP_SHMEM | GUP_SHARED, GUP_HUGE_SIZE, .map = map_shmem_thp },
	{ "tmpfs", GUP_TMPFS, SMALL, .touch = true },
	{ "tmpfs-shared", GUP_TMPFS | GUP_SHARED, SMALL },
	{ "tmpfs-shared-ro", GUP_TMPFS | GUP_SHARED, SMALL, .prot = PROT_READ },
	{ "ext4", GUP_EXT4, SMALL },
	{ "ext4-shared", GUP_EXT4 | GUP_SHARED, SMALL, .touch = true },
	{ "ext4-shared-ro", GUP_EXT4 | GUP_SHARED, SMALL, .prot = PROT_READ },
	{ "ext4-short", GUP_EXT4 | GUP_SHARED, SMALL, .map = map_short },
	{ "tmpfs-short", GUP_TMPFS, SMALL, .map = map_short_private },
	{ "hugetlb", GUP_HUGETLB_2M, 2 * GUP_HUGE_SIZE },
	{ "hugetlb-there", GUP_HUGETLB_2M, 2 * GUP_HUGE_SIZE, .touch = true },
	{ "hugetlb-shared", GUP_HUGETLB_2M | GUP_SHARED, 2 * GUP_HUGE_SIZE, .touch = true },
	{ "hugetlb-ro", GUP_HUGETLB_2M, 2 * GUP_HUGE_SIZE, .touch = true, .prot = PROT_READ },
	{ "secret", GUP_SHMEM | GUP_SHARED, SMALL, .map = map_secret, .touch = true },
	{ "device", GUP_SHMEM | GUP_SHARED, 16 * 4 * KIB, .map = map_device },
};

/* Small areas lie at either end of a slot, so that some are neighbours. */
void areas_choose(void)
{
	uint64_t bits = mix(fuzz.seed, 0xa4ea);

	fuzz.nr_areas = 2 + bits % (MAX_AREAS - 1);
	for (unsigned int i = 0; i < fuzz.nr_areas; i++) {
		struct area *a = &fuzz.areas[i];
		char *slot = (char *)ARENA + i * SLOT_SIZE;

		bits = mix(bits, i);
		a->id = i;
		a->kind = &kinds[bits % ARRAY_SIZE(kinds)];
		a->len = a->kind->len;
		a->mem = bits >> 63 ? slot : slot + SLOT_SIZE - a->len;
		a->fd = -1;
	}
}

int area_prot(const struct area *a)
{
	return (a->kind->prot ?: PROT_READ | PROT_WRITE) & ~NO_ACCESS;
}

bool area_is_file(const struct area *a)
{
	return (a->kind->gup_kind & ~GUP_SHARED) >= GUP_SHMEM && a->kind->map != map_secret &&
	       a->kind->map != map_device;
}

void *area_remap(const struct area *a, char *addr, size_t len, int prot, int flags)
{
	const bool device = a->kind->map == map_device;
	const off_t begin = device ? ROM : 0;

	/* Before and behind the ROM lies what differs. */
	if (device && (addr < a->mem || addr + len > a->mem + a->len)) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	flags |= a->kind->gup_kind & GUP_SHARED ? MAP_SHARED : MAP_PRIVATE;
	flags |= a->fd < 0 ? MAP_ANONYMOUS : 0;
	return mmap(addr, len, prot, MAP_FIXED | flags, a->fd,
		    a->fd < 0 ? 0 : begin + (addr - a->mem));
}

static void area_open(struct area *a)
{
	const char *why = "";

	if (!area_is_file(a))
		return;
	a->fd = gup_file(a->kind->gup_kind, a->len, &why);
	if (a->fd < 0)
		fprintf(stderr, "# %s: %s\n", a->kind->name, why);
	MUST(a->fd >= 0);
}

static void area_map(struct area *a)
{
	int signal;

	area_open(a);
	if (a->kind->map)
		a->kind->map(a);
	else
		MUST(area_remap(a, a->mem, a->len, PROT_READ | PROT_WRITE, 0) == a->mem);
	/* Huge pages are for those who ask for them: the others have a page per entry. */
	if (a->kind->gup_kind == GUP_ANON && !a->kind->map)
		MUST(!madvise(a->mem, a->len, MADV_NOHUGEPAGE));
	if (a->kind->touch) {
		gup_fill(fuzz.data, a->len, a->id);
		MUST(try_write(a->mem, fuzz.data, a->len, &signal) == a->len);
	}
	/* The holes of a file would be filled by readahead, which takes its time. */
	if (a->kind->gup_kind == GUP_EXT4 || a->kind->gup_kind == (GUP_EXT4 | GUP_SHARED)) {
		gup_fill(fuzz.data, a->len, a->id);
		MUST(write(a->fd, fuzz.data, SHORT) == SHORT);
	}
	if (a->kind->prot)
		MUST(!mprotect(a->mem, a->len, area_prot(a)));
}

void areas_map(void)
{
	for (unsigned int i = 0; i < fuzz.nr_areas; i++)
		if (fuzz.areas[i].used)
			area_map(&fuzz.areas[i]);
}

/* What can be seen */

/*
 * Whether a page of a file is mapped only here depends on which other pages fault-around
 * has mapped, and who of them is in the page cache: this is left out for ext4.
 */
static void name_entry(uint64_t entry, char *name)
{
	*name++ = entry & PM_GUARD ? 'G' : entry & PM_PRESENT ? 'P' : entry & PM_SWAP ? 'S' : '-';
	if (entry & PM_FILE)
		*name++ = 'f';
	if (entry & PM_EXCLUSIVE)
		*name++ = 'x';
	if (entry & PM_SOFT_DIRTY)
		*name++ = 'd';
	if (entry & PM_UFFD_WP)
		*name++ = 'w';
	*name = 0;
}

static void read_pagemap(const struct area *a, uint64_t *entries)
{
	const size_t size = a->len / psize() * sizeof(*entries);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	MUST(pread(fd, entries, size, (uintptr_t)a->mem / psize() * sizeof(*entries)) ==
	     (ssize_t)size);
	close(fd);
}

/* Of large areas a part of each page is looked at, except in the end. */
static uint64_t hash_page(const char *page, bool all)
{
	const size_t step = all ? psize() : SECTOR, len = all ? psize() : 16;
	uint64_t hash = 0;

	for (size_t off = 0; off < psize(); off += step)
		hash = hash_words(hash, page + off, len);
	return hash;
}

static int try_hash(const char *page, bool all, uint64_t *hash)
{
	int signal = sigsetjmp(jump, 0);

	if (!signal) {
		gup_store(&guarded, 1);
		*hash = hash_page(page, all);
	}
	gup_store(&guarded, 0);
	return signal;
}

struct view {
	uint64_t hash;
	unsigned int segv, bus;
};

static void view_page(struct view *view, const char *page, size_t index, bool all)
{
	uint64_t hash = 0;
	int signal = try_hash(page, all, &hash);

	view->segv += signal == SIGSEGV;
	view->bus += signal == SIGBUS;
	view->hash = mix(view->hash, mix(hash + signal, index));
}

/* Runs of entries that are alike: "3- 29Pxd" */
void area_state(const struct area *a, bool fault_in, char *text, size_t max)
{
	static uint64_t entries[SLOT_SIZE / (4 * KIB)];
	const size_t nr = a->len / psize();
	char name[8], last[8] = "";
	struct view view = { 0 };
	size_t run = 0, len = 0;

	read_pagemap(a, entries);
	len = snprintf(text, max, "%s%u", a->kind->name, a->id);
	for (size_t i = 0; i <= nr && len < max; i++) {
		if (i < nr) {
			name_entry(entries[i], name);
			if (fault_in || entries[i] & PM_PRESENT)
				view_page(&view, a->mem + i * psize(), i,
					  fault_in || nr <= SMALL / psize());
		}
		if (i && (i == nr || strcmp(name, last))) {
			len += snprintf(text + len, max - len, " %zu%s", run, last);
			run = 0;
		}
		strcpy(last, name);
		run++;
	}
	MUST(len < max);
	len += snprintf(text + len, max - len, " %08x", (uint32_t)view.hash);
	if (len < max && view.segv + view.bus)
		snprintf(text + len, max - len, " %u SIGSEGV %u SIGBUS", view.segv, view.bus);
}
