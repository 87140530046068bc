/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev-traffic on two ports that are rings of this process, crosswise. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include "asserts.h"
#include "traffic.h"

#define BLOCKS 512
#define STALL_MS 2200 /* longer than a packet is waited for */

static char runtime[] = "/tmp/test-exchange-XXXXXX";
static struct traffic traffic;
static struct block_list blocks;
static struct rte_mempool *mbufs;
static struct rte_mempool *pool;      /* to receive into: rings pass on what was sent */
static struct rte_ring *rings[PORTS]; /* that the port receives from */

/* What the functions below do in place of the EAL's. */
static int promiscuous; /* 0 or -errno */
static unsigned int waited_ms, link_after_ms;
static unsigned int link_query_ms; /* that a query takes, as by a mailbox of the firmware */

int
rte_eth_promiscuous_enable(uint16_t port)
{
	(void)port;
	return promiscuous;
}

int
rte_eth_macaddr_get(uint16_t port, struct rte_ether_addr *addr)
{
	*addr = (struct rte_ether_addr){ { 0x52, 0x54, 0, 0, 7, port } };
	return 0;
}

int
rte_eth_link_get_nowait(uint16_t port, struct rte_eth_link *link)
{
	(void)port;
	waited_ms += link_query_ms;
	*link = (struct rte_eth_link){ .link_status = waited_ms >= link_after_ms };
	return 0;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	const int ret = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += waited_ms / 1000;
	return ret;
}

static void
delay_fake(unsigned int us)
{
	waited_ms += us / 1000;
}

static void
delay_real(unsigned int us)
{
	usleep(us);
}

static void
blocks_make(void)
{
	uint8_t *memory = calloc(BLOCKS, TX_BLOCK);
	struct block *block = calloc(BLOCKS, sizeof(*block));

	assert_non_null(memory);
	assert_non_null(block);
	STAILQ_INIT(&blocks);
	for (unsigned int i = 0; i < BLOCKS; i++) {
		block[i].va = memory + (size_t)i * TX_BLOCK;
		STAILQ_INSERT_TAIL(&blocks, &block[i], next);
	}
}

