// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection into get_user_pages(). Whatever is made to fail has succeeded
 * before: pages that were taken are released, and the array is cleared, by the same
 * functions as after a real failure.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/preempt.h>

#include "gup_fail.h"

struct gup_fail_attr gup_fail_attr = {
	.fault = FAULT_ATTR_INITIALIZER,
	.error = EFAULT,
	.kinds = { [GUP_FAIL_CALL] = true },
	.functions = { [0 ... GUP_NR_FUNCTIONS - 1] = true },
};

/* perf takes pages from NMI, where no message should be printed. */
static bool gup_fail_should(enum gup_fail_kind kind, unsigned long nr)
{
	return READ_ONCE(gup_fail_attr.kinds[kind]) && !in_nmi() &&
	       should_fail(&gup_fail_attr.fault, nr);
}

/* All of it may be changed at any time. */
static unsigned long gup_fail_page(void)
{
	return READ_ONCE(gup_fail_attr.page);
}

static int gup_fail_error(void)
{
	return -(int)READ_ONCE(gup_fail_attr.error);
}

/* gup_fail_should() for a function that has taken @nr pages, at one of them. */
static bool gup_fail_taken(enum gup_fail_kind kind,
			   enum gup_function function, unsigned long nr,
			   unsigned long page)
{
	return READ_ONCE(gup_fail_attr.functions[function]) && nr > page &&
	       gup_fail_should(kind, nr);
}

/**
 * gup_fail_call() - make a call fail that took pages
 * @req: The request, carried out.
 * @function: Who carried it out.
 * @ret: What that is about to return.
 *
 * Context: As gup_undo().
 * Return: @ret, or what to return instead: how many pages are left, or the errno
 * if there is none.
 */
long gup_fail_call(struct gup_req *req, enum gup_function function,
		   long ret)
{
	const unsigned long page = gup_fail_page();

	if (ret <= 0 || !gup_fail_taken(GUP_FAIL_CALL, function, ret, page))
		return ret;
	gup_undo(req, page);
	/* FOLL_FAST_ONLY knows no error but that of its arguments. */
	req->error = req->flags & FOLL_FAST_ONLY ? 0 : gup_fail_error();
	return gup_result(req);
}

/**
 * gup_fail_fast_call() - gup_fail_call() for the fast entry points
 * @req: The request, carried out.
 * @ret: What the function is about to return.
 *
 * Return: As gup_fail_call().
 */
long gup_fail_fast_call(struct gup_req *req, long ret)
{
	return gup_fail_call(req, gup_fast_function(req->flags), ret);
}

/**
 * gup_fail_memfd() - make memfd_pin_folios() fail
 * @sink: What it has pinned. If it is to fail, that is released.
 *
 * It never comes back short: whoever calls it is given all folios or none.
 *
 * Return: 0, or the errno if it is to fail.
 */
int gup_fail_memfd(struct gup_sink *sink)
{
	if (!gup_fail_taken(GUP_FAIL_CALL, GUP_FN_MEMFD, gup_sink_nr(sink),
			    gup_fail_page()))
		return 0;
	gup_sink_undo(sink, 0, FOLL_PIN);
	return gup_fail_error();
}

/**
 * gup_fail_fast() - have the fast path end early
 * @req: The request, as the fast path leaves it.
 * @mark: How many pages were in the sink when the fast path began.
 *
 * Context: As gup_undo().
 */
void gup_fail_fast(struct gup_req *req, unsigned long mark)
{
	const enum gup_function function = gup_sink_has_ranges(&req->sink) ?
			GUP_FN_PIN_BVECS : gup_fast_function(req->flags);
	const unsigned long page = gup_fail_page();

	if (page < mark ||
	    !gup_fail_taken(GUP_FAIL_FAST, function, gup_sink_nr(&req->sink),
			    page))
		return;
	gup_undo(req, page);
	req->fast_stop = GUP_FAST_CHANGED;
}

/**
 * gup_fail_isolate() - refuse to isolate a folio
 * @pos: Its first page in the sink.
 * @nr: Number of its pages there.
 *
 * Return: True if it is not to be isolated.
 */
