/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cmd.h"
#include "eal_args.h"
#include "front.h"
#include "launch.h"

/* The base class of bridges: no driver of DPDK takes one. */
#define CLASS_BRIDGE 0x06

/* What is read; the others are there so that their values are not. */
enum meaning { NOTHING, ALLOW, BLOCK, NO_HUGE, NO_PCI, NO_PROBING, PROC_TYPE };

enum value { NONE, WANTED, ATTACHED /* or none */ };

struct eal_option {
	const char *name;
	char letter;
	enum value value;
	enum meaning meaning;
	bool is_late; /* came after 25.07, with which abbreviations ended */
};

/*
 * Of DPDK 22.11 to 26.07: lib/eal/common/eal_common_options.c, eal_option_list.h since
 * 25.11. Until 25.07 getopt_long() read them, which takes the beginning of a name that no
 * other one has; since then it is rte_argparse_parse().
 */
static const struct eal_option eal_options[] = {
	{ "allow", 'a', WANTED, ALLOW, false },
	{ "auto-probing", 0, NONE, NOTHING, true },
	{ "base-virtaddr", 0, WANTED, NOTHING, false },
	{ "block", 'b', WANTED, BLOCK, false },
	{ "coremask", 'c', WANTED, NOTHING, true },
	{ "create-uio-dev", 0, NONE, NOTHING, false },
	{ "driver-path", 'd', WANTED, NOTHING, true },
	{ "file-prefix", 0, WANTED, NOTHING, false },
	{ "force-max-simd-bitwidth", 0, WANTED, NOTHING, false },
	{ "help", 'h', NONE, NOTHING, false },
	{ "huge-dir", 0, WANTED, NOTHING, false },
	{ "huge-unlink", 0, ATTACHED, NOTHING, false },
	{ "huge-worker-stack", 0, ATTACHED, NOTHING, false },
	{ "in-memory", 0, NONE, NOTHING, false },
	{ "iova-mode", 0, WANTED, NOTHING, false },
	{ "lcores", 'l', WANTED, NOTHING, false },
	{ "legacy-mem", 0, NONE, NOTHING, false },
	{ "log-color", 0, ATTACHED, NOTHING, false },
	{ "log-level", 0, WANTED, NOTHING, false },
	{ "log-timestamp", 0, ATTACHED, NOTHING, false },
	{ "main-lcore", 0, WANTED, NOTHING, false },
	{ "match-allocations", 0, NONE, NOTHING, false },
	{ "mbuf-pool-ops-name", 0, WANTED, NOTHING, false },
	{ "memory-channels", 'n', WANTED, NOTHING, true },
	{ "memory-ranks", 'r', WANTED, NOTHING, true },
	{ "memory-size", 'm', WANTED, NOTHING, true },
	{ "no-auto-probing", 'A', NONE, NO_PROBING, true },
	{ "no-hpet", 0, NONE, NOTHING, false },
	{ "no-huge", 0, NONE, NO_HUGE, false },
	{ "no-pci", 0, NONE, NO_PCI, false },
	{ "no-shconf", 0, NONE, NOTHING, false },
	{ "no-telemetry", 0, NONE, NOTHING, false },
	{ "numa-limit", 0, WANTED, NOTHING, true },
	{ "numa-mem", 0, WANTED, NOTHING, true },
	{ "pagesz-mem", 0, WANTED, NOTHING, true },
	{ "proc-type", 0, WANTED, PROC_TYPE, false },
	{ "remap-lcore-ids", 'R', ATTACHED, NOTHING, true },
	{ "service-corelist", 'S', WANTED, NOTHING, true },
	{ "service-coremask", 's', WANTED, NOTHING, true },
	{ "single-file-segments", 0, NONE, NOTHING, false },
	{ "socket-limit", 0, WANTED, NOTHING, false },
	{ "socket-mem", 0, WANTED, NOTHING, false },
	{ "syslog", 0, ATTACHED, NOTHING, false },
	{ "telemetry", 0, NONE, NOTHING, false },
	{ "trace", 0, WANTED, NOTHING, false },
	{ "trace-bufsz", 0, WANTED, NOTHING, false },
	{ "trace-dir", 0, WANTED, NOTHING, false },
	{ "trace-mode", 0, WANTED, NOTHING, false },
	{ "vdev", 0, WANTED, NOTHING, false },
	{ "version", 'v', NONE, NOTHING, true },
	{ "vfio-intr", 0, WANTED, NOTHING, false },
	{ "vfio-vf-token", 0, WANTED, NOTHING, false },
	{ "vmware-tsc-map", 0, NONE, NOTHING, false },
};

#define OPTIONS (sizeof(eal_options) / sizeof(eal_options[0]))

static const struct eal_option *
option_by_name(const char *name)
{
	const struct eal_option *found = NULL;
	size_t len = strcspn(name, "=");
	int count = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strncmp(eal_options[i].name, name, len) != 0)
			continue;
		if (eal_options[i].name[len] == '\0')
			return &eal_options[i];
		if (eal_options[i].is_late)
			continue;
		found = &eal_options[i];
		count++;
	}
	return count == 1 ? found : NULL;
}

static const struct eal_option *
option_by_letter(char letter)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (letter != '\0' && eal_options[i].letter == letter)
			return &eal_options[i];
	return NULL;
}

/*
 * The option at *words, or NULL. Its value is in the same word, or in the next one, which
 * *words is moved to then. Since 25.11 "-a=x" is "-a x" too (rte_argparse.c, parse_args()).
 */
