// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds a pin. Each request that pins leaves its stack with the folios, and
 * whoever cannot move a pinned folio keeps a copy of that, for debugfs.
 *
 * Nothing is done when a pin is released. A record counts as long as its folio is
 * pinned, and is forgotten when somebody pins the folio who is then alone with it.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page_ext.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>

#include "gup_owner.h"
#include "gup_sink.h"

#define GUP_OWNER_DEPTH		16
#define GUP_OWNER_FAILURES	64

/**
 * struct gup_owner_pin - one request that has pinned a folio
 * @time: When, in nanoseconds. 0 if there is none.
 * @stack: Who called.
 * @pid: Which thread.
 * @comm: Its name.
 */
struct gup_owner_pin {
	u64 time;
	depot_stack_handle_t stack;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct gup_owner - who has pinned a folio, kept with its first page
 * @longterm: The last one that pinned it for long.
 * @last: The last one.
 *
 * Short pins come and go. They must not hide the one that stays.
 */
struct gup_owner {
	struct gup_owner_pin longterm;
	struct gup_owner_pin last;
};

/**
 * struct gup_owner_failure - a pinned folio that could not be moved
 * @time: When that was the last time, in nanoseconds. 0 if this is not in use.
 * @pfn: Its first page.
 * @order: Its order.
 * @pins: How many pins it had.
 * @times: How often it could not be moved.
 * @reason: What it was to be moved for the last time, of enum migrate_reason.
 * @owner: Who had pinned it.
 */
struct gup_owner_failure {
	u64 time;
	unsigned long pfn;
	unsigned int order;
	unsigned int pins;
	unsigned long times;
	int reason;
	struct gup_owner owner;
};

DEFINE_STATIC_KEY_FALSE(gup_owner_on);

static bool gup_owner_wanted __initdata;

/* For the records of all folios, and for the failures. */
static DEFINE_RAW_SPINLOCK(gup_owner_lock);
static struct gup_owner_failure gup_owner_failures[GUP_OWNER_FAILURES];

static int __init gup_owner_param(char *arg)
{
	int error = kstrtobool(arg, &gup_owner_wanted);

	if (gup_owner_wanted)
		stack_depot_request_early_init();
	return error;
}
early_param("gup_owner", gup_owner_param);

static bool __init gup_owner_need(void)
{
	return gup_owner_wanted;
}

static void __init gup_owner_init(void)
{
	if (gup_owner_wanted)
		static_branch_enable(&gup_owner_on);
}

struct page_ext_operations gup_owner_ops = {
	.size = sizeof(struct gup_owner),
	.need = gup_owner_need,
	.init = gup_owner_init,
};

/* A folio without a pincount may have so many references that it looks pinned. */
static unsigned int gup_owner_pins(const struct folio *folio)
{
	if (folio_has_pincount(folio))
		return atomic_read(&folio->_pincount);
	return (unsigned int)folio_ref_count(folio) / GUP_PIN_COUNTING_BIAS;
}

/*
 * Pins
 */

struct gup_owner_request {
	struct gup_owner_pin pin;
	bool longterm;
};

static void gup_owner_set(struct folio *folio, unsigned long nr, void *arg)
{
	const struct gup_owner_request *request = arg;
	struct page_ext *ext = page_ext_get(&folio->page);
	struct gup_owner *owner;

	if (!ext)
		return;
	owner = page_ext_data(ext, &gup_owner_ops);
	/* If nobody else has a pin, those of before are released. */
	scoped_guard(raw_spinlock_irqsave, &gup_owner_lock) {
		if (gup_owner_pins(folio) <= nr)
			*owner = (struct gup_owner) {};
		owner->last = request->pin;
		if (request->longterm)
			owner->longterm = request->pin;
	}
	page_ext_put(ext);
}

static noinline depot_stack_handle_t gup_owner_stack(void)
{
	unsigned long entries[GUP_OWNER_DEPTH];
	unsigned int nr;

	/* Without this function and the next. */
	nr = stack_trace_save(entries, ARRAY_SIZE(entries), 2);
	return stack_depot_save(entries, nr, GFP_NOWAIT);
}

/**
 * gup_owner_record() - record who has pinned folios
 * @sink: A sink with pages that were taken.
 * @flags: FOLL_* flags of the request.
 *
 * Context: Any, but NMI only without FOLL_PIN.
 */
noinline void gup_owner_record(const struct gup_sink *sink, unsigned int flags)
{
	struct gup_owner_request request = {
		.longterm = flags & FOLL_LONGTERM,
		.pin.pid = current->pid,
	};

	/* Only references are taken in an NMI, where the clock must not be read. */
	if (!(flags & FOLL_PIN) || !gup_sink_nr(sink))
		return;
	request.pin.time = ktime_get_ns();
	request.pin.stack = gup_owner_stack();
	get_task_comm(request.pin.comm, current);
	gup_sink_visit(sink, gup_owner_set, &request);
}

/*
 * Folios that cannot be moved
 */

/* The entry of that folio, or the one that was not in use for the longest time. */
static struct gup_owner_failure *gup_owner_find(unsigned long pfn)
{
	struct gup_owner_failure *oldest = gup_owner_failures, *failure;

