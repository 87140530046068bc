/* SPDX-License-Identifier: BSD-3-Clause */

/* Every call of the kernel, and every allocation, fails once in each of these: scenario.h. */

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fake_faults.h"
#include "fixture.h"
#include "scenario.h"

#define ADDR_TRANSLATED "0000:00:05.0"
#define NAME_TRANSLATED "vfio2"
#define ADDR_SECOND "0000:00:06.0"
#define NAME_SECOND "vfio3"
#define WIDTH (UINT64_C(1) << 48)
#define IOVA UINT64_C(0x10000000)
#define FILE_VA (64 * HUGE)	   /* of a shared file, */
#define FILE_ELSEWHERE (65 * HUGE) /* which is mapped here too */

/* Of the scenario that runs. */
static struct fixture f;
static struct iommufd_sys sys; /* fake_sys, and the library's own resident() */

/* What no scenario changes. */
static void
sysfs_make(void)
{
	fake_sysfs_reset();
	fake_sysfs_add(FIXTURE_ADDR, FIXTURE_NAME, "510:0\n");
	fake_sysfs_add(ADDR_TRANSLATED, NAME_TRANSLATED, "510:2\n");
	fake_sysfs_add(ADDR_SECOND, NAME_SECOND, "510:3\n");
	fake_sysfs_write("8000000\n", "devices/system/memory/block_size_bytes");
	fake_sysfs_write("opener\n", "proc/7/comm");
	fake_sysfs_link("/dev/null", "proc/7/fd/3");
	for (int i = 0; i < 4; i++)
		fake_sysfs_mkdir("devices/system/node/node%d/memory%d", i / 2, 32 + i);
}

/* A machine, and the library's context and domain: not points, but for those of these steps. */
static void
begin(enum rte_vfio_cdev_mode mode, const char *addr)
{
	fake_faults_pause();
	memset(&f, 0, sizeof(f));
	sys = fake_sys;
	sys.resident = iommufd_sys_linux.resident;
	fake_reset();
	fake_node_add(FIXTURE_NODE, FAKE_MAJOR, 0);
	fake_node_add(FAKE_CDEV(NAME_TRANSLATED), FAKE_MAJOR, 2)->reserved[0].start = WIDTH;
	fake_node(FAKE_CDEV(NAME_TRANSLATED))->reserved[0].last = UINT64_MAX;
	fake_node_add(FAKE_CDEV(NAME_SECOND), FAKE_MAJOR, 3);
	EXPECT(vfio_cdev_ctx_create(&sys, fake_sysfs_root(), log_capture, NULL, &f.ctx) == 0);
	EXPECT(rte_vfio_cdev_find(f.ctx, fake_sysfs_base(), addr, &f.info) == 0);
	EXPECT(rte_vfio_cdev_domain_create(f.ctx, mode, &f.domain) == 0);
	fake_faults_resume();
}

static void
end(void)
{
	STEP_VOID("close the device", rte_vfio_cdev_device_close(f.device));
	STEP_VOID("destroy the domain", rte_vfio_cdev_domain_destroy(f.domain));
	rte_vfio_cdev_ctx_free(f.ctx);
}

static int
device_open(void)
{
	return rte_vfio_cdev_device_open(f.domain, &f.info, NULL, &f.device);
}

static int
info_get(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return rte_vfio_cdev_device_get_info(f.device, &info);
}

static bool
is_pinned(uint64_t offset)
{
	return fake_pins(FAKE_VA(offset), FAKE_PHYS(offset)) != 0;
}

static bool
has_failed(const char *call, int err)
{
	const struct fake_fault fault = fake_faults_failed();

	return fault.call != NULL && strcmp(fault.call, call) == 0 &&
		(err == 0 || fault.err == err);
}

static uint64_t
given_count(void)
{
	struct rte_vfio_cdev_stats stats = { 0 };

	rte_vfio_cdev_domain_stats(f.domain, &stats);
	return stats.provisional;
}

static int
huge_map(uint64_t offset)
{
	return memory_map(&f, offset, HUGE, HUGE);
}

