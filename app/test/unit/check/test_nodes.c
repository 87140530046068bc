/* SPDX-License-Identifier: BSD-3-Clause */

/* What a container, or a user, was given, and what neither can see. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine.h"
#include "vfio_cdev_private.h"

#define GROUP_NODE "dev/vfio/noiommu-0"

/* Whose the group's node and the cdev's are, while a test says so. */
static struct {
	bool set;
	uid_t group, cdev;
	gid_t group_gid, cdev_gid;
} owner;

int
__real_stat64(const char *path, struct stat *st);

int
__wrap_stat64(const char *path, struct stat *st);

int
__wrap_stat64(const char *path, struct stat *st)
{
	int ret = __real_stat64(path, st);

	if (ret == 0 && owner.set && strstr(path, "/" GROUP_NODE) != NULL) {
		st->st_uid = owner.group;
		st->st_gid = owner.group_gid;
	} else if (ret == 0 && owner.set && strstr(path, "/" MACHINE_NODE) != NULL) {
		st->st_uid = owner.cdev;
		st->st_gid = owner.cdev_gid;
	}
	return ret;
}

static int
owner_end(void **state)
{
	owner.set = false;
	return machine_end(state);
}

/* /dev/vfio/vfio and /dev/vfio/N, as the SR-IOV network device plugin passes them. */
static void
plugin_for_groups_leaves_two_nodes_out(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	fake_node_remove(FAKE_IOMMU);
	fake_sysfs_write("", "dev/vfio/vfio");
	fake_sysfs_write("10:125\n", "sys/class/misc/iommu/dev");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("iommufd-node", CHECK_FAIL,
		       "/dev/iommu: No such file or directory, though the kernel has it",
		       "\"dpdk-vfio-cdev cdi\" on the host prints what else it needs), or: "
		       "mknod /dev/iommu c 10 125");
	assert_finding("device-node", CHECK_FAIL,
		       "its nodes /dev/vfio/devices/noiommu-vfio0 and /dev/iommu are missing: what "
		       "is in /dev/vfio is for groups",
		       "--device /dev/vfio/devices/noiommu-vfio0 --device /dev/iommu");
	assert_finding("device-node", CHECK_FAIL, "",
		       "\"dpdk-vfio-cdev cdi " MACHINE_ADDR "\" on the host prints");
	assert_finding("device-node", CHECK_FAIL, "",
		       "or make it: mkdir -p /dev/vfio/devices && mknod ");
}

static void
node_that_is_missing_alone_is_named_alone(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("device-node", CHECK_FAIL,
		       "its node /dev/vfio/devices/noiommu-vfio0 is missing", "dpdk-vfio-cdev cdi");
	assert_finding("iommufd-node", CHECK_PASS, "", NULL);
}

/* dpdk-devbind.py changes the owner of the group's node alone (bind_one()). */
static void
owner_of_the_group_alone_is_reported(void **state)
{
	(void)state;
	owner.set = true;
	machine_check();
	assert_no_finding("node-owner");
	owner.group = 1000;
	owner.group_gid = 1001;
	machine_check();
	assert_no_finding("node-owner");
	fake_sysfs_link("/dev/zero", GROUP_NODE);
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("node-owner", CHECK_WARN,
		       "/dev/vfio/noiommu-0 belongs to 1000:1001, and "
		       "/dev/vfio/devices/noiommu-vfio0 to 0:0: dpdk-devbind.py",
		       "chown 1000:1001 /dev/vfio/devices/noiommu-vfio0");
	owner.cdev = 1000;
	owner.group_gid = 0;
	machine_check();
	assert_no_finding("node-owner");
	/* As by the rule of udev. */
	owner.group = owner.cdev = 0;
	owner.cdev_gid = 999;
	machine_check();
	assert_no_finding("node-owner");
	owner.group_gid = 1001;
	machine_check();
	assert_finding("node-owner", CHECK_WARN, "belongs to 0:1001", "chown :1001 /dev/vfio/");
}

static void
container_does_not_see_all_openers(void **state)
{
	(void)state;
	fake_sysfs_link("pid:[4026531836]", "proc/self/ns/pid");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("device-in-use", CHECK_PASS, "no process that can be seen has its cdev open",
		       NULL);
	machine_remove("proc/self/ns/pid");
	fake_sysfs_link("pid:[4026532190]", "proc/self/ns/pid");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("device-in-use", CHECK_PASS,
		       "no process of this container has its cdev open; those outside of it cannot "
		       "be seen",
		       NULL);
	assert_finding("group-in-use", CHECK_PASS, "no process of this container", NULL);
}

/* Docker's seccomp profile without CAP_SYS_NICE. */
static void
refused_policy_of_memory_fails(void **state)
{
	(void)state;
	machine_mempolicy_error = ENOSYS;
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_no_finding("mempolicy");
	machine_mempolicy_error = EPERM;
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("mempolicy", CHECK_FAIL, "the EAL gets no memory", "--cap-add SYS_NICE");
}

static void
library_that_cannot_be_preloaded_fails(void **state)
{
	(void)state;
	setenv("LD_PRELOAD", "libother.so:librte_bus_vfio_cdev.so /x/other.so", 1);
	machine_check();
	assert_no_finding("preload");
	setenv("LD_PRELOAD", "/x/other.so:/usr/x/librte_bus_vfio_cdev.so", 1);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding(
		"preload", CHECK_FAIL,
		"LD_PRELOAD has /usr/x/librte_bus_vfio_cdev.so, which cannot be preloaded: No "
		"such file or directory; programs run without the library",
		"dpdk-vfio-cdev cdi");
	assert_int_equal(machine_check_options(&(struct check_options){ .preloads = true }),
			 CHECK_PASS);
	/* Where it is to be mounted. */
	fake_sysfs_write("", "usr/x/librte_bus_vfio_cdev.so");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("preload", CHECK_FAIL, "cannot be preloaded: Exec format error", NULL);
	setenv("LD_PRELOAD", "/usr/x/libvfio_cdev_compat.so.1", 1);
	machine_check();
	assert_finding("preload", CHECK_FAIL,
		       "LD_PRELOAD has /usr/x/libvfio_cdev_compat.so.1, which cannot", NULL);
	setenv("LD_PRELOAD", "/usr/x/librte_bus_vfio_cdev.so", 1);
	machine_copy("/proc/self/exe", "usr/x/librte_bus_vfio_cdev.so");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_no_finding("preload");
	unsetenv("LD_PRELOAD");
}

static void
both_fronts_preloaded_fail(void **state)
{
	(void)state;
	setenv("LD_PRELOAD", "librte_bus_vfio_cdev.so:x.so libvfio_cdev_compat.so.1", 1);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("preload", CHECK_FAIL, "has both fronts of the library", "one of them");
	assert_int_equal(machine_check_options(&(struct check_options){ .preloads = true }),
			 CHECK_PASS);
	setenv("LD_PRELOAD", "librte_bus_vfio_cdev.so:librte_bus_vfio_cdev.so.1", 1);
	assert_int_equal(machine_check(), CHECK_PASS);
	unsetenv("LD_PRELOAD");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_start, owner_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plugin_for_groups_leaves_two_nodes_out),
		TEST(node_that_is_missing_alone_is_named_alone),
		TEST(owner_of_the_group_alone_is_reported),
		TEST(container_does_not_see_all_openers),
		TEST(refused_policy_of_memory_fails),
		TEST(library_that_cannot_be_preloaded_fails),
		TEST(both_fronts_preloaded_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
