/* SPDX-License-Identifier: BSD-3-Clause */

#include "rte_vfio_cdev.h"

char *
rte_vfio_cdev_text_clean(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}