static void
device_comes_first(void)
{
	struct rte_vfio_cdev_mapping mappings[4];

	begin(RTE_VFIO_CDEV_NOIOMMU, FIXTURE_ADDR);
	STEP("open a device", "cannot", device_open());
	STEP("read its information", FIXTURE_ADDR, info_get());
	STEP("map pages", "memory: cannot", pages_map(&f, 0, 8));
	STEP("map a hugepage", "memory: cannot", huge_map(2 * HUGE));
	STEP("map it twice", "memory: cannot", huge_map(2 * HUGE));
	STEP("unmap it once", "memory: cannot", memory_unmap(&f, 2 * HUGE, HUGE));
	STEP_VOID("list the mappings",
		  EXPECT(rte_vfio_cdev_domain_mappings(f.domain, 0, mappings, 4) == 2));
	STEP("unmap a part", "memory: cannot", pages_unmap(&f, 2, 3));
	STEP("unmap the start", "memory: cannot", pages_unmap(&f, 0, 2));
	STEP("unmap a hugepage", "memory: cannot", memory_unmap(&f, 2 * HUGE, HUGE));
out:
	end();
}

/* Memory is pending until there is a device. */
static void
device_comes_last(void)
{
	begin(RTE_VFIO_CDEV_NOIOMMU, FIXTURE_ADDR);
	STEP("plan pages", "memory: cannot",
	     rte_vfio_cdev_domain_plan(f.domain, FAKE_VA(0), FAKE_PHYS(0), PAGES(4), FAKE_PAGE));
	STEP("map them", "memory: cannot", pages_map(&f, 0, 4));
	STEP("map a hugepage", "memory: cannot", huge_map(2 * HUGE));
	STEP("expect an address", "memory: cannot",
	     rte_vfio_cdev_domain_expect(f.domain, FAKE_VA(PAGES(16)), FAKE_PHYS(PAGES(16))));
	STEP("expect another", "memory: cannot",
	     rte_vfio_cdev_domain_expect(f.domain, FAKE_VA(PAGES(18)), FAKE_PHYS(PAGES(18))));
	/* What is owed stays owed. */
	fake.swapped = FAKE_VA(PAGES(18));
	STEP_VOID("look at them", vfio_cdev_monitor_recheck(FAKE_VA(PAGES(16)), PAGES(3)));
	EXPECT(given_count() == 2 || has_failed("openat", EACCES));
	fake.swapped = NULL;
	if (given_count() != 2)
		LEAVE;
	STEP("open a device", "cannot", device_open());
	EXPECT(fake_holds().pinned == PAGES(6) + HUGE);
	STEP("map what was expected", "memory: cannot", pages_map(&f, 16, 1));
	STEP("settle", "memory: cannot", rte_vfio_cdev_domain_settle(f.domain));
	EXPECT(fake_holds().pinned == PAGES(6) + HUGE);
out:
	end();
}

