/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of the EAL backend share.
 *
 *	EAL, buses, drivers, applications
 *	   |		  | rte_vfio_*(), rte_mem_virt2phy(), ...
 *	   | memory	  v
 *	   | events	vfio_api.c, container.c, container_api.c -- policy.c (the environment)
 *	   v		  |	|	\
 *	memory.c <-- device.c	|	phys.c (addresses) -- prime.c
 *	   |		| |	|	   |
 *	   |  secondary.c |	|	   |	(where the primary has it: mp.c)
 *	   |		  |	|	   |
 *	   v		  v	|	   v
 *	domain.c: a domain of librte_vfio_cdev for each mode -- fork.c (after a fork)
 *				v
 *	eal_api.c: the EAL's functions, the stock rte_vfio_*() among them
 *
 * telemetry.c tells what all of these hold, on a thread of the EAL's own.
 * memory_hooks.c tells the domains of memory that the program itself gives up.
 *
 * Locks, in the order they are taken: the EAL's memory lock, backend_lock, a
 * domain's locks. The EAL holds the first when it reports memory; set-up takes it
 * for reading, so that memory stands still between recording it and asking for
 * events. Nothing takes it while holding backend_lock. A device is bound, and
 * memory pinned for it, without any of them: what others see of a device that is
 * being set up or released is that its place is taken.
 */

#ifndef BUS_VFIO_CDEV_PRIVATE_H
#define BUS_VFIO_CDEV_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_fbarray.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_telemetry.h>
#include <rte_vfio.h>

#include "rte_vfio_cdev.h"

/* eal_api.c: looked up in the process, never linked: see its first comment. */
struct eal_api {
	/* the stock functions that ours stand in front of */
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
	/* physical addresses and the options that say which devices are the EAL's */
	__typeof__(rte_mem_virt2phy) *virt2phy;
	__typeof__(rte_eal_using_phys_addrs) *using_phys_addrs;
	__typeof__(rte_fbarray_set_free) *fbarray_set_free;
	__typeof__(rte_fbarray_get) *fbarray_get;
	__typeof__(rte_fbarray_find_idx) *fbarray_find_idx;
	__typeof__(rte_fbarray_is_used) *fbarray_is_used;
	__typeof__(rte_devargs_next) *devargs_next;
	__typeof__(rte_bus_find_by_name) *bus_find;
	__typeof__(rte_eal_has_hugepages) *has_hugepages;
	int (*has_pci)(void);		/* NULL where it is not exported */
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
		/* int64_t from 23.03 on: what is given fits into both */
		__typeof__(rte_tel_data_add_dict_int) *add_int;
		/* _u64 before 23.03 */
		int (*add_uint)(struct rte_tel_data *d, const char *name, uint64_t val);
		__typeof__(rte_tel_data_add_dict_container) *add_container;
	} telemetry;
};

/* The EAL of this process, or NULL, logged once, if it lacks one of them. */
const struct eal_api *
eal_api(void);

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

/* log.c */

/* Log as bus.vfio_cdev; lines of the library go to lib.vfio_cdev. */
void
bus_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void
lib_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line);

/*
 * Until the release the calling thread's errors are lines for debugging; then
 * the last one is a warning, if there is something to tell.
 */
void
lib_log_defer(void);

void
lib_log_flush(bool print);

/* policy.c */
enum policy {
	POLICY_PREFER,	/* the cdev where a device has one */
	POLICY_REQUIRE,	/* a device without one is an error */
	POLICY_OFF,	/* stock */
	POLICY_INVALID,	/* RTE_VFIO_CDEV says something else */
};

/* What RTE_VFIO_CDEV asks for; logs once if it, or the other, is unknown. */
enum policy
policy_get(void);

/* Its word, or "?" for what is none. */
const char *
policy_name(enum policy value);

/* Does it ask for this one? May be called where there is no EAL; logs nothing. */
bool
policy_demands(enum policy wanted);

enum policy_phys {
	PHYS_AUTO,	/* pagemap where it can be read, else the IOAS */
	PHYS_IOAS,	/* always the IOAS */
	PHYS_PAGEMAP,	/* pagemap, confirmed by the IOAS when the page is pinned */
};

