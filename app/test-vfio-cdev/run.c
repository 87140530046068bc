/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "launch.h"
#include "leftover.h"
#include "library.h"
#include "phase.h"
#include "program.h"
#include "program_files.h"
#include "run.h"
#include "stop.h"

#define SYSFS_PCI "/sys/bus/pci/devices"

static int
run_add(struct run *run, const struct rte_vfio_cdev_info *info)
{
	struct rte_vfio_cdev_info *devices;

	devices = realloc(run->devices, (run->count + 1) * sizeof(*devices));
	if (devices == NULL)
		return -ENOMEM;
	run->devices = devices;
	devices[run->count++] = *info;
	return 0;
}

/* Network devices are what testpmd is for: class 0x02xxxx. */
static bool
is_network(const struct run *run, const char *addr)
{
	char class[16];

	return host_line(&run->host, class, sizeof(class), SYSFS_PCI "/%s/class", addr) >= 0 &&
		strncmp(class, "0x02", 4) == 0;
}

static int
run_add_network(const struct rte_vfio_cdev_info *info, void *arg)
{
	struct run *run = arg;

	return is_network(run, info->addr) ? run_add(run, info) : 0;
}

static int
run_add_cdevless(struct run *run, const char *addr)
{
	struct rte_vfio_cdev_info info = { .mode = RTE_VFIO_CDEV_PIN_ONLY };
	char line[16] = "";

	snprintf(info.addr, sizeof(info.addr), "%s", addr);
	host_line(&run->host, line, sizeof(line), SYSFS_PCI "/%s/numa_node", addr);
	if (sscanf(line, "%d", &info.numa_node) != 1)
		info.numa_node = -1;
	run->pin_only = true;
	return run_add(run, &info);
}

static int
run_add_network_cdevless(const char *addr, void *arg)
{
	struct run *run = arg;

	return is_network(run, addr) ? run_add_cdevless(run, addr) : 0;
}

static int
is_same(const char *addr, void *arg)
{
	return strcmp(addr, arg) == 0 ? 1 : 0;
}

/* One of --devices. */
static enum verdict
run_add_named(struct run *run, const char *text, struct result *result)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	struct rte_vfio_cdev_info info;
	int ret;

	if (address_resolve(&run->host, text, addr) == -EINVAL)
		return result_error(result, "%s: not the address of a device, such as 0000:00:03.0",
				    text);
	for (unsigned int i = 0; i < run->count; i++)
		if (strcmp(run->devices[i].addr, addr) == 0)
			return result_error(result, "%s is named twice", addr);
	ret = rte_vfio_cdev_find(run->host.ctx, SYSFS_PCI, addr, &info);
	if (ret == 0)
		ret = run_add(run, &info);
	else if (rte_vfio_cdev_walk_without(run->host.ctx, "pci", is_same, addr) == 1)
		ret = run_add_cdevless(run, addr);
	if (ret == 0)
		return VERDICT_PASS;
	if (ret == -ENODEV)
		return result_error(result,
				    "%s: no such PCI device, or not bound to vfio-pci: see "
				    "dpdk-vfio-cdev list --all",
				    addr);
	if (ret == -EOPNOTSUPP)
		return result_error(result, "%s has no cdev: see dpdk-vfio-cdev doctor %s", addr,
				    addr);
	return result_error(result, "%s: %s", addr, strerror(-ret));
}

/* Those without a cdev have fewer phases. */
static enum verdict
run_check_modes(const struct run *run, struct result *result)
{
	for (unsigned int i = 0; i < run->count; i++)
		if (run->pin_only && run->devices[i].mode != RTE_VFIO_CDEV_PIN_ONLY)
			return result_error(result,
					    "%s has a cdev, and others have none: test them in "
					    "runs of their own (--devices)",
					    run->devices[i].addr);
	return VERDICT_PASS;
}

