/* SPDX-License-Identifier: BSD-3-Clause */

/* The result that the tests of a file fill in, each after result_clear(). */

#ifndef SHARED_RESULT_H
#define SHARED_RESULT_H

#include <string.h>

#include "report.h"

static struct result result;

static int
result_clear(void **state)
{
	(void)state;
	json_decref(result.details);
	memset(&result, 0, sizeof(result));
	return 0;
}

#endif /* SHARED_RESULT_H */
