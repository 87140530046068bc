/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every call of the kernel, and every allocation, fails once in each of these: scenario.h. Each
 * run is a process of its own.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"
#include "fake_faults.h"
#include "scenario.h"
#include "test_compat.h"
#include "vfio_cdev_private.h"

#define NOIOMMU ((uintptr_t)COMPAT_NOIOMMU)
#define PRESENT (UINT64_C(1) << 63)
#define FRAME ((UINT64_C(1) << 55) - 1)
#define LINK "/sys/bus/pci/devices/" ADDR1 "/iommu_group"

static void
begin(void)
{
	fake_faults_pause();
	log_start();
	nodes_make();
	fake_faults_resume();
}

static void
fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The process ends. */
static void
end(void)
{
	fake_faults_pause();
	if (front_domain() != NULL)
		rte_vfio_cdev_domain_destroy(front_domain());
	if (front_ctx() != NULL)
		rte_vfio_cdev_ctx_free(front_ctx());
	fake_faults_resume();
}

/* Any answer but that of the scenario without a fault is a failure. */
static int
is(bool right)
{
	return right ? 0 : -1;
}

static int
status(int group)
{
	struct compat_group_status now = { .argsz = sizeof(now) };

	return ioctl(group, COMPAT_GROUP_GET_STATUS, &now);
}

/* What pagemap has of a page is its frame, and it is pinned. */
static int
entry_read(int fd, uint64_t offset)
{
	const off_t at = (off_t)((uintptr_t)FAKE_VA(offset) / FAKE_PAGE * 8);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
		return -1;
	return is(entry == (PRESENT | FAKE_PHYS(offset) / FAKE_PAGE));
}

/*
 * The group, in the container, and its device. After an error the program opens the group anew. A
 * group of the kernel, whose device is not found, is an error here.
 */
static int
device_new(const char *path, const char *cdev, const char *addr, int container, int *group)
{
	int fd = -1, err;

	*group = open(path, O_RDWR);
	if (*group < 0)
		return -1;
	if (is_node(*group, cdev) && ioctl(*group, COMPAT_GROUP_SET_CONTAINER, &container) == 0) {
		ioctl(container, COMPAT_SET_IOMMU, NOIOMMU);
		fd = device_get(*group, addr);
	}
	err = errno;
	if (fd < 0) {
		fd_close(*group);
		*group = -1;
	}
	errno = err;
	return fd;
}

static void
device_is_used(void)
{
	int container = -1, group = -1, device = -1, copy = -1;

	begin();
	STEP("open a container", "", container = open(COMPAT_CONTAINER, O_RDWR));
	STEP("read its version", "", ioctl(container, COMPAT_GET_API_VERSION));
	STEP("does it do without an IOMMU", "",
	     is(ioctl(container, COMPAT_CHECK_EXTENSION, NOIOMMU) == 1));
	STEP("open a group", "", group = open(GROUP0, O_RDWR));
	if (!is_node(group, CDEV0))
		LEAVE;
	STEP("read its status", "", status(group));
	STEP("set its container", "", ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container));
	STEP("set the IOMMU", "", ioctl(container, COMPAT_SET_IOMMU, NOIOMMU));
	STEP_VOID("close the group", fd_close(group));
	STEP("get the device", "", device = device_new(GROUP0, CDEV0, ADDR0, container, &group));
	STEP("copy it", "", copy = dup(device));
	STEP_VOID("close the copy", fd_close(copy));
	STEP_VOID("close it", fd_close(device));
	device = -1;
	STEP("get it again", "", device = device_get(group, ADDR0));
out:
	STEP_VOID("close the device", fd_close(device));
	STEP_VOID("close the group", fd_close(group));
	STEP_VOID("close the container", fd_close(container));
	end();
}

