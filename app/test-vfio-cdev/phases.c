/* SPDX-License-Identifier: BSD-3-Clause */

#include "phase.h"

const struct phase phases[] = {
	{
		.name = "bind",
		.shows = "each cdev can be opened, bound, attached and closed",
		.ports = 1,
		.run = phase_bind,
	},
};

const unsigned int phase_count = sizeof(phases) / sizeof(phases[0]);

_Static_assert(sizeof(phases) / sizeof(phases[0]) <= OPTIONS_PHASES, "room in struct options");
