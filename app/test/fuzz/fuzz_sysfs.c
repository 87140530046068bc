/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Names and attributes of sysfs (invariant 4): lines are entries of a device's vfio-dev, each
 * "NAME=DEV" with the content of its attribute "dev" (with "\" for a newline), or "NAME" for none.
 * The device is found only if exactly one of them has the whole name of a cdev and a proper number.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kernel.h"
#include "fake_sysfs.h"
#include "fuzz.h"
#include "vfio_cdev_private.h"

#define ADDR "0000:00:03.0"
#define MOST 6

struct entry {
	char *name;
	char *dev; /* or NULL */
};

static struct rte_vfio_cdev_ctx *ctx;

/* A decimal number as the kernel writes it: no sign, no blank, no zero before it. */
static bool
number_read(const char *text, size_t len, uint64_t most, uint64_t *value)
{
	*value = 0;
	if (len == 0 || len > 19 || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(text[i] - '0');
	}
	return *value <= most;
}

static bool
is_cdev(const char *name, enum rte_vfio_cdev_mode *mode)
{
	static const char *const prefixes[] = { "noiommu-vfio", "vfio" };
	uint64_t value;

	for (unsigned int i = 0; i < 2; i++) {
		const size_t len = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], len) == 0 &&
		    number_read(name + len, strlen(name + len), (1 << 20) - 1, &value)) {
			*mode = i == 0 ? RTE_VFIO_CDEV_NOIOMMU : RTE_VFIO_CDEV_TRANSLATED;
			return true;
		}
	}
	return false;
}

static bool
dev_is_good(const char *dev, uint64_t *major, uint64_t *minor)
{
	const char *colon = strchr(dev, ':'), *end = strchr(dev, '\n');

	return strlen(dev) < 32 && colon != NULL && end != NULL && end[1] == '\0' &&
		number_read(dev, (size_t)(colon - dev), UINT32_MAX, major) &&
		number_read(colon + 1, (size_t)(end - colon - 1), (1 << 20) - 1, minor);
}

/* A name that a directory can have. */
static bool
is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 200;
}

static bool
is_known(const struct entry *entries, unsigned int count, const char *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(entries[i].name, name) == 0)
			return true;
	return false;
}

static unsigned int
entries_read(struct fuzz_bytes *bytes, struct entry entries[MOST])
{
	unsigned int count = 0;
	char *line, *equals;

	while (bytes->at < bytes->end && count < MOST) {
		line = fuzz_text(bytes, '\n');
		equals = strchr(line, '=');
		if (equals != NULL)
			*equals = '\0';
		for (char *c = equals != NULL ? equals + 1 : NULL; c != NULL && *c != '\0'; c++)
			*c = *c == '\\' ? '\n' : *c;
		if (!is_name(line) || is_known(entries, count, line)) {
			free(line);
			continue;
		}
		entries[count++] = (struct entry){ line, equals != NULL ? equals + 1 : NULL };
		fuzz_note("%s: %s\n", line, equals != NULL ? equals + 1 : "no number");
	}
	return count;
}

static void
find_check(const struct entry *entries, unsigned int count)
{
	enum rte_vfio_cdev_mode mode = RTE_VFIO_CDEV_NOIOMMU, one;
	unsigned int cdevs = 0, with_dev[2] = { 0 }, without = 0;
	uint64_t major = 0, minor = 0;
	struct rte_vfio_cdev_info info;
	const struct entry *cdev = NULL;
	int want;

	for (unsigned int i = 0; i < count; i++) {
		if (!is_cdev(entries[i].name, &one))
			continue;
		cdevs++;
		cdev = &entries[i];
		mode = one;
		with_dev[one] += cdev->dev != NULL;
		without += cdev->dev == NULL;
	}
	want = cdevs == 0			       ? -ENODEV :
		cdevs > 1			       ? -ENOTUNIQ :
		cdev->dev == NULL		       ? -EOPNOTSUPP :
		dev_is_good(cdev->dev, &major, &minor) ? 0 :
							 -EBADMSG;
	fuzz_require(rte_vfio_cdev_find(ctx, fake_sysfs_base(), ADDR, &info) == want);
	if (want == 0) {
		fuzz_require(strcmp(info.name, cdev->name) == 0 && strcmp(info.addr, ADDR) == 0);
		fuzz_require(info.mode == mode && info.major == major && info.minor == minor);
	}
	fuzz_require(rte_vfio_cdev_count(ctx, RTE_VFIO_CDEV_NOIOMMU) == with_dev[0]);
	fuzz_require(rte_vfio_cdev_count(ctx, RTE_VFIO_CDEV_TRANSLATED) == with_dev[1]);
	fuzz_require(rte_vfio_cdev_count_without(ctx) == without);
}

/* Each device that is visited is one that can be found. */
static int
visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	struct rte_vfio_cdev_info found;
	unsigned int *count = arg;

	fuzz_require(rte_vfio_cdev_find(ctx, fake_sysfs_base(), info->addr, &found) == 0);
	fuzz_require(memcmp(info, &found, sizeof(found)) == 0);
	(*count)++;
	return 0;
}

static void
tree_make(const struct entry *entries, unsigned int count)
{
	fake_sysfs_reset();
	fake_sysfs_mkdir("bus/pci/devices/" ADDR "/vfio-dev");
	fake_sysfs_mkdir("class/vfio-dev");
	for (unsigned int i = 0; i < count; i++)
		fake_sysfs_add(ADDR, entries[i].name, entries[i].dev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	struct entry entries[MOST];
	unsigned int count, visited = 0;

	fuzz_begin();
	if (ctx == NULL) {
		fake_sysfs_reset();
		fuzz_require(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), fuzz_log, NULL,
						  &ctx) == 0);
	}
	count = entries_read(&bytes, entries);
	tree_make(entries, count);
	find_check(entries, count);
	fuzz_require(rte_vfio_cdev_walk(ctx, "pci", visit, &visited) == 0 && visited <= 1);
	for (unsigned int i = 0; i < count; i++)
		free(entries[i].name);
	return 0;
}
