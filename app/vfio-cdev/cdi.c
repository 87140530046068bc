/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dpdk-vfio-cdev cdi: what a container needs of devices, as a specification of the
 * Container Device Interface (SPEC.md of github.com/cncf-tags/container-device-interface).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cmd.h"
#include "front.h"
#include "hugepage.h"
#include "inventory.h"
#include "launch.h"

/* The first version in which the name of a device may start with a digit. */
#define VERSION_NEEDED "0.5.0"
#define KIND "dpdk.org/vfio-cdev"
/* A path without blanks and colons, which the dynamic linker takes wherever the library is. */
#define LIBRARIES "/usr/lib/dpdk-vfio-cdev/"

#define IOMMU "/sys/class/misc/iommu/dev"

/* Add a value to an array; false if there is no memory. */
static bool
add(json_t *array, json_t *value)
{
	return value != NULL && json_array_append_new(array, value) == 0;
}

/* CDI names a device with these only, a letter or a digit first and last. */
static bool
name_is_valid(const char *name)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789";
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (strchr(ends, name[i]) == NULL &&
		    (i == 0 || i + 1 == len || strchr("_-.:", name[i]) == NULL))
			return false;
	return len > 0;
}

/* Without "m" the container makes no node that it was not given. */
static json_t *
node_json(const char *path, unsigned int major, unsigned int minor)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:s}", "path", path, "type", "c", "major",
			 (json_int_t)major, "minor", (json_int_t)minor, "permissions", "rw");
}

static json_t *
device_json(const struct inventory_device *device)
{
	char path[sizeof("/dev/vfio/devices/") + RTE_VFIO_CDEV_NAME_LEN];

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", device->cdev);
	return json_pack("{s:s, s:{s:[o]}}", "name", device->addr, "containerEdits", "deviceNodes",
			 node_json(path, device->major, device->minor));
}

/* Why a device cannot be passed on, or NULL. */
static const char *
device_obstacle(const struct inventory_device *device)
{
	if (device == NULL || device->mode == INVENTORY_NONE || device->mode == INVENTORY_UIO)
		return rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, ENODEV);
	if (device->mode == INVENTORY_GROUP_ONLY)
		return rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, EOPNOTSUPP);
	if (device->mode == INVENTORY_UNKNOWN)
		return rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, -device->err);
	if (!name_is_valid(device->addr))
		return "CDI takes no such name for a device";
	return NULL;
}

static const struct inventory_device *
device_find(const struct inventory *inventory, const char *addr)
{
	for (unsigned int i = 0; i < inventory->count; i++)
		if (strcmp(inventory->devices[i].addr, addr) == 0)
			return &inventory->devices[i];
	return NULL;
}

static bool
devices_have(const json_t *devices, const char *addr)
{
	for (size_t i = 0; i < json_array_size(devices); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(devices, i), "name")),
			   addr) == 0)
			return true;
	return false;
}

static int
obstacle_report(const char *addr, const char *obstacle)
{
	return cmd_fail("%s: it has no cdev that a container can be given; %s", addr, obstacle);
}

/* Those that were named: each has to have a cdev. A name that comes again is one device. */
static int
devices_named(const struct host *host, const struct cdi_request *request,
	      const struct inventory *inventory, json_t *devices)
{
	const struct inventory_device *device;
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	const char *obstacle;
	int ret;

	for (int i = 0; i < request->n_texts; i++) {
		ret = cmd_device(host, false, request->texts[i], addr);
		if (ret != 0)
			return ret;
		device = device_find(inventory, addr);
		obstacle = device_obstacle(device);
		if (obstacle != NULL)
			return obstacle_report(addr, obstacle);
		if (!devices_have(devices, addr) && !add(devices, device_json(device)))
			return cmd_fail("%s", strerror(ENOMEM));
	}
	return 0;
}

/* All that have a cdev; the others that VFIO has are reported. */
static int
devices_all(const struct inventory *inventory, json_t *devices)
{
	const struct inventory_device *device;
	const char *obstacle;

	for (unsigned int i = 0; i < inventory->count; i++) {
		device = &inventory->devices[i];
		obstacle = device_obstacle(device);
		if (obstacle != NULL)
			obstacle_report(device->addr, obstacle);
		else if (!devices_have(devices, device->addr) && !add(devices, device_json(device)))
			return cmd_fail("%s", strerror(ENOMEM));
	}
	return json_array_size(devices) > 0 ?
		0 :
		cmd_fail("no device has a cdev: bind one (dpdk-devbind.py --bind=vfio-pci "
			 "DEVICE); \"dpdk-vfio-cdev doctor\" checks the machine");
}

static int
devices_read(const struct host *host, const struct cdi_request *request, json_t *devices)
{
	struct inventory inventory;
	int ret = inventory_read(host, false, &inventory);

	if (ret < 0)
		return cmd_fail("cannot list the buses in %s/sys/bus: %s; is sysfs mounted?",
				host->root, strerror(-ret));
	ret = request->n_texts > 0 ? devices_named(host, request, &inventory, devices) :
				     devices_all(&inventory, devices);
	inventory_free(&inventory);
	return ret;
}

/*
 * A hugetlbfs of the container's own for each size that the host has pages of: nothing
 * is shared with other containers, and the pages are free again when the container ends.
 */
