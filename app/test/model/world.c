/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal_memconfig.h>
#include <rte_vfio.h>

#include "log_capture.h"
#include "state.h"
#include "vfio_cdev_private.h"
#include "world.h"

#define PAGES 2 /* beside the one that comes and goes */

enum defect world_defect;
bool world_page_is_used;
unsigned int world_devices;
struct world_counts world_counts;

static rte_iova_t given; /* the address of the page */
static unsigned int lines[SIDES];
static char last_line[512];

/* The library's context is of this seam, whichever process makes it. */
int
rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return vfio_cdev_ctx_create(&model_sys, fake_sysfs_root(), log, arg, ctx);
}

void
log_capture(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	if (level > RTE_VFIO_CDEV_LOG_WARNING ||
	    (world_defect == SILENT && side_current() == SECONDARY && messages_gave_up()))
		return;
	lines[side_current()]++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static phys_addr_t
pagemap(const void *virt)
{
	return fake_phys(virt);
}

static void
process_begin(unsigned int side)
{
	struct rte_memseg_list *list;

	side_enter(side);
	fake_eal_reset();
	fake_eal()->process_type = side == PRIMARY ? RTE_PROC_PRIMARY : RTE_PROC_SECONDARY;
	fake_eal()->pagemap = pagemap;
	list = fake_eal_list(false, true);
	for (unsigned int i = 0; i < PAGES; i++)
		fake_eal_memseg(list, FAKE_VA(i * FAKE_HUGE), FAKE_PHYS(i * FAKE_HUGE), FAKE_HUGE);
	fake_eal_memseg(fake_eal_list(false, true), PAGE, RTE_BAD_IOVA, FAKE_HUGE);
	fake_eal_use(PAGE, false);
	messages_connect();
}

static void
machine_begin(void)
{
	fake_reset();
	fake_node_add(NODE, FAKE_MAJOR, 0);
	fake_node_add(NODE2, FAKE_MAJOR, 1);
	kernel_begin();
	messages_begin();
	world_page_is_used = false;
	world_devices = 0;
	memset(lines, 0, sizeof(lines));
}

/*
 * As if the process ended: its domains are the only memory that is not in the side. A reference to
 * the variable would have the linker move it here, out of the side.
 */
static void
process_end(unsigned int side)
{
	struct backend *state = dlsym(RTLD_DEFAULT, "backend");

	side_enter(side);
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (rte_vfio_cdev_domain_destroy(state->domains[mode]) != 0)
			explore_violated(ONE_FD, "a device of a domain is left");
	memset(state, 0, sizeof(*state));
}

void
world_make(void)
{
	int fd;

	fake_sysfs_reset();
	fake_sysfs_add(ADDR, "noiommu-vfio0", "510:0\n");
	fake_sysfs_add(ADDR2, "noiommu-vfio1", "510:1\n");
	machine_begin();
	process_begin(PRIMARY);
	rte_vfio_enable("vfio");
	if (world_setup(ADDR, &fd) == 0)
		world_release(ADDR, fd);
	process_end(PRIMARY);
	sides_record();
}

void
world_begin(void)
{
	sides_reset();
	machine_begin();
	for (int side = SIDES - 1; side >= 0; side--)
		process_begin(side);
}

void
world_died(unsigned int side)
{
	if (side == PRIMARY)
		world_devices = 0;
	kernel_died(side);
}

static void
files_check(unsigned int side, const char *node)
{
	if (world_files(side, node) != 0)
		explore_violated(ONE_FD, "the %s has a file of %s that it has released",
				 side == PRIMARY ? "primary" : "secondary", node);
}

void
world_end(void)
{
	messages_end();
	for (unsigned int side = 0; side < SIDES; side++) {
		files_check(side, NODE);
		files_check(side, NODE2);
		if (!explore_is_dead(side))
			process_end(side);
	}
	if (fake_node(NODE)->bound || fake_node(NODE2)->bound)
		explore_violated(ONE_FD, "a device is bound that no process has");
	if (fake_holds().files != 0 || fake_holds().areas != 0 || fake_bad_fds() != 0)
		explore_violated(MISUSE, "%u files, %u areas, %u calls with what is no file",
				 fake_holds().files, fake_holds().areas, fake_bad_fds());
	side_enter(PRIMARY);
	if (!explore_is_dead(PRIMARY) && fake_eal_misuse() != NULL)
		explore_violated(MISUSE, "%s", fake_eal_misuse());
}

int
world_setup(const char *addr, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const unsigned int before = lines[side_current()];
	const char *node = strcmp(addr, ADDR) == 0 ? NODE : NODE2;
	int ret;

	*fd = -1;
	ret = rte_vfio_setup_device(fake_sysfs_base(), addr, fd, &info);
	if (ret > 0 || fake_eal()->stock[STOCK_SETUP].calls != 0)
		explore_violated(NOT_SILENT, "%s is left to stock", addr);
	if (ret < 0 && lines[side_current()] == before)
		explore_violated(NOT_SILENT, "%s is refused without a line", addr);
	if (ret == 0 && (world_files(side_current(), node) == 0 || !fake_node(node)->bound))
		explore_violated(NOT_SILENT, "%s is set up without a device", addr);
	*(ret == 0 ? &world_counts.set_up : &world_counts.refused) += 1;
	if (ret == 0 && side_current() == PRIMARY) {
		world_devices++;
		world_step();
	}
	return ret;
}

void
world_release(const char *addr, int fd)
{
	if (side_current() == PRIMARY)
		world_devices--;
	if (rte_vfio_release_device(fake_sysfs_base(), addr, fd) != 0)
		explore_violated(MISUSE, "%s is not released: %s", addr, last_line);
}

bool
world_page_take(void)
{
	struct rte_memseg *ms;

	rte_mcfg_mem_write_lock();
	ms = rte_mem_virt2memseg(PAGE, rte_mem_virt2memseg_list(PAGE));
	ms->iova = fake_eal_ask(PAGE);
	if (ms->iova != RTE_BAD_IOVA) {
		fake_eal_use(PAGE, true);
		fake_eal_event(RTE_MEM_EVENT_ALLOC, PAGE, FAKE_HUGE);
		given = ms->iova;
		world_page_is_used = true;
	}
	rte_mcfg_mem_write_unlock();
	return world_page_is_used;
}

void
world_page_drop(void)
{
	rte_mcfg_mem_write_lock();
	world_page_is_used = false;
	fake_eal_event(RTE_MEM_EVENT_FREE, PAGE, FAKE_HUGE);
	fake_eal_drop(PAGE);
	rte_mcfg_mem_write_unlock();
}

void
world_step(void)
{
	if (world_devices == 0 || !world_page_is_used)
		return;
	if (fake_pins(PAGE, fake_phys(PAGE)) == 0)
		explore_violated(PINNED, "a device may reach a page that is not pinned");
	if (fake_phys(PAGE) != given)
		explore_violated(CONFIRMED, "a device has 0x%lx for a page that is at 0x%lx",
				 (unsigned long)given, (unsigned long)fake_phys(PAGE));
}
