/* SPDX-License-Identifier: BSD-3-Clause */

/* The fake kernel's memory: drivers/iommu/iommufd/{ioas,hw_pagetable,hwpt_noiommu}.c. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

#define HUGEPAGE (UINT64_C(2) << 20)

struct fake_area {
	struct fake_area *next; /* by IOVA */
	uint32_t ioas;
	uint64_t iova;
	uint64_t va;
	uint64_t len;
	uint64_t pages; /* whose VA: copies have the same, and one pin */
	bool pinned;
	unsigned int moves; /* so many had been made when it was pinned */
	unsigned int mark;  /* of fake_mark() */
};

static uint64_t unpinned_live, unpinned_old, pa_asked, last_pages;
static unsigned int mark;

void
fake_ioas_reset(void)
{
	fake_pages_reset();
	unpinned_live = 0;
	fake_mark();
	pa_asked = 0;
}

uint64_t
fake_unpinned_live(void)
{
	return unpinned_live;
}

void
fake_mark(void)
{
	mark++;
	unpinned_old = 0;
}

uint64_t
fake_unpinned_old(void)
{
	return unpinned_old;
}

uint64_t
fake_pa_asked(void)
{
	return pa_asked;
}

static uint64_t
area_phys(const struct fake_area *area, uint64_t offset)
{
	return fake_phys_after(area->moves, area->va + offset);
}

unsigned int
fake_areas_pins(const struct fake_ctx *ctx, uint64_t va, uint64_t phys)
{
	unsigned int pins = 0;

	for (const struct fake_area *area = ctx->areas; area != NULL; area = area->next)
		pins += area->pinned && va >= area->va && va - area->va < area->len &&
			area_phys(area, va - area->va) == phys;
	return pins;
}

static void
page_migrate(const struct fake_ctx *ctx)
{
	const uint64_t va = (uintptr_t)fake.restless;

	if (va != 0 && fake_areas_pins(ctx, va, fake_phys(fake.restless)) == 0)
		fake_page_move(fake.restless,
			       FAKE_PHYS(UINT64_C(1) << 40) + fake_moves() * FAKE_PAGE);
}

uint32_t
fake_id_new(struct fake_ctx *ctx)
{
	return ++ctx->last_id;
}

int
fake_object_new(struct fake_ctx *ctx, uint32_t ioas, uint32_t *id)
{
	for (size_t i = 0; i < FAKE_OBJECTS; i++) {
		if (ctx->objects[i].id != 0)
			continue;
		*id = fake_id_new(ctx);
		memset(&ctx->objects[i], 0, sizeof(ctx->objects[i]));
		ctx->objects[i].id = *id;
		ctx->objects[i].ioas = ioas;
		return 0;
	}
	return ENOMEM;
}

bool
fake_has_ioas(const struct fake_ctx *ctx, uint32_t id)
{
	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (id != 0 && ctx->objects[i].id == id && ctx->objects[i].ioas == 0)
			return true;
	return false;
}

bool
fake_has_hwpt(const struct fake_ctx *ctx, uint32_t id, uint32_t ioas)
{
	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (ctx->objects[i].ioas != 0 &&
		    (ioas != 0 ? ctx->objects[i].ioas == ioas : ctx->objects[i].id == id))
			return true;
	return false;
}

static int
area_pin(struct fake_area *area)
{
	if (fake_usage.pinned + area->len > fake.memlock)
		return ENOMEM;
	fake_usage.pinned += area->len;
	area->pinned = true;
	area->moves = fake_moves();
	area->mark = mark;
	return 0;
}

/* Bytes of an area from a VA on that are all in an area of the same pages, or all in none. */
static uint64_t
area_span(const struct fake_ctx *ctx, const struct fake_area *area, uint64_t va, bool *shared)
{
	uint64_t end = area->va + area->len;

	for (const struct fake_area *other = ctx->areas; other != NULL; other = other->next) {
		if (other->pages != area->pages || !other->pinned || other->va + other->len <= va)
			continue;
		*shared = other->va <= va;
		if (*shared)
			return other->va + other->len - va;
		end = other->va < end ? other->va : end;
	}
	*shared = false;
	return end - va;
}

