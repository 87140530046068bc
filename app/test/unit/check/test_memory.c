/* SPDX-License-Identifier: BSD-3-Clause */

/* The checks of hugepages: pools, mounts, files that were left, limits. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "machine.h"

#define STATUS "proc/self/status"
#define DIR "sys/kernel/mm/hugepages/"
#define PAGES DIR "hugepages-2048kB/"
#define TINY DIR "hugepages-64kB/"
#define LARGE DIR "hugepages-1048576kB/"
#define ADD_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/* In CapEff: all but CAP_IPC_LOCK (14). */
#define WITHOUT_IPC_LOCK "CapEff:\t000001ffffffbfff\n"

/* A file with two pages of 2 MiB in it; the file, to be locked and closed. */
static int
pages_leave(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/hugepages/%s", fake_sysfs_root(), name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 4 << 20), 0);
	return fd;
}

static void
memlock_is_measured_against_hugepages(void **state)
{
	(void)state;
	fake_sysfs_write(WITHOUT_IPC_LOCK, STATUS);
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("memlock", CHECK_WARN,
		       "8192 kB, hugepages have 2048 kB each and 524288 kB "
		       "in all: what is beyond it is refused as \"Cannot allocate memory\"",
		       "--ulimit memlock=-1");
	fake_sysfs_write("Max locked memory         1048576  1048576  bytes\n", "proc/self/limits");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("memlock", CHECK_FAIL, "1024 kB", "CAP_IPC_LOCK");
	fake_sysfs_write("Max locked memory         unlimited  unlimited  bytes\n",
			 "proc/self/limits");
	assert_int_equal(machine_check(), CHECK_PASS);
	fake_sysfs_write("Max locked memory         536870912  536870912  bytes\n",
			 "proc/self/limits");
	assert_int_equal(machine_check(), CHECK_PASS);
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	machine_check();
	assert_no_finding("memlock");
	fake_sysfs_write("64\n", PAGES "nr_overcommit_hugepages");
	fake_sysfs_write("Max locked memory         8388608  8388608  bytes\n", "proc/self/limits");
	machine_check();
	assert_finding("memlock", CHECK_WARN, "131072 kB in all", NULL);
	fake_sysfs_write("256\n", PAGES "nr_hugepages");
	fake_sysfs_write("", "proc/self/limits");
	machine_check();
	assert_finding("memlock", CHECK_WARN, "cannot be read", "ulimit");
}

