// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: fuzz [--runs N] [--seed N]
 *
 * Makes page tables, VMAs and a request out of random bytes, and compares what the
 * walkers and the entry points take with a model that looks at one page after the
 * other. The model goes by what was put into the world, which it has noted, and
 * never asks a struct page. Pins as ranges are compared byte by byte, over several
 * calls that go on in the same entries. In one kind of run something changes in the
 * middle of a walk: right before or after the count of a folio does.
 *
 * Run i uses the seed N + i, so that it can be repeated alone. Compiled with
 * -DLIBFUZZER the bytes come from libFuzzer.
 */
#include <getopt.h>
#include <stdlib.h>

#include <linux/user_bvecs.h>

#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define ADDR		(4 * SZ_1G)
#define NR_SLOTS	1536UL	/* user pages: three page tables */
#define NR_SMALL	1024UL	/* pages in folios of up to 256 KiB */
#define NR_MAPPED	(NR_SMALL + NR_SLOTS)
/* Behind them there is one for each slot, for the fault handler to map. */
#define NR_PAGES	(NR_MAPPED + NR_SLOTS)
#define MAX_ORDER	6U

enum folio_kind {
	ANON, SHARED, MIXED, FILE_CACHE, SHMEM, SECRET, TRUNCATED, MOVABLE,
	P2PDMA, SLAB, FREED, OVERFLOWED, ZERO, NR_FOLIO_KINDS,
};

/* What the fault handler does at a user page. */
enum fault_kind {
	MAPS, MAPS_UNLOCKED, RETRIES, FAILS_SIGBUS, FAILS_OOM, NR_FAULT_KINDS,
};

/* What is mapped at a user page. */
struct slot {
	u64 flags;		/* of the entry; 0: there is none */
	unsigned long n;	/* page, counted from the first */
	bool leaf;		/* part of a huge leaf */
	enum fault_kind fault;
};

/* What the model knows of a page. */
struct model_page {
	unsigned long head;	/* first page of its folio */
	unsigned int order;
	enum folio_kind kind;
	bool exclusive;
	bool cma;
	int count;		/* references of the folio before the call */
};

/* What it knows of a VMA: the slots from @first on, up to @end. */
struct model_vma {
	unsigned long first, end;
	vm_flags_t flags;
};

#define MAX_VMAS	4

static struct slot slots[NR_SLOTS];
static struct model_page model[NR_PAGES];
static struct model_vma vmas[MAX_VMAS];
static unsigned int nr_vmas;
static struct gup_req req;
static struct page **pages;
static struct gup_ranges ranges;	/* of @req, if it has any */
static unsigned int release_choice;

/*
 * Input
 */

static const u8 *input;
static size_t input_left;

