/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The checks, and what they share. Each reports what it finds with checkup_add(), and
 * nothing if it does not apply. checks.c runs them in its order.
 */

#ifndef CHECK_PRIVATE_H
#define CHECK_PRIVATE_H

#include <stdbool.h>

#include "checks.h"
#include "facts.h"
#include "loader.h"

#define DRIVER_LEN 64
#define PAGEMAP "/proc/self/pagemap"

struct check_device {
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	char bus[24];  /* "pci"; "fsl-mc", "cdx", "platform" if it was named */
	char dir[112]; /* of the device in sysfs */
	bool exists;
	bool has_group;			/* an IOMMU, or a VFIO driver that pretends one */
	bool has_iommu;			/* a group that is not pretended */
	char driver[DRIVER_LEN];	/* "" if none */
	bool is_bifurcated;		/* DPDK works through that driver, without VFIO */
	bool is_uio;			/* DPDK works through that driver, without an IOMMU */
	bool is_cdevless;		/* used over UIO, or over a group without an IOMMU */
	int found;			/* what rte_vfio_cdev_find() returned */
	struct rte_vfio_cdev_info info; /* if found is 0 */
};

/* What io_uring does for devices that are used without a cdev. */
struct pin_probe {
	bool is_wanted;		      /* there is one, and the environment does not forbid it */
	enum rte_vfio_cdev_step step; /* that failed */
	int ret; /* pin memory, and read its address: 0 or -errno; -ECANCELED: turned off */
};

/* One run of the checks. */
struct checkup {
	const struct host *host;
	const struct check_options *options;
	check_report_t report;
	void *arg;
	const char *name;		   /* of the check that runs */
	const struct check_device *device; /* that it is about, or NULL */
	enum check_verdict worst;

	struct check_device *devices;
	int count;
	int iommufd; /* open /dev/iommu: 0 or -errno */
	int get_pa;  /* query a physical address: 0 or -errno */
	struct pin_probe pin;
	bool pins;	    /* pinned by io_uring, each device works without a cdev */
	bool older;	    /* and the kernel is older than the cdevs of its devices */
	bool wants_noiommu; /* not all devices have an IOMMU, as far as is known */
	bool wants_vfio;    /* not all devices are used through a bifurcated driver */
	bool named;	    /* the devices were, and each is needed; or else: all there are */
	bool others_work;   /* not named, and there is one that can be used */
};

/* Pin a page as the library does where there is no cdev. */
void
pin_probe(const struct host *host, const struct check_options *options, struct pin_probe *probe);

/* Read the devices, and what the kernel can do: 0 or -ENOMEM; checkup_close() either way. */
int
checkup_open(struct checkup *c);

void
checkup_close(struct checkup *c);

/* Report a finding of the check that runs, with its cure, if it has one. */
void
checkup_add(struct checkup *c, enum check_verdict verdict, const char *cure, const char *format,
	    ...) __attribute__((format(printf, 4, 5)));

/* Is a device, of which nothing is wrong but that it has an opener, needed? */
enum check_verdict
checkup_held(const struct checkup *c);

/* Something that only cdevs need is missing: do the devices work without? */
enum check_verdict
checkup_no_cdev(const struct checkup *c);

/* Is it a device whose memory io_uring would pin? */
bool
checkup_is_pinned(const struct checkup *c, const struct check_device *device);

/* Hugepages that this process cannot have: does it do without, or has its primary some? */
enum check_verdict
checkup_no_pages(const struct checkup *c);

/* A text to append to; what there is no room for is cut. */
struct text {
	size_t len;
	char buf[640];
};

void
text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add an element of a list. */
#define text_list(text, ...) \
	(text_add(text, "%s", (text)->len == 0 ? "" : ", "), text_add(text, __VA_ARGS__))

/*
 * Add a word of a command, such as a path, quoted if a shell would read it otherwise.
 * False if it cannot be written: not printable, or there is no room.
 */
bool
text_word(struct text *text, const char *word);

/* Add what this machine uses of a device, which unbinding it would cut. */
void
check_uses(const struct host *host, const struct check_device *device, struct text *uses);

/* The advice of the library on an error, or else the other text. */
const char *
advice_or(enum rte_vfio_cdev_step step, int err, const char *otherwise);

/* The ABI of "librte_eal.so.23", or 0. */
unsigned int
release_abi(const char *name);

/* Add the release of the librte_eal at a path, which has that ABI. */
void
release_add(const struct host *host, const char *path, unsigned int abi, struct text *text);

/* Of the librte_eal at this path. *cure is NULL for one that passes. */
enum check_verdict
release_judge(const struct host *host, const char *path, unsigned int abi, const char **cure);

/* Report which front a program needs, or why none works in it. */
void
program_front_add(struct checkup *c, const struct loader *loader,
		  const struct front_choice *choice);

/* clang-format off */
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
void check_io_uring(struct checkup *c);
void check_iommufd_node(struct checkup *c);
void check_kernel_options(struct checkup *c);
void check_kernel_version(struct checkup *c);
void check_memlock(struct checkup *c);
void check_mempolicy(struct checkup *c);
void check_modules(struct checkup *c);
void check_node_owner(struct checkup *c);
void check_noiommu_parameter(struct checkup *c);
void check_physical_addresses(struct checkup *c);
void check_preload(struct checkup *c);
void check_sysfs(struct checkup *c);
void check_user_namespace(struct checkup *c);
/* clang-format on */

#endif /* CHECK_PRIVATE_H */
