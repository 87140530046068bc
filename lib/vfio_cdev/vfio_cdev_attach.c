/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a domain gets a HWPT. Without one the kernel pins nothing and reports no address.
 * Without an IOMMU the domain creates its own, so that pins do not end with the last
 * device (drivers/iommu/iommufd/device.c destroys an automatic one then). A HWPT belongs
 * to one IOMMU, so with IOMMUs the kernel chooses one for each device, and after the
 * last device mappings are pending until the next one.
 *
 * Pending mappings are pinned one at a time, so that other threads can use the domain in
 * between.
 */

#include <errno.h>

#include "vfio_cdev_attach.h"
#include "vfio_cdev_check.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

struct settling {
	uint32_t attempt;
	uint64_t next[2]; /* where to continue in each tree */
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

/* The next pending record. Records added behind are found in another round. */
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

/* A provisional record whose memory is gone is dropped. Other memory must be pinned. */
static int
provisional_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret;

	if (vfio_cdev_provisional_is_gone(domain, rec))
		goto out_drop;
	ret = vfio_cdev_mapping_pin_pending(domain, rec);
	if (ret != -EFAULT)
		return ret;
	if (!vfio_cdev_provisional_is_unmapped(domain, vfio_cdev_record_va(rec)))
		return vfio_cdev_map_fail(domain, ret, rec);
out_drop:
	vfio_cdev_provisional_drop(domain, rec, true);
	return 0;
}

static void
record_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const int ret = vfio_cdev_mapping_unpin(domain, rec);

	if (ret < 0)
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
				      vfio_cdev_record_va(rec), vfio_cdev_record_len(rec));
}

/* Unpin what this attempt has pinned: it is pending again. */
static void
settling_undo(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_tree *tree,
	      uint32_t attempt)
{
	struct vfio_cdev_record *rec = NULL;

	while ((rec = vfio_cdev_tree_next(tree, rec, UINT64_MAX, 0)) != NULL)
		if (rec->pinned && rec->attempt == attempt)
			record_unpin(domain, rec);
}

/* All are pinned: ordinary mappings of the same pages replace provisional pins. */
static void
settling_end(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec, *next;

	for (rec = vfio_cdev_provisional_next(domain, NULL, 0, 0); rec != NULL; rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, 0, 0);
		if (vfio_cdev_mapping_at(domain, vfio_cdev_record_va(rec),
					 vfio_cdev_record_len(rec), rec->phys) != NULL)
			vfio_cdev_provisional_drop(domain, rec, false);
	}
	domain->ready = true;
}

/* Pin one mapping: 1, or 0 if none is pending any more. */
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
	ret = rec->provisional ? provisional_pin(domain, rec) :
				 vfio_cdev_mapping_pin_pending(domain, rec);
	if (ret == 0)
		return 1;
	settling_undo(domain, &domain->tree, settling->attempt);
	settling_undo(domain, &domain->provisional, settling->attempt);
	return ret;
}

/* Pin all pending mappings or none. attach_lock is held. */
static int
settle(struct rte_vfio_cdev_domain *domain)
{
	struct settling settling = { .attempt = 0 };
	int ret;

	vfio_cdev_lock(domain);
	settling.attempt = vfio_cdev_attempt_new(domain);
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

/* Destroy a HWPT for which pinning has failed, so that another attempt starts anew. */
static void
hwpt_drop(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_lock(domain);
	if (!domain->ready && domain->hwpt_id != 0 &&
	    vfio_cdev_ioas_destroy(&domain->areas, domain->hwpt_id) == 0)
		domain->hwpt_id = 0;
	vfio_cdev_unlock(domain);
}

/* Create our HWPT if there is none, and pin pending mappings. */
static int
hwpt_settle(struct rte_vfio_cdev_domain *domain, uint32_t dev_id)
{
	int ret = 0;

	vfio_cdev_lock(domain);
	if (domain->mode->own_hwpt && domain->hwpt_id == 0)
		ret = vfio_cdev_ioas_hwpt(&domain->areas, dev_id, &domain->hwpt_id);
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

/* Without the lock, since the kernel may map all memory for another IOMMU. */
static int
cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t pt_id)
{
	const struct iommufd_spent before = iommufd_spent();
	int ret = vfio_cdev_ioas_attach(&domain->areas, cdev, pt_id);

	vfio_cdev_lock_since(domain, before);
	if (ret == -EADDRINUSE && !domain->mode->own_hwpt)
		vfio_cdev_iova_ranges_explain(domain, cdev);
	if (ret == 0 && !domain->mode->own_hwpt)
		ret = vfio_cdev_iova_ranges_read(domain);
	vfio_cdev_unlock(domain);
	return ret;
}

/* With an IOMMU the device comes first: only then its IOVA ranges are known. */
int
vfio_cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id, bool counted)
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
	domain->stats.devices += counted && ret == 0;
	vfio_cdev_unlock(domain);
	pthread_mutex_unlock(&domain->attach_lock);
	return ret;
}

/* A device is gone: read the IOVA ranges, or after the last one all mappings are pending. */
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
			record_unpin(domain, rec);
	vfio_cdev_iova_ranges_clear(domain);
	domain->ready = false;
}

/*
 * Closing stops, detaches and unbinds the device (vfio_main.c), unless another process
 * has the file too. So with an IOMMU it is detached first, to drop its IOVA ranges.
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
