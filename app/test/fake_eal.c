/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal_memconfig.h>
#include <rte_fbarray.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "fake_eal.h"
#include "log_capture.h"

#define LISTS 4
#define SEGS 16
#define LOG_TYPES 4
#define LOG_TYPE_FIRST 32	/* RTE_LOGTYPE_FIRST_EXT_ID */

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static struct fake_eal eal;
static struct {
	struct rte_memseg_list msl;
	struct rte_memseg segs[SEGS + 1];	/* the last one stays empty */
	unsigned int count;
} lists[LISTS];
static unsigned int list_count;
static struct {
	rte_mem_event_callback_t func;
	char name[64];
	void *arg;
} callback;
static const char *log_types[LOG_TYPES];	/* kept: registered once a process */
static struct fake_mp_msg replied;

/* One thread uses the lock in the tests. */
static unsigned int readers;
static bool writing;
static const char *misuse;

static void
expect(bool right, const char *what)
{
	if (!right && misuse == NULL)
		misuse = what;
}

const char *
fake_eal_misuse(void)
{
	return misuse;
}

struct fake_eal *
fake_eal(void)
{
	return &eal;
}

void
fake_eal_reset(void)
{
	memset(&eal, 0, sizeof(eal));
	memset(lists, 0, sizeof(lists));
	memset(&callback, 0, sizeof(callback));
	eal.iova_mode = RTE_IOVA_PA;
	eal.process_type = RTE_PROC_PRIMARY;
	eal.stock[STOCK_GROUP_FD].ret = -1;
	eal.stock[STOCK_CONTAINER_FD].ret = -1;
	eal.stock[STOCK_CREATE].ret = -1;
	eal.stock[STOCK_DESTROY].ret = -1;
	eal.stock[STOCK_BIND].ret = -1;
	eal.stock[STOCK_UNBIND].ret = -1;
	eal.stock[STOCK_CLEAR_GROUP].ret = -1;
	eal.stock[STOCK_DMA_MAP].ret = -1;
	eal.stock[STOCK_DMA_MAP].err = ENODEV;
	eal.stock[STOCK_DMA_UNMAP].ret = -1;
	eal.stock[STOCK_DMA_UNMAP].err = EINVAL;
	RTE_PER_LCORE(_rte_errno) = 0;
	eal.runtime_dir = "/nonexistent";
	memset(&replied, 0, sizeof(replied));
	list_count = 0;
	readers = 0;
	writing = false;
	misuse = NULL;
}

struct rte_memseg_list *
fake_eal_list(bool external, bool heap)
{
	struct rte_memseg_list *msl = &lists[list_count++].msl;

	msl->external = external;
	msl->heap = heap;
	msl->page_sz = FAKE_HUGE;
	msl->memseg_arr.elt_sz = sizeof(struct rte_memseg);
	return msl;
}

void
fake_eal_memseg(struct rte_memseg_list *msl, void *addr, rte_iova_t iova, size_t len)
{
	unsigned int i = 0;

	while (&lists[i].msl != msl)
		i++;
	if (lists[i].count == 0)
		msl->base_va = addr;
	lists[i].segs[lists[i].count++] = (struct rte_memseg){
		.addr = addr,
		.iova = iova,
		.len = len,
		.hugepage_sz = msl->page_sz,
	};
	msl->len += len;
}

void
fake_eal_event(enum rte_mem_event type, void *addr, size_t len)
{
	if (callback.func == NULL)
		return;
	expect(readers == 0, "an event while memory is locked");
	writing = true;
	callback.func(type, addr, len, callback.arg);
	writing = false;
}

unsigned int
fake_eal_callbacks(void)
{
	return callback.func != NULL;
}

/* What the stock functions do. */
static int
stock_call(enum fake_stock which)
{
	expect(readers == 0, "a stock function while memory is locked");
	eal.stock[which].calls++;
	if (eal.stock[which].err != 0)
		RTE_PER_LCORE(_rte_errno) = eal.stock[which].err;
	return eal.stock[which].ret;
}

int
rte_vfio_enable(const char *modname)
{
	(void)modname;
	return stock_call(STOCK_ENABLE);
}

int
rte_vfio_is_enabled(const char *modname)
{
	(void)modname;
	return stock_call(STOCK_IS_ENABLED);
}

int
rte_vfio_noiommu_is_enabled(void)
{
	return stock_call(STOCK_NOIOMMU_IS_ENABLED);
}

int
rte_vfio_setup_device(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
		      struct vfio_device_info *device_info)
{
	(void)sysfs_base;
	(void)dev_addr;
	(void)vfio_dev_fd;
	(void)device_info;
	return stock_call(STOCK_SETUP);
}

int
rte_vfio_release_device(const char *sysfs_base, const char *dev_addr, int fd)
{
	(void)sysfs_base;
	(void)dev_addr;
	(void)fd;
	return stock_call(STOCK_RELEASE);
}

int
rte_vfio_get_device_info(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
			 struct vfio_device_info *device_info)
{
	(void)sysfs_base;
	(void)dev_addr;
	(void)vfio_dev_fd;
	(void)device_info;
	return stock_call(STOCK_DEVICE_INFO);
}

