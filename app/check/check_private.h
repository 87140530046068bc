/* SPDX-License-Identifier: BSD-3-Clause */

/* What the checks share. Each says what it finds; one that has no subject says nothing. */

#ifndef CHECK_PRIVATE_H
#define CHECK_PRIVATE_H

#include <stdbool.h>
#include <unistd.h>

#include "checks.h"

#define DRIVER_LEN 64

struct check_device {
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	bool exists;
	bool has_group;			/* an IOMMU, or a VFIO driver that pretends one */
	char driver[DRIVER_LEN];	/* "" if none */
	int found;			/* what rte_vfio_cdev_find() said */
	struct rte_vfio_cdev_info info;	/* if found is 0 */
};

/* One run. What was found out about the machine before the first check is const. */
struct checkup {
	const struct host *host;
	const struct check_options *options;
	check_report_t report;
	void *arg;
	const char *name;		/* of the check that runs */
	const struct check_device *device;	/* that it is about, or NULL */
	enum check_verdict worst;

	struct check_device *devices;
	int count;
	int iommufd;			/* open /dev/iommu: 0 or -errno */
	int get_pa;			/* ask it for physical addresses: 0 or -errno */
	bool wants_noiommu;		/* not all devices have an IOMMU, as far as is known */
};

/* Report a finding of the check that runs. */
void
checkup_say(struct checkup *c, enum check_verdict verdict, const char *cure, const char *format,
	    ...) __attribute__((format(printf, 4, 5)));

/* A text that grows to what it has room for. */
struct text {
	size_t len;
	char buf[640];
};

void
text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add an element of a list. */
#define text_list(text, ...) \
	(text_add(text, "%s", (text)->len == 0 ? "" : ", "), text_add(text, __VA_ARGS__))

/* What the library advises about an error, or else something. */
const char *
advice_or(enum rte_vfio_cdev_step step, int err, const char *otherwise);

/* Is there a file? */
#define host_has(host, ...) (host_access(host, F_OK, __VA_ARGS__) == 0)

/* A number in a file of its own, or -1. */
long
host_number(const struct host *host, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* check_process.c: is it one of this process's effective capabilities? */
bool
process_has_cap(const struct host *host, unsigned int cap);

/* Is it in the initial user namespace, as far as can be seen? */
bool
process_is_initial(const struct host *host);

/* check_kernel.c: is a module in the kernel, whether sysfs shows it or not? */
bool
module_is_loaded(const struct host *host, const char *name);

/* check_memory.c: hugepages that are free, of all sizes; on a node or (-1) all of them. */
long
hugepages_free(const struct host *host, int node);

void check_app(struct checkup *c);
void check_capabilities(struct checkup *c);
void check_device_cdev(struct checkup *c);
void check_device_driver(struct checkup *c);
void check_device_in_use(struct checkup *c);
void check_device_node(struct checkup *c);
void check_device_numa(struct checkup *c);
void check_devices(struct checkup *c);
void check_dpdk(struct checkup *c);
void check_get_pa(struct checkup *c);
void check_group_in_use(struct checkup *c);
void check_group_node(struct checkup *c);
void check_group_viable(struct checkup *c);
void check_hugepage_limit(struct checkup *c);
void check_hugepage_mount(struct checkup *c);
void check_hugepages(struct checkup *c);
void check_iommufd_node(struct checkup *c);
void check_kernel_options(struct checkup *c);
void check_kernel_version(struct checkup *c);
void check_memlock(struct checkup *c);
void check_modules(struct checkup *c);
void check_noiommu_parameter(struct checkup *c);
void check_physical_addresses(struct checkup *c);
void check_sysfs(struct checkup *c);
void check_user_namespace(struct checkup *c);

#endif /* CHECK_PRIVATE_H */
