/* SPDX-License-Identifier: BSD-3-Clause */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "token.h"

#define KEY "vf_token="
#define UUID_LEN 36

/* 8-4-4-4-12 hexadecimal digits (RFC 4122). */
static bool
uuid_parse(const char *text, unsigned char uuid[TOKEN_LEN])
{
	unsigned int byte = 0;

	if (strlen(text) < UUID_LEN)
		return false;
	for (int i = 0; i < UUID_LEN; i += 2) {
		if (i == 8 || i == 13 || i == 18 || i == 23)
			if (text[i++] != '-')
				return false;
		if (!isxdigit((unsigned char)text[i]) || !isxdigit((unsigned char)text[i + 1]) ||
		    sscanf(text + i, "%2hhx", &uuid[byte++]) != 1)
			return false;
	}
	return true;
}

int
token_parse(const char *name, const char *addr, unsigned char token[TOKEN_LEN], bool *has_token)
{
	const size_t len = strlen(addr);
	const char *rest;

	*has_token = false;
	if (strncmp(name, addr, len) != 0 || (name[len] != '\0' && name[len] != ' '))
		return -ENODEV;
	name += len + strspn(name + len, " ");
	if (name[0] == '\0')
		return 0;
	if (strncmp(name, KEY, strlen(KEY)) != 0 || !uuid_parse(name + strlen(KEY), token))
		return -EINVAL;
	rest = name + strlen(KEY) + UUID_LEN;
	if (rest[strspn(rest, " ")] != '\0')
		return -EINVAL;
	*has_token = true;
	return 0;
}
