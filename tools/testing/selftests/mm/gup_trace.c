// SPDX-License-Identifier: GPL-2.0
/*
 * What GUP tells of itarea: trace events and the counters of /proc/vmstat. Each way that
 * a request can take is gone once, and has to be seen.
 */
#include "gup_movable.h"

#define NR_PAGES	16
#define TRACING		"/sys/kernel/tracing"
#define NO_TRACING	"needs CONFIG_FTRACE, CONFIG_UPROBE_EVENTS or the like, and root"
#define WRITE		PIN_LONGTERM_TEST_FLAG_USE_WRITE
#define FAST		PIN_LONGTERM_TEST_FLAG_USE_FAST
#define MAX_WANT	5

struct area {
	int driver;
	char *mem;
	size_t len;
};

/* All in one page table: mlock() populates each table by a request of its own. */
static char *fault_in_first(size_t len)
{
	char *mem = gup_map_aligned(len + psize());

	/* -EINVAL: a kernel without THP */
	MUST(!madvise(mem, len + psize(), MADV_NOHUGEPAGE) || errno == EINVAL);
	mem[0] = 1;		/* so that the VMA has an anon_vma */
	return mem + psize();
}

static void pin_and_unpin(struct area *area, unsigned int flags)
{
	if (!gup_pin(area->driver, area->mem, area->len, flags))
		gup_unpin(area->driver);
}

static void touch(struct area *area)
{
	gup_touch(area->mem, area->len);
}

/* The first pin has moved the pages to where they may stay. */
static void settle(struct area *area)
{
	touch(area);
	pin_and_unpin(area, WRITE | FAST);
}

static void pin_fast(struct area *area)
{
	pin_and_unpin(area, WRITE | FAST);
}

static void slow(struct area *area)
{
	pin_and_unpin(area, WRITE);
}

static void refused(struct area *area)
{
	MUST(!mprotect(area->mem, area->len, PROT_NONE));
	pin_and_unpin(area, WRITE | FAST);
}

static void read_only(struct area *area)
{
	MUST(!mprotect(area->mem, area->len, PROT_READ));
	pin_and_unpin(area, WRITE | FAST);
}

static void unmapped(struct area *area)
{
	MUST(!munmap(area->mem, area->len));
	pin_and_unpin(area, WRITE | FAST);
}

static void shared_with_child(struct area *area)
{
	int *steps = gup_steps();
	pid_t pid;

	pid = gup_fork();
	if (!pid) {
		gup_wait(steps, 1);
		_exit(0);
	}
	pin_and_unpin(area, FAST);
	gup_step(steps, 1);
	MUST(!gup_join(pid));
}

/* The pipe has a reference, which nobody can move with the page. */
static void held_by_pipe(struct area *area)
{
	struct iovec iov = { area->mem, psize() };
	int fds[2];

	MUST(!pipe(fds));
	MUST(vmsplice(fds[1], &iov, 1, 0) == (ssize_t)psize());
	pin_and_unpin(area, WRITE | FAST);
	close(fds[0]);
	close(fds[1]);
}

static void written_by_another(struct area *area)
{
	char byte = 1;
	struct iovec local = { &byte, 1 }, remote = { area->mem, 1 };

	MUST(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 1);
}

static void locked_in_memory(struct area *area)
{
	MUST(!mlock(area->mem, area->len));
}

FIXTURE(trace) {
	struct area area;
};

FIXTURE_VARIANT(trace) {
	void (*prepare)(struct area *area);
	void (*act)(struct area *area);
	const char *want[MAX_WANT];	/* one behind the other, %lx is the address */
	const char *never;
	const char *counter;
	long counted;
};

FIXTURE_VARIANT_ADD(trace, warm) {
	.prepare = settle,
	.act = pin_fast,
	.want = { "gup_begin: pin_user_pages_fast start=0x%lx pages=16 flags=WRITE|LONGTERM|PIN",
		  "gup_end: pin_user_pages_fast start=0x%lx result=16" },
	.never = "gup_fast_stop:",
	.counter = "gup_fast_pages ",
	.counted = NR_PAGES,
};