/* Addresses are given by the domain itself. */
static void
addresses_are_given(void)
{
	struct rte_vfio_cdev_pin *pin = NULL;
	const struct rte_vfio_cdev_extent *extents;
	uint64_t phys = 0;

	begin(RTE_VFIO_CDEV_NOIOMMU, FIXTURE_ADDR);
	STEP("prime", "cannot", rte_vfio_cdev_domain_prime(f.domain, &f.info, NULL));
	STEP("provide", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(PAGES(1)), &phys));
	EXPECT(phys == FAKE_PHYS(PAGES(1)));
	EXPECT(is_pinned(PAGES(1)));
	STEP("provide it again", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(PAGES(1)), &phys));
	EXPECT(phys == FAKE_PHYS(PAGES(1)));
	STEP("expect it", "memory: cannot",
	     rte_vfio_cdev_domain_expect(f.domain, FAKE_VA(PAGES(2)), FAKE_PHYS(PAGES(2))));
	STEP("query", "memory: cannot",
	     rte_vfio_cdev_domain_phys(f.domain, FAKE_VA(PAGES(1)), &phys));
	STEP("pin a page", "memory: cannot",
	     rte_vfio_cdev_domain_pin_page(f.domain, FAKE_VA(2 * HUGE), HUGE, &phys));
	EXPECT(phys == FAKE_PHYS(2 * HUGE));
	STEP("provide a part of it", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(2 * HUGE + FAKE_PAGE), &phys));
	EXPECT(phys == FAKE_PHYS(2 * HUGE + FAKE_PAGE));
	fake_page_move(FAKE_VA(4 * HUGE + FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	STEP("pin memory", "memory: cannot",
	     rte_vfio_cdev_domain_pin(f.domain, FAKE_VA(4 * HUGE), PAGES(3), &pin));
	EXPECT(rte_vfio_cdev_pin_extents(pin, &extents) == 3);
	STEP("open the device", "cannot", device_open());
	STEP_VOID("sweep", rte_vfio_cdev_domain_sweep(f.domain));
	EXPECT(is_pinned(PAGES(1)) && is_pinned(PAGES(2)) && is_pinned(2 * HUGE + FAKE_PAGE));
	STEP("release it", "memory: cannot", rte_vfio_cdev_pin_release(pin));
	pin = NULL;
	EXPECT(is_pinned(PAGES(1)) && is_pinned(PAGES(2)) && is_pinned(2 * HUGE + FAKE_PAGE));
out:
	rte_vfio_cdev_pin_release(pin);
	end();
}

/* munmap(), as its hook makes it. */
static void
page_unmap(uint64_t offset)
{
	const bool busy = vfio_cdev_monitor_begin(FAKE_VA(offset), FAKE_PAGE);

	fake_vma_remove(FAKE_VA(offset));
	fake_page_remove(FAKE_VA(offset));
	if (busy)
		vfio_cdev_monitor_end(FAKE_VA(offset), FAKE_PAGE, VFIO_CDEV_GONE);
}

static void
file_map(uint64_t at)
{
	const struct fake_vma vma = {
		.va = FAKE_VA(at),
		.len = FAKE_PAGE,
		.page_size = FAKE_PAGE,
		.shared = true,
		.dev = makedev(0, 15),
		.inode = 77,
	};

	fake_vma_add(&vma);
	fake_page_move(FAKE_VA(at), FAKE_PHYS(FILE_VA));
	vfio_cdev_monitor_shared();
}

/* An older kernel, or a /proc that is not to be read, does not tell where a page is mapped. */
static bool
is_untold(void)
{
	return has_failed("PROCMAP_QUERY", ENOTTY) || has_failed("open", EACCES) ||
		has_failed("open", ENODEV);
}

/*
 * A page whose address was given keeps its pin while the process maps it, whatever fails: hooks
 * cannot fail. That of a page which is nowhere else may stay until the end.
 */
static void
memory_goes(void)
{
	uint64_t phys;

	begin(RTE_VFIO_CDEV_NOIOMMU, FIXTURE_ADDR);
	STEP("prime", "cannot", rte_vfio_cdev_domain_prime(f.domain, &f.info, NULL));
	for (unsigned int i = 0; i < 3; i++)
		STEP("provide", "memory: cannot",
		     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(PAGES(i)), &phys));
	STEP_VOID("unmap a page", page_unmap(PAGES(1)));
	EXPECT(!is_pinned(PAGES(1)) || fake_faults_failed().call != NULL);
	EXPECT(is_pinned(0) && is_pinned(PAGES(2)));
	STEP_VOID("look at all", vfio_cdev_monitor_recheck(FAKE_VA(0), PAGES(3)));
	EXPECT(is_pinned(0) && is_pinned(PAGES(2)));
	STEP_VOID("sweep", rte_vfio_cdev_domain_sweep(f.domain));
	EXPECT(is_pinned(0) && is_pinned(PAGES(2)));
	file_map(FILE_VA);
	STEP("provide a page of a file", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(FILE_VA), &phys));
	file_map(FILE_ELSEWHERE);
	STEP_VOID("unmap it at one address", page_unmap(FILE_VA));
	EXPECT(is_pinned(FILE_VA) || is_untold());
	/* Without an answer it stays for good, and is pinned there. */
	if (has_failed("open", 0) || has_failed("mmap", 0))
		scenario_may_add(1, FAKE_PAGE);
	STEP("provide it at the other", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(FILE_ELSEWHERE), &phys));
	EXPECT(phys == FAKE_PHYS(FILE_VA));
	EXPECT(is_pinned(FILE_VA) || fake_pins(FAKE_VA(FILE_ELSEWHERE), phys) != 0);
	STEP_VOID("keep pins", rte_vfio_cdev_domain_keep_provisional(f.domain, true));
	STEP_VOID("unmap another page", page_unmap(PAGES(2)));
	EXPECT(is_pinned(0) && is_pinned(PAGES(2)));
	STEP_VOID("keep no more", rte_vfio_cdev_domain_keep_provisional(f.domain, false));
