/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Just enough of libibverbs to register memory, by system calls, with the device in
 * software, rxe, over the interface lo.
 */
#ifndef GUP_VERBS_H
#define GUP_VERBS_H

#include <fcntl.h>
#include <linux/netlink.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gup_mem.h"

#define GUP_RDMA_DEVICE	"/dev/infiniband/uverbs0"
#define NO_RDMA		"needs root, CONFIG_RDMA_RXE, CONFIG_INFINIBAND_USER_ACCESS and the interface lo"

struct gup_verbs {
	int fd;
	unsigned int domain;
};

/* A message that asks for a device. */
struct gup_new_link {
	struct nlmsghdr header;
	struct nlattr name;
	char name_is[8];
	struct nlattr type;
	char type_is[4];
	struct nlattr interface;
	char interface_is[4];
};

static inline struct nlattr gup_attribute(unsigned int type, const char *text)
{
	return (struct nlattr) { .nla_type = type, .nla_len = NLA_HDRLEN + strlen(text) + 1 };
}

static inline void gup_add_rdma_device(void)
{
	struct gup_new_link link = {
		.header.nlmsg_len = sizeof(link),
		.header.nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_NEWLINK),
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.name = gup_attribute(RDMA_NLDEV_ATTR_DEV_NAME, "gup_rxe"),
		.name_is = "gup_rxe",
		.type = gup_attribute(RDMA_NLDEV_ATTR_LINK_TYPE, "rxe"),
		.type_is = "rxe",
		.interface = gup_attribute(RDMA_NLDEV_ATTR_NDEV_NAME, "lo"),
		.interface_is = "lo",
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	char answer[512];

	if (fd < 0)
		return;
	if (send(fd, &link, sizeof(link), 0) == (ssize_t)sizeof(link))
		recv(fd, answer, sizeof(answer), 0);
	close(fd);
}

/* A command of the device. The answer, if there is one, goes where @command says. */
static inline int gup_verbs_call(int fd, unsigned int nr, const void *command, size_t len,
				 size_t answer)
{
	struct {
		struct ib_uverbs_cmd_hdr header;
		char command[128];
	} all = {
		.header.command = nr,
		.header.in_words = (sizeof(all.header) + len) / 4,
		.header.out_words = answer / 4,
	};
	const ssize_t size = sizeof(all.header) + len;

	MUST(len <= sizeof(all.command));
	memcpy(all.command, command, len);
	return write(fd, &all, size) == size ? 0 : -1;
}

/* False if there is no device. */
static inline bool gup_verbs_open(struct gup_verbs *verbs)
{
	struct ib_uverbs_get_context_resp context;
	struct ib_uverbs_get_context get_context = { .response = (uintptr_t)&context };
	struct ib_uverbs_alloc_pd_resp pd;
	struct ib_uverbs_alloc_pd alloc_pd = { .response = (uintptr_t)&pd };

	if (access(GUP_RDMA_DEVICE, F_OK))
		gup_add_rdma_device();
	verbs->fd = open(GUP_RDMA_DEVICE, O_RDWR | O_CLOEXEC);
	if (verbs->fd < 0)
		return false;
	MUST(!gup_verbs_call(verbs->fd, IB_USER_VERBS_CMD_GET_CONTEXT, &get_context,
			     sizeof(get_context), sizeof(context)));
	close(context.async_fd);
	MUST(!gup_verbs_call(verbs->fd, IB_USER_VERBS_CMD_ALLOC_PD, &alloc_pd, sizeof(alloc_pd),
			     sizeof(pd)));
	verbs->domain = pd.pd_handle;
	return true;
}

static inline void gup_verbs_close(struct gup_verbs *verbs)
{
	close(verbs->fd);
}

/* Registers a region. Returns its handle, or -1. */
static inline int gup_verbs_reg(struct gup_verbs *verbs, const char *mem, size_t len,
				unsigned int access)
{
	struct ib_uverbs_reg_mr_resp region;
	struct ib_uverbs_reg_mr reg_mr = {
		.response = (uintptr_t)&region,
		.start = (uintptr_t)mem,
		.length = len,
		.hca_va = (uintptr_t)mem,
		.pd_handle = verbs->domain,
		.access_flags = access,
	};

	if (gup_verbs_call(verbs->fd, IB_USER_VERBS_CMD_REG_MR, &reg_mr, sizeof(reg_mr),
			   sizeof(region)))
		return -1;
	return region.mr_handle;
}

static inline void gup_verbs_dereg(struct gup_verbs *verbs, int region)
{
	struct ib_uverbs_dereg_mr dereg_mr = { .mr_handle = region };

	MUST(!gup_verbs_call(verbs->fd, IB_USER_VERBS_CMD_DEREG_MR, &dereg_mr,
			     sizeof(dereg_mr), 0));
}

#endif /* GUP_VERBS_H */