/* Where physical addresses come from: RTE_VFIO_CDEV_PHYS. */
enum policy_phys
policy_phys(void);

/* elf_binding.c */

/* Are they in one program or shared object? */
bool
elf_object_is_same(const void *left, const void *right);

/* Does the object that has this address call a function of others? */
bool
elf_binding_is_called(const void *inside, const char *function);

/*
 * Do calls of a function from the object that has this address stay in the
 * object, whatever stands in front of it?
 */
bool
elf_binding_is_internal(const void *inside, const char *function);

/* selfcheck.c: does the EAL call this library? Logged for the device if not. */
bool
selfcheck_hooks(const char *addr);

/* fork.c */

/* From now on forked processes have no part in an iommufd that is open. 0 or -errno. */
int
fork_watch(void);

/*
 * Was this process forked from one that had an iommufd? Then nothing here may
 * be used, not even a lock. Logged when first found.
 */
bool
is_forked(void);

/* domain.c */

/* The library's context, or NULL if memory is short. */
struct rte_vfio_cdev_ctx *
backend_ctx(void);

#define NOIOMMU RTE_VFIO_CDEV_NOIOMMU
#define TRANSLATED RTE_VFIO_CDEV_TRANSLATED

/* Does the machine have cdevs of a mode, or any? */
bool
have_cdevs_of(enum rte_vfio_cdev_mode mode);

bool
have_cdevs(void);

/* Guards the device table, the containers and all of this. */
extern pthread_mutex_t backend_lock;

extern struct backend {
	/* the default container: each mode has its own domain, or NULL; none goes again */
	struct rte_vfio_cdev_domain *domains[RTE_VFIO_CDEV_MODES];
	bool wanted[RTE_VFIO_CDEV_MODES];	/* there are, or were, devices for its memory */
	bool recorded[RTE_VFIO_CDEV_MODES];	/* the EAL's memory is, and events go on with it */
	bool attached[RTE_VFIO_CDEV_MODES];	/* a device was set up: all memory is pinned */
	int iommufds[RTE_VFIO_CDEV_MODES];	/* of those that are attached */
	bool events;		/* the EAL tells of memory */
	bool stock_container_given;	/* the fd of stock's default container: */
	int stock_container_fd;
	bool prime_tried;	/* there is no use in trying again */
	bool keep_provisional_ended;	/* the EAL has its memory */
	bool unavailable_logged;	/* there are no physical addresses */
	bool unusable_logged;	/* the EAL's options make a device unusable */
	unsigned int stock_devices;	/* set up by stock in this process */
	bool serving;		/* secondaries may ask for devices */
	bool bad_request_logged;	/* of a secondary */
} backend;

/* Of a flag in backend: is it set for the first time? Takes backend_lock. */
bool
first_time(bool *done);

/* Create a domain, of which a forked child will have no part; 0 or -errno, logged. */
int
domain_make(enum rte_vfio_cdev_mode mode, struct rte_vfio_cdev_domain **domain);

/* The default container's domain of a mode, or NULL, logged. backend_lock is held. */
struct rte_vfio_cdev_domain *
domain_open(enum rte_vfio_cdev_mode mode);

/* The same, and takes backend_lock. */
struct rte_vfio_cdev_domain *
domain_of(enum rte_vfio_cdev_mode mode);

/* Its iommufd, or -1 if there was no device yet. backend_lock is held. */
int
default_iommufd(enum rte_vfio_cdev_mode mode);

/* May the EAL still map pages elsewhere whose address it has? No lock of ours may be held. */
bool
domain_keeps_provisional(void);

/* It has its memory now. No lock of ours may be held. */
void
domain_keep_provisional_end(struct rte_vfio_cdev_domain *domain);

#define DOMAIN_NAME_LEN 24

struct container;

struct domain_ref {
	struct rte_vfio_cdev_domain *domain;
	enum rte_vfio_cdev_mode mode;
	int iommufd;		/* -1: there was no device yet */
	struct container *container;	/* NULL: the default one */
	char name[DOMAIN_NAME_LEN];
};

