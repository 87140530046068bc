/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * model NAME: explores a scenario, and prints how many schedules it has. With the name of a defect
 * it explores that one's scenario, and ends well if the defect's property is violated.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const struct {
	const char *name;
	const struct scenario *scenario;
	enum defect defect;
	enum property property;
} tasks[] = {
	{ "request", &scenario_request, NO_DEFECT, NO_PROPERTY },
	{ "memory", &scenario_memory, NO_DEFECT, NO_PROPERTY },
	{ "unplug", &scenario_unplug, NO_DEFECT, NO_PROPERTY },
	{ "unconfirmed", &scenario_memory, UNCONFIRMED, CONFIRMED },
	{ "unpinned", &scenario_memory, UNPINNED, PINNED },
	{ "silent", &scenario_request, SILENT, NOT_SILENT },
	{ "copy-kept", &scenario_request, COPY_KEPT, ONE_FD },
};

static int
scenario_explore(const struct scenario *scenario)
{
	struct explored found;

	world_make();
	found = explore(scenario);
	printf("%s: %" PRIu64 " schedules with at most %u departures, %" PRIu64 " points, %" PRIu64
	       " processes killed; devices set up %" PRIu64 " times, refused %" PRIu64 " times\n",
	       scenario->name, found.schedules, scenario->departures, found.steps, found.crashes,
	       world_counts.set_up, world_counts.refused);
	/* If one never happens the properties have not been tried. */
	return world_counts.set_up != 0 && world_counts.refused != 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		if (strcmp(argv[1], tasks[i].name) != 0)
			continue;
		world_defect = tasks[i].defect;
		explore_expected = tasks[i].property;
		if (scenario_explore(tasks[i].scenario) != 0)
			return 1;
		return explore_expected == NO_PROPERTY ? 0 : 1;
	}
	fprintf(stderr, "usage: model SCENARIO|DEFECT\n");
	return 2;
}
