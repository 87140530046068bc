/* SPDX-License-Identifier: BSD-3-Clause */

#include <limits.h>
#include <stdio.h>

#include "machine.h"
#include "stubs.h"

const char *stubs_dir;

void
stub_copy(const char *stub, const char *path)
{
	char from[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s", stubs_dir, stub);
	machine_copy(from, path);
}

int
stubs_start(void **state)
{
	int ret = machine_start(state);

	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal.so", "lib/librte_eal.so.23");
	stub_copy("libstub_libc.so", "lib/libc.so.6");
	stub_copy("stub_app", "bin/app");
	return ret;
}
