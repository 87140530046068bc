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

enum check_verdict
checkup_no_pages(const struct checkup *c)
{
	const struct check_options *options = c->options;

	return options->joins || (options->no_huge && (options->no_devices || !c->wants_noiommu)) ?
		CHECK_WARN :
		CHECK_FAIL;
}

bool
text_word(struct text *text, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-:+,@%=";
	const struct text before = *text;

	for (const char *at = word; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			return false;
	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		text_add(text, "%s", word);
	} else {
		text_add(text, "'");
		for (; *word != '\0'; word++)
			text_add(text, *word == '\'' ? "'\\''" : "%c", *word);
		text_add(text, "'");
	}
	if (text->len < sizeof(text->buf) - 1)
		return true;
	*text = before;
	return false;
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
	/* A program that is not to have this device alone works with the others. */
	if (verdict == CHECK_FAIL && c->device != NULL && c->others_work)
		finding.verdict = CHECK_WARN;
	if (finding.verdict > c->worst)
		c->worst = finding.verdict;
	c->report(c->arg, &finding);
}

enum check_verdict
checkup_held(const struct checkup *c)
{
	return c->named ? CHECK_FAIL : CHECK_WARN;
}

const char *
advice_or(enum rte_vfio_cdev_step step, int err, const char *otherwise)
{
	const char *advice = rte_vfio_cdev_advice(step, -err);

	return advice[0] != '\0' ? advice : otherwise;
}

/* Without an IOMMU VFIO makes up a group when it takes the device (drivers/vfio/group.c). */
#define NO_GROUP "vfio-noiommu"

static bool
group_is_real(const struct host *host, const char *dir)
{
	char name[sizeof(NO_GROUP)];

	return host_has(host, "%s/iommu_group", dir) &&
		(host_line(host, name, sizeof(name), "%s/iommu_group/name", dir) < 0 ||
		 strcmp(name, NO_GROUP) != 0);
}

/* Has the machine an IOMMU, for all that its groups show? */
static bool
has_groups(const struct host *host)
{
	char name[sizeof(NO_GROUP)];
	struct dirent **names;
	int count = host_names(host, &names, "/sys/kernel/iommu_groups");
	bool found = false;

	for (int i = 0; i < count && !found; i++)
		found = host_line(host, name, sizeof(name), "/sys/kernel/iommu_groups/%s/name",
				  names[i]->d_name) < 0 ||
			strcmp(name, NO_GROUP) != 0;
	host_names_free(names, count);
	return found;
}

/* A device with a cdev shows what it is; of another one only a group is known. */
static bool
device_wants_noiommu(const struct check_device *device)
{
	return device->found == 0 ? device->info.mode == RTE_VFIO_CDEV_NOIOMMU :
				    !device->has_iommu && !device->is_bifurcated;
}

/* Find the bus of a device: PCI, or another one whose names a command may contain. */
static bool
bus_find(const struct host *host, struct check_device *device)
{
	static const char *const buses[] = { "pci", "fsl-mc", "cdx", "platform" };
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._:-";

	if (device->addr[strspn(device->addr, plain)] != '\0')
		return false;
	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++) {
		snprintf(device->bus, sizeof(device->bus), "%s", buses[i]);
		snprintf(device->dir, sizeof(device->dir), "/sys/bus/%s/devices/%s", buses[i],
			 device->addr);
		if (host_has(host, "%s", device->dir))
			return true;
	}
	return false;
}

/* doc/guides/linux_gsg/linux_drivers.rst of DPDK, "Bifurcated Driver"; doc/guides/nics/mana.rst. */
static bool
driver_is_bifurcated(const char *driver)
{
	return strcmp(driver, "mlx4_core") == 0 || strcmp(driver, "mlx5_core") == 0 ||
		strcmp(driver, "mana") == 0;
}