out:
	end();
}

static int
translated_map(uint64_t iova)
{
	return rte_vfio_cdev_domain_map(f.domain, FAKE_VA(iova), iova, HUGE, FAKE_PAGE);
}

static void
devices_have_an_iommu(void)
{
	struct rte_vfio_cdev_device *second = NULL;
	struct rte_vfio_cdev_info info;

	begin(RTE_VFIO_CDEV_TRANSLATED, ADDR_TRANSLATED);
	STEP("map before", "memory: cannot", translated_map(IOVA));
	STEP("open a device", "cannot", device_open());
	STEP("map after", "memory: cannot", translated_map(IOVA + HUGE));
	fake_faults_pause();
	EXPECT(rte_vfio_cdev_find(f.ctx, fake_sysfs_base(), ADDR_SECOND, &info) == 0);
	fake_faults_resume();
	STEP("open another", "cannot", rte_vfio_cdev_device_open(f.domain, &info, NULL, &second));
	STEP_VOID("close the other", rte_vfio_cdev_device_close(second));
	second = NULL;
	STEP("unmap", "memory: cannot",
	     rte_vfio_cdev_domain_unmap(f.domain, FAKE_VA(IOVA), IOVA, HUGE));
	STEP("unmap", "memory: cannot",
	     rte_vfio_cdev_domain_unmap(f.domain, FAKE_VA(IOVA + HUGE), IOVA + HUGE, HUGE));
out:
	rte_vfio_cdev_device_close(second);
	end();
}

