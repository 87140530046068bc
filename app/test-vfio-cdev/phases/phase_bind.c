/* SPDX-License-Identifier: BSD-3-Clause */

/* Each cdev opened, bound, attached and closed, by librte_vfio_cdev alone. */

#include <string.h>

#include "phase.h"

/* The library's last error, which is more than the errno. */
static void
bind_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	struct result *result = arg;

	if (level <= RTE_VFIO_CDEV_LOG_ERR)
		result_fail(result, "%s", line);
}

static enum verdict
bind_device(struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	    struct result *result)
{
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *device;
	int ret;

	ret = rte_vfio_cdev_domain_create(ctx, info->mode, &domain);
	if (ret == 0) {
		ret = rte_vfio_cdev_device_open(domain, info, NULL, &device);
		if (ret == 0)
			rte_vfio_cdev_device_close(device);
		if (rte_vfio_cdev_domain_destroy(domain) != 0)
			return result_fail(result, "%s: a device is left in its domain",
					   info->addr);
	}
	if (ret != 0 && result->text[0] == '\0')
		return result_fail(result, "%s: %s", info->addr, strerror(-ret));
	return ret != 0 ? VERDICT_FAIL : VERDICT_PASS;
}

enum verdict
phase_bind(struct run *run, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	struct rte_vfio_cdev_ctx *ctx;
	unsigned int of[RTE_VFIO_CDEV_MODES] = { 0 };

	if (rte_vfio_cdev_ctx_create(bind_log, result, &ctx) != 0)
		return result_error(result, "no memory");
	for (unsigned int i = 0; i < run->count && verdict == VERDICT_PASS; i++) {
		progress_step(&run->progress, "%s", run->devices[i].addr);
		verdict = bind_device(ctx, &run->devices[i], result);
		of[run->devices[i].mode]++;
	}
	rte_vfio_cdev_ctx_free(ctx);
	if (verdict != VERDICT_PASS)
		return verdict;
	return result_pass(result, "%u without an IOMMU, %u with one", of[RTE_VFIO_CDEV_NOIOMMU],
			   of[RTE_VFIO_CDEV_TRANSLATED]);
}
