/* SPDX-License-Identifier: BSD-3-Clause */

/* What this process may do: capabilities, user namespace, /dev/iommu, addresses. */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/capability.h>

#include "check_private.h"

#define NO_PA "\"Cannot use IOVA as 'PA' since physical addresses are not available\""
#define VA_ONLY "\"Expecting 'PA' IOVA mode but current mode is 'VA'\""

/* A device with an IOMMU among those that are looked at, or NULL. */
static const struct check_device *
translated_find(const struct checkup *c)
{
	for (int i = 0; i < c->count; i++)
		if (c->devices[i].found == 0 && c->devices[i].info.mode == RTE_VFIO_CDEV_TRANSLATED)
			return &c->devices[i];
	return NULL;
}

/* It shows addresses to CAP_SYS_ADMIN of the initial user namespace (fs/proc/task_mmu.c). */
static bool
pagemap_is_readable(const struct host *host)
{
	return process_has_cap(host, CAP_SYS_ADMIN) && process_is_initial(host) &&
		host_access(host, R_OK, "/proc/self/pagemap") == 0;
}

/*
 * Something that only devices without an IOMMU cannot do without. Where no device was
 * named those with one are left, if there are physical addresses: for any that has no
 * IOMMU the PCI bus wants them of all on vfio-pci (pci_device_iova_mode()), and without
 * them the EAL does not start, or refuses each of these devices.
 */
static void __attribute__((format(printf, 3, 4)))
noiommu_add(struct checkup *c, const char *remedy, const char *format, ...)
{
	const struct check_device *other = translated_find(c);
	const bool is_left = !c->named && other != NULL && pagemap_is_readable(c->host);
	struct text cure = { 0 };
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	text_add(&cure, "%s", remedy);
	if (other != NULL)
		text_add(&cure, "; or give the program only devices with an IOMMU (-a %s)",
			 other->addr);
	checkup_add(c, is_left ? CHECK_WARN : CHECK_FAIL, cure.buf, "%s", text);
}

void
check_user_namespace(struct checkup *c)
{
	if (process_is_initial(c->host))
		checkup_add(c, CHECK_PASS, NULL, "this process is in the initial user namespace");
	else if (!c->wants_noiommu)
		checkup_add(c, CHECK_PASS, NULL,
			    "this process is in a user namespace of its own, "
			    "which devices with an IOMMU do not mind");
	else
		noiommu_add(c,
			    "run it as root outside of the user namespace: no "
			    "rootless container, no --userns, no hostUsers: false",
			    "this process is in a user namespace of its own, as in a rootless "
			    "container, and CAP_SYS_RAWIO does not count there");
}

/* Devices that stock DPDK would have to take, by way of the group. */
static int
stock_count(const struct checkup *c)
{
	int count = 0;

	for (int i = 0; i < c->count; i++)
		count += c->devices[i].driver[0] != '\0' && c->devices[i].found != 0 &&
			!c->devices[i].is_bifurcated;
	return count;
}

void
check_capabilities(struct checkup *c)
{
	if (c->wants_noiommu && !process_has_cap(c->host, CAP_SYS_RAWIO))
		noiommu_add(c,
			    "run it as root, or in a container with --cap-add "
			    "SYS_RAWIO; --privileged is not needed",
			    "this process has no CAP_SYS_RAWIO, without which the kernel opens no "
			    "device that has no IOMMU and reports no address");
	else if (stock_count(c) > 0 && !process_has_cap(c->host, CAP_SYS_ADMIN))
		checkup_add(c, CHECK_WARN,
			    "give each device a cdev (see device-cdev), or run it "
			    "with CAP_SYS_ADMIN (--cap-add SYS_ADMIN)",
			    "a device without a cdev is left to stock DPDK, which reads "
			    "/proc/self/pagemap, and this process has no CAP_SYS_ADMIN for that");
	else
		checkup_add(c, CHECK_PASS, NULL,
			    "this process has the capabilities that it "
			    "needs; neither CAP_SYS_ADMIN nor a privileged container is needed "
			    "for devices that have a cdev");
}