/* As rte_vfio_cdev_walk_without() finds them, where an IOMMU does not translate. */
static bool
device_is_cdevless(const struct check_device *device)
{
	return (device->found == -ENODEV || device->found == -EOPNOTSUPP) && !device->has_iommu &&
		(device->is_uio || (device->has_group && strstr(device->driver, "vfio") != NULL));
}

static void
device_read(const struct host *host, const char *addr, struct check_device *device)
{
	char base[PATH_MAX];

	*device = (struct check_device){ .found = -ENODEV };
	if (address_resolve(host, addr, device->addr) == -EINVAL || !bus_find(host, device))
		return;
	device->exists = true;
	device->has_iommu = group_is_real(host, device->dir);
	device->has_group = host_has(host, "%s/iommu_group", device->dir);
	host_link(host, device->driver, sizeof(device->driver), "%s/driver", device->dir);
	device->is_bifurcated = driver_is_bifurcated(device->driver);
	device->is_uio = driver_is_uio(device->driver);
	if (host_path(host, base, "/sys/bus/%s/devices", device->bus) == 0)
		device->found = rte_vfio_cdev_find(host->ctx, base, device->addr, &device->info);
	device->is_cdevless = device_is_cdevless(device);
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

static bool
is_blocked(const struct check_options *options, const char *addr)
{
	const char *const *blocked = options->blocked;

	while (blocked != NULL && *blocked != NULL && strcmp(*blocked, addr) != 0)
		blocked++;
	return blocked != NULL && *blocked != NULL;
}

/* One that a program with the library would use, if it is not told otherwise. */
static bool
device_is_bound(const struct check_device *device)
{
	return device->found == 0 || device->is_cdevless || strstr(device->driver, "vfio") != NULL;
}

/* Those that are on vfio-pci, on a driver of the same kind (mlx5_vfio_pci), or on UIO. */
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
		if (device_is_bound(device) && !is_blocked(c->options, device->addr))
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

bool
checkup_is_pinned(const struct checkup *c, const struct check_device *device)
{
	return device->is_cdevless && c->pin.is_wanted && c->pin.ret == 0;
}

enum check_verdict
checkup_no_cdev(const struct checkup *c)
{
	return c->pins ? CHECK_WARN : CHECK_FAIL;
}

static bool
kernel_is_older(const struct host *host)
{
	char release[KERNEL_RELEASE_LEN];
	unsigned int major, minor;

	kernel_release(host, release);
	return sscanf(release, "%u.%u", &major, &minor) == 2 &&
		(major < 7 || (major == 7 && minor < 3));
}

static void
pins_read(struct checkup *c)
{
	bool any = false, all = c->count > 0;

	for (int i = 0; i < c->count; i++) {
		any |= c->devices[i].is_cdevless;
		all &= c->devices[i].is_cdevless || c->devices[i].is_bifurcated;
	}
	if (any)
		pin_probe(c->host, c->options, &c->pin);
	c->pins = any && all && c->pin.is_wanted && c->pin.ret == 0;
	c->older = c->pins && c->get_pa != 0 && kernel_is_older(c->host);
}

int
checkup_open(struct checkup *c)
{
	const char *const *addrs = c->options->devices;
	int ret = 0;

	c->named = addrs != NULL && addrs[0] != NULL;
	if (!c->options->no_devices)
		ret = c->named ? devices_named(c, addrs) : devices_bound(c);
	c->iommufd = domain_probe(c->host, RTE_VFIO_CDEV_TRANSLATED);
	c->get_pa = domain_probe(c->host, RTE_VFIO_CDEV_NOIOMMU);
	c->wants_noiommu = c->count == 0 && !has_groups(c->host);
	c->wants_vfio = c->count == 0;
	for (int i = 0; i < c->count && ret == 0; i++) {
		c->wants_noiommu |= device_wants_noiommu(&c->devices[i]);
		c->wants_vfio |= !c->devices[i].is_bifurcated;
	}
	if (ret == 0)
		pins_read(c);
	return ret;
}

void
checkup_close(struct checkup *c)
{
	free(c->devices);
}
