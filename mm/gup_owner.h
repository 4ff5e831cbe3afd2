/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a pin: CONFIG_GUP_OWNER, and gup_owner=on at boot. "Who holds a pin" of
 * Documentation/mm/gup.rst describes its use. If it is off the hooks are empty, or
 * not taken.
 */
#ifndef _MM_GUP_OWNER_H
#define _MM_GUP_OWNER_H

struct gup_sink;
struct list_head;

#ifdef CONFIG_GUP_OWNER
#include <linux/jump_label.h>

extern struct page_ext_operations gup_owner_ops;
DECLARE_STATIC_KEY_FALSE(gup_owner_on);

void gup_owner_record(const struct gup_sink *sink, unsigned int flags);
void gup_owner_record_left(const struct list_head *folios, int reason);
void gup_owner_record_busy(unsigned long pfn, unsigned long end);

/* A request with these FOLL_* flags has taken what is in @sink, and keeps it. */
static __always_inline void gup_owner_pinned(const struct gup_sink *sink,
					     unsigned int flags)
{
	if (static_branch_unlikely(&gup_owner_on))
		gup_owner_record(sink, flags);
}

/* These isolated folios could not be migrated. */
static inline void gup_owner_left(const struct list_head *folios, int reason)
{
	if (static_branch_unlikely(&gup_owner_on))
		gup_owner_record_left(folios, reason);
}

/* This range could not be emptied to be allocated as a whole. */
static inline void gup_owner_busy(unsigned long pfn, unsigned long end)
{
	if (static_branch_unlikely(&gup_owner_on))
		gup_owner_record_busy(pfn, end);
}
#else
static __always_inline void gup_owner_pinned(const struct gup_sink *sink,
					     unsigned int flags)
{
}

static inline void gup_owner_left(const struct list_head *folios, int reason)
{
}

static inline void gup_owner_busy(unsigned long pfn, unsigned long end)
{
}
#endif	/* CONFIG_GUP_OWNER */

#endif	/* _MM_GUP_OWNER_H */
