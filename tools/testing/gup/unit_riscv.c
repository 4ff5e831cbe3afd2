// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the lockless walk on RISC-V, where all the entries of a huge page of
 * 64 KiB have the same value.
 */
#include "unit.h"

#define HUGE_ORDER	4
#define HUGE_NR		BIT(HUGE_ORDER)

static struct folio *new_huge(unsigned long n)
{
	struct folio *folio = new_folio(n, HUGE_ORDER);

	folio->page.page_type = (unsigned int)PGTY_HUGETLB << 24;
	gup_set_exclusive(world.first_pfn + n, HUGE_NR, true);
	return folio;
}

static void map_huge(unsigned long i, unsigned long n)
{
	new_huge(n);
	for (unsigned long j = 0; j < HUGE_NR; j++)
		gup_map_pte(addr_of(i + j), world.first_pfn + n,
			    GUP_PTE_RW | _PAGE_NAPOT);
}

/* Two huge pages between ordinary ones, each at the address of its number. */
static void setup_huge(void)
{
	setup();
	gup_have_svnapot = true;
	map_small(14, 14, 2);
	map_huge(16, 16);
	map_huge(32, 32);
	map_small(48, 48, 2);
}

static void test_from_everywhere(void)
{
	static const unsigned int flags[] = { FOLL_GET, FOLL_PIN | FOLL_WRITE };

	setup_huge();
	for (unsigned long i = 14; i < 50; i++) {
		for (unsigned long nr = 1; i + nr <= 50; nr++) {
			for (unsigned int j = 0; j < ARRAY_SIZE(flags); j++) {
				EXPECT_EQ(fast(i, nr, flags[j]), nr);
				expect_pages(0, nr, i);
				give_back();
			}
		}
	}
	EXPECT_EQ(fast(20, 5, FOLL_GET), 5);
	expect_count(folio_at(16), 5, 0);
	give_back();
	expect_clean();
}

/* Entries of a large folio that are no such huge page: behind the last there is nothing. */
static void test_part_of_folio(void)
{
	setup();
	gup_have_svnapot = true;
	new_folio(32, HUGE_ORDER + 1);
	for (unsigned long j = 0; j < HUGE_NR; j++)
		gup_map_pte(addr_of(32 + j), world.first_pfn + 32,
			    GUP_PTE_RW | _PAGE_NAPOT);
	gup_set_exclusive(world.first_pfn + 32, HUGE_NR, true);
	EXPECT_EQ(fast(36, 20, FOLL_PIN), 12);
	expect_pages(0, 12, 36);
	expect_count(folio_at(32), 0, 12);
	give_back();
	expect_clean();
}

/* A CPU without Svnapot does not know the bit. */
static void test_without_svnapot(void)
{
	setup_huge();
	gup_have_svnapot = false;
	EXPECT_EQ(fast(16, 3, FOLL_PIN), 1);
	expect_pages(0, 1, 16);
	give_back();
	EXPECT_EQ(fast(20, 1, FOLL_PIN), 0);
	expect_clean();
}

/* A page of hugetlb is where it is in its huge page, or the folio is not what it was. */
static void test_in_step(void)
{
	setup();
	gup_have_svnapot = true;
	new_huge(16);
	gup_map_pte(addr_of(19), world.first_pfn + 20, GUP_PTE_RW);
	gup_map_pte(addr_of(21), world.first_pfn + 21, GUP_PTE_RW);
	EXPECT_EQ(fast(19, 1, FOLL_PIN), 0);
	EXPECT_EQ(fast(21, 1, FOLL_PIN), 1);
	expect_pages(0, 1, 21);
	give_back();
	expect_clean();
}

/* Who unmaps a huge page clears all of its entries. */
static void clear_second(void *word, bool after)
{
	if (!after || word != &folio_at(32)->_refcount.counter)
		return;
	gup_hook = NULL;
	for (unsigned long j = 0; j < HUGE_NR; j++)
		unmap(32 + j);
}

static void test_cleared(void)
{
	setup_huge();
	gup_hook = clear_second;
	EXPECT_EQ(fast(20, 20, FOLL_PIN), 12);
	EXPECT(!gup_hook);
	expect_pages(0, 12, 20);
	expect_count(folio_at(32), 0, 0);
	give_back();
	expect_clean();
}

static const struct test tests[] = {
	{ "huge pages of equal entries, from everywhere", test_from_everywhere },
	{ "equal entries of a part of a folio", test_part_of_folio },
	{ "huge pages of equal entries, without Svnapot", test_without_svnapot },
	{ "huge pages of equal entries, in step", test_in_step },
	{ "huge pages of equal entries, cleared meanwhile", test_cleared },
};

int main(void)
{
	gup_world_init(NR_PAGES, 64);
	gup_have_pkru = false;
	return tap_run(tests, ARRAY_SIZE(tests));
}