static void
addresses_are_read(void)
{
	int container = -1, group = -1, device = -1, pagemap = -1;

	begin();
	STEP("open pagemap", "", pagemap = open(PAGEMAP, O_RDONLY));
	STEP("read an entry", "", entry_read(pagemap, 0));
	STEP("open a container", "", container = open(COMPAT_CONTAINER, O_RDWR));
	STEP("read another", "", entry_read(pagemap, FAKE_PAGE));
	STEP("get the device", "", device = device_new(GROUP0, CDEV0, ADDR0, container, &group));
	STEP("read one more", "", entry_read(pagemap, 4 * FAKE_PAGE));
	STEP("read the first again", "", entry_read(pagemap, 0));
out:
	STEP_VOID("close the device", fd_close(device));
	STEP_VOID("close the group", fd_close(group));
	STEP_VOID("close the container", fd_close(container));
	STEP_VOID("close pagemap", fd_close(pagemap));
	end();
}

static int
link_read(void)
{
	char text[64];

	return (int)readlink(LINK, text, sizeof(text));
}

static void
groupless_make(void)
{
	sysfs_make();
	sysfs_without_groups();
}

/* As with CONFIG_VFIO_GROUP=n. */
static void
kernel_has_no_groups(void)
{
	int container = -1, group = -1, device = -1;

	begin();
	fake_faults_pause();
	nodes_without_groups();
	fake_faults_resume();
	STEP("read a link", "", link_read());
	STEP("open a container", "", container = open(COMPAT_CONTAINER, O_RDWR));
	STEP("read its version", "", ioctl(container, COMPAT_GET_API_VERSION));
	STEP("get the device", "",
	     device = device_new(COMPAT_GROUP "1000001", CDEV1, ADDR1, container, &group));
out:
	STEP_VOID("close the device", fd_close(device));
	STEP_VOID("close the group", fd_close(group));
	STEP_VOID("close the container", fd_close(container));
	end();
}

static void
cdevless_make(void)
{
	fake_sysfs_reset();
	fake_sysfs_write("vfio-noiommu\n", "bus/pci/devices/" ADDR2 "/iommu_group/name");
}

static bool
is_pinned(uint64_t offset)
{
	return fake_pins(FAKE_VA(offset), FAKE_PHYS(offset)) != 0;
}

/* The only device has none, so that io_uring pins. */
static void
device_has_no_cdev(void)
{
	int container = -1, group = -1, pagemap = -1;

	begin();
	STEP("open a container", "", container = open(COMPAT_CONTAINER, O_RDWR));
	STEP("open a group", "", group = open(GROUP2, O_RDWR));
	STEP("open pagemap", "", pagemap = open(PAGEMAP, O_RDONLY));
	STEP("read an entry", "", entry_read(pagemap, 0));
	if (!is_pinned(0))
		LEAVE;
	STEP("read another", "", entry_read(pagemap, FAKE_PAGE));
	if (!is_pinned(FAKE_PAGE))
		LEAVE;
out:
	STEP_VOID("close pagemap", fd_close(pagemap));
	STEP_VOID("close the group", fd_close(group));
	STEP_VOID("close the container", fd_close(container));
	end();
}

static const struct tolerance tolerances[] = {
	{ NULL, NULL, NULL, EINTR, SUCCEEDS, "a call that was interrupted is repeated" },
	{ NULL, NULL, "close", 0, SUCCEEDS, "Linux closes the file before it reports an error" },
	{ NULL, NULL, "calloc", 0, SUCCEEDS_LOGGED, "there may be devices" },
	{ NULL, NULL, "opendir", 0, SUCCEEDS_LOGGED, "there may be devices" },
	{ NULL, NULL, "readlink", 0, FAILS_QUIETLY, "it is the kernel's answer" },
	{ NULL, "open", "open", 0, FAILS_QUIETLY, "it is the kernel's error" },
	{ NULL, "get", "open", 0, FAILS_QUIETLY, "it is the kernel's error" },
	{ NULL, "get", "BIND", 0, SUCCEEDS, "it is tried again" },
	{ NULL, "get", "GET_INFO", 0, SUCCEEDS, "only an unbound device refuses it as invalid" },
	{ NULL, "get", "reallocarray", 0, SUCCEEDS, "it is stopped when its group is closed" },
	{ NULL, "get", NULL, 0, FAILS_CHANGED, "the domain stays" },
	{ NULL, "copy it", "dup", 0, FAILS_QUIETLY, "it is the kernel's error" },
	{ NULL, "copy it", "reallocarray", 0, SUCCEEDS, "it is stopped when its group is closed" },
	{ NULL, "close", "GET_INFO", 0, SUCCEEDS, "it is stopped when its group is closed" },
	{ NULL, NULL, "openat", 0, SUCCEEDS, "the NUMA node is then not known" },
	{ NULL, "open pagemap", "scandir", 0, SUCCEEDS_LOGGED, "there may be devices" },
	{ NULL, "read", "pread", 0, FAILS_QUIETLY, "it is the kernel's error" },
	{ NULL, "read", NULL, 0, FAILS_CHANGED, "the domain stays" },
};

