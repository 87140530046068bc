/* SPDX-License-Identifier: BSD-3-Clause */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "nic_e1000.h"

#define CTRL 0x0000
#define CTRL_SLU (UINT32_C(1) << 6)
#define CTRL_RST (UINT32_C(1) << 26)
#define IMC 0x00d8
#define TCTL 0x0400
#define TCTL_EN (UINT32_C(1) << 1)
#define TCTL_PSP (UINT32_C(1) << 3)
#define TDBAL 0x3800
#define TDBAH 0x3804
#define TDLEN 0x3808
#define TDH 0x3810
#define TDT 0x3818

#define CMD_EOP 0x01
#define CMD_IFCS 0x02
#define CMD_RS 0x08
#define STATUS_DD 0x01

#define SLOTS 96
#define BUFFERS 4096 /* where they start, behind the ring */
#define BUFFER 21504 /* from one to the next: all of the hugepage is used */
#define HEADER 14
#define SMALLEST 60
#define SIZES 1455 /* from 60 to 1514 */

struct descriptor {
	uint64_t address;
	uint16_t length;
	uint8_t cso;
	uint8_t cmd;
	uint8_t status;
	uint8_t css;
	uint16_t special;
};

_Static_assert(SLOTS * sizeof(struct descriptor) <= BUFFERS, "the ring is before the buffers");
_Static_assert(BUFFERS + SLOTS * BUFFER <= NIC_MEMORY, "the memory has them all");

static void
reg_write(const struct nic *nic, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(nic->regs + reg) = htole32(value);
}

static uint32_t
reg_read(const struct nic *nic, unsigned int reg)
{
	return le32toh(*(volatile uint32_t *)(nic->regs + reg));
}

int
nic_reset(struct nic *nic)
{
	int left = 1000;

	reg_write(nic, IMC, UINT32_MAX);
	reg_write(nic, CTRL, CTRL_RST);
	usleep(1000);
	while ((reg_read(nic, CTRL) & CTRL_RST) != 0 && left-- > 0)
		usleep(1000);
	if (left < 0)
		return -ETIMEDOUT;
	reg_write(nic, IMC, UINT32_MAX);
	reg_write(nic, CTRL, reg_read(nic, CTRL) | CTRL_SLU);
	memset(nic->memory, 0, BUFFERS);
	reg_write(nic, TDBAL, (uint32_t)nic->phys);
	reg_write(nic, TDBAH, nic->phys >> 32);
	reg_write(nic, TDLEN, SLOTS * sizeof(struct descriptor));
	reg_write(nic, TDH, 0);
	reg_write(nic, TDT, 0);
	reg_write(nic, TCTL, TCTL_EN | TCTL_PSP);
	nic->tail = 0;
	return 0;
}

static uint16_t
frame_write(uint8_t *frame, uint64_t number)
{
	static const uint8_t header[HEADER] = {
		2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 0x88, 0xb5
	};
	const uint16_t len = SMALLEST + number * 37 % SIZES;
	const uint64_t big = htobe64(number);

	memcpy(frame, header, HEADER);
	memcpy(frame + HEADER, &big, sizeof(big));
	for (unsigned int i = HEADER + sizeof(big); i < len; i++)
		frame[i] = number + i;
	return len;
}

/* Whether the NIC has read it in time. */
static int
slot_wait(const volatile struct descriptor *slot)
{
	int left = 2000;

	while ((slot->status & STATUS_DD) == 0 && left-- > 0)
		usleep(1000);
	return left >= 0;
}

unsigned int
nic_send(struct nic *nic, uint64_t first, unsigned int count)
{
	volatile struct descriptor *ring = (volatile struct descriptor *)nic->memory;
	unsigned int done = 0;

	while (done < count) {
		volatile struct descriptor *slot = &ring[nic->tail];
		const uint64_t at = BUFFERS + (uint64_t)nic->tail * BUFFER;

		slot->length = htole16(frame_write(nic->memory + at, first + done));
		slot->address = htole64(nic->phys + at);
		slot->status = 0;
		slot->cmd = CMD_EOP | CMD_IFCS | CMD_RS;
		nic->tail = (nic->tail + 1) % SLOTS;
		__sync_synchronize();
		reg_write(nic, TDT, nic->tail);
		if (!slot_wait(slot))
			return done;
		done++;
	}
	return done;
}
