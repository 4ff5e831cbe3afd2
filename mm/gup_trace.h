/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can be seen of get_user_pages() from outside: trace events and the counters of
 * /proc/vmstat. Documentation/mm/gup.rst says how to use them.
 */
#ifndef _MM_GUP_TRACE_H
#define _MM_GUP_TRACE_H

#include <linux/vmstat.h>
#include <trace/events/gup.h>

#include "gup_fail.h"
#include "gup_internal.h"

void __cold gup_trace_begin(const struct gup_req *req,
			    enum gup_function function);
long __cold gup_trace_end(const struct gup_req *req, enum gup_function function,
			  long ret);

/*
 * What is traced is put together out of line, only if it is wanted: the functions that
 * call this have no registers to save for it.
 */

/* A public function begins. @req: What it is asked for. */
static __always_inline void gup_enter(const struct gup_req *req,
				      enum gup_function function)
{
	if (trace_gup_begin_enabled())
		gup_trace_begin(req, function);
}

/* It has carried out @req, and is about to return @ret. Returns what to return. */
static __always_inline long gup_leave(struct gup_req *req,
				      enum gup_function function, long ret)
{
	ret = gup_fail_call(req, function, ret);
	if (trace_gup_end_enabled())
		ret = gup_trace_end(req, function, ret);
	return ret;
}

static inline void gup_saw_fault(unsigned long addr, unsigned int flags,
				 vm_fault_t result)
{
	trace_gup_fault(addr, flags, result);
	count_vm_event(flags & FAULT_FLAG_VMA_LOCK ? GUP_FAULT_VMA_LOCK :
						     GUP_FAULT_MMAP_LOCK);
	if (flags & FAULT_FLAG_UNSHARE)
		count_vm_event(GUP_UNSHARE);
}

#endif	/* _MM_GUP_TRACE_H */
