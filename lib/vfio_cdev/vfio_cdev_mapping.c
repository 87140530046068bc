/* SPDX-License-Identifier: BSD-3-Clause */

/* One mapping: its record, its area in the kernel, and its part of the statistics. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_numa.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_sysfs.h"
#include "vfio_cdev_verify.h"

void
vfio_cdev_mapping_log(const struct rte_vfio_cdev_domain *domain, const char *change,
		      const struct vfio_cdev_record *rec)
{
	const struct rte_vfio_cdev_stats *stats = &domain->stats;

	vfio_cdev_log(domain->ctx, RTE_VFIO_CDEV_LOG_DEBUG,
		      "%s 0x%" PRIx64 " at IOVA 0x%" PRIx64 ", %" PRIu64 " bytes; now %" PRIu64
		      " pages mapped, %" PRIu64 " verified",
		      change, rec->va, rec->phys, vfio_cdev_record_len(rec), stats->pages_mapped,
		      stats->pages_verified);
}

/* Count everything but nodes, which need the address of each page. */
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
	if (domain->mode->confirms)
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

/* If the kernel reports no more addresses (CAP_SYS_RAWIO), the first page stands for all. */
static void
nodes_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec, bool in)
{
	struct nodes_count count = { .domain = domain, .in = in };
	const uint64_t len = vfio_cdev_record_len(rec);

	if (rec->provisional || rec->bar)
		return;
	if (rec->any && domain->numa_range_count > 1)
		vfio_cdev_area_runs(&domain->areas, rec->iova, len, rec->page_shift, run_count,
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
 * A BAR cannot be pinned (EFAULT, mm/gup.c) and does not move: only its address is
 * checked.
 */
static int
area_map(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	int ret = vfio_cdev_iova_range_check(domain, rec);

	if (ret < 0)
		return ret;
	if (domain->mode->reports_pa)
		rec->iova = RTE_VFIO_CDEV_IOVA_ANY;
	ret = vfio_cdev_area_map(&domain->areas, vfio_cdev_record_va(rec), len, rec->page_shift,
				 &rec->iova);
	rec->bar = ret == -EFAULT && domain->mode->takes_bars && !rec->any && !rec->provisional &&
		vfio_cdev_bar_has(domain->ctx, rec->phys, len);
	if (ret < 0 && !rec->bar && !(rec->provisional && ret == -EFAULT))
		vfio_cdev_map_fail(domain, ret, rec);
	return rec->bar ? 0 : ret;
}

int
vfio_cdev_mapping_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		      vfio_cdev_run_t run, void *arg)
{
	int ret = area_map(domain, rec);

	if (ret < 0)
		return ret;
	if (domain->mode->reports_pa && !rec->bar) {
		ret = vfio_cdev_verify(domain, rec, run, arg);
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
		ret = vfio_cdev_area_unmap(&domain->areas, rec->iova, vfio_cdev_record_len(rec));
	if (ret < 0) {
		vfio_cdev_mapping_count(domain, rec, true);
		return ret;
	}
	rec->pinned = 0;
	(*vfio_cdev_record_pending(domain, rec))++;
	if (rec->provisional)
		return 0;
	domain->stats.unmaps += !rec->bar;
	vfio_cdev_mapping_log(domain, "unmapped", rec);
	if (rec->any)
		rec->phys = RTE_VFIO_CDEV_IOVA_ANY;
	return 0;
}

int
vfio_cdev_mapping_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret = 0;

	if (rec->users > 1) {
		rec->users--;
		return 0;
	}
	if (rec->pinned)
		ret = vfio_cdev_mapping_unpin(domain, rec);
	if (ret < 0)
		return ret;
	vfio_cdev_record_remove(domain, rec);
	free(rec);
	return 0;
}

/* The record is allocated first: once the memory is pinned this must not fail. */
int
vfio_cdev_mapping_create(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *value,
			 vfio_cdev_run_t run, void *arg, struct vfio_cdev_record **created)
{
	struct vfio_cdev_record *rec = vfio_cdev_record_new(value);
	int ret;

	if (rec == NULL)
		return vfio_cdev_map_fail(domain, -ENOMEM, value);
	if (domain->ready) {
		ret = vfio_cdev_mapping_pin(domain, rec, run, arg);
		if (ret < 0) {
			free(rec);
			return ret;
		}
	} else {
		vfio_cdev_mapping_log(domain, "will map", rec);
	}
	vfio_cdev_record_add(domain, rec);
	*created = rec;
	return 0;
}

int
vfio_cdev_mapping_pin_pending(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret = vfio_cdev_mapping_pin(domain, rec, NULL, NULL);

	if (ret == 0)
		(*vfio_cdev_record_pending(domain, rec))--;
	return ret;
}
