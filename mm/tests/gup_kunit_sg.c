// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of sg_append_bvecs(): which entries it makes of the
 * ranges that pin_user_bvecs_fast() gives.
 */
#include <kunit/test.h>
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

/* The ranges are of such a block of pages. */
#define GK_SG_ORDER	6

/* Some bytes of the block, from @at on. */
struct gk_sg_part {
	unsigned int at;
	unsigned int len;
};

#define GK_SG_PARTS	6

/**
 * struct gk_sg_row - a table made of ranges
 * @name: What is special.
 * @nr_first: So many of the ranges are appended by a call of their own.
 * @max_segment: As in sg_append_bvecs().
 * @ranges: What is appended; ends with a length of 0.
 * @entries: What the table then has; the same.
 */
struct gk_sg_row {
	const char *name;
	unsigned int nr_first;
	unsigned int max_segment;
	struct gk_sg_part ranges[GK_SG_PARTS];
	struct gk_sg_part entries[GK_SG_PARTS];
};

#define P	PAGE_SIZE

static const struct gk_sg_row gk_sg_rows[] = {
	{
		"one range", 0, UINT_MAX,
		{ { 3 * P, 2 * P } },
		{ { 3 * P, 2 * P } },
	}, {
		"ranges with gaps", 0, UINT_MAX,
		{ { 3 * P, P }, { 5 * P, P }, { 9 * P, 2 * P } },
		{ { 3 * P, P }, { 5 * P, P }, { 9 * P, 2 * P } },
	}, {
		"ranges that go on", 0, UINT_MAX,
		{ { 3 * P, P }, { 4 * P, 2 * P }, { 6 * P, P }, { 8 * P, P } },
		{ { 3 * P, 4 * P }, { 8 * P, P } },
	}, {
		"ranges in descending order", 0, UINT_MAX,
		{ { 5 * P, P }, { 4 * P, P }, { 3 * P, P } },
		{ { 5 * P, P }, { 4 * P, P }, { 3 * P, P } },
	}, {
		"the same range again", 1, UINT_MAX,
		{ { 5 * P, P }, { 5 * P, P }, { 5 * P, P } },
		{ { 5 * P, P }, { 5 * P, P }, { 5 * P, P } },
	}, {
		"range that goes on in the next call", 1, UINT_MAX,
		{ { 3 * P, 2 * P }, { 5 * P, P }, { 7 * P, P } },
		{ { 3 * P, 3 * P }, { 7 * P, P } },
	}, {
		"nothing but what goes on in the next call", 2, UINT_MAX,
		{ { 9 * P, P }, { 3 * P, 2 * P }, { 5 * P, P } },
		{ { 9 * P, P }, { 3 * P, 3 * P } },
	}, {
		"gap before the next call", 1, UINT_MAX,
		{ { 3 * P, 2 * P }, { 6 * P, P } },
		{ { 3 * P, 2 * P }, { 6 * P, P } },
	}, {
		"range that is longer than an entry", 0, 2 * P,
		{ { 3 * P, 5 * P } },
		{ { 3 * P, 2 * P }, { 5 * P, 2 * P }, { 7 * P, P } },
	}, {
		"ranges that fill an entry in part", 0, 4 * P,
		{ { 3 * P, 3 * P }, { 6 * P, 3 * P }, { 9 * P, 3 * P } },
		{ { 3 * P, 4 * P }, { 7 * P, 4 * P }, { 11 * P, P } },
	}, {
		"full entry before the next call", 1, 2 * P,
		{ { 3 * P, 2 * P }, { 5 * P, P } },
		{ { 3 * P, 2 * P }, { 5 * P, P } },
	}, {
		"entries end at pages", 0, 2 * P + 512,
		{ { 3 * P, 3 * P } },
		{ { 3 * P, 2 * P }, { 5 * P, P } },
	}, {
		"beginning and end within pages", 0, 2 * P,
		{ { 3 * P + 512, 2 * P - 512 }, { 5 * P, P + 100 } },
		{ { 3 * P + 512, 2 * P - 512 }, { 5 * P, P + 100 } },
	}, {
		"one entry more for a beginning within a page", 0, 2 * P,
		{ { 3 * P + 512, 2 * P } },
		{ { 3 * P + 512, 2 * P - 512 }, { 5 * P, 512 } },
	},
};