static unsigned int byte(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

static unsigned int below(unsigned int limit)
{
	return (byte() | byte() << 8) % limit;
}

static bool one_in(unsigned int nr)
{
	return byte() % nr == 1;
}

/*
 * Folios
 */

static struct dev_pagemap p2pdma = { MEMORY_DEVICE_PCI_P2PDMA };

static struct page *page_at(unsigned long n)
{
	return pfn_to_page(world.first_pfn + n);
}

static struct folio *folio_of(unsigned long n)
{
	return (struct folio *)page_at(model[n].head);
}

static void set_zone(struct folio *folio, enum zone_type zone)
{
	folio->flags.f &= ~(ZONES_MASK << ZONES_PGSHIFT);
	folio->flags.f |= (unsigned long)zone << ZONES_PGSHIFT;
}

static void set_kind(struct folio *folio, enum folio_kind kind)
{
	switch (kind) {
	case FILE_CACHE:
		folio->mapping = &gup_file;
		break;
	case SHMEM:
		folio->mapping = &gup_shmem;
		break;
	case SECRET:
		folio->mapping = &gup_secret;
		break;
	case TRUNCATED:
		folio->mapping = NULL;
		break;
	case MOVABLE:
		set_zone(folio, ZONE_MOVABLE);
		break;
	case P2PDMA:
		set_zone(folio, ZONE_DEVICE);
		folio->pgmap = &p2pdma;
		folio->mapping = NULL;
		break;
	case SLAB:
		folio->mapping = NULL;
		folio->page.page_type = PGTY_SLAB << 24;
		break;
	case FREED:
		gup_free(folio);
		break;
	case OVERFLOWED:
		atomic_set(&folio->_refcount, -5);
		break;
	case ZERO:
		gup_make_zero(folio_pfn(folio));
		break;
	default:
		break;
	}
}

static bool kind_is_anon(enum folio_kind kind)
{
	return kind == ANON || kind == SHARED || kind == MIXED ||
	       kind == MOVABLE || kind == OVERFLOWED;
}

/*
 * A folio, in the world and in the model. Of one that is mapped by a huge leaf
 * only the first page is exclusive.
 */
static void make_folio(unsigned long n, unsigned int order, enum folio_kind kind,
		       unsigned int node)
{
	struct folio *folio = gup_folio(world.first_pfn + n, order);
	const unsigned long nr = BIT(order);

	folio->flags.f |= (unsigned long)node << NODES_PGSHIFT;
	/* Secret memory has no large folios. */
	if (kind == SECRET && order)
		kind = ANON;
	for (unsigned long i = 0; i < nr; i++) {
		struct model_page *page = &model[n + i];

		page->head = kind == FREED ? n + i : n;
		page->order = kind == FREED ? 0 : order;
		page->kind = kind;
		page->count = kind == FREED ? 0 : kind == OVERFLOWED ? -5 : 1;
		page->exclusive = kind_is_anon(kind) && kind != SHARED &&
				  !(kind == MIXED && one_in(3)) &&
				  (!i || order != HPAGE_PMD_ORDER);
		gup_set_exclusive(world.first_pfn + n + i, 1, page->exclusive);
	}
	set_kind(folio, kind);
}

/* One byte says whether there is anything special about it. */
static void make_any_folio(unsigned long n, unsigned int order,
			   unsigned int choice)
{
	const unsigned int node = choice % 4 == 1;
	enum folio_kind kind = ANON;

	/* The zero page is made where it has to be. */
	if (choice / 4 % 4 == 1)
		kind = below(ZERO);
	make_folio(n, order, kind, node);
}

static bool has_zero(unsigned long n, unsigned int order)
{
	return zero_pfn - (world.first_pfn + n) < BIT(order);
}

static void make_folios(void)
{
	unsigned long n = 0;

	while (n < NR_SMALL) {
		unsigned int choice = byte();
		unsigned int order = choice % 8 <= MAX_ORDER ? choice % 8 : 0;

		while (!IS_ALIGNED(n, BIT(order)) || (order && has_zero(n, order)))
			order--;
		if (has_zero(n, order))
			make_folio(n, 0, ZERO, 0);
		else
			make_any_folio(n, order, choice / 8);
		n += BIT(order);
	}
	for (; n < NR_MAPPED; n += PTRS_PER_PTE)
		make_any_folio(n, HPAGE_PMD_ORDER, byte());
	for (; n < NR_PAGES; n++)
		make_folio(n, 0, ANON, 0);
	for (n = 0; n < NR_PAGES; n += BIT(pageblock_order)) {
		const bool cma = n < NR_MAPPED && one_in(8);

		for (unsigned long i = n; i < n + BIT(pageblock_order); i++)
			model[i].cma = cma;
		gup_set_block(world.first_pfn + n,
			      cma ? MIGRATE_CMA : MIGRATE_MOVABLE);
	}
}

/*
 * Page tables
 */

#define SWAPPED		(_PAGE_RW | _PAGE_SPECIAL)
#define PROTNONE	(_PAGE_PROTNONE | _PAGE_ACCESSED)

static const u64 entry_kinds[] = {
	GUP_PTE_RW, GUP_PTE_RW, GUP_PTE_RW, GUP_PTE, GUP_PTE | _PAGE_SOFT_DIRTY,
	GUP_PTE | _PAGE_RW, GUP_PTE_RW & ~_PAGE_ACCESSED, GUP_PTE_RW | _PAGE_NX,
	GUP_PTE | _PAGE_UFFD | _PAGE_SOFT_DIRTY, GUP_PTE | _PAGE_SAVED_DIRTY,
	GUP_PTE_RW & ~_PAGE_USER, GUP_PTE | _PAGE_SPECIAL, PROTNONE, SWAPPED, 0,
};

static u64 entry_flags(void)
{
	u64 flags = entry_kinds[below(ARRAY_SIZE(entry_kinds))];

	if ((flags & _PAGE_PRESENT) && one_in(8))
		flags |= (u64)below(16) << _PAGE_BIT_PKEY_BIT0;
	return flags;
}

static void map_slot(unsigned long i, unsigned long n, u64 flags)
{
	if (slots[i].leaf)
		return;
	/* The zero page is never mapped otherwise. */
	if (flags && has_zero(n, 0))
		flags = GUP_PTE | _PAGE_SPECIAL;
	slots[i].flags = flags;
	slots[i].n = n;
	if (flags)
		gup_map_pte(ADDR + i * PAGE_SIZE, world.first_pfn + n, flags);
	else
		gup_pte(ADDR + i * PAGE_SIZE)->pte = 0;
}

/* What the MMU sets by itself, or not. */
static u64 vary(u64 flags)
{
	u64 bits = _PAGE_ACCESSED | (flags & _PAGE_RW ? _PAGE_DIRTY : 0);

	return flags & _PAGE_PRESENT ? flags ^ (bits & (byte() << 5)) : flags;
}

/* Consecutive user pages, mostly of consecutive pages, mostly all alike. */
static void map_segment(unsigned long i, unsigned long nr)
{
	const bool jumps = one_in(4), stays = one_in(8), varies = one_in(2);
	unsigned long n = below(NR_SMALL);
	u64 flags = entry_flags();

	if (one_in(8))
		n = (zero_pfn - world.first_pfn) % NR_SMALL;
	for (; nr && i < NR_SLOTS; nr--, i++, n += !stays) {
		if (jumps && one_in(8))
			n = below(NR_SMALL);
		if (jumps && one_in(8))
			flags = entry_flags();
		if (varies && one_in(8))
			flags = vary(flags);
		map_slot(i, n % NR_SMALL, flags);
	}
}

static void map_leaf(unsigned long table)
{
	unsigned long n = NR_SMALL + table * PTRS_PER_PTE;
	u64 flags = entry_flags();

	if (flags == SWAPPED)
		flags = 0;
	for (unsigned long i = 0; i < PTRS_PER_PTE; i++)
		slots[table * PTRS_PER_PTE + i] =
			(struct slot) { flags, n + i, true, MAPS };
	if (flags)
		gup_map_pmd(ADDR + table * PMD_SIZE, world.first_pfn + n, flags);
}

/* The VMA of a slot, NULL if it is in a hole. */
static const struct model_vma *vma_of(unsigned long i)
{
	for (unsigned int v = 0; v < nr_vmas; v++) {
		if (i >= vmas[v].first && i < vmas[v].end)
			return &vmas[v];
	}
	return NULL;
}

static bool in_one_vma(unsigned long first, unsigned long nr)
{
	const struct model_vma *vma = vma_of(first);

	return vma && first + nr <= vma->end;
}

static void make_tables(void)
{
	memset(slots, 0, sizeof(slots));
	for (unsigned long table = 0; table < NR_SLOTS / PTRS_PER_PTE; table++) {
		if (one_in(4) && in_one_vma(table * PTRS_PER_PTE, PTRS_PER_PTE))
			map_leaf(table);
	}
	if (one_in(2))
		map_segment(0, NR_SLOTS);
	for (unsigned int nr = 4 + below(16); nr; nr--)
		map_segment(below(NR_SLOTS), 1 + below(128));
	for (unsigned int nr = below(32); nr; nr--)
		slots[below(NR_SLOTS)].fault = below(NR_FAULT_KINDS);
	/* Where there is no VMA there is nothing. */
	for (unsigned long i = 0; i < NR_SLOTS; i++) {
		if (!vma_of(i))
			map_slot(i, 0, 0);
	}
}

/*
 * Request
 */

static const unsigned int fast_flags[] = {
	FOLL_LONGTERM, FOLL_PCI_P2PDMA,
};

static const unsigned int slow_flags[] = {
	FOLL_LONGTERM, FOLL_PCI_P2PDMA, FOLL_HONOR_NUMA_FAULT, FOLL_TOUCH,
	FOLL_FORCE, FOLL_DUMP,
};

static unsigned int request_flags(bool slow)
{
	const unsigned int *choice = slow ? slow_flags : fast_flags;
	unsigned int nr = slow ? ARRAY_SIZE(slow_flags) : ARRAY_SIZE(fast_flags);
	unsigned int flags = one_in(2) ? FOLL_PIN : FOLL_GET;

	if (one_in(2))
		flags |= FOLL_WRITE;
	while (nr--) {
		if (one_in(4))
			flags |= choice[nr];
	}
	if (!(flags & FOLL_PIN))
		flags &= ~FOLL_LONGTERM;
	return flags;
}

static vm_flags_t vma_flags(void)
{
	static const vm_flags_t optional[] = {
		VM_WRITE, VM_SHARED, VM_MAYWRITE, VM_SOFTDIRTY, VM_UFFD_WP, VM_READ,
	};
	vm_flags_t flags = VM_MAYREAD;

	for (unsigned int i = 0; i < ARRAY_SIZE(optional); i++) {
		if (one_in(2))
			flags |= optional[i];
	}
	/* As mmap() and mprotect() leave it. */
	if (flags & VM_WRITE)
		flags |= VM_MAYWRITE;
	if (one_in(16))
		flags |= VM_IO;
	return flags;
}

static void make_vma(unsigned long first, unsigned long end)
{
	vmas[nr_vmas] = (struct model_vma) { first, end, vma_flags() };
	gup_world_vma(ADDR + first * PAGE_SIZE, ADDR + end * PAGE_SIZE,
		      vmas[nr_vmas].flags);
	nr_vmas++;
}

/* One, or several with or without holes between them. */
static void make_vmas(void)
{
	unsigned long first = 0, end;

	nr_vmas = 0;
	while (first < NR_SLOTS && nr_vmas < MAX_VMAS - 1 && one_in(2)) {
		end = min(first + 1 + below(NR_SLOTS / 2), NR_SLOTS);
		make_vma(first, end);
		first = end + (one_in(2) ? 1 + below(8) : 0);
	}
	if (first < NR_SLOTS)
		make_vma(first, NR_SLOTS);
}

static void make_request(bool slow)
{
	unsigned long start = below(NR_SLOTS);
	unsigned long nr = 1 + below(one_in(2) ? 4 : NR_SLOTS - start);

	nr = min(nr, NR_SLOTS - start);
	/* Of the right size, so that to write behind it is seen. */
	pages = calloc(nr, sizeof(*pages));
	req = gup_req_init(&world.mm, ADDR + start * PAGE_SIZE, nr, pages,
			   request_flags(slow));
}

static void setup(bool slow)
{
	gup_hook = NULL;
	gup_warnings_expected = true;
	gup_world_reset();
	/* What matters most comes first: input may end at any time. */
	make_vmas();
	make_request(slow);
	release_choice = byte();
	if (one_in(4))
		current->pkru = (byte() | byte() << 8) * 0x10001U;
	if (one_in(4))
		zero_pfn = world.first_pfn + below(8);
	make_tables();
	make_folios();
}

/*
 * The model
 */

static const struct model_page *page_of(const struct slot *slot)
{
	return &model[slot->n];
}

static bool is_anon(const struct slot *slot)
{
	return kind_is_anon(page_of(slot)->kind);
}

static bool is_exclusive(const struct slot *slot)
{
	return model[slot->leaf ? page_of(slot)->head : slot->n].exclusive;
}

static bool is_cow(const struct model_vma *vma)
{
	return !(vma->flags & VM_SHARED) && (vma->flags & VM_MAYWRITE);
}

static bool is_pinnable(const struct slot *slot)
{
	return !model[page_of(slot)->head].cma && page_of(slot)->kind != MOVABLE;
}

/* @vma: NULL if nobody knows it. */
static bool model_unshare(const struct slot *slot, const struct model_vma *vma)
{
	if ((req.flags & FOLL_WRITE) || !(req.flags & FOLL_PIN) ||
	    (slot->flags & _PAGE_RW))
		return false;
	if (is_anon(slot))
		return !is_exclusive(slot);
	return (req.flags & FOLL_LONGTERM) && (!vma || is_cow(vma));
}

static bool model_hardware_permits(const struct slot *slot)
{
	const bool write = req.flags & FOLL_WRITE;
	unsigned int key = slot->flags >> _PAGE_BIT_PKEY_BIT0 & 15;
	unsigned int key_bits = current->pkru >> (2 * key) & 3;

	if (!(slot->flags & _PAGE_PRESENT) || !(slot->flags & _PAGE_USER))
		return false;
	if (write && !(slot->flags & _PAGE_RW))
		return false;
	return !(key_bits & 1) && !(write && key_bits);
}

static bool model_fast_page(const struct slot *slot)
{
	const struct model_page *page = page_of(slot);
	const bool longterm = req.flags & FOLL_LONGTERM;

	if (!model_hardware_permits(slot) || (slot->flags & _PAGE_SPECIAL))
		return false;
	if (page->count <= 0 || (longterm && !is_pinnable(slot)))
		return false;
	switch (page->kind) {
	case SLAB:
	case SECRET:
	case TRUNCATED:
	case ZERO:
		return false;
	case P2PDMA:
		return req.flags & FOLL_PCI_P2PDMA;
	case FILE_CACHE:
		return !(longterm && (req.flags & FOLL_WRITE));
	default:
		return true;
	}
}

static bool model_wp(const struct slot *slot, const struct model_vma *vma)
{
	if (!(vma->flags & VM_SOFTDIRTY) && !(slot->flags & _PAGE_SOFT_DIRTY))
		return true;
	return (vma->flags & VM_UFFD_WP) && (slot->flags & _PAGE_UFFD);
}

static bool model_has_page(const struct slot *slot)
{
	return !(slot->flags & _PAGE_SPECIAL) ||
	       (!slot->leaf && page_of(slot)->kind == ZERO);
}

static bool model_may_force(const struct slot *slot,
			    const struct model_vma *vma)
{
	return (req.flags & FOLL_FORCE) && !(vma->flags & VM_WRITE) &&
	       is_cow(vma) && model_has_page(slot) && is_anon(slot) &&
	       is_exclusive(slot) && !model_wp(slot, vma);
}

static enum gup_outcome model_fail(int error, int *model_error)
{
	*model_error = error;
	return GUP_ERROR;
}

static enum gup_outcome model_grab(const struct slot *slot, int *error)
{
	const struct model_page *page = page_of(slot);

	if (page->kind == P2PDMA && !(req.flags & FOLL_PCI_P2PDMA))
		return model_fail(-EREMOTEIO, error);
	if ((req.flags & FOLL_PIN) && page->kind == ZERO)
		return GUP_PROGRESS;
	return page->count <= 0 ? model_fail(-ENOMEM, error) : GUP_PROGRESS;
}

static enum gup_outcome model_slow_page(const struct slot *slot,
					const struct model_vma *vma, int *error)
{
	const bool zero = (slot->flags & _PAGE_SPECIAL) && model_has_page(slot);

	if (!slot->flags)
		return req.flags & FOLL_DUMP ? model_fail(-EFAULT, error) :
					       GUP_NEED_FAULT;
	if (!(slot->flags & (_PAGE_PRESENT | _PAGE_PROTNONE)))
		return GUP_NEED_FAULT;
	if (!(slot->flags & _PAGE_PRESENT) &&
	    (req.flags & FOLL_HONOR_NUMA_FAULT) &&
	    (vma->flags & (VM_READ | VM_WRITE | VM_EXEC)))
		return GUP_NEED_FAULT;
	if ((req.flags & FOLL_WRITE) && !(slot->flags & _PAGE_RW) &&
	    !model_may_force(slot, vma))
		return GUP_NEED_FAULT;
	if ((zero || !model_has_page(slot)) && (req.flags & FOLL_DUMP))
		return model_fail(-EFAULT, error);
	if (!model_has_page(slot))
		return model_fail(-EEXIST, error);
	if (model_unshare(slot, vma))
		return GUP_NEED_UNSHARE;
	return model_grab(slot, error);
}

/* May the request take pages of a VMA? All have the protection key 0. */
static bool model_vma_permits(const struct model_vma *vma)
{
	const bool force = req.flags & FOLL_FORCE;
	const u32 deny = req.flags & FOLL_WRITE ? 3 : 1;

	if (!vma || (vma->flags & VM_IO))
		return false;
	if (!(req.flags & FOLL_REMOTE) && (current->pkru & deny))
		return false;
	if (req.flags & FOLL_WRITE)
		return (vma->flags & VM_WRITE) || (force && is_cow(vma));
	return (vma->flags & VM_READ) || (force && (vma->flags & VM_MAYREAD));
}

/*
 * Comparison
 */

static unsigned long first_slot(void)
{
	return (req.start - ADDR) >> PAGE_SHIFT;
}

static struct slot *slot_of(unsigned long i)
{
	return &slots[first_slot() + i];
}

static const struct model_vma *vma_at(unsigned long i)
{
	return vma_of(first_slot() + i);
}

static void expect_pages(void)
{
	for (unsigned long i = 0; i < req.sink.nr; i++)
		EXPECT_EQ(pages[i], page_at(slot_of(i)->n));
}

/* References of the folio that begins at page @n, taken @times times. */
static void expect_count(unsigned long n, int times)
{
	const struct model_page *page = &model[n];
	const bool pin = req.flags & FOLL_PIN;
	int bias = pin && !page->order ? GUP_PIN_COUNTING_BIAS : 1;

	if (pin && page->kind == ZERO)
		times = 0;
	EXPECT_EQ(atomic_read(&page_at(n)->_refcount), page->count + times * bias);
	if (page->order)
		EXPECT_EQ(atomic_read(&folio_of(n)->_pincount), pin ? times : 0);
}

/* @times: how often each page was taken; NULL: none was. */
static void expect_counts(const int *times)
{
	static int folio_times[NR_PAGES];

	memset(folio_times, 0, sizeof(folio_times));
	for (unsigned long n = 0; times && n < NR_PAGES; n++)
		folio_times[model[n].head] += times[n];
	for (unsigned long n = 0; n < NR_PAGES; n++) {
		if (model[n].head == n)
			expect_count(n, folio_times[n]);
	}
}

static void expect_counts_of_pages(void)
{
	static int times[NR_PAGES];

	memset(times, 0, sizeof(times));
	for (unsigned long i = 0; i < req.sink.nr; i++)
		times[pages[i] - page_at(0)]++;
	expect_counts(times);
}

static void expect_stats(void)
{
	for (int nid = 0; nid < MAX_NUMNODES; nid++)
		EXPECT_EQ(gup_stat(nid, NR_FOLL_PIN_ACQUIRED),
			  gup_stat(nid, NR_FOLL_PIN_RELEASED));
}

/* In one go, or in two with a mark at a random place. */
static void give_back(void)
{
	if (release_choice & 1)
		gup_undo(&req, req.sink.nr * (release_choice >> 2) / 64);
	if (gup_sink_has_ranges(&req.sink))
		unpin_user_bvecs(ranges.bvecs, ranges.nr, false);
	else if ((req.flags & FOLL_PIN) && (release_choice & 2))
		unpin_user_pages(pages, req.sink.nr);
	else
		gup_release_range(pages, req.sink.nr, req.flags);
	req.sink.nr = 0;
	EXPECT_EQ(world.nr_freed, 0);
}

static void finish(void)
{
	expect_pages();
	expect_counts_of_pages();
	give_back();
	expect_counts(NULL);
	expect_stats();
	free(pages);
}

/* Are these entries of one page table, or of one huge leaf, that go on in a folio? */
static bool model_goes_on(const struct slot *slot, const struct slot *next)
{
	const u64 mmu = _PAGE_ACCESSED | _PAGE_DIRTY;

	return (next - slots) % PTRS_PER_PTE && next->n == slot->n + 1 &&
	       page_of(next)->head == page_of(slot)->head &&
	       !((slot->flags ^ next->flags) & ~mmu);
}

/* How many pages from page @i on does the fast path take as a whole or not at all? */
static unsigned long model_span(unsigned long i)
{
	unsigned long nr = 1;

	while (i + nr < req.nr_pages &&
	       model_goes_on(slot_of(i + nr - 1), slot_of(i + nr)))
		nr++;
	return nr;
}

/*
 * Does the fast path take a span, or a part of one? A page that has to be unshared
 * holds up those before it.
 */
static bool model_fast_span(unsigned long i, unsigned long nr)
{
	for (; nr; i++, nr--) {
		if (!model_fast_page(slot_of(i)) || model_unshare(slot_of(i), NULL))
			return false;
	}
	return true;
}

static bool model_forks(void)
{
	return (req.flags & FOLL_PIN) && world.mm.write_protect_seq.sequence;
}

/* How many pages the fast path takes. */
static unsigned long model_fast(void)
{
	unsigned long i = 0, nr;

	if (model_forks())
		return 0;
	for (; i < req.nr_pages; i += nr) {
		nr = model_span(i);
		if (!model_fast_span(i, nr))
			break;
	}
	return i;
}

static void fuzz_fast(void)
{
	unsigned long wanted;

	setup(false);
	if (one_in(16))
		world.mm.write_protect_seq.sequence = 1;
	wanted = model_fast();
	gup_fast(&req);
	EXPECT_EQ(req.sink.nr, wanted);
	finish();
}

/* The folio hears of a write that no entry tells of; and of nothing else. */
static void expect_touched(void)
{
	const bool touch = req.flags & FOLL_TOUCH;
	static bool dirty[NR_PAGES];

	memset(dirty, 0, sizeof(dirty));
	for (unsigned long i = 0; i < req.sink.nr; i++) {
		const struct slot *slot = slot_of(i);

		if (slot->leaf)
			continue;
		EXPECT_EQ(folio_test_referenced(folio_of(slot->n)) ||
			  folio_test_active(folio_of(slot->n)), touch);
		if (touch && (req.flags & FOLL_WRITE) &&
		    !(slot->flags & _PAGE_DIRTY_BITS))
			dirty[page_of(slot)->head] = true;
	}
	for (unsigned long n = 0; n < NR_SMALL; n++) {
		if (model[n].head == n)
			EXPECT_EQ(folio_test_dirty(folio_of(n)), dirty[n]);
	}
}

/* Did the slow walk see a page that may not stay? */
static bool model_unpinnable(unsigned long from, unsigned long nr,
			     const bool *faulted)
{
	for (unsigned long i = from; i < nr; i++) {
		if (faulted && faulted[i])
			continue;
		if (page_of(slot_of(i))->kind != ZERO && !is_pinnable(slot_of(i)))
			return true;
	}
	return false;
}

/* The walk alone, which does not ask whether a VMA permits anything. */
static void fuzz_slow(void)
{
	enum gup_outcome outcome = GUP_PROGRESS, wanted = GUP_PROGRESS;
	int error = 0;
	unsigned long i;

	setup(true);
	for (i = 0; i < req.nr_pages && vma_at(i); i++) {
		wanted = model_slow_page(slot_of(i), vma_at(i), &error);
		if (wanted != GUP_PROGRESS)
			break;
	}
	mmap_read_lock(&world.mm);
	while (outcome == GUP_PROGRESS && !gup_done(&req)) {
		struct vm_area_struct *vma = vma_lookup(&world.mm, gup_addr(&req));

		if (!vma)
			break;
		outcome = gup_walk_slow(&req, vma);
	}
	mmap_read_unlock(&world.mm);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	EXPECT_EQ(outcome, wanted);
	EXPECT_EQ(req.error, error);
	EXPECT_EQ(req.sink.nr, i);
	if (req.flags & FOLL_LONGTERM)
		EXPECT_EQ(req.longterm.unpinnable, model_unpinnable(0, i, NULL));
	expect_touched();
	finish();
}

/*
 * Entry points
 */

/* Maps the page that belongs to a slot; it is exclusive. */
static void fault_maps(unsigned long i)
{
	map_slot(i, NR_MAPPED + i, GUP_PTE_RW);
}

static bool drops_lock(unsigned int fault_flags)
{
	return fault_flags & FAULT_FLAG_ALLOW_RETRY;
}

static vm_fault_t fault(struct vm_area_struct *vma, unsigned long addr,
			unsigned int flags)
{
	const unsigned long i = (addr - ADDR) >> PAGE_SHIFT;
	enum fault_kind kind = slots[i].fault;

	if (kind == FAILS_SIGBUS)
		return VM_FAULT_SIGBUS;
	if (kind == FAILS_OOM || slots[i].leaf)
		return VM_FAULT_OOM;
	if (kind == RETRIES && drops_lock(flags) && !(flags & FAULT_FLAG_TRIED)) {
		gup_drop_lock(vma, flags);
		return VM_FAULT_RETRY;
	}
	fault_maps(i);
	if (kind != MAPS_UNLOCKED || !drops_lock(flags))
		return 0;
	gup_drop_lock(vma, flags);
	return VM_FAULT_COMPLETED;
}

/* What becomes of a page that has to be faulted in: 0, or why it cannot be had. */
static int model_fault(struct slot *slot)
{
	if (req.flags & FOLL_NOFAULT)
		return -EFAULT;
	if (slot->fault == FAILS_SIGBUS)
		return -EFAULT;
	if (slot->fault == FAILS_OOM || slot->leaf)
		return -ENOMEM;
	return 0;
}

/* The slow path from page @i on: up to which page below @end, and why not farther. */
static unsigned long model_slow(unsigned long i, unsigned long end, bool *faulted,
				int *error)
{
	for (; i < end; i++) {
		enum gup_outcome outcome;

		faulted[i] = false;
		if (!model_vma_permits(vma_at(i))) {
			*error = -EFAULT;
			break;
		}
		outcome = model_slow_page(slot_of(i), vma_at(i), error);
		if (outcome == GUP_ERROR)
			break;
		faulted[i] = outcome != GUP_PROGRESS;
		if (!faulted[i])
			continue;
		*error = model_fault(slot_of(i));
		if (*error)
			break;
	}
	return i;
}

/* The same, but a long-term pin of pages that cannot be moved takes none. */
static unsigned long model_slow_longterm(unsigned long i, unsigned long end,
					 bool *faulted, int *error)
{
	const unsigned long to = model_slow(i, end, faulted, error);

	if (!(req.flags & FOLL_LONGTERM) || !model_unpinnable(i, to, faulted))
		return to;
	/* Nothing can be moved. */
	*error = -ENOMEM;
	return i;
}

enum how { HELD, REMOTE, UNLOCKED, FAST, FAST_ONLY, NR_HOWS };

static long call_remote(unsigned long start, unsigned int flags)
{
	const bool pin = req.flags & FOLL_PIN;
	int locked = 1;
	long ret;

	mmap_read_lock(&world.mm);
	ret = pin ? pin_user_pages_remote(&world.mm, start, req.nr_pages,
					  flags, pages, &locked) :
		    get_user_pages_remote(&world.mm, start, req.nr_pages,
					  flags, pages, &locked);
	EXPECT_EQ(current->nr_mmap_locks, locked);
	if (locked)
		mmap_read_unlock(&world.mm);
	return ret;
}

static long call_held(unsigned long start, unsigned int flags)
{
	const bool pin = req.flags & FOLL_PIN;
	long ret;

	mmap_read_lock(&world.mm);
	ret = pin ? pin_user_pages(start, req.nr_pages, flags, pages) :
		    get_user_pages(start, req.nr_pages, flags, pages);
	mmap_read_unlock(&world.mm);
	return ret;
}

static long call(enum how how, unsigned long offset)
{
	const unsigned int flags = req.flags & ~(FOLL_PIN | FOLL_GET | FOLL_REMOTE);
	const bool pin = req.flags & FOLL_PIN;
	unsigned long start = req.start + offset;

	switch (how) {
	case HELD:
		return call_held(start, flags);
	case REMOTE:
		return call_remote(start, flags);
	case UNLOCKED:
		return pin ? pin_user_pages_unlocked(start, req.nr_pages, pages,
						     flags) :
			     get_user_pages_unlocked(start, req.nr_pages, pages,
						     flags);
	case FAST:
		return pin ? pin_user_pages_fast(start, req.nr_pages, flags,
						 pages) :
			     get_user_pages_fast(start, req.nr_pages, flags,
						 pages);
	default:
		return get_user_pages_fast_only(start, req.nr_pages, flags, pages);
	}
}

/* The flags that may be passed, and those that the entry point adds. */
static void complete_flags(enum how how)
{
	if (how == FAST_ONLY)
		req.flags = (req.flags & ~(FOLL_PIN | FOLL_LONGTERM)) | FOLL_GET;
	if (how >= FAST)
		req.flags &= ~(FOLL_TOUCH | FOLL_DUMP);
	if (req.flags & FOLL_LONGTERM)
		req.flags &= ~FOLL_PCI_P2PDMA;
	req.flags &= ~FOLL_TOUCH;
	if (how == REMOTE)
		req.flags |= FOLL_REMOTE;
	if (one_in(4))
		req.flags |= FOLL_NOFAULT;
}

/* The pages that were faulted in are what the entries say now. */
static void expect_faulted(const bool *faulted, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (faulted[i])
			EXPECT_EQ(slot_of(i)->n, NR_MAPPED + first_slot() + i);
	}
}

