/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Unmapping, also of parts of mappings. The kernel unmaps only whole areas. The parts that
 * stay are copied to other IOVAs first, so they stay pinned all the time. That is possible
 * without an IOMMU, where no device uses IOVAs.
 */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_piece.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

/* The memory of a call. */
struct span {
	const void *va;
	uint64_t iova;
	uint64_t start; /* keys of the first and the last byte */
	uint64_t last;
};

/* A mapping that loses some of its memory, or one user of some of it. */
struct cut {
	struct vfio_cdev_record *rec;
	struct vfio_cdev_record *parts[3]; /* new records that stay */
	unsigned int count;
	struct vfio_cdev_record goes;
};

/* A record of len bytes from an offset on. */
static struct vfio_cdev_record
record_part(const struct vfio_cdev_record *rec, uint64_t off, uint64_t len)
{
	struct vfio_cdev_record part = *rec;

	part.va += off;
	part.iova += off;
	part.phys = vfio_cdev_iova_at(rec->phys, off);
	part.units = len >> VFIO_CDEV_UNIT_SHIFT;
	return part;
}

static int
run_compare(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	(void)len;
	return phys == *(const uint64_t *)arg + off ? 0 : -EADDRNOTAVAIL;
}

/*
 * Pin a part of a mapping once more. Where the kernel cannot copy the pin, other memory may be
 * at the VA by now.
 */
static int
part_copy(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *part, uint64_t from,
	  uint64_t len)
{
	int ret = vfio_cdev_area_copy(&domain->areas, from, len, &part->iova);

	if (ret < 0 || domain->mode->confirms || !domain->mode->reports_pa || part->any)
		return ret;
	ret = vfio_cdev_area_runs(&domain->areas, part->iova, len, part->page_shift, run_compare,
				  &part->phys);
	if (ret < 0)
		vfio_cdev_area_undo(&domain->areas, part->iova, len);
	return ret;
}

/* Keep a part of a mapping, at another IOVA. */
static int
part_keep(struct rte_vfio_cdev_domain *domain, struct cut *cut, uint64_t off, uint64_t len,
	  unsigned int users)
{
	const struct vfio_cdev_record value = record_part(cut->rec, off, len);
	struct vfio_cdev_record *part;
	int ret = 0;

	if (len == 0 || users == 0)
		return 0;
	part = vfio_cdev_record_new(&value);
	if (part == NULL)
		return -ENOMEM;
	part->users = users;
	if (part->pinned && !part->bar) {
		ret = vfio_cdev_mapping_phys(domain, cut->rec, off, &part->phys);
		if (ret == 0)
			ret = part_copy(domain, part, value.iova, len);
	}
	if (ret < 0)
		free(part);
	else
		cut->parts[cut->count++] = part;
	return ret;
}

static void
cut_undo(struct rte_vfio_cdev_domain *domain, struct cut *cut)
{
	for (unsigned int i = 0; i < cut->count; i++) {
		if (cut->rec->pinned && !cut->rec->bar)
			vfio_cdev_area_undo(&domain->areas, cut->parts[i]->iova,
					    vfio_cdev_record_len(cut->parts[i]));
		free(cut->parts[i]);
	}
	cut->count = 0;
}

/* Make the parts that stay. The mapping itself does not change yet. */
static int
cut_make(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec, const struct span *span,
	 struct cut *cut)
{
	const uint64_t key = domain->mode->key(rec), len = vfio_cdev_record_len(rec);
	const uint64_t from = span->start > key ? span->start - key : 0;
	const uint64_t to = span->last - key < len ? span->last - key + 1 : len;
	int ret;

	*cut = (struct cut){ .rec = rec };
	cut->goes = record_part(rec, from, to - from);
	ret = part_keep(domain, cut, 0, from, rec->users);
	if (ret == 0)
		ret = part_keep(domain, cut, from, to - from, rec->users - 1);
	if (ret == 0)
		ret = part_keep(domain, cut, to, len - to, rec->users);
	if (ret < 0)
		cut_undo(domain, cut);
	return ret;
}

