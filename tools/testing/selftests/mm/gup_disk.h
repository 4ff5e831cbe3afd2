/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk in memory for direct I/O (a loop device over a memfd) and just enough
 * of io_uring, by its system calls, for the tests with fixed buffers.
 */
#ifndef GUP_DISK_H
#define GUP_DISK_H

#include <linux/io_uring.h>
#include <linux/loop.h>
#include <sys/sysmacros.h>

#include "gup_common.h"

#define NO_DISK		"needs root, CONFIG_BLK_DEV_LOOP and /dev/loop-control"
#define NO_URING	"needs CONFIG_IO_URING"

struct gup_disk {
	int fd;			/* opened O_DIRECT */
	int buffered;		/* the same device through the page cache */
	int backing;		/* the memfd */
	char *data;		/* the memfd, mapped */
	size_t len;
};

static inline bool gup_loop_setup(int loop, int backing)
{
	struct loop_config config = {
		.fd = backing,
		.block_size = 512,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};

	return !ioctl(loop, LOOP_CONFIGURE, &config);
}

/* Other tests may take the free device first: then ask for the next one. */
static inline int gup_loop_open(int control, int backing, char *path, size_t size)
{
	for (int tries = 0; tries < 10; tries++) {
		int nr = ioctl(control, LOOP_CTL_GET_FREE);
		int loop;

		if (nr < 0)
			return -1;
		snprintf(path, size, "/dev/loop%d", nr);
		loop = open(path, O_RDWR | O_CLOEXEC);
		if (loop < 0)
			return -1;
		if (gup_loop_setup(loop, backing))
			return loop;
		close(loop);
		if (errno != EBUSY)
			return -1;
	}
	return -1;
}

static inline bool gup_disk_open(struct gup_disk *disk, size_t len)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	char path[32];

	if (control < 0)
		return false;
	disk->len = len;
	disk->backing = gup_memfd(len);
	disk->buffered = gup_loop_open(control, disk->backing, path, sizeof(path));
	close(control);
	if (disk->buffered < 0)
		return false;
	disk->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	MUST(disk->fd >= 0);
	disk->data = gup_mmap(len, PROT_READ | PROT_WRITE, MAP_SHARED, disk->backing);
	return true;
}

static inline void gup_disk_close(struct gup_disk *disk)
{
	if (!disk->data)
		return;
	close(disk->fd);
	close(disk->buffered);
	munmap(disk->data, disk->len);
	close(disk->backing);
}

/* io_uring: one request at a time */

struct gup_ring {
	int fd;
	char *sq;
	char *cq;
	struct io_uring_sqe *sqe;
	size_t sq_len, cq_len, sqe_len;
	struct io_uring_params p;
};

static inline void *gup_ring_map(struct gup_ring *ring, size_t len, off_t what)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, what);

	MUST(mem != MAP_FAILED);
	return mem;
}

static inline bool gup_ring_open(struct gup_ring *ring)
{
	struct io_uring_params *p = &ring->p;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, 4, p);
	if (ring->fd < 0)
		return false;
	ring->sq_len = p->sq_off.array + p->sq_entries * sizeof(__u32);
	ring->cq_len = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring->sqe_len = p->sq_entries * sizeof(*ring->sqe);
	ring->sq = gup_ring_map(ring, ring->sq_len, IORING_OFF_SQ_RING);
	ring->cq = gup_ring_map(ring, ring->cq_len, IORING_OFF_CQ_RING);
	ring->sqe = gup_ring_map(ring, ring->sqe_len, IORING_OFF_SQES);
	return true;
}

/* The kernel frees the ring, and releases its buffers, a little later. */
static inline void gup_ring_close(struct gup_ring *ring)
{
	munmap(ring->sq, ring->sq_len);
	munmap(ring->cq, ring->cq_len);
	munmap(ring->sqe, ring->sqe_len);
	close(ring->fd);
}

static inline int gup_ring_register(struct gup_ring *ring, char *mem, size_t len)
{
	struct iovec iov = { .iov_base = mem, .iov_len = len };

	return syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &iov, 1);
}

static inline int gup_ring_unregister(struct gup_ring *ring)
{
	return syscall(__NR_io_uring_register, ring->fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static inline __u32 *gup_ring_at(char *base, __u32 off)
{
	return (__u32 *)(base + off);
}

/* op: IORING_OP_READ_FIXED or IORING_OP_WRITE_FIXED; what the request returned */
static inline int gup_ring_rw(struct gup_ring *ring, int op, int fd, char *mem, size_t len,
			      off_t off)
{
	__u32 *tail = gup_ring_at(ring->sq, ring->p.sq_off.tail);
	__u32 *head = gup_ring_at(ring->cq, ring->p.cq_off.head);
	__u32 mask = *gup_ring_at(ring->sq, ring->p.sq_off.ring_mask);
	struct io_uring_cqe *cqe;
	int ret;

	memset(ring->sqe, 0, sizeof(*ring->sqe));
	ring->sqe->opcode = op;
	ring->sqe->fd = fd;
	ring->sqe->addr = (uintptr_t)mem;
	ring->sqe->len = len;
	ring->sqe->off = off;
	gup_ring_at(ring->sq, ring->p.sq_off.array)[*tail & mask] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	MUST(syscall(__NR_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);

	mask = *gup_ring_at(ring->cq, ring->p.cq_off.ring_mask);
	cqe = (struct io_uring_cqe *)(ring->cq + ring->p.cq_off.cqes) + (*head & mask);
	ret = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

#endif /* GUP_DISK_H */
