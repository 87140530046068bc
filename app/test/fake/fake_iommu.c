/* SPDX-License-Identifier: BSD-3-Clause */

/* The fake kernel's HWPTs and IOVA ranges: drivers/iommu/iommufd/device.c. */

#include <errno.h>
#include <string.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

bool
fake_is_noiommu(const struct fake_node *node)
{
	return strstr(node->path, "noiommu") != NULL;
}

uint32_t
fake_ioas_of(const struct fake_ctx *ctx, uint32_t hwpt)
{
	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (hwpt != 0 && ctx->objects[i].id == hwpt)
			return ctx->objects[i].ioas;
	return 0;
}

/* The lowest range of a node that does not end before an IOVA, if it is below *lowest. */
static void
node_reserved_next(const struct fake_node *node, uint64_t iova, struct ifd_iova_range *lowest)
{
	for (size_t i = 0; i < FAKE_RESERVED && !fake_is_noiommu(node); i++)
		if (node->reserved[i].last != 0 && node->reserved[i].last >= iova &&
		    (lowest->last == 0 || node->reserved[i].start < lowest->start))
			*lowest = (struct ifd_iova_range){ node->reserved[i].start,
							   node->reserved[i].last };
}

/* The same, of all devices that are attached to the IOAS; last is 0 if there is none. */
static struct ifd_iova_range
reserved_next(const struct fake_ctx *ctx, uint32_t ioas, const struct fake_node *also,
	      uint64_t iova)
{
	struct ifd_iova_range lowest = { 0, 0 };

	if (also != NULL)
		node_reserved_next(also, iova, &lowest);
	for (size_t i = 0; i < FAKE_FILES; i++)
		if (fake_files[i].used && fake_files[i].ctx == ctx && fake_files[i].hwpt != 0 &&
		    fake_ioas_of(ctx, fake_files[i].hwpt) == ioas)
			node_reserved_next(fake_files[i].node, iova, &lowest);
	return lowest;
}

bool
fake_is_reserved(const struct fake_ctx *ctx, uint32_t ioas, const struct fake_node *also,
		 uint64_t iova, uint64_t last)
{
	const struct ifd_iova_range next = reserved_next(ctx, ioas, also, iova);

	return next.last != 0 && next.start <= last;
}

int
fake_ranges(const struct fake_ctx *ctx, struct ifd_iova_ranges *cmd)
{
	struct ifd_iova_range *ranges = (void *)(uintptr_t)cmd->allowed_iovas;
	const uint32_t room = cmd->num_iovas;
	struct ifd_iova_range next;
	uint64_t at = 0;
	int err = fake_enter(FAKE_RANGES);

	if (err != 0)
		return err;
	if (cmd->size < sizeof(*cmd) || cmd->reserved != 0)
		return EOPNOTSUPP;
	if (!fake_has_ioas(ctx, cmd->ioas_id))
		return ENOENT;
	cmd->num_iovas = 0;
	cmd->out_iova_alignment = FAKE_PAGE;
	do {
		next = reserved_next(ctx, cmd->ioas_id, NULL, at);
		if (next.last == 0 || next.start > at) {
			if (cmd->num_iovas < room)
				ranges[cmd->num_iovas] = (struct ifd_iova_range){
					at, next.last == 0 ? UINT64_MAX : next.start - 1
				};
			cmd->num_iovas++;
		}
		at = next.last + 1;
	} while (next.last != 0 && next.last != UINT64_MAX);
	return cmd->num_iovas <= room ? 0 : EMSGSIZE;
}

/* One for all IOMMUs will do here. */
static int
hwpt_get(struct fake_file *file, uint32_t ioas, uint32_t *hwpt)
{
	struct fake_ctx *ctx = file->ctx;
	int err;

	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (ctx->objects[i].ioas == ioas) {
			*hwpt = ctx->objects[i].id;
			return 0;
		}
	err = fake_areas_pin(ctx, ioas);
	if (err == 0)
		err = fake_object_new(ctx, ioas, hwpt);
	for (size_t i = 0; i < FAKE_OBJECTS && err == 0; i++)
		if (ctx->objects[i].id == *hwpt) {
			ctx->objects[i].automatic = true;
			ctx->objects[i].noiommu = fake_is_noiommu(file->node);
		}
	return err;
}

int
fake_attach(struct fake_file *file, uint32_t pt_id)
{
	const bool is_ioas = fake_has_ioas(file->ctx, pt_id);
	uint32_t hwpt = pt_id;
	int err = 0;

	if (!is_ioas && !fake_has_hwpt(file->ctx, pt_id, 0))
		return ENOENT;
	if (fake_areas_reserved(file->ctx, is_ioas ? pt_id : fake_ioas_of(file->ctx, pt_id),
				file->node))
		return EADDRINUSE;
	if (is_ioas)
		err = hwpt_get(file, pt_id, &hwpt);
	if (err == 0)
		file->hwpt = hwpt;
	return err;
}

void
fake_detach(struct fake_file *file)
{
	const uint32_t hwpt = file->hwpt, ioas = fake_ioas_of(file->ctx, hwpt);

	for (size_t i = 0; i < FAKE_FILES; i++)
		if (fake_files[i].opened == file->opened)
			fake_files[i].hwpt = 0;
	for (size_t i = 0; i < FAKE_FILES; i++)
		if (hwpt == 0 ||
		    (fake_files[i].used && fake_files[i].ctx == file->ctx &&
		     fake_files[i].hwpt == hwpt))
			return;
	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (file->ctx->objects[i].id == hwpt && file->ctx->objects[i].automatic) {
			memset(&file->ctx->objects[i], 0, sizeof(file->ctx->objects[i]));
			fake_areas_unpin(file->ctx, ioas);
		}
}

void
fake_copies_update(const struct fake_file *file)
{
	for (size_t i = 0; i < FAKE_FILES; i++)
		if (fake_files[i].used && fake_files[i].opened == file->opened) {
			fake_files[i].ctx = file->ctx;
			fake_files[i].dev_id = file->dev_id;
			fake_files[i].hwpt = file->hwpt;
		}
}

/* A cdev has the iommufd's ctx too. */
unsigned int
fake_pins(const void *va, uint64_t phys)
{
	unsigned int pins = fake_rings_pins((uintptr_t)va, phys);

	for (size_t i = 0; i < FAKE_FILES; i++)
		if (fake_files[i].used && fake_files[i].ctx != NULL && fake_files[i].dev_id == 0)
			pins += fake_areas_pins(fake_files[i].ctx, (uintptr_t)va, phys);
	return pins;
}
