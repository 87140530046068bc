/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The kernel: its release, its options, its modules, and the switch for devices
 * without an IOMMU. What the running kernel shows counts for more than the file of its
 * configuration: modules may have been rebuilt beside a distribution's kernel.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"

#define PARAMETER "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define BACK "RTE_VFIO_CDEV=off goes back to the group"

/* Is there a device with a cdev of that mode, among those that are meant or any? */
static bool
cdev_is_there(const struct checkup *c, enum rte_vfio_cdev_mode mode)
{
	for (int i = 0; i < c->count; i++)
		if (c->devices[i].found == 0 && c->devices[i].info.mode == mode)
			return true;
	return rte_vfio_cdev_count(c->host->ctx, mode) > 0;
}

static bool
any_cdev_is_there(const struct checkup *c)
{
	return cdev_is_there(c, RTE_VFIO_CDEV_NOIOMMU) ||
		cdev_is_there(c, RTE_VFIO_CDEV_TRANSLATED);
}

/* A kernel that shows what it can is judged by that: distributions take parts of later ones. */
void
check_kernel_version(struct checkup *c)
{
	const bool has_noiommu = c->get_pa == 0 ||
		(c->get_pa != -ENOTTY && cdev_is_there(c, RTE_VFIO_CDEV_NOIOMMU));
	const bool is_enough = has_noiommu || (!c->wants_noiommu && any_cdev_is_there(c));
	unsigned int major = 0, minor = 0, version;
	char release[KERNEL_RELEASE_LEN];

	if (!c->wants_vfio)
		return;
	kernel_release(c->host, release);
	if (sscanf(release, "%u.%u", &major, &minor) != 2 || major > 1000 || minor > 999) {
		if (is_enough)
			checkup_add(c, CHECK_PASS, NULL,
				    "the kernel gives devices a character device; its release is "
				    "not to be seen");
		else
			checkup_add(c, CHECK_WARN,
				    "let it see /proc/sys/kernel/osrelease (systemd: "
				    "ProcSubset=all), or run this outside",
				    "the kernel's release cannot be read "
				    "(/proc/sys/kernel/osrelease)");
		return;
	}
	version = major * 1000 + minor;
	if (version >= 7003 || has_noiommu)
		checkup_add(c, CHECK_PASS, NULL,
			    "Linux %s gives devices without an IOMMU a character device", release);
	else if (!c->wants_noiommu && (version >= 6006 || is_enough))
		checkup_add(c, CHECK_PASS, NULL,
			    "Linux %s gives devices with an IOMMU a character device", release);
	else
		checkup_add(c, checkup_no_cdev(c), "boot Linux 7.3 or later; " BACK,
			    "Linux %s gives %s no character device, which came with Linux %s%s",
			    release, version >= 6006 ? "devices without an IOMMU" : "devices",
			    version >= 6006 ? "7.3" : "6.6",
			    c->pins ?
				    ": with RTE_VFIO_CDEV=prefer, the default, memory is pinned by "
				    "io_uring instead, and no IOAS confirms its addresses" :
				    "");
}

/* Is there one to be loaded? modules.dep has it as "updates/vfio.ko.xz: ...". */
static bool
module_is_installed(const struct host *host, const char *name)
{
	char pattern[32], release[KERNEL_RELEASE_LEN], line[80];

	kernel_release(host, release);
	snprintf(pattern, sizeof(pattern), "*/%s.ko*:*", name);
	return host_find(host, line, sizeof(line), pattern, "/lib/modules/%s/modules.dep",
			 release) >= 0;
}

/* A cdev shows that there is all that it is made with (drivers/vfio/Kconfig). */
static bool
iommufd_is_there(const struct checkup *c)
{
	return c->iommufd == 0 || host_has(c->host, "/sys/class/misc/iommu") ||
		module_is_loaded(c->host, "iommufd") || any_cdev_is_there(c);
}

/* A driver of vfio-pci's kind, such as mlx5_vfio_pci: its name, or "". */
static void
variant_find(const struct checkup *c, char name[DRIVER_LEN])
{
	struct dirent **names;
	int count = host_names(c->host, &names, "/sys/bus/pci/drivers");

	name[0] = '\0';
	for (int i = 0; i < count && name[0] == '\0'; i++)
		if (strstr(names[i]->d_name, "vfio") != NULL)
			snprintf(name, DRIVER_LEN, "%.*s", DRIVER_LEN - 1, names[i]->d_name);
	host_names_free(names, count);
	for (int i = 0; i < c->count && name[0] == '\0'; i++)
		if (strstr(c->devices[i].driver, "vfio") != NULL)
			snprintf(name, DRIVER_LEN, "%s", c->devices[i].driver);
}

