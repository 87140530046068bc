/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The functions of the EAL, looked up in the process and never linked: see the first
 * comment of eal_api.c.
 */

#ifndef BUS_VFIO_CDEV_EAL_API_H
#define BUS_VFIO_CDEV_EAL_API_H

#include <stdbool.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_fbarray.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_telemetry.h>
#include <rte_vfio.h>

struct eal_api {
	/* the stock functions that the backend interposes */
	__typeof__(rte_vfio_setup_device) *setup_device;
	__typeof__(rte_vfio_release_device) *release_device;
	__typeof__(rte_vfio_enable) *enable;
	__typeof__(rte_vfio_is_enabled) *is_enabled;
	__typeof__(rte_vfio_noiommu_is_enabled) *noiommu_is_enabled;
	__typeof__(rte_vfio_get_group_num) *get_group_num;
	__typeof__(rte_vfio_get_group_fd) *get_group_fd;
	__typeof__(rte_vfio_get_container_fd) *get_container_fd;
	__typeof__(rte_vfio_container_create) *container_create;
	__typeof__(rte_vfio_container_destroy) *container_destroy;
	__typeof__(rte_vfio_container_group_bind) *container_group_bind;
	__typeof__(rte_vfio_container_group_unbind) *container_group_unbind;
	__typeof__(rte_vfio_clear_group) *clear_group;
	__typeof__(rte_vfio_container_dma_map) *container_dma_map;
	__typeof__(rte_vfio_container_dma_unmap) *container_dma_unmap;
	__typeof__(rte_bus_get_iommu_class) *iommu_class;
	__typeof__(rte_bus_probe) *bus_probe;
	int (*get_device_info)(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
			       struct vfio_device_info *device_info); /* NULL before 24.03 */
	/* other processes */
	__typeof__(rte_mp_action_register) *mp_action_register;
	__typeof__(rte_mp_request_sync) *mp_request_sync;
	__typeof__(rte_mp_reply) *mp_reply;
	__typeof__(rte_eal_get_runtime_dir) *runtime_dir;
	/* what the backend itself uses */
	__typeof__(rte_eal_iova_mode) *iova_mode;
	__typeof__(rte_eal_process_type) *process_type;
	void (*get_vf_token)(unsigned char *token);
	void (*mem_read_lock)(void);
	void (*mem_read_unlock)(void);
	__typeof__(rte_memseg_walk_thread_unsafe) *memseg_walk;
	__typeof__(rte_mem_virt2memseg_list) *virt2memseg_list;
	__typeof__(rte_mem_virt2memseg) *virt2memseg;
	__typeof__(rte_mem_event_callback_register) *event_register;
	__typeof__(rte_log_register_type_and_pick_level) *log_register;
	__typeof__(rte_log) *log;
	/* physical addresses, and the options that allow or block devices */
	__typeof__(rte_mem_virt2phy) *virt2phy;
	__typeof__(rte_eal_using_phys_addrs) *using_phys_addrs;
	__typeof__(rte_fbarray_set_free) *fbarray_set_free;
	__typeof__(rte_fbarray_get) *fbarray_get;
	__typeof__(rte_fbarray_find_idx) *fbarray_find_idx;
	__typeof__(rte_fbarray_is_used) *fbarray_is_used;
	__typeof__(rte_devargs_next) *devargs_next;
	__typeof__(rte_bus_find_by_name) *bus_find;
	__typeof__(rte_eal_has_hugepages) *has_hugepages;
	/* NULL up to 26.03 */
	bool (*device_is_ignored)(const struct rte_bus *bus, const char *name);
	int (*has_pci)(void); /* NULL where it is not exported */
	/* libnuma's, NULL where the EAL does not call it */
	long (*get_mempolicy)(int *mode, unsigned long *nodemask, unsigned long maxnode,
			      const void *addr, unsigned int flags);
	/* telemetry: all NULL if one of them is not there */
	struct telemetry_api {
		__typeof__(rte_telemetry_register_cmd) *register_cmd;
		__typeof__(rte_tel_data_alloc) *alloc;
		__typeof__(rte_tel_data_free) *free;
		__typeof__(rte_tel_data_start_array) *start_array;
		__typeof__(rte_tel_data_start_dict) *start_dict;
		__typeof__(rte_tel_data_add_array_string) *add_array_string;
		__typeof__(rte_tel_data_add_dict_string) *add_string;
		/* int64_t from 23.03 on: all values fit into both */
		__typeof__(rte_tel_data_add_dict_int) *add_int;
		/* _u64 before 23.03 */
		int (*add_uint)(struct rte_tel_data *d, const char *name, uint64_t val);
		__typeof__(rte_tel_data_add_dict_container) *add_container;
	} telemetry;
};

/* The EAL of this process, or NULL, logged once, if it lacks one of them. */
const struct eal_api *
eal_api(void);

/* Paths of the EALs in this process, at most so many; how many. */
unsigned int
eal_objects(const char *paths[], unsigned int max);

/* A function or a variable of the EAL behind this library, or of what the EAL needs; or NULL. */
void *
eal_symbol(const char *name);

/*
 * The function of the EAL that has called, from this address: one of two that are plug-ins of a
 * program has its own buses. NULL: the caller is no EAL.
 */
void *
eal_symbol_of(const void *caller, const char *name);

/* In DPDK from 26.11 on (lib/eal/linux/eal_vfio.c), and in none before. */
#define EAL_OWN_CDEV_SETUP "dev_vfio_setup_device"

/*
 * Has the EAL a cdev mode of its own? Its VFIO functions have other names and are internal,
 * so that nothing calls the backend's. Of eal_api() only the functions that the backend
 * forwards are certain then: of memory.
 */
bool
eal_has_own_cdev(void);

int
eal_errno_get(void);

void
eal_errno_set(int err);

/* Is it the EAL that calls, for a secondary process? */
bool
eal_is_mp_thread(void);

/* Set rte_errno as stock does, and return 0 or -1. */
int
eal_errno_return(int ret);

#define VF_TOKEN_LEN 16

/* The token the application was started with (--vfio-vf-token), or NULL. */
const void *
eal_vf_token(unsigned char token[VF_TOKEN_LEN]);

#endif /* BUS_VFIO_CDEV_EAL_API_H */
