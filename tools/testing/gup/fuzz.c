// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: fuzz [--runs N] [--seed N]
 *
 * Makes page tables and a request out of random bytes, and compares what the
 * walkers take with a model that looks at one page after the other. In the third
 * kind of run something changes in the middle of a walk: right before or after
 * the count of a folio does.
 *
 * Run i uses the seed N + i, so that it can be repeated alone. Compiled with
 * -DLIBFUZZER the bytes come from libFuzzer.
 */
#include <getopt.h>
#include <stdlib.h>

#include "gup_world.h"
#include "gup_internal.h"
#include "tap.h"

#define ADDR		(4 * SZ_1G)
#define NR_SLOTS	1536UL	/* user pages: three page tables */
#define NR_SMALL	1024UL	/* pages in folios of up to 64 KiB */
#define NR_PAGES	(NR_SMALL + NR_SLOTS)
#define MAX_ORDER	4U

/* What is mapped at a user page. */
struct slot {
	u64 flags;		/* of the entry; 0: there is none */
	unsigned long n;	/* page, counted from the first */
	bool leaf;		/* part of a huge leaf */
};

static struct slot slots[NR_SLOTS];
static struct gup_req req;
static struct page **pages;
static struct vm_area_struct *vma;
static int count_before[NR_PAGES];
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

enum folio_kind {
	ANON, SHARED, MIXED, FILE_CACHE, SHMEM, SECRET, TRUNCATED, MOVABLE,
	P2PDMA, SLAB, FREED, OVERFLOWED, NR_FOLIO_KINDS,
};

static struct dev_pagemap p2pdma = { MEMORY_DEVICE_PCI_P2PDMA };

static struct page *page_at(unsigned long n)
{
	return pfn_to_page(world.first_pfn + n);
}

static struct folio *folio_of(unsigned long n)
{
	return page_folio(page_at(n));
}

static void set_zone(struct folio *folio, enum zone_type zone)
{
	folio->flags.f &= ~(ZONES_MASK << ZONES_PGSHIFT);
	folio->flags.f |= (unsigned long)zone << ZONES_PGSHIFT;
}

static void share(struct folio *folio, bool all)
{
	for (unsigned long i = 0; i < folio_nr_pages(folio); i++) {
		if (all || one_in(3))
			clear_bit(PG_anon_exclusive, &folio_page(folio, i)->flags.f);
	}
}

static void set_kind(struct folio *folio, enum folio_kind kind)
{
	switch (kind) {
	case SHARED:
	case MIXED:
		share(folio, kind == SHARED);
		break;
	case FILE_CACHE:
		folio->mapping = &gup_file;
		break;
	case SHMEM:
		folio->mapping = &gup_shmem;
		break;
	case SECRET:
		/* Such memory has no large folios. */
		if (!folio_test_large(folio))
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
		atomic_set(&folio->_refcount, 0);
		break;
	case OVERFLOWED:
		atomic_set(&folio->_refcount, -5);
		break;
	default:
		break;
	}
}

/* One byte says whether there is anything special about it. */
static void make_folio(unsigned long n, unsigned int order, unsigned int choice)
{
	struct folio *folio = gup_folio(world.first_pfn + n, order);

	if (choice % 4 == 1)
		folio->flags.f |= 1UL << NODES_PGSHIFT;
	if (choice / 4 % 4 == 1)
		set_kind(folio, below(NR_FOLIO_KINDS));
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
		make_folio(n, order, has_zero(n, order) ? 0 : choice / 8);
		n += BIT(order);
	}
	for (; n < NR_PAGES; n += PTRS_PER_PTE)
		make_folio(n, HPAGE_PMD_ORDER, byte());
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
	slots[i] = (struct slot) { flags, n, false };
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
			(struct slot) { flags, n + i, true };
	if (flags)
		gup_map_pmd(ADDR + table * PMD_SIZE, world.first_pfn + n, flags);
}

