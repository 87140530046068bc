/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a domain gets a HWPT, without which nothing is pinned and no address is
 * told. With one of our own, pins do not come and go with the devices
 * (drivers/iommu/iommufd/device.c destroys an automatic one with the last
 * detach). That would be one IOMMU's, so where there are any the kernel chooses
 * for each device, and memory waits for the next one after the last.
 *
 * What waits is pinned one mapping at a time, so that others have the domain in
 * between.
 */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_attach.h"
#include "vfio_cdev_check.h"
#include "vfio_cdev_domain.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_provisional.h"

/* Where to go on in each tree. */
struct settling {
	uint32_t attempt;
	uint64_t next[2];
};

static struct vfio_cdev_record *
pending_find(const struct vfio_cdev_tree *tree, uint64_t from)
{
	struct vfio_cdev_record *rec = NULL;

	do {
		rec = vfio_cdev_tree_next(tree, rec, UINT64_MAX, from);
	} while (rec != NULL && rec->pinned);
	return rec;
}

/* The next one that waits. What has come behind is found in another round. */
static struct vfio_cdev_record *
pending_next(struct rte_vfio_cdev_domain *domain, struct settling *settling)
{
	const struct vfio_cdev_tree *trees[] = { &domain->tree, &domain->provisional };
	const uint64_t pending[] = { domain->stats.pending, domain->provisional_pending };
	struct vfio_cdev_record *rec = NULL;

	for (unsigned int i = 0; i < 2 && rec == NULL; i++) {
		if (pending[i] == 0)
			continue;
		rec = pending_find(trees[i], settling->next[i]);
		if (rec == NULL)
			rec = pending_find(trees[i], 0);
		if (rec != NULL)
			settling->next[i] = trees[i]->key(rec);
	}
	return rec;
}

/*
 * Memory that is there only because its address was told may have gone, and that is all
 * right; but not that it cannot be pinned.
 */
static int
provisional_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret;

	if (vfio_cdev_provisional_is_gone(domain, rec))
		goto out_drop;
	ret = vfio_cdev_mapping_pin(domain, rec, NULL, NULL);
	if (ret == 0)
		domain->provisional_pending--;
	if (ret != -EFAULT)
		return ret;
	if (!vfio_cdev_provisional_is_unmapped(domain, vfio_cdev_record_va(rec)))
		return vfio_cdev_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, ret,
				      "0x%" PRIx64 " (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)",
				      rec->va, rec->phys, vfio_cdev_record_len(rec));
out_drop:
	vfio_cdev_provisional_drop(domain, rec, true);
	return 0;
}

static int
pending_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret;

	if (rec->provisional)
		return provisional_pin(domain, rec);
	ret = vfio_cdev_mapping_pin(domain, rec, NULL, NULL);
	if (ret == 0)
		domain->stats.pending--;
	return ret;
}

/* What has been pinned in this attempt waits again. */
static void
settling_undo(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_tree *tree,
	      uint32_t attempt)
{
	struct vfio_cdev_record *rec = NULL;
	int ret;

	while ((rec = vfio_cdev_tree_next(tree, rec, UINT64_MAX, 0)) != NULL) {
		if (!rec->pinned || rec->attempt != attempt)
			continue;
		ret = vfio_cdev_mapping_unpin(domain, rec);
		if (ret < 0)
			vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
					      vfio_cdev_record_va(rec), vfio_cdev_record_len(rec));
	}
}

/* Ordinary mappings take the place of what was told, now that all are pinned. */
static void
settling_end(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec, *next;

	for (rec = vfio_cdev_provisional_next(domain, NULL, 0, 0); rec != NULL; rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, 0, 0);
		if (vfio_cdev_record_around(domain, NULL, vfio_cdev_record_va(rec),
					    vfio_cdev_record_len(rec)) != NULL)
			vfio_cdev_provisional_drop(domain, rec, false);
	}
	domain->ready = true;
}

/* Pin one mapping: 1, or 0 if none waits any more. */
static int
settle_one(struct rte_vfio_cdev_domain *domain, struct settling *settling)
{
	struct vfio_cdev_record *rec = pending_next(domain, settling);
	int ret;

	if (rec == NULL) {
		settling_end(domain);
		return 0;
	}
	rec->attempt = settling->attempt;
	ret = pending_pin(domain, rec);
	if (ret == 0)
		return 1;
	settling_undo(domain, &domain->tree, settling->attempt);
	settling_undo(domain, &domain->provisional, settling->attempt);
	return ret;
}

/* Pin all that waits, or none of it. attach_lock is held. */
static int
settle(struct rte_vfio_cdev_domain *domain)
{
	struct settling settling = { .attempt = 0 };
	int ret;

	vfio_cdev_lock(domain);
	settling.attempt = ++domain->attempt;
	vfio_cdev_unlock(domain);
	do {
		vfio_cdev_lock(domain);
		ret = settle_one(domain, &settling);
		vfio_cdev_unlock(domain);
	} while (ret == 1);
	return ret;
}

