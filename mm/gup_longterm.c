// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long-term pins: only of memory that nobody expects to be able to move. What
 * is found elsewhere, in ZONE_MOVABLE or a CMA area, is migrated first.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/memfd.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>

#include "gup_internal.h"
#include "gup_owner.h"
#include "gup_trace.h"

/**
 * struct gup_moving - what a long-term pin has to move
 * @isolated: Folios that are to be migrated.
 * @drained: Which batches of folios have been drained for that.
 * @nr: How many folios had each fate. This and the above are of one start alone.
 * @moved: How often it has moved all there was.
 * @left: How often something was left where it was.
 * @wait: How long it has waited after that the last time, in jiffies.
 * @waited_busy: How long in all for folios that could not be isolated.
 * @waited_failed: How long in all for folios that could not be migrated.
 */
struct gup_moving {
	struct list_head isolated;
	enum lru_cache_drained drained;
	unsigned long nr[GUP_NR_MOVES];
	unsigned int moved;
	unsigned int left;
	unsigned long wait;
	unsigned long waited_busy;
	unsigned long waited_failed;
};

#ifdef CONFIG_MIGRATION
/*
 * What was moved to where it may stay, somebody may move back before it is pinned. He
 * who does so all the time must not keep this one for ever. To wait would only help him.
 */
#define GUP_MAX_MOVED		1000

/* What was left is tried again so often at once. Then it waits, longer each time. */
#define GUP_LEFT_AT_ONCE	3
#define GUP_MAX_WAIT		DIV_ROUND_UP(HZ, 100)

/*
 * Who has isolated a folio puts it back, but not at once: migrate_pages(2) isolates
 * all memory of a process before it moves the first folio of it. So give up only
 * what cannot be that any more, like a page of a driver, which is on no LRU list ever.
 */
unsigned long gup_busy_patience __read_mostly = 60 * HZ;

/*
 * Who has a reference may keep it for ever, as a pipe does. A look at the folio is
 * over by then, and most I/O is.
 */
unsigned long gup_failed_patience __read_mostly = DIV_ROUND_UP(HZ, 10);

/*
 * The one place that learns what becomes of each folio that may not stay. It is
 * referenced or isolated.
 */
static void gup_note_move(struct gup_moving *moving, struct folio *folio,
			  enum gup_move move)
{
	moving->nr[move]++;
	trace_gup_longterm(folio, move);
}

static bool gup_wait_moving(struct gup_moving *moving, unsigned long *waited,
			    unsigned long patience)
{
	if (*waited >= patience)
		return false;
	moving->wait = clamp(2 * moving->wait, 1, GUP_MAX_WAIT);
	*waited += moving->wait;
	schedule_timeout_killable(moving->wait);
	return true;
}

/* Is it worth while to start over? Waits for those who are in the way. */
static bool gup_may_start_over(struct gup_moving *moving)
{
	if (!moving->nr[GUP_MOVE_BUSY] && !moving->nr[GUP_MOVE_FAILED])
		return moving->moved++ < GUP_MAX_MOVED;
	if (moving->left++ < GUP_LEFT_AT_ONCE)
		return true;
	if (moving->nr[GUP_MOVE_FAILED])
		return gup_wait_moving(moving, &moving->waited_failed,
				       gup_failed_patience);
	return gup_wait_moving(moving, &moving->waited_busy, gup_busy_patience);
}

/*
 * -EAGAIN to start over. It must not get out, nor must -EBUSY: callers know neither of
 * them for memory that cannot be moved, and some would wait for their own device.
 */
static int gup_start_over(struct gup_moving *moving)
{
	if (!gup_may_start_over(moving))
		return -ENOMEM;
	return fatal_signal_pending(current) ? -EINTR : -EAGAIN;
}

static bool gup_all_pinnable(const struct gup_sink *sink)
{
	unsigned long pos, nr;

	for (pos = 0; pos < gup_sink_nr(sink); pos += nr) {
		struct folio *folio;

		nr = gup_sink_next(sink, pos, &folio);
		if (!folio_is_longterm_pinnable(folio))
			return false;
	}
	return true;
}

/*
 * Device memory that the CPU can access is not on the LRU. Its migration
 * tolerates a reference but no pin, so the pins of @nr pages at @pos are turned
 * into one.
 */
