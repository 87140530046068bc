/* SPDX-License-Identifier: BSD-3-Clause */

#include <time.h>

#include "clock.h"

long long
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
