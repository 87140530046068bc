/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_log.h>

#include "fake_eal_private.h"
#include "log_capture.h"

#define LOG_TYPES 4
#define LOG_TYPE_FIRST 32 /* RTE_LOGTYPE_FIRST_EXT_ID */

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static struct fake_eal eal;
static const char *log_types[LOG_TYPES]; /* kept: registered once a process */
static struct fake_mp_msg replied;

static _Atomic(const char *) misuse;

void
fake_eal_expect(bool right, const char *what)
{
	const char *none = NULL;

	if (!right)
		atomic_compare_exchange_strong(&misuse, &none, what);
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

/* Initialized, as constants are. */
static char build_words[64] = ".";

void
fake_eal_words(const char *words)
{
	snprintf(build_words, sizeof(build_words), "%s", words);
}

void
fake_eal_reset(void)
{
	fake_eal_words(".");
	memset(&eal, 0, sizeof(eal));
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
	misuse = NULL;
	fake_eal_memory_reset();
}

/* What the stock functions do. */
static int
stock_call(enum fake_stock which)
{
	expect(!fake_eal_memory_is_locked(), "a stock function while memory is locked");
	__atomic_fetch_add(&eal.stock[which].calls, 1, __ATOMIC_RELAXED);
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
	if (eal.group_addr != NULL && strcmp(eal.group_addr, dev_addr) != 0)
		return 0;
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

enum rte_iova_mode
rte_bus_get_iommu_class(void)
{
	return eal.bus_mode;
}

int
rte_bus_probe(void)
{
	return stock_call(STOCK_PROBE);
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
rte_eal_has_pci(void)
{
	return !eal.no_pci;
}

bool
rte_bus_device_is_ignored(const struct rte_bus *bus, const char *name);

/* Of devices that no option names. */
bool
rte_bus_device_is_ignored(const struct rte_bus *bus, const char *name)
{
	(void)bus;
	(void)name;
	return eal.no_probing;
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

/* No caller looks into one. */
struct rte_bus *
rte_bus_find_by_name(const char *busname)
{
	static int pci;

	if (strcmp(busname, "pci") == 0)
		return (struct rte_bus *)&pci;
	return eal.bus != NULL && strcmp(eal.bus, busname) == 0 ? (struct rte_bus *)&eal.bus : NULL;
}

struct rte_devargs *
rte_devargs_next(const char *busname, const struct rte_devargs *start)
{
	const struct rte_bus *bus = strcmp(busname, "pci") != 0 ? rte_bus_find_by_name(busname) :
								  NULL;
	struct rte_devargs *next = eal.devargs;

	if (bus == NULL && strcmp(busname, "pci") != 0)
		return NULL;
	if (start != NULL)
		next += start - eal.devargs + 1;
	while (next->name[0] != '\0' && next->bus != bus)
		next++;
	return next->name[0] != '\0' ? next : NULL;
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
		log_types[logtype - LOG_TYPE_FIRST] :
		"?";
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
	expect(!fake_eal_memory_is_locked(), "an action is registered while memory is locked");
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
	expect(peer != NULL, "a reply without a peer");
	expect(msg->num_fds >= 0 && msg->len_param >= 0, "a reply with lengths that are none");
	memcpy(&replied, msg, sizeof(replied));
	if (eal.mp_replied != NULL)
		eal.mp_replied(&replied);
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

	expect(!fake_eal_memory_is_locked(), "a request while memory is locked");
	expect(ts->tv_sec == 5 && ts->tv_nsec == 0, "a request that waits longer than stock's");
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
