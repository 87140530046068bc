/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "rte_vfio_cdev.h"

json_t *
report_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value != NULL)
		return value;
	copy = strdup(text);
	if (copy != NULL)
		value = json_string(rte_vfio_cdev_text_clean(copy));
	free(copy);
	return value;
}
