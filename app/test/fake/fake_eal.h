/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The part of DPDK that the backend uses: the stock rte_vfio_*() functions, memory,
 * events and log, as a shared library, so that RTLD_NEXT leads to it as it leads to
 * librte_eal. Lines logged go to log_capture.h, as "<type>: <text>".
 */

#ifndef FAKE_EAL_H
#define FAKE_EAL_H

#include <stdbool.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#define FAKE_HUGE (UINT64_C(2) << 20)

/* The stock functions. */
enum fake_stock {
	STOCK_ENABLE,
	STOCK_IS_ENABLED,
	STOCK_NOIOMMU_IS_ENABLED,
	STOCK_SETUP,
	STOCK_RELEASE,
	STOCK_DEVICE_INFO,
	STOCK_GROUP_NUM,
	STOCK_GROUP_FD,
	STOCK_CONTAINER_FD,
	STOCK_CREATE,
	STOCK_DESTROY,
	STOCK_BIND,
	STOCK_UNBIND,
	STOCK_CLEAR_GROUP,
	STOCK_DMA_MAP,
	STOCK_DMA_UNMAP,
	STOCK_PROBE,
	STOCK_COUNT,
};

struct fake_mp_msg;

/* How it answers; fake_eal_reset() makes it a primary with physical addresses. */
struct fake_eal {
	enum rte_iova_mode iova_mode;
	enum rte_iova_mode bus_mode; /* that the buses demand */
	enum rte_proc_type_t process_type;
	unsigned char token[16];
	int register_errno;			  /* of registering for events, or 0 */
	int group;				  /* what rte_vfio_get_group_num() finds */
	const char *group_addr;			  /* for this device alone, unless it is NULL */
	int bound_group;			  /* of the container that is destroyed, or 0 */
	void (*lock_hook)(void);		  /* called when the memory lock is taken */
	phys_addr_t (*pagemap)(const void *virt); /* NULL: it cannot be read */
	bool no_pci;
	bool no_probing; /* -A */
	int node;	 /* that all pages are on; lists are of node 0 */
	bool no_huge;
	int mp_errno;	    /* of registering an action, or 0 */
	rte_mp_t mp_action; /* that is registered */
	/* The primary that is asked, or NULL: it does not answer. 0 or an errno. */
	int (*mp_primary)(const struct rte_mp_msg *request, struct rte_mp_reply *reply);
	unsigned int mp_requests;
	void (*mp_replied)(
		const struct fake_mp_msg *msg); /* if not NULL, what a reply is given to */
	const char *runtime_dir;
	const char *bus;	       /* that there is beside PCI, or NULL */
	struct rte_devargs devargs[4]; /* of PCI without a bus; up to the first without a name */
	struct {
		int ret;
		int err; /* rte_errno, if not 0 */
		unsigned int calls;
	} stock[STOCK_COUNT];
};

struct fake_eal *
fake_eal(void);

/* The words of a build of the EAL, in its data. */
void
fake_eal_words(const char *words);

/* Forget everything: no memory, no callback. */
void
fake_eal_reset(void);

/* A new, empty list. Its segments have pages of FAKE_HUGE. */
struct rte_memseg_list *
fake_eal_list(bool external, bool heap);

/* Add a segment after the list's last one. */
void
fake_eal_memseg(struct rte_memseg_list *msl, void *addr, rte_iova_t iova, size_t len);

/*
 * Call the callbacks, as the EAL does with the memory lock held for writing; it is
 * taken unless the thread has it: see rte_mcfg_mem_write_lock().
 */
void
fake_eal_event(enum rte_mem_event type, void *addr, size_t len);

/* The address that the EAL gets, from the backend or its own function. */
rte_iova_t
fake_eal_ask(const void *virt);

/*
 * Take the segment at addr out of its list as the EAL does, through whatever
 * stands in front of rte_fbarray_set_free().
 */
void
fake_eal_drop(void *addr);

/* Mark the segment at addr as used, or as free with its content left. */
void
fake_eal_use(const void *addr, bool used);

/* The node of a page, as the EAL asks libnuma for it. */
int
fake_eal_node(const void *page);

/* Callbacks registered for events. */
unsigned int
fake_eal_callbacks(void);

/* What the last rte_mp_reply() sent: with 253 fds, as from 24.11 on. */
struct fake_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
	int fds[253];
};

struct fake_mp_msg *
fake_eal_replied(void);

/* The first wrong use of the EAL, e.g. of a lock, or NULL. */
const char *
fake_eal_misuse(void);

/* From 24.03 on. */
int
rte_vfio_get_device_info(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
			 struct vfio_device_info *device_info);

#endif /* FAKE_EAL_H */
