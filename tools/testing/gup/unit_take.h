/* SPDX-License-Identifier: GPL-2.0-only */
/* The entry points that there are with an MMU and without, called in one way. */
#ifndef _GUP_UNIT_TAKE_H
#define _GUP_UNIT_TAKE_H

#include "unit.h"

static inline long get(unsigned long addr, unsigned long nr, unsigned int flags,
		       struct page **out)
{
	long ret;

	mmap_read_lock(&world.mm);
	ret = get_user_pages(addr, nr, flags, out);
	mmap_read_unlock(&world.mm);
	return ret;
}

static inline long pin(unsigned long addr, unsigned long nr, unsigned int flags,
		       struct page **out)
{
	long ret;

	mmap_read_lock(&world.mm);
	ret = pin_user_pages(addr, nr, flags, out);
	mmap_read_unlock(&world.mm);
	return ret;
}

/* What @locked says is what is. */
static inline void unlock_remote(int locked)
{
	EXPECT_EQ(current->nr_mmap_locks, locked);
	if (locked)
		mmap_read_unlock(&world.mm);
}

static inline long call_remote(typeof(get_user_pages_remote) *call,
			       unsigned long addr, unsigned long nr,
			       unsigned int flags, struct page **out,
			       bool may_drop)
{
	int locked = 1;
	long ret;

	mmap_read_lock(&world.mm);
	ret = call(&world.mm, addr, nr, flags, out, may_drop ? &locked : NULL);
	unlock_remote(locked);
	return ret;
}

static inline long get_remote(unsigned long addr, unsigned long nr,
			      unsigned int flags, struct page **out)
{
	return call_remote(get_user_pages_remote, addr, nr, flags, out, true);
}

static inline long pin_remote(unsigned long addr, unsigned long nr,
			      unsigned int flags, struct page **out)
{
	return call_remote(pin_user_pages_remote, addr, nr, flags, out, true);
}

static inline long get_remote_locked(unsigned long addr, unsigned long nr,
				     unsigned int flags, struct page **out)
{
	return call_remote(get_user_pages_remote, addr, nr, flags, out, false);
}

static inline long get_unlocked(unsigned long addr, unsigned long nr,
				unsigned int flags, struct page **out)
{
	return get_user_pages_unlocked(addr, nr, out, flags);
}

static inline long pin_unlocked(unsigned long addr, unsigned long nr,
				unsigned int flags, struct page **out)
{
	return pin_user_pages_unlocked(addr, nr, out, flags);
}

static inline long get_fast(unsigned long addr, unsigned long nr, unsigned int flags,
			    struct page **out)
{
	return get_user_pages_fast(addr, nr, flags, out);
}

static inline long pin_fast(unsigned long addr, unsigned long nr, unsigned int flags,
			    struct page **out)
{
	return pin_user_pages_fast(addr, nr, flags, out);
}

#endif	/* _GUP_UNIT_TAKE_H */