static void make_tables(void)
{
	memset(slots, 0, sizeof(slots));
	for (unsigned long table = 0; table < NR_SLOTS / PTRS_PER_PTE; table++) {
		if (one_in(4))
			map_leaf(table);
	}
	if (one_in(2))
		map_segment(0, NR_SLOTS);
	for (unsigned int nr = 4 + below(16); nr; nr--)
		map_segment(below(NR_SLOTS), 1 + below(128));
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

static void make_vma(void)
{
	static const vm_flags_t optional[] = {
		VM_WRITE, VM_SHARED, VM_MAYWRITE, VM_SOFTDIRTY, VM_UFFD_WP, VM_READ,
	};
	vm_flags_t flags = VM_MAYREAD;

	for (unsigned int i = 0; i < ARRAY_SIZE(optional); i++) {
		if (one_in(2))
			flags |= optional[i];
	}
	vma = gup_world_vma(ADDR, ADDR + NR_SLOTS * PAGE_SIZE, flags);
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
	make_vma();
	make_request(slow);
	release_choice = byte();
	if (one_in(4))
		current->pkru = (byte() | byte() << 8) * 0x10001U;
	if (one_in(4))
		zero_pfn = world.first_pfn + below(8);
	make_tables();
	make_folios();
	for (unsigned long n = 0; n < NR_PAGES; n++)
		count_before[n] = atomic_read(&page_at(n)->_refcount);
}

/*
 * The model
 */

/* The page whose exclusiveness counts. */
static struct page *exclusive_page(const struct slot *slot)
{
	return slot->leaf ? &folio_of(slot->n)->page : page_at(slot->n);
}

static bool is_exclusive(const struct slot *slot)
{
	return exclusive_page(slot)->flags.f & BIT(PG_anon_exclusive);
}

static bool is_anon(const struct slot *slot)
{
	return (unsigned long)folio_of(slot->n)->mapping & FOLIO_MAPPING_ANON;
}

static bool model_unshare(const struct slot *slot, bool know_vma)
{
	if ((req.flags & FOLL_WRITE) || !(req.flags & FOLL_PIN) ||
	    (slot->flags & _PAGE_RW))
		return false;
	if (is_anon(slot))
		return !is_exclusive(slot);
	if (!(req.flags & FOLL_LONGTERM))
		return false;
	return !know_vma ||
	       (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
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
	struct folio *folio = folio_of(slot->n);
	struct address_space *mapping = folio->mapping;
	const bool longterm = req.flags & FOLL_LONGTERM;

	if (!model_hardware_permits(slot) || (slot->flags & _PAGE_SPECIAL))
		return false;
	if (count_before[folio_pfn(folio) - world.first_pfn] <= 0)
		return false;
	if (longterm && folio_is_zone_movable(folio) && !is_zero_folio(folio))
		return false;
	if (is_anon(slot))
		return true;
	if (folio->page.page_type >> 24 == PGTY_SLAB)
		return false;
	if (folio_is_zone_device(folio) && !(req.flags & FOLL_PCI_P2PDMA))
		return false;
	if (mapping == &gup_secret && folio_nr_pages(folio) == 1)
		return false;
	return !(longterm && (req.flags & FOLL_WRITE)) || mapping == &gup_shmem;
}

static bool model_wp(const struct slot *slot)
{
	if (!(vma->vm_flags & VM_SOFTDIRTY) && !(slot->flags & _PAGE_SOFT_DIRTY))
		return true;
	return (vma->vm_flags & VM_UFFD_WP) && (slot->flags & _PAGE_UFFD);
}

static bool model_has_page(const struct slot *slot)
{
	unsigned long pfn = world.first_pfn + slot->n;

	return !(slot->flags & _PAGE_SPECIAL) || (!slot->leaf && pfn == zero_pfn);
}

static bool model_may_force(const struct slot *slot)
{
	return (req.flags & FOLL_FORCE) && !(vma->vm_flags & VM_WRITE) &&
	       (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE &&
	       model_has_page(slot) && is_anon(slot) && is_exclusive(slot) &&
	       !model_wp(slot);
}

static enum gup_outcome model_fail(int error, int *model_error)
{
	*model_error = error;
	return GUP_ERROR;
}

static enum gup_outcome model_grab(const struct slot *slot, int *error)
{
	struct folio *folio = folio_of(slot->n);

	if (folio_is_zone_device(folio) && !(req.flags & FOLL_PCI_P2PDMA))
		return model_fail(-EREMOTEIO, error);
	if ((req.flags & FOLL_PIN) && is_zero_folio(folio))
		return GUP_PROGRESS;
	if (count_before[folio_pfn(folio) - world.first_pfn] <= 0)
		return model_fail(-ENOMEM, error);
	return GUP_PROGRESS;
}

static enum gup_outcome model_slow_page(const struct slot *slot, int *error)
{
	const bool writable = slot->flags & _PAGE_RW;
	const bool zero = (slot->flags & _PAGE_SPECIAL) && model_has_page(slot);

	if (!slot->flags)
		return req.flags & FOLL_DUMP ? model_fail(-EFAULT, error) :
					       GUP_NEED_FAULT;
	if (!(slot->flags & (_PAGE_PRESENT | _PAGE_PROTNONE)))
		return GUP_NEED_FAULT;
	if (!(slot->flags & _PAGE_PRESENT) &&
	    (req.flags & FOLL_HONOR_NUMA_FAULT) &&
	    (vma->vm_flags & VM_ACCESS_FLAGS))
		return GUP_NEED_FAULT;
	if ((req.flags & FOLL_WRITE) && !writable && !model_may_force(slot))
		return GUP_NEED_FAULT;
	if ((zero || !model_has_page(slot)) && (req.flags & FOLL_DUMP))
		return model_fail(-EFAULT, error);
	if (!model_has_page(slot))
		return model_fail(-EEXIST, error);
	if (model_unshare(slot, true))
		return GUP_NEED_UNSHARE;
	return model_grab(slot, error);
}

/*
 * Comparison
 */

static struct slot *slot_of(unsigned long i)
{
	return &slots[((req.start - ADDR) >> PAGE_SHIFT) + i];
}

static void expect_pages(void)
{
	for (unsigned long i = 0; i < req.sink.nr; i++)
		EXPECT_EQ(pages[i], page_at(slot_of(i)->n));
}

/* How often the folio that begins at page @n was taken. */
static int times_taken(unsigned long n)
{
	int times = 0;

	for (unsigned long i = 0; i < req.sink.nr; i++)
		times += page_folio(pages[i]) == folio_of(n);
	return times;
}

static void expect_count(unsigned long n, int times)
{
	struct folio *folio = folio_of(n);
	const bool pin = req.flags & FOLL_PIN;
	int bias = pin && !folio_test_large(folio) ? GUP_PIN_COUNTING_BIAS : 1;

	if (pin && is_zero_folio(folio))
		times = 0;
	EXPECT_EQ(folio_ref_count(folio), count_before[n] + times * bias);
	if (folio_test_large(folio))
		EXPECT_EQ(atomic_read(&folio->_pincount), pin ? times : 0);
}

static void expect_counts(bool taken)
{
	for (unsigned long n = 0; n < NR_PAGES; n++) {
		if (!PageTail(page_at(n)))
			expect_count(n, taken ? times_taken(n) : 0);
	}
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
	if ((req.flags & FOLL_PIN) && (release_choice & 2))
		unpin_user_pages(pages, req.sink.nr);
	else
		gup_release_range(pages, req.sink.nr, req.flags);
	req.sink.nr = 0;
	EXPECT_EQ(world.nr_freed, 0);
}

static void finish(void)
{
	expect_pages();
	expect_counts(true);
	give_back();
	expect_counts(false);
	expect_stats();
	free(pages);
}

/*
 * A span of a folio is taken as a whole or not at all, so that a page that has
 * to be unshared may hold up those before it that are in the same folio.
 */
static void expect_fast(unsigned long wanted, bool unshare)
{
	struct folio *stopped = wanted < req.nr_pages ?
				folio_of(slot_of(wanted)->n) : NULL;

	if (unshare) {
		while (wanted > req.sink.nr &&
		       folio_of(slot_of(wanted - 1)->n) == stopped)
			wanted--;
	}
	EXPECT_EQ(req.sink.nr, wanted);
}

static void fuzz_fast(void)
{
	bool unshare = false;
	unsigned long i;

	setup(false);
	if (one_in(16))
		world.mm.write_protect_seq.sequence = 1;
	for (i = 0; i < req.nr_pages && model_fast_page(slot_of(i)); i++) {
		unshare = model_unshare(slot_of(i), false);
		if (unshare)
			break;
	}
	if ((req.flags & FOLL_PIN) && world.mm.write_protect_seq.sequence)
		i = 0;
	gup_fast(&req);
	expect_fast(i, unshare);
	finish();
}

/* The folio hears of a write that no entry tells of; and of nothing else. */
static void expect_touched(void)
{
	const bool touch = req.flags & FOLL_TOUCH;
	bool dirty[NR_PAGES] = {};

	for (unsigned long i = 0; i < req.sink.nr; i++) {
		const struct slot *slot = slot_of(i);
		struct folio *folio = folio_of(slot->n);

		if (slot->leaf)
			continue;
		EXPECT_EQ(folio_test_referenced(folio), touch);
		if (touch && (req.flags & FOLL_WRITE) &&
		    !(slot->flags & _PAGE_DIRTY_BITS))
			dirty[folio_pfn(folio) - world.first_pfn] = true;
	}
	for (unsigned long n = 0; n < NR_SMALL; n++) {
		if (!PageTail(page_at(n)))
			EXPECT_EQ(folio_test_dirty(folio_of(n)), dirty[n]);
	}
}

static void fuzz_slow(void)
{
	enum gup_outcome outcome = GUP_PROGRESS, wanted = GUP_PROGRESS;
	int error = 0;
	unsigned long i;

	setup(true);
	for (i = 0; i < req.nr_pages; i++) {
		wanted = model_slow_page(slot_of(i), &error);
		if (wanted != GUP_PROGRESS)
			break;
	}
	while (outcome == GUP_PROGRESS && !gup_done(&req))
		outcome = gup_walk_slow(&req, vma);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	EXPECT_EQ(outcome, wanted);
	EXPECT_EQ(req.error, error);
	EXPECT_EQ(req.sink.nr, i);
	expect_touched();
	finish();
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

static unsigned long first_slot(void)
{
	return (req.start - ADDR) >> PAGE_SHIFT;
}

/* How many pages of the request come before the page table of a slot. */
static unsigned long pages_before_table(unsigned long slot)
{
	slot = ALIGN_DOWN(slot, PTRS_PER_PTE);
	return slot > first_slot() ? slot - first_slot() : 0;
}

static void remake_folio(unsigned long n, unsigned int order)
{
	gup_folio(world.first_pfn + n, order);
	count_before[n] = 1;
}

/* Only a folio that nobody else has a reference to is split. */
static void split_folio(struct folio *folio)
{
	unsigned long n = folio_pfn(folio) - world.first_pfn;
	unsigned long nr = folio_nr_pages(folio);

	if (folio_ref_count(folio) != 1 || n >= NR_SMALL)
		return;
	while (nr--)
		remake_folio(n++, 0);
}

static void merge_folios(unsigned long n)
{
	n = ALIGN_DOWN(n, 4);
	for (unsigned long i = n; i < n + 4; i++) {
		if (i >= NR_SMALL || folio_nr_pages(folio_of(i)) != 1 ||
		    folio_ref_count(folio_of(i)) != 1 || has_zero(i, 0))
			return;
	}
	remake_folio(n, 2);
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
		split_folio(folio_of(slot->n));
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
 * also before references are given back, when the walk has made up its mind.
 */
static void expect_changed_page(void)
{
	unsigned long i = changed_at - first_slot();

	if (changes_after || changed_at == NR_SLOTS || i >= req.sink.nr)
		return;
	if (pages[i] == page_at(changed_slot.n))
		*slot_of(i) = changed_slot;
}

static void fuzz_change(void)
{
	change = below(NR_CHANGES);
	changes_in = below(one_in(2) ? 4 : 64);
	moved_to = below(NR_SMALL);
	changes_ahead = one_in(2) ? 0 : below(64);
	changes_after = one_in(2);
	setup(false);
	changed_at = NR_SLOTS;
	limit = req.nr_pages;
	gup_hook = change_hook;
	gup_fast(&req);
	gup_hook = NULL;
	EXPECT(req.sink.nr <= limit);
	expect_changed_page();
	finish();
}

static void fuzz_one(const u8 *data, size_t size)
{
	input = data;
	input_left = size;
	switch (byte() % 3) {
	case 0:
		fuzz_fast();
		break;
	case 1:
		fuzz_slow();
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
