/* SPDX-License-Identifier: BSD-3-Clause */

/* The two ports: what they can do, and how they are started. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "traffic.h"

#define TX_DESCRIPTORS 128
#define PATIENCE_MS 60000 /* for a link, as dpdk-test-vfio-cdev has for that of testpmd */
#define STEP_MS 10

void
limit_largest(struct limits *limits, uint32_t largest, const char *format, ...)
{
	va_list args;

	if (largest >= limits->largest)
		return;
	limits->largest = largest;
	va_start(args, format);
	vsnprintf(limits->reason, sizeof(limits->reason), format, args);
	va_end(args);
}

static void
limits_narrow(struct limits *limits, unsigned int number, const struct rte_eth_dev_info *info)
{
	const unsigned int most = info->tx_desc_lim.nb_mtu_seg_max;

	if (info->max_mtu >= RTE_ETHER_MIN_MTU)
		limit_largest(limits, info->max_mtu + RTE_ETHER_HDR_LEN,
			      "port %u (%s) has an MTU of at most %u", number, info->driver_name,
			      info->max_mtu);
	if (info->max_rx_pktlen >= RTE_ETHER_MIN_LEN)
		limit_largest(limits, info->max_rx_pktlen - RTE_ETHER_CRC_LEN,
			      "port %u (%s) takes at most %u bytes", number, info->driver_name,
			      info->max_rx_pktlen);
	if ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0)
		limit_largest(limits, ONE_BUFFER,
			      "port %u (%s) does not receive into several mbufs", number,
			      info->driver_name);
	if ((info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) == 0)
		limits->pieces = 1;
	else if (most > 0)
		limits->pieces = RTE_MIN(limits->pieces, most);
}

int
ports_find(uint16_t ports[PORTS], struct limits *limits)
{
	struct rte_eth_dev_info info;
	unsigned int n = 0;
	uint16_t port;
	int ret;

	*limits = (struct limits){ .largest = LARGEST, .pieces = MOST_PIECES };
	RTE_ETH_FOREACH_DEV(port) {
		if (n == PORTS)
			break;
		ret = rte_eth_dev_info_get(port, &info);
		if (ret < 0)
			return complain(-ret, "cannot query what port %u can do", port);
		limits_narrow(limits, n, &info);
		ports[n++] = port;
	}
	return n == PORTS ? 0 : complain(ENODEV, "it takes two ports, and there are %u", n);
}

static int
port_configure(uint16_t port, const struct limits *limits)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	int ret;

	ret = rte_eth_dev_info_get(port, &info);
	if (ret < 0)
		return ret;
	conf.rxmode.mtu = limits->largest - RTE_ETHER_HDR_LEN;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	return rte_eth_dev_configure(port, 1, 1, &conf);
}

/* The MTU that a device reports and the one that it takes may differ. */
static int
ports_configure(const uint16_t ports[PORTS], struct limits *limits)
{
	int ret = 0;

	for (unsigned int i = 0; i < PORTS; i++) {
		ret = port_configure(ports[i], limits);
		if (ret >= 0)
			continue;
		if (limits->largest <= STANDARD)
			return complain(-ret, "cannot configure port %u", i);
		limit_largest(limits, STANDARD, "port %u refuses an MTU of %u: %s", i,
			      limits->largest - RTE_ETHER_HDR_LEN, strerror(-ret));
		return ports_configure(ports, limits);
	}
	return 0;
}

static int
port_start(uint16_t port, struct rte_mempool *pool, uint16_t descriptors)
{
	uint16_t rx = descriptors, tx = TX_DESCRIPTORS;
	int ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port, 0, rx, SOCKET_ID_ANY, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port, 0, tx, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(port);
	return ret;
}

/*
 * So that damaged headers come in. Packets come in without, too: testpmd goes on as well
 * (app/test-pmd/util.c, eth_set_promisc_mode()).
 */
static void
port_promiscuous(struct traffic *traffic, unsigned int i)
{
	static char text[PORTS][80];
	const int ret = rte_eth_promiscuous_enable(traffic->ports[i]);

	if (ret == 0)
		return;
	snprintf(text[i], sizeof(text[i]), "port %u is not in promiscuous mode: %s", i,
		 strerror(-ret));
	traffic->filtering = text[i];
}

static long long
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* A query takes time of its own, and more than a step if the firmware has to be asked. */
static bool
link_wait(uint16_t port)
{
	const long long end = clock_ms() + PATIENCE_MS;
	struct rte_eth_link link = { 0 };

	do {
		if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status != 0)
			return true;
		rte_delay_ms(STEP_MS);
	} while (clock_ms() < end);
	return false;
}

static int
port_begin(struct traffic *traffic, unsigned int i, struct rte_mempool *pool, uint16_t descriptors)
{
	int ret;

	ret = port_start(traffic->ports[i], pool, descriptors);
	if (ret < 0)
		return complain(-ret, "cannot start port %u", i);
	ret = rte_eth_macaddr_get(traffic->ports[i], &traffic->addrs[i]);
	if (ret < 0)
		return complain(-ret, "cannot get the address of port %u", i);
	port_promiscuous(traffic, i);
	return 0;
}

int
ports_start(struct traffic *traffic, struct rte_mempool *pool, unsigned int buffers)
{
	int ret;

	ret = ports_configure(traffic->ports, &traffic->limits);
	for (unsigned int i = 0; ret == 0 && i < PORTS; i++)
		ret = port_begin(traffic, i, pool, RTE_MIN(RX_DESCRIPTORS, buffers / PORTS / 2));
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < PORTS; i++)
		if (!link_wait(traffic->ports[i]))
			return complain(ENETDOWN, "port %u has no link", i);
	return 0;
}

void
ports_close(const uint16_t ports[PORTS])
{
	for (unsigned int i = 0; i < PORTS; i++) {
		rte_eth_dev_stop(ports[i]);
		rte_eth_dev_close(ports[i]);
	}
}