static void expect_result(long ret, unsigned long nr, int error)
{
	EXPECT_EQ(ret, nr ? (long)nr : error);
	for (unsigned long i = max(ret, 0L); i < req.nr_pages; i++)
		EXPECT_EQ(pages[i], NULL);
	EXPECT_EQ(current->nr_mmap_locks, 0);
	EXPECT_EQ(current->pins_saved, 0);
}

static void fuzz_entry(void)
{
	static bool faulted[NR_SLOTS];
	const enum how how = below(NR_HOWS);
	const unsigned long offset = one_in(2) ? 0 : below(PAGE_SIZE);
	unsigned long prefix, nr;
	int error = 0;
	long ret;

	setup(true);
	complete_flags(how);
	world.fault = fault;
	world.vma_locks = one_in(2);
	prefix = how < FAST ? 0 : model_fast();
	memset(faulted, 0, sizeof(faulted));
	nr = prefix;
	if (how != FAST_ONLY)
		nr = model_slow_longterm(prefix, req.nr_pages, faulted, &error);
	ret = call(how, offset);
	expect_result(ret, nr, error);
	req.sink.nr = max(ret, 0L);
	expect_faulted(faulted, req.sink.nr);
	finish();
}

/*
 * Ranges
 */

/* The model of an entry: bytes of one folio, counted from the first of page 0. */
struct model_entry {
	unsigned long at;
	unsigned long len;
};

