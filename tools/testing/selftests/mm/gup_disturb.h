/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to memory while somebody else takes its pages: a disturbance is done
 * again and again, by a thread of its own or by the one that waits for the end.
 */
#ifndef GUP_DISTURB_H
#define GUP_DISTURB_H

#include <linux/mempolicy.h>

#include "gup_common.h"

struct gup_disturber {
	void (*once)(struct gup_disturber *d);
	char *mem;
	size_t len;
	unsigned int pause;	/* microseconds between two times */
	int uffd;		/* for disturbances that need one */
	bool stop;
	long times;
	long collapses;		/* how often MADV_COLLAPSE succeeded */
	pthread_t thread;
};

static inline void gup_disturb(struct gup_disturber *d)
{
	d->once(d);
	d->times++;
	if (d->pause)
		usleep(d->pause);
}

static inline void *gup_disturb_until_stopped(void *arg)
{
	struct gup_disturber *d = arg;

	while (!gup_load(&d->stop))
		gup_disturb(d);
	return NULL;
}

static inline void gup_disturb_start(struct gup_disturber *d)
{
	gup_thread(&d->thread, gup_disturb_until_stopped, d);
}

static inline void gup_disturb_stop(struct gup_disturber *d)
{
	gup_store(&d->stop, true);
	pthread_join(d->thread, NULL);
}

/* Disturbances that several programs use, and what they need or NULL */

static inline void gup_drop(struct gup_disturber *d)
{
	MUST(!madvise(d->mem, d->len, MADV_DONTNEED));
}

/* Pages are brought to that node, where nothing prevents it. */
static inline bool gup_migrate(char *mem, size_t len, int node)
{
	const size_t nr = len / psize();
	void *pages[512];
	int to[512], status[512];

	MUST(nr <= ARRAY_SIZE(pages));
	for (size_t i = 0; i < nr; i++) {
		pages[i] = mem + i * psize();
		to[i] = node;
	}
	return !syscall(__NR_move_pages, 0, nr, pages, to, status, MPOL_MF_MOVE);
}

static inline const char *gup_need_nodes(void)
{
	return access("/sys/devices/system/node/node1", F_OK) ? "needs two NUMA nodes" : NULL;
}

#define GUP_COMPACT	"/proc/sys/vm/compact_memory"

static inline bool gup_compact(void)
{
	return gup_write(GUP_COMPACT, "1");
}

static inline const char *gup_need_compaction(void)
{
	return access(GUP_COMPACT, W_OK) ? "needs root and CONFIG_COMPACTION" : NULL;
}

#define GUP_SPLIT	"/sys/kernel/debug/split_huge_pages"

/* The folio itself is split, where no pin prevents it. */
static inline bool gup_split_folio(const char *mem, unsigned int order)
{
	uintptr_t start = (uintptr_t)mem;
	char cmd[80];

	snprintf(cmd, sizeof(cmd), "%d,0x%lx,0x%lx,%u", getpid(), start, start + GUP_HUGE_SIZE,
		 order);
	return gup_write(GUP_SPLIT, cmd);
}

static inline const char *gup_need_split(void)
{
	return access(GUP_SPLIT, W_OK) ? "needs THP and debugfs at /sys/kernel/debug" : NULL;
}

static inline const char *gup_need_collapse(void)
{
	return thp_is_enabled() ? NULL : NO_THP;
}

static inline void gup_fork_child(struct gup_disturber *d)
{
	pid_t pid = fork();

	(void)d;
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/*
 * The huge page at d->mem is mapped by PTEs, loses a page, gets one from elsewhere,
 * and is put together again. The first three pages are not there at times.
 */
static inline void gup_split_and_collapse(struct gup_disturber *d)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *spare = gup_map_anon(psize());
	char *moved = d->mem + 2 * psize();

	gup_split_table(d->mem);
	MUST(!madvise(d->mem + psize(), psize(), MADV_DONTNEED));
	MUST(mremap(moved, psize(), psize(), flags, spare) == spare);
	MUST(mremap(spare, psize(), psize(), flags, moved) == moved);
	d->collapses += !madvise(d->mem, GUP_HUGE_SIZE, MADV_COLLAPSE);
}

/* KSM and NUMA balancing work by themselves, and are made to do so often. */

#define GUP_KSM		"/sys/kernel/mm/ksm/"
#define GUP_NUMA	"/proc/sys/kernel/numa_balancing"
#define GUP_NUMA_DEBUGFS "/sys/kernel/debug/sched/numa_balancing/"

static inline const char *gup_need_ksm(void)
{
	return access(GUP_KSM "run", W_OK) ? "needs root and CONFIG_KSM" : NULL;
}

static inline void gup_ksm_hurry(void)
{
	write_num(GUP_KSM "pages_to_scan", 2000);
	write_num(GUP_KSM "sleep_millisecs", 1);
}

/* Back to the defaults */
static inline void gup_ksm_relax(void)
{
	write_num(GUP_KSM "sleep_millisecs", 20);
	write_num(GUP_KSM "pages_to_scan", 100);
}

static inline const char *gup_need_balancing(void)
{
	return access(GUP_NUMA, W_OK) || access(GUP_NUMA_DEBUGFS, X_OK) ?
	       "needs root, CONFIG_NUMA_BALANCING and debugfs at /sys/kernel/debug" :
	       gup_need_nodes();
}

static unsigned long gup_numa_saved[3];

static inline void gup_numa_hurry(void)
{
	gup_numa_saved[0] = read_num(GUP_NUMA);
	gup_numa_saved[1] = read_num(GUP_NUMA_DEBUGFS "scan_delay_ms");
	gup_numa_saved[2] = read_num(GUP_NUMA_DEBUGFS "scan_period_min_ms");
	write_num(GUP_NUMA_DEBUGFS "scan_delay_ms", 1);
	write_num(GUP_NUMA_DEBUGFS "scan_period_min_ms", 1);
	write_num(GUP_NUMA, 1);
}

static inline void gup_numa_restore(void)
{
	write_num(GUP_NUMA, gup_numa_saved[0]);
	write_num(GUP_NUMA_DEBUGFS "scan_delay_ms", gup_numa_saved[1]);
	write_num(GUP_NUMA_DEBUGFS "scan_period_min_ms", gup_numa_saved[2]);
}

#endif /* GUP_DISTURB_H */
