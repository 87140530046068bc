/* SPDX-License-Identifier: BSD-3-Clause */

#include "phase.h"

const struct phase phases[] = {
	{
		.name = "preflight",
		.shows = "the checks of dpdk-vfio-cdev doctor find nothing in the way",
		.ports = 0,
		.run = phase_preflight,
	},
	{
		.name = "bind",
		.shows = "each cdev can be opened, bound, attached and closed",
		.ports = 1,
		.cdevs = true,
		.run = phase_bind,
	},
	{
		.name = "addresses",
		.shows = "each page has one address in EAL, IOAS and pagemap",
		.ports = 1,
		.cdevs = true,
		.run = phase_addresses,
	},
	{
		.name = "forward",
		.shows = "packets flow between linked ports, and none is lost",
		.ports = 2,
		.run = phase_forward,
	},
	{
		.name = "integrity",
		.shows = "packets from and into every hugepage arrive as they were sent",
		.ports = 2,
		.run = phase_integrity,
	},
	{
		.name = "memory",
		.shows = "memory that comes and goes is pinned as long as it is there",
		.ports = 2,
		.cdevs = true,
		.run = phase_memory,
	},
	{
		.name = "pinned",
		.shows = "no page moves while a device may use it",
		.ports = 2,
		.run = phase_pinned,
	},
	{
		.name = "restart",
		.shows = "testpmd starts again after being killed at work",
		.ports = 1,
		.cdevs = true,
		.run = phase_restart,
	},
	{
		.name = "lifecycle",
		.shows = "a device is detached, let go of and attached again",
		.ports = 1,
		.cdevs = true,
		.run = phase_lifecycle,
	},
};

const unsigned int phase_count = sizeof(phases) / sizeof(phases[0]);

_Static_assert(sizeof(phases) / sizeof(phases[0]) <= OPTIONS_PHASES, "room in struct options");