/* A call, in bytes from ADDR on. */
struct byte_range {
	unsigned long start;
	unsigned long len;
};

#define NR_BYTES	(NR_SLOTS * PAGE_SIZE)
#define MAX_CALLS	3U

static struct user_bvecs to;
static unsigned int nr_bvecs;		/* entries that there are; @to may have fewer */
static struct model_entry entries[MAX_CALLS * NR_SLOTS];
static unsigned int nr_entries;

static unsigned long max_entry_pages(void)
{
	return (to.max_bytes ?: UINT_MAX) / PAGE_SIZE;
}

static unsigned long entry_pages(const struct model_entry *entry)
{
	return DIV_ROUND_UP(entry->at + entry->len, PAGE_SIZE) -
	       entry->at / PAGE_SIZE;
}

/* By how many pages may the last entry grow, if page @n is to follow? */
static unsigned long model_growth(unsigned long n)
{
	const struct model_entry *last;

	if (!nr_entries)
		return 0;
	last = &entries[nr_entries - 1];
	if (last->at + last->len != n * PAGE_SIZE ||
	    model[n].head != model[n - 1].head)
		return 0;
	return max_entry_pages() - entry_pages(last);
}

/* For how many pages is there room, if they go on in a folio from page @n on? */
static unsigned long model_room(unsigned long n, unsigned long before)
{
	return (to.max - nr_entries) * max_entry_pages() +
	       (before ? 0 : model_growth(n));
}

