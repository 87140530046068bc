/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's functions are looked up when the EAL first calls the backend. Linking with
 * librte_eal would load a second one, of the release this was built with, into
 * every program that is started with the backend preloaded. One build serves
 * all releases: the functions and the members of struct rte_memseg and struct
 * rte_memseg_list used here are the same from 22.11 to 26.07.
 */

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <rte_errno.h>

#include "eal_api.h"
#include "elf_binding.h"

#define EAL_SONAME "librte_eal.so"

static const struct {
	const char *name;
	size_t offset;
	bool optional;
} symbols[] = {
#define SYMBOL(member, name) \
	{ \
		name, offsetof(struct eal_api, member), false \
	}
	SYMBOL(log, "rte_log"),
	SYMBOL(log_register, "rte_log_register_type_and_pick_level"),
	SYMBOL(setup_device, "rte_vfio_setup_device"),
	SYMBOL(release_device, "rte_vfio_release_device"),
	SYMBOL(enable, "rte_vfio_enable"),
	SYMBOL(is_enabled, "rte_vfio_is_enabled"),
	SYMBOL(noiommu_is_enabled, "rte_vfio_noiommu_is_enabled"),
	SYMBOL(get_group_num, "rte_vfio_get_group_num"),
	SYMBOL(get_group_fd, "rte_vfio_get_group_fd"),
	SYMBOL(get_container_fd, "rte_vfio_get_container_fd"),
	SYMBOL(container_create, "rte_vfio_container_create"),
	SYMBOL(container_destroy, "rte_vfio_container_destroy"),
	SYMBOL(container_group_bind, "rte_vfio_container_group_bind"),
	SYMBOL(container_group_unbind, "rte_vfio_container_group_unbind"),
	SYMBOL(clear_group, "rte_vfio_clear_group"),
	SYMBOL(container_dma_map, "rte_vfio_container_dma_map"),
	SYMBOL(container_dma_unmap, "rte_vfio_container_dma_unmap"),
	{ "rte_vfio_get_device_info", offsetof(struct eal_api, get_device_info), true },
	SYMBOL(mp_action_register, "rte_mp_action_register"),
	SYMBOL(mp_request_sync, "rte_mp_request_sync"),
	SYMBOL(mp_reply, "rte_mp_reply"),
	SYMBOL(runtime_dir, "rte_eal_get_runtime_dir"),
	SYMBOL(iova_mode, "rte_eal_iova_mode"),
	SYMBOL(iommu_class, "rte_bus_get_iommu_class"),
	SYMBOL(bus_probe, "rte_bus_probe"),
	SYMBOL(process_type, "rte_eal_process_type"),
	SYMBOL(get_vf_token, "rte_eal_vfio_get_vf_token"),
	SYMBOL(mem_read_lock, "rte_mcfg_mem_read_lock"),
	SYMBOL(mem_read_unlock, "rte_mcfg_mem_read_unlock"),
	SYMBOL(memseg_walk, "rte_memseg_walk_thread_unsafe"),
	SYMBOL(virt2memseg_list, "rte_mem_virt2memseg_list"),
	SYMBOL(virt2memseg, "rte_mem_virt2memseg"),
	SYMBOL(event_register, "rte_mem_event_callback_register"),
	SYMBOL(virt2phy, "rte_mem_virt2phy"),
	SYMBOL(using_phys_addrs, "rte_eal_using_phys_addrs"),
	SYMBOL(fbarray_set_free, "rte_fbarray_set_free"),
	SYMBOL(fbarray_get, "rte_fbarray_get"),
	SYMBOL(fbarray_find_idx, "rte_fbarray_find_idx"),
	SYMBOL(fbarray_is_used, "rte_fbarray_is_used"),
	SYMBOL(devargs_next, "rte_devargs_next"),
	SYMBOL(bus_find, "rte_bus_find_by_name"),
	SYMBOL(has_hugepages, "rte_eal_has_hugepages"),
	{ "rte_bus_device_is_ignored", offsetof(struct eal_api, device_is_ignored), true },
	{ "rte_eal_has_pci", offsetof(struct eal_api, has_pci), true },
	{ "get_mempolicy", offsetof(struct eal_api, get_mempolicy), true },
#define TELEMETRY(member, name) \
	{ \
		name, offsetof(struct eal_api, telemetry.member), true \
	}
	TELEMETRY(register_cmd, "rte_telemetry_register_cmd"),
	TELEMETRY(alloc, "rte_tel_data_alloc"),
	TELEMETRY(free, "rte_tel_data_free"),
	TELEMETRY(start_array, "rte_tel_data_start_array"),
	TELEMETRY(start_dict, "rte_tel_data_start_dict"),
	TELEMETRY(add_array_string, "rte_tel_data_add_array_string"),
	TELEMETRY(add_string, "rte_tel_data_add_dict_string"),
	TELEMETRY(add_int, "rte_tel_data_add_dict_int"),
	TELEMETRY(add_uint, "rte_tel_data_add_dict_u64"),
	TELEMETRY(add_uint, "rte_tel_data_add_dict_uint"),
	TELEMETRY(add_container, "rte_tel_data_add_dict_container"),
#undef TELEMETRY
#undef SYMBOL
};

