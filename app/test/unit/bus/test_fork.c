/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A forked child. The fake kernel of the child is a copy, so the child itself checks
 * what it did to it. A child that hangs ends itself.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork.h"
#include "process.h"
#include "rte_bus_vfio_cdev.h"
#include "test_bus.h"

#define CHILD_SECONDS 10

/* In the child; what is wrong, or NULL. */
static const char *
child_uses_nothing(void)
{
	struct rte_vfio_cdev_domain *domain;
	struct rte_memseg_list *msl = rte_mem_virt2memseg_list(FAKE_VA(0));
	const unsigned int maps = fake_calls(FAKE_MAP), unmaps = fake_calls(FAKE_UNMAP);
	int fd = -1;

	if (rte_mem_virt2iova(FAKE_VA(2 * FAKE_HUGE)) != RTE_BAD_IOVA)
		return "an address was given";
	if (rte_vfio_container_dma_map(-1, (uintptr_t)FAKE_VA(2 * FAKE_HUGE),
				       FAKE_PHYS(2 * FAKE_HUGE), 4096) != -1)
		return "memory was mapped";
	if (rte_vfio_container_dma_unmap(-1, (uintptr_t)FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE) != -1)
		return "memory was unmapped";
	if (rte_vfio_setup_device(fake_sysfs_base(), BUS_ADDR2, &fd, NULL) != -1)
		return "a device was set up";
	if (rte_bus_vfio_cdev_domain(&domain) != -ENODEV)
		return "the domain was given away";
	fake_eal_memseg(msl, FAKE_VA(2 * FAKE_HUGE), FAKE_PHYS(2 * FAKE_HUGE), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(2 * FAKE_HUGE), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(FAKE_HUGE));
	if (fake_calls(FAKE_MAP) != maps || fake_calls(FAKE_UNMAP) != unmaps)
		return "the kernel was called";
	if (log_count(RTE_VFIO_CDEV_LOG_ERR) != 1 ||
	    !log_has(RTE_VFIO_CDEV_LOG_ERR,
		     (const char *[]){ "forked", strerror(EOPNOTSUPP), "rte_eal_init()", NULL }))
		return "it was not logged, or more than once";
	return NULL;
}

static const char *
child_sets_up(void)
{
	int fd;

	if (bus_setup(BUS_ADDR, &fd) != 0)
		return "the device was not set up";
	return bus_release(BUS_ADDR, fd) == 0 ? NULL : "the device was not released";
}

/* All but the parent's addresses: a page may be another one now. */
static const char *
child_goes_on(void)
{
	if (rte_mem_virt2iova(FAKE_VA(8 * FAKE_HUGE)) != FAKE_PHYS(8 * FAKE_HUGE))
		return "an address was refused";
	fake_eal_drop(FAKE_VA(0));
	fake_eal_use(FAKE_VA(0), false);
	if (rte_mem_virt2iova(FAKE_VA(0)) != FAKE_PHYS(0))
		return "the heap does not grow";
	if (fake_calls(FAKE_OPEN) != 0 || log_count(RTE_VFIO_CDEV_LOG_ERR) != 0)
		return "it was noticed";
	fake_eal()->no_pci = false;
	return child_sets_up();
}

/* How it ended. */
static int
child_status(const char *(*child)(void))
{
	const pid_t pid = fork();
	const char *wrong;
	int status;

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		log_clear();
		wrong = child();
		if (wrong != NULL)
			fprintf(stderr, "child: %s; log: %s\n", wrong, log_text());
		process_end(wrong != NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
child_runs(const char *(*child)(void))
{
	assert_int_equal(child_status(child), 0);
}

static pthread_barrier_t holding;

static void *
lock_hold(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&backend_lock);
	pthread_barrier_wait(&holding);
	pthread_barrier_wait(&holding);
	pthread_mutex_unlock(&backend_lock);
	return NULL;
}

/* While another thread has the lock, which is never released in the child. */
static void
child_runs_beside_a_locked_parent(const char *(*child)(void))
{
	pthread_t thread;
	int status;

	pthread_barrier_init(&holding, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, lock_hold, NULL), 0);
	pthread_barrier_wait(&holding);
	status = child_status(child);
	pthread_barrier_wait(&holding);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&holding);
	assert_int_equal(status, 0);
}

static void
child_has_no_part_in_the_domain(void **state)
{
	int fd;

	(void)state;
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	child_runs(child_uses_nothing);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

static void
child_does_not_wait_for_a_lock_of_its_parent(void **state)
{
	int fd;

	(void)state;
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	child_runs_beside_a_locked_parent(child_uses_nothing);
}

/* A daemon. The parent may have had a domain before. */
static void
child_may_start_with_dpdk(void **state)
{
	(void)state;
	assert_int_equal(fork_watch(), 0);
	bus_memory(2);
	child_runs_beside_a_locked_parent(child_sets_up);
	assert_false(is_forked());
}

/* There is nothing of the parent's that it could use. */
static void
child_of_a_program_without_a_device_goes_on(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	fake_eal()->no_pci = true;
	bus_memory(2);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5 * FAKE_HUGE)), FAKE_PHYS(5 * FAKE_HUGE));
	child_runs_beside_a_locked_parent(child_goes_on);
	assert_false(is_forked());
}

/* The parent goes on as well, and a later child of it has no part again. */
static void
child_has_no_part_once_there_is_a_device(void **state)
{
	int fd;

	(void)state;
	bus_memory(2);
	child_runs(child_sets_up);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	child_runs(child_uses_nothing);
}

int
bus_fork_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(child_has_no_part_in_the_domain),
		BUS_TEST(child_does_not_wait_for_a_lock_of_its_parent),
		BUS_TEST(child_may_start_with_dpdk),
		BUS_TEST(child_of_a_program_without_a_device_goes_on),
		BUS_TEST(child_has_no_part_once_there_is_a_device),
	};

	return cmocka_run_group_tests_name("bus: forked child", tests, NULL, NULL);
}
