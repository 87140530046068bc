/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * plain_driver [-e] [-m] [-p] [-w] [-n FRAMES] PCI-ADDRESS
 *
 * A driver of Intel's e1000 and e1000e that has nothing of DPDK: it opens VFIO's
 * container and group, finds its memory's address in /proc/self/pagemap and sends
 * frames. Prints what it has open and what becomes of its hugepage.
 *
 * -e	the address before the group is opened
 * -m	the page is moved between that and the group (with -e)
 * -p	pread() instead of lseek() and read()
 * -w	waits for the end of its standard input before it sends
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "huge.h"
#include "nic_e1000.h"
#include "proc.h"
#include "vfio_group.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PRESENT (UINT64_C(1) << 63)
#define PFN ((UINT64_C(1) << 55) - 1)

struct options {
	bool early;
	bool move;
	bool positioned;
	bool wait;
	unsigned int frames;
	const char *bdf;
};

static void __attribute__((noreturn)) give_up(const char *step, int error)
{
	printf("failed: %s: %s\n", step, strerror(error));
	exit(EXIT_FAILURE);
}

static uint64_t
address_find(const struct options *options, const void *va)
{
	const off_t offset = (uintptr_t)va / SMALL_PAGE * sizeof(uint64_t);
	const int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;
	ssize_t len;

	if (fd < 0)
		give_up("open of pagemap", errno);
	if (options->positioned)
		len = pread(fd, &entry, sizeof(entry), offset);
	else
		len = lseek(fd, offset, SEEK_SET) == offset ? read(fd, &entry, sizeof(entry)) : -1;
	if (len != sizeof(entry))
		give_up("read of pagemap", errno);
	close(fd);
	if ((entry & PRESENT) == 0 || (entry & PFN) == 0)
		give_up("physical address", ENXIO);
	return (entry & PFN) * SMALL_PAGE;
}

static void
fd_print(const char *what, int fd)
{
	char path[32], node[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, node, sizeof(node) - 1);
	node[len < 0 ? 0 : len] = '\0';
	printf("%s: %s\n", what, node);
}

static void
traffic_run(const struct options *options, const struct vfio_group *vfio, struct nic *nic)
{
	uint64_t len;
	int ret;

	nic->regs = vfio_map_bar(vfio->device, 0, &len);
	if (nic->regs == NULL)
		give_up("BAR 0", errno);
	ret = nic_reset(nic);
	if (ret < 0)
		give_up("reset", -ret);
	printf("sent: %u\n", nic_send(nic, 0, options->frames));
	munmap((void *)(uintptr_t)nic->regs, len);
}

static unsigned long
pinned(void)
{
	return proc_number("/proc/self/status", "VmPin:");
}

static void
driver_run(const struct options *options)
{
	const unsigned int before = huge_free();
	struct nic nic = { .memory = huge_new(1) };
	struct vfio_group vfio;
	int ret;

	if (nic.memory == NULL)
		give_up("hugepage", errno);
	if (options->early)
		nic.phys = address_find(options, nic.memory);
	if (options->early && options->move)
		printf("moved early: %d\n", page_move(nic.memory));
	ret = vfio_group_open(&vfio, options->bdf);
	if (ret < 0)
		give_up(vfio.step, -ret);
	if (!options->early)
		nic.phys = address_find(options, nic.memory);
	fd_print("container", vfio.container);
	fd_print("group", vfio.group);
	fd_print("device", vfio.device);
	printf("pinned: %lu\n", pinned());
	while (options->wait && getchar() != EOF)
		;
	traffic_run(options, &vfio, &nic);
	printf("moved: %d\n", page_move(nic.memory));
	munmap(nic.memory, HUGEPAGE);
	printf("pinned then: %lu, hugepages missing: %u\n", pinned(), before - huge_free());
	vfio_group_close(&vfio);
}

int
main(int argc, char **argv)
{
	struct options options = { .frames = 100 };
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "empwn:")) != -1) {
		options.early |= option == 'e';
		options.move |= option == 'm';
		options.positioned |= option == 'p';
		options.wait |= option == 'w';
		if (option == 'n')
			options.frames = strtoul(optarg, NULL, 10);
	}
	if (optind + 1 != argc)
		return EXIT_FAILURE;
	options.bdf = argv[optind];
	driver_run(&options);
	return EXIT_SUCCESS;
}