static bool
hugepages_add(const struct host *host, json_t *mounts)
{
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(host, pools);
	const struct hugepage_pool *usual = hugepage_choose(pools, count);
	char path[64], size[32];

	for (unsigned int i = 0; i < count; i++) {
		if (pools[i].most == 0 && &pools[i] != usual)
			continue;
		snprintf(size, sizeof(size), "pagesize=%luK", pools[i].size);
		snprintf(path, sizeof(path), "/dev/hugepages");
		if (&pools[i] != usual)
			snprintf(path, sizeof(path), "/dev/hugepages-%lukB", pools[i].size);
		if (!add(mounts,
			 json_pack("{s:s, s:s, s:s, s:[ssss]}", "hostPath", "hugetlbfs",
				   "containerPath", path, "type", "hugetlbfs", "options", "nosuid",
				   "nodev", "mode=1777", size)))
			return false;
	}
	return true;
}

/* Where containers have it: by the name of the front that it is, which list knows it by. */
static const char *
library_inside(const struct cdi_request *request)
{
	return front_by_file(request->library) == FRONT_LIBC ? LIBRARIES LAUNCH_COMPAT :
							       LIBRARIES LAUNCH_LIBRARY;
}

static json_t *
mounts_json(const struct host *host, const struct cdi_request *request)
{
	json_t *mounts = json_pack("[{s:s, s:s, s:[ssss]}]", "hostPath", request->library,
				   "containerPath", library_inside(request), "options", "ro",
				   "nosuid", "nodev", "bind");

	if (mounts != NULL && !request->no_hugepages && !hugepages_add(host, mounts)) {
		json_decref(mounts);
		return NULL;
	}
	return mounts;
}

/* What each container has that is given one of the devices. */
static json_t *
edits_json(const struct host *host, const struct cdi_request *request, unsigned int major,
	   unsigned int minor)
{
	return json_pack("{s:[os], s:[o], s:o}", "env",
			 json_sprintf("LD_PRELOAD=%s", library_inside(request)),
			 "RTE_VFIO_CDEV=require", "deviceNodes",
			 node_json("/dev/iommu", major, minor), "mounts",
			 mounts_json(host, request));
}

static int
iommu_read(const struct host *host, unsigned int *major, unsigned int *minor)
{
	char line[32];
	int ret = host_line(host, line, sizeof(line), IOMMU);

	if (ret >= 0 && sscanf(line, "%u:%u", major, minor) != 2)
		ret = -EBADMSG;
	return ret >= 0 ? 0 :
			  cmd_fail("cannot read the number of /dev/iommu in " IOMMU
				   ": %s; load the module (modprobe iommufd)",
				   strerror(-ret));
}

int
cdi_print(const struct host *host, const struct cdi_request *request, FILE *out)
{
	unsigned int major, minor;
	json_t *devices, *edits;
	int ret = iommu_read(host, &major, &minor);

	if (ret != 0)
		return ret;
	devices = json_array();
	ret = devices_read(host, request, devices);
	if (ret != 0) {
		json_decref(devices);
		return ret;
	}
	edits = edits_json(host, request, major, minor);
	return cmd_print_json(json_pack("{s:s, s:s, s:o, s:o}", "cdiVersion", VERSION_NEEDED,
					"kind", KIND, "devices", devices, "containerEdits", edits),
			      out, 0);
}

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	struct cdi_request *request = state->input;

	switch (key) {
	case 'l':
		request->library = arg;
		return 0;
	case 'n':
		request->no_hugepages = true;
		return 0;
	case ARGP_KEY_ARGS:
		request->texts = state->argv + state->next;
		request->n_texts = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "library", 'l', "PATH", 0,
	  "Of the host: use this library, of either front (" LAUNCH_LIBRARY ")", 0 },
	{ "no-hugepages", 'n', NULL, 0, "Mount no hugetlbfs: the containers bring their own", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.args_doc = "[DEVICE...]",
	.doc = "Print a specification of the Container Device Interface (CDI), with which "
	       "container runtimes give devices to containers: the nodes, the library, its "
	       "environment, and hugepages. Without DEVICE: for all that have a cdev.\v"
	       "A device is called " KIND "=DEVICE then. CDI gives no capabilities: a device "
	       "without an IOMMU also needs CAP_SYS_RAWIO, and CAP_IPC_LOCK or a limit of "
	       "locked memory that is high enough.\n\n"
	       "Examples:\n"
	       "  dpdk-vfio-cdev cdi >/etc/cdi/dpdk-vfio-cdev.json\n"
	       "  dpdk-vfio-cdev cdi 0000:00:03.0 0000:00:04.0\n"
	       "  podman run --device " KIND "=0000:00:03.0 \\\n"
	       "    --cap-add SYS_RAWIO --cap-add IPC_LOCK --cap-add SYS_NICE my-image",
};

/* The library of the host as runtimes want it: an absolute path, in UTF-8 for JSON. */
static int
library_resolve(const char *name, char path[PATH_MAX])
{
	json_t *text;

	if (name == NULL && launch_find_library(LAUNCH_LIBRARY, path) < 0)
		return cmd_fail("cannot find " LAUNCH_LIBRARY ": give its path with --library");
	if (name != NULL && realpath(name, path) == NULL)
		return cmd_fail("cannot read %s: %s", name, strerror(errno));
	if (access(path, R_OK) < 0)
		return cmd_fail("cannot read %s: %s", path, strerror(errno));
	text = json_string(path);
	if (text == NULL)
		return cmd_fail("%s: JSON takes no path that is not UTF-8", path);
	json_decref(text);
	return 0;
}

int
cmd_cdi(int argc, char **argv)
{
	struct cdi_request request = { .library = NULL };
	char library[PATH_MAX];
	struct host host;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	ret = library_resolve(request.library, library);
	if (ret != 0)
		return ret;
	request.library = library;
	ret = host_open("", &host);
	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	ret = cdi_print(&host, &request, stdout);
	host_close(&host);
	return ret;
}