static enum verdict
run_find_devices(struct run *run, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	char *list, *addr, *state = NULL;
	int ret;

	if (run->options->devices == NULL) {
		ret = rte_vfio_cdev_walk(run->host.ctx, "pci", run_add_network, run);
		if (ret == 0 && run->count == 0)
			ret = rte_vfio_cdev_walk_without(run->host.ctx, "pci",
							 run_add_network_cdevless, run);
		if (ret < 0)
			return result_error(result, SYSFS_PCI ": %s", strerror(-ret));
	} else {
		list = strdup(run->options->devices);
		for (addr = list != NULL ? strtok_r(list, ",", &state) : NULL;
		     addr != NULL && verdict == VERDICT_PASS; addr = strtok_r(NULL, ",", &state))
			verdict = run_add_named(run, addr, result);
		free(list);
	}
	if (verdict == VERDICT_PASS && run->count == 0)
		return result_error(result,
				    "no network device has a cdev: see dpdk-vfio-cdev "
				    "doctor");
	return verdict == VERDICT_PASS ? run_check_modes(run, result) : verdict;
}

static enum verdict
run_check_files(struct run *run, const struct options *options, struct result *result)
{
	char path[PATH_MAX];

	if (launch_find_program(&run->host, options->testpmd, path, sizeof(path)) != 0)
		return result_error(result,
				    "%s: no such program: install dpdk-testpmd (Debian: "
				    "packages dpdk, dpdk-dev), or name one with --testpmd",
				    options->testpmd);
	return library_check(options->library, result, run->library);
}

enum verdict
run_open(struct run *run, const struct options *options, struct result *result)
{
	enum verdict verdict;
	int ret;

	*run = (struct run){ .options = options, .lock = -1 };
	ret = host_open("", &run->host);
	if (ret != 0)
		return result_error(result, "%s", strerror(-ret));
	verdict = run_check_files(run, options, result);
	if (verdict == VERDICT_PASS)
		verdict = run_find_devices(run, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	/* Before free hugepages are counted. */
	run->leftovers = leftover_clear();
	if (placement_choose(&run->host, run->devices, run->count, &run->placement) != 0)
		return result_error(result,
				    "no NUMA node has %d MiB of free hugepages and a CPU: "
				    "see dpdk-vfio-cdev doctor",
				    PLACEMENT_MIB);
	ret = program_files_make(run->runtime, sizeof(run->runtime), &run->lock);
	if (ret != 0)
		return result_error(result, "a directory in /run or /tmp: %s", strerror(-ret));
	progress_init(&run->progress, stderr, isatty(STDERR_FILENO) != 0);
	return VERDICT_PASS;
}

void
run_close(struct run *run)
{
	programs_end(run);
	free(run->devices);
	if (run->host.ctx != NULL)
		host_close(&run->host);
}

static void
run_phase(struct run *run, const struct phase *phase, struct result *result)
{
	const long long start = clock_ms();

	progress_begin(&run->progress, phase->name);
	if (run->count < phase->ports)
		result_skip(result, "needs %u ports, there is only %u", phase->ports, run->count);
	else if (run->pin_only && phase->cdevs)
		result_skip(result, "is for devices with a cdev; these have none: " RUN_PIN_ONLY);
	else if (stop_requested())
		result_stopped(result);
	else
		result->verdict = phase->run(run, result);
	result->seconds = (double)(clock_ms() - start) / 1e3;
	progress_end(&run->progress, verdict_name(result->verdict), result->seconds);
}

void
run_phases(struct run *run, struct report *report)
{
	bool over = false;
	struct result *result;

	for (unsigned int i = 0; i < phase_count; i++) {
		if (!run->options->chosen[i])
			continue;
		result = &report->results[report->count++];
		*result = (struct result){ .name = phases[i].name, .verdict = VERDICT_NOT_RUN };
		if (over)
			continue;
		run_phase(run, &phases[i], result);
		over = result->verdict == VERDICT_STOPPED ||
			(!run->options->keep_going && result->verdict != VERDICT_PASS &&
			 result->verdict != VERDICT_SKIP);
	}
}
