/* SPDX-License-Identifier: BSD-3-Clause */

/* One mapping: its record, its area in the kernel, and what is counted of it. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

int
vfio_cdev_memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		      int err, const void *va, uint64_t len)
{
	return vfio_cdev_fail(domain->ctx, "memory", step, err, "%p (%" PRIu64 " bytes)", va, len);
}

int
vfio_cdev_range_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		      uint64_t len)
{
	const uint64_t start = (uintptr_t)va;

	if (iova == RTE_VFIO_CDEV_IOVA_ANY && domain->mode->tells_pa)
		iova = 0;
	if (len == 0 || len > VFIO_CDEV_MAX_LEN - VFIO_CDEV_PAGE)
		return -EINVAL;
	if (((start | iova | len) & (VFIO_CDEV_PAGE - 1)) != 0)
		return -EINVAL;
	if (start + (len - 1) < start || iova + (len - 1) < iova)
		return -EINVAL;
	return 0;
}

int
vfio_cdev_page_size_check(const void *va, uint64_t len, uint64_t page_size)
{
	if (page_size < VFIO_CDEV_PAGE || (page_size & (page_size - 1)) != 0)
		return -EINVAL;
	return (((uintptr_t)va | len) & (page_size - 1)) != 0 ? -EINVAL : 0;
}

int
vfio_cdev_can_tell(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	if (!domain->mode->tells_pa)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP, va,
					     len);
	return domain->ready ? 0 :
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENODEV, va, len);
}

struct vfio_cdev_record *
vfio_cdev_record_new(const struct vfio_cdev_record *value)
{
	struct vfio_cdev_record *rec = malloc(sizeof(*rec));

	if (rec != NULL)
		*rec = *value;
	return rec;
}

void
vfio_cdev_mapping_log(const struct rte_vfio_cdev_domain *domain, const char *change,
		      const struct vfio_cdev_record *rec)
{
	const struct rte_vfio_cdev_stats *stats = &domain->stats;

	vfio_cdev_log(domain->ctx, RTE_VFIO_CDEV_LOG_DEBUG,
		      "%s 0x%" PRIx64 " at IOVA 0x%" PRIx64 ", %" PRIu64 " bytes; now %" PRIu64
		      " pages mapped, %" PRIu64 " verified", change, rec->va, rec->phys,
		      vfio_cdev_record_len(rec), stats->pages_mapped, stats->pages_verified);
}

static struct vfio_cdev_tree *
tree_of(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	return rec->provisional ? &domain->provisional : &domain->tree;
}

static uint64_t *
waiting_of(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	return rec->provisional ? &domain->provisional_waiting : &domain->stats.pending;
}

void
vfio_cdev_mapping_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_tree_add(tree_of(domain, rec), rec);
	*waiting_of(domain, rec) += !rec->pinned;
}

void
vfio_cdev_mapping_take(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_tree_remove(tree_of(domain, rec), rec);
	*waiting_of(domain, rec) -= !rec->pinned;
}

struct vfio_cdev_record *
vfio_cdev_mapping_around(const struct rte_vfio_cdev_domain *domain,
			 const struct vfio_cdev_record *after, const void *va, uint64_t len)
{
	struct vfio_cdev_record *rec = (struct vfio_cdev_record *)(uintptr_t)after;
	const uintptr_t start = (uintptr_t)va;

	do {
		rec = vfio_cdev_tree_next(&domain->tree, rec, start, start + (len - 1));
	} while (rec != NULL && (!rec->pinned || rec->bar));
	return rec;
}

struct vfio_cdev_record *
vfio_cdev_mapping_find(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		       uint64_t len)
{
	const struct vfio_cdev_record want = VFIO_CDEV_RECORD(va, iova, len, VFIO_CDEV_PAGE);
	const uint64_t key = domain->mode->key(&want);
	struct vfio_cdev_record *rec = NULL;

	do {
		rec = vfio_cdev_tree_next(&domain->tree, rec, key, key + (len - 1));
	} while (rec != NULL && (!vfio_cdev_record_is(rec, va, len) ||
				 (iova != RTE_VFIO_CDEV_IOVA_ANY && rec->phys != iova)));
	return rec;
}

/* What one passage over the pages of an area compares and counts. */
struct passage {
	struct rte_vfio_cdev_domain *domain;
	const struct vfio_cdev_record *rec;
	uint64_t stated;	/* where the first page has to be, or ANY */
	uint64_t first;		/* where it is */
	uint64_t off, phys;	/* of the page that is looked at */
	uint64_t pages;
	vfio_cdev_run_t run;
	void *arg;
};

