/* SPDX-License-Identifier: GPL-2.0 */
/* An address space of iommufd, with its mock device that has no hardware. */
#ifndef GUP_IOMMU_H
#define GUP_IOMMU_H

#include <fcntl.h>
#include <linux/iommufd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drivers/iommu/iommufd/iommufd_test.h>

#include "gup_mem.h"

#define NO_IOMMU	"needs root and CONFIG_IOMMUFD_TEST"

struct gup_iommu {
	int fd;
	unsigned int ioas;
};

static inline int gup_iommu_test(struct gup_iommu *iommu, struct iommu_test_cmd *command)
{
	command->size = sizeof(*command);
	return ioctl(iommu->fd, IOMMU_TEST_CMD, command);
}

/* False if there is no such device. */
static inline bool gup_iommu_open(struct gup_iommu *iommu)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_test_cmd device = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };

	iommu->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommu->fd < 0)
		return false;
	MUST(!ioctl(iommu->fd, IOMMU_IOAS_ALLOC, &alloc));
	iommu->ioas = alloc.out_ioas_id;
	device.id = iommu->ioas;
	return !gup_iommu_test(iommu, &device);
}

static inline void gup_iommu_close(struct gup_iommu *iommu)
{
	close(iommu->fd);
}

/* How much memory a batch may take, in bytes. It is one limit for all. */
static inline void gup_iommu_limit(struct gup_iommu *iommu, unsigned int limit)
{
	struct iommu_test_cmd command = {
		.op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
		.memory_limit.limit = limit,
	};

	MUST(!gup_iommu_test(iommu, &command));
}

/* Maps memory for the device to write to. 0 or -1. */
static inline int gup_iommu_map(struct gup_iommu *iommu, const char *mem, size_t len,
				uint64_t *iova)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE,
		.ioas_id = iommu->ioas,
		.user_va = (uintptr_t)mem,
		.length = len,
	};

	if (ioctl(iommu->fd, IOMMU_IOAS_MAP, &map))
		return -1;
	*iova = map.iova;
	return 0;
}

static inline void gup_iommu_unmap(struct gup_iommu *iommu, uint64_t iova, size_t len)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommu->ioas,
		.iova = iova,
		.length = len,
	};

	MUST(!ioctl(iommu->fd, IOMMU_IOAS_UNMAP, &unmap));
}

#endif /* GUP_IOMMU_H */
