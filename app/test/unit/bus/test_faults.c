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
#include "test_bus_mp.h"
#include "vfio_cdev_private.h"

#define IOVA UINT64_C(0x10000000)
#define STOCK_FD 55
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

static void
begin(enum rte_proc_type_t type)
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
static void
end(void)
{
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		STEP_VOID("end", rte_vfio_cdev_domain_destroy(backend.domains[mode]));
	rte_vfio_cdev_ctx_free(backend_ctx());
	EXPECT(fake_eal_misuse() == NULL);
}

static int
setup(const char *addr, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const int ret = rte_vfio_setup_device(fake_sysfs_base(), addr, fd, &info);

	return ret == 0 ? 0 : -1;
}

static int
release(const char *addr, int *fd)
{
	const int ret = *fd >= 0 ? rte_vfio_release_device(fake_sysfs_base(), addr, *fd) : 0;

	if (ret == 0)
		*fd = -1;
	return ret;
}

static int
info_get(const char *addr)
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
static int
is(bool right)
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

	begin(RTE_PROC_PRIMARY);
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	if (!is_primed())
		goto out;
	STEP("are there devices", "", is(rte_vfio_is_enabled("vfio") == 1));
	STEP("is there an IOMMU", "", is(rte_vfio_noiommu_is_enabled() == 1));
	STEP("are addresses known", "", is(rte_eal_using_phys_addrs() == 1));
	STEP("set up a device", BUS_ADDR, setup(BUS_ADDR, &fd));
	STEP("release it", BUS_ADDR, release(BUS_ADDR, &fd));
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	end();
}

static void
eal_has_memory(void)
{
	int fd = -1;

	begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(4);
	fake_eal_use(FAKE_VA(3 * FAKE_HUGE), false);
	fake_faults_resume();
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	if (!is_primed())
		goto out;
	STEP("add a page", "", page_add(FAKE_VA(0)));
	STEP("give another address", "", foreign_ask(FAR));
	STEP("map memory", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	STEP("set up a device", BUS_ADDR, setup(BUS_ADDR, &fd));
	fake_eal_use(FAKE_VA(3 * FAKE_HUGE), true);
	STEP_VOID("memory grows",
		  fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(3 * FAKE_HUGE), FAKE_HUGE));
	STEP("map what was given", "", map(DEFAULT, FAR, 0));
	STEP_VOID("memory shrinks",
		  fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(3 * FAKE_HUGE), FAKE_HUGE));
	STEP("unmap memory", "", unmap(DEFAULT, FAR, 0));
	STEP("read its information", BUS_ADDR, info_get(BUS_ADDR));
	STEP("release it", BUS_ADDR, release(BUS_ADDR, &fd));
	STEP("set it up again", BUS_ADDR, setup(BUS_ADDR, &fd));
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	end();
}

static void
stock_works(void)
{
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 1;
	fake_eal()->stock[STOCK_CREATE].ret = STOCK_FD;
	fake_eal()->stock[STOCK_DESTROY].ret = 0;
	fake_eal()->stock[STOCK_BIND].ret = 99;
	fake_eal()->stock[STOCK_UNBIND].ret = 0;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
}