static void
hugepages_are_counted(void **state)
{
	(void)state;
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 256", "stop a program");
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
	fake_sysfs_write("2\n", LARGE "nr_hugepages");
	fake_sysfs_write("1\n", LARGE "free_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_PASS, "1 of 2 hugepages of 1048576 kB", NULL);
}

/* nr_hugepages is set, not added to; by the default size 512 may be 512 GiB. */
static void
cure_adds_small_pages_to_the_pool(void **state)
{
	(void)state;
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	fake_sysfs_write("1024\n", PAGES "nr_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 1024", "echo 1536 >" ADD_PAGES);
	/* Surplus pages are not the pool's: they go when they are freed. */
	fake_sysfs_write("24\n", PAGES "surplus_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 1024", "echo 1512 >" ADD_PAGES);
	fake_sysfs_write("MemTotal: 9 kB\nHugepagesize: 1048576 kB\n", "proc/meminfo");
	fake_sysfs_write("0\n", LARGE "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "surplus_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
	machine_remove(PAGES);
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages",
		       "echo 1 >/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
}

/* Of arm64's 64 kB a program needs 16384: a list has 8192 (RTE_MAX_MEMSEG_PER_LIST). */
static void
cure_adds_pages_that_are_not_too_small(void **state)
{
	(void)state;
	fake_sysfs_write("none / tmpfs rw 0 0\n", "proc/mounts");
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	fake_sysfs_write("0\n", TINY "nr_hugepages");
	fake_sysfs_write("0\n", LARGE "nr_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
	fake_sysfs_write("none /dev/huge hugetlbfs rw,pagesize=64K 0 0\n"
			 "none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n",
			 "proc/mounts");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
	/* What is mounted needs no other step. */
	fake_sysfs_write("none /dev/huge hugetlbfs rw,pagesize=64K 0 0\n", "proc/mounts");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages",
		       "echo 16384 >/" TINY "nr_hugepages");
	fake_sysfs_write("", "proc/mounts");
	machine_remove(PAGES);
	machine_remove(LARGE);
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages",
		       "echo 16384 >/" TINY "nr_hugepages");
}

/* As get_num_hugepages() of the EAL counts. */
static void
reserved_pages_are_not_free(void **state)
{
	(void)state;
	fake_sysfs_write("200\n", PAGES "resv_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 256 hugepages of 2048 kB", NULL);
	fake_sysfs_write("50\n", PAGES "resv_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_PASS, "150 of 256 hugepages of 2048 kB", NULL);
}

static void
overcommitted_pages_are_free(void **state)
{
	(void)state;
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	fake_sysfs_write("64\n", PAGES "nr_overcommit_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_PASS, "64 of 64 hugepages of 2048 kB", NULL);
	/* In use up to the last one. */
	fake_sysfs_write("64\n", PAGES "nr_hugepages");
	fake_sysfs_write("64\n", PAGES "surplus_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 64 hugepages", "echo 512 >" ADD_PAGES);
}

/* A service that crashed starts again: the EAL removes what nothing has locked. */
static void
pages_that_a_crash_left_are_no_failure(void **state)
{
	int fd = pages_leave("rtemap_0"), other;

	(void)state;
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "after a crash (2 in /dev/hugepages)",
		       "start a DPDK program");
	other = pages_leave("own_prefixmap_7");
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "after a crash (4 in /dev/hugepages)", NULL);
	/* Those of programs that run stay, and so does a file that is none of the EAL's. */
	assert_int_equal(flock(fd, LOCK_SH), 0);
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "after a crash (2 in /dev/hugepages)", NULL);
	assert_int_equal(flock(other, LOCK_SH), 0);
	close(pages_leave("qemu_back_mem"));
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "0 of 256", "stop a program");
	/* Nothing is locked, nor removed. */
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(fd);
	close(other);
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "after a crash (4 in", NULL);
}

/* An EAL that starts has locked the directory: its files may not be left, if not yet locked. */
static void
directory_that_an_eal_has_locked_is_left_alone(void **state)
{
	char path[PATH_MAX];
	int dir;

	(void)state;
	close(pages_leave("rtemap_0"));
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	snprintf(path, sizeof(path), "%s/dev/hugepages", fake_sysfs_root());
	dir = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(dir, LOCK_EX), 0);
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "that starts has locked its directory", "again");
	close(dir);
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "after a crash", NULL);
}

/* Without an IOMMU only hugepages have physical addresses. */
static void
program_without_hugepages_needs_none(void **state)
{
	struct check_options options = { .no_huge = true };

	(void)state;
	fake_sysfs_write("0\n", "sys/fs/cgroup/hugetlb.2MB.max");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	assert_int_equal(machine_check_options(&options), CHECK_FAIL);
	assert_finding("hugepages", CHECK_FAIL, "0 of 256", NULL);
	options.no_devices = true;
	assert_int_equal(machine_check_options(&options), CHECK_WARN);
	assert_finding("hugepages", CHECK_WARN, "0 of 256", NULL);
	assert_finding("hugepage-limit", CHECK_WARN, "no hugepage", NULL);
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	assert_int_equal(machine_check_options(&options), CHECK_WARN);
	assert_finding("hugepages", CHECK_WARN, "no hugepages are reserved", NULL);
}

/* A secondary has its primary's memory. */
static void
secondary_needs_no_memory_of_its_own(void **state)
{
	const struct check_options options = { .joins = true };

	(void)state;
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	fake_sysfs_write(WITHOUT_IPC_LOCK, STATUS);
	fake_sysfs_write("Max locked memory         1048576  1048576  bytes\n", "proc/self/limits");
	fake_sysfs_write("0\n", "sys/fs/cgroup/hugetlb.2MB.max");
	assert_int_equal(machine_check_options(&options), CHECK_WARN);
	assert_finding("hugepages", CHECK_WARN, "0 of 256", NULL);
	assert_finding("memlock", CHECK_WARN, "1024 kB", NULL);
	assert_finding("hugepage-limit", CHECK_WARN, "no hugepage", NULL);
}

