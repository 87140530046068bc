/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Send and receive packets whose data is in 4 KiB pages of the application, not
 * in hugepages.
 *
 *	port 0 --- sends from --> struct area tx    mmap(), pinned
 *	port 1 --- writes to ---> struct area rx    the same
 *
 * Packets are numbered, have a checksum, and are compared byte by byte. The two
 * ports must be linked: by a cable, a switch or, in a virtual machine, a hub.
 * area.c manages the memory, this file uses it.
 *
 * Only the functions rte_bus_vfio_cdev_*() and rte_vfio_cdev_*() are not DPDK's.
 * Link the backend before DPDK, so that its functions override the EAL's:
 *
 *	cc -o pin area.c main.c $(pkg-config --cflags --libs librte_bus_vfio_cdev libdpdk)
 */

/* For rte_pktmbuf_pool_create_extbuf() of DPDK 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <rte_bus_vfio_cdev.h>

#include "area.h"

#define DESCRIPTORS 256
#define BURST 32
#define IN_FLIGHT 64 /* few enough that none is dropped */
#define PATIENCE_S 10
#define PACKET_MIN RTE_ETHER_MIN_LEN
#define PACKET_MAX (RTE_ETHER_MAX_LEN - RTE_ETHER_CRC_LEN)
#define ETHER_TYPE 0x88b5 /* IEEE 802, for experiments */

/* After the Ethernet header. seq alone determines the whole packet. */
struct number {
	rte_be64_t seq;
	rte_be16_t cksum; /* of the bytes after this header */
} __attribute__((packed));

#define HEADERS_LEN (sizeof(struct rte_ether_hdr) + sizeof(struct number))

/* The state of the program. */
struct pin {
	uint64_t packets; /* wanted */
	struct area tx, rx;
	struct buffer *buffers; /* of tx */
	struct buffer *unused;	/* free ones of these */
	unsigned int n_buffers, n_unused;
	struct rte_mempool *tx_mbufs, *rx_mbufs;
	uint16_t ports[2];
	unsigned int n_configured;
	struct rte_ether_addr src, dst;
	uint64_t sent, received, bad, bytes;
	uint64_t next; /* the next expected seq */
};

/*
 * Sending: an mbuf without a data room borrows a buffer.
 */

static void
buffer_put(struct pin *pin, struct buffer *buffer)
{
	buffer->next = pin->unused;
	pin->unused = buffer;
	pin->n_unused++;
}

static struct buffer *
buffer_get(struct pin *pin)
{
	struct buffer *buffer = pin->unused;

	if (buffer != NULL) {
		pin->unused = buffer->next;
		pin->n_unused--;
	}
	return buffer;
}

static struct pin the_pin;

/*
 * The mbuf was freed: the driver does not use the buffer any more. Called by the
 * sending thread; with more threads the list would need a lock.
 */
static void
buffer_done(void *va, void *buffer)
{
	(void)va;
	buffer_put(&the_pin, buffer);
}

static int
tx_create(struct pin *pin)
{
	unsigned int i;

	pin->n_buffers = area_cut(&pin->tx, NULL);
	pin->buffers = calloc(pin->n_buffers, sizeof(*pin->buffers));
	if (pin->buffers == NULL)
		return complain("keep book of buffers", ENOMEM);
	area_cut(&pin->tx, pin->buffers);
	for (i = 0; i < pin->n_buffers; i++) {
		pin->buffers[i].shinfo.free_cb = buffer_done;
		pin->buffers[i].shinfo.fcb_opaque = &pin->buffers[i];
		buffer_put(pin, &pin->buffers[i]);
	}
	/* Headers only: a data room of 0 bytes. */
	pin->tx_mbufs = rte_pktmbuf_pool_create("tx_mbufs", pin->n_buffers, 0, 0, 0, SOCKET_ID_ANY);
	return pin->tx_mbufs != NULL ? 0 : complain("create a pool for sending", rte_errno);
}

