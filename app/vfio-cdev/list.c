/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-vfio-cdev list: the devices as a table or as JSON. */

#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "inventory.h"
#include "opener.h"
#include "pinning.h"
#include "table.h"
#include "term.h"

/* clang-format off */
static const struct table_column columns[] = {
	{ "ADDRESS", false },
	{ "ID", false },
	{ "NAME", true },
	{ "DRIVER", false },
	{ "CDEV", false },
	{ "MODE", false },
	{ "NUMA", false },
	{ "GROUP", false },
	{ "OPENED BY", false },
};
/* clang-format on */

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *
or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void
number_write(char *text, size_t size, int number)
{
	if (number >= 0)
		snprintf(text, size, "%d", number);
	else
		snprintf(text, size, "-");
}

static int
openers_count(const struct inventory_device *device)
{
	return device->of_cdev.count + device->of_group.count + device->of_uio.count;
}

/* The first process, with its front, and how many more there are; the end may be cut. */
static void
openers_write(char *text, size_t size, const struct host *host,
	      const struct inventory_device *device)
{
	const struct inventory_openers *of = device->of_cdev.count > 0 ? &device->of_cdev :
		device->of_group.count > 0			       ? &device->of_group :
									 &device->of_uio;
	int count = openers_count(device);
	enum front front;
	int len;

	if (count == 0) {
		snprintf(text, size, "-");
		return;
	}
	front = opener_front(host, of->first[0].pid);
	len = snprintf(text, size, "%d %s%s%s", of->first[0].pid,
		       front != FRONT_AUTO ? front_name(front) : "", front != FRONT_AUTO ? " " : "",
		       of->first[0].name);
	if (count > 1)
		snprintf(text + len, size - len, " +%d", count - 1);
}

static bool
openers_pin(const struct host *host, const struct inventory_openers *openers)
{
	bool pins = false;

	for (int i = 0; i < openers->count && i < INVENTORY_OPENERS && !pins; i++)
		pins = process_pins(host, openers->first[i].pid);
	return pins;
}

/* Is it used without a cdev by a program that reports that io_uring pins its memory? */
static bool
is_pinned(const struct host *host, const struct inventory_device *device)
{
	return (device->mode == INVENTORY_UIO || device->mode == INVENTORY_GROUP_ONLY) &&
		(openers_pin(host, &device->of_group) || openers_pin(host, &device->of_uio));
}

static int
row_add(struct table *table, const struct host *host, const struct inventory_device *device)
{
	char id[16] = "-", mode[32], numa[16], group[16], openers[64];

	if (device->has_id)
		snprintf(id, sizeof(id), "%04x:%04x", device->vendor, device->device);
	number_write(numa, sizeof(numa), device->numa_node);
	number_write(group, sizeof(group), device->iommu_group);
	openers_write(openers, sizeof(openers), host, device);
	snprintf(mode, sizeof(mode), "%s%s", inventory_mode_name(device->mode),
		 is_pinned(host, device) ? ", pinned" : "");
	return table_add(table,
			 (const char *[COLUMNS]){
				 device->addr,
				 id,
				 or_dash(device->device_name),
				 or_dash(device->driver),
				 or_dash(device->cdev),
				 mode,
				 numa,
				 group,
				 openers,
			 },
			 device->mode == INVENTORY_NONE);
}

static int
inventory_print(const struct host *host, const struct inventory *inventory, FILE *out)
{
	struct table table = { .columns = columns, .n_columns = COLUMNS };
	int ret = 0;

	for (unsigned int i = 0; i < inventory->count && ret == 0; i++)
		ret = row_add(&table, host, &inventory->devices[i]);
	if (ret == 0 && inventory->count > 0)
		table_print(&table, out, term_colours(out));
	table_free(&table);
	return ret == 0 ? 0 : cmd_fail("%s", strerror(-ret));
}

