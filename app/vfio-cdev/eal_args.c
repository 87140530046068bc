/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cmd.h"
#include "eal_args.h"

/* The base class of bridges: no driver of DPDK takes one. */
#define CLASS_BRIDGE 0x06

/*
 * Is a word this option, with or without a value? Until 25.07 the EAL parsed its options
 * with getopt_long(), which takes the beginning of a name that no other one has.
 */
static bool
word_is(const char *word, const char *name, const char *least)
{
	size_t len = strcspn(word, "=");

	return len >= strlen(least) && strncmp(word, name, len) == 0;
}

/* The value of an option at *words, "--long=x" or "--long x", or NULL. */
static const char *
option_long(char *const *words, const char *name, const char *least)
{
	const char *value = strchr(words[0], '=');

	if (!word_is(words[0], name, least))
		return NULL;
	return value != NULL ? value + 1 : words[1];
}

/* Since 25.11 "-a=x" is "-a x" too (rte_argparse.c: parse_args()). */
static const char *
option_allow(char *const *words)
{
	if (strcmp(words[0], "-a") == 0)
		return words[1];
	if (strncmp(words[0], "-a", 2) == 0)
		return words[0] + 2 + (words[0][2] == '=');
	return option_long(words, "--allow", "--a");
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
	if (ret == 0)
		args->devices[(*count)++] = addr;
	return ret;
}

static bool
is_secondary(const char *type)
{
	return type != NULL &&
		(strcasecmp(type, "secondary") == 0 || strcasecmp(type, "auto") == 0);
}

int
eal_args_read(const struct host *host, char *const *words, struct eal_args *args)
{
	unsigned int count = 0;
	const char *allowed;
	size_t most = 1;
	int ret = 0;

	while (words[most - 1] != NULL)
		most++;
	*args = (struct eal_args){
		.addrs = calloc(most, sizeof(*args->addrs)),
		.devices = calloc(most, sizeof(*args->devices)),
	};
	if (args->addrs == NULL || args->devices == NULL)
		return cmd_fail("%s", strerror(ENOMEM));
	for (; *words != NULL && strcmp(*words, "--") != 0 && ret == 0; words++) {
		allowed = option_allow(words);
		if (allowed != NULL)
			ret = allowed_add(host, allowed, args, &count);
		args->no_pci |= word_is(*words, "--no-pci", "--no-p");
		args->no_huge |= word_is(*words, "--no-huge", "--no-hu");
		args->no_devices |= strcmp(*words, "-A") == 0 ||
			word_is(*words, "--no-auto-probing", "--no-a");
		args->joins |= is_secondary(option_long(words, "--proc-type", "--p"));
	}
	args->no_devices = args->no_devices && count == 0;
	return ret;
}

void
eal_args_free(struct eal_args *args)
{
	free(args->addrs);
	free(args->devices);
}
