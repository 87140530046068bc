/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * rxintr [EAL OPTION...] -- ROUNDS
 *
 * Port 0 sleeps until an Rx interrupt wakes it, port 1 sends a packet a round.
 * Prints how often it was woken with and without a packet.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#define QUIET_MS 20
#define WAKE_MS 60000
#define LINK_TRIES 1200
#define PACKET_LEN 60

static bool
port_start(uint16_t port, struct rte_mempool *pool, bool rx_interrupt)
{
	struct rte_eth_conf conf = { .intr_conf = { .rxq = rx_interrupt } };

	return rte_eth_dev_configure(port, 1, 1, &conf) == 0 &&
		rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, pool) == 0 &&
		rte_eth_tx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL) == 0 &&
		rte_eth_dev_start(port) == 0 && rte_eth_promiscuous_enable(port) == 0;
}

static bool
link_wait(uint16_t port)
{
	struct rte_eth_link link = { 0 };
	int i;

	for (i = 0; i < LINK_TRIES; i++) {
		if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status)
			return true;
		rte_delay_ms(50);
	}
	return false;
}

static bool
packet_send(uint16_t port, struct rte_mempool *pool)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
	char *data = packet != NULL ? rte_pktmbuf_append(packet, PACKET_LEN) : NULL;

	if (data == NULL)
		return false;
	memset(data, 0xff, PACKET_LEN);
	return rte_eth_tx_burst(port, 0, &packet, 1) == 1;
}

static unsigned int
drain(uint16_t port)
{
	struct rte_mbuf *packets[32];
	unsigned int count, sum = 0;

	while ((count = rte_eth_rx_burst(port, 0, packets, RTE_DIM(packets))) > 0) {
		rte_pktmbuf_free_bulk(packets, count);
		sum += count;
	}
	return sum;
}

/* As l3fwd-power does it: enabled to sleep, disabled to poll. */
static bool
woken(uint16_t port, int timeout)
{
	struct rte_epoll_event event;
	int count = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, timeout);

	if (count == 1)
		rte_eth_dev_rx_intr_disable(port, 0);
	return count == 1;
}

/* A packet a round; 0 if the interrupt can be had. */
static int
rounds_run(unsigned int rounds, struct rte_mempool *pool)
{
	unsigned int i, idle = 0, woke = 0, received = 0;
	int ret = rte_eth_dev_rx_intr_ctl_q(0, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL);

	for (i = 0; i < rounds && ret == 0; i++) {
		drain(0);
		ret = rte_eth_dev_rx_intr_enable(0, 0);
		idle += woken(0, QUIET_MS);
		if (!packet_send(1, pool))
			return -1;
		woke += woken(0, WAKE_MS);
		received += drain(0);
	}
	printf("ret=%d idle=%u woken=%u received=%u\n", ret, idle, woke, received);
	return ret;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	struct rte_mempool *pool;
	bool passed;

	if (used < 0 || used + 2 != argc || rte_eth_dev_count_avail() != 2) {
		fprintf(stderr, "rxintr: no EAL, not two ports, or no -- ROUNDS\n");
		return EXIT_FAILURE;
	}
	pool = rte_pktmbuf_pool_create("packets", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	passed = pool != NULL && port_start(0, pool, true) && port_start(1, pool, false) &&
		link_wait(0) && link_wait(1) && rounds_run(atoi(argv[used + 1]), pool) == 0;
	rte_eth_dev_stop(0);
	rte_eth_dev_stop(1);
	rte_eal_cleanup();
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
