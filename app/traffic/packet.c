/* SPDX-License-Identifier: BSD-3-Clause */

/* What is in a packet: its number, its length, a checksum, and noise to the end. */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "traffic.h"

#define ETHER_TYPE 0x88b5 /* IEEE 802, for experiments */
#define MAGIC UINT64_C(0x7666696f2d636476)

/* Follows the Ethernet header. */
struct number {
	rte_be64_t magic; /* and the session and the port */
	rte_be64_t seq;
	rte_be16_t len;
	rte_be16_t cksum; /* of what comes after this */
} __attribute__((packed));

#define HEADERS_LEN (sizeof(struct rte_ether_hdr) + sizeof(struct number))

static uint64_t
packet_magic(uint64_t session, unsigned int port)
{
	return MAGIC ^ session ^ port;
}

uint32_t
probe_len(uint64_t seq)
{
	return seq >= PROBE_SEQ(LARGEST) ? UINT64_MAX - seq : 0;
}

static uint32_t
packet_len(uint64_t seq, uint32_t largest)
{
	const uint32_t probe = probe_len(seq);

	return probe != 0 ? probe : SMALLEST + seq * 997 % (largest - SMALLEST + 1);
}

/* xorshift64*: eight bytes at a time, and never zero. */
static void
noise_write(uint64_t state, uint8_t *to, uint32_t len)
{
	uint64_t word;

	for (; len > 0; to += RTE_MIN(len, sizeof(word)), len -= RTE_MIN(len, sizeof(word))) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		word = state * UINT64_C(2685821657736338717);
		memcpy(to, &word, RTE_MIN(len, sizeof(word)));
	}
}

/* As between any two ports: one that only takes what is for its address gets it, too. */
static void
ether_write(struct rte_ether_hdr *ether, const struct rte_ether_addr *from,
	    const struct rte_ether_addr *to)
{
	ether->src_addr = *from;
	ether->dst_addr = *to;
	ether->ether_type = rte_cpu_to_be_16(ETHER_TYPE);
}

uint32_t
packet_write(const struct traffic *traffic, unsigned int port, uint64_t seq, uint8_t *to)
{
	struct number *number = (struct number *)(to + sizeof(struct rte_ether_hdr));
	const uint32_t len = packet_len(seq, traffic->limits.largest);
	const uint64_t session = traffic->session;

	ether_write((struct rte_ether_hdr *)to, &traffic->addrs[port], &traffic->addrs[1 - port]);
	noise_write((packet_magic(session, port) ^ seq) | 1, to + HEADERS_LEN, len - HEADERS_LEN);
	number->magic = rte_cpu_to_be_64(packet_magic(session, port));
	number->seq = rte_cpu_to_be_64(seq);
	number->len = rte_cpu_to_be_16(len);
	number->cksum = rte_cpu_to_be_16(rte_raw_cksum(to + HEADERS_LEN, len - HEADERS_LEN));
	return len;
}

unsigned int
packet_pieces(uint64_t seq, unsigned int most)
{
	/* Every second one as a whole. */
	return seq % 2 == 0 || probe_len(seq) != 0 ? 1 : 1 + seq / 2 % most;
}

bool
packet_seq(uint64_t session, unsigned int port, const uint8_t *data, uint32_t len, uint64_t *seq)
{
	const struct number *number = (const struct number *)(data + sizeof(struct rte_ether_hdr));

	if (len < HEADERS_LEN || rte_be_to_cpu_64(number->magic) != packet_magic(session, port))
		return false;
	*seq = rte_be_to_cpu_64(number->seq);
	return true;
}

bool
is_poison(const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < RTE_MIN(len, (uint32_t)POISON_LEN / 4); i++)
		if (data[i] != POISON)
			return false;
	return len > 0;
}