FIXTURE_VARIANT_ADD(trace, cold) {
	.act = pin_fast,
	.want = { "gup_begin: pin_user_pages_fast", "gup_fast_stop: addr=0x%lx why=absent",
		  "gup_lock: addr=0x%lx lock=vma", "gup_fault: addr=0x%lx flags=WRITE",
		  "gup_end: pin_user_pages_fast start=0x%lx result=16" },
	.never = "lock=mmap_lock",
	.counter = "gup_fault_vma_lock ",
	.counted = NR_PAGES,
};

FIXTURE_VARIANT_ADD(trace, falls_back) {
	.act = pin_fast,
	.want = { "gup_fast_stop: addr=0x%lx why=absent undone=0" },
	.counter = "gup_fast_fallback ",
	.counted = 1,
};

FIXTURE_VARIANT_ADD(trace, slow) {
	.act = slow,
	.want = { "gup_begin: pin_user_pages start=0x%lx pages=16",
		  "gup_fault: addr=0x%lx flags=WRITE",
		  "gup_end: pin_user_pages start=0x%lx result=16" },
	.never = "gup_fast_stop",
	.counter = "gup_fault_mmap_lock ",
	.counted = NR_PAGES,
};

FIXTURE_VARIANT_ADD(trace, refused) {
	.act = refused,
	.want = { "gup_no_vma_lock: addr=0x%lx why=refused", "gup_lock: addr=0x%lx lock=mmap_lock",
		  "gup_end: pin_user_pages_fast start=0x%lx result=-14" },
	.never = "gup_fault:",
};

FIXTURE_VARIANT_ADD(trace, read_only) {
	.prepare = settle,
	.act = read_only,
	.want = { "gup_fast_stop: addr=0x%lx why=denied", "result=-14" },
	.never = "gup_fault:",
};

FIXTURE_VARIANT_ADD(trace, unmapped) {
	.act = unmapped,
	.want = { "gup_no_vma_lock: addr=0x%lx why=missing or busy", "result=-14" },
};

FIXTURE_VARIANT_ADD(trace, shared_with_child) {
	.prepare = settle,
	.act = shared_with_child,
	.want = { "gup_fast_stop: addr=0x%lx why=unshare", "gup_fault: addr=0x%lx flags=",
		  "UNSHARE", "result=16" },
	.counter = "gup_unshare ",
	.counted = NR_PAGES,
};

FIXTURE_VARIANT_ADD(trace, written_by_another) {
	.act = written_by_another,
	.want = { "gup_begin: pin_user_pages_remote_unlocked start=0x%lx pages=1 flags=WRITE|",
		  "gup_end: pin_user_pages_remote_unlocked", "gup_unpin_dirty: pfn=0x" },
};

FIXTURE_VARIANT_ADD(trace, locked_in_memory) {
	.act = locked_in_memory,
	.want = { "gup_begin: populate start=0x%lx pages=16", "gup_lock: addr=0x%lx lock=vma",
		  "gup_end: populate start=0x%lx result=16" },
	.never = "lock=mmap_lock",
};

FIXTURE_VARIANT_ADD(trace, moved) {
	.prepare = touch,
	.act = pin_fast,
	.want = { "gup_fast_stop: addr=0x%lx why=unpinnable", "gup_longterm: pfn=0x", "what=found",
		  "what=isolated", "gup_end: pin_user_pages_fast start=0x%lx result=16" },
	.counter = "gup_longterm_moved ",
	.counted = NR_PAGES,
};

