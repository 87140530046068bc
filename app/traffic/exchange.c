/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets from either port to the other, compared byte by byte. */

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "traffic.h"

#define BURST 32
#define PROBE_MS 20
/* What is sent right after the start of a NIC may get lost. */
#define FIRST_PROBES 500
#define LARGE_PROBES 150
/* After these a packet is lost: if a later one has come, and if none has. */
#define OVERTAKEN_MS 200
#define PATIENCE_MS 2000
/* For pages that have not had their turn when the time is up. */
#define MORE_SECONDS 30

/* A packet that is on its way. */
struct slot {
	bool out;
	bool suspect;	      /* what came in its place, perhaps, is */
	struct damage damage; /* this */
	uint64_t seq, sent;   /* the latter in cycles */
	uint32_t len;
	unsigned int count;
	struct {
		const uint8_t *va;
		uint32_t len;
	} pieces[MOST_PIECES];
};

/* From one port to the other. */
struct way {
	unsigned int from, to;
	uint64_t next;	 /* to send */
	uint64_t newest; /* that has arrived */
	uint32_t probed; /* length of what has come through */
	struct slot slots[WINDOW];
};

struct exchange {
	struct traffic *traffic;
	struct block_list *blocks; /* that are free */
	struct rte_mempool *mbufs; /* for sending: without a byte of their own */
	struct way ways[PORTS];
	uint8_t wanted[LARGEST];
};

static uint64_t
cycles(unsigned int ms)
{
	return rte_get_timer_hz() / 1000 * ms;
}

/*
 * Sending.
 */

static struct block_list *block_home;

/* The driver is done with it. */
static void
block_back(void *va, void *block)
{
	(void)va;
	STAILQ_INSERT_TAIL(block_home, (struct block *)block, next);
}

static struct rte_mbuf *
piece_alloc(struct exchange *exchange)
{
	struct block *block = STAILQ_FIRST(exchange->blocks);
	struct rte_mbuf *m;

	if (block == NULL)
		return NULL;
	m = rte_pktmbuf_alloc(exchange->mbufs);
	if (m == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(exchange->blocks, next);
	block->shinfo.free_cb = block_back;
	block->shinfo.fcb_opaque = block;
	rte_mbuf_ext_refcnt_set(&block->shinfo, 1);
	rte_pktmbuf_attach_extbuf(m, block->va, block->iova, TX_BLOCK, &block->shinfo);
	rte_pktmbuf_reset_headroom(m);
	return m;
}

/* Equal parts; the last one has what is left. NULL while the drivers have all blocks. */
static struct rte_mbuf *
packet_build(struct exchange *exchange, const uint8_t *data, uint32_t len, unsigned int pieces)
{
	struct rte_mbuf *head = NULL, *last = NULL, *m;
	uint32_t part;

	for (uint32_t done = 0; done < len; done += part) {
		part = done + 2 * (len / pieces) > len ? len - done : len / pieces;
		m = piece_alloc(exchange);
		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_mtod(m, void *), data + done, part);
		m->data_len = part;
		if (head == NULL)
			head = m;
		else
			last->next = m;
		last = m;
		head->nb_segs = done == 0 ? 1 : head->nb_segs + 1;
	}
	head->pkt_len = len;
	return head;
}

static void
slot_fill(struct slot *slot, uint64_t seq, const struct rte_mbuf *m)
{
	*slot = (struct slot){
		.out = true,
		.seq = seq,
		.sent = rte_get_timer_cycles(),
		.len = m->pkt_len,
	};
	for (; m != NULL; m = m->next, slot->count++) {
		slot->pieces[slot->count].va = rte_pktmbuf_mtod(m, const uint8_t *);
		slot->pieces[slot->count].len = m->data_len;
	}
}