static void
io_uring_pins(void)
{
	struct rte_vfio_cdev_pin *pin = NULL;
	uint64_t phys = 0;

	begin(RTE_VFIO_CDEV_PIN_ONLY, FIXTURE_ADDR);
	STEP("map before", "memory: cannot", pages_map(&f, 0, 4));
	STEP("start", "memory: cannot", rte_vfio_cdev_domain_start(f.domain));
	STEP("pin a hugepage", "memory: cannot",
	     rte_vfio_cdev_domain_pin_page(f.domain, FAKE_VA(2 * HUGE), HUGE, &phys));
	EXPECT(phys == FAKE_PHYS(2 * HUGE));
	EXPECT(is_pinned(2 * HUGE));
	/* This is none: all of it is pinned. */
	fake_page_move(FAKE_VA(6 * HUGE + HUGE - FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	STEP("pin other memory", "memory: cannot",
	     rte_vfio_cdev_domain_pin_page(f.domain, FAKE_VA(6 * HUGE), HUGE, &phys));
	EXPECT(is_pinned(6 * HUGE) && is_pinned(6 * HUGE + FAKE_PAGE));
	EXPECT(fake_pins(FAKE_VA(6 * HUGE + HUGE - FAKE_PAGE), FAKE_PHYS(9 * HUGE)) != 0);
	STEP("map", "memory: cannot", pages_map(&f, 1024, 4));
	STEP("unmap a part", "memory: cannot", pages_unmap(&f, 1025, 2));
	STEP("pin memory", "memory: cannot",
	     rte_vfio_cdev_domain_pin(f.domain, FAKE_VA(4 * HUGE), PAGES(3), &pin));
	STEP("provide", "memory: cannot",
	     rte_vfio_cdev_domain_provide(f.domain, FAKE_VA(PAGES(64)), &phys));
	STEP("release", "memory: cannot", rte_vfio_cdev_pin_release(pin));
	pin = NULL;
out:
	rte_vfio_cdev_pin_release(pin);
	end();
}

/* The file of the fake kernel is sent anew for each try: one that was refused is closed. */
static int
import(struct rte_vfio_cdev_device **device)
{
	return rte_vfio_cdev_device_import(f.ctx, &f.info,
					   fake_send(rte_vfio_cdev_device_fd(f.device)), device);
}

static void
two_processes_have_the_device(void)
{
	struct rte_vfio_cdev_device *copy = NULL, *sent = NULL;

	begin(RTE_VFIO_CDEV_NOIOMMU, FIXTURE_ADDR);
	STEP("open a device", "cannot", device_open());
	STEP("copy it", FIXTURE_ADDR, rte_vfio_cdev_device_dup(f.device, &copy));
	STEP("import it", FIXTURE_ADDR, import(&sent));
	STEP("open the nodes", FIXTURE_ADDR, rte_vfio_cdev_try_nodes(f.ctx, &f.info));
out:
	rte_vfio_cdev_device_close(copy);
	rte_vfio_cdev_device_close(sent);
	end();
}

static int
device_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	(void)info;
	++*(unsigned int *)arg;
	return 0;
}

/* A device that cannot be read is left out, which is logged. */
static int
devices_walk(void)
{
	unsigned int count = 0;
	const int ret = rte_vfio_cdev_walk(f.ctx, "pci", device_visit, &count);

	return ret == 0 && count != 3 ? -1 : ret;
}

static int
devices_count(void)
{
	return rte_vfio_cdev_count(f.ctx, RTE_VFIO_CDEV_NOIOMMU) == 1 ? 0 : -1;
}

/* From nothing: what begin() does otherwise. */
static void
devices_are_found(void)
{
	struct rte_vfio_cdev_opener openers[4];
	char proc[PATH_MAX];

	fake_faults_pause();
	memset(&f, 0, sizeof(f));
	fake_reset();
	fake_faults_resume();
	STEP("create a context", "",
	     vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), log_capture, NULL, &f.ctx));
	snprintf(proc, sizeof(proc), "%s/proc", fake_sysfs_root());
	f.ctx->proc = proc;
	STEP("find a device", FIXTURE_ADDR,
	     rte_vfio_cdev_find(f.ctx, fake_sysfs_base(), FIXTURE_ADDR, &f.info));
	STEP("walk", "cannot find", devices_walk());
	STEP("count", "sysfs: cannot find", devices_count());
	STEP("find its openers", "", rte_vfio_cdev_openers(f.ctx, &f.info, openers, 4));
	STEP("create a domain", "memory: cannot",
	     rte_vfio_cdev_domain_create(f.ctx, RTE_VFIO_CDEV_NOIOMMU, &f.domain));
	STEP("open its iommufd", "", rte_vfio_cdev_domain_fd(f.domain));
out:
	rte_vfio_cdev_domain_destroy(f.domain);
	rte_vfio_cdev_ctx_free(f.ctx);
}

static const struct tolerance tolerances[] = {
	{ NULL, NULL, NULL, EINTR, SUCCEEDS, "a call that was interrupted is repeated" },
	{ NULL, NULL, "close", 0, SUCCEEDS, "Linux closes the file before it reports an error" },
	{ NULL, NULL, "DETACH", 0, SUCCEEDS, "closing the device detaches it" },
	{ NULL, "create a context", NULL, 0, FAILS_QUIETLY, "there is no log without a context" },
	{ NULL, "copy it", NULL, 0, FAILS_QUIETLY, "the process that wants it logs the error" },
	{ NULL, "find a device", "openat", 0, SUCCEEDS, "the NUMA node is then not known" },
	{ NULL, "walk", "openat", 0, SUCCEEDS, "the NUMA node is then not known" },
	{ NULL, "find its openers", NULL, 0, FAILS_QUIETLY, "they are for another message" },
	{ NULL, "find its openers", "openat", 0, SUCCEEDS, "other processes may have ended" },
	{ NULL, "open a device", "ATTACH", 0, FAILS_CHANGED, "the HWPT stays for the next one" },
	{ NULL, "close the other", NULL, 0, SUCCEEDS, "the IOVAs that both can use are fewer" },
	{ NULL, "list the mappings", "GET_PA", 0, SUCCEEDS, "the list has the error" },
	{ NULL, "release", "GET_PA", 0, SUCCEEDS, "only counters of NUMA nodes want it" },
	{ NULL, "pin other memory", "pread", 0, SUCCEEDS, "it is pinned as a whole anyway" },
	{ NULL, "release", "pread", 0, SUCCEEDS, "only counters of NUMA nodes want it" },
	/* Memory whose address was given. */
	{ NULL, "provide", "open", 0, SUCCEEDS, "a base page is pinned, which it is" },
	{ NULL, "provide", "PROCMAP_QUERY", 0, SUCCEEDS, "a base page is pinned, which it is" },
	{ NULL, "expect", "open", 0, SUCCEEDS, "a base page is pinned, which it is" },
	{ NULL, "expect", "PROCMAP_QUERY", 0, SUCCEEDS, "a base page is pinned, which it is" },
	{ NULL, NULL, "mincore", 0, SUCCEEDS, "it says nothing about the page" },
	{ NULL, "look at them", "openat", EMFILE, SUCCEEDS, "it says nothing about the page" },
	{ NULL, "look at them", "pread", 0, SUCCEEDS, "it says nothing about the page" },
	{ NULL, "sweep", "MAP", 0, SUCCEEDS, "an error does not prove that memory is gone" },
	{ NULL, "sweep", "GET_PA", 0, SUCCEEDS, "an error does not prove that memory is gone" },
	{ NULL, "look at all", "MAP", 0, SUCCEEDS, "an error does not prove that memory is gone" },
	{ NULL, "look at all", "GET_PA", 0, SUCCEEDS, "an error does not prove that it is gone" },
};

