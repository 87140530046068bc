/* SPDX-License-Identifier: BSD-3-Clause */

/* What is used of DPDK is the same in 22.11 and in 25.11. */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#include "forward.h"
#include "rights.h"

#define PORTS 2
#define POOL "forward"
#define MBUFS 4096
#define DESCRIPTORS 512 /* the fewest of vmxnet3 */
#define BURST 32
#define ROUNDS 256 /* between two looks at standard input */
#define BLOCK (1 << 20)
#define BLOCKS 256

struct port {
	bool reads;
	uint64_t received, sent;
};

static struct port ports[PORTS];
static void *blocks[BLOCKS];
static unsigned int block_count;

/* Mbufs are used in turn, without a cache, so that frames pass through all of them. */
static struct rte_mempool *
pool_get(void)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return rte_mempool_lookup(POOL);
	return rte_pktmbuf_pool_create(POOL, MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       (int)rte_socket_id());
}

static bool
port_start(uint16_t port, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = { 0 };

	return rte_eth_dev_configure(port, 1, 1, &conf) == 0 &&
		rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool) == 0 &&
		rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) == 0 &&
		rte_eth_dev_start(port) == 0 && rte_eth_promiscuous_enable(port) == 0;
}

static bool
ports_start(void)
{
	struct rte_mempool *pool = pool_get();
	bool started = pool != NULL;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return started;
	for (uint16_t i = 0; i < PORTS && started; i++)
		started = port_start(i, pool);
	return started;
}

static void
ports_stop(void)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return;
	for (uint16_t i = 0; i < PORTS; i++) {
		rte_eth_dev_stop(i);
		rte_eth_dev_close(i);
	}
}

static void
forward_burst(uint16_t from)
{
	const uint16_t to = (from + 1) % PORTS;
	struct rte_mbuf *packets[BURST];
	uint16_t count = rte_eth_rx_burst(from, 0, packets, BURST), done = 0;

	ports[from].received += count;
	while (done < count)
		done += rte_eth_tx_burst(to, 0, packets + done, count - done);
	ports[to].sent += count;
}

static int
page_print(const struct rte_memseg_list *list, const struct rte_memseg *page, void *data)
{
	(void)data;
	/* Memory of the program's own is none of the EAL's. */
	if (list->external == 0)
		printf("page 0x%lx 0x%lx %zu\n", (unsigned long)page->addr_64,
		       (unsigned long)page->iova, page->len);
	return 0;
}

static void
memory_grow(unsigned long mebibytes)
{
	for (unsigned long i = 0; i < mebibytes && block_count < BLOCKS; i++) {
		rte_errno = 0;
		blocks[block_count] = rte_malloc(NULL, BLOCK, 0);
		if (blocks[block_count] == NULL) {
			printf("no memory, rte_errno %d\n", rte_errno);
			return;
		}
		memset(blocks[block_count++], 0x5a, BLOCK);
	}
}

static void
memory_shrink(void)
{
	while (block_count > 0)
		rte_free(blocks[--block_count]);
}

/* Whether to go on. */
static bool
command_run(const char *line)
{
	if (strcmp(line, "memory") == 0)
		rte_memseg_walk(page_print, NULL);
	else if (strncmp(line, "grow ", 5) == 0)
		memory_grow(strtoul(line + 5, NULL, 10));
	else if (strcmp(line, "shrink") == 0)
		memory_shrink();
	else if (strncmp(line, "drop ", 5) == 0)
		printf("dropped by %u threads\n", rights_drop(strtoul(line + 5, NULL, 10)));
	else if (strncmp(line, "plug ", 5) == 0)
		printf("plugged: %d\n", rte_eal_hotplug_add("pci", line + 5, ""));
	else if (strcmp(line, "counts") == 0)
		for (int i = 0; i < PORTS; i++)
			printf("port %d: %lu received, %lu sent\n", i,
			       (unsigned long)ports[i].received, (unsigned long)ports[i].sent);
	else if (strcmp(line, "quit") == 0)
		return false;
	printf("done\n");
	return true;
}

static bool
command_poll(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	static char line[64];
	static size_t len;

	if (poll(&input, 1, 0) <= 0)
		return true;
	/* A character at a time: what follows the line is the next command. */
	if (len == sizeof(line) || read(STDIN_FILENO, line + len, 1) != 1)
		return false;
	if (line[len] != '\n') {
		len++;
		return true;
	}
	line[len] = '\0';
	len = 0;
	return command_run(line);
}

static void
forward_loop(void)
{
	do {
		for (int i = 0; i < ROUNDS; i++)
			for (uint16_t port = 0; port < PORTS; port++)
				if (ports[port].reads)
					forward_burst(port);
	} while (command_poll());
}

int
forward_run(int argc, char **argv)
{
	int used, status = 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	used = rte_eal_init(argc, argv);
	printf("eal: %s, ports: %u\n", used < 0 ? "failed" : "started", rte_eth_dev_count_avail());
	if (used < 0)
		return status;
	for (int i = 0; i < PORTS; i++)
		ports[i].reads = used + 1 >= argc;
	for (int i = used + 1; i < argc; i++)
		ports[strtoul(argv[i], NULL, 10) % PORTS].reads = true;
	if (rte_eth_dev_count_avail() == PORTS && ports_start()) {
		printf("forwarding\n");
		forward_loop();
		command_run("counts");
		ports_stop();
		status = 0;
	}
	rte_eal_cleanup();
	return status;
}