/*
 * The nth domain, in use until domain_put(): those of the default container first, then
 * those of the containers that the application has created. False: there are no more.
 */
bool
domain_nth(unsigned int n, struct domain_ref *ref);

void
domain_put(const struct domain_ref *ref);

/* prime.c */

/*
 * Does NOIOMMU's pin memory and tell addresses? Looks for a device to that end, once,
 * unless one has been set up. No lock of ours may be held.
 */
bool
prime_domain(struct rte_vfio_cdev_domain *domain);

/* The first such device. Wants no lock. */
bool
prime_find(struct rte_vfio_cdev_info *info);

/* device_setup.c */

/* 0, or -1 after an error was logged. */
int
device_setup(const struct rte_vfio_cdev_info *info, int group, int *fd,
	     struct vfio_device_info *device_info);

/*
 * 0; -ENODEV the device is not in the table; -EBADF fd is not the device's; -EBUSY
 * another thread is setting it up or releasing it. The last two are logged.
 */
int
device_release(const char *addr, int fd);

/* Errors as device_release(); fd 0 is answered with the device's fd, as stock does. */
int
device_get_info(const char *addr, int *fd, struct vfio_device_info *device_info);

/* mp.c */

/* What an answer of the primary says of it; all 0 if there was none. */
struct mp_answer {
	int pid;
	enum policy policy;
};

#define MP_ADDRS_LEN 236

/* What a secondary says of itself. */
struct mp_secondary {
	int pid;
	unsigned int devices;
	char addrs[MP_ADDRS_LEN];	/* of the first ones, each with a blank after it */
};

/*
 * Ask the secondaries; how many there are, perhaps more than size, or -errno if one of them
 * does not answer. Takes up to 5 s, rarely more. No lock may be held.
 */
int
mp_secondaries(struct mp_secondary *secondaries, unsigned int size);

/* Let secondary processes ask for devices; or, in a secondary, the primary what it has. */
void
mp_serve(void);

/*
 * Ask the primary for a device: an fd that is not checked yet, or -errno; -EINVAL
 * its RTE_VFIO_CDEV is another. With fd NULL only the answer is wanted. Takes up
 * to 5 s, rarely more. No lock may be held.
 */
int
mp_request(const char *addr, struct mp_answer *answer, int *fd);

/* secondary.c */

/* Get the cdev from the primary: 0, or -errno after an error was logged. */
int
secondary_open(const struct rte_vfio_cdev_info *info, struct rte_vfio_cdev_device **cdev,
	       struct vfio_device_info *device_info);

/* RTE_VFIO_CDEV=off, and stock failed: say so if it is not off in the primary. */
void
secondary_explain(const char *sysfs_base, const char *addr);

/* telemetry.c: answer under /vfio_cdev/, once a process. */
void
telemetry_register(void);

/* memseg.c */

/*
 * Pin all memory that is there for a mode's devices, and ask for events about the rest.
 * 0, or -errno after an error was logged. No lock may be held.
 */
int
memseg_attach(enum rte_vfio_cdev_mode mode);

/* Has the EAL memory of its own yet? Its memory lock must not be held for writing. */
bool
memseg_any_own(void);

/* Is it a segment, or only what is left of one? */
bool
memseg_is_used(const struct rte_memseg_list *msl, const struct rte_memseg *ms);

/* Unmap a segment if it is mapped. */
int
memseg_unmap(struct rte_vfio_cdev_domain *domain, const struct rte_memseg *ms);

/* Has an event on this thread unmapped a page that the EAL takes out of its list now? */
bool
memseg_is_freed(const void *page);

/* The EAL adds a page on this thread: what it takes out from now on is another matter. */
void
memseg_freed_reset(void);

/* phys.c */

/*
 * Bind and reset a device now, if addresses will be asked for that it can tell: the EAL
 * asks for the first ones with its memory lock held. No lock may be held.
 */
void
phys_prepare(void);

#endif /* BUS_VFIO_CDEV_PRIVATE_H */