int
rte_vfio_get_group_num(const char *sysfs_base, const char *dev_addr, int *iommu_group_num)
{
	const int ret = stock_call(STOCK_GROUP_NUM);

	(void)sysfs_base;
	(void)dev_addr;
	if (ret == 1)
		*iommu_group_num = eal.group;
	return ret;
}

int
rte_vfio_get_group_fd(int iommu_group_num)
{
	(void)iommu_group_num;
	return stock_call(STOCK_GROUP_FD);
}

int
rte_vfio_get_container_fd(void)
{
	return stock_call(STOCK_CONTAINER_FD);
}

/* Up to 24.11 the container comes from the public function (eal_vfio.c). */
int
rte_vfio_container_create(void)
{
	int (*get_container_fd)(void);
	const int ret = stock_call(STOCK_CREATE);

	*(void **)&get_container_fd = dlsym(RTLD_DEFAULT, "rte_vfio_get_container_fd");
	expect(get_container_fd() == eal.stock[STOCK_CONTAINER_FD].ret,
	       "stock is given a container that is not its own");
	return ret;
}

/* And unbinds its groups through the public function. */
int
rte_vfio_container_destroy(int container_fd)
{
	int (*unbind)(int container_fd, int group);

	*(void **)&unbind = dlsym(RTLD_DEFAULT, "rte_vfio_container_group_unbind");
	if (eal.bound_group != 0)
		expect(unbind(container_fd, eal.bound_group) == eal.stock[STOCK_UNBIND].ret,
		       "stock cannot unbind its own group");
	return stock_call(STOCK_DESTROY);
}

int
rte_vfio_container_group_bind(int container_fd, int iommu_group_num)
{
	(void)container_fd;
	(void)iommu_group_num;
	return stock_call(STOCK_BIND);
}

int
rte_vfio_container_group_unbind(int container_fd, int iommu_group_num)
{
	(void)container_fd;
	(void)iommu_group_num;
	return stock_call(STOCK_UNBIND);
}

int
rte_vfio_clear_group(int vfio_group_fd)
{
	(void)vfio_group_fd;
	return stock_call(STOCK_CLEAR_GROUP);
}

int
rte_vfio_container_dma_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	(void)container_fd;
	(void)vaddr;
	(void)iova;
	(void)len;
	return stock_call(STOCK_DMA_MAP);
}

int
rte_vfio_container_dma_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	(void)container_fd;
	(void)vaddr;
	(void)iova;
	(void)len;
	return stock_call(STOCK_DMA_UNMAP);
}

enum rte_iova_mode
rte_eal_iova_mode(void)
{
	return eal.iova_mode;
}

enum rte_proc_type_t
rte_eal_process_type(void)
{
	return eal.process_type;
}

void
rte_eal_vfio_get_vf_token(rte_uuid_t vf_token)
{
	memcpy(vf_token, eal.token, sizeof(eal.token));
}

/* A reader that waits behind a writer for itself never goes on. */
void
rte_mcfg_mem_read_lock(void)
{
	expect(readers == 0, "the memory lock is taken twice");
	expect(!writing, "the memory lock is taken in an event");
	if (eal.lock_hook != NULL)
		eal.lock_hook();
	readers++;
}

void
rte_mcfg_mem_read_unlock(void)
{
	expect(readers != 0, "the memory lock is released twice");
	readers--;
}

int
rte_memseg_walk_thread_unsafe(rte_memseg_walk_t func, void *arg)
{
	int ret;

	expect(readers != 0, "memory is walked without its lock");
	for (unsigned int i = 0; i < list_count; i++) {
		for (unsigned int j = 0; j < lists[i].count; j++) {
			ret = func(&lists[i].msl, &lists[i].segs[j], arg);
			if (ret != 0)
				return ret < 0 ? -1 : 1;
		}
	}
	return 0;
}

struct rte_memseg_list *
rte_mem_virt2memseg_list(const void *virt)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (virt >= lists[i].msl.base_va &&
		    virt < (void *)((char *)lists[i].msl.base_va + lists[i].msl.len))
			return &lists[i].msl;
	return NULL;
}

struct rte_memseg *
rte_mem_virt2memseg(const void *virt, const struct rte_memseg_list *msl)
{
	if (msl == NULL)
		return NULL;
	for (unsigned int i = 0; i < list_count; i++)
		for (unsigned int j = 0; &lists[i].msl == msl && j < lists[i].count; j++)
			if (lists[i].segs[j].addr <= virt &&
			    virt < (void *)((char *)lists[i].segs[j].addr + msl->page_sz))
				return &lists[i].segs[j];
	return NULL;
}

/* Segments are found by their list's array, and an index. */
void *
rte_fbarray_get(const struct rte_fbarray *arr, unsigned int idx)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (&lists[i].msl.memseg_arr == arr && idx < lists[i].count)
			return &lists[i].segs[idx];
	return NULL;
}

int
rte_fbarray_set_free(struct rte_fbarray *arr, unsigned int idx)
{
	struct rte_memseg *ms = rte_fbarray_get(arr, idx);

	if (ms == NULL)
		return -1;
	ms->len = 0;
	return 0;
}

