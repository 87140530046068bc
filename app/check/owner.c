/* SPDX-License-Identifier: BSD-3-Clause */

/* Nodes that were handed over to a user: the group's alone does not do. */

#include <stdio.h>

#include "check_private.h"

static bool
group_stat(const struct checkup *c, char node[64], struct stat *st)
{
	const struct check_device *d = c->device;
	char group[32];

	if (host_link(c->host, group, sizeof(group), "%s/iommu_group", d->dir) <= 0)
		return false;
	snprintf(node, 64, "/dev/vfio/%s%s",
		 d->info.mode == RTE_VFIO_CDEV_NOIOMMU ? "noiommu-" : "", group);
	return host_stat(c->host, st, "%s", node) == 0;
}

/*
 * Whose of the two is the group's node: another user's than the cdev's, or another
 * group's? One that is left to root says nothing, for the library does not open it.
 */
void
check_node_owner(struct checkup *c)
{
	char node[64], cdev[sizeof("/dev/vfio/devices/") + RTE_VFIO_CDEV_NAME_LEN];
	struct text cure = { 0 };
	struct stat group, st;
	bool uid, gid;

	if (c->device->found != 0 || !group_stat(c, node, &group))
		return;
	snprintf(cdev, sizeof(cdev), "/dev/vfio/devices/%s", c->device->info.name);
	if (host_stat(c->host, &st, "%s", cdev) < 0)
		return;
	uid = group.st_uid != 0 && group.st_uid != st.st_uid;
	gid = group.st_gid != 0 && group.st_gid != st.st_gid;
	if (!uid && !gid)
		return;
	text_add(&cure,
		 "give that one, and /dev/iommu, to a group by the rule that \"dpdk-vfio-cdev "
		 "udev\" prints, or: chown ");
	if (uid)
		text_add(&cure, "%u", group.st_uid);
	if (gid)
		text_add(&cure, ":%u", group.st_gid);
	text_add(&cure, " %s", cdev);
	checkup_add(c, CHECK_WARN, cure.buf,
		    "%s belongs to %u:%u, and %s to %u:%u: dpdk-devbind.py --uid and --gid do not "
		    "reach cdevs",
		    node, group.st_uid, group.st_gid, cdev, st.st_uid, st.st_gid);
}