static int gup_evict_device_coherent(struct gup_sink *sink, unsigned long pos,
				     unsigned long nr, struct folio *folio,
				     struct gup_moving *moving)
{
	/* Not afterwards, when there is no reference any more. */
	gup_note_move(moving, folio, GUP_MOVE_DEVICE);
	folio_get(folio);
	gup_sink_release(sink, pos, nr, FOLL_PIN);
	return migrate_device_coherent_folio(folio) ? -EBUSY : 0;
}

/*
 * Puts a folio on the list of those to be migrated. It may fail, if somebody
 * else isolates it or it is in a per-CPU batch: then the pages have to be looked
 * at again after their pins were released.
 */
static bool gup_isolate(struct folio *folio, unsigned long nr,
			struct gup_moving *moving)
{
	if (folio_test_hugetlb(folio))
		return folio_isolate_hugetlb(folio, &moving->isolated);
	/* Batches hold references, and one is enough to fail the migration. */
	lru_cache_drain_for_folio(folio, gup_refs(folio, nr, FOLL_PIN),
				  &moving->drained);
	if (!folio_isolate_lru(folio))
		return false;
	list_add_tail(&folio->lru, &moving->isolated);
	node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),
			    folio_nr_pages(folio));
	return true;
}

static int gup_isolate_unpinnable(struct gup_sink *sink, unsigned long mark,
				  struct gup_moving *moving)
{
	unsigned long pos, nr;
	int error = 0;

	for (pos = mark; pos < gup_sink_nr(sink) && !error; pos += nr) {
		struct folio *folio;

		nr = gup_sink_next(sink, pos, &folio);
		if (folio_is_longterm_pinnable(folio))
			continue;
		gup_note_move(moving, folio, GUP_MOVE_FOUND);
		if (folio_is_device_coherent(folio))
			error = gup_evict_device_coherent(sink, pos, nr, folio,
							  moving);
		else if (!gup_fail_isolate(pos, nr) &&
			 gup_isolate(folio, nr, moving))
			gup_note_move(moving, folio, GUP_MOVE_ISOLATED);
		else
			gup_note_move(moving, folio, GUP_MOVE_BUSY);
	}
	return error;
}

/* How many folios were migrated. One that was split may have left many behind. */
static long gup_nr_moved(const struct gup_moving *moving)
{
	const long left = moving->nr[GUP_MOVE_FAILED] +
			  moving->nr[GUP_MOVE_NO_MEMORY];

	return max((long)moving->nr[GUP_MOVE_ISOLATED] - left, 0L);
}

/* What was not migrated is still on the list. */
static void gup_note_unmigrated(struct gup_moving *moving, enum gup_move move)
{
	struct folio *folio;

	list_for_each_entry(folio, &moving->isolated, lru)
		gup_note_move(moving, folio, move);
}

static int gup_migrate(struct gup_moving *moving)
{
	struct migration_target_control mtc = {
		.nid = NUMA_NO_NODE,
		.gfp_mask = GFP_USER | __GFP_NOWARN,
		.reason = MR_LONGTERM_PIN,
	};
	int ret;

	if (list_empty(&moving->isolated))
		return 0;
	if (gup_fail_migrate()) {
		gup_note_unmigrated(moving, GUP_MOVE_FAILED);
		return -ENOMEM;
	}
	ret = migrate_pages(&moving->isolated, alloc_migration_target, NULL,
			    (unsigned long)&mtc, MIGRATE_SYNC,
			    MR_LONGTERM_PIN, NULL);
	if (ret >= 0) {
		gup_note_unmigrated(moving, GUP_MOVE_FAILED);
		return 0;
	}
	gup_note_unmigrated(moving, GUP_MOVE_NO_MEMORY);
	return -ENOMEM;
}

/**
 * gup_move_longterm() - move pages to where they may stay pinned for long
 * @sink: A sink with pinned pages, some of which may not.
 * @mark: The first of the pages, counted from the beginning of the sink.
 * @moving: What the request has moved and waited for so far, or all 0.
 *
 * Context: May sleep. mmap_lock may be held.
 * Return: All pins from @mark on are undone, and it is -EAGAIN if they are to be
 * taken again, -ENOMEM if a folio could not be moved, -EBUSY if that was
 * device memory, -EINTR on a fatal signal.
 */
static int gup_move_longterm(struct gup_sink *sink, unsigned long mark,
			     struct gup_moving *moving)
{
	int error;

	INIT_LIST_HEAD(&moving->isolated);
	moving->drained = LRU_CACHE_NOT_DRAINED;
	memset(moving->nr, 0, sizeof(moving->nr));

