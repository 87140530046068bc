/* SPDX-License-Identifier: BSD-3-Clause */

/* The EAL's options that allow and block devices: its list of devargs. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_devargs.h>

#include "allow.h"
#include "ctx.h"
#include "device_choice.h"
#include "eal_api.h"

/* The option that names the device, or NULL; *listed: is there an allow list of the bus? */
static const struct rte_devargs *
devargs_find(const char *bus, const char *addr, bool *listed)
{
	const struct rte_devargs *args;

	*listed = false;
	for (args = eal_api()->devargs_next(bus, NULL); args != NULL;
	     args = eal_api()->devargs_next(bus, args)) {
		if (device_is_same(args->name, addr))
			return args;
		*listed |= args->policy == RTE_DEV_ALLOWED;
	}
	return NULL;
}

/*
 * From 26.07 on an option (-A) makes the lists of all buses allow lists: does the bus ignore
 * a device that no option names?
 */
static bool
bus_probes_none(const char *bus)
{
	const struct rte_bus *found = eal_api()->bus_find(bus);

	return eal_api()->device_is_ignored != NULL && found != NULL &&
		eal_api()->device_is_ignored(found, "none");
}

/* The same answer as the bus's, e.g. rte_pci_ignore_device() in pci_common.c. */
bool
allow_has(const char *bus, const char *addr)
{
	bool listed;
	const struct rte_devargs *args = devargs_find(bus, addr, &listed);

	return args != NULL ? args->policy == RTE_DEV_ALLOWED : !listed && !bus_probes_none(bus);
}

/* Of the host, or to another bus; 0680 may be a non-transparent one, of raw/ntb. */
#define CLASS_BRIDGE "0x060"

bool
allow_may_come(const char *bus, const char *addr)
{
	bool listed;
	const struct rte_devargs *args = devargs_find(bus, addr, &listed);

	return (args == NULL || args->policy == RTE_DEV_ALLOWED) &&
		!device_has_vfs(backend_ctx(), bus, addr);
}

static bool
device_is_there(const char *bus, const char *name)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN], text[16] = "";
	const bool pci = strcmp(bus, "pci") == 0;
	int ret;

	if (pci)
		device_full_name(name, addr);
	else
		snprintf(addr, sizeof(addr), "%s", name);
	ret = device_attr(bus, addr, pci ? "class" : "uevent", text, sizeof(text));
	return ret != -ENOENT && ret != -EINVAL &&
		!(pci && strncmp(text, CLASS_BRIDGE, strlen(CLASS_BRIDGE)) == 0);
}

bool
allow_names_device(void)
{
	/* Those whose name is the same in sysfs. */
	static const char *const buses[] = { "pci", "cdx", "platform", "auxiliary", "vmbus" };
	const struct rte_devargs *args;

	if (eal_api()->devargs_next("vdev", NULL) != NULL)
		return true;
	for (size_t i = 0; i < RTE_DIM(buses); i++)
		for (args = eal_api()->devargs_next(buses[i], NULL); args != NULL;
		     args = eal_api()->devargs_next(buses[i], args))
			if (args->policy == RTE_DEV_ALLOWED &&
			    device_is_there(buses[i], args->name))
				return true;
	return false;
}