/* Bytes of an area that no other area pins. */
static uint64_t
area_alone(const struct fake_ctx *ctx, const struct fake_area *area)
{
	uint64_t va, span, alone = 0;
	bool shared;

	for (va = area->va; va < area->va + area->len; va += span) {
		span = area_span(ctx, area, va, &shared);
		alone += shared ? 0 : span;
	}
	return alone;
}

/* Bytes of a removed area that are free to move now. */
static uint64_t
area_loose(const struct fake_ctx *ctx, const struct fake_area *area)
{
	uint64_t off, loose = 0;

	for (off = 0; off < area->len; off += FAKE_PAGE)
		if (fake_areas_pins(ctx, area->va + off, area_phys(area, off)) == 0)
			loose += FAKE_PAGE;
	return loose;
}

/* Take out and free the area that *link points at. */
static void
area_remove(struct fake_ctx *ctx, struct fake_area **link)
{
	struct fake_area *area = *link;
	uint64_t loose;

	*link = area->next;
	if (area->pinned) {
		fake_usage.pinned -= area_alone(ctx, area);
		loose = ctx->devices != 0 ? area_loose(ctx, area) : 0;
		unpinned_live += loose;
		unpinned_old += area->mark != mark ? loose : 0;
	}
	fake_usage.areas--;
	free(area);
}

int
fake_areas_pin(struct fake_ctx *ctx, uint32_t ioas)
{
	int err = 0;

	for (struct fake_area *area = ctx->areas; area != NULL && err == 0; area = area->next)
		if (area->ioas == ioas && !area->pinned)
			err = area_pin(area);
	return err;
}

/* The last HWPT has gone, so there are no copies that stay pinned. */
void
fake_areas_unpin(struct fake_ctx *ctx, uint32_t ioas)
{
	for (struct fake_area *area = ctx->areas; area != NULL; area = area->next) {
		if (area->ioas == ioas && area->pinned) {
			fake_usage.pinned -= area->len;
			area->pinned = false;
		}
	}
}

bool
fake_areas_reserved(const struct fake_ctx *ctx, uint32_t ioas, const struct fake_node *node)
{
	for (const struct fake_area *area = ctx->areas; area != NULL; area = area->next)
		if (area->ioas == ioas &&
		    fake_is_reserved(ctx, 0, node, area->iova, area->iova + (area->len - 1)))
			return true;
	return false;
}

void
fake_areas_free(struct fake_ctx *ctx)
{
	while (ctx->areas != NULL)
		area_remove(ctx, &ctx->areas);
}

static int
ioas_alloc(struct fake_ctx *ctx, struct ifd_ioas_alloc *cmd)
{
	const int err = fake_enter(FAKE_IOAS_ALLOC);

	if (err != 0)
		return err;
	if (cmd->size < sizeof(*cmd))
		return EINVAL;
	return cmd->flags != 0 ? EOPNOTSUPP : fake_object_new(ctx, 0, &cmd->out_ioas_id);
}

static bool
device_is_noiommu(const struct fake_ctx *ctx, uint32_t dev_id)
{
	for (size_t i = 0; i < FAKE_FILES; i++)
		if (fake_files[i].used && fake_files[i].ctx == ctx &&
		    fake_files[i].dev_id == dev_id)
			return fake_is_noiommu(fake_files[i].node);
	return false;
}

static int
object_destroy(struct fake_ctx *ctx, const struct ifd_destroy *cmd)
{
	const int err = fake_enter(FAKE_DESTROY);

	if (err != 0)
		return err;
	for (size_t i = 0; i < FAKE_OBJECTS; i++) {
		if (cmd->id == 0 || ctx->objects[i].id != cmd->id)
			continue;
		if (fake_has_hwpt(ctx, 0, cmd->id))
			return EBUSY;
		memset(&ctx->objects[i], 0, sizeof(ctx->objects[i]));
		return 0;
	}
	return ENOENT;
}

