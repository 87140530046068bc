/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Arguments of the tools: words, a line each. The first byte chooses: the options of
 * dpdk-test-vfio-cdev, or those of the EAL in a program's command line, of which "run --check"
 * takes the devices.
 */

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "eal_args.h"
#include "fake_sysfs.h"
#include "fuzz.h"
#include "options.h"

#define MOST 24

static struct host host;

error_t
__real_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *end,
		  void *input);
error_t
__wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *end,
		  void *input);

/* What ends the program returns instead, and nothing is printed: --help is of the C library. */
error_t
__wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *end,
		  void *input)
{
	return __real_argp_parse(argp, argc, argv,
				 flags | ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, end, input);
}

/* "eal_args" needs of a program's file only whether DPDK is in it. */
static void
host_start(void)
{
	fake_sysfs_reset();
	fake_sysfs_write("0x020000\n", "sys/bus/pci/devices/0000:00:03.0/class");
	fake_sysfs_write("0x060000\n", "sys/bus/pci/devices/0000:00:01.0/class");
	fake_sysfs_write("0x010802\n", "sys/bus/pci/devices/12345678:1f:0a.7/class");
	fuzz_require(host_open(fake_sysfs_root(), &host) == 0);
}

static bool
is_device(const char *addr)
{
	return strcmp(addr, "0000:00:03.0") == 0 || strcmp(addr, "12345678:1f:0a.7") == 0;
}

/* Devices that are there and no bridges; names that could be devices; no more than words. */
static void
eal_run(char *words[MOST + 1], unsigned int count)
{
	struct eal_args args;
	const int ret = eal_args_read(&host, words, &args);

	fuzz_note("%d: %u devices, %u blocked\n", ret, args.n_devices, args.n_blocked);
	fuzz_require(ret == 0 || ret == 2);
	fuzz_require(args.n_devices + args.n_blocked <= count);
	fuzz_require(args.devices[args.n_devices] == NULL && args.blocked[args.n_blocked] == NULL);
	for (unsigned int i = 0; i < args.n_devices; i++)
		fuzz_require(is_device(args.devices[i]));
	for (unsigned int i = 0; i < args.n_blocked; i++)
		fuzz_require(strlen(args.blocked[i]) < RTE_VFIO_CDEV_ADDR_LEN);
	fuzz_require(ret != 0 || !args.no_devices || args.n_devices == 0);
	eal_args_free(&args);
}

static void
options_run(char *words[MOST + 1], unsigned int count)
{
	struct options options;
	const int ret = options_parse(&options, (int)count, words);

	fuzz_note("%d\n", ret);
	fuzz_require(ret == 0 || ret == 2);
	if (ret != 0)
		return;
	fuzz_require(options.duration >= 1 && options.duration <= 86400);
	fuzz_require(options.restarts >= 1 && options.restarts <= 1000);
	fuzz_require(options.testpmd != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	char *words[MOST + 1] = { NULL }, *given[MOST] = { NULL };
	unsigned int which, count = 1;

	fuzz_begin();
	if (host.root == NULL)
		host_start();
	which = fuzz_byte(&bytes) & 1;
	given[0] = strdup("program");
	while (bytes.at < bytes.end && count < MOST)
		given[count++] = fuzz_text(&bytes, '\n');
	for (unsigned int i = 0; i < count; i++) {
		/* Parsers may move the pointers. */
		words[i] = given[i];
		fuzz_note("\"%s\" ", words[i]);
	}
	if (which == 0)
		eal_run(words, count);
	else
		options_run(words, count);
	for (unsigned int i = 0; i < count; i++)
		free(given[i]);
	return 0;
}
