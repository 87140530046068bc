/* SPDX-License-Identifier: BSD-3-Clause */

/* What the threads do. Each schedule is of one of these. */

#include <errno.h>
#include <stddef.h>

#include <rte_vfio.h>

#include "world.h"

static void
device_use(const char *addr)
{
	int fd;

	if (world_setup(addr, &fd) == 0)
		world_release(addr, fd);
}

/*
 * A secondary asks for a device that the primary sets up and releases. Either may end at any
 * point, and the wait for the answer at any time.
 */
static void
request_begin(void)
{
	world_begin();
	side_enter(PRIMARY);
	rte_vfio_enable("vfio");
}

static void
request_primary(void)
{
	device_use(ADDR);
}

/* A try after one that was given up may get the answer to that one. */
static void
request_secondary(void)
{
	int fd, ret = world_setup(ADDR, &fd);

	if (ret != 0 && messages_gave_up())
		ret = world_setup(ADDR, &fd);
	if (ret == 0)
		world_release(ADDR, fd);
	messages_end();
}

const struct scenario scenario_request = {
	.name = "request",
	.departures = 2,
	.crashes = true,
	.threads = {
		{ PRIMARY, request_primary },
		{ PRIMARY, messages_serve },
		{ SECONDARY, request_secondary },
	},
	.begin = request_begin,
	.step = world_step,
	.died = world_died,
	.end = world_end,
};

/*
 * The EAL takes a page, and gives it up, while a device is set up and released. Its address is
 * given before there is a device to pin it (from pagemap), or after a device was primed. The
 * kernel moves the page whenever it may.
 */
static void
memory_begin(void)
{
	world_begin();
	fake_eal()->no_pci = explore_choose(2) == 1;
	rte_vfio_enable("vfio");
	fake_eal()->no_pci = false;
	fake.restless = PAGE;
}

static void
memory_device(void)
{
	device_use(ADDR);
}

static void
memory_page(void)
{
	if (!world_page_take())
		return;
	explore_yield(true);
	world_page_drop();
}

const struct scenario scenario_memory = {
	.name = "memory",
	.departures = 2,
	.threads = {
		{ PRIMARY, memory_device },
		{ PRIMARY, memory_page },
	},
	.begin = memory_begin,
	.step = world_step,
	.died = world_died,
	.end = world_end,
};

/*
 * A device is set up while the kernel takes it away, and while the EAL's handler releases another
 * one for the same reason. Memory stays pinned for the one that is left.
 */
static int unplugged_fd;

static void
unplug_begin(void)
{
	world_begin();
	rte_vfio_enable("vfio");
	if (!world_page_take() || world_setup(ADDR, &unplugged_fd) != 0)
		explore_violated(MISUSE, "no page or device to begin with");
	fake.restless = PAGE;
}

static void
unplug_setup(void)
{
	device_use(ADDR2);
}

static void
unplug_handler(void)
{
	world_release(ADDR, unplugged_fd);
}

/* vfio_unregister_group_dev(): no new file, and no bind, from now on. */
static void
unplug_kernel(void)
{
	explore_yield(true);
	fake_node(NODE2)->open_error = ENODEV;
	fake_fail_from(FAKE_BIND, 1, ENODEV);
}

static void
unplug_end(void)
{
	world_page_drop();
	world_end();
}

const struct scenario scenario_unplug = {
	.name = "unplug",
	.departures = 2,
	.threads = {
		{ PRIMARY, unplug_setup },
		{ PRIMARY, unplug_handler },
		{ PRIMARY, unplug_kernel },
	},
	.begin = unplug_begin,
	.step = world_step,
	.died = world_died,
	.end = unplug_end,
};