/* Pins what the IOAS has already. */
static int
hwpt_alloc(struct fake_ctx *ctx, struct ifd_hwpt_alloc *cmd)
{
	int err = fake_enter(FAKE_HWPT_ALLOC);

	if (err != 0)
		return err;
	if (cmd->size < sizeof(*cmd) || ctx->devices == 0 || cmd->dev_id > ctx->last_id)
		return EINVAL;
	if (cmd->flags != 0 || cmd->data_type != 0 || cmd->data_len != 0 || cmd->data_uptr != 0)
		return EOPNOTSUPP;
	if (!fake_has_ioas(ctx, cmd->pt_id))
		return EINVAL;
	err = fake_areas_pin(ctx, cmd->pt_id);
	if (err == 0)
		err = fake_object_new(ctx, cmd->pt_id, &cmd->out_hwpt_id);
	for (size_t i = 0; i < FAKE_OBJECTS && err == 0; i++)
		if (ctx->objects[i].id == cmd->out_hwpt_id)
			ctx->objects[i].noiommu = device_is_noiommu(ctx, cmd->dev_id);
	return err;
}

static uint64_t
area_last(const struct fake_area *area)
{
	return area->iova + (area->len - 1);
}

/* Where an area belongs, or NULL if it overlaps one that is there. */
static struct fake_area **
area_place(struct fake_ctx *ctx, uint32_t ioas, uint64_t iova, uint64_t len)
{
	struct fake_area **link = &ctx->areas;

	for (; *link != NULL && (*link)->iova <= iova + (len - 1); link = &(*link)->next)
		if ((*link)->ioas == ioas && area_last(*link) >= iova)
			return NULL;
	return link;
}

/* io_pagetable.c keeps the alignment that memory has, up to the length and to hugepages. */
static uint64_t
iova_alignment(uint64_t va, uint64_t len)
{
	uint64_t align = HUGEPAGE;

	while (align > FAKE_PAGE && ((va & (align - 1)) != 0 || align >= 2 * len))
		align /= 2;
	return align;
}

/* The lowest IOVA that is free. Not 0: this project must not take that for "none". */
static uint64_t
iova_choose(const struct fake_ctx *ctx, uint32_t ioas, uint64_t va, uint64_t len)
{
	const uint64_t align = iova_alignment(va, len);
	uint64_t iova = align;

	for (const struct fake_area *area = ctx->areas; area != NULL; area = area->next) {
		if (area->ioas != ioas || area_last(area) < iova)
			continue;
		if (area->iova > iova + (len - 1))
			break;
		iova = (area_last(area) + align) & ~(align - 1);
	}
	return iova;
}

/* Of a map or a copy. */
static int
range_error(uint32_t flags, uint64_t iova, uint64_t len, uint64_t other)
{
	const uint32_t rights = IFD_MAP_READABLE | IFD_MAP_WRITEABLE;

	if ((flags | IFD_MAP_FIXED_IOVA) != (rights | IFD_MAP_FIXED_IOVA))
		return EOPNOTSUPP;
	if (len == 0 || ((len | other) & (FAKE_PAGE - 1)) != 0)
		return EINVAL;
	if ((flags & IFD_MAP_FIXED_IOVA) == 0)
		return 0;
	if ((iova & (FAKE_PAGE - 1)) != 0)
		return EINVAL;
	return iova + (len - 1) < iova ? EOVERFLOW : 0;
}

static int
map_error(const struct fake_ctx *ctx, const struct ifd_ioas_map *cmd)
{
	if (cmd->size < sizeof(*cmd) || cmd->reserved != 0)
		return EINVAL;
	if (!fake_has_ioas(ctx, cmd->ioas_id))
		return ENOENT;
	return range_error(cmd->flags, cmd->iova, cmd->length, cmd->user_va);
}

/* Put a copy of an area where it belongs. */
static struct fake_area *
area_add(struct fake_area **link, const struct fake_area *value)
{
	struct fake_area *area = calloc(1, sizeof(*area));

	*area = *value;
	area->next = *link;
	*link = area;
	fake_usage.areas++;
	return area;
}