static uint64_t
given_count(void)
{
	struct rte_vfio_cdev_stats stats = { 0 };

	if (front_domain() != NULL)
		rte_vfio_cdev_domain_stats(front_domain(), &stats);
	return stats.provisional;
}

/* The addresses that were read are those of pinned pages, or of pages that are to be pinned. */
static bool
is_owed_or_logged(void)
{
	return given_count() != 0 || scenario_is_logged();
}

static bool
is_pinned_or_logged(void)
{
	return is_pinned(0) || scenario_is_logged();
}

static bool
both_are_pinned_or_logged(void)
{
	return is_pinned(0) && (is_pinned(FAKE_PAGE) || scenario_is_logged());
}

static bool
is_less_not(void)
{
	return !scenario_is_less();
}

static const struct alternative alternatives[] = {
	{ "a device has no cdev", "read an entry",
	  "calloc malloc realloc reallocarray fopen open opendir pread PROCMAP_QUERY "
	  "io_uring_setup io_uring_register ",
	  0, "it is pinned, or an error is logged", is_pinned_or_logged },
	{ "a device has no cdev", "read another", "malloc pread PROCMAP_QUERY io_uring_register ",
	  0, "it is pinned, or an error is logged", both_are_pinned_or_logged },
	{ NULL, "read an",
	  "open PROCMAP_QUERY opendir scandir fopen realloc BIND GET_PA MAP IOAS_ALLOC HWPT_ALLOC ",
	  0, "the first device pins and compares it", is_owed_or_logged },
	{ NULL, "read an", "openat ", EMFILE, "the first device pins and compares it",
	  is_owed_or_logged },
	{ NULL, "read one more", "PROCMAP_QUERY ", 0, "a base page is pinned", is_owed_or_logged },
	{ NULL, "read the first", "PROCMAP_QUERY UNMAP ", 0, "it is pinned", is_owed_or_logged },
	{ NULL, "read its status", "GET_INFO ", 0, "only an unbound device refuses it",
	  is_less_not },
	{ NULL, "open a container", "open ", ENODEV, "another node stands for the kernel's",
	  is_less_not },
	{ NULL, "open a group", "open ", ENODEV, "another node stands for the kernel's",
	  is_less_not },
	{ NULL, "open a group", "open ", EACCES, "another node stands for the kernel's",
	  is_less_not },
	{ NULL, "open a group", "openat ", 0, "the kernel's group is left", scenario_is_logged },
	{ NULL, "get the device", "open ", ENODEV, "another node stands for the kernel's",
	  is_less_not },
	{ NULL, "get the device", "open ", EACCES, "another node stands for the kernel's",
	  is_less_not },
};

int
compat_faults_tests(void)
{
	static const struct scenario scenarios[] = {
		{ "a device is used", device_is_used, sysfs_make },
		{ "addresses are read", addresses_are_read, NULL },
		{ "the kernel has no groups", kernel_has_no_groups, groupless_make },
		{ "a device has no cdev", device_has_no_cdev, cdevless_make },
	};
	static const struct scenario_rules rules = {
		.tolerances = tolerances,
		.count = sizeof(tolerances) / sizeof(tolerances[0]),
		.alternatives = alternatives,
		.alternative_count = sizeof(alternatives) / sizeof(alternatives[0]),
		.live = 2, /* tables of fds */
		.apart = true,
	};

	return scenarios_run("faults: the C library front", scenarios,
			     sizeof(scenarios) / sizeof(scenarios[0]), &rules);
}
