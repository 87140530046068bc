/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * plugger [EAL OPTION...] -- plug|setup COUNT PCI-ADDRESS
 *
 * Has a device come and go COUNT times: as the EAL's hot-plug does it, with the
 * whole of its driver, or only its VFIO part. Prints what the process holds
 * before and after.
 */

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_bus_vfio_cdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_vfio.h>

#define SYSFS "/sys/bus/pci/devices"
#define FREE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
/* What a driver, an allocator or the C library keep from the first times. */
#define WARM_UP 3

static unsigned long
entries(const char *path)
{
	unsigned long count = 0;
	DIR *dir = opendir(path);

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static unsigned long
lines(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long count = 0;
	int c;

	while (file != NULL && (c = getc(file)) != EOF)
		count += c == '\n';
	if (file != NULL)
		fclose(file);
	return count;
}

/* The number after a label, or 0. */
static unsigned long
number(const char *path, const char *label)
{
	FILE *file = fopen(path, "re");
	unsigned long value = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, label, strlen(label)) == 0)
			value = strtoul(line + strlen(label), NULL, 10);
	if (file != NULL)
		fclose(file);
	return value;
}

static void
holdings_print(const char *when)
{
	struct rte_vfio_cdev_stats stats = { 0 };
	struct rte_vfio_cdev_domain *domain;

	if (rte_bus_vfio_cdev_domain(&domain) == 0)
		rte_vfio_cdev_domain_stats(domain, &stats);
	printf("%s: fds=%lu areas=%lu pinned=%lu free=%lu mappings=%" PRIu64 " mapped=%" PRIu64
	       " verified=%" PRIu64 " held=%" PRIu64 "\n", when, entries("/proc/self/fd"),
	       lines("/proc/self/maps"), number("/proc/self/status", "VmPin:"),
	       number(FREE_PAGES, ""), (uint64_t)stats.mappings, (uint64_t)stats.pages_mapped,
	       (uint64_t)stats.pages_verified, (uint64_t)stats.held);
	fflush(stdout);
}

static bool
plug(const char *addr)
{
	return rte_eal_hotplug_add("pci", addr, "") == 0 &&
		rte_eal_hotplug_remove("pci", addr) == 0;
}

static bool
setup(const char *addr)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1;

	return rte_vfio_setup_device(SYSFS, addr, &fd, &info) == 0 && fd >= 0 &&
		rte_vfio_release_device(SYSFS, addr, fd) == 0;
}

static bool
repeat(bool (*step)(const char *addr), unsigned long count, const char *addr)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (!step(addr)) {
			printf("failed: %s, after %lu times\n", addr, i);
			return false;
		}
	return true;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	bool (*step)(const char *addr), passed;
	const char *addr;
	unsigned long count;
	double start;

	if (used < 0 || used + 4 != argc) {
		fprintf(stderr, "plugger: no EAL, or no -- plug|setup COUNT PCI-ADDRESS\n");
		return EXIT_FAILURE;
	}
	step = strcmp(argv[used + 1], "setup") == 0 ? setup : plug;
	count = strtoul(argv[used + 2], NULL, 10);
	addr = argv[used + 3];
	passed = repeat(step, WARM_UP, addr);
	holdings_print("before");
	start = seconds();
	passed = passed && repeat(step, count, addr);
	printf("took: %.1f ms each\n", (seconds() - start) * 1000 / count);
	holdings_print("after");
	rte_eal_cleanup();
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