phys_addr_t
rte_mem_virt2phy(const void *virt)
{
	return eal.pagemap != NULL ? eal.pagemap(virt) : RTE_BAD_PHYS_ADDR;
}

rte_iova_t
rte_mem_virt2iova(const void *virt)
{
	return rte_mem_virt2phy(virt);
}

int
rte_eal_using_phys_addrs(void)
{
	return rte_mem_virt2phy(&eal) != RTE_BAD_PHYS_ADDR;
}

int
rte_eal_has_pci(void)
{
	return !eal.no_pci;
}

int
rte_eal_has_hugepages(void)
{
	return !eal.no_huge;
}

long
get_mempolicy(int *mode, unsigned long *nodemask, unsigned long maxnode, const void *addr,
	      unsigned int flags);

/* Of libnuma, as the EAL uses it. */
long
get_mempolicy(int *mode, unsigned long *nodemask, unsigned long maxnode, const void *addr,
	      unsigned int flags)
{
	(void)nodemask;
	(void)maxnode;
	(void)addr;
	(void)flags;
	*mode = eal.node;
	return 0;
}

struct rte_devargs *
rte_devargs_next(const char *busname, const struct rte_devargs *start)
{
	const size_t index = start == NULL ? 0 : start - eal.devargs + 1;
	struct rte_devargs *next = &eal.devargs[index];

	expect(strcmp(busname, "pci") == 0, "arguments of another bus are asked for");
	return next->name[0] != '\0' ? next : NULL;
}

int
rte_mem_event_callback_register(const char *name, rte_mem_event_callback_t clb, void *arg)
{
	expect(!writing, "a callback is registered in an event");
	RTE_PER_LCORE(_rte_errno) = eal.register_errno;
	if (eal.register_errno != 0)
		return -1;
	expect(callback.func == NULL, "the callback is registered twice");
	expect(readers != 0, "memory can change between the walk and the registration");
	callback.func = clb;
	callback.arg = arg;
	snprintf(callback.name, sizeof(callback.name), "%s", name);
	return 0;
}

int
rte_mem_event_callback_unregister(const char *name, void *arg)
{
	expect(!writing, "a callback is unregistered in an event");
	if (eal.register_errno != 0)
		return -1;
	expect(callback.func != NULL && strcmp(name, callback.name) == 0 && arg == callback.arg,
	       "a callback that is not registered is unregistered");
	callback.func = NULL;
	return 0;
}

int
rte_log_register_type_and_pick_level(const char *name, uint32_t level_def)
{
	int i = 0;

	expect(level_def == RTE_LOG_INFO, "a log type shows other than INFO by default");
	while (i < LOG_TYPES - 1 && log_types[i] != NULL)
		i++;
	log_types[i] = name;
	return LOG_TYPE_FIRST + i;
}

int
rte_log(uint32_t level, uint32_t logtype, const char *format, ...)
{
	const char *type = logtype >= LOG_TYPE_FIRST && logtype < LOG_TYPE_FIRST + LOG_TYPES ?
		log_types[logtype - LOG_TYPE_FIRST] : "?";
	char line[1024];
	va_list ap;
	int len;

	len = snprintf(line, sizeof(line), "%s: ", type);
	va_start(ap, format);
	len += vsnprintf(line + len, sizeof(line) - len, format, ap);
	va_end(ap);
	expect((size_t)len < sizeof(line) && line[len - 1] == '\n', "a line without its end");
	line[strcspn(line, "\n")] = '\0';
	log_capture(NULL, level - 1, line);
	return len;
}

int
rte_mp_action_register(const char *name, rte_mp_t action)
{
	expect(strlen(name) < RTE_MP_MAX_NAME_LEN, "a name of an action that is too long");
	expect(!writing && readers == 0, "an action is registered while memory is locked");
	expect(eal.mp_action == NULL, "the action is registered twice");
	RTE_PER_LCORE(_rte_errno) = eal.mp_errno;
	if (eal.mp_errno != 0)
		return -1;
	eal.mp_action = action;
	return 0;
}

/* Copies its own size, as the EAL does. */
int
rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	expect(peer != NULL, "a reply to nobody");
	expect(msg->num_fds >= 0 && msg->len_param >= 0, "a reply with lengths that are none");
	memcpy(&replied, msg, sizeof(replied));
	return 0;
}

struct fake_mp_msg *
fake_eal_replied(void)
{
	return &replied;
}

int
rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply, const struct timespec *ts)
{
	struct fake_mp_msg all;
	int err = ETIMEDOUT;

	expect(!writing && readers == 0, "a request while memory is locked");
	expect(ts->tv_sec == 0 && ts->tv_nsec > 0, "a request that waits a second or more");
	memcpy(&all, req, sizeof(all));
	memset(reply, 0, sizeof(*reply));
	eal.mp_requests++;
	if (eal.mp_primary != NULL)
		err = eal.mp_primary(req, reply);
	RTE_PER_LCORE(_rte_errno) = err;
	return err == 0 ? 0 : -1;
}

const char *
rte_eal_get_runtime_dir(void)
{
	return eal.runtime_dir;
}