	for (failure = oldest; failure < gup_owner_failures + GUP_OWNER_FAILURES;
	     failure++) {
		if (failure->time && failure->pfn == pfn)
			return failure;
		if (failure->time < oldest->time)
			oldest = failure;
	}
	*oldest = (struct gup_owner_failure) { .pfn = pfn };
	return oldest;
}

static void gup_owner_fail(struct folio *folio, int reason)
{
	const unsigned int pins = gup_owner_pins(folio);
	struct gup_owner_failure *failure;
	struct page_ext *ext;

	if (!pins)
		return;
	ext = page_ext_get(&folio->page);
	if (!ext)
		return;
	scoped_guard(raw_spinlock_irqsave, &gup_owner_lock) {
		failure = gup_owner_find(folio_pfn(folio));
		failure->time = ktime_get_ns();
		failure->order = folio_order(folio);
		failure->pins = pins;
		failure->times++;
		failure->reason = reason;
		failure->owner = *(struct gup_owner *)
				 page_ext_data(ext, &gup_owner_ops);
	}
	page_ext_put(ext);
}

/**
 * gup_owner_record_left() - record who has pinned what could not be migrated
 * @folios: Isolated folios, pinned or not.
 * @reason: What they were to be migrated for, of enum migrate_reason.
 */
void gup_owner_record_left(const struct list_head *folios, int reason)
{
	struct folio *folio;

	list_for_each_entry(folio, folios, lru)
		gup_owner_fail(folio, reason);
}

/**
 * gup_owner_record_busy() - record who has pinned pages of a range
 * @pfn: First page of the range. All pages of it are online.
 * @end: Behind the last.
 *
 * Whoever wants the range as a whole, as CMA does, does not even isolate an
 * anonymous folio that has more references than page tables.
 */
void gup_owner_record_busy(unsigned long pfn, unsigned long end)
{
	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		struct folio *folio = page_folio(page);

		pfn++;
		if (!folio_try_get(folio))
			continue;
		/* It may have been split meanwhile. */
		if (page_folio(page) == folio) {
			gup_owner_fail(folio, MR_CONTIG_RANGE);
			pfn = folio_pfn(folio) + folio_nr_pages(folio);
		}
		folio_put(folio);
	}
}

/*
 * /sys/kernel/debug/gup_owner
 */

static u64 gup_owner_ms(u64 from, u64 to)
{
	return div_u64(to - from, NSEC_PER_MSEC);
}

static void gup_owner_show_pin(struct seq_file *m, const char *what,
			       const struct gup_owner_pin *pin, u64 until)
{
	unsigned long *entries;
	unsigned int i, nr;

	seq_printf(m, "  %s by %s[%d], for %llu ms:\n", what, pin->comm,
		   pin->pid, gup_owner_ms(pin->time, until));
	nr = stack_depot_fetch(pin->stack, &entries);
	for (i = 0; i < nr; i++)
		seq_printf(m, "    %pS\n", (void *)entries[i]);
}

static void gup_owner_show_failure(struct seq_file *m,
				   const struct gup_owner_failure *failure)
{
	const struct gup_owner *owner = &failure->owner;

	seq_printf(m, "pfn 0x%lx order %u: %u pins, not moved for %s %lu times, %llu ms ago\n",
		   failure->pfn, failure->order, failure->pins,
		   migrate_reason_names[failure->reason], failure->times,
		   gup_owner_ms(failure->time, ktime_get_ns()));
	if (owner->longterm.time)
		gup_owner_show_pin(m, "long-term pin", &owner->longterm,
				   failure->time);
	if (owner->last.time != owner->longterm.time)
		gup_owner_show_pin(m, "last pin", &owner->last, failure->time);
}

static int gup_owner_show(struct seq_file *m, void *v)
{
	struct gup_owner_failure failure;
	unsigned int i;

	for (i = 0; i < GUP_OWNER_FAILURES; i++) {
		scoped_guard(raw_spinlock_irqsave, &gup_owner_lock)
			failure = gup_owner_failures[i];
		if (failure.time)
			gup_owner_show_failure(m, &failure);
	}
	return 0;
}

/* Whatever is written, the list begins anew. */
static ssize_t gup_owner_write(struct file *file, const char __user *buf,
			       size_t count, loff_t *ppos)
{
	scoped_guard(raw_spinlock_irqsave, &gup_owner_lock)
		memset(gup_owner_failures, 0, sizeof(gup_owner_failures));
	return count;
}
DEFINE_SHOW_STORE_ATTRIBUTE(gup_owner);

static int __init gup_owner_debugfs(void)
{
	if (static_key_enabled(&gup_owner_on))
		debugfs_create_file("gup_owner", 0600, NULL, NULL,
				    &gup_owner_fops);
	return 0;
}
late_initcall(gup_owner_debugfs);
