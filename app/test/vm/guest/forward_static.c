/* SPDX-License-Identifier: BSD-3-Clause */

/* A program that carries DPDK inside: linked with the archives, and with libc.so. */

#include "forward.h"

int
main(int argc, char **argv)
{
	return forward_run(argc, argv);
}
