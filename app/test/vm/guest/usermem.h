/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef USERMEM_H
#define USERMEM_H

/*
 * Memory of an application on the real kernel, case by case; test_usermem.py
 * runs it in a guest.
 *
 *	usermem.c --------- the EAL, the cases one after the other
 *	usermem_util.c ---- memory to try with, and the kernel's view of it
 *	usermem_map.c ----- rte_vfio_container_dma_map() and rte_dev_dma_map()
 *	usermem_bad.c ----- what they must refuse, with nothing left behind
 *	usermem_bar.c ----- registers of a device
 *	usermem_pin.c ----- rte_vfio_cdev_domain_pin()
 *
 * A case gives back NULL or what was wrong. Around each the pinned memory and
 * the domain's counters must be the same, which usermem.c looks after.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_bus_vfio_cdev.h>

#define PAGE UINT64_C(4096)
#define HUGEPAGE (UINT64_C(2) << 20)
#define NOWHERE (UINT64_C(1) << 50) /* an IOVA that no memory and no BAR has */

struct usermem_case {
	const char *name;
	const char *(*run)(void);
};

#define CASE(topic) \
	{ \
#topic, case_##topic \
	}

/* End with an entry without a name. */
extern const struct usermem_case map_cases[];
extern const struct usermem_case bad_cases[];
extern const struct usermem_case bar_cases[];
extern const struct usermem_case pin_cases[];
/* For a process with a limit (RLIMIT_MEMLOCK); run when given by name. */
extern const struct usermem_case limit_cases[];

/* Of the process. */
extern struct rte_vfio_cdev_domain *domain;
extern const char *idle_device; /* PCI address of a device that is not in use */

/* The text of what is wrong, until the next. */
const char *
why(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For use in cases and functions like them. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			return why("%s:%d: %s is not so", __FILE_NAME__, __LINE__, #condition); \
	} while (0)

#define CHECK_RET(call, wanted) \
	do { \
		const int ret_ = (call); \
		if (ret_ != (wanted)) \
			return why("%s:%d: %s is %s, not %s", __FILE_NAME__, __LINE__, #call, \
				   err_name(ret_), err_name(wanted)); \
	} while (0)

#define CHECK_CASE(call) \
	do { \
		const char *why_ = (call); \
		if (why_ != NULL) \
			return why_; \
	} while (0)

/* A word for 0 or -errno. */
const char *
err_name(int ret);

/* Private memory that was written to; the program ends if there is none. */
uint8_t *
anon_new(uint64_t len);

/* Memory of any kind: flags and file as for mmap(2). */
uint8_t *
memory_new(uint64_t len, int prot, int flags, int fd);

/* Hugepages. */
uint8_t *
huge_new(uint64_t len);

/* A file without a name, of that length, from memfd_create(2). */
int
memfd_new(uint64_t len);

/* Bytes that iommufd has pinned for this process (VmPin). */
uint64_t
pinned_now(void);

struct rte_vfio_cdev_stats
stats_now(void);

/* rte_vfio_container_dma_map() and _unmap() of the default container: 0 or -rte_errno. */
int
map(const void *va, uint64_t iova, uint64_t len);

int
unmap(const void *va, uint64_t iova, uint64_t len);

#endif /* USERMEM_H */
