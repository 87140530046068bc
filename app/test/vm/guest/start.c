/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A small DPDK application: starts the EAL and prints which VFIO nodes it has open
 * then. The environment can add to it:
 *
 * CHILD=use	a forked child does what would spoil the parent's devices
 * CHILD=exec	another one becomes "ls -l /proc/self/fd"
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "proc.h"

#define PAYLOAD (64 << 10)
#define PAGE 4096

static void
nodes_print(void)
{
	char path[32], node[64];
	ssize_t len;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, node, sizeof(node) - 1);
		if (len <= 0)
			continue;
		node[len] = '\0';
		if (strncmp(node, "/dev/vfio/", 10) == 0 || strcmp(node, "/dev/iommu") == 0)
			printf("node: %s\n", node);
	}
}

/* kB that the kernel counts as pinned. */
static unsigned long
pinned(void)
{
	return proc_number("/proc/self/status", "VmPin:");
}

static void
child_use(const struct rte_memseg *ms)
{
	void *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	printf("child address: %s\n", rte_mem_virt2iova(own) == RTE_BAD_IOVA ? "none" : "given");
	printf("child map: %d\n",
	       rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)own, 0, PAGE));
	printf("child unmap: %d\n",
	       rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, ms->addr_64, ms->iova,
					    ms->len));
}

/* The child ends by exit(), with all that runs then. */
static void
child_run(const char *what, const struct rte_memseg *ms)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0 && strcmp(what, "exec") == 0) {
		execlp("ls", "ls", "-l", "/proc/self/fd", NULL);
		_exit(1);
	}
	if (pid == 0) {
		alarm(30);
		child_use(ms);
		exit(0);
	}
	waitpid(pid, &status, 0);
	printf("child: %d\n", status);
}

static void
parent_compare(const char *what)
{
	char *payload = rte_malloc("payload", PAYLOAD, PAGE);
	const struct rte_memseg *ms = rte_mem_virt2memseg(payload, NULL);
	const unsigned long before = pinned();
	const rte_iova_t iova = rte_mem_virt2iova(payload);
	unsigned int spoiled = 0;

	if (payload == NULL || ms == NULL)
		return;
	memset(payload, 0x5a, PAYLOAD);
	child_run(what, ms);
	for (size_t i = 0; i < PAYLOAD; i++)
		spoiled += payload[i] != 0x5a;
	printf("parent: pinned %lu then %lu, spoiled %u, address %s\n", before, pinned(), spoiled,
	       iova != RTE_BAD_IOVA && iova == rte_mem_virt2iova(payload) ? "kept" : "lost");
}

int
main(int argc, char **argv)
{
	const char *child = getenv("CHILD");

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("eal: %s\n", rte_eal_init(argc, argv) < 0 ? "failed" : "started");
	nodes_print();
	if (child != NULL)
		parent_compare(child);
	return 0;
}