	error = gup_isolate_unpinnable(sink, mark, moving);
	/* A pinned folio is not migrated, whoever pinned it. */
	gup_sink_undo(sink, mark, FOLL_PIN);
	if (!error)
		error = gup_migrate(moving);
	else
		gup_note_unmigrated(moving, GUP_MOVE_FAILED);
	count_vm_events(GUP_LONGTERM_MOVED, gup_nr_moved(moving));
	putback_movable_pages(&moving->isolated);
	error = error ?: gup_start_over(moving);
	if (error != -EAGAIN)
		count_vm_event(GUP_LONGTERM_FAILED);
	return error;
}
#else
/* Nobody expects to be able to move anything. */
static bool gup_all_pinnable(const struct gup_sink *sink)
{
	return true;
}

static int gup_move_longterm(struct gup_sink *sink, unsigned long mark,
			     struct gup_moving *moving)
{
	return 0;
}
#endif	/* CONFIG_MIGRATION */

static void gup_try_longterm(struct gup_req *req)
{
	req->error = 0;
	req->retry_addr = GUP_NO_ADDR;
	req->longterm.unpinnable = false;
	gup_longterm_forget(&req->longterm);
	gup_slow(req);
}

/* Not inlined: who has nothing to move has nothing to remember of it. */
static noinline void gup_move_and_retry(struct gup_req *req, unsigned long mark)
{
	struct gup_moving moving = {};

	do {
		/* That takes long, and whoever wants the lock need not wait for it. */
		if (req->lock == GUP_LOCK_MAY_DROP && !(req->flags & FOLL_NOWAIT))
			gup_drop_mmap_lock(req);
		req->error = gup_move_longterm(&req->sink, mark, &moving);
		if (req->error != -EAGAIN)
			return;
		gup_try_longterm(req);
	} while (req->longterm.unpinnable);
	/* Callers take -EAGAIN for a signal that came before anything was done. */
	if (req->error == -EAGAIN)
		req->error = -EINTR;
}

/**
 * gup_slow_longterm() - gup_slow() for FOLL_LONGTERM
 * @req: The request. Pages that are in the sink already are left alone.
 *
 * Context: May sleep.
 * Return: As gup_slow(); also -ENOMEM and -EBUSY if pages could not be moved to
 * where they may be pinned, though it was tried for a while.
 */
long gup_slow_longterm(struct gup_req *req)
{
	const unsigned long mark = gup_sink_nr(&req->sink);
	unsigned int flags = memalloc_pin_save();

	gup_try_longterm(req);
	if (unlikely(req->longterm.unpinnable))
		gup_move_and_retry(req, mark);
	memalloc_pin_restore(flags);
	gup_owner_pinned(&req->sink, req->flags);
	return gup_result(req);
}

/*
 * memfd_pin_folios()
 */

/**
 * struct gup_memfd - progress of memfd_pin_folios()
 * @file: The memfd.
 * @idx: Next page of the file, in units of PAGE_SIZE.
 * @last: Last page of the range.
 * @max: How many folios there is room for.
 * @sink: Where the folios go, one pin for each: a folio is its head page.
 */
struct gup_memfd {
	struct file *file;
	pgoff_t idx;
	pgoff_t last;
	unsigned int max;
	struct gup_sink sink;
};

static bool gup_memfd_done(const struct gup_memfd *m)
{
	return m->idx > m->last || gup_sink_nr(&m->sink) >= m->max;
}

/*
 * Is a pinned folio still that of the file? Whoever replaces one in the page cache, as
 * khugepaged does, counts its references first, and keeps it locked from then on
 * until that is done: readers are expected to lock what they find. Who has the lock
 * here comes before it all, and the pin is counted, or after it. Without that
 * the pin would be of a copy that nobody sees any more.
 */
static int gup_memfd_check(const struct gup_memfd *m, struct folio *folio)
{
	bool same;

	if (folio_lock_killable(folio))
		return -EINTR;
	same = folio->mapping == m->file->f_mapping;
	folio_unlock(folio);
	return same ? 0 : -EAGAIN;
}

/* -EAGAIN if @folio has left the file meanwhile. */
static int gup_memfd_pin(struct gup_memfd *m, struct folio *folio)
{
	int error = try_grab_folio(folio, 1, FOLL_PIN);

	if (error)
		return error;
	error = gup_memfd_check(m, folio);
	if (error) {
		gup_unpin(folio, 1);
		return error;
	}
	gup_sink_put(&m->sink, &folio->page, 1);
	m->idx = folio_next_index(folio);
	return 0;
}