KUNIT_ARRAY_PARAM_DESC(gk_sg, gk_sg_rows, name);

static struct bio_vec gk_sg_bvec(struct page *block, const struct gk_sg_part *part)
{
	struct bio_vec bvec;

	bvec_set_page(&bvec, block + part->at / PAGE_SIZE, part->len,
		      offset_in_page(part->at));
	return bvec;
}

static unsigned int gk_sg_count(const struct gk_sg_part *parts)
{
	unsigned int nr = 0;

	while (nr < GK_SG_PARTS && parts[nr].len)
		nr++;
	return nr;
}

static void gk_sg_expect(struct kunit *test, struct sg_table *table,
			 struct page *block, const struct gk_sg_part *want)
{
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, table->nents, gk_sg_count(want));
	KUNIT_EXPECT_EQ(test, table->orig_nents, table->nents);
	for_each_sgtable_sg(table, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_phys(sg), page_to_phys(block) + want[i].at);
		KUNIT_EXPECT_LT(test, sg->offset, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, sg->length, want[i].len);
		KUNIT_EXPECT_EQ(test, !!sg_is_last(sg), i == table->nents - 1);
	}
}

static void gup_sg_entries(struct kunit *test)
{
	const struct gk_sg_row *row = test->param_value;
	struct page *block = alloc_pages(GFP_KERNEL, GK_SG_ORDER);
	const unsigned int nr = gk_sg_count(row->ranges);
	struct bio_vec bvecs[GK_SG_PARTS];
	struct sg_append_table table = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, block);
	for (i = 0; i < nr; i++)
		bvecs[i] = gk_sg_bvec(block, &row->ranges[i]);
	if (row->nr_first)
		KUNIT_EXPECT_EQ(test, 0,
				sg_append_bvecs(&table, bvecs, row->nr_first,
						row->max_segment, SZ_1K,
						GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0,
			sg_append_bvecs(&table, bvecs + row->nr_first,
					nr - row->nr_first, row->max_segment, 0,
					GFP_KERNEL));
	gk_sg_expect(test, &table.sgt, block, row->entries);
	sg_free_append_table(&table);
	__free_pages(block, GK_SG_ORDER);
}

/* More entries than one allocation has, appended by odd numbers. */
static void gup_sg_chained(struct kunit *test)
{
	struct page *block = alloc_pages(GFP_KERNEL, GK_SG_ORDER);
	struct sg_append_table table = {};
	const unsigned int nr = 3 * SG_MAX_SINGLE_ALLOC;
	unsigned int i, left = nr;
	struct scatterlist *sg;

	KUNIT_ASSERT_NOT_NULL(test, block);
	while (left) {
		struct bio_vec bvecs[7];
		const unsigned int part = min(left, ARRAY_SIZE(bvecs));

		/* Every other page of the block, so that none goes on. */
		for (i = 0; i < part; i++)
			bvec_set_page(&bvecs[i], block + (nr - left + i) * 2 %
				      (1 << GK_SG_ORDER), PAGE_SIZE, 0);
		left -= part;
		KUNIT_EXPECT_EQ(test, 0,
				sg_append_bvecs(&table, bvecs, part, UINT_MAX,
						left, GFP_KERNEL));
	}
	KUNIT_EXPECT_EQ(test, table.sgt.nents, nr);
	for_each_sgtable_sg(&table.sgt, sg, i)
		KUNIT_EXPECT_PTR_EQ(test, sg_page(sg),
				    block + i * 2 % (1 << GK_SG_ORDER));
	KUNIT_EXPECT_EQ(test, i, nr);
	sg_free_append_table(&table);
	__free_pages(block, GK_SG_ORDER);
}

static struct kunit_case gk_sg_cases[] = {
	KUNIT_CASE_PARAM(gup_sg_entries, gk_sg_gen_params),
	KUNIT_CASE(gup_sg_chained),
	{}
};

static struct kunit_suite gk_sg_suite = {
	.name = "gup_sg",
	.test_cases = gk_sg_cases,
};

kunit_test_suite(gk_sg_suite);