/* Replace the mapping by its parts. On error it stays as before. */
static int
cut_commit(struct rte_vfio_cdev_domain *domain, struct cut *cut)
{
	struct vfio_cdev_record *rec = cut->rec;
	const bool pinned = rec->pinned, goes = pinned && rec->users == 1;
	int ret = 0;

	if (goes)
		vfio_cdev_mapping_count(domain, &cut->goes, false);
	if (pinned && !rec->bar)
		ret = vfio_cdev_area_unmap(&domain->areas, rec->iova, vfio_cdev_record_len(rec));
	if (ret < 0) {
		if (goes)
			vfio_cdev_mapping_count(domain, &cut->goes, true);
		cut_undo(domain, cut);
		return ret;
	}
	vfio_cdev_record_remove(domain, rec);
	free(rec);
	for (unsigned int i = 0; i < cut->count; i++)
		vfio_cdev_record_add(domain, cut->parts[i]);
	if (pinned)
		domain->stats.mappings += cut->count - !goes;
	if (goes) {
		domain->stats.unmaps += !cut->goes.bar;
		vfio_cdev_mapping_log(domain, "unmapped", &cut->goes);
	}
	return 0;
}

/* Bytes of a mapping outside the span. */
static uint64_t
outside(const struct rte_vfio_cdev_domain *domain, const struct span *span,
	const struct vfio_cdev_record *rec)
{
	const uint64_t key = domain->mode->key(rec), last = key + (vfio_cdev_record_len(rec) - 1);

	return (key < span->start ? span->start - key : 0) +
		(last > span->last ? last - span->last : 0);
}

/* Whether it maps this memory at the address that the caller has given. */
static bool
is_requested(const struct rte_vfio_cdev_domain *domain, const struct span *span,
	     const struct vfio_cdev_record *rec)
{
	if (domain->mode->reports_pa &&
	    (span->iova == RTE_VFIO_CDEV_IOVA_ANY || rec->phys == RTE_VFIO_CDEV_IOVA_ANY))
		return span->iova == RTE_VFIO_CDEV_IOVA_ANY;
	return rec->phys - rec->va == span->iova - (uintptr_t)span->va &&
		(!rec->any || span->iova == rec->phys);
}

/*
 * The mapping of the span that begins at a key; at the start of the span, also one that
 * contains the key. Of several the one with the fewest bytes outside the span. Not a pin's.
 */
static struct vfio_cdev_record *
span_mapping(const struct rte_vfio_cdev_domain *domain, const struct span *span, uint64_t at)
{
	struct vfio_cdev_record *rec = NULL, *best = NULL;

	while ((rec = vfio_cdev_tree_next(&domain->tree, rec, at, at)) != NULL)
		if (!vfio_cdev_record_is_pin(rec) &&
		    (at == span->start || domain->mode->key(rec) == at) &&
		    is_requested(domain, span, rec) &&
		    (best == NULL || outside(domain, span, rec) < outside(domain, span, best)))
			best = rec;
	return best;
}

static uint64_t
record_end(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	return domain->mode->key(rec) + vfio_cdev_record_len(rec);
}

/* Whether a mapping can be cut at the start and the end of the span. */
static int
cut_check(const struct rte_vfio_cdev_domain *domain, const struct span *span,
	  const struct vfio_cdev_record *rec)
{
	const uint64_t page = (UINT64_C(1) << rec->page_shift) - 1;
	const uint64_t key = domain->mode->key(rec);
	const bool above = span->last - key < vfio_cdev_record_len(rec) - 1;

	if (outside(domain, span, rec) == 0)
		return 0;
	if (!domain->mode->splits)
		return -EOPNOTSUPP;
	if (key < span->start && ((span->start - key) & page) != 0)
		return -EOPNOTSUPP;
	return above && ((span->last + 1 - key) & page) != 0 ? -EOPNOTSUPP : 0;
}

/* Check that mappings cover the span and can be cut. *end is the last one. */
static int
span_check(const struct rte_vfio_cdev_domain *domain, const struct span *span,
	   struct vfio_cdev_record **end)
{
	struct vfio_cdev_record *rec;
	uint64_t at = span->start;
	int ret = 0;

	do {
		rec = span_mapping(domain, span, at);
		if (rec == NULL)
			return -ENOENT;
		if (ret == 0)
			ret = cut_check(domain, span, rec);
		at = record_end(domain, rec);
	} while (at - 1 < span->last);
	*end = rec;
	return ret;
}

