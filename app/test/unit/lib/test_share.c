/* SPDX-License-Identifier: BSD-3-Clause */

/* One open cdev in several processes, and who has it open. */

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_heap.h"
#include "fixture.h"

/* A real device stands in for the cdev, since a test cannot make one. */
#define STAND_IN "/dev/null"
#define STAND_IN_MAJOR 1
#define STAND_IN_MINOR 3
#define STAND_IN_DEV "1:3\n"
#define GROUP "/dev/zero"
#define GROUP_DEV "1:5\n"

static void
copy_keeps_the_device_bound(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_device *copy;
	struct rte_vfio_cdev_stats stats;

	assert_int_equal(rte_vfio_cdev_device_dup(f->device, &copy), 0);
	assert_int_not_equal(rte_vfio_cdev_device_fd(copy), rte_vfio_cdev_device_fd(f->device));
	assert_memory_equal(rte_vfio_cdev_device_info(copy), &f->info, sizeof(f->info));
	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.devices, 1);
	assert_kernel_holds(3, 0, 0);
	rte_vfio_cdev_device_close(f->device);
	f->device = NULL;
	assert_true(fake_node(FIXTURE_NODE)->bound);
	rte_vfio_cdev_device_close(copy);
	assert_false(fake_node(FIXTURE_NODE)->bound);
	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.devices, 0);
}

static void
copy_that_cannot_be_made_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_device *copy;

	fake_fail(FAKE_DUP, 1, EMFILE);
	assert_int_equal(rte_vfio_cdev_device_dup(f->device, &copy), -EMFILE);
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(rte_vfio_cdev_device_dup(f->device, &copy), -ENOMEM);
	assert_kernel_holds(2, 0, 0);
}

static void
imported_device_works(void **state)
{
	struct fixture *f = *state;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const int fd = fake_send(rte_vfio_cdev_device_fd(f->device));
	struct rte_vfio_cdev_device *device;

	assert_int_equal(rte_vfio_cdev_device_import(f->ctx, &f->info, fd, &device), 0);
	assert_int_equal(rte_vfio_cdev_device_fd(device), fd);
	assert_int_equal(rte_vfio_cdev_device_get_info(device, &info), 0);
	assert_int_not_equal(info.num_regions, 0);
	rte_vfio_cdev_device_close(device);
	assert_kernel_holds(2, 0, 0);
	assert_true(fake_node(FIXTURE_NODE)->bound);
}

static void
import_fails(const struct fixture *f, int fd, int err, const char *advice)
{
	struct rte_vfio_cdev_device *device = NULL;

	log_clear();
	assert_int_equal(rte_vfio_cdev_device_import(f->ctx, &f->info, fd, &device), -err);
	assert_null(device);
	assert_logged(ERR, FIXTURE_ADDR, "cannot take over", FIXTURE_NAME, strerror(err), advice);
	assert_kernel_holds(2, 0, 0);
}

static void
what_is_not_the_device_is_not_imported(void **state)
{
	struct fixture *f = *state;
	const int fd = rte_vfio_cdev_device_fd(f->device);

	import_fails(f, fake_send(rte_vfio_cdev_domain_fd(f->domain)), ENXIO, "sysfs shows here");
	import_fails(f, fd, EEXIST, "had it before");
	import_fails(f, -1, EBADF, "no file came");
	fake_fail(FAKE_RDEV, 1, ENOTTY);
	import_fails(f, fake_send(fd), ENOTTY, "no device");
	fake_heap_fail(FAKE_HEAP_MALLOC);
	import_fails(f, fake_send(fd), ENOMEM, "");
}