/* Adds a page without the bytes @before. There is room. */
static void model_add(unsigned long n, unsigned long before)
{
	if (!before && model_growth(n))
		entries[nr_entries - 1].len += PAGE_SIZE;
	else
		entries[nr_entries++] = (struct model_entry) {
			n * PAGE_SIZE + before, PAGE_SIZE - before,
		};
}

/* How far does the fast path get from page @i on? @full: the entries are used up. */
static unsigned long model_ranges_fast(unsigned long i, unsigned long before,
				       bool *full)
{
	unsigned long nr;

	*full = false;
	while (!model_forks() && i < req.nr_pages) {
		/* The first byte counts for nothing but the first page. */
		if (i)
			before = 0;
		nr = min(model_span(i), model_room(slot_of(i)->n, before));
		*full = !nr && model_fast_page(slot_of(i));
		if (!nr || !model_fast_span(i, nr))
			break;
		for (; nr; i++, nr--, before = 0)
			model_add(slot_of(i)->n, before);
	}
	return i;
}

/* The slow path wants an entry for each page, and takes those of a page table. */
static unsigned long model_ranges_slow(unsigned long i, unsigned long before,
				       int *error, bool *more)
{
	static bool faulted[NR_SLOTS];
	const unsigned long room = min(to.max - nr_entries, PTRS_PER_PTE);
	const unsigned long end = min(i + room, req.nr_pages);
	const unsigned long stop = model_slow_longterm(i, end, faulted, error);

	*more = stop == end && stop > i;
	for (; i < stop; i++)
		model_add(faulted[i] ? NR_MAPPED + first_slot() + i :
				       slot_of(i)->n, i ? 0 : before);
	return stop;
}

