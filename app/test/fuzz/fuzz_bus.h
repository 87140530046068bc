/* SPDX-License-Identifier: BSD-3-Clause */

/* The backend in the fake EAL, for its targets: started once, since these change nothing. */

#ifndef FUZZ_BUS_H
#define FUZZ_BUS_H

#include "fake_eal.h"
#include "fake_kernel.h"
#include "fake_sysfs.h"
#include "fuzz.h"

/* Set up; the other one has a cdev and is not. */
#define FUZZ_ADDR "0000:00:03.0"
#define FUZZ_OTHER_ADDR "0000:00:04.0"

/* A primary with a device, hugepages, and memory of the application in a container. */
void
fuzz_bus_start(void);

#endif /* FUZZ_BUS_H */
