// SPDX-License-Identifier: GPL-2.0
/*
 * The example of Documentation/fault-injection/gup.rst: a user of pin_user_pages()
 * that loses pins if a call comes back short. It gives 4 MiB of its memory to a
 * simulated vDPA device, by vhost-vdpa, closes the device, and prints how many pins
 * are left.
 *
 *	gup_vdpa [hole]
 *
 * With "hole" a page of the memory is missing, so that a call comes back short without
 * fault injection.
 *
 * It needs root, CONFIG_VDPA_SIM_BLOCK, CONFIG_VHOST_VDPA, and vdpa_sim.use_va=0 on the
 * command line of the kernel: what uses physical addresses has to pin.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/vdpa.h>
#include <linux/vhost.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGES	1024	/* vhost-vdpa pins 512 in one call */
#define HOLE	612

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* Netlink, just enough to make a device */

struct message {
	struct nlmsghdr head;
	struct genlmsghdr gen;
	char data[256];
};

static void add_text(struct message *msg, int type, const char *text)
{
	struct nlattr *attr = (void *)msg + NLMSG_ALIGN(msg->head.nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + strlen(text) + 1;
	strcpy((char *)attr + NLA_HDRLEN, text);
	msg->head.nlmsg_len = NLMSG_ALIGN(msg->head.nlmsg_len) + NLA_ALIGN(attr->nla_len);
}

static struct message message(int family, int cmd, int version)
{
	return (struct message) {
		.head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		.head.nlmsg_type = family,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.gen.cmd = cmd,
		.gen.version = version,
	};
}

/* Sends a message, and returns what comes back. */
static struct message ask(int sock, const struct message *msg)
{
	struct message answer = {};

	must(send(sock, msg, msg->head.nlmsg_len, 0) == msg->head.nlmsg_len, "netlink");
	must(recv(sock, &answer, sizeof(answer), 0) > 0, "netlink");
	return answer;
}

static int find_family(int sock, const char *name)
{
	struct message msg = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1), answer;
	struct nlattr *attr;
	char ack[512];

	add_text(&msg, CTRL_ATTR_FAMILY_NAME, name);
	answer = ask(sock, &msg);
	for (attr = (void *)answer.data;
	     (char *)attr < (char *)&answer + sizeof(answer) && attr->nla_len;
	     attr = (void *)attr + NLA_ALIGN(attr->nla_len)) {
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID) {
			must(recv(sock, ack, sizeof(ack), 0) > 0, "netlink");
			return *(uint16_t *)((char *)attr + NLA_HDRLEN);
		}
	}
	errno = ENODEV;
	must(0, "needs CONFIG_VDPA");
	return 0;
}

static void make_device(void)
{
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	struct message msg, answer;

	must(sock >= 0, "netlink");
	msg = message(find_family(sock, VDPA_GENL_NAME), VDPA_CMD_DEV_NEW, VDPA_GENL_VERSION);
	add_text(&msg, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpasim_blk");
	add_text(&msg, VDPA_ATTR_DEV_NAME, "gup");
	answer = ask(sock, &msg);
	errno = -((struct nlmsgerr *)&answer.gen)->error;
	must(!errno || errno == EEXIST, "needs CONFIG_VDPA_SIM_BLOCK");
	close(sock);
}

/* Memory whose pages do not follow each other physically. */
static char *scattered(size_t page)
{
	char *mem = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(mem != MAP_FAILED, "mmap");
	madvise(mem, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i += 2)
		mem[i * page] = 1;
	for (size_t i = 1; i < PAGES; i += 2)
		mem[i * page] = 1;
	return mem;
}

static long counter(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "r");
	char found[64];
	long value;

	must(!!f, "/proc/vmstat");
	while (fscanf(f, "%63s %ld", found, &value) == 2 && strcmp(found, name))
		;
	fclose(f);
	return value;
}

static long pins_held(void)
{
	FILE *f = fopen("/proc/sys/vm/stat_refresh", "w");

	/* The counters are per CPU. */
	if (f) {
		fputs("1", f);
		fclose(f);
	}
	return counter("nr_foll_pin_acquired") - counter("nr_foll_pin_released");
}

/* Returns what became of it. */
static const char *map(int device, char *mem, size_t len)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb.type = VHOST_IOTLB_UPDATE,
		.iotlb.perm = VHOST_ACCESS_RW,
		.iotlb.size = len,
		.iotlb.uaddr = (uintptr_t)mem,
	};

	return write(device, &msg, sizeof(msg)) == sizeof(msg) ? "done" : strerror(errno);
}

int main(int argc, char **argv)
{
	uint64_t features = 1ull << VHOST_BACKEND_F_IOTLB_MSG_V2;
	size_t page = sysconf(_SC_PAGESIZE);
	long before = pins_held();
	const char *result;
	char *mem;
	int device;

	make_device();
	device = open("/dev/vhost-vdpa-0", O_RDWR);
	must(device >= 0, "/dev/vhost-vdpa-0");
	must(!ioctl(device, VHOST_SET_OWNER), "VHOST_SET_OWNER");
	must(!ioctl(device, VHOST_SET_BACKEND_FEATURES, &features), "VHOST_SET_BACKEND_FEATURES");
	mem = scattered(page);
	if (argc > 1 && !strcmp(argv[1], "hole"))
		must(!munmap(mem + HOLE * page, page), "munmap");
	result = map(device, mem, PAGES * page);
	printf("map %d pages: %s\n", PAGES, result);
	close(device);
	printf("pins: %ld before, %ld after the device was closed\n", before, pins_held());
	return 0;
}
