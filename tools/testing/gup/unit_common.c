// SPDX-License-Identifier: GPL-2.0-only
/* What the unit tests have in common: see unit.h. */
#include "unit.h"

struct page *pages[NR_PAGES];
struct gup_req req;
struct vm_area_struct *vma;

void map(unsigned long i, unsigned long n, u64 flags)
{
	gup_map_pte(addr_of(i), world.first_pfn + n, flags);
	if (PageAnon(page_at(n)))
		gup_set_exclusive(world.first_pfn + n, 1, true);
}

void unmap(unsigned long i)
{
	WRITE_ONCE(gup_pte(addr_of(i))->pte, 0);
}

void map_range(unsigned long i, unsigned long n, unsigned long nr, u64 flags)
{
	while (nr--)
		map(i++, n++, flags);
}

void map_small(unsigned long i, unsigned long n, unsigned long nr)
{
	for (unsigned long j = 0; j < nr; j++)
		new_folio(n + j, 0);
	map_range(i, n, nr, GUP_PTE_RW);
}

void set_zone(unsigned long n, enum zone_type zone)
{
	struct page *page = page_at(n);

	page->flags.f &= ~(ZONES_MASK << ZONES_PGSHIFT);
	page->flags.f |= (unsigned long)zone << ZONES_PGSHIFT;
}

void setup(void)
{
	gup_hook = NULL;
	gup_unlock_hook = NULL;
	gup_warnings = 0;
	gup_warnings_expected = false;
	gup_accessible_error = 0;
	gup_world_reset();
	gup_stat_reset();
	memset(page_at(0), 0, NR_PAGES * sizeof(struct page));
	vma = gup_world_vma(ADDR, ADDR + 4 * SZ_1G, RW_VMA);
}

void init_req(unsigned long i, unsigned long nr, unsigned int flags)
{
	memset(pages, 0, sizeof(pages));
	req = gup_req_init(&world.mm, addr_of(i), nr, pages, flags);
}

/* Behind what was taken there is never a page without a reference. */
static void expect_nothing_behind(void)
{
	for (unsigned long i = req.sink.nr; i < NR_PAGES; i++)
		EXPECT_EQ(pages[i], NULL);
}

unsigned long fast(unsigned long i, unsigned long nr, unsigned int flags)
{
	init_req(i, nr, flags);
	gup_fast(&req);
	expect_nothing_behind();
	return req.sink.nr;
}

enum gup_outcome slow(unsigned long i, unsigned long nr, unsigned int flags)
{
	enum gup_outcome outcome;

	init_req(i, nr, flags);
	mmap_read_lock(&world.mm);
	outcome = gup_walk_slow(&req, vma);
	mmap_read_unlock(&world.mm);
	gup_stat_flush(&req.sink.acquired, NR_FOLL_PIN_ACQUIRED);
	expect_nothing_behind();
	return outcome;
}

void expect_pages(unsigned long from, unsigned long nr, unsigned long n)
{
	for (unsigned long i = 0; i < nr; i++)
		EXPECT_EQ(pages[from + i], page_at(n + i));
}

void expect_count(struct folio *folio, int gets, int pins)
{
	int bias = folio_has_pincount(folio) ? 1 : GUP_PIN_COUNTING_BIAS;

	EXPECT_EQ(folio_ref_count(folio), 1 + gets + pins * bias);
	if (folio_has_pincount(folio))
		EXPECT_EQ(atomic_read(&folio->_pincount), pins);
}

void expect_clean(void)
{
	for (unsigned long n = 0; n < NR_PAGES; n++) {
		struct folio *folio = folio_at(n);

		if (PageTail(page_at(n)) || !folio_ref_count(folio))
			continue;
		expect_count(folio, 0, 0);
	}
	for (int nid = 0; nid < MAX_NUMNODES; nid++) {
		EXPECT_EQ(gup_stat(nid, NR_FOLL_PIN_ACQUIRED),
			  gup_stat(nid, NR_FOLL_PIN_RELEASED));
		EXPECT_EQ(gup_stat(nid, NR_ISOLATED_ANON), 0);
		EXPECT_EQ(gup_stat(nid, NR_ISOLATED_FILE), 0);
	}
	EXPECT_EQ(world.nr_freed, 0);
	EXPECT_EQ(gup_warnings != 0, gup_warnings_expected);
	EXPECT_EQ(current->nr_locks, 0);
	EXPECT_EQ(current->nr_mmap_locks, 0);
	EXPECT_EQ(current->nr_vma_locks, 0);
	EXPECT_EQ(current->pins_saved, 0);
	EXPECT(!irqs_disabled());
}

void give_back(void)
{
	gup_release_range(pages, req.sink.nr, req.flags);
	expect_clean();
}