/* Numbers that are none, or that overflow what is summed up. */
static void
hostile_numbers_are_no_pages(void **state)
{
	(void)state;
	fake_sysfs_write(WITHOUT_IPC_LOCK, STATUS);
	fake_sysfs_write("99999999999999999999\n", PAGES "nr_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_PASS, "", NULL);
	fake_sysfs_write("9223372036854775807\n", PAGES "nr_hugepages");
	fake_sysfs_write("-5\n", PAGES "free_hugepages");
	fake_sysfs_mkdir("sys/kernel/mm/hugepages/hugepages-0kB");
	fake_sysfs_mkdir("sys/kernel/mm/hugepages/hugepages-99999999999999999999kB");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "", NULL);
}

static void
hugetlbfs_is_looked_for(void **state)
{
	(void)state;
	machine_remove("dev/hugepages");
	machine_check();
	assert_finding("hugepage-mount", CHECK_WARN, "cannot be written", "--in-memory");
	fake_sysfs_write("none / tmpfs rw 0 0\n", "proc/mounts");
	machine_check();
	assert_finding("hugepage-mount", CHECK_WARN, "no hugetlbfs",
		       "mount -t hugetlbfs -o pagesize=2048K none /dev/hugepages");
}

/* The EAL uses pages only where their own size is mounted (get_hugepage_dir()). */
static void
mount_of_another_size_is_none(void **state)
{
	(void)state;
	fake_sysfs_write("0\n", LARGE "nr_hugepages");
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize=1024M 0 0\n", "proc/mounts");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding(
		"hugepage-mount", CHECK_WARN, "for pages of 2048 kB",
		"mkdir -p /dev/hugepages-2048kB && mount -t hugetlbfs -o pagesize=2048K none "
		"/dev/hugepages-2048kB");
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n", "proc/mounts");
	assert_int_equal(machine_check(), CHECK_PASS);
	/* What names no size has the default one. */
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw 0 0\n", "proc/mounts");
	fake_sysfs_write("Hugepagesize: 1048576 kB\n", "proc/meminfo");
	machine_check();
	assert_finding("hugepage-mount", CHECK_WARN, "for pages of 2048 kB", NULL);
	fake_sysfs_write("h /dev/1 hugetlbfs rw,pagesize=1G,size=1 0 0\n"
			 "h /dev/hugepages hugetlbfs rw,pagesize=2048K 0 0\n",
			 "proc/mounts");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("hugepage-mount", CHECK_PASS, "2048 kB is mounted at /dev/hugepages", NULL);
	/* An option that has no value, as no kernel writes it. */
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize 0 0\n", "proc/mounts");
	machine_check();
	assert_finding("hugepage-mount", CHECK_WARN, "for pages of 2048 kB", NULL);
}

/* Of arm64's sizes the smallest is mounted nowhere; what is added to it is of no use. */
static void
pages_are_added_where_they_are_mounted(void **state)
{
	(void)state;
	fake_sysfs_write("0\n", DIR "hugepages-64kB/nr_hugepages");
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n", "proc/mounts");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize=1G 0 0\n", "proc/mounts");
	machine_check();
	assert_finding("hugepages", CHECK_FAIL, "no hugepages", "echo 512 >" ADD_PAGES);
}

/* Other programs have all pages of the size that is mounted. */
static void
mount_of_used_pages_is_none(void **state)
{
	(void)state;
	fake_sysfs_write("4\n", LARGE "nr_hugepages");
	fake_sysfs_write("4\n", LARGE "free_hugepages");
	fake_sysfs_write("h /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n", "proc/mounts");
	assert_int_equal(machine_check(), CHECK_PASS);
	fake_sysfs_write("0\n", DIR "hugepages-2048kB/free_hugepages");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("hugepage-mount", CHECK_WARN, "for pages of 1048576 kB",
		       "pagesize=1048576K");
	fake_sysfs_write("0\n", LARGE "free_hugepages");
	machine_check();
	assert_finding("hugepage-mount", CHECK_PASS, "2048 kB is mounted", NULL);
}