static int
begin(void **state)
{
	char *argv[] = { (char[]){ "test" },
			 (char[]){ "--no-huge" },
			 (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" },
			 (char[]){ "--no-shconf" },
			 (char[]){ "--lcores=0" },
			 (char[]){ "--log-level=error" } };
	int port;

	(void)state;
	assert_non_null(mkdtemp(runtime));
	assert_int_equal(setenv("RUNTIME_DIRECTORY", runtime, 1), 0);
	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		return -1;
	rings[0] = rte_ring_create("first", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	rings[1] = rte_ring_create("second", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	mbufs = rte_pktmbuf_pool_create("mbufs", 2 * BLOCKS, 0, 0, 0, SOCKET_ID_ANY);
	pool = rte_pktmbuf_pool_create("pool", 64, 0, 0, RX_BLOCK, SOCKET_ID_ANY);
	assert_non_null(mbufs);
	assert_non_null(pool);
	for (unsigned int i = 0; i < PORTS; i++) {
		port = rte_eth_from_rings(i == 0 ? "one" : "two", &rings[i], 1, &rings[1 - i], 1,
					  0);
		assert_return_code(port, rte_errno);
		traffic.ports[i] = (uint16_t)port;
	}
	blocks_make();
	return 0;
}

static int
end(void **state)
{
	char path[64];

	(void)state;
	rte_delay_us_callback_register(delay_real);
	ports_close(traffic.ports);
	rte_eal_cleanup();
	/* The EAL leaves directories. */
	snprintf(path, sizeof(path), "%s/dpdk/rte", runtime);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(runtime);
}

static void
ports_stop(void)
{
	for (unsigned int i = 0; i < PORTS; i++)
		rte_eth_dev_stop(traffic.ports[i]);
}

static int
start(void)
{
	const struct limits limits = { .largest = 1500, .pieces = MOST_PIECES };

	ports_stop();
	traffic.limits = limits;
	traffic.filtering = NULL;
	memset(&traffic.counts, 0, sizeof(traffic.counts));
	traffic.seconds = 1;
	traffic.session = 5;
	return ports_start(&traffic, pool, 1024);
}

/* testpmd's has 60 s, too. */
static void
link_may_take_as_long_as_for_testpmd(void **state)
{
	(void)state;
	rte_delay_us_callback_register(delay_fake);
	promiscuous = -ENOTSUP;
	link_after_ms = 55000;
	assert_int_equal(start(), 0);
	assert_non_null(traffic.filtering);
	assert_non_null(strstr(traffic.filtering, "is not in promiscuous mode: "));
	waited_ms = 0;
	link_after_ms = 70000;
	promiscuous = 0;
	assert_int_equal(start(), -ENETDOWN);
	assert_null(traffic.filtering);
	waited_ms = 0;
	link_after_ms = 0;
	rte_delay_us_callback_register(delay_real);
}

static void
link_is_waited_for_by_the_clock(void **state)
{
	(void)state;
	rte_delay_us_callback_register(delay_fake);
	link_query_ms = 490;
	link_after_ms = 55000;
	assert_int_equal(start(), 0);
	waited_ms = 0;
	link_after_ms = UINT_MAX;
	assert_int_equal(start(), -ENETDOWN);
	assert_in_range(waited_ms, 60000, 62000);
	waited_ms = link_query_ms = 0;
	link_after_ms = 0;
	rte_delay_us_callback_register(delay_real);
}

static eth_tx_burst_t tx_burst;
static eth_rx_burst_t rx_burst;
static unsigned int misaddressed, stalls;

static uint16_t
tx_look(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	const struct rte_ether_hdr *ether;

	for (uint16_t i = 0; i < count; i++) {
		ether = rte_pktmbuf_mtod(packets[i], const struct rte_ether_hdr *);
		misaddressed += !rte_is_same_ether_addr(&ether->src_addr, &traffic.addrs[0]) ||
			!rte_is_same_ether_addr(&ether->dst_addr, &traffic.addrs[1]);
	}
	return tx_burst(queue, packets, count);
}

/* Once, when all that may be on its way is there. */
static uint16_t
rx_stall(void *queue, struct rte_mbuf **packets, uint16_t count)
{
	if (stalls == 0 && rte_ring_count(rings[1]) == WINDOW) {
		stalls++;
		usleep(STALL_MS * 1000);
	}
	return rx_burst(queue, packets, count);
}

static void
packets_that_wait_in_the_ring_are_not_lost(void **state)
{
	(void)state;
	assert_int_equal(start(), 0);
	tx_burst = rte_eth_fp_ops[traffic.ports[0]].tx_pkt_burst;
	rx_burst = rte_eth_fp_ops[traffic.ports[1]].rx_pkt_burst;
	rte_eth_fp_ops[traffic.ports[0]].tx_pkt_burst = tx_look;
	rte_eth_fp_ops[traffic.ports[1]].rx_pkt_burst = rx_stall;
	traffic_run(&traffic, &blocks, mbufs);
	assert_int_equal(stalls, 1);
	assert_null(traffic.silent);
	assert_int_equal(traffic.damages.count, 0);
	assert_int_equal(traffic.counts.lost, 0);
	assert_true(traffic.counts.sent > WINDOW);
	assert_int_equal(traffic.counts.received, traffic.counts.sent);
	/* A port that is not in promiscuous mode gets them. */
	assert_int_equal(misaddressed, 0);
}

static void
page_without_room_is_not_waited_for(void **state)
{
	uint8_t room[1];
	struct page pages[] = {
		{ .va = 1, .len = 1, .room = room, .sent = 1, .received = 1 },
		{ .va = 2, .len = 1 },
	};
	const uint64_t before = rte_get_timer_cycles();

	(void)state;
	assert_int_equal(start(), 0);
	traffic.pages = (struct pages){ pages, RTE_DIM(pages) };
	traffic_run(&traffic, &blocks, mbufs);
	traffic.pages = (struct pages){ 0 };
	assert_null(traffic.silent);
	assert_true(traffic.counts.sent > 0);
	/* A page with room that was not covered is waited for, 30 seconds more. */
	assert_true((rte_get_timer_cycles() - before) / rte_get_timer_hz() < 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_may_take_as_long_as_for_testpmd),
		cmocka_unit_test(link_is_waited_for_by_the_clock),
		cmocka_unit_test(packets_that_wait_in_the_ring_are_not_lost),
		cmocka_unit_test(page_without_room_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