/* Of a vDPA driver, with a group of stock's in it too. */
static void
containers_are_created(void)
{
	int own = -1, both = -1, fd = -1;
	unsigned int binds;

	begin(RTE_PROC_PRIMARY);
	STEP("create a container", "", errno_of(own = rte_vfio_container_create()));
	STEP("bind a group", "container", errno_of(rte_vfio_container_group_bind(own, GROUP)));
	STEP("set up its device", BUS_ADDR3, setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		goto out;
	STEP("map", "memory", map(own, 0, IOVA));
	STEP("unmap", "memory", unmap(own, 0, IOVA));
	STEP("release it", "", release(BUS_ADDR3, &fd));
	STEP("unbind it", "container", errno_of(rte_vfio_container_group_unbind(own, GROUP)));
	stock_works();
	STEP("create one of stock", "", errno_of(both = rte_vfio_container_create()));
	STEP("bind a group of stock", "container",
	     errno_of(rte_vfio_container_group_bind(both, GROUP_STOCK)));
	binds = stock_calls(STOCK_BIND);
	STEP("bind the group", "", errno_of(rte_vfio_container_group_bind(both, GROUP)));
	if (stock_calls(STOCK_BIND) != binds)
		goto out;
	STEP("set up its device", BUS_ADDR3, setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		goto out;
	STEP("map in both", "memory", map(both, 0, IOVA));
	EXPECT(stock_calls(STOCK_DMA_MAP) == 1);
	STEP("unmap in both", "memory", unmap(both, 0, IOVA));
	EXPECT(stock_calls(STOCK_DMA_UNMAP) == 1);
out:
	STEP_VOID("release", release(BUS_ADDR3, &fd));
	STEP_VOID("destroy them", own < 0 ? 0 : rte_vfio_container_destroy(own));
	STEP_VOID("destroy them", both < 0 ? 0 : rte_vfio_container_destroy(both));
	end();
}

static void
device_has_an_iommu(void)
{
	int fd = -1;

	begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(2);
	fake_faults_resume();
	STEP("map before", "", map(DEFAULT, FAR, IOVA));
	STEP("set up", BUS_ADDR3, setup(BUS_ADDR3, &fd));
	if (is_left_to_stock())
		goto out;
	STEP("map after", "", map(DEFAULT, FAR + FAKE_HUGE, IOVA + FAKE_HUGE));
	STEP("unmap", "", unmap(DEFAULT, FAR, IOVA));
	STEP("release it", "", release(BUS_ADDR3, &fd));
out:
	STEP_VOID("release", release(BUS_ADDR3, &fd));
	end();
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

	begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	fake_node_add(FAKE_CDEV(BUS_NAME2), FAKE_MAJOR, 1);
	bus_memory(2);
	fake_faults_resume();
	STEP("set up a device", "", setup(BUS_ADDR, &fd));
	STEP("set up another", BUS_ADDR2, setup(BUS_ADDR2, &fd2));
	STEP("map memory", "", map(DEFAULT, FAR, FAKE_PHYS(FAR)));
	STEP("release the first", BUS_ADDR, release(BUS_ADDR, &fd));
	fake_node_remove(BUS_NODE);
	STEP("map more", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	STEP("unmap memory", "", unmap(DEFAULT, FAR, FAKE_PHYS(FAR)));
	STEP("read the other's information", BUS_ADDR2, info_get(BUS_ADDR2));
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	STEP_VOID("release", release(BUS_ADDR2, &fd2));
	end();
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

	begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	fake_eal()->pagemap = fake_phys;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	bus_memory(2);
	fake_faults_resume();
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	STEP("add a page", "", page_add(FAKE_VA(0)));
	STEP("give another address", "", foreign_ask(FAR));
	STEP("probe", "", rte_bus_probe());
	STEP("set up", NOIOMMU_STOCK, setup(NOIOMMU_STOCK, &fd));
	STEP("map memory", "", map(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
	STEP("unmap memory", "", unmap(DEFAULT, FAR + FAKE_HUGE, FAKE_PHYS(FAR + FAKE_HUGE)));
out:
	end();
}

/* Of the process at the other end. */
static struct rte_vfio_cdev_ctx *other_ctx;
static struct rte_vfio_cdev_domain *other_domain;
static struct rte_vfio_cdev_device *other_device;

static int
primary_answers(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct wire wire;

	memcpy(&wire, request->param, sizeof(wire));
	fake_faults_pause();
	absent_device_reply(wire, RTE_IOVA_PA, reply);
	fake_faults_resume();
	wire.kind = ANSWER;
	wire.pid = PID;
	memcpy(reply->msgs->param, &wire, sizeof(wire));
	reply->msgs->fds[reply->msgs->num_fds++] = fake_send(rte_vfio_cdev_device_fd(other_device));
	return 0;
}

static void
secondary_gets_a_device(void)
{
	struct rte_vfio_cdev_info info;
	int fd = -1;

	begin(RTE_PROC_SECONDARY);
	fake_faults_pause();
	fake_eal()->mp_primary = primary_answers;
	EXPECT(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), NULL, NULL, &other_ctx) == 0);
	EXPECT(rte_vfio_cdev_find(other_ctx, fake_sysfs_base(), BUS_ADDR, &info) == 0);
	EXPECT(rte_vfio_cdev_domain_create(other_ctx, RTE_VFIO_CDEV_NOIOMMU, &other_domain) == 0);
	EXPECT(rte_vfio_cdev_device_open(other_domain, &info, NULL, &other_device) == 0);
	fake_faults_resume();
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, setup(BUS_ADDR, &fd));
	STEP("read its information", BUS_ADDR, info_get(BUS_ADDR));
	STEP("release it", BUS_ADDR, release(BUS_ADDR, &fd));
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	fake_faults_pause();
	rte_vfio_cdev_device_close(other_device);
	rte_vfio_cdev_domain_destroy(other_domain);
	rte_vfio_cdev_ctx_free(other_ctx);
	fake_faults_resume();
	end();
}

/* 0: the device was sent. */
static int
request(void)
{
	static struct rte_mp_msg msg;
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = REQUEST,
		.id = 1,
		.policy = policy_get(),
		.addr = BUS_ADDR,
	};

	memcpy(msg.param, &wire, sizeof(wire));
	msg.len_param = WIRE_LEN;
	fake_eal()->mp_action(&msg, "peer");
	memcpy(&wire, fake_eal_replied()->param, sizeof(wire));
	return -wire.err;
}

static void
primary_gives_a_device(void)
{
	int fd = -1;

	begin(RTE_PROC_PRIMARY);
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, setup(BUS_ADDR, &fd));
	STEP("give it", BUS_ADDR, request());
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	end();
}

/* Negative: the answer is an error. */
static int
ask(const char *what)
{
	char *text = fake_telemetry_ask(what);
	const bool right = text != NULL && strcmp(text, "null") != 0 &&
		strstr(text, "\"error\"") == NULL;

	free(text);
	return is(right);
}

