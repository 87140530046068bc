/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <ftw.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crafted.h"
#include "machine.h"
#include "vfio_cdev_private.h"

#define MOST 64

/* A character device that any user may look at stands for the cdev. */
#define NODE "/dev/null"
#define NODE_NUMBER "1:3\n"

static struct {
	struct host host;
	unsigned int count;
	struct {
		enum check_verdict verdict;
		char check[32], device[RTE_VFIO_CDEV_ADDR_LEN], text[1024], cure[1024];
	} findings[MOST];
} machine;

int machine_mempolicy_error;

/* Instead of libnuma's: the tests may run in a container that refuses it. */
long
get_mempolicy(int *mode, unsigned long *nodes, unsigned long most, void *addr, unsigned int flags)
{
	(void)mode;
	(void)nodes;
	(void)most;
	(void)addr;
	(void)flags;
	errno = machine_mempolicy_error;
	return machine_mempolicy_error == 0 ? 0 : -1;
}

static void
process_make(void)
{
	fake_sysfs_write("Name:\tdoctor\nCapEff:\t000001ffffffffff\n", "proc/self/status");
	fake_sysfs_write("         0          0 4294967295\n", "proc/self/uid_map");
	fake_sysfs_write("Limit                     Soft Limit   Hard Limit   Units\n"
			 "Max locked memory         8388608      8388608      bytes\n",
			 "proc/self/limits");
	fake_sysfs_write("", "proc/self/pagemap");
	fake_sysfs_write("MemTotal: 9 kB\nHugepagesize:    2048 kB\n", "proc/meminfo");
	fake_sysfs_write("none / tmpfs rw 0 0\nnone /dev/hugepages hugetlbfs rw 0 0\n",
			 "proc/mounts");
	fake_sysfs_mkdir("dev/hugepages");
}