/* An mbuf with its data in a buffer; NULL if the driver has all buffers. */
static struct rte_mbuf *
tx_alloc(struct pin *pin)
{
	struct buffer *buffer;
	struct rte_mbuf *m;

	m = rte_pktmbuf_alloc(pin->tx_mbufs);
	if (m == NULL)
		return NULL;
	buffer = buffer_get(pin);
	if (buffer == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	rte_mbuf_ext_refcnt_set(&buffer->shinfo, 1);
	rte_pktmbuf_attach_extbuf(m, buffer->va, buffer->iova, BUFFER_LEN, &buffer->shinfo);
	return m;
}

/*
 * Receiving: the mbufs of a pool have permanent buffers in the pinned pages.
 */

static int
rx_create(struct pin *pin)
{
	struct rte_pktmbuf_extmem *segments;
	unsigned int i, n = 0;
	uint8_t *va = pin->rx.va;

	segments = calloc(pin->rx.n_extents, sizeof(*segments));
	if (segments == NULL)
		return complain("keep book of extents", ENOMEM);
	/* The pool cuts a segment like area_cut(); each must have room for a buffer. */
	for (i = 0; i < pin->rx.n_extents; i++) {
		const struct rte_vfio_cdev_extent *extent = &pin->rx.extents[i];

		if (extent->len >= BUFFER_LEN)
			segments[n++] = (struct rte_pktmbuf_extmem){
				.buf_ptr = va,
				.buf_iova = extent->iova,
				.buf_len = extent->len,
				.elt_size = BUFFER_LEN,
			};
		va += extent->len;
	}
	pin->rx_mbufs = rte_pktmbuf_pool_create_extbuf("rx_mbufs", area_cut(&pin->rx, NULL), 0, 0,
						       BUFFER_LEN, SOCKET_ID_ANY, segments, n);
	free(segments);
	return pin->rx_mbufs != NULL ? 0 : complain("create a pool for receiving", rte_errno);
}

/*
 * Packets.
 */

/* Write packet number seq. Returns its length, which varies. */
static uint16_t
packet_write(const struct pin *pin, uint64_t seq, uint8_t *to)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)to;
	struct number *number = (struct number *)(ether + 1);
	uint16_t i, len = PACKET_MIN + seq * 37 % (PACKET_MAX - PACKET_MIN + 1);
	uint64_t state = seq;

	ether->dst_addr = pin->dst;
	ether->src_addr = pin->src;
	ether->ether_type = rte_cpu_to_be_16(ETHER_TYPE);
	for (i = HEADERS_LEN; i < len; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		to[i] = state >> 56;
	}
	number->seq = rte_cpu_to_be_64(seq);
	number->cksum = rte_cpu_to_be_16(rte_raw_cksum(to + HEADERS_LEN, len - HEADERS_LEN));
	return len;
}

/* Was it sent by this program? There may be other senders. */
static bool
packet_is_ours(const uint8_t *packet, uint32_t len)
{
	const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)packet;

	return len >= PACKET_MIN && ether->ether_type == rte_cpu_to_be_16(ETHER_TYPE);
}

/* Check the checksum, order, length and every byte of a packet. */
static bool
packet_is_good(struct pin *pin, const uint8_t *packet, uint32_t len)
{
	static uint8_t wanted[BUFFER_LEN];
	const struct number *number = (const struct number *)(packet +
							      sizeof(struct rte_ether_hdr));
	uint64_t seq = rte_be_to_cpu_64(number->seq);

	if (rte_be_to_cpu_16(number->cksum) !=
	    rte_raw_cksum(packet + HEADERS_LEN, len - HEADERS_LEN))
		return false;
	if (seq < pin->next || seq >= pin->sent)
		return false;
	pin->next = seq + 1;
	return packet_write(pin, seq, wanted) == len && memcmp(packet, wanted, len) == 0;
}

static void
packet_take(struct pin *pin, const struct rte_mbuf *m)
{
	static uint8_t flat[UINT16_MAX];
	const uint8_t *packet;

	/* Some devices receive into several mbufs; a single one needs no copy. */
	if (m->pkt_len > sizeof(flat))
		return;
	packet = rte_pktmbuf_read(m, 0, m->pkt_len, flat);
	if (packet == NULL || !packet_is_ours(packet, m->pkt_len))
		return;
	pin->received++;
	pin->bytes += m->pkt_len;
	if (!packet_is_good(pin, packet, m->pkt_len))
		pin->bad++;
}

/*
 * Ports.
 */

