/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef DEEP_PLUGIN_H
#define DEEP_PLUGIN_H

#include <stddef.h>

/* Open a file and read from it. */
int
deep_plugin_read(const char *path, char *text, size_t size);

#endif /* DEEP_PLUGIN_H */
