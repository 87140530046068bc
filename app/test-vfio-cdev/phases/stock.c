/* SPDX-License-Identifier: BSD-3-Clause */

#include <unistd.h>

#include "stock.h"

/* Stock DPDK takes the group's number from sysfs and opens its node. */
static bool
stock_has_group(const struct run *run, const struct rte_vfio_cdev_info *info)
{
	bool noiommu = info->mode != RTE_VFIO_CDEV_TRANSLATED;
	char group[32], node[64];

	if (host_link(&run->host, group, sizeof(group), "/sys/bus/pci/devices/%s/iommu_group",
		      info->addr) < 0)
		return false;
	snprintf(node, sizeof(node), "/dev/vfio/%s%s", noiommu ? "noiommu-" : "", group);
	return access(node, R_OK | W_OK) == 0;
}

enum verdict
stock_compare(struct run *run, struct result *result, stock_measure_t measure)
{
	struct result stock = { .name = result->name };
	char text[sizeof(result->stock)] = "";
	enum verdict verdict;

	if (!run->options->compare)
		return result->verdict;
	for (unsigned int i = 0; i < run->count; i++) {
		if (!stock_has_group(run, &run->devices[i])) {
			result_stock(result, "not run: %s has no VFIO group", run->devices[i].addr);
			return result->verdict;
		}
	}
	verdict = measure(run, true, text, sizeof(text), &stock);
	json_decref(stock.details);
	if (verdict == VERDICT_STOPPED)
		return result_stopped(result);
	result_stock(result, "%s", verdict != VERDICT_PASS ? stock.text : text);
	return result->verdict;
}
