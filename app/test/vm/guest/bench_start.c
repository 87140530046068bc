/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bench_start [EAL OPTION...]
 *
 * From exec to the first packet: two ports, linked to each other, of which one sends
 * until the other one has received. Becomes itself once more, so that the clock
 * starts before the loader does. LIBRARY in the environment is preloaded then.
 *
 * Prints nanoseconds: those that passed, and those of them that the process was running.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "bench.h"

#define STARTED "BENCH_STARTED"
#define MBUFS 2047
#define DESCRIPTORS 256
#define LEN 60
#define POLLS 1000 /* before another packet is sent: the link may have been down */

static double
cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void __attribute__((noreturn)) start_again(char **argv)
{
	const char *library = getenv("LIBRARY");
	char now[64];

	if (library != NULL)
		setenv("LD_PRELOAD", library, 1);
	snprintf(now, sizeof(now), "%.0f %.0f", bench_now(), cpu_now());
	setenv(STARTED, now, 1);
	execv("/proc/self/exe", argv);
	bench_give_up(BENCH_UNTRIED, "cannot exec");
}

static void
need(const char *step, int ret)
{
	if (ret < 0)
		bench_give_up(BENCH_FAILED, "%s: %s", step, rte_strerror(-ret));
}

static void
port_start(uint16_t port, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = { 0 };

	need("configure", rte_eth_dev_configure(port, 1, 1, &conf));
	need("receive queue", rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, 0, NULL, pool));
	need("transmit queue", rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, 0, NULL));
	need("start", rte_eth_dev_start(port));
	need("promiscuous", rte_eth_promiscuous_enable(port));
}

static void
packet_send(struct rte_mempool *pool)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
	struct rte_ether_hdr *header;

	if (packet == NULL)
		bench_give_up(BENCH_FAILED, "no mbuf");
	header = (struct rte_ether_hdr *)rte_pktmbuf_append(packet, LEN);
	memset(header, 0xff, LEN);
	header->ether_type = RTE_BE16(0x88b5);
	if (rte_eth_tx_burst(0, 0, &packet, 1) != 1)
		rte_pktmbuf_free(packet);
}

static void
packet_exchange(struct rte_mempool *pool)
{
	struct rte_mbuf *packet;

	for (unsigned int polls = 0;; polls++) {
		if (polls % POLLS == 0)
			packet_send(pool);
		if (rte_eth_rx_burst(1, 0, &packet, 1) == 1)
			break;
	}
	rte_pktmbuf_free(packet);
}

int
main(int argc, char **argv)
{
	const char *started = getenv(STARTED);
	struct rte_mempool *pool;
	double passed, cpu;

	if (started == NULL)
		start_again(argv);
	if (sscanf(started, "%lf %lf", &passed, &cpu) != 2)
		bench_give_up(BENCH_UNTRIED, STARTED "=%s", started);
	need("EAL", rte_eal_init(argc, argv));
	if (rte_eth_dev_count_avail() != 2)
		bench_give_up(BENCH_UNTRIED, "%u ports instead of 2", rte_eth_dev_count_avail());
	pool = rte_pktmbuf_pool_create("packets", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL)
		bench_give_up(BENCH_FAILED, "no mbufs: %s", rte_strerror(rte_errno));
	port_start(0, pool);
	port_start(1, pool);
	packet_exchange(pool);
	printf("%.0f %.0f\n", bench_now() - passed, cpu_now() - cpu);
	return rte_eal_cleanup();
}