/* How many bytes a call pins, or why none. */
static ssize_t model_ranges(unsigned long before, unsigned long len)
{
	unsigned long i = 0;
	bool full, more;
	int error = 0;
	size_t got;

	do {
		i = model_ranges_fast(i, before, &full);
		if (full || i == req.nr_pages)
			break;
		i = model_ranges_slow(i, before, &error, &more);
	} while (more);
	if (!i)
		return error;
	got = i * PAGE_SIZE - before;
	if (got > len)
		entries[nr_entries - 1].len -= got - len;
	return min(got, len);
}

static unsigned long byte_of(const struct bio_vec *bv)
{
	return (bv->bv_page - page_at(0)) * PAGE_SIZE + bv->bv_offset;
}

#define UNTOUCHED	0x5a

/* What is behind these entries is not for the call. */
static void set_max(unsigned int max)
{
	to.max = max;
	memset(to.bvecs + max, UNTOUCHED, (nr_bvecs - max) * sizeof(*to.bvecs));
}

static void expect_entries(void)
{
	const u8 *end = (void *)(to.bvecs + nr_bvecs);

	for (const u8 *p = (void *)(to.bvecs + to.max); p < end; p++)
		EXPECT_EQ(*p, UNTOUCHED);
	EXPECT_EQ(to.nr, nr_entries);
	for (unsigned int i = 0; i < min(to.nr, nr_entries); i++) {
		EXPECT_EQ(byte_of(&to.bvecs[i]), entries[i].at);
		EXPECT_EQ(to.bvecs[i].bv_len, entries[i].len);
	}
}

