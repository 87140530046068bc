/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sends packets between two ports that are linked, from and into every hugepage of
 * the EAL, and compares what comes back. Started by dpdk-test-vfio-cdev, which
 * reads what it writes to standard output: lines of JSON.
 *
 *	dpdk-test-vfio-cdev-traffic [EAL OPTION...] -- [SECONDS]
 *	dpdk-test-vfio-cdev-traffic [EAL OPTION...] -- late FROM-NODE TO-NODE [DEVICE...]
 *
 * The latter does what late.c is for, instead.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "traffic.h"

/* Rings of both ports, and as much again on the way: with less they would starve. */
#define FEWEST_BUFFERS 256

/* A pool of mbufs without a byte of their own, or NULL. */
static struct rte_mempool *
mbufs_make(void)
{
	struct rte_mempool *mbufs;

	mbufs = rte_pktmbuf_pool_create("traffic_tx", 2 * MOST_BLOCKS, 0, 0, 0, SOCKET_ID_ANY);
	if (mbufs == NULL)
		complain(rte_errno, "cannot create a pool of mbufs for sending");
	return mbufs;
}

static int
receivers_start(struct traffic *traffic)
{
	struct rte_mempool *pool;
	unsigned int buffers;

	pool = pages_rx_pool(&traffic->pages, &buffers);
	if (pool == NULL)
		return -ENOMEM;
	if (buffers < FEWEST_BUFFERS)
		return complain(ENOMEM,
				"%u pages have room for %u buffers only: more memory "
				"(-m) is needed",
				traffic->pages.count, buffers);
	return ports_start(traffic, pool, buffers);
}

/* What is started may want memory on another node, so that new pages come: look twice. */
static int
traffic_prepare(struct traffic *traffic, struct rte_mempool **mbufs, struct block_list *blocks)
{
	int ret;

	ret = ports_find(traffic->ports, &traffic->limits);
	if (ret == 0)
		ret = pages_open(&traffic->pages);
	if (ret == 0)
		ret = receivers_start(traffic);
	if (ret < 0)
		return ret;
	*mbufs = mbufs_make();
	if (*mbufs == NULL)
		return -ENOMEM;
	ret = pages_open(&traffic->pages);
	return ret == 0 ? pages_tx_blocks(&traffic->pages, blocks) : ret;
}

static unsigned int
seconds_parse(int argc, char **argv)
{
	return argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
}

static int
traffic_main(unsigned int seconds)
{
	static struct traffic traffic;
	struct rte_mempool *mbufs;
	struct block_list blocks;
	int ret;

	traffic.seconds = seconds;
	traffic.session = rte_rdtsc();
	ret = traffic_prepare(&traffic, &mbufs, &blocks);
	if (ret == 0) {
		traffic_run(&traffic, &blocks, mbufs);
		report_result(&traffic);
	}
	ports_close(traffic.ports);
	return ret;
}

int
main(int argc, char **argv)
{
	int used, ret;

	used = rte_eal_init(argc, argv);
	if (used < 0)
		return 2; /* the EAL has printed why */
	report_ready();
	argc -= used;
	argv += used;
	if (argc > 1 && strcmp(argv[1], "late") == 0)
		ret = late_run(argc - 2, argv + 2);
	else
		ret = traffic_main(seconds_parse(argc, argv));
	rte_eal_cleanup();
	return ret == 0 ? 0 : 2;
}
