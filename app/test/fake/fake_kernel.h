/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A kernel behind struct iommufd_sys: /dev/iommu, VFIO cdevs, io_uring's buffers, pagemap and
 * the errors of Linux 7.3, in this process, with nothing real behind it.
 *
 *	node (path, device number) <-- file (fd) --> ctx (iommufd)
 *	                                              |-- IOAS, HWPT
 *	                                              +-- areas, pinned once the
 *	                                                  IOAS has a HWPT
 *
 * A ctx lives while its file or a bound cdev does, as in the kernel. Memory is
 * never touched, so that tests make up addresses: FAKE_VA() and fake_phys().
 */

#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "iommufd.h"

/* The size of base pages: 4096, or $FAKE_PAGE, as on arm64. */
#define FAKE_PAGE fake_page
#define FAKE_IOMMU "/dev/iommu"
#define FAKE_CDEV(name) "/dev/vfio/devices/" name
#define FAKE_MAJOR 510
#define FAKE_TOKEN_LEN 16
#define FAKE_RESERVED 40
/* What an ioctl takes, if no other thread makes one meanwhile. */
#define FAKE_IOCTL_NS 1000

/* User memory that is at FAKE_PHYS() of the same offset. */
#define FAKE_VA(offset) ((void *)(uintptr_t)(UINT64_C(0x7f0000000000) + (offset)))
#define FAKE_PHYS(offset) (UINT64_C(0x100000000) + (offset))

enum fake_op {
	FAKE_OPEN,
	FAKE_RDEV,
	FAKE_BIND,
	FAKE_ATTACH,
	FAKE_DETACH,
	FAKE_GET_INFO,
	FAKE_IOAS_ALLOC,
	FAKE_HWPT_ALLOC,
	FAKE_RANGES,
	FAKE_DESTROY,
	FAKE_MAP,
	FAKE_UNMAP,
	FAKE_COPY,
	FAKE_GET_PA,
	FAKE_CLOSE_CDEV,
	FAKE_CLOSE_IOMMU,
	FAKE_DUP,
	FAKE_ADOPT,
	FAKE_VMA,
	FAKE_RING_OPEN,
	FAKE_RING_BUFFERS,
	FAKE_RING_PIN,
	FAKE_RING_UNPIN,
	FAKE_PAGEMAP,
	FAKE_OPS,
};

/* How the machine is; fake_reset() makes it a good one. */
struct fake_machine {
	bool rawio;	      /* does the caller have CAP_SYS_RAWIO? */
	bool admin;	      /* and CAP_SYS_ADMIN, for pagemap? */
	int get_pa_error;     /* ENOTTY: older kernel; EOPNOTSUPP: not built in */
	uint64_t memlock;     /* RLIMIT_MEMLOCK in bytes */
	uint64_t pa_offset;   /* added to GET_PA's addresses, to make them wrong */
	uint64_t pa_run;      /* the most bytes that GET_PA returns */
	uint64_t pa_length;   /* if not UINT64_MAX: GET_PA returns this, wrongly */
	uint64_t vma_page;    /* the size of all pages; 0: the kernel does not report it */
	int maps_error;	      /* errno of open() of /proc/self/maps, or 0 */
	bool maps_lost;	      /* its number is that of another file, until it is opened again */
	unsigned int bind_ms; /* what BIND takes, while others go on; 0 ends it */
	unsigned int map_ms;  /* and MAP */
	const void *restless; /* a page that is moved before each ioctl unless it is pinned */
	const void *swapped;  /* a page that is swapped out, for fake_mincore.c */
};

struct fake_holds {
	unsigned int files;
	unsigned int areas;
	uint64_t pinned;
};

struct fake_node {
	char path[64];
	dev_t rdev;
	int open_error;	   /* errno of open(), or 0 */
	bool group_open;   /* another program has the group open */
	bool bound;	   /* by this or another program */
	const void *token; /* the VF token that the device wants, or NULL */
	/* what its IOMMU does not translate, unless it has none ("noiommu" in the path) */
	struct {
		uint64_t start;
		uint64_t last; /* 0: no such range */
	} reserved[FAKE_RESERVED];
};

/*
 * Memory that is mapped in one piece, for those who look for it. Where there is none of this
 * list, private memory of fake.vma_page is mapped.
 */
struct fake_vma {
	const void *va;
	uint64_t len;
	uint64_t page_size;
	bool shared;
	dev_t dev;
	uint64_t inode;	 /* of its file; 0: none */
	uint64_t offset; /* of va in the file */
};

/* Not thread-safe, unlike fake_sys itself: for one thread, before or after. */
extern const struct iommufd_sys fake_sys;
extern struct fake_machine fake;
extern uint64_t fake_page;

/* Forget everything; only /dev/iommu is there then. */
void
fake_reset(void);

struct fake_node *
fake_node_add(const char *path, unsigned int major, unsigned int minor);

/* The node of a path, or NULL. */
struct fake_node *
fake_node(const char *path);

void
fake_node_remove(const char *path);

/* On the clock of iommufd_sys.now(). */
void
fake_time_passes(uint64_t ns);

/* Let the nth call from now on (1: the next) fail, and only that one. */
void
fake_fail(enum fake_op op, unsigned int nth, int err);

/* And all after it, until err is 0. */
void
fake_fail_from(enum fake_op op, unsigned int nth, int err);

/* Calls since the last fake_reset(), the failed ones included. */
unsigned int
fake_calls(enum fake_op op);

/* The same in the order they came, a letter a call: see fake_kernel.c. */
const char *
fake_trace(void);

struct fake_holds
fake_holds(void);

/* The fd that a process gets if this one is sent to it: not close-on-exec. */
int
fake_send(int fd);

/* How often the page is pinned that was at phys when it was pinned through this VA. */
unsigned int
fake_pins(const void *va, uint64_t phys);

/* Bytes unpinned while a device was bound that could reach them. */
uint64_t
fake_unpinned_live(void);

/* Those of them that had been pinned before the last fake_mark(), unpinned after it. */
uint64_t
fake_unpinned_old(void);

void
fake_mark(void);

/* The most bytes that one GET_PA asked for. */
uint64_t
fake_pa_asked(void);

/* close() and ioctl() of what is not open. */
unsigned int
fake_bad_fds(void);

/* How often /proc/self/maps is open. It is not one of the files of fake_holds(). */
unsigned int
fake_maps_opened(void);

uint64_t
fake_phys(const void *va);

/*
 * Let the page at va be at phys from now on. A mapping that is pinned keeps the
 * page that it has, as if the memory had been freed under it.
 */
void
fake_page_move(const void *va, uint64_t phys);

/* There is no memory at va any more. */
void
fake_page_remove(const void *va);

/* None of these overlaps another. A page has the address that fake_page_move() gives it. */
void
fake_vma_add(const struct fake_vma *vma);

void
fake_vma_remove(const void *va);

#endif /* FAKE_KERNEL_H */
