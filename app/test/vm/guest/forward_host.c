/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * forward_host local|deepbind PLUGIN [ARGUMENT...]
 *
 * A program without DPDK that opens a plug-in, which carries DPDK inside, and has it
 * forward. See forward.h.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	int (*run)(int argc, char **argv) = NULL;
	int flags = RTLD_NOW | RTLD_LOCAL;
	void *plugin;

	if (argc < 3)
		return 1;
	if (strcmp(argv[1], "deepbind") == 0)
		flags |= RTLD_DEEPBIND;
	plugin = dlopen(argv[2], flags);
	if (plugin != NULL)
		*(void **)&run = dlsym(plugin, "forward_run");
	if (run == NULL) {
		fprintf(stderr, "forward_host: %s\n", dlerror());
		return 1;
	}
	return run(argc - 2, argv + 2);
}