static bool
vfio_pci_itself_is_there(const struct checkup *c)
{
	return host_has(c->host, "/sys/bus/pci/drivers/vfio-pci") ||
		module_is_loaded(c->host, "vfio_pci");
}

static bool
vfio_pci_is_there(const struct checkup *c)
{
	char name[DRIVER_LEN];

	variant_find(c, name);
	return name[0] != '\0' || vfio_pci_itself_is_there(c);
}

static bool
vfio_is_there(const struct checkup *c)
{
	char name[DRIVER_LEN];

	variant_find(c, name);
	return name[0] != '\0' || host_has(c->host, "/sys/class/vfio-dev") ||
		module_is_loaded(c->host, "vfio") || any_cdev_is_there(c);
}

/* The range of device numbers that drivers/vfio/device_cdev.c reserves: "242 vfio-dev". */
static bool
cdevs_are_there(const struct checkup *c)
{
	char line[64];

	return host_find(c->host, line, sizeof(line), "*[0-9] vfio-dev", "/proc/devices") >= 0 ||
		any_cdev_is_there(c);
}

/* A list of numbers without it, which ProcSubset=pid would hide. */
static bool
cdevs_are_missing(const struct checkup *c)
{
	return vfio_is_there(c) && host_access(c->host, R_OK, "/proc/devices") == 0;
}

static bool
noiommu_is_there(const struct checkup *c)
{
	return host_has(c->host, PARAMETER) || cdev_is_there(c, RTE_VFIO_CDEV_NOIOMMU);
}

/* The module without its parameter: where /sys/module is masked there is neither. */
static bool
noiommu_is_missing(const struct checkup *c)
{
	return host_has(c->host, "/sys/module/vfio");
}

/* Without it there is no cdev for a device without an IOMMU (drivers/vfio/vfio_main.c). */
static bool
get_pa_is_there(const struct checkup *c)
{
	return c->get_pa == 0 || (c->iommufd == 0 && c->get_pa == -EPERM) ||
		cdev_is_there(c, RTE_VFIO_CDEV_NOIOMMU);
}

/* An option, what shows that it is on, and in what module it would show. */
struct option {
	const char *name;
	bool (*is_there)(const struct checkup *c);
	const char *module;			     /* that comes with it, or NULL */
	bool (*is_missing)(const struct checkup *c); /* as the running kernel shows, or NULL */
	bool noiommu;				     /* for devices without an IOMMU only */
};

static const struct option options[] = {
	{ "CONFIG_VFIO", vfio_is_there, "vfio", NULL, false },
	{ "CONFIG_VFIO_PCI", vfio_pci_is_there, "vfio-pci", NULL, false },
	{ "CONFIG_IOMMUFD", iommufd_is_there, "iommufd", NULL, false },
	{ "CONFIG_VFIO_DEVICE_CDEV", cdevs_are_there, NULL, cdevs_are_missing, false },
	{ "CONFIG_VFIO_NOIOMMU", noiommu_is_there, NULL, noiommu_is_missing, true },
	{ "CONFIG_IOMMUFD_NOIOMMU", get_pa_is_there, NULL, NULL, true },
};

/* 1 yes, 0 no, -1 there is no file that can be read. */
static int
config_has(const struct host *host, const char *option)
{
	char paths[3][96] = { "/proc/config.gz" }, pattern[64], line[80];
	char release[KERNEL_RELEASE_LEN];
	int ret;

	kernel_release(host, release);
	snprintf(paths[1], sizeof(paths[1]), "/boot/config-%s", release);
	snprintf(paths[2], sizeof(paths[2]), "/lib/modules/%s/config", release);
	snprintf(pattern, sizeof(pattern), "%s=[ym]", option);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ret = host_find(host, line, sizeof(line), pattern, "%s", paths[i]);
		if (ret >= 0 || ret == -ENODATA)
			return ret >= 0;
	}
	return -1;
}