int
rte_vfio_cdev_domain_settle(struct rte_vfio_cdev_domain *domain)
{
	int ret;

	pthread_mutex_lock(&domain->attach_lock);
	ret = rte_vfio_cdev_domain_is_ready(domain) ? settle(domain) : -ENODEV;
	pthread_mutex_unlock(&domain->attach_lock);
	return ret;
}

bool
rte_vfio_cdev_domain_is_ready(struct rte_vfio_cdev_domain *domain)
{
	bool ready;

	vfio_cdev_lock(domain);
	ready = domain->ready;
	vfio_cdev_unlock(domain);
	return ready;
}

/* One with which nothing could be pinned is of no use: the next try starts clean. */
static void
hwpt_drop(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_lock(domain);
	if (!domain->ready && vfio_cdev_ioas_destroy(&domain->ioas, domain->hwpt_id) == 0)
		domain->hwpt_id = 0;
	vfio_cdev_unlock(domain);
}

/* Make sure that there is our HWPT, and pin what was pending for it. */
static int
hwpt_settle(struct rte_vfio_cdev_domain *domain, uint32_t dev_id)
{
	int ret = 0;

	vfio_cdev_lock(domain);
	if (domain->hwpt_id == 0)
		ret = vfio_cdev_ioas_hwpt(&domain->ioas, dev_id, &domain->hwpt_id);
	vfio_cdev_unlock(domain);
	if (ret < 0)
		return ret;
	ret = settle(domain);
	if (ret < 0)
		hwpt_drop(domain);
	return ret;
}

int
vfio_cdev_make_ready(struct rte_vfio_cdev_domain *domain, uint32_t dev_id)
{
	int ret;

	pthread_mutex_lock(&domain->attach_lock);
	ret = hwpt_settle(domain, dev_id);
	pthread_mutex_unlock(&domain->attach_lock);
	return ret;
}

/* The kernel may map all the memory for one more IOMMU, which takes its time. */
static int
cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t pt_id)
{
	const struct iommufd_spent before = iommufd_spent();
	int ret = vfio_cdev_ioas_attach(&domain->ioas, cdev, pt_id);

	vfio_cdev_lock_since(domain, before);
	if (ret == -EADDRINUSE && !domain->mode->own_hwpt)
		vfio_cdev_iova_ranges_explain(domain, cdev);
	if (ret == 0 && !domain->mode->own_hwpt)
		ret = vfio_cdev_iova_ranges_read(domain);
	vfio_cdev_unlock(domain);
	return ret;
}

/* With an IOMMU memory comes after the device: it is known only then where it can be. */
int
vfio_cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id)
{
	int ret;

	pthread_mutex_lock(&domain->attach_lock);
	if (domain->mode->own_hwpt) {
		ret = hwpt_settle(domain, dev_id);
		if (ret == 0)
			ret = cdev_attach(domain, cdev, domain->hwpt_id);
	} else {
		ret = cdev_attach(domain, cdev, 0);
		if (ret == 0)
			ret = settle(domain);
	}
	vfio_cdev_lock(domain);
	domain->stats.devices += ret == 0;
	vfio_cdev_unlock(domain);
	pthread_mutex_unlock(&domain->attach_lock);
	return ret;
}

/* What is left to map, and where, once one device fewer is there. */
static void
domain_shrink(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec = NULL;

	if (domain->stats.devices != 0) {
		vfio_cdev_iova_ranges_read(domain);
		return;
	}
	/* The kernel has unpinned it all. */
	while ((rec = vfio_cdev_tree_next(&domain->tree, rec, UINT64_MAX, 0)) != NULL)
		if (rec->pinned)
			vfio_cdev_mapping_unpin(domain, rec);
	vfio_cdev_iova_ranges_clear(domain);
	domain->ready = false;
}

/*
 * Closing detaches and unbinds, after the device was stopped (vfio_main.c), unless
 * another process has the file as well: its IOMMU must not count any more then.
 */
void
vfio_cdev_detach(struct rte_vfio_cdev_domain *domain, int cdev, bool attached)
{
	const struct iommufd_sys *sys = domain->ctx->sys;

	if (!domain->mode->own_hwpt) {
		pthread_mutex_lock(&domain->attach_lock);
		iommufd_device_detach(sys, cdev);
	}
	sys->close(cdev);
	vfio_cdev_lock(domain);
	domain->stats.devices -= attached;
	if (!domain->mode->own_hwpt)
		domain_shrink(domain);
	vfio_cdev_unlock(domain);
	if (!domain->mode->own_hwpt)
		pthread_mutex_unlock(&domain->attach_lock);
}
