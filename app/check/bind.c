/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The driver of a device, and how to bind it to VFIO; no command is given that would
 * take away what this machine uses.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"

#define PARAMETER "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/*
 * How to bind it, as one command for a shell; a container's sysfs takes none. What may
 * fail comes before the driver is taken away.
 */
static void
bind_cure(const struct checkup *c, struct text *cure)
{
	const struct check_device *d = c->device;
	char value[8];

	host_line(c->host, value, sizeof(value), PARAMETER);
	if (host_access(c->host, W_OK, "%s/driver_override", d->dir) == -EROFS)
		text_add(cure, "on the host, for /sys is read-only here: ");
	if (!d->has_group && strcmp(value, "N") == 0)
		text_add(cure, "echo Y >" PARAMETER " && ");
	if (!host_has(c->host, "/sys/bus/%s/drivers/vfio-%s", d->bus, d->bus))
		text_add(cure, "modprobe vfio-%s && ", d->bus);
	text_add(cure, "echo vfio-%s >%s/driver_override && ", d->bus, d->dir);
	if (d->driver[0] != '\0')
		text_add(cure, "echo %s >%s/driver/unbind && ", d->addr, d->dir);
	text_add(cure, "echo %s >/sys/bus/%s/drivers_probe", d->addr, d->bus);
}

/*
 * Why no driver has the device. The write that binds it fails in two ways: "No such
 * device" if driver_override does not name the driver, "Invalid argument" if there is
 * no IOMMU and the parameter is off.
 */
static void
unbound_add(struct checkup *c, const char *cure)
{
	const struct check_device *d = c->device;
	char override[DRIVER_LEN], value[8];

	host_line(c->host, override, sizeof(override), "%s/driver_override", d->dir);
	host_line(c->host, value, sizeof(value), PARAMETER);
	if (!d->has_group && strcmp(value, "N") == 0)
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, and while enable_unsafe_noiommu_mode is off a "
			    "device without an IOMMU cannot be bound to vfio-pci (\"write error: "
			    "Invalid argument\")");
	else if (strstr(override, "vfio") == NULL)
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, and its driver_override does not name vfio-pci, "
			    "without which binding ends with \"write error: No such device\"");
	else
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, though driver_override names %s: see the kernel's "
			    "log (dmesg)",
			    override);
}

static void
bound_elsewhere_add(struct checkup *c, const char *cure)
{
	const struct check_device *d = c->device;
	struct text uses = { 0 };

	check_uses(c->host, d, &uses);
	if (uses.len > 0)
		checkup_add(c, CHECK_FAIL,
			    "choose another device, or end that use of it first: no command is "
			    "given that would cut it",
			    "it is bound to %s, not to vfio-%s, and this machine uses it: %s",
			    d->driver, d->bus, uses.buf);
	else
		checkup_add(c, CHECK_FAIL, cure,
			    "it is bound to %s, not to vfio-%s; the driver_override that the "
			    "cure sets stays, also when it is unbound, until it is emptied (echo "
			    ">%s/driver_override)",
			    d->driver, d->bus, d->dir);
}

/* What a cdev needs: a driver of VFIO on this kernel, or a later kernel before it. */
static void
uio_add(struct checkup *c, const char *cure)
{
	struct text better = { 0 }, uses = { 0 };

	check_uses(c->host, c->device, &uses);
	text_add(&better, "better: vfio-pci, with a cdev");
	if (c->older)
		text_add(&better, ", on Linux 7.3 or later");
	else if (uses.len > 0)
		text_add(&better, ", once that use has ended");
	else
		text_add(&better, ": %s", cure);
	checkup_add(c, CHECK_WARN, better.buf,
		    "it is bound to %s, over which DPDK works: pinned by io_uring, addresses from "
		    "pagemap, not confirmed by an IOAS%s%s",
		    c->device->driver, uses.len > 0 ? "; this machine uses it: " : "", uses.buf);
}

/* Other programs go on using the interface, and DPDK would not find it on vfio-pci. */
static void
bifurcated_add(struct checkup *c)
{
	const char *driver = c->device->driver;
	struct text cure = { 0 };

	text_add(&cure, "leave it on %s, and install what DPDK needs for it (rdma-core)", driver);
	checkup_add(c, CHECK_WARN, cure.buf,
		    "it is bound to %s, through which DPDK's own driver works, without VFIO: "
		    "this library is not needed for it, and does not serve it",
		    driver);
}

/*
 * Who cannot be driven over VFIO, by vendor: their drivers work through the kernel's. And
 * classes of devices that DPDK has no driver for. NULL: there may be one.
 */
static const char *
driverless(const struct host *host, const struct check_device *d)
{
	static const struct {
		const char *attr;
		unsigned int shift;
		long value;
		const char *why;
	} kinds[] = {
		{ "vendor", 0, 0x15b3, "mlx5 and mlx4 need their kernel driver" },
		{ "vendor", 0, 0x1414, "mana needs its kernel driver" },
		{ "class", 16, 0x03, "it is a display" },
		{ "class", 16, 0x04, "it is for sound or video" },
		{ "class", 12, 0x060, "it is a bridge" }, /* not 0680, which raw/ntb drives */
		{ "class", 16, 0x07, "it is for serial or parallel ports" },
		{ "class", 16, 0x09, "it is for input" },
		{ "class", 16, 0x0c, "it is the controller of a serial bus" },
	};
	long value;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		value = host_number(host, 16, "%s/%s", d->dir, kinds[i].attr);
		if (value >= 0 && value >> kinds[i].shift == kinds[i].value)
			return kinds[i].why;
	}
	return NULL;
}

static void
bound_add(struct checkup *c)
{
	const struct check_device *d = c->device;
	const char *why = driverless(c->host, d);
	long vendor, device;

	if (why == NULL) {
		checkup_add(c, CHECK_PASS, NULL, "it is bound to %s", d->driver);
		return;
	}
	vendor = host_number(c->host, 16, "%s/vendor", d->dir);
	device = host_number(c->host, 16, "%s/device", d->dir);
	checkup_add(c, CHECK_WARN, "give it back to its kernel driver, or leave it out (-b)",
		    "it is bound to %s, but DPDK has no driver for %04lx:%04lx over it: %s",
		    d->driver, vendor, device, why);
}

void
check_device_driver(struct checkup *c)
{
	const struct check_device *d = c->device;
	struct text cure = { 0 };

	if (!d->exists) {
		checkup_add(c, CHECK_FAIL, "give an address as lspci -D shows it",
			    "there is no such PCI device, nor one of another bus that VFIO takes");
		return;
	}
	bind_cure(c, &cure);
	if (d->driver[0] == '\0')
		unbound_add(c, cure.buf);
	else if (d->is_bifurcated)
		bifurcated_add(c);
	else if (d->is_uio && checkup_is_pinned(c, d))
		uio_add(c, cure.buf);
	else if (strstr(d->driver, "vfio") == NULL)
		bound_elsewhere_add(c, cure.buf);
	else
		bound_add(c);
}