/* Constant after api_init(). */
static struct eal_api api;
static bool api_complete;
static bool api_own_cdev;
static void *eal_handle;
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

struct eal_search {
	const char **paths;
	unsigned int max, found;
};

static int
eal_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *base = strrchr(info->dlpi_name, '/');
	struct eal_search *search = arg;

	(void)size;
	base = base != NULL ? base + 1 : info->dlpi_name;
	if (strncmp(base, EAL_SONAME, strlen(EAL_SONAME)) == 0)
		search->paths[search->found++] = info->dlpi_name;
	return search->found == search->max;
}

unsigned int
eal_objects(const char *paths[], unsigned int max)
{
	struct eal_search search = { .paths = paths, .max = max };

	dl_iterate_phdr(eal_find, &search);
	return search.found;
}

/*
 * A host that loads DPDK as a plug-in (RTLD_LOCAL) keeps it out of the scope
 * that RTLD_NEXT searches. The handle is kept: the EAL stays loaded while it can
 * call the backend.
 */
void *
eal_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	const char *path;

	if (symbol != NULL)
		return symbol;
	if (eal_handle == NULL && eal_objects(&path, 1) != 0)
		eal_handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	return eal_handle != NULL ? dlsym(eal_handle, name) : NULL;
}

void *
eal_symbol_of(const void *caller, const char *name)
{
	struct link_map *map;
	void *handle, *symbol;
	Dl_info info;

	if (dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 ||
	    strstr(map->l_name, EAL_SONAME) == NULL)
		return NULL;
	handle = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
	if (handle == NULL)
		return NULL;
	symbol = dlsym(handle, name);
	dlclose(handle);
	return symbol;
}

static void
missing_report(const char *name)
{
	if (api.log != NULL)
		api.log(RTE_LOG_ERR, RTE_LOGTYPE_EAL,
			"VFIO_CDEV: %s not found in this process: its DPDK is not a shared one of "
			"22.11 or later; run it without the preloaded backend\n",
			name);
}

static bool
telemetry_is_complete(void)
{
	const struct telemetry_api *tel = &api.telemetry;

	return tel->register_cmd != NULL && tel->alloc != NULL && tel->free != NULL &&
		tel->start_array != NULL && tel->start_dict != NULL &&
		tel->add_array_string != NULL && tel->add_string != NULL && tel->add_int != NULL &&
		tel->add_uint != NULL && tel->add_container != NULL;
}

/* What the backend forwards where it steps aside. */
static bool
memory_is_complete(void)
{
	return api.iova_mode != NULL && api.iommu_class != NULL && api.bus_probe != NULL &&
		api.virt2phy != NULL && api.using_phys_addrs != NULL &&
		api.fbarray_set_free != NULL;
}

static void
api_init(void)
{
	void *symbol;

	api_own_cdev = eal_symbol(EAL_OWN_CDEV_SETUP) != NULL;
	for (size_t i = 0; i < RTE_DIM(symbols); i++) {
		symbol = eal_symbol(symbols[i].name);
		if (symbol == NULL && !symbols[i].optional && !api_own_cdev) {
			missing_report(symbols[i].name);
			return;
		}
		if (symbol != NULL)
			memcpy((char *)&api + symbols[i].offset, &symbol, sizeof(symbol));
	}
	/* libnuma may be there for another library. */
	if (!elf_binding_is_called(*(void *const *)&api.process_type, "get_mempolicy"))
		api.get_mempolicy = NULL;
	if (!telemetry_is_complete())
		memset(&api.telemetry, 0, sizeof(api.telemetry));
	api_complete = !api_own_cdev || memory_is_complete();
}

const struct eal_api *
eal_api(void)
{
	pthread_once(&api_once, api_init);
	return api_complete ? &api : NULL;
}

bool
eal_has_own_cdev(void)
{
	pthread_once(&api_once, api_init);
	return api_own_cdev;
}

/* A thread-local variable: its address is another in each thread. */
static int *
eal_errno(void)
{
	return eal_symbol("per_lcore__rte_errno");
}

int
eal_errno_get(void)
{
	const int *err = eal_errno();

	return err != NULL ? *err : 0;
}

void
eal_errno_set(int err)
{
	int *location = eal_errno();

	if (location != NULL)
		*location = err;
}

const void *
eal_vf_token(unsigned char token[VF_TOKEN_LEN])
{
	static const unsigned char none[VF_TOKEN_LEN];

	api.get_vf_token(token);
	return memcmp(token, none, VF_TOKEN_LEN) != 0 ? token : NULL;
}

bool
eal_is_mp_thread(void)
{
	char name[16];

	return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
		(strcmp(name, "rte_mp_handle") == 0 || /* to 23.07 */
		 strcmp(name, "dpdk-mp-msg") == 0);
}

/* rte_errno as eal_vfio.c sets it; vhost distinguishes ENODEV and EINVAL. */
int
eal_errno_return(int ret)
{
	if (ret == 0)
		return 0;
	eal_errno_set(ret == -ENOENT ? EINVAL : -ret);
	return -1;
}
