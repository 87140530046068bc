/* SPDX-License-Identifier: BSD-3-Clause */

/* The list of checks, and how they are run. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "check_private.h"

#define DEVICES "/sys/bus/pci/devices"

struct entry {
	const char *name;
	void (*run)(struct checkup *c);
};

/* In the order that they matter: what fails may be why a later one does. */
static const struct entry machine_checks[] = {
	{ "kernel-version", check_kernel_version },
	{ "kernel-options", check_kernel_options },
	{ "modules", check_modules },
	{ "sysfs", check_sysfs },
	{ "user-namespace", check_user_namespace },
	{ "capabilities", check_capabilities },
	{ "iommufd-node", check_iommufd_node },
	{ "get-pa", check_get_pa },
	{ "noiommu-parameter", check_noiommu_parameter },
	{ "devices", check_devices },
};

static const struct entry device_checks[] = {
	{ "device-driver", check_device_driver },
	{ "device-cdev", check_device_cdev },
	{ "device-node", check_device_node },
	{ "group-node", check_group_node },
	{ "group-viable", check_group_viable },
	{ "group-in-use", check_group_in_use },
	{ "device-in-use", check_device_in_use },
	{ "device-numa", check_device_numa },
};

static const struct entry program_checks[] = {
	{ "memlock", check_memlock },
	{ "hugepages", check_hugepages },
	{ "hugepage-limit", check_hugepage_limit },
	{ "hugepage-mount", check_hugepage_mount },
	{ "physical-addresses", check_physical_addresses },
	{ "dpdk", check_dpdk },
	{ "app", check_app },
};

const char *
check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[] = { "PASS", "WARN", "FAIL" };

	return verdict <= CHECK_FAIL ? names[verdict] : "?";
}

void
text_add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->buf) - text->len;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text->buf + text->len, room, format, ap);
	va_end(ap);
	if (len > 0)
		text->len += (size_t)len < room ? (size_t)len : room - 1;
}

void
checkup_say(struct checkup *c, enum check_verdict verdict, const char *cure, const char *format,
	    ...)
{
	struct check_finding finding = { .check = c->name, .verdict = verdict };
	char text[1024], remedy[1024], addr[RTE_VFIO_CDEV_ADDR_LEN];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	finding.text = rte_vfio_cdev_text_clean(text);
	if (cure != NULL && cure[0] != '\0') {
		snprintf(remedy, sizeof(remedy), "%s", cure);
		finding.cure = rte_vfio_cdev_text_clean(remedy);
	}
	if (c->device != NULL) {
		snprintf(addr, sizeof(addr), "%s", c->device->addr);
		finding.device = rte_vfio_cdev_text_clean(addr);
	}
	if (verdict > c->worst)
		c->worst = verdict;
	c->report(c->arg, &finding);
}

const char *
advice_or(enum rte_vfio_cdev_step step, int err, const char *otherwise)
{
	const char *advice = rte_vfio_cdev_advice(step, -err);

	return advice[0] != '\0' ? advice : otherwise;
}

long
host_number(const struct host *host, const char *format, ...)
{
	char path[256], line[32], *end;
	va_list ap;
	long value;

	va_start(ap, format);
	vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	if (host_line(host, line, sizeof(line), "%s", path) <= 0)
		return -1;
	errno = 0;
	value = strtol(line, &end, 10);
	return errno == 0 && *end == '\0' && value >= 0 ? value : -1;
}

static void
device_look(const struct host *host, const char *addr, struct check_device *device)
{
	char base[PATH_MAX];

	*device = (struct check_device){ .found = -ENODEV };
	if (address_resolve(host, addr, device->addr) == -EINVAL ||
	    !host_has(host, DEVICES "/%s", device->addr))
		return;
	device->exists = true;
	device->has_group = host_has(host, DEVICES "/%s/iommu_group", device->addr);
	host_link(host, device->driver, sizeof(device->driver), DEVICES "/%s/driver",
		  device->addr);
	snprintf(base, sizeof(base), "%s" DEVICES, host->root);
	device->found = rte_vfio_cdev_find(host->ctx, base, device->addr, &device->info);
}

static int
devices_named(struct checkup *c, const char *const *addrs)
{
	while (addrs[c->count] != NULL)
		c->count++;
	c->devices = calloc(c->count, sizeof(*c->devices));
	if (c->devices == NULL)
		return -ENOMEM;
	for (int i = 0; i < c->count; i++)
		device_look(c->host, addrs[i], &c->devices[i]);
	return 0;
}

/* Those that are on vfio-pci, or on a driver of the same kind (mlx5_vfio_pci). */
static int
devices_bound(struct checkup *c)
{
	struct dirent **names;
	struct check_device *device;
	int count = host_names(c->host, &names, DEVICES);

	if (count <= 0)
		return count == -ENOMEM ? count : 0;
	c->devices = calloc(count, sizeof(*c->devices));
	for (int i = 0; i < count && c->devices != NULL; i++) {
		device = &c->devices[c->count];
		device_look(c->host, names[i]->d_name, device);
		if (device->found == 0 || strstr(device->driver, "vfio") != NULL)
			c->count++;
	}
	host_names_free(names, count);
	return c->devices != NULL ? 0 : -ENOMEM;
}

/*
 * Opening /dev/iommu and closing it again changes nothing. No cdev is opened, not
 * even one that nobody holds: while it is open the device cannot be unbound, and an
 * application that starts meanwhile cannot be told from this one.
 */
static int
domain_probe(const struct host *host, enum rte_vfio_cdev_mode mode)
{
	struct rte_vfio_cdev_domain *domain;
	int ret = rte_vfio_cdev_domain_create(host->ctx, mode, &domain);

	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_domain_fd(domain);
	rte_vfio_cdev_domain_destroy(domain);
	return ret < 0 ? ret : 0;
}

static int
checkup_start(struct checkup *c)
{
	const char *const *addrs = c->options->devices;
	bool named = addrs != NULL && addrs[0] != NULL;
	int ret = named ? devices_named(c, addrs) : devices_bound(c);

	c->iommufd = domain_probe(c->host, RTE_VFIO_CDEV_TRANSLATED);
	c->get_pa = domain_probe(c->host, RTE_VFIO_CDEV_NOIOMMU);
	c->wants_noiommu = c->count == 0;
	for (int i = 0; i < c->count; i++)
		if (c->devices[i].found != 0 ||
		    c->devices[i].info.mode == RTE_VFIO_CDEV_NOIOMMU)
			c->wants_noiommu = true;
	return ret;
}

static void
entries_run(struct checkup *c, const struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		c->name = entries[i].name;
		entries[i].run(c);
	}
}

#define ENTRIES_RUN(c, entries) entries_run(c, entries, sizeof(entries) / sizeof((entries)[0]))

int
checks_run(const struct host *host, const struct check_options *options, check_report_t report,
	   void *arg)
{
	struct checkup c = { .host = host, .options = options, .report = report, .arg = arg };
	int ret = checkup_start(&c);

	if (ret == 0) {
		ENTRIES_RUN(&c, machine_checks);
		for (int i = 0; i < c.count; i++) {
			c.device = &c.devices[i];
			ENTRIES_RUN(&c, device_checks);
		}
		c.device = NULL;
		ENTRIES_RUN(&c, program_checks);
		ret = c.worst;
	}
	free(c.devices);
	return ret;
}

int
checks_run_app(const struct host *host, const struct check_options *options,
	       check_report_t report, void *arg)
{
	struct checkup c = { .host = host, .options = options, .report = report, .arg = arg };
	const struct entry app = { "app", check_app };

	entries_run(&c, &app, 1);
	return c.worst;
}