static int
ioas_map(struct fake_ctx *ctx, struct ifd_ioas_map *cmd)
{
	struct fake_area area = {
		.ioas = cmd->ioas_id,
		.va = cmd->user_va,
		.len = cmd->length,
		.pages = ++last_pages,
	};
	int err = fake_enter(FAKE_MAP);
	struct fake_area **link;

	if (err == 0)
		err = map_error(ctx, cmd);
	if (err != 0)
		return err;
	if ((cmd->flags & IFD_MAP_FIXED_IOVA) == 0)
		cmd->iova = iova_choose(ctx, cmd->ioas_id, cmd->user_va, cmd->length);
	area.iova = cmd->iova;
	link = area_place(ctx, cmd->ioas_id, cmd->iova, cmd->length);
	if (link == NULL)
		return EEXIST;
	if (fake_is_reserved(ctx, cmd->ioas_id, NULL, cmd->iova, cmd->iova + (cmd->length - 1)))
		return EINVAL;
	if (fake_is_absent(cmd->user_va, cmd->length))
		return EFAULT;
	err = fake_has_hwpt(ctx, 0, cmd->ioas_id) ? area_pin(&area) : 0;
	if (err == 0)
		area_add(link, &area);
	return err;
}

static const struct fake_area *
area_at(const struct fake_ctx *ctx, uint32_t ioas, uint64_t iova)
{
	for (const struct fake_area *area = ctx->areas; area != NULL; area = area->next)
		if (area->ioas == ioas && iova >= area->iova && iova <= area_last(area))
			return area;
	return NULL;
}

/* The source has to be mapped throughout, by one area or several. */
static int
copy_error(const struct fake_ctx *ctx, const struct ifd_ioas_copy *cmd)
{
	const uint64_t last = cmd->src_iova + (cmd->length - 1);
	const struct fake_area *area;
	int err;

	if (cmd->size < sizeof(*cmd))
		return EINVAL;
	if (!fake_has_ioas(ctx, cmd->src_ioas_id) || !fake_has_ioas(ctx, cmd->dst_ioas_id))
		return ENOENT;
	err = range_error(cmd->flags, cmd->dst_iova, cmd->length, cmd->src_iova);
	if (err != 0)
		return err;
	if (last < cmd->src_iova)
		return EOVERFLOW;
	for (uint64_t at = cmd->src_iova;; at = area_last(area) + 1) {
		area = area_at(ctx, cmd->src_ioas_id, at);
		if (area == NULL)
			return ENOENT;
		if (area_last(area) >= last)
			return 0;
	}
}

/* Areas of the same pages, which need no further pin (pages.c). */
static int
ioas_copy(struct fake_ctx *ctx, struct ifd_ioas_copy *cmd)
{
	int err = fake_enter(FAKE_COPY);
	const struct fake_area *from;
	struct fake_area **link, area;
	uint64_t done, rest;

	if (err == 0)
		err = copy_error(ctx, cmd);
	if (err != 0)
		return err;
	if ((cmd->flags & IFD_MAP_FIXED_IOVA) == 0) {
		from = area_at(ctx, cmd->src_ioas_id, cmd->src_iova);
		cmd->dst_iova = iova_choose(ctx, cmd->dst_ioas_id,
					    from->va + (cmd->src_iova - from->iova), cmd->length);
	}
	link = area_place(ctx, cmd->dst_ioas_id, cmd->dst_iova, cmd->length);
	if (link == NULL)
		return EEXIST;
	for (done = 0; done < cmd->length; done += area.len) {
		from = area_at(ctx, cmd->src_ioas_id, cmd->src_iova + done);
		area = *from;
		rest = area_last(from) - (cmd->src_iova + done) + 1;
		area.len = rest < cmd->length - done ? rest : cmd->length - done;
		area.va += cmd->src_iova + done - from->iova;
		area.iova = cmd->dst_iova + done;
		link = &area_add(link, &area)->next;
	}
	return 0;
}