/* Whether it was sent; a port that is busy gets it again later. */
static bool
packet_send(struct exchange *exchange, struct way *way, uint64_t seq, struct slot *slot)
{
	const struct traffic *traffic = exchange->traffic;
	struct rte_mbuf *m;
	uint32_t len;

	len = packet_write(traffic, way->from, seq, exchange->wanted);
	m = packet_build(exchange, exchange->wanted, len,
			 packet_pieces(seq, traffic->limits.pieces));
	if (m == NULL)
		return false;
	slot_fill(slot, seq, m);
	if (rte_eth_tx_burst(traffic->ports[way->from], 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	slot->out = false;
	return false;
}

static void
way_send(struct exchange *exchange, struct way *way)
{
	struct traffic *traffic = exchange->traffic;
	struct slot *slot = &way->slots[way->next % WINDOW];

	while (!slot->out && packet_send(exchange, way, way->next, slot)) {
		traffic->counts.sent++;
		traffic->counts.in_pieces += slot->count > 1;
		slot = &way->slots[++way->next % WINDOW];
	}
	/* Some drivers free what they have sent only then. */
	if (STAILQ_EMPTY(exchange->blocks))
		rte_eth_tx_done_cleanup(traffic->ports[way->from], 0, 0);
}

/*
 * Damage.
 */

/* Keep it, and count it for the pages that it may have come from. */
static void
damage_add(struct traffic *traffic, const struct damage *damage)
{
	struct damages *damages = &traffic->damages;
	struct page *page;

	if (damages->count < MOST_DAMAGES)
		damages->damage[damages->count] = *damage;
	damages->count++;
	page = damage->from != NULL ? pages_find(&traffic->pages, damage->from) : NULL;
	if (page != NULL)
		page->bad_sent++;
	page = pages_find(&traffic->pages, damage->to);
	if (page != NULL)
		page->bad_received++;
}

/* Where the byte of a packet was sent. */
static const uint8_t *
slot_byte(const struct slot *slot, uint32_t offset)
{
	for (unsigned int i = 0; i < slot->count; i++) {
		if (offset < slot->pieces[i].len)
			return slot->pieces[i].va + offset;
		offset -= slot->pieces[i].len;
	}
	return NULL;
}

static uint32_t
first_difference(const uint8_t *left, const uint8_t *right, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len && left[i] == right[i]; i++)
		;
	return i;
}

/* Is it what was sent? If not, where it differs first. */
static bool
packet_is_good(struct exchange *exchange, const struct way *way, const struct slot *slot,
	       const struct rte_mbuf *m, struct damage *damage)
{
	const struct traffic *traffic = exchange->traffic;
	const uint32_t total = m->pkt_len;
	uint32_t at = 0, differs, part;
	const uint8_t *data;

	packet_write(traffic, way->from, slot->seq, exchange->wanted);
	for (; m != NULL && at < slot->len; m = m->next, at += part) {
		data = rte_pktmbuf_mtod(m, const uint8_t *);
		part = RTE_MIN(m->data_len, slot->len - at);
		if (memcmp(data, exchange->wanted + at, part) == 0)
			continue;
		differs = first_difference(data, exchange->wanted + at, part);
		*damage = (struct damage){
			.port = way->from,
			.seq = slot->seq,
			.len = slot->len,
			.offset = at + differs,
			.wanted = exchange->wanted[at + differs],
			.got = data[differs],
			.unwritten = is_poison(data, part),
			.from = slot_byte(slot, at + differs),
			.to = data + differs,
		};
		return false;
	}
	return total == slot->len;
}

/*
 * Receiving.
 */

static void
slot_done(struct traffic *traffic, struct slot *slot, const struct rte_mbuf *m)
{
	struct counts *counts = &traffic->counts;
	struct page *page;

	slot->out = false;
	counts->received++;
	counts->bytes += slot->len;
	counts->smallest = RTE_MIN(counts->smallest, slot->len);
	counts->largest = RTE_MAX(counts->largest, slot->len);
	for (unsigned int i = 0; i < slot->count; i++) {
		page = pages_find(&traffic->pages, slot->pieces[i].va);
		if (page != NULL)
			page->sent++;
	}
	for (; m != NULL; m = m->next) {
		page = pages_find(&traffic->pages, rte_pktmbuf_mtod(m, void *));
		if (page != NULL)
			page->received++;
	}
}

/*
 * Of another sender, or ours with a header that cannot be read. What was sent first
 * of all that has this length may be it; if that comes after all, it was not.
 */
static void
stranger_take(struct exchange *exchange, struct way *way, const struct rte_mbuf *m)
{
	struct slot *first = NULL;

	for (struct slot *slot = way->slots; slot < way->slots + WINDOW; slot++)
		if (slot->out && !slot->suspect && slot->len == m->pkt_len &&
		    (first == NULL || slot->seq < first->seq))
			first = slot;
	if (first != NULL && !packet_is_good(exchange, way, first, m, &first->damage))
		first->suspect = true;
	else
		exchange->traffic->counts.foreign++;
}

static void
ours_take(struct exchange *exchange, struct way *way, struct slot *slot, const struct rte_mbuf *m)
{
	struct traffic *traffic = exchange->traffic;
	struct damage damage = {
		.port = way->from,
		.seq = slot->seq,
		.len = slot->len,
		.offset = RTE_MIN(slot->len, m->pkt_len),
		.from = slot->pieces[0].va,
		.to = rte_pktmbuf_mtod(m, const void *),
	};

	if (slot->suspect)
		traffic->counts.foreign++;
	way->newest = RTE_MAX(way->newest, slot->seq);
	if (!packet_is_good(exchange, way, slot, m, &damage))
		damage_add(traffic, &damage);
	slot_done(traffic, slot, m);
}

static void
packet_take(struct exchange *exchange, struct way *way, const struct rte_mbuf *m)
{
	struct traffic *traffic = exchange->traffic;
	struct slot *slot;
	uint64_t seq;

	if (!packet_seq(traffic->session, way->from, rte_pktmbuf_mtod(m, const uint8_t *),
			m->data_len, &seq)) {
		stranger_take(exchange, way, m);
		return;
	}
	if (probe_len(seq) != 0) {
		way->probed = RTE_MAX(way->probed, probe_len(seq));
		return;
	}
	slot = &way->slots[seq % WINDOW];
	if (slot->out && slot->seq == seq)
		ours_take(exchange, way, slot, m);
	else
		traffic->counts.late++;
}

/* What the device does not write the next time shows. */
static void
packet_poison(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		memset(rte_pktmbuf_mtod(m, void *), POISON, RTE_MIN(m->data_len, POISON_LEN));
}

static uint16_t
burst_receive(struct exchange *exchange, struct way *way)
{
	struct rte_mbuf *burst[BURST];
	uint16_t n;

	n = rte_eth_rx_burst(exchange->traffic->ports[way->to], 0, burst, BURST);
	for (uint16_t i = 0; i < n; i++) {
		packet_take(exchange, way, burst[i]);
		packet_poison(burst[i]);
	}
	rte_pktmbuf_free_bulk(burst, n);
	return n;
}

/*
 * All that had come: as much as a ring can hold, so that packets of others without end do not
 * keep it here. Only then may a packet be given up.
 */
static void
way_receive(struct exchange *exchange, struct way *way)
{
	unsigned int left = 2 * RX_DESCRIPTORS / BURST;

	while (left-- > 0 && burst_receive(exchange, way) > 0)
		;
}

static void
slot_lose(struct traffic *traffic, struct slot *slot)
{
	struct page *page;

	slot->out = false;
	if (slot->suspect) {
		damage_add(traffic, &slot->damage);
		return;
	}
	traffic->counts.lost++;
	for (unsigned int i = 0; i < slot->count; i++) {
		page = pages_find(&traffic->pages, slot->pieces[i].va);
		if (page != NULL)
			page->lost++;
	}
}

/*
 * Give up what had not come at a time, if all that had come by then was received; returns how
 * many are still awaited.
 */
static unsigned int
way_settle(struct exchange *exchange, struct way *way, uint64_t now)
{
	unsigned int away = 0;

	for (struct slot *slot = way->slots; slot < way->slots + WINDOW; slot++) {
		if (!slot->out)
			continue;
		if (now > slot->sent &&
		    now - slot->sent > cycles(slot->seq < way->newest ? OVERTAKEN_MS : PATIENCE_MS))
			slot_lose(exchange->traffic, slot);
		else
			away++;
	}
	return away;
}

/* Receive, then give up what does not come; returns how many are still awaited. */
static unsigned int
way_drain(struct exchange *exchange, struct way *way)
{
	const uint64_t now = rte_get_timer_cycles();

	way_receive(exchange, way);
	return way_settle(exchange, way, now);
}

/*
 * The whole.
 */

/* Do packets of this length come through, both ways? */
static bool
ways_probe(struct exchange *exchange, uint32_t len, unsigned int tries)
{
	struct way *ways = exchange->ways;
	struct slot slot;

	while (ways[0].probed < len || ways[1].probed < len) {
		if (tries-- == 0)
			return false;
		for (unsigned int i = 0; i < PORTS; i++)
			if (ways[i].probed < len)
				packet_send(exchange, &ways[i], PROBE_SEQ(len), &slot);
		rte_delay_ms(PROBE_MS);
		for (unsigned int i = 0; i < PORTS; i++)
			way_receive(exchange, &ways[i]);
	}
	return true;
}

/* Some devices report that they can do more than they do. */
static void
largest_find(struct exchange *exchange)
{
	static const uint32_t less[] = { ONE_BUFFER, STANDARD };
	struct limits *limits = &exchange->traffic->limits;

	for (unsigned int i = 0; i < RTE_DIM(less); i++) {
		if (ways_probe(exchange, limits->largest, LARGE_PROBES))
			return;
		limit_largest(limits, less[i], "packets of %u bytes do not come through",
			      limits->largest);
	}
}

static bool
ways_open(struct exchange *exchange)
{
	const struct way *ways = exchange->ways;

	if (ways_probe(exchange, SMALLEST, FIRST_PROBES)) {
		largest_find(exchange);
		return true;
	}
	exchange->traffic->silent = ways[0].probed > 0 ? "from port 1 to port 0" :
		ways[1].probed > 0		       ? "from port 0 to port 1" :
							 "either way";
	return false;
}

static bool
is_time_up(const struct traffic *traffic, uint64_t passed)
{
	if (passed < traffic->seconds)
		return false;
	return passed >= traffic->seconds + MORE_SECONDS ||
		pages_count(&traffic->pages, page_is_left_out) == 0;
}

static void
packets_flow(struct exchange *exchange)
{
	const uint64_t start = rte_get_timer_cycles();
	uint64_t passed = 0, logged = 0;

	while (!is_time_up(exchange->traffic, passed)) {
		for (unsigned int i = 0; i < PORTS; i++) {
			way_send(exchange, &exchange->ways[i]);
			way_drain(exchange, &exchange->ways[i]);
		}
		passed = (rte_get_timer_cycles() - start) / rte_get_timer_hz();
		if (passed != logged)
			report_progress(exchange->traffic);
		logged = passed;
	}
}

static void
packets_end(struct exchange *exchange)
{
	unsigned int i, away;

	do {
		for (i = 0, away = 0; i < PORTS; i++) {
			away += way_drain(exchange, &exchange->ways[i]);
		}
	} while (away > 0);
}

void
traffic_run(struct traffic *traffic, struct block_list *blocks, struct rte_mempool *mbufs)
{
	static struct exchange exchange; /* too large for a stack */

	exchange = (struct exchange){
		.traffic = traffic,
		.blocks = blocks,
		.mbufs = mbufs,
		.ways = { { .from = 0, .to = 1 }, { .from = 1, .to = 0 } },
	};
	block_home = blocks;
	traffic->counts.smallest = LARGEST;
	if (ways_open(&exchange)) {
		packets_flow(&exchange);
		packets_end(&exchange);
	}
}