static int
port_setup(uint16_t port, struct rte_mempool *pool)
{
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	struct rte_eth_conf conf = { 0 };
	int ret;

	ret = rte_eth_dev_configure(port, 1, 1, &conf);
	if (ret < 0)
		return complain("configure a port", -ret);
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx);
	if (ret < 0)
		return complain("choose the size of a port's rings", -ret);
	ret = rte_eth_rx_queue_setup(port, 0, rx, SOCKET_ID_ANY, NULL, pool);
	if (ret < 0)
		return complain("set up a port for receiving", -ret);
	ret = rte_eth_tx_queue_setup(port, 0, tx, SOCKET_ID_ANY, NULL);
	if (ret < 0)
		return complain("set up a port for sending", -ret);
	ret = rte_eth_dev_start(port);
	return ret < 0 ? complain("start a port", -ret) : 0;
}

static int
port_await_link(uint16_t port)
{
	struct rte_eth_link link;
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_S * 1000; ms += 10) {
		if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status)
			return 0;
		rte_delay_ms(10);
	}
	return complain("see a link on a port", ETIMEDOUT);
}

/* Both ports receive into the same pool, so all payload is in pinned pages. */
static int
ports_start(struct pin *pin)
{
	unsigned int i;
	int ret;

	for (i = 0; i < RTE_DIM(pin->ports); i++) {
		pin->n_configured++;
		ret = port_setup(pin->ports[i], pin->rx_mbufs);
		if (ret < 0)
			return ret;
	}
	for (i = 0; i < RTE_DIM(pin->ports); i++) {
		ret = port_await_link(pin->ports[i]);
		if (ret < 0)
			return ret;
	}
	rte_eth_macaddr_get(pin->ports[0], &pin->src);
	rte_eth_macaddr_get(pin->ports[1], &pin->dst);
	return 0;
}

/* After the close the devices use no memory, and all mbufs are freed. */
static int
ports_close(struct pin *pin)
{
	int ret, err = 0;

	while (pin->n_configured > 0) {
		uint16_t port = pin->ports[--pin->n_configured];

		ret = rte_eth_dev_stop(port);
		if (ret == 0)
			ret = rte_eth_dev_close(port);
		if (ret < 0)
			err = complain("stop a port", -ret);
	}
	return err;
}

/*
 * Traffic.
 */

static void
traffic_send(struct pin *pin)
{
	struct rte_mbuf *burst[BURST];
	uint16_t n, done;

	for (n = 0;
	     n < BURST && pin->sent + n < pin->packets && pin->sent + n < pin->received + IN_FLIGHT;
	     n++) {
		burst[n] = tx_alloc(pin);
		if (burst[n] == NULL)
			break;
		burst[n]->data_len = packet_write(pin, pin->sent + n,
						  rte_pktmbuf_mtod(burst[n], uint8_t *));
		burst[n]->pkt_len = burst[n]->data_len;
	}
	done = rte_eth_tx_burst(pin->ports[0], 0, burst, n);
	pin->sent += done;
	rte_pktmbuf_free_bulk(burst + done, n - done);
}

static uint16_t
traffic_receive(struct pin *pin)
{
	struct rte_mbuf *burst[BURST];
	uint16_t i, n;

	/* Discard packets of port 0, so that its ring does not fill up. */
	n = rte_eth_rx_burst(pin->ports[0], 0, burst, BURST);
	rte_pktmbuf_free_bulk(burst, n);
	n = rte_eth_rx_burst(pin->ports[1], 0, burst, BURST);
	for (i = 0; i < n; i++)
		packet_take(pin, burst[i]);
	rte_pktmbuf_free_bulk(burst, n);
	return n;
}

static int
traffic_run(struct pin *pin)
{
	uint64_t patience = PATIENCE_S * rte_get_timer_hz();
	uint64_t last = rte_get_timer_cycles();

	while (pin->received < pin->packets) {
		traffic_send(pin);
		if (traffic_receive(pin) > 0)
			last = rte_get_timer_cycles();
		else if (rte_get_timer_cycles() - last > patience)
			return complain("receive what was sent", ETIMEDOUT);
	}
	return 0;
}

/*
 * The whole.
 */

static int
ports_find(struct pin *pin)
{
	unsigned int n = 0;
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port) {
		if (n < RTE_DIM(pin->ports))
			pin->ports[n++] = port;
	}
	if (n == RTE_DIM(pin->ports))
		return 0;
	fprintf(stderr,
		"pin: cannot go on with %u ports, it takes two: bind two devices to "
		"vfio-pci and allow them (-a); the EAL has logged why it refused one\n",
		n);
	return -ENODEV;
}