static void expect_counts_of_entries(void)
{
	static int times[NR_PAGES];

	memset(times, 0, sizeof(times));
	for (unsigned int i = 0; i < nr_entries; i++) {
		const unsigned long n = entries[i].at / PAGE_SIZE;

		for (unsigned long j = 0; j < entry_pages(&entries[i]); j++)
			times[n + j]++;
	}
	expect_counts(times);
}

/* It often begins or ends with a page. */
static struct byte_range random_range(void)
{
	const unsigned long first = below(NR_SLOTS) * PAGE_SIZE;
	const unsigned long before = one_in(2) ? below(PAGE_SIZE) : 0;
	const unsigned long nr = 1 + below(one_in(2) ? 4 : NR_SLOTS);
	const unsigned long cut = one_in(2) ? below(PAGE_SIZE) : before;

	return (struct byte_range) {
		first + before, min(nr * PAGE_SIZE - cut, NR_BYTES - first - before),
	};
}

/* Goes on where the call before has ended, or elsewhere. */
static struct byte_range next_range(const struct byte_range *last, ssize_t got)
{
	struct byte_range range = random_range();
	unsigned long end = last->start + max(got, 0L);

	if (one_in(4))
		return range;
	/* The rest of a page, or what is in the way, is left out now and then. */
	if (one_in(2))
		end = ALIGN(end, PAGE_SIZE);
	if (one_in(4))
		end += below(2 * PAGE_SIZE);
	end = min(end, NR_BYTES);
	range.start = end;
	range.len = min(range.len, NR_BYTES - end);
	return range;
}

static ssize_t pin_range(const struct byte_range *range)
{
	const unsigned long before = range->start % PAGE_SIZE;
	ssize_t wanted, ret;

	req.start = ADDR + range->start - before;
	req.nr_pages = DIV_ROUND_UP(before + range->len, PAGE_SIZE);
	wanted = range->len ? model_ranges(before, range->len) : 0;
	ret = pin_user_bvecs_fast(ADDR + range->start, range->len,
				  req.flags & ~FOLL_PIN, &to);
	EXPECT_EQ(ret, wanted);
	EXPECT_EQ(current->nr_mmap_locks, 0);
	EXPECT_EQ(current->pins_saved, 0);
	expect_entries();
	expect_counts_of_entries();
	return ret;
}

/* An offset may lead to another page of the folio. */
static void rewrite_last(void)
{
	struct bio_vec *last;
	unsigned long n;

	if (!to.nr)
		return;
	last = &to.bvecs[to.nr - 1];
	n = last->bv_page - page_at(0);
	last->bv_page = page_at(model[n].head);
	last->bv_offset += (n - model[n].head) * PAGE_SIZE;
}

/* Releases entries, and looks whether their folios are marked dirty, or stay clean. */
static void release_entries(unsigned int i, unsigned int end, bool dirty)
{
	for (unsigned int j = i; j < end; j++)
		folio_clear_dirty(folio_of(entries[j].at / PAGE_SIZE));
	unpin_user_bvecs(to.bvecs + i, end - i, dirty);
	for (; i < end; i++) {
		const unsigned long n = entries[i].at / PAGE_SIZE;

		if (model[n].kind != ZERO)
			EXPECT_EQ(folio_test_dirty(folio_of(n)), dirty);
	}
}

/* In two goes. */
static void finish_ranges(void)
{
	const unsigned int mark = to.nr * (release_choice >> 2) / 64;

	if (!tap_failures()) {
		release_entries(mark, to.nr, release_choice & 1);
		release_entries(0, mark, release_choice & 2);
		expect_counts(NULL);
		EXPECT_EQ(world.nr_freed, 0);
		expect_stats();
	}
	free(to.bvecs);
	free(pages);
}

static void fuzz_ranges(void)
{
	const unsigned int nr_calls = 1 + below(MAX_CALLS);
	struct byte_range range = random_range();
	ssize_t ret;

	/* Of the right size, as before. */
	nr_bvecs = below(one_in(2) ? 16 : MAX_CALLS * NR_SLOTS);
	to = (struct user_bvecs) {
		.bvecs = calloc(nr_bvecs, sizeof(*to.bvecs)), .max = nr_bvecs,
	};
	if (one_in(2))
		to.max_bytes = (1 + below(16)) * PAGE_SIZE;
	nr_entries = 0;
	setup(true);
	complete_flags(FAST);
	req.flags = (req.flags & ~FOLL_GET) | FOLL_PIN;
	world.fault = fault;
	world.vma_locks = one_in(2);
	if (one_in(16))
		world.mm.write_protect_seq.sequence = 1;
	ret = pin_range(&range);
	for (unsigned int i = 1; i < nr_calls && !tap_failures(); i++) {
		if (one_in(4))
			rewrite_last();
		if (one_in(4))
			set_max(to.nr);
		range = next_range(&range, ret);
		ret = pin_range(&range);
	}
	finish_ranges();
}

/*
 * Something happens in the middle
 */

enum change {
	CLEAR_PTE, MOVE_PTE, CLEAR_PMD, FORK, SPLIT, MERGE, NR_CHANGES,
};

static enum change change;
static unsigned int changes_in;		/* updates of a count to go */
static bool changes_after;		/* references are taken, not before it */
static unsigned long changed_at;	/* index in slots[] */
static unsigned int changes_ahead;	/* pages ahead of the walk */
static unsigned long moved_to;
static struct slot changed_slot;	/* what it was before */
static unsigned long limit;		/* at most that many may be taken */

