/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins of user memory as ranges. Documentation/core-api/pin_user_pages.rst says
 * when to use them.
 */
#ifndef _LINUX_USER_BVECS_H
#define _LINUX_USER_BVECS_H

#include <linux/bvec.h>
#include <linux/types.h>

struct mm_struct;

/**
 * struct user_bvecs - where pinned ranges of user memory go
 * @bvecs: The entries. Those that are not in use are scratch space.
 * @nr: How many are in use.
 * @max: How many there are.
 * @max_bytes: How long an entry may get, in bytes, a multiple of PAGE_SIZE. 0: no
 *	       limit.
 */
struct user_bvecs {
	struct bio_vec *bvecs;
	unsigned int nr;
	unsigned int max;
	unsigned int max_bytes;
};

ssize_t pin_user_bvecs_fast(unsigned long start, size_t len,
			    unsigned int gup_flags, struct user_bvecs *to);
ssize_t pin_user_bvecs_remote(struct mm_struct *mm, unsigned long start,
			      size_t len, unsigned int gup_flags,
			      struct user_bvecs *to, int *locked);
void unpin_user_bvecs(const struct bio_vec *bvecs, unsigned int nr,
		      bool make_dirty);

#endif	/* _LINUX_USER_BVECS_H */
