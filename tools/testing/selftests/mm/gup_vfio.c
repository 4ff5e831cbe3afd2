// SPDX-License-Identifier: GPL-2.0
/*
 * Memory mapped for a device by VFIO, with an IOMMU of type 1: which pages are pinned, and
 * that they are given back. VFIO_SELFTESTS_BDF names the device, as for the tests of VFIO.
 */
#include <linux/vfio.h>
#include <sys/resource.h>

#include "gup_common.h"

#define NO_DEVICE	"needs a device bound to vfio-pci, of which VFIO_SELFTESTS_BDF is the name"
#define NO_KEYS		"needs protection keys"
#define IOVA		(4ull << 30)
#define BOTH		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define NOBODY		65534
/* As many bytes may be pinned before the limit of locked memory is looked at again. */
#define BATCH		(2 * MIB)

#ifndef PKEY_DISABLE_ACCESS
#define PKEY_DISABLE_ACCESS	1
#endif

GUP_HUGETLB_PAGES(8)

FIXTURE(vfio) {
	int container, group;
	char *mem;
	size_t len;
	long held;
};

FIXTURE_VARIANT(vfio) {
	unsigned int kind;
};

FIXTURE_VARIANT_ADD(vfio, anon) { .kind = GUP_ANON };
FIXTURE_VARIANT_ADD(vfio, anon_64k) { .kind = GUP_ANON_64K };
FIXTURE_VARIANT_ADD(vfio, thp) { .kind = GUP_THP };
FIXTURE_VARIANT_ADD(vfio, thp_ptes) { .kind = GUP_THP_PTES };
FIXTURE_VARIANT_ADD(vfio, hugetlb) { .kind = GUP_HUGETLB };
FIXTURE_VARIANT_ADD(vfio, shmem) { .kind = GUP_SHMEM | GUP_SHARED };

/* The group of the device, or -1. */
static int open_group(void)
{
	const char *device = getenv("VFIO_SELFTESTS_BDF");
	char link[80], group[80], path[80];
	ssize_t len;

	if (!device)
		return -1;
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", device);
	len = readlink(link, group, sizeof(group) - 1);
	if (len < 0)
		return -1;
	group[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%.16s", strrchr(group, '/') + 1);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool open_container(int *container, int *group)
{
	*group = open_group();
	*container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (*group < 0 || *container < 0)
		return false;
	MUST(!ioctl(*group, VFIO_GROUP_SET_CONTAINER, container));
	MUST(!ioctl(*container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	return true;
}

FIXTURE_SETUP(vfio)
{
	const char *why;

	if (!open_container(&self->container, &self->group))
		SKIP(return, NO_DEVICE);
	self->len = 2 * GUP_HUGE_SIZE;
	self->mem = gup_map(variant->kind, self->len, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	gup_fill(self->mem, self->len, 1);
	self->held = gup_pins_held();
}

FIXTURE_TEARDOWN(vfio)
{
	close(self->group);
	close(self->container);
}

static int map(int container, char *mem, size_t len, unsigned int flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)mem,
		.iova = IOVA,
		.size = len,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

static size_t unmap(int container, size_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = len,
	};

	MUST(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	return unmap.size;
}

/* Guards "each page of the range is pinned once", and the release by runs. */
TEST_F(vfio, pieces)
{
	static const struct {
		size_t first, nr;
	} pieces[] = { { 0, 1 }, { 15, 18 }, { 511, 2 }, { 3, 1000 }, { 0, 1024 } };

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const size_t nr = pieces[i].nr, len = nr * psize();

		ASSERT_EQ(0, map(self->container, self->mem + pieces[i].first * psize(), len, BOTH))
			TH_LOG("%zu pages from %zu on", nr, pieces[i].first);
		EXPECT_EQ(self->held + (long)nr, gup_pins_held());
		EXPECT_EQ(len, unmap(self->container, len));
		EXPECT_EQ(self->held, gup_pins_settle(self->held));
	}
	EXPECT_EQ(self->len, gup_differs(self->mem, self->len, 1));
}

/* Guards the error paths: what was pinned before the hole is given back. */
TEST_F(vfio, refused)
{
	const size_t hole = GUP_HUGE_SIZE + (variant->kind == GUP_HUGETLB ? 0 : 37 * psize());

	MUST(!mprotect(self->mem + hole, self->len - hole, PROT_READ));
	EXPECT_EQ(-1, map(self->container, self->mem, self->len, BOTH));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->held, gup_pins_settle(self->held));

	MUST(!munmap(self->mem + hole, self->len - hole));
	EXPECT_EQ(-1, map(self->container, self->mem, self->len, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

/* The device does not know the keys of the thread that maps memory for it. */
TEST_F(vfio, denied_by_key)
{
	const int key = syscall(__NR_pkey_alloc, 0, PKEY_DISABLE_ACCESS);

	if (key < 0)
		SKIP(return, NO_KEYS);
	MUST(!syscall(__NR_pkey_mprotect, self->mem, self->len, PROT_READ | PROT_WRITE, key));
	ASSERT_EQ(0, map(self->container, self->mem, self->len, BOTH));
	EXPECT_EQ(self->held + (long)(self->len / psize()), gup_pins_held());
	EXPECT_EQ(self->len, unmap(self->container, self->len));
	EXPECT_EQ(self->held, gup_pins_settle(self->held));
}

static size_t resident(char *mem, size_t len)
{
	static unsigned char there[64 * MIB / 4096];
	size_t found = 0;

	MUST(len / psize() <= sizeof(there) && !mincore(mem, len, there));
	for (size_t i = 0; i < len / psize(); i++)
		found += there[i] & 1;
	return found * psize();
}

/* How much of 64 MiB an unprivileged process has got by a mapping that it may not make. */
static size_t got_beyond(int container, size_t limit)
{
	const struct rlimit lock = { limit, limit };
	const size_t len = 64 * MIB;
	char *mem = gup_map_aligned(len);

	/* Long runs, so that it is not their number that ends a batch. */
	MUST(!madvise(mem, len, MADV_HUGEPAGE));
	MUST(!setrlimit(RLIMIT_MEMLOCK, &lock) && !setresuid(NOBODY, NOBODY, NOBODY));
	MUST(map(container, mem, len, BOTH) == -1 && errno == ENOMEM);
	return resident(mem, len);
}

/* The limit of locked memory is not exceeded by more than a batch, and only for a while. */
TEST(vfio_limit)
{
	const size_t limit = 3 * BATCH;
	int container, group, status;
	long held;
	pid_t pid;

	if (!open_container(&container, &group))
		SKIP(return, NO_DEVICE);
	if (!thp_is_enabled())
		SKIP(return, NO_THP);
	held = gup_pins_held();
	pid = gup_fork();
	if (!pid)
		_exit(got_beyond(container, limit) / MIB);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_LE(limit / MIB, WEXITSTATUS(status));
	EXPECT_GE((limit + BATCH) / MIB, WEXITSTATUS(status));
	EXPECT_EQ(held, gup_pins_settle(held));
	close(group);
	close(container);
}

TEST_HARNESS_MAIN