/* How many pages of the request come before the page table of a slot. */
static unsigned long pages_before_table(unsigned long slot)
{
	slot = ALIGN_DOWN(slot, PTRS_PER_PTE);
	return slot > first_slot() ? slot - first_slot() : 0;
}

/* Only a folio that nobody else has a reference to is split. */
static void split_folio(unsigned long n)
{
	const unsigned long head = model[n].head;

	if (head >= NR_SMALL || !model[head].order ||
	    folio_ref_count(folio_of(head)) != 1)
		return;
	for (unsigned long i = head, nr = BIT(model[head].order); nr--; i++)
		make_folio(i, 0, ANON, 0);
}

static void merge_folios(unsigned long n)
{
	n = ALIGN_DOWN(n, 4);
	for (unsigned long i = n; i < n + 4; i++) {
		if (i >= NR_SMALL || model[i].order || model[i].kind == ZERO ||
		    atomic_read(&page_at(i)->_refcount) != 1)
			return;
	}
	make_folio(n, 2, ANON, 0);
}

/* The window that a fork falls into does not count. */
static void fork_now(unsigned long now)
{
	world.mm.write_protect_seq.sequence += 2;
	if (req.flags & FOLL_PIN)
		limit = pages_before_table(now);
}

/* How far a walk is that may not yet have told the sink. */
static unsigned long progress(void)
{
	unsigned long i = 0;

	if (gup_sink_has_ranges(&req.sink))
		return gup_sink_nr(&req.sink);
	while (i < req.nr_pages && pages[i])
		i++;
	return i;
}

static void do_change(void)
{
	unsigned long now = first_slot() + progress();
	struct slot *slot;

	changed_at = min(now + changes_ahead, NR_SLOTS - 1);
	slot = &slots[changed_at];
	changed_slot = *slot;
	if (change == FORK) {
		fork_now(now);
	} else if (change == CLEAR_PMD) {
		gup_pmd(ADDR + changed_at * PAGE_SIZE)->pmd = 0;
		limit = pages_before_table(changed_at);
	} else if (change == SPLIT) {
		split_folio(slot->n);
	} else if (change == MERGE) {
		merge_folios(slot->n);
	} else {
		map_slot(changed_at, moved_to,
			 change == CLEAR_PTE ? 0 : GUP_PTE_RW);
	}
}

static bool of_folio(int *count)
{
	return count >= (int *)page_at(0) && count < (int *)page_at(NR_PAGES);
}

static void change_hook(void *counter, bool after)
{
	static int before;
	int *count = counter;

	if (!of_folio(count))
		return;
	if (!after)
		before = *count;
	if (changes_after ? !after || *count < before : after)
		return;
	if (changes_in--)
		return;
	gup_hook = NULL;
	do_change();
}

/*
 * What changes after the reference was taken is seen. Before that moment is
 * also before references are given back, when the walk has made up its mind. How
 * far a walk is in ranges is not known that well: it may be a page it is through with.
 */
static void expect_changed_page(void)
{
	const bool seen = changes_after && !gup_sink_has_ranges(&req.sink);
	unsigned long i = changed_at - first_slot();

	if (seen || changed_at == NR_SLOTS || i >= req.sink.nr)
		return;
	if (pages[i] == page_at(changed_slot.n))
		*slot_of(i) = changed_slot;
}

/* The pages go into ranges, with an entry for each at worst. */
static void use_ranges(void)
{
	ranges = (struct gup_ranges) {
		.bvecs = calloc(req.nr_pages, sizeof(*ranges.bvecs)),
		.max = req.nr_pages,
		.max_pages = UINT_MAX,
	};
	req.sink = gup_sink_init_ranges(&ranges);
}

/* Puts what is in the ranges into the array as well, to compare it. */
static void expand_ranges(void)
{
	unsigned long nr = 0;

	for (unsigned int i = 0; i < ranges.nr; i++) {
		const struct bio_vec *bv = &ranges.bvecs[i];

		for (unsigned long j = 0; j < bv->bv_len / PAGE_SIZE; j++)
			pages[nr++] = bv->bv_page + j;
	}
	EXPECT_EQ(nr, req.sink.nr);
}

static void fuzz_change(void)
{
	const bool to_ranges = one_in(2);

	change = below(NR_CHANGES);
	changes_in = below(one_in(2) ? 4 : 64);
	moved_to = below(NR_SMALL);
	changes_ahead = one_in(2) ? 0 : below(64);
	changes_after = one_in(2);
	setup(false);
	ranges.bvecs = NULL;
	if (to_ranges && (req.flags & FOLL_PIN))
		use_ranges();
	changed_at = NR_SLOTS;
	limit = req.nr_pages;
	gup_hook = change_hook;
	gup_fast(&req);
	gup_hook = NULL;
	if (gup_sink_has_ranges(&req.sink))
		expand_ranges();
	EXPECT(req.sink.nr <= limit);
	expect_changed_page();
	finish();
	free(ranges.bvecs);
}

static void fuzz_one(const u8 *data, size_t size)
{
	input = data;
	input_left = size;
	switch (byte() % 5) {
	case 0:
		fuzz_fast();
		break;
	case 1:
		fuzz_slow();
		break;
	case 2:
		fuzz_entry();
		break;
	case 3:
		fuzz_ranges();
		break;
	default:
		fuzz_change();
	}
}

static void fuzz_init(void)
{
	gup_world_init(NR_PAGES, 16);
	gup_have_pkru = false;
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!vmemmap)
		fuzz_init();
	fuzz_one(data, size);
	if (tap_failures())
		abort();
	return 0;
}
#else
#define INPUT_SIZE	3000

static unsigned long nr_runs = 20000, seed = 1;

static void fuzz_seed(u64 random)
{
	static u8 data[INPUT_SIZE];

	random = (random + 1) * 0x9e3779b97f4a7c15ULL;
	for (unsigned int i = 0; i < INPUT_SIZE; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		data[i] = random >> 32;
	}
	fuzz_one(data, INPUT_SIZE);
}

static void test_random(void)
{
	for (unsigned long i = 0; i < nr_runs; i++) {
		fuzz_seed(seed + i);
		if (!tap_failures())
			continue;
		printf("# repeat it by: fuzz --runs 1 --seed %lu\n", seed + i);
		return;
	}
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "runs", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			nr_runs = strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoul(optarg, NULL, 0);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "random page tables and requests", test_random },
	};

	parse(argc, argv);
	fuzz_init();
	return tap_run(tests, ARRAY_SIZE(tests));
}
#endif