/* A pod has none of the sizes that it did not request. */
static void
limit_fails_where_nothing_is_left(void **state)
{
	(void)state;
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_no_finding("hugepage-limit");
	fake_sysfs_write("0\n", "sys/fs/cgroup/hugetlb.1GB.max");
	fake_sysfs_write("536870912\n", "sys/fs/cgroup/hugetlb.2MB.max");
	fake_sysfs_write("4\n", LARGE "nr_hugepages");
	fake_sysfs_write("4\n", LARGE "free_hugepages");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_no_finding("hugepage-limit");
	fake_sysfs_write("535822336\n", "sys/fs/cgroup/hugetlb.2MB.current");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("hugepage-limit", CHECK_FAIL, "no hugepage of 2048 kB, 1048576 kB",
		       "hugepages-2Mi");
	/* Of large ones it may have some, but there are none. */
	fake_sysfs_write("max\n", "sys/fs/cgroup/hugetlb.1GB.max");
	machine_check();
	assert_no_finding("hugepage-limit");
	fake_sysfs_write("0\n", LARGE "free_hugepages");
	machine_check();
	assert_finding("hugepage-limit", CHECK_FAIL, "no hugepage of 2048 kB:", NULL);
}

/* That of a service, or of a slice above it; with v1 in a tree of its own. */
static void
limit_of_the_process_own_cgroup_counts(void **state)
{
	(void)state;
	fake_sysfs_write("1:name=systemd:/x\n0::/system.slice/dpdk.service\n", "proc/self/cgroup");
	fake_sysfs_write("0\n", "sys/fs/cgroup/system.slice/dpdk.service/hugetlb.2MB.max");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("hugepage-limit", CHECK_FAIL, "2048 kB", "/proc/self/cgroup");
	fake_sysfs_write("max\n", "sys/fs/cgroup/system.slice/dpdk.service/hugetlb.2MB.max");
	machine_check();
	assert_no_finding("hugepage-limit");
	fake_sysfs_write("0\n", "sys/fs/cgroup/system.slice/hugetlb.2MB.rsvd.max");
	machine_check();
	assert_finding("hugepage-limit", CHECK_FAIL, "2048 kB", NULL);
	machine_remove("sys/fs/cgroup");
	fake_sysfs_write("5:memory,hugetlb:/a/b\n0::/\n", "proc/self/cgroup");
	fake_sysfs_write("0\n", "sys/fs/cgroup/hugetlb/a/hugetlb.2MB.limit_in_bytes");
	machine_check();
	assert_finding("hugepage-limit", CHECK_FAIL, "2048 kB", NULL);
	/* Outside of the namespace of the cgroups that are seen here. */
	fake_sysfs_write("0::/../../etc\n", "proc/self/cgroup");
	machine_check();
	assert_no_finding("hugepage-limit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(memlock_is_measured_against_hugepages),
		MACHINE_TEST(hugepages_are_counted),
		MACHINE_TEST(cure_adds_small_pages_to_the_pool),
		MACHINE_TEST(cure_adds_pages_that_are_not_too_small),
		MACHINE_TEST(reserved_pages_are_not_free),
		MACHINE_TEST(overcommitted_pages_are_free),
		MACHINE_TEST(pages_that_a_crash_left_are_no_failure),
		MACHINE_TEST(directory_that_an_eal_has_locked_is_left_alone),
		MACHINE_TEST(program_without_hugepages_needs_none),
		MACHINE_TEST(secondary_needs_no_memory_of_its_own),
		MACHINE_TEST(hostile_numbers_are_no_pages),
		MACHINE_TEST(hugetlbfs_is_looked_for),
		MACHINE_TEST(mount_of_another_size_is_none),
		MACHINE_TEST(mount_of_used_pages_is_none),
		MACHINE_TEST(pages_are_added_where_they_are_mounted),
		MACHINE_TEST(limit_fails_where_nothing_is_left),
		MACHINE_TEST(limit_of_the_process_own_cgroup_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
