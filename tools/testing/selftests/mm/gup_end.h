/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included at the end of each gup_*.c, behind all its fixtures: the harness
 * runs fixtures in the order of their definition, and this one looks at what
 * the others left behind.
 */

FIXTURE(pins)
{
};

FIXTURE_SETUP(pins)
{
}

FIXTURE_TEARDOWN(pins)
{
}

/* Guards "every pin of the attempt undone": one lost, or released twice, shows here. */
TEST_F(pins, all_released)
{
	EXPECT_EQ(gup_pins_before, gup_pins_settle(gup_pins_before));
}