static json_t *
text_json(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *
number_json(long number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static json_t *
id_json(const struct inventory_device *device, unsigned int id)
{
	return device->has_id ? json_sprintf("%04x", id) : json_null();
}

static json_t *
opener_json(const struct host *host, const struct rte_vfio_cdev_opener *opener, const char *of)
{
	const enum front front = opener_front(host, opener->pid);

	return json_pack("{s:i, s:s, s:s, s:o, s:o}", "pid", opener->pid, "program", opener->name,
			 "opened", of, "front",
			 text_json(front != FRONT_AUTO ? front_name(front) : NULL), "pinned_kb",
			 number_json(opener_pinned(host, opener->pid)));
}

static int
openers_append(json_t *array, const struct host *host, const struct inventory_openers *openers,
	       const char *of)
{
	int ret = 0;

	for (int i = 0; i < openers->count && i < INVENTORY_OPENERS; i++)
		ret |= json_array_append_new(array, opener_json(host, &openers->first[i], of));
	return ret;
}

static json_t *
openers_json(const struct host *host, const struct inventory_device *device)
{
	json_t *array = json_array();

	if (openers_append(array, host, &device->of_cdev, "cdev") == 0 &&
	    openers_append(array, host, &device->of_group, "group") == 0 &&
	    openers_append(array, host, &device->of_uio, "uio") == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *
device_json(const struct host *host, const struct inventory_device *device)
{
	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:i, s:o}",
		"address", device->addr, "bus", device->bus, "vendor_id",
		id_json(device, device->vendor), "device_id", id_json(device, device->device),
		"vendor", text_json(device->vendor_name), "name", text_json(device->device_name),
		"driver", text_json(device->driver), "cdev", text_json(device->cdev), "mode",
		inventory_mode_name(device->mode), "pinning",
		text_json(is_pinned(host, device) ? PINNING_TEXT : NULL), "error",
		text_json(device->err < 0 ? strerror(-device->err) : NULL), "numa_node",
		number_json(device->numa_node), "iommu_group", number_json(device->iommu_group),
		"opener_count", openers_count(device), "openers", openers_json(host, device));
}

static int
inventory_print_json(const struct host *host, const struct inventory *inventory, FILE *out)
{
	json_t *devices = json_array();
	int ret = 0;

	for (unsigned int i = 0; i < inventory->count; i++)
		ret |= json_array_append_new(devices, device_json(host, &inventory->devices[i]));
	if (ret == 0)
		return cmd_print_json(json_pack("{s:o}", "devices", devices), out, 0);
	json_decref(devices);
	return cmd_print_json(NULL, out, 0);
}

int
list_devices(const struct host *host, bool all, bool json, FILE *out)
{
	struct inventory inventory;
	int ret = inventory_read(host, all, &inventory);

	if (ret < 0)
		return cmd_fail_json(json,
				     "cannot list the buses in %s/sys/bus: %s; is sysfs "
				     "mounted? A container may hide it",
				     host->root, strerror(-ret));
	for (unsigned int i = 0; i < inventory.count; i++)
		if (inventory.devices[i].mode == INVENTORY_UNKNOWN)
			cmd_fail("%s: cannot find its cdev: %s", inventory.devices[i].addr,
				 strerror(-inventory.devices[i].err));
	if (json)
		ret = inventory_print_json(host, &inventory, out);
	else
		ret = inventory_print(host, &inventory, out);
	if (inventory.count == 0 && !json)
		fprintf(stderr, "dpdk-vfio-cdev: neither VFIO nor UIO has a device%s\n",
			all ? "" : "; \"dpdk-vfio-cdev list --all\" shows what can be bound");
	inventory_free(&inventory);
	return ret;
}

struct arguments {
	bool all;
	bool json;
};

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == 'a')
		arguments->all = true;
	else if (key == 'j')
		arguments->json = true;
	else if (key == ARGP_KEY_ARG)
		exit(cmd_fail("list: %s: takes no argument; see --help", arg));
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "Also devices that neither has, but VFIO might", 0 },
	{ "json", 'j', NULL, 0, "For scripts; dpdk-vfio-cdev(1) describes it", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.doc = "List the devices that VFIO or UIO has: address, what it is, driver, cdev, mode "
	       "(no-IOMMU, translated, UIO, group only, none), NUMA node, IOMMU group, which "
	       "processes have it open, and the front of the library in them (eal, libc).\v"
	       "Examples:\n"
	       "  dpdk-vfio-cdev list\n"
	       "  dpdk-vfio-cdev list --all | grep Ethernet\n"
	       "  dpdk-vfio-cdev list --json | jq -r '.devices[].cdev // empty'",
};

int
cmd_list(int argc, char **argv)
{
	struct arguments arguments = { .all = false };
	struct host host;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	ret = host_open("", &host);
	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	ret = list_devices(&host, arguments.all, arguments.json, stdout);
	host_close(&host);
	return ret;
}
