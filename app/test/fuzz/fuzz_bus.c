/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <unistd.h>

#include "fuzz_bus.h"
#include "vfio_cdev_private.h"

#define HUGEPAGES 3

int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx);

int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), log, arg, ctx);
}

long
__real_sysconf(int name);
long
__wrap_sysconf(int name);

/* Of the hooks of memory. */
long
__wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? (long)fake_page : __real_sysconf(name);
}

void
fuzz_bus_start(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct rte_memseg_list *msl;
	int fd;

	if (fake_eal()->mp_action != NULL)
		return;
	fake_reset();
	fake_eal_reset();
	fake_sysfs_reset();
	fake_sysfs_add(FUZZ_ADDR, "noiommu-vfio0", "510:0\n");
	fake_sysfs_add(FUZZ_OTHER_ADDR, "noiommu-vfio1", "510:1\n");
	fake_node_add(FAKE_CDEV("noiommu-vfio0"), FAKE_MAJOR, 0);
	fake_node_add(FAKE_CDEV("noiommu-vfio1"), FAKE_MAJOR, 1);
	msl = fake_eal_list(false, true);
	for (unsigned int i = 0; i < HUGEPAGES; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_HUGE), FAKE_PHYS(i * FAKE_HUGE), FAKE_HUGE);
	fuzz_require(rte_vfio_enable("vfio") == 0);
	fuzz_require(rte_vfio_setup_device(fake_sysfs_base(), FUZZ_ADDR, &fd, &info) == 0);
	fuzz_require(rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD,
						(uintptr_t)FAKE_VA(8 * FAKE_HUGE),
						FAKE_PHYS(8 * FAKE_HUGE), FAKE_PAGE) == 0);
	fuzz_require(fake_eal()->mp_action != NULL && fake_eal_misuse() == NULL);
}
