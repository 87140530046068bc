/* SPDX-License-Identifier: BSD-3-Clause */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "test_compat.h"

#define CHILD_SECONDS 30
#define GROUP_MAJOR 511

struct log_sinks machine_sinks;

static void
capture(enum rte_vfio_cdev_log_level level, const char *line)
{
	log_capture(NULL, level, line);
}

/* In sysfs. */
static void
device_add(const char *addr, const char *name, unsigned int number)
{
	char dir[PATH_MAX], dev[32];

	snprintf(dir, sizeof(dir), "%s/%s", fake_sysfs_base(), addr);
	snprintf(dev, sizeof(dev), "%u:%u\n", FAKE_MAJOR, number);
	if (name != NULL)
		fake_sysfs_add(addr, name, dev);
	fake_sysfs_link("../../../../bus/pci", "bus/pci/devices/%s/subsystem", addr);
	fake_sysfs_link(dir, "dev/char/%u:%u/device", FAKE_MAJOR, number);
	fake_sysfs_link(dir, "kernel/iommu_groups/%u/devices/%s", number, addr);
	fake_sysfs_write("vfio-noiommu\n", "kernel/iommu_groups/%u/name", number);
	snprintf(dir, sizeof(dir), "../../../../kernel/iommu_groups/%u", number);
	fake_sysfs_link(dir, "bus/pci/devices/%s/iommu_group", addr);
}

void
sysfs_make(void)
{
	fake_sysfs_reset();
	device_add(ADDR0, "noiommu-vfio0", 0);
	device_add(ADDR1, "noiommu-vfio1", 1);
	device_add(ADDR2, NULL, 2);
}

void
nodes_make(void)
{
	fake_reset();
	fake_node_add(COMPAT_CONTAINER, COMPAT_MISC_MAJOR, COMPAT_VFIO_MINOR);
	fake_node_add(CDEV0, FAKE_MAJOR, 0);
	fake_node_add(CDEV1, FAKE_MAJOR, 1);
	fake_node_add(GROUP0, GROUP_MAJOR, 0);
	fake_node_add(GROUP1, GROUP_MAJOR, 1);
	fake_node_add(GROUP2, GROUP_MAJOR, 2);
	machine_start();
}

void
log_start(void)
{
	machine_sinks = log_sinks;
	log_sinks = (struct log_sinks){ capture, capture };
	log_clear();
}

int
compat_begin(void **state)
{
	char *env = *state;

	if (env != NULL && putenv(env) != 0)
		return -1;
	log_start();
	sysfs_make();
	nodes_make();
	return 0;
}

int
compat_end(void **state)
{
	(void)state;
	assert_int_equal(fake_bad_fds(), machine.closed_stats);
	return 0;
}

void
nodes_without_groups(void)
{
	fake_node_remove(COMPAT_CONTAINER);
	fake_node_remove(GROUP0);
	fake_node_remove(GROUP1);
	fake_node_remove(GROUP2);
}

void
sysfs_without_groups(void)
{
	char path[PATH_MAX];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/0000:00:%02x.0/iommu_group", fake_sysfs_base(),
			 3 + i);
		assert_int_equal(unlink(path), 0);
	}
}

void
machine_without_groups(void)
{
	nodes_without_groups();
	sysfs_without_groups();
}

bool
is_node(int fd, const char *path)
{
	struct stat st;

	return next.fstat(fd, &st) == 0 && st.st_rdev == fake_node(path)->rdev;
}

unsigned int
files_open(void)
{
	return fake_holds().files;
}

int
container_get(void)
{
	const int fd = open(COMPAT_CONTAINER, O_RDWR);

	assert_true(fd >= 0);
	return fd;
}

int
group_get(const char *path, int container)
{
	const int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	ioctl(container, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU);
	return fd;
}

int
device_get(int group, const char *name)
{
	return ioctl(group, COMPAT_GROUP_GET_DEVICE_FD, name);
}

int
compat_child(int (*run)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		status = run(arg);
		fflush(NULL);
		process_end(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
test_run(void *arg)
{
	const struct CMUnitTest alone[] = { *(const struct CMUnitTest *)arg };

	return cmocka_run_group_tests(alone, NULL, NULL);
}

int
compat_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	fprintf(stderr, "%s\n", name);
	fake_sysfs_reset(); /* which is removed when this process ends */
	for (size_t i = 0; i < count; i++)
		if (compat_child(test_run, (void *)(uintptr_t)&tests[i]) != 0) {
			fprintf(stderr, "%s: %s has failed\n", name, tests[i].name);
			failed++;
		}
	return failed;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "faults") == 0)
		return compat_faults_tests();
	return compat_container_tests() + compat_group_tests() + compat_device_tests() +
		compat_link_tests() + compat_pagemap_tests() + compat_prime_tests() +
		compat_arguments_tests() + compat_handle_tests() + compat_fork_tests() +
		compat_hooks_tests() + compat_text_tests() + compat_log_tests();
}