static void
kernel_make(void)
{
	fake_sysfs_write("7.3.4-test\n", "proc/sys/kernel/osrelease");
	fake_sysfs_write("Character devices:\n 10 misc\n242 vfio-dev\n", "proc/devices");
	fake_sysfs_write("vfio_pci 16384 0 - Live 0x0\nvfio 69632 1 vfio_pci, Live 0x0\n",
			 "proc/modules");
	fake_sysfs_write("Y\n", "sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	fake_sysfs_mkdir("sys/module/vfio_pci");
	fake_sysfs_mkdir("sys/module/iommufd");
	fake_sysfs_mkdir("sys/bus/pci/drivers/vfio-pci");
	fake_sysfs_write("256\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	fake_sysfs_write("200\n", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	fake_sysfs_write("200\n",
			 "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"
			 "free_hugepages");
}

void
machine_device_add(const char *addr, const char *driver)
{
	char target[128];

	fake_sysfs_write("vfio-pci\n", "sys/bus/pci/devices/%s/driver_override", addr);
	fake_sysfs_write("0\n", "sys/bus/pci/devices/%s/numa_node", addr);
	if (driver[0] == '\0')
		return;
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	fake_sysfs_link(target, "sys/bus/pci/devices/%s/driver", addr);
}

static void
device_make(void)
{
	machine_device_add(MACHINE_ADDR, "vfio-pci");
	fake_sysfs_link("../../../../kernel/iommu_groups/0", MACHINE_DEVICE "/iommu_group");
	fake_sysfs_write("vfio-noiommu\n", "sys/kernel/iommu_groups/0/name");
	fake_sysfs_link("../../../../bus/pci/devices/" MACHINE_ADDR,
			"sys/kernel/iommu_groups/0/devices/" MACHINE_ADDR);
	fake_sysfs_write(NODE_NUMBER, MACHINE_DEVICE "/vfio-dev/noiommu-vfio0/dev");
	fake_sysfs_link("../../bus/pci/devices/" MACHINE_ADDR "/vfio-dev/noiommu-vfio0",
			"sys/class/vfio-dev/noiommu-vfio0");
	fake_sysfs_link("../..", MACHINE_DEVICE "/vfio-dev/noiommu-vfio0/device");
	fake_sysfs_write("1:5\n", "sys/class/vfio/noiommu-0/dev");
	fake_sysfs_link(NODE, MACHINE_NODE);
}

int
machine_start(void **state)
{
	(void)state;
	fake_reset();
	fake_sysfs_reset();
	unsetenv("LD_LIBRARY_PATH");
	unsetenv("LD_PRELOAD");
	machine_mempolicy_error = 0;
	process_make();
	kernel_make();
	device_make();
	fake_sysfs_link(crafted_interpreter(), "%s", crafted_interpreter() + 1);
	fake_sysfs_write("", "lib/librte_eal.so.23");
	if (host_open(fake_sysfs_root(), &machine.host) < 0)
		return -1;
	machine.host.ctx->sys = &fake_sys;
	machine.host.ctx->dev = "/dev";
	return 0;
}

int
machine_end(void **state)
{
	(void)state;
	host_close(&machine.host);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(fake_bad_fds(), 0);
	return 0;
}

static int
entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
machine_remove(const char *path)
{
	char full[PATH_MAX];

	assert_int_equal(host_path(&machine.host, full, "/%s", path), 0);
	assert_int_equal(nftw(full, entry_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void
machine_process_add(int pid, const char *name, const char *file)
{
	fake_sysfs_write(name, "proc/%d/comm", pid);
	fake_sysfs_link(file, "proc/%d/fd/7", pid);
}

void
machine_copy(const char *from, const char *path)
{
	char buf[4096], full[PATH_MAX];
	FILE *in = fopen(from, "re"), *out;
	size_t len;

	assert_non_null(in);
	fake_sysfs_write("", "%s", path);
	assert_int_equal(host_path(&machine.host, full, "/%s", path), 0);
	out = fopen(full, "we");
	assert_non_null(out);
	while ((len = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, len, out), len);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(full, 0755), 0);
}

/* A shell takes what is pasted: a command ends its cure, and no other words come after it. */
static void
assert_pastable(const char *cure)
{
	static const char *const commands[] = {
		"apt-get ", "chown ", "dpdk-devbind.py ", "echo ", "grep ",   "ln ",
		"mkdir ",   "mknod ", "modprobe ",	  "rm ",   "ulimit ",
	};
	const char *at;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		for (at = strstr(cure, commands[i]); at != NULL; at = strstr(at + 1, commands[i]))
			if ((at == cure || strncmp(at - 2, ": ", 2) == 0) &&
			    (strstr(at, ", ") != NULL || strstr(at, " (") != NULL))
				fail_msg("cannot be pasted: %s", cure);
}

static void
finding_keep(void *arg, const struct check_finding *finding)
{
	unsigned int i = machine.count++;

	assert_ptr_equal(arg, &machine);
	assert_true(i < MOST);
	assert_null(strpbrk(finding->text, "\n\033"));
	if (finding->device != NULL)
		assert_null(strpbrk(finding->device, "\n\033"));
	assert_true(finding->verdict == CHECK_PASS || finding->cure != NULL);
	if (finding->cure != NULL)
		assert_pastable(finding->cure);
	machine.findings[i].verdict = finding->verdict;
	snprintf(machine.findings[i].check, sizeof(machine.findings[i].check), "%s",
		 finding->check);
	snprintf(machine.findings[i].device, sizeof(machine.findings[i].device), "%s",
		 finding->device != NULL ? finding->device : "");
	snprintf(machine.findings[i].text, sizeof(machine.findings[i].text), "%s", finding->text);
	snprintf(machine.findings[i].cure, sizeof(machine.findings[i].cure), "%s",
		 finding->cure != NULL ? finding->cure : "");
}

int
machine_check_options(const struct check_options *options)
{
	machine.count = 0;
	return checks_run(&machine.host, options, finding_keep, &machine);
}

int
machine_check(void)
{
	return machine_check_options(&(struct check_options){ 0 });
}

int
machine_check_device(const char *addr)
{
	return machine_check_devices(addr, NULL);
}

int
machine_check_devices(const char *first, const char *second)
{
	const char *const devices[] = { first, second, NULL };

	return machine_check_options(&(struct check_options){ .devices = devices });
}

int
machine_check_app(const char *app)
{
	return machine_check_options(&(struct check_options){ .app = app });
}

/* The number of the finding, or -1. */
static int
finding_find(const char *device, const char *check)
{
	for (unsigned int i = 0; i < machine.count; i++)
		if (strcmp(machine.findings[i].check, check) == 0 &&
		    (device == NULL || strcmp(machine.findings[i].device, device) == 0))
			return i;
	return -1;
}

void
assert_finding_of(const char *device, const char *check, enum check_verdict verdict,
		  const char *text, const char *cure)
{
	int i = finding_find(device, check);

	if (i < 0)
		fail_msg("no finding of %s", check);
	else if (machine.findings[i].verdict != verdict ||
		 strstr(machine.findings[i].text, text) == NULL ||
		 strstr(machine.findings[i].cure, cure != NULL ? cure : "") == NULL)
		fail_msg("%s %s: %s -> %s", check_verdict_name(machine.findings[i].verdict), check,
			 machine.findings[i].text, machine.findings[i].cure);
}

void
assert_finding(const char *check, enum check_verdict verdict, const char *text, const char *cure)
{
	assert_finding_of(NULL, check, verdict, text, cure);
}

void
assert_no_cure(const char *check, const char *cure)
{
	for (unsigned int i = 0; i < machine.count; i++)
		if (strcmp(machine.findings[i].check, check) == 0 &&
		    strstr(machine.findings[i].cure, cure) != NULL)
			fail_msg("%s -> %s", check, machine.findings[i].cure);
}

void
assert_no_finding(const char *check)
{
	assert_int_equal(finding_find(NULL, check), -1);
}