static int
option_state(const struct checkup *c, const struct option *option)
{
	if (option->is_there(c) ||
	    (option->module != NULL && module_is_installed(c->host, option->module)))
		return 1;
	if (option->is_missing != NULL && option->is_missing(c))
		return 0;
	if (c->get_pa == -EOPNOTSUPP && option->is_there == get_pa_is_there)
		return 0;
	return config_has(c->host, option->name);
}

void
check_kernel_options(struct checkup *c)
{
	struct text missing = { 0 }, unknown = { 0 }, cure = { 0 };
	int state;

	if (!c->wants_vfio || c->older)
		return;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].noiommu && !c->wants_noiommu)
			continue;
		state = option_state(c, &options[i]);
		if (state == 0)
			text_list(&missing, "%s", options[i].name);
		else if (state < 0)
			text_list(&unknown, "%s", options[i].name);
	}
	text_add(&cure,
		 "build the kernel with %s, or its VFIO and iommufd modules anew "
		 "(package dpdk-vfio-cdev-dkms, or devtools/kmod)",
		 missing.buf);
	if (missing.len > 0)
		checkup_add(c, checkup_no_cdev(c), cure.buf, "the kernel is built without %s%s",
			    missing.buf, c->pins ? ", which cdevs need" : "");
	else if (unknown.len > 0)
		checkup_add(
			c, CHECK_WARN,
			"look for them in the file that it was configured with (grep -E "
			"'VFIO|IOMMUFD')",
			"no file shows whether the kernel has %s: /proc/config.gz, and a config "
			"of its release in /boot and /lib/modules, are not there or cannot be "
			"read",
			unknown.buf);
	else
		checkup_add(c, CHECK_PASS, NULL, "the kernel has all options that are needed");
}

void
check_modules(struct checkup *c)
{
	static const struct {
		const char *name;
		bool (*is_there)(const struct checkup *c);
	} modules[] = {
		{ "vfio", vfio_is_there },
		{ "vfio-pci", vfio_pci_is_there },
		{ "iommufd", iommufd_is_there },
	};
	struct text missing = { 0 };
	char variant[DRIVER_LEN];

	if (!c->wants_vfio || c->older)
		return;
	variant_find(c, variant);
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (!modules[i].is_there(c))
			text_list(&missing, "%s", modules[i].name);
	if (missing.len == 0)
		checkup_add(c, CHECK_PASS, NULL, "vfio, %s and iommufd are loaded",
			    vfio_pci_itself_is_there(c) ? "vfio-pci" : variant);
	else
		checkup_add(c, checkup_no_cdev(c), "modprobe -a iommufd vfio-pci",
			    "what %s is not loaded: %s", c->pins ? "cdevs need" : "is needed",
			    missing.buf);
}

/* May a device that has no IOMMU be bound, as far as is known of those that are meant? */
static bool
waits_for_parameter(const struct check_device *device)
{
	return device->exists && device->driver[0] == '\0' && !device->has_group;
}

static bool
has_noiommu_cdev(const struct check_device *device)
{
	return device->found == 0 && device->info.mode == RTE_VFIO_CDEV_NOIOMMU;
}

void
check_noiommu_parameter(struct checkup *c)
{
	int waiting = 0, having = 0;
	char value[8];

	/* If it cannot be read another check reports why. */
	if (host_line(c->host, value, sizeof(value), PARAMETER) < 0)
		return;
	for (int i = 0; i < c->count; i++) {
		waiting += waits_for_parameter(&c->devices[i]);
		having += has_noiommu_cdev(&c->devices[i]);
	}
	if (strcmp(value, "Y") == 0)
		checkup_add(c, CHECK_PASS, NULL,
			    "devices without an IOMMU may be bound to vfio-pci");
	else if (!c->wants_noiommu)
		checkup_add(c, CHECK_PASS, NULL,
			    "enable_unsafe_noiommu_mode is off; each device has an IOMMU");
	else if (having > 0 && waiting == 0)
		checkup_add(c, CHECK_WARN, "echo Y >" PARAMETER,
			    "enable_unsafe_noiommu_mode was turned off: devices that were bound "
			    "before go on working, but cannot be bound again");
	else
		checkup_add(c, CHECK_FAIL,
			    "turn it on before the device is bound anew: echo Y >" PARAMETER,
			    "enable_unsafe_noiommu_mode is off: a device without an IOMMU cannot "
			    "be bound to vfio-pci (\"write error: Invalid argument\", or \"No "
			    "such device\")");
}
