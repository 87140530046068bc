/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every call of the kernel, and every allocation, fails once in each of these: scenario.h. Each
 * run is a process that starts anew.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "ctx.h"
#include "fake_faults.h"
#include "fake_telemetry.h"
#include "scenario.h"
#include "test_faults.h"
#include "vfio_cdev_private.h"

#define IOVA UINT64_C(0x10000000)
#define GROUP 7 /* of BUS_ADDR3 */
#define GROUP_STOCK 9
#define NOIOMMU_STOCK "0000:00:08.0" /* without a cdev and an IOMMU */

/* Of all scenarios but one. */
static void
sysfs_make(void)
{
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "510:0\n");
	fake_sysfs_add(BUS_ADDR3, BUS_NAME3, "510:3\n");
	fake_sysfs_mkdir("bus/pci/devices/" BUS_STOCK_ADDR);
	bus_group_add(GROUP, BUS_ADDR3);
	bus_group_add(GROUP_STOCK, BUS_STOCK_ADDR);
}

void
faults_begin(enum rte_proc_type_t type)
{
	fake_faults_pause();
	fake_reset();
	fake_eal_reset();
	fake_node_add(BUS_NODE, FAKE_MAJOR, 0);
	fake_node_add(BUS_NODE3, FAKE_MAJOR, 3);
	fake_eal()->process_type = type;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = GROUP;
	fake_eal()->group_addr = BUS_ADDR3;
	fake_faults_resume();
}

/* The process ends. */
void
faults_end(void)
{
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		STEP_VOID("end", rte_vfio_cdev_domain_destroy(backend.domains[mode]));
	rte_vfio_cdev_ctx_free(backend_ctx());
	EXPECT(fake_eal_misuse() == NULL);
}

int
faults_setup(const char *addr, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const int ret = rte_vfio_setup_device(fake_sysfs_base(), addr, fd, &info);

	return ret == 0 ? 0 : -1;
}

int
faults_release(const char *addr, int *fd)
{
	const int ret = *fd >= 0 ? rte_vfio_release_device(fake_sysfs_base(), addr, *fd) : 0;

	if (ret == 0)
		*fd = -1;
	return ret;
}

int
faults_info_get(const char *addr)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = 0;

	return rte_vfio_get_device_info(fake_sysfs_base(), addr, &fd, &info);
}

/* rte_errno is the error, as the caller sees it. */
static int
errno_of(int ret)
{
	errno = rte_errno;
	return ret;
}

static int
map(int container, uint64_t offset, uint64_t iova)
{
	return errno_of(bus_map(container, offset, iova, LEN));
}

static int
unmap(int container, uint64_t offset, uint64_t iova)
{
	return errno_of(bus_unmap(container, offset, iova, LEN));
}

/* The EAL requests the address of a page that it is about to add. */
static int
page_add(const void *va)
{
	fake_eal_use(va, false);
	if (fake_eal_ask(va) == RTE_BAD_IOVA)
		return -1;
	fake_eal_use(va, true);
	return 0;
}

static int
foreign_ask(uint64_t offset)
{
	return fake_eal_ask(FAKE_VA(offset)) == FAKE_PHYS(offset) ? 0 : -1;
}

/* Any answer but that of the scenario without a fault is a failure. */
int
faults_is(bool right)
{
	return right ? 0 : -1;
}

/*
 * A process primes once. Without a prime there are no addresses, so that the EAL ends: a second
 * try is another process.
 */
static bool
is_primed(void)
{
	struct rte_vfio_cdev_domain *domain = backend.domains[RTE_VFIO_CDEV_NOIOMMU];

	if (domain != NULL && rte_vfio_cdev_domain_is_ready(domain))
		return true;
	if (foreign_ask(FAR) == 0)
		EXPECT(rte_vfio_cdev_domain_is_ready(backend.domains[RTE_VFIO_CDEV_NOIOMMU]));
	return false;
}

