/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection into get_user_pages(): CONFIG_FAIL_GUP, for the error paths of
 * callers and of these files. Documentation/fault-injection/gup.rst describes its
 * use. If it is off the hooks are empty.
 */
#ifndef _MM_GUP_FAIL_H
#define _MM_GUP_FAIL_H

#include "gup_internal.h"

/**
 * enum gup_fail_kind - what can be made to happen
 * @GUP_FAIL_CALL: A call comes back short, or with an error.
 * @GUP_FAIL_FAST: The fast path ends early, and the slow path takes over.
 * @GUP_FAIL_ISOLATE: A folio cannot be isolated for its migration.
 * @GUP_FAIL_MIGRATE: A migration fails.
 * @GUP_FAIL_NR_KINDS: Number of kinds.
 */
enum gup_fail_kind {
	GUP_FAIL_CALL,
	GUP_FAIL_FAST,
	GUP_FAIL_ISOLATE,
	GUP_FAIL_MIGRATE,
	GUP_FAIL_NR_KINDS,
};

#ifdef CONFIG_FAIL_GUP
#include <linux/fault-inject.h>

/**
 * struct gup_fail_attr - what debugfs shows in fail_gup
 * @fault: What all capabilities of fault injection have.
 * @page: The page of a call at which it happens, counted from 0.
 * @error: The errno of a call that has no page, positive.
 * @kinds: Which kinds are on.
 * @functions: Which functions are concerned.
 */
struct gup_fail_attr {
	struct fault_attr fault;
	u32 page;
	u32 error;
	bool kinds[GUP_FAIL_NR_KINDS];
	bool functions[GUP_NR_FUNCTIONS];
};

extern struct gup_fail_attr gup_fail_attr;

long gup_fail_call(struct gup_req *req, enum gup_function function,
		   long ret);
long gup_fail_fast_call(struct gup_req *req, long ret);
int gup_fail_memfd(struct gup_sink *sink);
void gup_fail_fast(struct gup_req *req, unsigned long mark);
bool gup_fail_isolate(unsigned long pos, unsigned long nr);
bool gup_fail_migrate(void);
#else
static __always_inline long gup_fail_call(struct gup_req *req,
					  enum gup_function function,
					  long ret)
{
	return ret;
}

static __always_inline long gup_fail_fast_call(struct gup_req *req, long ret)
{
	return ret;
}

static __always_inline int gup_fail_memfd(struct gup_sink *sink)
{
	return 0;
}

static __always_inline void gup_fail_fast(struct gup_req *req,
					  unsigned long mark)
{
}

static __always_inline bool gup_fail_isolate(unsigned long pos,
					     unsigned long nr)
{
	return false;
}

static __always_inline bool gup_fail_migrate(void)
{
	return false;
}
#endif	/* CONFIG_FAIL_GUP */

#endif	/* _MM_GUP_FAIL_H */
