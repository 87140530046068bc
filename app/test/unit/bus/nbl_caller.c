/* SPDX-License-Identifier: BSD-3-Clause */

/* A call from an object with the name of DPDK's net/nbl. */

int
nbl_bind(int (*bind)(int, int), int container, int group);

/* The volatile result keeps this from being a tail call: the return address counts. */
int
nbl_bind(int (*bind)(int, int), int container, int group)
{
	volatile int fd = bind(container, group);

	return fd;
}
