/* SPDX-License-Identifier: BSD-3-Clause */

/* The fake kernel's io_uring and pagemap: io_uring/rsrc.c, fs/proc/task_mmu.c. */

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "fake_kernel_private.h"
#include "uring.h"
#include "uring_uapi.h"

struct buffer {
	uint64_t va;
	uint64_t len;	    /* 0: none */
	unsigned int moves; /* so many had been made when it was pinned */
};

static struct ring {
	struct buffer *buffers;
	unsigned int count;
} rings[FAKE_FILES];

static void
buffer_clear(struct buffer *buffer)
{
	fake_usage.areas -= buffer->len != 0;
	fake_usage.pinned -= buffer->len;
	buffer->len = 0;
}

void
fake_ring_free(size_t file)
{
	struct ring *ring = &rings[file];

	for (unsigned int i = 0; i < ring->count; i++)
		buffer_clear(&ring->buffers[i]);
	free(ring->buffers);
	*ring = (struct ring){ .count = 0 };
}

unsigned int
fake_rings_pins(uint64_t va, uint64_t phys)
{
	const struct buffer *buffer;
	unsigned int pins = 0;

	for (size_t file = 0; file < FAKE_FILES; file++)
		for (unsigned int i = 0; i < rings[file].count; i++) {
			buffer = &rings[file].buffers[i];
			pins += va - buffer->va < buffer->len &&
				fake_phys_after(buffer->moves, va) == phys;
		}
	return pins;
}

/* As memory is compacted: between two calls, and never a page that is pinned. */
static void
page_migrate(void)
{
	if (fake.restless != NULL &&
	    fake_rings_pins((uintptr_t)fake.restless, fake_phys(fake.restless)) == 0)
		fake_page_move(fake.restless,
			       FAKE_PHYS(UINT64_C(1) << 40) + fake_moves() * FAKE_PAGE);
}

static int
buffers_make(struct ring *ring, const struct uring_rsrc_register *cmd)
{
	const struct iovec *memory = (const struct iovec *)(uintptr_t)cmd->data;
	const int err = fake_enter(FAKE_RING_BUFFERS);

	if (err != 0)
		return err;
	if (ring->count != 0)
		return EBUSY;
	if (cmd->nr == 0 || cmd->nr > URING_MOST_BUFFERS || cmd->flags != 0 || cmd->resv2 != 0)
		return EINVAL;
	for (unsigned int i = 0; i < cmd->nr; i++)
		if (memory[i].iov_base != NULL || memory[i].iov_len != 0)
			return EFAULT;
	ring->buffers = calloc(cmd->nr, sizeof(*ring->buffers));
	ring->count = cmd->nr;
	return 0;
}

static int
buffer_set(struct buffer *buffer, const struct iovec *memory)
{
	const int err = fake_enter(FAKE_RING_PIN);

	if (err != 0)
		return err;
	if (memory->iov_len == 0 || memory->iov_len > URING_MOST_BYTES ||
	    fake_is_absent((uintptr_t)memory->iov_base, memory->iov_len))
		return EFAULT;
	if (fake_usage.pinned + memory->iov_len > fake.memlock)
		return ENOMEM;
	buffer_clear(buffer);
	*buffer = (struct buffer){
		.va = (uintptr_t)memory->iov_base,
		.len = memory->iov_len,
		.moves = fake_moves(),
	};
	fake_usage.areas++;
	fake_usage.pinned += buffer->len;
	return 0;
}

/* -1: one buffer was updated. */
static int
buffer_update(struct ring *ring, const struct uring_rsrc_update2 *cmd)
{
	const struct iovec *memory = (const struct iovec *)(uintptr_t)cmd->data;
	int err;

	if (cmd->resv != 0 || cmd->resv2 != 0 || cmd->tags != 0)
		return EINVAL;
	if (cmd->nr != 1 || cmd->offset >= ring->count)
		return EINVAL;
	if (memory->iov_base != NULL) {
		err = buffer_set(&ring->buffers[cmd->offset], memory);
	} else {
		err = fake_enter(FAKE_RING_UNPIN);
		if (err == 0)
			buffer_clear(&ring->buffers[cmd->offset]);
	}
	return err != 0 ? err : -1;
}

int
fake_ring_register(size_t file, unsigned int opcode, void *arg, unsigned int size)
{
	page_migrate();
	if (opcode == URING_REGISTER_BUFFERS2 && size == sizeof(struct uring_rsrc_register))
		return buffers_make(&rings[file], arg);
	if (opcode == URING_REGISTER_BUFFERS_UPDATE && size == sizeof(struct uring_rsrc_update2))
		return buffer_update(&rings[file], arg);
	return EINVAL;
}

int
fake_pagemap_read(uint64_t *entries, size_t count, uint64_t first)
{
	const int err = fake_enter(FAKE_PAGEMAP);
	uint64_t va, phys;

	page_migrate();
	for (size_t i = 0; i < count && err == 0; i++) {
		va = (first + i) * FAKE_PAGE;
		phys = fake_phys((const void *)(uintptr_t)va) + fake.pa_offset;
		entries[i] = fake_is_absent(va, FAKE_PAGE) ?
			0 :
			PAGEMAP_PRESENT | (fake.admin ? phys / FAKE_PAGE & PAGEMAP_FRAME : 0);
	}
	return err;
}
