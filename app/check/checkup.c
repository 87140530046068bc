/* SPDX-License-Identifier: BSD-3-Clause */

/* What the checks share: the devices, what the kernel can do, and the report of findings. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "check_private.h"

#define DEVICES "/sys/bus/pci/devices"

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
checkup_add(struct checkup *c, enum check_verdict verdict, const char *cure, const char *format,
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

static void
device_read(const struct host *host, const char *addr, struct check_device *device)
{
	char base[PATH_MAX];

	*device = (struct check_device){ .found = -ENODEV };
	if (address_resolve(host, addr, device->addr) == -EINVAL ||
	    !host_has(host, DEVICES "/%s", device->addr))
		return;
	device->exists = true;
	device->has_group = host_has(host, DEVICES "/%s/iommu_group", device->addr);
	host_link(host, device->driver, sizeof(device->driver), DEVICES "/%s/driver", device->addr);
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
		device_read(c->host, addrs[i], &c->devices[i]);
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
		device_read(c->host, names[i]->d_name, device);
		if (device->found == 0 || strstr(device->driver, "vfio") != NULL)
			c->count++;
	}
	host_names_free(names, count);
	return c->devices != NULL ? 0 : -ENOMEM;
}

/*
 * Opening /dev/iommu and closing it again changes nothing. No cdev is opened, not
 * even one that no process has open: while it is open the device cannot be unbound, and
 * an application that starts meanwhile cannot bind it.
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

int
checkup_open(struct checkup *c)
{
	const char *const *addrs = c->options->devices;
	bool named = addrs != NULL && addrs[0] != NULL;
	int ret = named ? devices_named(c, addrs) : devices_bound(c);

	c->iommufd = domain_probe(c->host, RTE_VFIO_CDEV_TRANSLATED);
	c->get_pa = domain_probe(c->host, RTE_VFIO_CDEV_NOIOMMU);
	c->wants_noiommu = c->count == 0;
	for (int i = 0; i < c->count && ret == 0; i++)
		if (c->devices[i].found != 0 || c->devices[i].info.mode == RTE_VFIO_CDEV_NOIOMMU)
			c->wants_noiommu = true;
	return ret;
}

void
checkup_close(struct checkup *c)
{
	free(c->devices);
}