/* The kernel has it, and the container was not given it. */
static bool
iommufd_is_hidden(const struct checkup *c, struct text *cure)
{
	unsigned int major, minor;
	char line[32];

	if (c->iommufd != -ENOENT ||
	    host_line(c->host, line, sizeof(line), "/sys/class/misc/iommu/dev") < 0 ||
	    sscanf(line, "%u:%u", &major, &minor) != 2)
		return false;
	text_add(cure,
		 "add it to the container (--device /dev/iommu; \"dpdk-vfio-cdev cdi\" on the host "
		 "prints what else it needs), or: mknod /dev/iommu c %u %u",
		 major, minor);
	return true;
}

void
check_iommufd_node(struct checkup *c)
{
	struct text cure = { 0 };

	if (!c->wants_vfio || c->older)
		return;
	if (c->iommufd == 0)
		checkup_add(c, CHECK_PASS, NULL, "/dev/iommu can be opened");
	else if (iommufd_is_hidden(c, &cure))
		checkup_add(c, checkup_no_cdev(c), cure.buf,
			    "cannot use /dev/iommu: %s, though the kernel has it",
			    strerror(-c->iommufd));
	else
		checkup_add(c, checkup_no_cdev(c),
			    advice_or(RTE_VFIO_CDEV_STEP_IOMMUFD, c->iommufd,
				      "make the node anew: rm -f /dev/iommu && mknod /dev/iommu c "
				      "$(tr ':' ' ' </sys/class/misc/iommu/dev)"),
			    "cannot use /dev/iommu: %s", strerror(-c->iommufd));
}

static const char *
get_pa_advice(const struct checkup *c)
{
	return advice_or(RTE_VFIO_CDEV_STEP_PROBE, c->get_pa,
			 "report it with the kernel's version (uname -a)");
}

void
check_get_pa(struct checkup *c)
{
	if (c->iommufd != 0 || !c->wants_noiommu || c->older)
		return;
	if (c->get_pa == 0)
		checkup_add(c, CHECK_PASS, NULL,
			    "the kernel reports physical addresses "
			    "(IOMMU_IOAS_NOIOMMU_GET_PA)");
	else if (c->pins)
		checkup_add(c, CHECK_WARN, get_pa_advice(c),
			    "cannot use IOMMU_IOAS_NOIOMMU_GET_PA, which cdevs need: %s",
			    strerror(-c->get_pa));
	else
		noiommu_add(c, get_pa_advice(c), "cannot use IOMMU_IOAS_NOIOMMU_GET_PA: %s",
			    strerror(-c->get_pa));
}

/*
 * Where the EAL gets the first address from, by which it chooses physical or
 * virtual ones: a device that has a cdev, or pagemap.
 */
void
check_physical_addresses(struct checkup *c)
{
	bool has_pa = false;

	for (int i = 0; i < c->count; i++)
		has_pa |= c->get_pa == 0 && c->devices[i].found == 0 &&
			c->devices[i].info.mode == RTE_VFIO_CDEV_NOIOMMU;
	if (!c->wants_noiommu)
		checkup_add(c, CHECK_PASS, NULL, "no physical addresses are needed");
	else if (has_pa)
		checkup_add(c, CHECK_PASS, NULL,
			    "physical addresses come from the IOAS; "
			    "/proc/self/pagemap is not needed");
	else if (pagemap_is_readable(c->host))
		checkup_add(c, CHECK_WARN,
			    c->older ? "boot Linux 7.3 or later, whose IOAS confirms them" :
				       "follow the cures of get-pa and device-cdev",
			    "physical addresses come from /proc/self/pagemap only, and are not "
			    "confirmed");
	else
		checkup_add(c, CHECK_FAIL,
			    "follow the cures of get-pa and device-cdev, and "
			    "preload the library; stock DPDK needs --cap-add SYS_ADMIN",
			    "neither the IOAS nor /proc/self/pagemap gives this process physical "
			    "addresses: DPDK ends with " NO_PA
			    ", or refuses the device with " VA_ONLY);
}