static int
passage_fail(const struct passage *pass, int err)
{
	const uint64_t stated = vfio_cdev_iova_at(pass->stated, pass->off);

	if (err != -EADDRNOTAVAIL)
		return vfio_cdev_fail(pass->domain->ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, err,
				      "0x%" PRIx64 " (%" PRIu64 " bytes)", pass->rec->va,
				      vfio_cdev_record_len(pass->rec));
	pass->domain->stats.misplaced++;
	return vfio_cdev_fail(pass->domain->ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, err,
			      "0x%" PRIx64 " (IOVA 0x%" PRIx64 ", kernel says 0x%" PRIx64 ")",
			      pass->rec->va + pass->off, stated, pass->phys);
}

static int
passage_stated(struct passage *pass, uint64_t off, uint64_t phys)
{
	pass->off = off;
	pass->phys = phys;
	if (off == 0)
		pass->first = phys;
	return pass->stated == RTE_VFIO_CDEV_IOVA_ANY || phys == pass->stated + off ? 0 :
		-EADDRNOTAVAIL;
}

static int
run_verify(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct passage *pass = arg;
	const unsigned int shift = pass->rec->page_shift;
	int ret = passage_stated(pass, off, phys);

	/* A page is aligned to its size: this is no page, or a part of one. */
	if (ret == 0 && pass->rec->any && (phys & ((UINT64_C(1) << shift) - 1)) != 0)
		ret = -EINVAL;
	if (ret == 0 && pass->run != NULL)
		ret = pass->run(pass->arg, off, phys, len);
	if (ret < 0)
		return ret;
	pass->pages += len >> shift;
	if (pass->rec->any && !pass->rec->provisional)
		vfio_cdev_numa_count(pass->domain, phys, len, true);
	return 0;
}

/*
 * Ask where all of it is; on error nothing is counted, and the area has gone. Memory that
 * may be anywhere is counted on its nodes on the way.
 */
static int
area_verify(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
	    vfio_cdev_run_t run, void *arg)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	struct passage pass = {
		.domain = domain,
		.rec = rec,
		.stated = rec->any ? RTE_VFIO_CDEV_IOVA_ANY : rec->phys,
		.run = run,
		.arg = arg,
	};
	struct rte_vfio_cdev_stats before;
	int ret;

	if (rec->any)
		before = domain->stats;
	ret = vfio_cdev_ioas_runs(&domain->ioas, rec->iova, len, rec->page_shift, run_verify,
				  &pass);
	if (ret < 0) {
		if (rec->any)
			domain->stats = before;
		passage_fail(&pass, ret);
		vfio_cdev_ioas_undo(&domain->ioas, rec->iova, len);
		return ret;
	}
	rec->phys = pass.first;
	domain->stats.verified += pass.pages;
	return 0;
}

/* All but what is on which node, which takes the kernel's word for each page. */
static void
pages_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec, bool in)
{
	const uint64_t len = in ? vfio_cdev_record_len(rec) : -vfio_cdev_record_len(rec);
	const uint64_t count = vfio_cdev_record_len(rec) >> rec->page_shift;
	const uint64_t pages = in ? count : -count;
	struct rte_vfio_cdev_stats *stats = &domain->stats;

	if (rec->provisional) {
		stats->provisional_bytes += len;
		return;
	}
	stats->mappings += in ? 1 : -1;
	if (rec->bar)
		return;
	stats->bytes += len;
	stats->pages_mapped += pages;
	if (domain->mode->tells_pa)
		stats->pages_verified += pages;
}

struct nodes_count {
	struct rte_vfio_cdev_domain *domain;
	uint64_t done;
	bool in;
};

static int
run_count(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct nodes_count *count = arg;

	(void)off;
	vfio_cdev_numa_count(count->domain, phys, len, count->in);
	count->done += len;
	return 0;
}

/* If the kernel does not tell any more (CAP_SYS_RAWIO), the first page stands for the rest. */
static void
nodes_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec, bool in)
{
	struct nodes_count count = { .domain = domain, .in = in };
	const uint64_t len = vfio_cdev_record_len(rec);

	if (rec->provisional || rec->bar)
		return;
	if (rec->any && domain->node_count > 1)
		vfio_cdev_ioas_runs(&domain->ioas, rec->iova, len, rec->page_shift, run_count,
				    &count);
	if (count.done < len)
		vfio_cdev_numa_count(domain, rec->phys, len - count.done, in);
}

void
vfio_cdev_mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			bool in)
{
	pages_count(domain, rec, in);
	nodes_count(domain, rec, in);
}

/*
 * A BAR cannot be pinned (EFAULT, mm/gup.c) and does not move: its address must be
 * right, that is all.
 */
