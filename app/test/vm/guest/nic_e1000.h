/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Enough of Intel's e1000 and e1000e to send frames: the registers and the
 * legacy descriptors that both have ("PCI/PCI-X Family of Gigabit Ethernet
 * Controllers Software Developer's Manual", 3.3.3 and 13).
 */

#ifndef NIC_E1000_H
#define NIC_E1000_H

#include <stdint.h>

#define NIC_MEMORY (UINT64_C(2) << 20) /* contiguous, for the ring and the frames */

struct nic {
	volatile uint8_t *regs; /* BAR 0 */
	uint8_t *memory;
	uint64_t phys; /* of the memory */
	uint16_t tail;
};

/* 0, or -ETIMEDOUT; the ring is set up then. */
int
nic_reset(struct nic *nic);

/*
 * Send so many frames, from this number on, and wait until the NIC has read them:
 * how many it has. helpers/libc.py knows what is in each.
 */
unsigned int
nic_send(struct nic *nic, uint64_t first, unsigned int count);

#endif /* NIC_E1000_H */
