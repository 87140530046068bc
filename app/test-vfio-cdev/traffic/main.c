/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sends packets between two ports that are linked, from and into every hugepage of
 * the EAL, and compares what comes back. Started by dpdk-test-vfio-cdev, which
 * reads what it writes to standard output: lines of JSON.
 *
 *	dpdk-test-vfio-cdev-traffic [EAL OPTION...] -- [SECONDS]
 */

#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "traffic.h"

/* Rings of both ports, and as much again on the way: with less they would starve. */
#define FEWEST_BUFFERS 256

static int
traffic_prepare(struct traffic *traffic, struct rte_mempool **pool, struct block_list *blocks,
		unsigned int *count)
{
	unsigned int buffers;
	int ret;

	ret = ports_find(traffic->ports, &traffic->limits);
	if (ret == 0)
		ret = pages_open(&traffic->pages);
	if (ret == 0)
		ret = pages_tx_blocks(&traffic->pages, blocks, count);
	if (ret < 0)
		return ret;
	*pool = pages_rx_pool(&traffic->pages, &buffers);
	if (*pool == NULL)
		return -ENOMEM;
	if (buffers < FEWEST_BUFFERS)
		return complain(ENOMEM, "%u pages have room for %u buffers only: more memory "
				"(-m) is needed", traffic->pages.count, buffers);
	return ports_start(traffic->ports, *pool, buffers, &traffic->limits);
}

static unsigned int
seconds_parse(int argc, char **argv)
{
	return argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
}

int
main(int argc, char **argv)
{
	static struct traffic traffic;
	struct rte_mempool *pool;
	struct block_list blocks;
	unsigned int count;
	int used, ret;

	used = rte_eal_init(argc, argv);
	if (used < 0)
		return 2;	/* the EAL has said why */
	report_ready();
	traffic.seconds = seconds_parse(argc - used, argv + used);
	traffic.session = rte_rdtsc();
	ret = traffic_prepare(&traffic, &pool, &blocks, &count);
	if (ret == 0)
		ret = traffic_run(&traffic, &blocks, count);
	if (ret == 0)
		report_result(&traffic);
	ports_close(traffic.ports);
	rte_eal_cleanup();
	return ret == 0 ? 0 : 2;
}
