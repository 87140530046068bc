/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of dpdk-test-vfio-cdev-traffic share.
 *
 *	main.c
 *	  exchange.c: send, receive, compare	late.c: addresses before the first device
 *	    report.c: progress and results
 *	      pages.c: every hugepage of the EAL, blocks on each	port.c: ethdev
 *	        line.c: JSON on standard output	packet.c: what is in a packet
 *
 * One thread does it all.
 */

#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#define SMALLEST 60
#define LARGEST 9000
#define MOST_PIECES 4 /* that a packet is sent in */
#define WINDOW 64     /* packets on the way: no receiver has to drop any */
#define PORTS 2

/* A packet is sent from one or several of the former and received into the latter. */
#define TX_BLOCK 9216
#define RX_BLOCK 4096

/* line.c */

/* Write an object as a line, and free it. */
void
line_write(json_t *line);

/* Write why the program cannot go on. Returns -err. */
int
complain(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* pages.c */

/* A hugepage of the EAL. What is counted are packets that have arrived, in pieces. */
struct page {
	uintptr_t va;
	uint64_t iova; /* where it is to the EAL */
	uint64_t len;
	int socket;
	bool send_only; /* came with the ports, when the pool to receive into was made */
	uint8_t *room;	/* of the heap, on this page, or NULL: there was none */
	size_t room_len;
	uint64_t sent, received;
	uint64_t bad_sent, bad_received; /* of those, the pieces that differed */
	uint64_t lost;			 /* sent from here, and not seen again */
};

struct pages {
	struct page *page;
	unsigned int count;
};

/* A place that packets are sent from. */
struct block {
	STAILQ_ENTRY(block) next;
	uint8_t *va;
	rte_iova_t iova;
	struct rte_mbuf_ext_shared_info shinfo;
};

STAILQ_HEAD(block_list, block);

/*
 * Find them all and make room on each, without allocating more. A second call finds those
 * that have come since. 0 or -errno.
 */
int
pages_open(struct pages *pages);

/* The page of an address, or NULL. */
struct page *
pages_find(const struct pages *pages, const void *va);

/* Where the kernel has a page of any size, or 0 if not shown (CAP_SYS_ADMIN). */
uint64_t
phys_of(const void *va);

uint64_t
page_phys(const struct page *page);

/* Is there no room for a packet, since something else takes it up? */
bool
page_is_full(const struct page *page);

/* Has it been sent from and received into? */
bool
page_is_covered(const struct page *page);

/* Has it room for a packet, and was not covered nevertheless? */
bool
page_is_left_out(const struct page *page);

/* How many are so. */
unsigned int
pages_count(const struct pages *pages, bool (*is_so)(const struct page *page));

/* Of each kind, but for rounding: enough for both ports' rings and what is on the way. */
#define MOST_BLOCKS 4096

/* Blocks to send from, such that neighbours are on different pages. 0 or -errno. */
int
pages_tx_blocks(const struct pages *pages, struct block_list *list);

/* The same to receive into, as a pool of mbufs, or NULL. */
struct rte_mempool *
pages_rx_pool(const struct pages *pages, unsigned int *count);

struct traffic;

/* packet.c */

/* Write packet seq of one port; what it is follows from these. Returns its length. */
uint32_t
packet_write(const struct traffic *traffic, unsigned int port, uint64_t seq, uint8_t *to);

/* The number of a packet that has just this length: to see whether such ones come through. */
#define PROBE_SEQ(len) (UINT64_MAX - (len))

/* Its length, or 0 if it is none. */
uint32_t
probe_len(uint64_t seq);

/* How many pieces it is sent in. */
unsigned int
packet_pieces(uint64_t seq, unsigned int most);

/* Is it a packet of this session and port, undamaged as far as its header goes? */
bool
packet_seq(uint64_t session, unsigned int port, const uint8_t *data, uint32_t len, uint64_t *seq);

/* What a block has where no packet was written. */
#define POISON 0xa5
#define POISON_LEN 64

bool
is_poison(const uint8_t *data, uint32_t len);

/* port.c */

#define ONE_BUFFER (RX_BLOCK - RTE_PKTMBUF_HEADROOM)
#define STANDARD (RTE_ETHER_MAX_LEN - RTE_ETHER_CRC_LEN)

/* So many packets a ring may hold at most. */
#define RX_DESCRIPTORS 256U

struct limits {
	uint32_t largest;    /* packet */
	unsigned int pieces; /* that one may be sent in */
	char reason[160];    /* why it is no larger, or "" */
};

/* Send none larger than that, for this reason. */
void
limit_largest(struct limits *limits, uint32_t largest, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Find the two ports and what both can do: 0, or -errno after complain(). */
int
ports_find(uint16_t ports[PORTS], struct limits *limits);

/* Start both, with a link, and get their addresses: 0, or -errno after complain(). */
int
ports_start(struct traffic *traffic, struct rte_mempool *pool, unsigned int buffers);

void
ports_close(const uint16_t ports[PORTS]);

/* exchange.c */

#define MOST_DAMAGES 8

/* A packet that came back as another. */
struct damage {
	unsigned int port;    /* that has sent it, 0 or 1 */
	uint64_t seq;	      /* UINT64_MAX: unknown */
	uint32_t len, offset; /* its own, and where the first wrong byte is */
	uint8_t wanted, got;
	bool unwritten;	       /* the device has written nothing to that place */
	const void *from, *to; /* the byte where it was sent and received; from may be NULL */
};

struct damages {
	struct damage damage[MOST_DAMAGES]; /* the first ones */
	uint64_t count;
};

struct counts {
	uint64_t sent, received, bytes, in_pieces;
	uint64_t smallest, largest; /* of those received */
	uint64_t lost;
	uint64_t late;	  /* came twice, or after they were given up */
	uint64_t foreign; /* of another sender */
};

struct traffic {
	unsigned int seconds;
	uint64_t session;
	uint16_t ports[PORTS];
	struct rte_ether_addr addrs[PORTS];
	const char *filtering; /* why a port takes only what is for its address, or NULL */
	struct limits limits;
	struct pages pages;
	struct counts counts;
	struct damages damages;
	const char *silent; /* why nothing could be sent at all, or NULL */
};

/* Send both ways until the time is up and all pages have had their turn: 0 or -errno. */
void
traffic_run(struct traffic *traffic, struct block_list *blocks, struct rte_mempool *mbufs);

/* late.c */

#define LATE_PAGES 64

struct late {
	uint8_t *memory; /* pages whose addresses are queried, and one more */
	size_t page_size;
	int from, to;		     /* node */
	rte_iova_t iova[LATE_PAGES]; /* as given before the first device */
	unsigned int devices;	     /* that were plugged in then */
	unsigned int given;	     /* of the pages; what follows is counted among them */
	unsigned int moved;
	unsigned int wrong; /* whose address is another one now */
	const void *first;  /* that moved or is wrong, or NULL */
	bool movable;	    /* the one more: it has moved */
};

/* Arguments: FROM-NODE TO-NODE [DEVICE...]. Until standard input ends; 0 or -errno. */
int
late_run(int argc, char **argv);

/* report.c */

void
report_ready(void);

void
report_progress(const struct traffic *traffic);

void
report_result(const struct traffic *traffic);

void
report_late(const struct late *late);

#endif /* TRAFFIC_H */
