/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Text files that the doctor reads: the kernel's configuration and release, lists of modules and
 * device numbers, the cgroup of the process with its limits of hugepages, /proc/self/limits and
 * /proc/mounts. Lines "FILE" name what the bytes up to the next such line are of:
 *
 *	@c /boot/config   @r osrelease   @m modules.dep   @p /proc/modules   @d /proc/devices
 *	@g /proc/self/cgroup   @x hugetlb.2MB.max   @u hugetlb.2MB.current   @l /proc/self/limits
 *	@s /proc/self/status   @h free hugepages
 *
 * Each check reports what it finds in printable words, and a cure for what is not good.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"
#include "fake_sysfs.h"
#include "fuzz.h"

#define SIZE 2048 /* kB of the hugepages that there are */

static struct host host;
static unsigned int findings;

static const struct {
	char letter;
	const char *path;
} files[] = {
	{ 'c', "proc/config.gz" },
	{ 'r', "proc/sys/kernel/osrelease" },
	{ 'm', "lib/modules/7.3.4-test/modules.dep" },
	{ 'p', "proc/modules" },
	{ 'd', "proc/devices" },
	{ 'g', "proc/self/cgroup" },
	{ 'x', "sys/fs/cgroup/a/hugetlb.2MB.max" },
	{ 'u', "sys/fs/cgroup/a/hugetlb.2MB.current" },
	{ 'l', "proc/self/limits" },
	{ 's', "proc/self/status" },
	{ 'h', "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages" },
};

static void
finding_check(void *arg, const struct check_finding *finding)
{
	(void)arg;
	fuzz_note("%s: %s -> %s\n", finding->check, finding->text,
		  finding->cure != NULL ? finding->cure : "");
	fuzz_require(finding->text[0] != '\0' && fuzz_is_clean(finding->text));
	fuzz_require(finding->cure == NULL || fuzz_is_clean(finding->cure));
	fuzz_require(finding->verdict == CHECK_PASS || finding->cure != NULL);
	findings++;
}

/* The sections of an input as files; what is not in it is not there. */
static void
files_make(struct fuzz_bytes *bytes)
{
	bool made[sizeof(files) / sizeof(files[0])] = { false };
	char *text;

	fake_sysfs_reset();
	fake_sysfs_mkdir("sys/kernel/mm/hugepages/hugepages-2048kB");
	while (bytes->at < bytes->end) {
		text = fuzz_text(bytes, '@');
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			if (text[0] == files[i].letter && text[1] == '\n' && !made[i]) {
				made[i] = true;
				fake_sysfs_write(text + 2, "%s", files[i].path);
				fuzz_note("%s: %s\n", files[i].path, text + 2);
			}
		free(text);
	}
}

static void
checks_run_all(struct checkup *c)
{
	static const struct {
		const char *name;
		void (*run)(struct checkup *c);
	} checks[] = {
		{ "kernel-version", check_kernel_version },
		{ "kernel-options", check_kernel_options },
		{ "modules", check_modules },
		{ "hugepages", check_hugepages },
		{ "hugepage-limit", check_hugepage_limit },
		{ "memlock", check_memlock },
		{ "capabilities", check_capabilities },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		c->name = checks[i].name;
		checks[i].run(c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct check_options options = { .devices = NULL };
	struct fuzz_bytes bytes = { data, data + size };
	struct checkup c = {
		.host = &host,
		.options = &options,
		.report = finding_check,
		.iommufd = -ENOENT,
		.get_pa = -ENOENT,
		.wants_noiommu = true,
		.wants_vfio = true,
	};
	unsigned long sizes[HUGEPAGE_SIZES];

	fuzz_begin();
	if (host.root == NULL) {
		fake_sysfs_reset();
		fuzz_require(host_open(fake_sysfs_root(), &host) == 0);
	}
	files_make(&bytes);
	findings = 0;
	checks_run_all(&c);
	fuzz_require(findings >= 3);
	fuzz_require(hugepage_sizes(&host, sizes) == 1 && sizes[0] == SIZE);
	fuzz_require(hugepages_free(&host, -1) >= 0);
	return 0;
}