/*
 * Pins the folios that the page cache has from @m->idx on, up to a gap or to one that
 * leaves it.
 */
static int gup_memfd_pin_present(struct gup_memfd *m)
{
	struct folio_batch batch;
	pgoff_t idx = m->idx;
	unsigned int i, nr;
	int error = 0;

	folio_batch_init(&batch);
	nr = filemap_get_folios_contig(m->file->f_mapping, &idx, m->last,
				       &batch);
	for (i = 0; i < nr && !gup_memfd_done(m) && !error; i++)
		error = gup_memfd_pin(m, batch.folios[i]);
	folio_batch_release(&batch);
	return error == -EAGAIN ? 0 : error;
}

static int gup_memfd_pin_new(struct gup_memfd *m)
{
	struct folio *folio = memfd_alloc_folio(m->file, m->idx);
	int error;

	if (IS_ERR(folio)) {
		error = PTR_ERR(folio);
		/* Somebody else was faster: it is in the page cache now. */
		return error == -EEXIST ? 0 : error;
	}
	error = gup_memfd_pin(m, folio);
	folio_put(folio);
	return error == -EAGAIN ? 0 : error;
}

static int gup_memfd_pin_range(struct gup_memfd *m)
{
	int error = 0;

	while (!error && !gup_memfd_done(m)) {
		unsigned long nr = gup_sink_nr(&m->sink);

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		error = gup_memfd_pin_present(m);
		if (!error && gup_sink_nr(&m->sink) == nr)
			error = gup_memfd_pin_new(m);
	}
	return error;
}

static bool gup_memfd_args_ok(struct file *memfd, loff_t start, loff_t end,
			      struct folio **folios, unsigned int max_folios)
{
	if (start < 0 || start > end || !max_folios || !folios || !memfd)
		return false;
	if (!shmem_file(memfd) && !is_file_hugepages(memfd))
		return false;
	return end < i_size_read(file_inode(memfd));
}

/**
 * memfd_pin_folios() - pin the folios of a range of a memfd for long
 * @memfd: A memfd of shmem or hugetlb.
 * @start: First byte of the range.
 * @end: Last byte of the range, below the size of the file.
 * @folios: Where the folios go, one entry and one pin for each folio.
 * @max_folios: Size of @folios; the range is cut off there.
 * @offset: Set to the offset of @start in the first folio, in bytes.
 *
 * Folios that are missing in the file are allocated. Release with
 * unpin_folios().
 *
 * Context: May sleep.
 * Return: Number of folios pinned. -EINVAL for wrong arguments; -EINTR on a
 * fatal signal; -ENOMEM, or another error of the allocation or migration of a
 * folio. On error nothing is pinned. Behind the returned number @folios has what
 * it had before, or NULL.
 */
long memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
		      struct folio **folios, unsigned int max_folios,
		      pgoff_t *offset)
{
	struct gup_memfd m = {
		.file = memfd,
		.last = end >> PAGE_SHIFT,
		.max = max_folios,
		.sink = gup_sink_init((struct page **)folios),
	};
	struct gup_moving moving = {};
	unsigned int flags;
	int error;

	if (!gup_memfd_args_ok(memfd, start, end, folios, max_folios))
		return -EINVAL;

	trace_gup_begin(GUP_FN_MEMFD, start, m.last - (start >> PAGE_SHIFT) + 1,
			FOLL_PIN | FOLL_LONGTERM);
	flags = memalloc_pin_save();
	do {
		m.idx = start >> PAGE_SHIFT;
		error = gup_memfd_pin_range(&m);
		if (error)
			gup_sink_undo(&m.sink, 0, FOLL_PIN);
		else if (!gup_all_pinnable(&m.sink))
			error = gup_move_longterm(&m.sink, 0, &moving);
	} while (error == -EAGAIN);
	memalloc_pin_restore(flags);
	error = error ?: gup_fail_memfd(&m.sink);
	trace_gup_end(GUP_FN_MEMFD, start, error ?: gup_sink_nr(&m.sink));

	if (error)
		return error;
	gup_owner_pinned(&m.sink, FOLL_PIN | FOLL_LONGTERM);
	*offset = offset_in_folio(folios[0], start);
	return gup_sink_nr(&m.sink);
}
EXPORT_SYMBOL_GPL(memfd_pin_folios);