static int
area_map(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	int ret = vfio_cdev_range_usable(domain, rec);

	if (ret < 0)
		return ret;
	if (domain->mode->tells_pa)
		rec->iova = RTE_VFIO_CDEV_IOVA_ANY;
	ret = vfio_cdev_ioas_map(&domain->ioas, vfio_cdev_record_va(rec), len, &rec->iova);
	rec->bar = ret == -EFAULT && domain->mode->takes_bars && !rec->any && !rec->provisional &&
		vfio_cdev_bar_has(domain->ctx, rec->phys, len);
	if (ret < 0 && !rec->bar && !(rec->provisional && ret == -EFAULT))
		vfio_cdev_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, ret,
			       "%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)",
			       vfio_cdev_record_va(rec), rec->phys, len);
	return rec->bar ? 0 : ret;
}

int
vfio_cdev_mapping_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		      vfio_cdev_run_t run, void *arg)
{
	int ret = area_map(domain, rec);

	if (ret < 0)
		return ret;
	if (domain->mode->tells_pa && !rec->bar) {
		ret = area_verify(domain, rec, run, arg);
		if (ret < 0)
			return ret;
	}
	if (!rec->any)
		nodes_count(domain, rec, true);
	rec->pinned = 1;
	pages_count(domain, rec, true);
	if (rec->provisional)
		return 0;
	domain->stats.maps += !rec->bar;
	vfio_cdev_mapping_log(domain, rec->bar ? "recorded a BAR," : "mapped", rec);
	return 0;
}

int
vfio_cdev_mapping_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret = 0;

	vfio_cdev_mapping_count(domain, rec, false);
	if (!rec->bar)
		ret = vfio_cdev_ioas_unmap(&domain->ioas, rec->iova, vfio_cdev_record_len(rec));
	if (ret < 0) {
		vfio_cdev_mapping_count(domain, rec, true);
		return ret;
	}
	rec->pinned = 0;
	*waiting_of(domain, rec) += 1;
	if (rec->provisional)
		return 0;
	domain->stats.unmaps += !rec->bar;
	vfio_cdev_mapping_log(domain, "unmapped", rec);
	if (rec->any)
		rec->phys = RTE_VFIO_CDEV_IOVA_ANY;
	return 0;
}

/* The same as where the mapped memory is? */
static int
run_same(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct passage *pass = arg;

	(void)len;
	return passage_stated(pass, off, phys);
}

static int
run_compare(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct passage *pass = arg, old = *pass;
	int ret = passage_stated(pass, off, phys);

	pass->pages += len >> pass->rec->page_shift;
	if (ret < 0 || !pass->rec->any)
		return ret;
	old.stated = phys;
	ret = vfio_cdev_ioas_runs(&pass->domain->ioas, pass->rec->iova + off, len,
				  pass->rec->page_shift, run_same, &old);
	if (ret < 0) {
		pass->off = off + old.off;
		pass->phys = phys + old.off;
		pass->stated = old.phys - pass->off;
	}
	return ret;
}

int
vfio_cdev_mapping_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			  uint64_t stated)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	struct passage pass = {
		.domain = domain,
		.rec = rec,
		.stated = rec->any ? stated : rec->phys,
	};
	uint64_t iova = RTE_VFIO_CDEV_IOVA_ANY;
	int ret;

	if (!rec->pinned || !domain->mode->tells_pa || rec->bar)
		return 0;
	ret = vfio_cdev_ioas_map(&domain->ioas, vfio_cdev_record_va(rec), len, &iova);
	if (ret < 0)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret,
					     vfio_cdev_record_va(rec), len);
	ret = vfio_cdev_ioas_runs(&domain->ioas, iova, len, rec->page_shift, run_compare, &pass);
	if (ret < 0)
		passage_fail(&pass, ret);
	else
		domain->stats.verified += pass.pages;
	vfio_cdev_ioas_undo(&domain->ioas, iova, len);
	return ret;
}

int
vfio_cdev_mapping_phys(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec, uint64_t off, uint64_t *phys)
{
	if (rec->any)
		return vfio_cdev_ioas_phys(&domain->ioas, rec->iova + off, phys);
	*phys = rec->phys + off;
	return 0;
}

int
vfio_cdev_page_phys(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys)
{
	uint64_t iova = RTE_VFIO_CDEV_IOVA_ANY;
	int ret = vfio_cdev_ioas_map(&domain->ioas, page, VFIO_CDEV_PAGE, &iova);

	if (ret < 0)
		return ret;
	ret = vfio_cdev_ioas_phys(&domain->ioas, iova, phys);
	vfio_cdev_ioas_undo(&domain->ioas, iova, VFIO_CDEV_PAGE);
	return ret;
}