/* With prefer, a device with an IOMMU may be left to stock, which pins for it too. */
static bool
is_left_to_stock(void)
{
	return stock_calls(STOCK_SETUP) != 0;
}

static void
application_starts(void)
{
	int fd = -1;

	faults_begin(RTE_PROC_PRIMARY);
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	if (!is_primed())
		LEAVE;
	STEP("are there devices", "", faults_is(rte_vfio_is_enabled("vfio") == 1));
	STEP("is there an IOMMU", "", faults_is(rte_vfio_noiommu_is_enabled() == 1));
	STEP("are addresses known", "", faults_is(rte_eal_using_phys_addrs() == 1));
	STEP("set up a device", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
	STEP("release it", BUS_ADDR, faults_release(BUS_ADDR, &fd));
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	faults_end();
}

static void
eal_has_memory(void)
{
	int fd = -1;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(4);
	fake_eal_use(FAKE_VA(3 * FAKE_HUGE), false);
	fake_faults_resume();
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	if (!is_primed())
		LEAVE;
	STEP("add a page", "", page_add(FAKE_VA(0)));
	STEP("give another address", "", foreign_ask(FAR));
	STEP("map memory", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	STEP("set up a device", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
	fake_eal_use(FAKE_VA(3 * FAKE_HUGE), true);
	STEP_VOID("memory grows",
		  fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(3 * FAKE_HUGE), FAKE_HUGE));
	STEP("map what was given", "", map(DEFAULT, FAR, 0));
	STEP_VOID("memory shrinks",
		  fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(3 * FAKE_HUGE), FAKE_HUGE));
	STEP("unmap memory", "", unmap(DEFAULT, FAR, 0));
	STEP("read its information", BUS_ADDR, faults_info_get(BUS_ADDR));
	STEP("release it", BUS_ADDR, faults_release(BUS_ADDR, &fd));
	STEP("set it up again", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	faults_end();
}

/* Of a vDPA driver, with a group of stock's in it too. */
static void
containers_are_created(void)
{
	int own = -1, both = -1, fd = -1;
	unsigned int binds;

	faults_begin(RTE_PROC_PRIMARY);
	STEP("create a container", "", errno_of(own = rte_vfio_container_create()));
	STEP("bind a group", "container", errno_of(rte_vfio_container_group_bind(own, GROUP)));
	STEP("set up its device", BUS_ADDR3, faults_setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		LEAVE;
	STEP("map", "memory", map(own, 0, IOVA));
	STEP("unmap", "memory", unmap(own, 0, IOVA));
	STEP("release it", "", faults_release(BUS_ADDR3, &fd));
	STEP("unbind it", "container", errno_of(rte_vfio_container_group_unbind(own, GROUP)));
	bus_stock_works();
	STEP("create one of stock", "", errno_of(both = rte_vfio_container_create()));
	STEP("bind a group of stock", "container",
	     errno_of(rte_vfio_container_group_bind(both, GROUP_STOCK)));
	binds = stock_calls(STOCK_BIND);
	STEP("bind the group", "", errno_of(rte_vfio_container_group_bind(both, GROUP)));
	if (stock_calls(STOCK_BIND) != binds)
		LEAVE;
	STEP("set up its device", BUS_ADDR3, faults_setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		LEAVE;
	STEP("map in both", "memory", map(both, 0, IOVA));
	EXPECT(stock_calls(STOCK_DMA_MAP) == 1);
	STEP("unmap in both", "memory", unmap(both, 0, IOVA));
	EXPECT(stock_calls(STOCK_DMA_UNMAP) == 1);
out:
	STEP_VOID("release", faults_release(BUS_ADDR3, &fd));
	STEP_VOID("destroy them", own < 0 ? 0 : rte_vfio_container_destroy(own));
	STEP_VOID("destroy them", both < 0 ? 0 : rte_vfio_container_destroy(both));
	faults_end();
}

static void
device_has_an_iommu(void)
{
	int fd = -1;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(2);
	fake_faults_resume();
	STEP("map before", "", map(DEFAULT, FAR, IOVA));
	STEP("set up", BUS_ADDR3, faults_setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		LEAVE;
	STEP("map after", "", map(DEFAULT, FAR + FAKE_HUGE, IOVA + FAKE_HUGE));
	STEP("unmap", "", unmap(DEFAULT, FAR, IOVA));
	STEP("release it", "", faults_release(BUS_ADDR3, &fd));
out:
	STEP_VOID("release", faults_release(BUS_ADDR3, &fd));
	faults_end();
}

/* Memory for devices without a cdev is not pinned any more, or it cannot be pinned. */
static bool
is_without_pins(void)
{
	return backend.pin_given_up || (backend.pin_tried && !backend.attached[PIN_ONLY]) ||
		fake_faults_failed().err == EFAULT;
}

static void
pair_make(void)
{
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "510:0\n");
	fake_sysfs_add(BUS_ADDR2, BUS_NAME2, "510:1\n");
}

/* Memory stays pinned for the other one. */
static void
device_is_unplugged(void)
{
	int fd = -1, fd2 = -1;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	fake_node_add(FAKE_CDEV(BUS_NAME2), FAKE_MAJOR, 1);
	bus_memory(2);
	fake_faults_resume();
	STEP("set up a device", "", faults_setup(BUS_ADDR, &fd));
	STEP("set up another", BUS_ADDR2, faults_setup(BUS_ADDR2, &fd2));
	STEP("map memory", "", map(DEFAULT, FAR, FAKE_PHYS(FAR)));
	STEP("release the first", BUS_ADDR, faults_release(BUS_ADDR, &fd));
	fake_node_remove(BUS_NODE);
	STEP("map more", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	STEP("unmap memory", "", unmap(DEFAULT, FAR, FAKE_PHYS(FAR)));
	STEP("read the other's information", BUS_ADDR2, faults_info_get(BUS_ADDR2));
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	STEP_VOID("release", faults_release(BUS_ADDR2, &fd2));
	faults_end();
}

static void
cdevless_make(void)
{
	fake_sysfs_reset();
	fake_sysfs_write("vfio-noiommu\n", "bus/pci/devices/" NOIOMMU_STOCK "/iommu_group/name");
}

static void
device_has_no_cdev(void)
{
	int fd = 5;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	fake_eal()->pagemap = fake_phys;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	bus_memory(2);
	fake_faults_resume();
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	if (is_without_pins())
		LEAVE;
	STEP("add a page", "", page_add(FAKE_VA(0)));
	if (is_without_pins())
		LEAVE;
	EXPECT(fake_pins(FAKE_VA(0), FAKE_PHYS(0)) != 0);
	STEP("give another address", "", foreign_ask(FAR));
	if (is_without_pins())
		LEAVE;
	EXPECT(fake_pins(FAKE_VA(FAR), FAKE_PHYS(FAR)) != 0);
	STEP("probe", "", rte_bus_probe());
	if (is_without_pins())
		LEAVE;
	STEP("set up", NOIOMMU_STOCK, faults_setup(NOIOMMU_STOCK, &fd));
	STEP("map memory", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	if (is_without_pins())
		LEAVE;
	STEP("unmap memory", "", unmap(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
out:
	faults_end();
}

/* It is plugged in later: nothing has looked for it yet. */
static void
device_without_cdev_comes_late(void)
{
	int fd = 5;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	fake_eal()->pagemap = fake_phys;
	bus_memory(2);
	fake_faults_resume();
	STEP("late", "", faults_setup(NOIOMMU_STOCK, &fd));
	if (is_without_pins())
		LEAVE;
	EXPECT(fake_pins(FAKE_VA(0), FAKE_PHYS(0)) != 0);
out:
	faults_end();
}

/* Negative: the answer is an error. */
static int
ask(const char *what)
{
	char *text = fake_telemetry_ask(what);
	const bool right = text != NULL && strcmp(text, "null") != 0 &&
		strstr(text, "\"error\"") == NULL;

	free(text);
	return faults_is(right);
}

static void
telemetry_is_polled(void)
{
	int fd = -1;

	faults_begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(2);
	fake_faults_resume();
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
	STEP("list devices", "", ask("/vfio_cdev/devices"));
	STEP("show a device", "", ask("/vfio_cdev/device," BUS_ADDR));
	STEP("list domains", "", ask("/vfio_cdev/domains"));
	STEP("show counters", "", ask("/vfio_cdev/stats"));
	STEP("list mappings", "", ask("/vfio_cdev/mappings"));
	EXPECT(fake_telemetry_misuse() == NULL);
	EXPECT(fake_telemetry_leaks() == 0);
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	faults_end();
}

static const struct tolerance tolerances[] = {
	{ NULL, NULL, NULL, EINTR, SUCCEEDS, "a call that was interrupted is repeated" },
	{ NULL, NULL, "close", 0, SUCCEEDS, "Linux closes the file before it reports an error" },
	{ NULL, NULL, "DETACH", 0, SUCCEEDS, "closing the device detaches it" },
	{ "a device has no cdev", "give", "malloc", 0, FAILS_CHANGED,
	  "the pin goes with the memory" },
	{ "a device has no cdev", "give", "open", EMFILE, FAILS_CHANGED,
	  "io_uring has been set up by then" },
	{ NULL, "give it", NULL, 0, FAILS_QUIETLY, "the process that wants the device logs it" },
	{ NULL, "list", "GET_PA", 0, SUCCEEDS, "the answer has the error" },
	{ NULL, "list", NULL, 0, FAILS_QUIETLY, "the client gets the error" },
	{ NULL, "show", NULL, 0, FAILS_QUIETLY, "the client gets the error" },
	{ NULL, "are there devices", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "is there an IOMMU", "openat", 0, FAILS_QUIETLY, "its set-up logs it" },
	{ NULL, "is there an IOMMU", "opendir", 0, SUCCEEDS, "there may be some" },
	{ NULL, "map", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "unmap", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "create", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "map after", "malloc", 0, SUCCEEDS, "devices of the other mode come later" },
	{ NULL, "set", "opendir", 0, SUCCEEDS_LOGGED, "the number of its group is not known" },
	{ NULL, NULL, "openat", 0, SUCCEEDS, "the NUMA node is then not known" },
	{ NULL, "set up", NULL, 0, FAILS_OPEN, "the iommufd stays for the next device" },
	{ NULL, "bind", NULL, 0, FAILS_OPEN, "the iommufd stays for the next device" },
};

static bool
is_ready(enum rte_vfio_cdev_mode mode)
{
	return backend.domains[mode] != NULL &&
		rte_vfio_cdev_domain_is_ready(backend.domains[mode]);
}

/* Without addresses the EAL goes on, with a line. */
static bool
is_ready_or_logged(void)
{
	return is_ready(RTE_VFIO_CDEV_NOIOMMU) || scenario_is_logged();
}

/* That is a warning; and a search that has failed is repeated. */
static bool
pins_or_warns(void)
{
	const char *const words[] = { "io_uring cannot pin memory for devices without a cdev",
				      NULL };

	if (backend.pin_given_up)
		return scenario_is_logged() && log_has(RTE_VFIO_CDEV_LOG_WARNING, words);
	if (scenario_is_less())
		return scenario_is_logged();
	return backend.attached[PIN_ONLY] || scenario_is_logged();
}

static bool
is_far_pinned(void)
{
	return fake_pins(FAKE_VA(FAR), FAKE_PHYS(FAR)) != 0;
}

static bool
pins_page_or_warns(void)
{
	return fake_pins(FAKE_VA(0), FAKE_PHYS(0)) != 0 || (is_without_pins() && pins_or_warns());
}

static bool
pins_far_or_warns(void)
{
	/* Memory that cannot be pinned is a device's. */
	return is_far_pinned() || fake_faults_failed().err == EFAULT ||
		(is_without_pins() && pins_or_warns());
}

/* What the kernel has not unmapped. */
static bool
is_logged_and_stays(void)
{
	return scenario_is_logged() && scenario_is_more();
}

static bool
is_more_not_less(void)
{
	return !scenario_is_less();
}

static bool
is_stock_group(void)
{
	return stock_calls(STOCK_BIND) != 0;
}

static const struct alternative alternatives[] = {
	{ NULL, "late",
	  "calloc malloc realloc reallocarray fopen open opendir pread io_uring_setup "
	  "io_uring_register ",
	  0, "it pins, or a warning is logged", pins_page_or_warns },
	{ "a device has no cdev", "enable",
	  "calloc realloc reallocarray fopen open opendir scandir io_uring_setup io_uring_register "
	  "",
	  0, "it pins, or a warning is logged", pins_or_warns },
	{ "a device has no cdev", "enable", "openat ", EMFILE, "it pins, or a warning is logged",
	  pins_or_warns },
	{ "a device has no cdev", "add a page", "malloc opendir io_uring_register pread ", 0,
	  "it pins, or a warning is logged", pins_page_or_warns },
	{ "a device has no cdev", "give", "open PROCMAP_QUERY malloc io_uring_register pread ", 0,
	  "it pins, or a warning is logged", pins_far_or_warns },
	{ "a device has no cdev", "probe", "malloc io_uring_register pread reallocarray ", 0,
	  "it pins, or a warning is logged", pins_or_warns },
	{ "a device has no cdev", "map memory", "malloc opendir io_uring_register pread ", 0,
	  "it pins, or a warning is logged", pins_or_warns },
	{ NULL, "enable",
	  "calloc realloc fopen open opendir scandir BIND GET_PA HWPT_ALLOC IOAS_ALLOC ", 0,
	  "the EAL goes on", is_ready_or_logged },
	{ NULL, "enable", "openat ", EMFILE, "the EAL goes on", is_ready_or_logged },
	{ NULL, "give another", "open PROCMAP_QUERY ", 0, "a base page is pinned instead",
	  is_far_pinned },
	{ NULL, "are addresses", "open PROCMAP_QUERY ", 0, "a base page is pinned instead",
	  is_more_not_less },
	{ NULL, "memory grows", "malloc MAP GET_PA ", 0, "the EAL ignores errors of events",
	  scenario_is_logged },
	{ NULL, "unmap in both", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "memory shrinks", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "map what was", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "release it", "UNMAP ", 0, "it stays mapped", is_logged_and_stays },
	{ NULL, "bind the group", "openat ", EACCES, "the device is left to stock",
	  is_stock_group },
	{ NULL, "set up", "open ", 0, "the device is left to stock", scenario_is_logged },
	{ NULL, "bind", "open ", 0, "the device is left to stock", scenario_is_logged },
};

int
bus_faults_tests(void)
{
	static const struct scenario scenarios[] = {
		{ "the application starts", application_starts, sysfs_make },
		{ "the EAL has memory", eal_has_memory, NULL },
		{ "containers are created", containers_are_created, NULL },
		{ "a device has an IOMMU", device_has_an_iommu, NULL },
		{ "a secondary gets a device", faults_secondary_gets_a_device, NULL },
		{ "a primary gives a device", faults_primary_gives_a_device, NULL },
		{ "telemetry is polled", telemetry_is_polled, NULL },
		{ "a device is unplugged", device_is_unplugged, pair_make },
		{ "a device has no cdev", device_has_no_cdev, cdevless_make },
		{ "it comes late", device_without_cdev_comes_late, NULL },
	};
	static const struct scenario_rules rules = {
		.tolerances = tolerances,
		.count = RTE_DIM(tolerances),
		.alternatives = alternatives,
		.alternative_count = RTE_DIM(alternatives),
		.apart = true,
	};

	return scenarios_run("faults: the EAL backend", scenarios, RTE_DIM(scenarios), &rules);
}