static void
telemetry_is_polled(void)
{
	int fd = -1;

	begin(RTE_PROC_PRIMARY);
	fake_faults_pause();
	bus_memory(2);
	fake_faults_resume();
	STEP("enable", "", is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, setup(BUS_ADDR, &fd));
	STEP("list devices", "", ask("/vfio_cdev/devices"));
	STEP("show a device", "", ask("/vfio_cdev/device," BUS_ADDR));
	STEP("list domains", "", ask("/vfio_cdev/domains"));
	STEP("show counters", "", ask("/vfio_cdev/stats"));
	STEP("list mappings", "", ask("/vfio_cdev/mappings"));
	EXPECT(fake_telemetry_misuse() == NULL);
	EXPECT(fake_telemetry_leaks() == 0);
out:
	STEP_VOID("release", release(BUS_ADDR, &fd));
	end();
}

static const struct tolerance tolerances[] = {
	{ NULL, NULL, NULL, EINTR, SUCCEEDS, "a call that was interrupted is repeated" },
	{ NULL, NULL, "close", 0, SUCCEEDS, "Linux closes the file before it reports an error" },
	{ NULL, NULL, "DETACH", 0, SUCCEEDS, "closing the device detaches it" },
	{ "a device has no cdev", "give", "malloc", 0, FAILS_CHANGED,
	  "the pin goes with the memory" },
	{ "a device has no cdev", "give", "open", EMFILE, FAILS_CHANGED,
	  "io_uring has been set up by then" },
	{ "a device has no cdev", NULL, NULL, 0, SUCCEEDS_OTHER,
	  "memory is pinned and compared with the device, or stock goes on with a warning" },
	{ NULL, "enable", NULL, 0, SUCCEEDS_OTHER, "the EAL goes on, and gets no address" },
	{ NULL, "give it", NULL, 0, FAILS_QUIETLY, "the process that wants the device logs it" },
	{ NULL, "list", "GET_PA", 0, SUCCEEDS, "the answer has the error" },
	{ NULL, "list", NULL, 0, FAILS_QUIETLY, "the client gets the error" },
	{ NULL, "show", NULL, 0, FAILS_QUIETLY, "the client gets the error" },
	{ NULL, "give another", "open", 0, SUCCEEDS_OTHER, "a base page is pinned instead" },
	{ NULL, "give another", "PROCMAP_QUERY", 0, SUCCEEDS_OTHER,
	  "a base page is pinned instead" },
	{ NULL, "are addresses", "open", 0, SUCCEEDS_OTHER, "a base page is pinned instead" },
	{ NULL, "are addresses", "PROCMAP_QUERY", 0, SUCCEEDS_OTHER,
	  "a base page is pinned instead" },
	{ NULL, "memory grows", NULL, 0, SUCCEEDS_LOGGED, "the EAL ignores errors of events" },
	{ NULL, "are there devices", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "is there an IOMMU", "openat", 0, FAILS_QUIETLY, "its set-up logs it" },
	{ NULL, "is there an IOMMU", "opendir", 0, SUCCEEDS, "there may be some" },
	{ NULL, "map", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "unmap", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "create", "opendir", 0, SUCCEEDS_LOGGED, "there may be some" },
	{ NULL, "map after", "malloc", 0, SUCCEEDS, "devices of the other mode come later" },
	{ NULL, "bind the group", "openat", EACCES, SUCCEEDS_OTHER, "the device is left to stock" },
	{ NULL, "set", "opendir", 0, SUCCEEDS_LOGGED, "the number of its group is not known" },
	{ NULL, NULL, "openat", 0, SUCCEEDS, "the NUMA node is then not known" },
	{ NULL, "set up", "open", 0, SUCCEEDS_LOGGED, "the device is left to stock" },
	{ NULL, "bind", "open", 0, SUCCEEDS_LOGGED, "the device is left to stock" },
	{ NULL, "set up", NULL, 0, FAILS_OPEN, "the iommufd stays for the next device" },
	{ NULL, "bind", NULL, 0, FAILS_OPEN, "the iommufd stays for the next device" },
	{ NULL, NULL, "UNMAP", 0, SUCCEEDS_LOGGED, "what the kernel does not unmap stays" },
};

int
bus_faults_tests(void)
{
	static const struct scenario scenarios[] = {
		{ "the application starts", application_starts, sysfs_make },
		{ "the EAL has memory", eal_has_memory, NULL },
		{ "containers are created", containers_are_created, NULL },
		{ "a device has an IOMMU", device_has_an_iommu, NULL },
		{ "a secondary gets a device", secondary_gets_a_device, NULL },
		{ "a primary gives a device", primary_gives_a_device, NULL },
		{ "telemetry is polled", telemetry_is_polled, NULL },
		{ "a device is unplugged", device_is_unplugged, pair_make },
		{ "a device has no cdev", device_has_no_cdev, cdevless_make },
	};
	static const struct scenario_rules rules = {
		.tolerances = tolerances,
		.count = RTE_DIM(tolerances),
		.apart = true,
	};

	return scenarios_run("faults: the EAL backend", scenarios, RTE_DIM(scenarios), &rules);
}