FIXTURE_VARIANT_ADD(trace, held_by_pipe) {
	.prepare = touch,
	.act = held_by_pipe,
	.want = { "gup_fast_stop: addr=0x%lx why=unpinnable", "what=found", "what=failed",
		  "gup_end: pin_user_pages_fast start=0x%lx result=-12" },
	.counter = "gup_longterm_failed ",
	.counted = 1,
};

static bool trace_on(bool on)
{
	char filter[32];

	/* set_event_pid would trace what the scheduler does as well */
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	return gup_write(TRACING "/events/gup/filter", on ? filter : "0") &&
	       gup_write(TRACING "/events/gup/enable", on ? "1" : "0");
}

static void clear_trace(void)
{
	int fd = open(TRACING "/trace", O_WRONLY | O_TRUNC);

	MUST(fd >= 0);
	close(fd);
}

FIXTURE_SETUP(trace)
{
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	self->area.driver = gup_driver();
	if (self->area.driver < 0)
		SKIP(return, NO_DRIVER);
	if (!trace_on(true))
		SKIP(return, NO_TRACING);
	MUST(trace_on(false));
	self->area.len = NR_PAGES * psize();
	self->area.mem = fault_in_first(self->area.len);
}

FIXTURE_TEARDOWN(trace)
{
	gup_write(TRACING "/events/gup/enable", "0");
}

/* The text of the trace from @text on behind the first place that has @format. */
static const char *find_event(const char *text, const char *format, const char *mem)
{
	char want[128];
	const char *at;

	snprintf(want, sizeof(want), format, (unsigned long)mem);
	at = strstr(text, want);
	return at ? at + strlen(want) : NULL;
}

static char *read_trace(void)
{
	size_t size = 1 << 20, len = 0;
	char *text = malloc(size);
	int fd = open(TRACING "/trace", O_RDONLY);
	ssize_t got;

	MUST(text && fd >= 0);
	while ((got = read(fd, text + len, size - len - 1)) > 0)
		len += got;
	text[len] = 0;
	close(fd);
	return text;
}

TEST_F(trace, is_seen)
{
	const char *counter = variant->counter ?: "gup_fast_pages ";
	const char *at;
	char *text;
	long before;

	if (variant->prepare)
		variant->prepare(&self->area);
	if (variant->prepare == touch && gup_nr_movable(self->area.mem, self->area.len) < NR_PAGES)
		SKIP(return, NO_MOVABLE);
	clear_trace();
	before = gup_vmstat(counter);
	MUST(trace_on(true));
	variant->act(&self->area);
	MUST(trace_on(false));
	text = read_trace();
	at = text;
	for (int i = 0; i < MAX_WANT && variant->want[i]; i++) {
		const char *next = find_event(at, variant->want[i], self->area.mem);

		EXPECT_NE(NULL, next)
			TH_LOG("missing: %s in\n%s", variant->want[i], at);
		if (next)
			at = next;
	}
	if (variant->never)
		EXPECT_EQ(NULL, strstr(text, variant->never))
			TH_LOG("not expected: %s in\n%s", variant->never, text);
	/* others may be counted, too */
	EXPECT_LE(before + variant->counted, gup_vmstat(counter));
	free(text);
}

/* tools/mm/gup-why.sh has to understand what it reads. */
TEST(gup_why_tells)
{
	char text[4096], command[128];
	size_t len;
	FILE *out;

	if (system("command -v gup-why.sh >/dev/null"))
		SKIP(return, "needs tools/mm/gup-why.sh in PATH");
	/* the kernel takes the page from the other process */
	snprintf(command, sizeof(command), "gup-why.sh cat /proc/%d/cmdline 2>&1", getpid());
	out = popen(command, "r");
	MUST(out);
	len = fread(text, 1, sizeof(text) - 1, out);
	for (size_t i = 0; i < len; i++)
		text[i] = text[i] ?: ' ';
	text[len] = 0;
	EXPECT_EQ(0, pclose(out))
		TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "get_user_pages_remote"))
		TH_LOG("%s", text);
}

TEST_HARNESS_MAIN
