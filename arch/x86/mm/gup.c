// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockless walk of get_user_pages_fast() on x86-64: what its loops need so
 * seldom that it is better kept out of them.
 */
#include <asm/gup_fast.h>

/**
 * gup_fast_access_other_key() - an entry did not match what was expected
 * @access: What was expected; changed to what entries with the protection key
 *	    of @val must be.
 * @val: The entry.
 *
 * Context: Interrupts off: the protection keys of the thread do not change.
 */
void gup_fast_access_other_key(struct gup_fast_access *access, u64 val)
{
	*access = gup_fast_access_key(access->match & _PAGE_RW, val);
}
