/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bench_eal [EAL OPTION...] -- PCI-ADDRESS...
 *
 * Sets up the first of the devices, and then measures what it reads from its
 * input, so that two of these, one of them with the backend, can take turns
 * within milliseconds. Each answer is what was measured, in nanoseconds:
 *
 *	grow PAGES	rte_malloc() of new hugepages, and their rte_free(), per page
 *	heap CALLS	rte_mem_virt2iova() of an address in the EAL's heap
 *	stack CALLS	the same of one that is not the EAL's
 *	devices COUNT	set-up of so many of the other devices, and their release,
 *			per device
 *	loop TURNS	a loop of two instructions, per turn
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "bench.h"

#define SYSFS "/sys/bus/pci/devices"
#define HUGE (2UL << 20)
#define MOST 10000000
#define MAX_DEVICES 256

static struct {
	char **addresses; /* the first one is always set up */
	unsigned int count;
	int fds[MAX_DEVICES];
} devices;

static void
device_setup(unsigned int number)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (rte_vfio_setup_device(SYSFS, devices.addresses[number], &devices.fds[number], &info) !=
	    0)
		bench_give_up(BENCH_UNTRIED, "cannot set up %s", devices.addresses[number]);
}

static void
device_release(unsigned int number)
{
	if (rte_vfio_release_device(SYSFS, devices.addresses[number], devices.fds[number]) != 0)
		bench_give_up(BENCH_FAILED, "cannot release %s", devices.addresses[number]);
}

static void
devices_measure(unsigned int count)
{
	double start, set_up;

	if (count >= devices.count)
		bench_give_up(BENCH_UNTRIED, "there are only %u devices", devices.count);
	start = bench_now();
	for (unsigned int i = 1; i <= count; i++)
		device_setup(i);
	set_up = bench_now();
	for (unsigned int i = 1; i <= count; i++)
		device_release(i);
	printf("%.3f %.3f\n", (set_up - start) / count, (bench_now() - set_up) / count);
}

/* A little less than all pages, for what the heap keeps at both ends of a block. */
static void
grow_measure(unsigned int pages)
{
	const uint64_t before = rte_eal_get_physmem_size();
	double start = bench_now(), grown, freed;
	void *block = rte_malloc("bench", pages * HUGE - 4096, 0);

	grown = bench_now() - start;
	if (block == NULL)
		bench_give_up(BENCH_FAILED, "no %u hugepages: %s", pages, rte_strerror(rte_errno));
	if (rte_eal_get_physmem_size() - before != pages * HUGE)
		bench_give_up(BENCH_FAILED, "the EAL did not grow by %u hugepages", pages);
	start = bench_now();
	rte_free(block);
	freed = bench_now() - start;
	if (rte_eal_get_physmem_size() != before)
		bench_give_up(BENCH_FAILED, "the EAL did not shrink by %u hugepages", pages);
	printf("%.3f %.3f\n", grown / pages, freed / pages);
}

static void
address_measure(const void *address, unsigned int calls)
{
	const double start = bench_now();
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < calls; i++)
		wrong += rte_mem_virt2iova(address) == RTE_BAD_IOVA;
	if (wrong != 0)
		bench_give_up(BENCH_FAILED, "%u of %u calls gave no address", wrong, calls);
	printf("%.3f\n", (bench_now() - start) / calls);
}

static void
heap_measure(unsigned int calls)
{
	static void *block;

	if (block == NULL)
		block = rte_malloc("bench", 64, 0);
	address_measure(block, calls);
}

static void
stack_measure(unsigned int calls)
{
	const int here = 0;

	address_measure(&here, calls);
}

static void
loop_measure(unsigned int turns)
{
	const double start = bench_now();
	unsigned long left = turns;

#ifdef __x86_64__
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left));
#else
	__asm__ volatile("1: subs %0, %0, #1; b.ne 1b" : "+r"(left));
#endif
	printf("%.3f\n", (bench_now() - start) / turns);
}

static const struct {
	const char *name;
	void (*measure)(unsigned int number);
} commands[] = {
	{ "grow", grow_measure },	{ "heap", heap_measure }, { "stack", stack_measure },
	{ "devices", devices_measure }, { "loop", loop_measure },
};

static void
command_run(const char *name, const char *number)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].measure(bench_number(number, MOST));
			return;
		}
	bench_give_up(BENCH_UNTRIED, "no such command: %s", name);
}

int
main(int argc, char **argv)
{
	const int used = rte_eal_init(argc, argv);
	char name[16], number[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (used < 0)
		bench_give_up(BENCH_UNTRIED, "no EAL: %s", rte_strerror(rte_errno));
	devices.addresses = argv + used + 1;
	devices.count = argc - used - 1;
	if (devices.count == 0 || devices.count > MAX_DEVICES)
		bench_give_up(BENCH_UNTRIED, "needs devices, at most %u", MAX_DEVICES);
	device_setup(0);
	printf("ready\n");
	while (scanf("%15s %15s", name, number) == 2)
		command_run(name, number);
	device_release(0);
	return rte_eal_cleanup();
}
