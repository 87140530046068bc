/* SPDX-License-Identifier: BSD-3-Clause */

/* What the commands share: trouble, JSON, devices that were named. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cmd.h"

#define LINE_LEN 1024

static void
line_log(char line[LINE_LEN], const char *format, va_list ap)
{
	vsnprintf(line, LINE_LEN, format, ap);
	fflush(stdout);
	fprintf(stderr, "dpdk-vfio-cdev: %s\n", rte_vfio_cdev_text_clean(line));
}

int
cmd_fail(const char *format, ...)
{
	char line[LINE_LEN];
	va_list ap;

	va_start(ap, format);
	line_log(line, format, ap);
	va_end(ap);
	return CMD_TROUBLE;
}

int
cmd_fail_json(bool json, const char *format, ...)
{
	char line[LINE_LEN];
	va_list ap;

	va_start(ap, format);
	line_log(line, format, ap);
	va_end(ap);
	return json ? cmd_print_json(json_pack("{s:s}", "error", line), stdout, CMD_TROUBLE) :
		      CMD_TROUBLE;
}

int
cmd_print_json(json_t *object, FILE *out, int status)
{
	if (object == NULL)
		return cmd_fail("%s", strerror(ENOMEM));
	if (json_dumpf(object, out, JSON_INDENT(2)) == 0)
		fputc('\n', out);
	json_decref(object);
	return status;
}

int
cmd_device(const struct host *host, bool json, const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	int ret = address_resolve(host, text, addr);

	if (ret == -EINVAL)
		return cmd_fail_json(json, "%s: not the address of a device, such as 0000:00:03.0",
				     text);
	if (ret == -ENODEV)
		return cmd_fail_json(json,
				     "%s: no such device; \"dpdk-vfio-cdev list --all\" "
				     "shows those there are",
				     addr);
	/* Without sysfs this is not known: the checks report that. */
	return 0;
}

const char **
cmd_names(int argc)
{
	const char **names = calloc(argc + 1, sizeof(*names));

	if (names == NULL)
		cmd_fail("%s", strerror(ENOMEM));
	return names;
}