/* What the kernel has not unmapped. */
static bool
is_logged_and_stays(void)
{
	return scenario_is_logged() && scenario_is_more();
}

/* Scenarios check which pages these are. */
static bool
given_page_is_pinned(void)
{
	return is_pinned(FILE_VA) || is_untold();
}

static bool
other_pages_are_pinned(void)
{
	return is_pinned(0) && is_pinned(PAGES(2)) && !scenario_is_less();
}

static bool
all_is_pinned(void)
{
	for (uint64_t offset = 0; offset < HUGE; offset += FAKE_PAGE)
		if (!is_pinned(2 * HUGE + offset))
			return false;
	return true;
}

/* But no other. */
static bool
one_page_is_owed(void)
{
	return given_count() >= 1;
}

static const struct alternative alternatives[] = {
	{ NULL, "look at them", "openat ", EACCES, "what is swapped out is not seen",
	  one_page_is_owed },
	{ NULL, "pin a hugepage", "pread ", 0, "all of it is pinned", all_is_pinned },
	{ NULL, "unmap a page", "PROCMAP_QUERY ", 0, "it may be elsewhere",
	  other_pages_are_pinned },
	{ NULL, "unmap it at", "PROCMAP_QUERY mmap ", 0, "it may be elsewhere",
	  given_page_is_pinned },
	{ NULL, "look at all", "UNMAP ", 0, "it stays mapped, and a hook logs nothing",
	  scenario_is_more },
	{ NULL, "unmap a page", "UNMAP ", 0, "it stays mapped, and a hook logs nothing",
	  scenario_is_more },
	{ NULL, "keep no more", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "provide it at", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "provide it again", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "provide a part", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "query", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "sweep", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "map it twice", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "map what was", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
};

int
main(void)
{
	static const struct scenario scenarios[] = {
		{ "the device comes first", device_comes_first, sysfs_make },
		{ "the device comes last", device_comes_last, NULL },
		{ "addresses are given", addresses_are_given, NULL },
		{ "memory goes", memory_goes, NULL },
		{ "devices have an IOMMU", devices_have_an_iommu, NULL },
		{ "io_uring pins", io_uring_pins, NULL },
		{ "two processes have the device", two_processes_have_the_device, NULL },
		{ "devices are found", devices_are_found, NULL },
	};
	static const struct scenario_rules rules = {
		.tolerances = tolerances,
		.count = sizeof(tolerances) / sizeof(tolerances[0]),
		.alternatives = alternatives,
		.alternative_count = sizeof(alternatives) / sizeof(alternatives[0]),
	};

	return scenarios_run("faults: librte_vfio_cdev", scenarios,
			     sizeof(scenarios) / sizeof(scenarios[0]), &rules);
}