/* Whole areas only; the kernel goes upwards and does not put back. */
static int
ioas_unmap(struct fake_ctx *ctx, const struct ifd_ioas_unmap *cmd)
{
	const uint64_t last = cmd->iova + (cmd->length - 1);
	struct fake_area **link = &ctx->areas;
	const int err = fake_enter(FAKE_UNMAP);
	int ret = ENOENT;

	if (err != 0)
		return err;
	if (cmd->size < sizeof(*cmd) || cmd->length == 0)
		return EINVAL;
	while (*link != NULL && (*link)->iova <= last) {
		if ((*link)->ioas != cmd->ioas_id || area_last(*link) < cmd->iova) {
			link = &(*link)->next;
			continue;
		}
		if ((*link)->iova < cmd->iova || area_last(*link) > last)
			return ENOENT;
		area_remove(ctx, link);
		ret = 0;
	}
	return ret;
}

/* Bytes that follow each other from an offset of an area, up to most. */
static uint64_t
area_run(const struct fake_area *area, uint64_t offset, uint64_t most)
{
	const uint64_t start = area_phys(area, offset);
	uint64_t run = FAKE_PAGE - (offset & (FAKE_PAGE - 1));

	if (most > area->len - offset)
		most = area->len - offset;
	while (run < most && area_phys(area, offset + run) == start + run)
		run += FAKE_PAGE;
	return run < most ? run : most;
}

/* hwpt_noiommu.c, in its order. */
static int
pa_error(const struct fake_ctx *ctx, const struct ifd_noiommu_get_pa *cmd)
{
	if (fake.get_pa_error == ENOTTY)
		return ENOTTY;
	if (!fake.rawio)
		return EPERM;
	if (fake.get_pa_error != 0 || cmd->flags != 0 || cmd->reserved != 0)
		return EOPNOTSUPP;
	if (cmd->size < sizeof(*cmd) || cmd->length == 0)
		return EINVAL;
	if (!fake_has_ioas(ctx, cmd->ioas_id))
		return ENOENT;
	for (size_t i = 0; i < FAKE_OBJECTS; i++)
		if (ctx->objects[i].ioas == cmd->ioas_id && ctx->objects[i].noiommu)
			return 0;
	return EOPNOTSUPP;
}

static int
noiommu_get_pa(struct fake_ctx *ctx, struct ifd_noiommu_get_pa *cmd)
{
	int err = fake_enter(FAKE_GET_PA);
	const struct fake_area *area;
	uint64_t offset;

	pa_asked = cmd->length > pa_asked ? cmd->length : pa_asked;
	if (err == 0)
		err = pa_error(ctx, cmd);
	if (err != 0)
		return err;
	area = area_at(ctx, cmd->ioas_id, cmd->iova);
	if (area == NULL)
		return ENOENT;
	offset = cmd->iova - area->iova;
	cmd->out_phys = area_phys(area, offset) + fake.pa_offset;
	cmd->length = area_run(area, offset, cmd->length < fake.pa_run ? cmd->length : fake.pa_run);
	if (fake.pa_length != UINT64_MAX)
		cmd->length = fake.pa_length;
	return 0;
}

int
fake_ioas_ioctl(struct fake_ctx *ctx, unsigned long request, void *arg)
{
	page_migrate(ctx);
	switch (request) {
	case IFD_IOAS_ALLOC:
		return ioas_alloc(ctx, arg);
	case IFD_DESTROY:
		return object_destroy(ctx, arg);
	case IFD_IOVA_RANGES:
		return fake_ranges(ctx, arg);
	case IFD_HWPT_ALLOC:
		return hwpt_alloc(ctx, arg);
	case IFD_IOAS_COPY:
		return ioas_copy(ctx, arg);
	case IFD_IOAS_MAP:
		return ioas_map(ctx, arg);
	case IFD_IOAS_UNMAP:
		return ioas_unmap(ctx, arg);
	case IFD_NOIOMMU_GET_PA:
		return noiommu_get_pa(ctx, arg);
	default:
		return ENOTTY;
	}
}