bool gup_fail_isolate(unsigned long pos, unsigned long nr)
{
	return gup_fail_page() - pos < nr && gup_fail_should(GUP_FAIL_ISOLATE, nr);
}

/**
 * gup_fail_migrate() - refuse to migrate
 *
 * Return: True if the folios that were isolated are not to be migrated.
 */
bool gup_fail_migrate(void)
{
	return gup_fail_should(GUP_FAIL_MIGRATE, 1);
}

static int __init gup_fail_setup(char *str)
{
	return setup_fault_attr(&gup_fail_attr.fault, str);
}
__setup("fail_gup=", gup_fail_setup);

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
static const char *const gup_fail_kind_names[] __initconst = {
	[GUP_FAIL_CALL] = "call",
	[GUP_FAIL_FAST] = "fast",
	[GUP_FAIL_ISOLATE] = "isolate",
	[GUP_FAIL_MIGRATE] = "migrate",
};

static const char *const gup_fail_function_names[] __initconst = {
	[GUP_FN_GET] = "get_user_pages",
	[GUP_FN_GET_REMOTE] = "get_user_pages_remote",
	[GUP_FN_GET_REMOTE_UNLOCKED] = "get_user_pages_remote_unlocked",
	[GUP_FN_GET_UNLOCKED] = "get_user_pages_unlocked",
	[GUP_FN_GET_FAST] = "get_user_pages_fast",
	[GUP_FN_GET_FAST_ONLY] = "get_user_pages_fast_only",
	[GUP_FN_PIN] = "pin_user_pages",
	[GUP_FN_PIN_REMOTE] = "pin_user_pages_remote",
	[GUP_FN_PIN_REMOTE_UNLOCKED] = "pin_user_pages_remote_unlocked",
	[GUP_FN_PIN_UNLOCKED] = "pin_user_pages_unlocked",
	[GUP_FN_PIN_FAST] = "pin_user_pages_fast",
	[GUP_FN_PIN_BVECS] = "pin_user_bvecs_fast",
	[GUP_FN_PIN_BVECS_REMOTE] = "pin_user_bvecs_remote",
	[GUP_FN_MEMFD] = "memfd_pin_folios",
	[GUP_FN_DUMP] = "get_dump_page",
	[GUP_FN_POPULATE] = "populate",
};

static int gup_fail_error_get(void *data, u64 *val)
{
	*val = READ_ONCE(gup_fail_attr.error);
	return 0;
}

static int gup_fail_error_set(void *data, u64 val)
{
	if (!val || val > MAX_ERRNO)
		return -EINVAL;
	WRITE_ONCE(gup_fail_attr.error, val);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gup_fail_error_fops, gup_fail_error_get,
			 gup_fail_error_set, "%llu\n");

/* A directory of switches. */
static void __init gup_fail_switches(const char *name, struct dentry *parent,
				     const char *const *names, unsigned int nr,
				     bool *values)
{
	struct dentry *dir = debugfs_create_dir(name, parent);
	unsigned int i;

	for (i = 0; i < nr; i++)
		debugfs_create_bool(names[i], 0600, dir, &values[i]);
}

static int __init gup_fail_debugfs(void)
{
	struct dentry *dir = fault_create_debugfs_attr("fail_gup", NULL,
						       &gup_fail_attr.fault);

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	debugfs_create_u32("page", 0600, dir, &gup_fail_attr.page);
	debugfs_create_file_unsafe("errno", 0600, dir, NULL,
				   &gup_fail_error_fops);
	gup_fail_switches("kinds", dir, gup_fail_kind_names, GUP_FAIL_NR_KINDS,
			  gup_fail_attr.kinds);
	gup_fail_switches("functions", dir, gup_fail_function_names,
			  GUP_NR_FUNCTIONS, gup_fail_attr.functions);
	return 0;
}
late_initcall(gup_fail_debugfs);
#endif	/* CONFIG_FAULT_INJECTION_DEBUG_FS */
