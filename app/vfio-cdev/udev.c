/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-vfio-cdev udev: a rule that gives the nodes to a group, so that root is not needed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define GROUP "vfio"
#define GROUP_LEN 32 /* as useradd(8) has it */

/* Of one that has nothing in it that a rule of udev, or fnmatch(3), would read otherwise. */
static bool
group_is_valid(const char *name)
{
	static const char digits[] = "0123456789";
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				      "0123456789.-";
	size_t len = strlen(name);

	if (len == 0 || len > GROUP_LEN || name[strspn(name, letters)] != '\0')
		return false;
	return name[strspn(name, digits)] == '\0' || strchr("0123456789.-", name[0]) == NULL;
}

/* udev resolves names before there is a network, and leaves a node as it is if it cannot. */
static void
group_check(const struct host *host, const char *name)
{
	char pattern[GROUP_LEN + 8], line[8];

	if (strchr("0123456789", name[0]) != NULL)
		return;
	snprintf(pattern, sizeof(pattern), "%s:*", name);
	if (host_find(host, line, sizeof(line), pattern, "/etc/group") < 0)
		cmd_fail("there is no group %s in /etc/group, and without it udev leaves the nodes "
			 "to root: groupadd --system %s",
			 name, name);
}

int
udev_print(const struct host *host, const char *group, FILE *out)
{
	if (!group_is_valid(group))
		return cmd_fail("--group %s: not the name or number of a group", group);
	group_check(host, group);
	fprintf(out,
		"# Lets the group %s open VFIO's character devices and iommufd, as printed by\n"
		"# dpdk-vfio-cdev udev. A device without an IOMMU also needs CAP_SYS_RAWIO, and\n"
		"# reaches all of the memory: who has both is as trusted as root.\n"
		"SUBSYSTEM==\"vfio-dev\", GROUP=\"%s\", MODE=\"0660\"\n"
		"SUBSYSTEM==\"misc\", KERNEL==\"iommu\", GROUP=\"%s\", MODE=\"0660\"\n",
		group, group, group);
	return 0;
}

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	const char **group = state->input;

	if (key == 'g')
		*group = arg;
	else if (key == ARGP_KEY_ARG)
		exit(cmd_fail("udev: %s: takes no argument; see --help", arg));
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp_option options[] = {
	{ "group", 'g', "GROUP", 0, "Its name or number (" GROUP ")", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.doc = "Print a rule for udev that gives /dev/vfio/devices/* and /dev/iommu to a group, "
	       "with the mode 0660. Nothing is installed.\v"
	       "Examples:\n"
	       "  dpdk-vfio-cdev udev >/etc/udev/rules.d/60-dpdk-vfio-cdev.rules\n"
	       "  dpdk-vfio-cdev udev --group dpdk\n"
	       "  udevadm control --reload && udevadm trigger -s vfio-dev -s misc",
};

int
cmd_udev(int argc, char **argv)
{
	const char *group = GROUP;
	struct host host;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &group);
	ret = host_open("", &host);
	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	ret = udev_print(&host, group, stdout);
	host_close(&host);
	return ret;
}
