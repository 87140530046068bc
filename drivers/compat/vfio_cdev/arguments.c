/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "-a 0000:00:03.0", "--allow=00:03.0,queues=2", "dev 0000:00:03.0": whatever the option, what
 * looks like the address of a PCI device is one. Those behind -b and --block are not.
 */

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "device_choice.h"
#include "next.h"

#define MOST_BYTES 16384

/* The length of the address that a text begins with, or 0. No number goes on: "ff:10.0.0.1". */
static size_t
address_len(const char *text)
{
	unsigned int part[3];
	int len = 0;

	if (!isxdigit((unsigned char)*text))
		return 0;
	if (sscanf(text, "%4x:%2x:%2x.%*1[0-7]%n", &part[0], &part[1], &part[2], &len) != 3 ||
	    len == 0)
		sscanf(text, "%2x:%2x.%*1[0-7]%n", &part[0], &part[1], &len);
	return text[len] == '.' || isalnum((unsigned char)text[len]) ? 0 : (size_t)len;
}

/* The next address in a text: its length, or 0. */
static size_t
address_find(const char **text)
{
	size_t len = 0;

	while (**text != '\0' && (len = address_len(*text)) == 0)
		(*text)++;
	return len;
}

static bool
is_block(const char *argument)
{
	return strcmp(argument, "-b") == 0 || strcmp(argument, "--block") == 0;
}

/* addr NULL: any device. */
static bool
argument_names(const char *argument, const char *addr)
{
	char found[32];
	size_t len;

	if (strncmp(argument, "-b", 2) == 0 || strncmp(argument, "--block", 7) == 0)
		return false;
	for (; (len = address_find(&argument)) != 0; argument += len) {
		snprintf(found, sizeof(found), "%.*s", (int)len, argument);
		if (addr == NULL || device_is_same(found, addr))
			return true;
	}
	return false;
}

static bool
line_names(const char *line, size_t size, const char *addr)
{
	const char *before = "", *argument = line;

	for (; argument < line + size; before = argument, argument += strlen(argument) + 1)
		if (!is_block(before) && argument_names(argument, addr))
			return true;
	return false;
}

static bool
arguments_search(const char *addr)
{
	const int fd = next.openat(AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
	char line[MOST_BYTES];
	ssize_t size = 0;

	if (fd >= 0) {
		size = next.read(fd, line, sizeof(line) - 1);
		next.close(fd);
	}
	line[size > 0 ? size : 0] = '\0';
	return size > 0 && line_names(line, (size_t)size, addr);
}

bool
arguments_name_any(void)
{
	return arguments_search(NULL);
}

bool
arguments_name(const char *addr)
{
	return arguments_search(addr);
}