/* In the domain of the devices that the EAL has set up. */
static int
memory_pin(struct pin *pin)
{
	struct rte_vfio_cdev_domain *domain;
	int ret;

	ret = rte_bus_vfio_cdev_domain(&domain);
	if (ret < 0) {
		complain("pin memory for the devices", -ret);
		fprintf(stderr,
			"pin: none of them is set up over a VFIO cdev: this takes Linux "
			">= 7.3, devices without an IOMMU, librte_bus_vfio_cdev before "
			"librte_eal, and no RTE_VFIO_CDEV=off\n");
		return ret;
	}
	ret = area_pin(domain, &pin->tx);
	return ret < 0 ? ret : area_pin(domain, &pin->rx);
}

/* The order is important: devices, then mbufs, then the memory. */
static int
pin_release(struct pin *pin)
{
	int ret, err = ports_close(pin);

	if (err < 0)
		return err;
	if (pin->n_unused != pin->n_buffers)
		err = complain("get all buffers back from the driver", EBUSY);
	rte_mempool_free(pin->rx_mbufs);
	rte_mempool_free(pin->tx_mbufs);
	free(pin->buffers);
	ret = area_release(&pin->rx);
	if (ret < 0)
		err = ret;
	ret = area_release(&pin->tx);
	return ret < 0 ? ret : err;
}

static int
pin_run(struct pin *pin)
{
	int ret;

	ret = ports_find(pin);
	if (ret == 0)
		ret = memory_pin(pin);
	if (ret < 0)
		return ret;
	printf("pin: %u pages are pinned\n", (unsigned int)(2 * AREA_LEN / PAGE));
	fflush(stdout);
	ret = tx_create(pin);
	if (ret == 0)
		ret = rx_create(pin);
	if (ret == 0)
		ret = ports_start(pin);
	return ret < 0 ? ret : traffic_run(pin);
}

static void
usage(const char *program)
{
	printf("usage: %s [EAL OPTION...] -- [-n PACKETS]\n\n"
	       "Send packets from the first port to the second, from and to 4 KiB pages.\n\n"
	       "  -n, --packets PACKETS  how many (default: 10000)\n"
	       "  -h, --help             this text\n\n"
	       "exit status: 0 if every packet came back as it was sent\n",
	       program);
}

/* Parse the options after "--". 1: continue; 0: exit; -1: an invalid option. */
static int
options_parse(struct pin *pin, int argc, char **argv)
{
	static const struct option options[] = {
		{ "packets", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "n:h", options, NULL)) != -1) {
		if (c == 'h') {
			usage(argv[0]);
			return 0;
		}
		if (c != 'n')
			return -1;
		errno = 0;
		pin->packets = strtoull(optarg, &end, 10);
		if (errno != 0 || end == optarg || *end != '\0' || *optarg == '-' ||
		    pin->packets == 0) {
			fprintf(stderr, "pin: not a number of packets: %s\n", optarg);
			return -1;
		}
	}
	return optind == argc ? 1 : -1;
}

/* Before rte_eal_init(), which takes time and hugepages. */
static int
options_find(struct pin *pin, int argc, char **argv)
{
	char *program = argv[0], *dashes;
	int i, ret;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		;
	if (i == argc)
		return 1;
	dashes = argv[i];
	argv[i] = program;
	ret = options_parse(pin, argc - i, argv + i);
	argv[i] = dashes;
	optind = 1;
	if (ret < 0)
		fprintf(stderr, "pin: see %s -- --help\n", program);
	return ret;
}

int
main(int argc, char **argv)
{
	struct pin *pin = &the_pin;
	unsigned int pages, extents;
	int ret, released;

	pin->packets = 10000;
	ret = options_find(pin, argc, argv);
	if (ret <= 0)
		return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	rte_set_application_usage_hook(usage);
	if (rte_eal_init(argc, argv) < 0) {
		complain("start the EAL", rte_errno);
		return EXIT_FAILURE;
	}

	ret = pin_run(pin);
	extents = pin->tx.n_extents + pin->rx.n_extents;
	pages = extents > 0 ? 2 * AREA_LEN / PAGE : 0;
	released = pin_release(pin);
	rte_eal_cleanup();

	printf("pin: %" PRIu64 " packets sent, %" PRIu64 " received, %" PRIu64 " bad; "
	       "%u pages in %u extents; %" PRIu64 " bytes compared\n",
	       pin->sent, pin->received, pin->bad, pages, extents, pin->bytes);
	return ret == 0 && released == 0 && pin->bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
