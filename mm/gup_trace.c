// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace events of get_user_pages().
 */
#include "gup_internal.h"

#define CREATE_TRACE_POINTS
#include "gup_trace.h"

/**
 * gup_trace_begin() - trace that a public function begins
 * @req: What it is asked for.
 * @function: Which one it is.
 */
void gup_trace_begin(const struct gup_req *req, enum gup_function function)
{
	trace_gup_begin(function, req->start, req->nr_pages, req->flags);
}

/**
 * gup_trace_end() - trace that a public function ends
 * @req: What it was asked for.
 * @function: Which one it is.
 * @ret: What it returns.
 *
 * Return: @ret, so that the caller need not keep it over the call.
 */
long gup_trace_end(const struct gup_req *req, enum gup_function function,
		   long ret)
{
	trace_gup_end(function, req->start, ret);
	return ret;
}