/* The same on this machine's own kernel, without the fake. */
static void
fd_is_adopted_once(void **state)
{
	const struct iommufd_sys *sys = &iommufd_sys_linux;
	const int fd = open(STAND_IN, O_RDWR);
	int copy;

	(void)state;
	assert_int_equal(sys->adopt(fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(sys->adopt(fd), -1);
	assert_int_equal(errno, EEXIST);
	copy = sys->dup(fd);
	assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
	close(copy);
	close(fd);
	assert_int_equal(sys->adopt(fd), -1);
	assert_int_equal(errno, EBADF);
}

static void
process_add(int pid, const char *name, int fd, const char *target)
{
	fake_sysfs_write(name, "proc/%d/comm", pid);
	fake_sysfs_link("/tmp", "proc/%d/fd/0", pid);
	fake_sysfs_link("socket:[1]", "proc/%d/fd/1", pid);
	fake_sysfs_link(target, "proc/%d/fd/%d", pid, fd);
}

static int
proc_begin(void **state)
{
	static char proc[PATH_MAX];
	struct fixture *f;

	fixture_ctx(state);
	f = *state;
	snprintf(proc, sizeof(proc), "%s/proc", fake_sysfs_root());
	f->ctx->proc = proc;
	f->info.major = STAND_IN_MAJOR;
	f->info.minor = STAND_IN_MINOR;
	fake_sysfs_mkdir("proc/sys");
	fake_sysfs_write("", "proc/99");
	process_add(1, "init\n", 3, "/dev/full");
	return 0;
}

static void
openers_are_named(void **state)
{
	struct rte_vfio_cdev_opener openers[4];
	const struct fixture *f = *state;
	int count;

	assert_int_equal(rte_vfio_cdev_openers(f->ctx, &f->info, openers, 4), 0);
	process_add(12, "dpdk-testpmd\n", 7, STAND_IN);
	process_add(40, "", 250, STAND_IN);
	process_add(50, "a\033[31m\tb\n", 3, STAND_IN);
	fake_sysfs_link(STAND_IN, "proc/12/fd/8");
	count = rte_vfio_cdev_openers(f->ctx, &f->info, openers, 4);
	assert_int_equal(count, 3);
	for (int i = 0; i < count; i++)
		assert_string_equal(openers[i].name,
				    openers[i].pid == 12	 ? "dpdk-testpmd" :
					    openers[i].pid == 40 ? "?" :
								   "a?[31m?b");
	memset(openers, 0, sizeof(openers));
	assert_int_equal(rte_vfio_cdev_openers(f->ctx, &f->info, openers, 1), 3);
	assert_int_equal(openers[1].pid, 0);
	assert_int_equal(rte_vfio_cdev_openers(f->ctx, &f->info, NULL, 0), 3);
}

static void
absent_proc_is_an_error(void **state)
{
	struct fixture *f = *state;

	f->ctx->proc = "/nonexistent";
	assert_int_equal(rte_vfio_cdev_openers(f->ctx, &f->info, NULL, 0), -ENOENT);
}

static void
group_openers_are_named(void **state)
{
	struct rte_vfio_cdev_opener opener;
	const struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_group_openers(f->ctx, &f->info, &opener, 1), -ENODEV);
	fake_sysfs_link("../../../kernel/iommu_groups/5",
			"class/vfio-dev/" FIXTURE_NAME "/device/iommu_group");
	assert_int_equal(rte_vfio_cdev_group_openers(f->ctx, &f->info, &opener, 1), -ENODEV);
	fake_sysfs_write(GROUP_DEV, "class/vfio/noiommu-5/dev");
	assert_int_equal(rte_vfio_cdev_group_openers(f->ctx, &f->info, &opener, 1), 0);
	process_add(13, "sleep\n", 3, GROUP);
	assert_int_equal(rte_vfio_cdev_group_openers(f->ctx, &f->info, &opener, 1), 1);
	assert_int_equal(opener.pid, 13);
	fake_sysfs_write("nonsense\n", "class/vfio/noiommu-5/dev");
	assert_int_equal(rte_vfio_cdev_group_openers(f->ctx, &f->info, &opener, 1), -EBADMSG);
}

/* A second later: all of /proc is read again. */
static void
text_get(const struct fixture *f, int err, char text[VFIO_CDEV_OPENERS])
{
	fake_time_passes(UINT64_C(1100000000));
	vfio_cdev_openers_text(f->ctx, &f->info, err, false, text);
}

static void
opener_in_the_way_is_logged(void **state)
{
	const struct fixture *f = *state;
	char text[VFIO_CDEV_OPENERS];

	fake_sysfs_link("5", "class/vfio-dev/" FIXTURE_NAME "/device/iommu_group");
	fake_sysfs_write(GROUP_DEV, "class/vfio/noiommu-5/dev");
	text_get(f, -EINVAL, text);
	assert_string_equal(text, "");
	process_add(4194304, "fifteen-letters\n", 3, STAND_IN);
	text_get(f, -EINVAL, text);
	assert_string_equal(text, ", open in pid 4194304 (fifteen-letters)");
	for (int pid = 4194303; pid > 4194295; pid--)
		process_add(pid, "fifteen-letters\n", 3, STAND_IN);
	text_get(f, -EINVAL, text);
	assert_non_null(strstr(text, "(fifteen-letters), pid 41"));
	assert_non_null(strstr(text, "(fifteen-letters) and 7 more"));
	process_add(13, "sleep\n", 3, GROUP);
	text_get(f, -EBUSY, text);
	assert_string_equal(text, ", its group open in pid 13 (sleep)");
	text_get(f, -EPERM, text);
	assert_string_equal(text, "");
}

/* /proc does not have the processes of other PID namespaces. */
static void
opener_outside_of_the_container_is_reported(void **state)
{
	const struct fixture *f = *state;
	char text[VFIO_CDEV_OPENERS];

	fake_sysfs_link("5", "class/vfio-dev/" FIXTURE_NAME "/device/iommu_group");
	fake_sysfs_write(GROUP_DEV, "class/vfio/noiommu-5/dev");
	fake_sysfs_link("pid:[4026532190]", "proc/self/ns/pid");
	text_get(f, -EINVAL, text);
	assert_string_equal(text, ", held by a process outside this container");
	text_get(f, -EBUSY, text);
	assert_string_equal(text, ", its group held by a process outside this container");
	text_get(f, -EPERM, text);
	assert_string_equal(text, "");
	/* A token that the device does not take fails in the same way. */
	vfio_cdev_openers_text(f->ctx, &f->info, -EINVAL, true, text);
	assert_string_equal(text, "");
	process_add(12, "dpdk-testpmd\n", 7, STAND_IN);
	text_get(f, -EINVAL, text);
	assert_string_equal(text, ", open in pid 12 (dpdk-testpmd)");
}

static void
opener_that_no_container_hides_is_not_made_up(void **state)
{
	const struct fixture *f = *state;
	char text[VFIO_CDEV_OPENERS];

	fake_sysfs_link("pid:[4026531836]", "proc/self/ns/pid");
	text_get(f, -EINVAL, text);
	assert_string_equal(text, "");
}

static void
devices_that_fail_together_read_proc_once(void **state)
{
	struct fixture *f = *state;
	char text[VFIO_CDEV_OPENERS];

	process_add(12, "dpdk-testpmd\n", 7, STAND_IN);
	text_get(f, -EINVAL, text);
	assert_string_equal(text, ", open in pid 12 (dpdk-testpmd)");
	process_add(13, "sleep\n", 3, STAND_IN);
	vfio_cdev_openers_text(f->ctx, &f->info, -EINVAL, false, text);
	assert_string_equal(text, ", open in pid 12 (dpdk-testpmd)");
	f->ctx->proc = "/nonexistent";
	text_get(f, -EINVAL, text);
	assert_string_equal(text, "");
}

#define MEMBERS "kernel/iommu_groups/5/devices"
#define NEIGHBOUR "0000:00:03.1"

/* test_translated.c has one of another driver. */
static void
neighbour_in_the_way_is_named(void **state)
{
	const struct fixture *f = *state;
	char text[VFIO_CDEV_OPENERS];

	fake_sysfs_link("../../../../kernel/iommu_groups/5",
			"class/vfio-dev/" FIXTURE_NAME "/device/iommu_group");
	fake_sysfs_link("../vfio-pci", MEMBERS "/" FIXTURE_ADDR "/driver");
	fake_sysfs_link("../pcieport", MEMBERS "/0000:00:02.0/driver");
	fake_sysfs_mkdir(MEMBERS "/0000:00:03.2");
	fake_sysfs_add_below(MEMBERS, NEIGHBOUR, "vfio1", STAND_IN_DEV);
	fake_sysfs_link("../vfio-pci", MEMBERS "/" NEIGHBOUR "/driver");
	vfio_cdev_neighbours_text(f->ctx, &f->info, text);
	assert_string_equal(text, "");
	process_add(12, "dpdk-testpmd\n", 7, STAND_IN);
	vfio_cdev_neighbours_text(f->ctx, &f->info, text);
	assert_string_equal(text,
			    ", " NEIGHBOUR " of its IOMMU group open in pid 12 (dpdk-testpmd)");
}

#define PROC_TEST(name) cmocka_unit_test_setup_teardown(name, proc_begin, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(copy_keeps_the_device_bound),
		DEVICE_TEST(copy_that_cannot_be_made_leaves_nothing),
		DEVICE_TEST(imported_device_works),
		DEVICE_TEST(what_is_not_the_device_is_not_imported),
		cmocka_unit_test(fd_is_adopted_once),
		PROC_TEST(openers_are_named),
		PROC_TEST(absent_proc_is_an_error),
		PROC_TEST(group_openers_are_named),
		PROC_TEST(opener_in_the_way_is_logged),
		PROC_TEST(opener_outside_of_the_container_is_reported),
		PROC_TEST(opener_that_no_container_hides_is_not_made_up),
		PROC_TEST(devices_that_fail_together_read_proc_once),
		PROC_TEST(neighbour_in_the_way_is_named),
	};

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