static const struct eal_option *
option_take(char *const **words, const char **value)
{
	const struct eal_option *option;
	const char *word = **words;

	if (word[0] != '-')
		return NULL;
	if (word[1] == '-') {
		option = option_by_name(word + 2);
		*value = strchr(word, '=');
		if (*value != NULL)
			(*value)++;
	} else {
		option = option_by_letter(word[1]);
		*value = word[1] != '\0' && word[2] != '\0' ? word + 2 + (word[2] == '=') : NULL;
	}
	if (option != NULL && option->value == WANTED && *value == NULL) {
		*value = (*words)[1];
		*words += *value != NULL;
	}
	return option;
}

/*
 * The name in a device's arguments, without its bus if that is PCI: "00:03.0,x=1",
 * "pci:00:03.0", "bus=pci,addr=00:03.0/class=eth" (rte_devargs_parse()).
 */
static bool
name_take(const char *devargs, char name[RTE_VFIO_CDEV_ADDR_LEN])
{
	static const char *const prefixes[] = { "pci:", "bus=pci,addr=" };
	int len;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(devargs, prefixes[i], strlen(prefixes[i])) == 0)
			devargs += strlen(prefixes[i]);
	len = (int)strcspn(devargs, ",/");
	return snprintf(name, RTE_VFIO_CDEV_ADDR_LEN, "%.*s", len, devargs) <
		RTE_VFIO_CDEV_ADDR_LEN;
}

/*
 * Add a device that is allowed. Not those that are virtual or on other buses, which the
 * checks have nothing on; nor a bridge: "-a 0000:00:00.0" is how none is allowed.
 */
static int
allowed_add(const struct host *host, const char *devargs, struct eal_args *args,
	    unsigned int *count)
{
	char name[RTE_VFIO_CDEV_ADDR_LEN], *addr = args->addrs[*count];
	long class;
	int ret;

	if (!name_take(devargs, name))
		return 0;
	ret = address_resolve(host, name, addr);
	if (ret == -EINVAL)
		return 0;
	if (ret == 0 && !host_has(host, "/sys/bus/pci/devices/%s", addr))
		return 0;
	class = host_number(host, 16, "/sys/bus/pci/devices/%s/class", addr);
	args->no_devices = true;
	if (class >> 16 == CLASS_BRIDGE || strcmp(addr, "0000:00:00.0") == 0)
		return 0;
	ret = cmd_device(host, false, name, addr);
	if (ret == 0) {
		args->devices[args->n_devices++] = addr;
		(*count)++;
	}
	return ret;
}

/* Add a device that is blocked, whether it is there or not. */
static void
blocked_add(const struct host *host, const char *devargs, struct eal_args *args,
	    unsigned int *count)
{
	char name[RTE_VFIO_CDEV_ADDR_LEN], *addr = args->addrs[*count];

	if (!name_take(devargs, name) || address_resolve(host, name, addr) == -EINVAL)
		return;
	args->blocked[args->n_blocked++] = addr;
	(*count)++;
}

static bool
is_secondary(const char *type)
{
	return type != NULL &&
		(strcasecmp(type, "secondary") == 0 || strcasecmp(type, "auto") == 0);
}

static int
option_read(const struct host *host, enum meaning meaning, const char *value, struct eal_args *args,
	    unsigned int *count)
{
	switch (meaning) {
	case ALLOW:
		return value != NULL ? allowed_add(host, value, args, count) : 0;
	case BLOCK:
		if (value != NULL)
			blocked_add(host, value, args, count);
		return 0;
	case NO_HUGE:
		args->no_huge = true;
		return 0;
	case NO_PCI:
		args->no_pci = true;
		return 0;
	case NO_PROBING:
		args->no_devices = true;
		return 0;
	case PROC_TYPE:
		args->joins |= is_secondary(value);
		return 0;
	default:
		return 0;
	}
}

static bool
has_eal(const struct host *host, const char *name)
{
	char path[PATH_MAX];

	return launch_find_program(host, name, path, sizeof(path)) == 0 &&
		front_has_dpdk(host, path);
}

/*
 * Does "--" end the options of a program that starts another one ("taskset -c 1 --
 * dpdk-testpmd"), and not the EAL's? Then a program comes next, and this one has no EAL.
 */
static bool
starts_another(const struct host *host, const char *program, const char *next)
{
	char path[PATH_MAX];

	return next != NULL && launch_find_program(host, next, path, sizeof(path)) == 0 &&
		!has_eal(host, program);
}

static int
words_read(const struct host *host, char *const *words, struct eal_args *args)
{
	const struct eal_option *option;
	const char *program = *words++;
	unsigned int count = 0;
	const char *value;
	int ret = 0;

	for (; *words != NULL && ret == 0; words++) {
		if (strcmp(*words, "--") != 0) {
			option = option_take(&words, &value);
			if (option != NULL)
				ret = option_read(host, option->meaning, value, args, &count);
		} else if (starts_another(host, program, words[1])) {
			program = *++words;
		} else {
			break;
		}
	}
	args->no_devices = args->no_devices && args->n_devices == 0;
	return ret;
}

int
eal_args_read(const struct host *host, char *const *words, struct eal_args *args)
{
	size_t most = 1;

	while (words[most - 1] != NULL)
		most++;
	*args = (struct eal_args){
		.addrs = calloc(most, sizeof(*args->addrs)),
		.devices = calloc(most, sizeof(*args->devices)),
		.blocked = calloc(most, sizeof(*args->blocked)),
	};
	if (args->addrs == NULL || args->devices == NULL || args->blocked == NULL)
		return cmd_fail("%s", strerror(ENOMEM));
	return words_read(host, words, args);
}

void
eal_args_free(struct eal_args *args)
{
	free(args->addrs);
	free(args->devices);
	free(args->blocked);
}