/* Drop whole mappings from a key on, up to one that is cut (NULL: all). */
static int
wholes_drop(struct rte_vfio_cdev_domain *domain, const struct span *span, uint64_t at,
	    const struct vfio_cdev_record *end)
{
	struct vfio_cdev_record *rec;
	int ret = 0;

	while (ret == 0 && at - 1 != span->last) {
		rec = span_mapping(domain, span, at);
		if (rec == end)
			return 0;
		at = record_end(domain, rec);
		ret = vfio_cdev_mapping_drop(domain, rec);
	}
	return ret;
}

/*
 * The span begins or ends inside mappings, or has several. What can fail comes first. If
 * the kernel fails to unmap later, lower mappings may be gone already.
 */
static int
parts_unmap(struct rte_vfio_cdev_domain *domain, const struct span *span)
{
	struct vfio_cdev_record *first = span_mapping(domain, span, span->start), *end;
	struct cut cuts[2] = { { .count = 0 }, { .count = 0 } };
	uint64_t at = span->start;
	int ret;

	ret = span_check(domain, span, &end);
	if (ret == 0 && outside(domain, span, first) != 0)
		ret = cut_make(domain, first, span, &cuts[0]);
	if (ret == 0 && end != first && outside(domain, span, end) != 0) {
		ret = cut_make(domain, end, span, &cuts[1]);
		if (ret < 0 && cuts[0].rec != NULL)
			cut_undo(domain, &cuts[0]);
	}
	if (ret == 0 && cuts[0].rec != NULL) {
		at = record_end(domain, first);
		ret = cut_commit(domain, &cuts[0]);
	}
	if (ret == 0 && (cuts[0].rec == NULL || end != first))
		ret = wholes_drop(domain, span, at, cuts[1].rec);
	if (cuts[1].rec == NULL)
		return ret;
	if (ret == 0)
		return cut_commit(domain, &cuts[1]);
	cut_undo(domain, &cuts[1]);
	return ret;
}

/* Piece by piece, as it was mapped. Other threads can use the domain in between. */
static int
pieces_unmap(struct rte_vfio_cdev_domain *domain, const struct span *span, uint64_t len,
	     uint64_t page)
{
	struct vfio_cdev_record *rec;
	uint64_t piece;
	int ret = 0;

	for (uint64_t off = 0; ret == 0 && off < len; off += piece) {
		piece = vfio_cdev_piece_len(span->start, off, len, page);
		vfio_cdev_lock(domain);
		rec = vfio_cdev_record_find(domain, (const char *)span->va + off,
					    vfio_cdev_iova_at(span->iova, off), piece);
		ret = rec != NULL ? vfio_cdev_mapping_drop(domain, rec) : -ENOENT;
		vfio_cdev_unlock(domain);
	}
	return ret;
}

static int
span_unmap(struct rte_vfio_cdev_domain *domain, const struct span *span, uint64_t len)
{
	struct vfio_cdev_record *rec;
	uint64_t page;
	int ret;

	vfio_cdev_lock(domain);
	page = vfio_cdev_pieces_page(domain, span->va, span->iova);
	rec = vfio_cdev_record_find(domain, span->va, span->iova, len);
	if (rec != NULL)
		ret = vfio_cdev_mapping_drop(domain, rec);
	else if (len > VFIO_CDEV_PIECE && vfio_cdev_pieces_match(domain, span->va, span->iova, len))
		ret = 1;
	else
		ret = parts_unmap(domain, span);
	vfio_cdev_unlock(domain);
	return ret == 1 ? pieces_unmap(domain, span, len, page) : ret;
}

int
rte_vfio_cdev_domain_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			   uint64_t len)
{
	const struct vfio_cdev_record want = VFIO_CDEV_RECORD(va, iova, len, domain->ctx->page);
	const uint64_t key = domain->mode->key(&want);
	const struct span span = { va, iova, key, key + (len - 1) };
	int ret = vfio_cdev_args_check(domain, va, iova, len, domain->ctx->page);

	if (ret == 0)
		ret = span_unmap(domain, &span, len);
	if (ret < 0)
		vfio_cdev_iova_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, va, iova, len);
	return ret;
}
