/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does DPDK call this library's functions instead of the EAL's? The linker has bound the
 * calls, and a wrong order shows nowhere: stock DPDK works all the same, with memory that
 * is not pinned.
 *
 * Where buses call this library but the EAL itself does not, devices are refused. Where
 * nothing calls it, only the constructor runs. It logs that, and with
 * RTE_VFIO_CDEV=require it drops the capability without which the kernel opens no device
 * that has no IOMMU (drivers/vfio/group.c, device_cdev.c).
 */

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include <linux/capability.h>

#include "eal_api.h"
#include "elf_binding.h"
#include "log_sink.h"
#include "policy.h"
#include "selfcheck.h"

#define LIBRARY "librte_bus_vfio_cdev.so"

/* In every program that has a driver of DPDK in it (RTE_PMD_REGISTER_PCI()). */
#define DRIVER_MARK "PMD_INFO_STRING= "
/* DPDK registers itself piece by piece (RTE_INIT()): 22.11's EAL alone has 39. */
#define DPDK_LEAST_CONSTRUCTORS 32

/* The calls of the EAL that must reach this library, and what happens if they do not. */
static const struct {
	const char *name;
	const char *harm;
} hooks[] = {
	{ "rte_mem_virt2iova", "it would use memory that is not pinned" },
	{ "rte_fbarray_set_free", "memory that it gives up would stay pinned" },
};

/* The functions of one EAL are used here, and the memory may be the other one's. */
static bool
eal_is_alone(const char *addr)
{
	const char *paths[2];

	if (eal_objects(paths, RTE_DIM(paths)) < RTE_DIM(paths))
		return true;
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: cannot set up over a cdev: two DPDKs are in this process, %s and %s: %s; "
		 "memory of one of them would not be pinned. Load drivers and libraries of one "
		 "release only (ldd, and -d of the EAL); RTE_VFIO_CDEV=off is stock DPDK",
		 addr, paths[0], paths[1], strerror(EOPNOTSUPP));
	return false;
}

bool
selfcheck_hooks(const char *addr)
{
	/* A function that no library interposes. */
	const void *eal = *(void *const *)&eal_api()->process_type;

	if (!eal_is_alone(addr))
		return false;
	for (size_t i = 0; i < RTE_DIM(hooks); i++) {
		if (!elf_binding_is_internal(eal, hooks[i].name))
			continue;
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: cannot set up over a cdev: librte_eal calls its own %s(): %s; %s. "
			 "Use a librte_eal that is built without -Bsymbolic-functions (and "
			 "-Bsymbolic) and loaded without RTLD_DEEPBIND; RTE_VFIO_CDEV=off is stock "
			 "DPDK",
			 addr, hooks[i].name, strerror(EOPNOTSUPP), hooks[i].harm);
		return false;
	}
	return true;
}

/* Of an EAL wherever it is in the order of look-up, or in a plug-in. */
static void *
function_find(const char *name)
{
	void *function = dlsym(RTLD_DEFAULT, name);

	return function != NULL ? function : eal_symbol(name);
}

/*
 * Before the EAL's own constructors have run there is no log type, and a line without one
 * is dropped: register one.
 */
static bool
line_to_eal(const char *line)
{
	__typeof__(rte_log_register_type_and_pick_level) *log_register;
	__typeof__(rte_log) *log;
	int type;

	*(void **)&log_register = function_find("rte_log_register_type_and_pick_level");
	*(void **)&log = function_find("rte_log");
	if (log_register == NULL || log == NULL)
		return false;
	type = log_register("bus.vfio_cdev", RTE_LOG_INFO);
	log(RTE_LOG_ERR, type < 0 ? RTE_LOGTYPE_EAL : type, "VFIO_CDEV: %s\n", line);
	return true;
}

/*
 * The log of a DPDK whose functions cannot be found is the system's, which may
 * be nowhere (in a container), and standard error. The options are set back.
 */
static void
line_to_system(const char *line)
{
	openlog(NULL, LOG_PERROR, LOG_USER);
	syslog(LOG_ERR, "VFIO_CDEV: %s", line);
	openlog(NULL, 0, LOG_USER);
	closelog();
}

/* For the calling thread, and those that it starts; at start there is no other. */
static void
rawio_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, sets) != 0)
		return;
	sets[CAP_TO_INDEX(CAP_SYS_RAWIO)].effective &= ~CAP_TO_MASK(CAP_SYS_RAWIO);
	sets[CAP_TO_INDEX(CAP_SYS_RAWIO)].permitted &= ~CAP_TO_MASK(CAP_SYS_RAWIO);
	sets[CAP_TO_INDEX(CAP_SYS_RAWIO)].inheritable &= ~CAP_TO_MASK(CAP_SYS_RAWIO);
	syscall(SYS_capset, &header, sets);
}

/* Nothing calls this library: log why, and what that means. */
static void
unused_report(const char *why, const char *result, const char *advice)
{
	char line[768];

	if (policy_demands(POLICY_REQUIRE)) {
		rawio_drop();
		result = "as RTE_VFIO_CDEV=require demands, the process has given up CAP_SYS_RAWIO "
			 "and cannot open a device without an IOMMU";
	}
	snprintf(line, sizeof(line), LIBRARY ": DPDK does not call it: %s: %s; %s; %s", why,
		 strerror(EOPNOTSUPP), result, advice);
	if (!line_to_eal(line))
		line_to_system(line);
}

static const char unpinned[] = "devices are left to stock DPDK, and the memory of those without "
			       "an IOMMU is not pinned";

static void
static_report(void)
{
	unused_report("DPDK is linked into the program statically", unpinned,
		      "link the program with DPDK's shared libraries");
}

/* See doc/dpdk-26.11.rst. */
static void
own_cdev_report(void)
{
	if (policy_demands(POLICY_OFF))
		return;
	unused_report("this DPDK (26.11 or later) has a cdev mode of its own, which pins no memory "
		      "before its address is known, compares no address with the kernel's, and "
		      "binds without the VF token if the kernel refuses it; the library steps "
		      "aside",
		      "devices are left to that mode",
		      "for what it does not do use DPDK 22.11 to 26.07");
}

static pthread_once_t own_cdev_once = PTHREAD_ONCE_INIT;

bool
selfcheck_steps_aside(void)
{
	if (eal_api() == NULL || !eal_has_own_cdev())
		return false;
	pthread_once(&own_cdev_once, own_cdev_report);
	return true;
}

/* Another object is first in the order of look-up: the program itself, or librte_eal. */
static void
order_report(const void *first)
{
	struct link_map *map;
	char why[256];
	Dl_info info;

	if (dladdr1(first, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map->l_name[0] == '\0') {
		static_report();
		return;
	}
	snprintf(why, sizeof(why), "%.128s comes before it", info.dli_fname);
	unused_report(why, unpinned, "link " LIBRARY " before DPDK, or preload it (LD_PRELOAD)");
}

static bool
has_many_constructors(const struct dl_phdr_info *program)
{
	const Elf64_Dyn *dyn = NULL;

	for (unsigned int i = 0; i < program->dlpi_phnum; i++)
		if (program->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
	for (; dyn != NULL && dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_INIT_ARRAYSZ)
			return dyn->d_un.d_val >= DPDK_LEAST_CONSTRUCTORS * sizeof(void *);
	return false;
}

/* Is the text in a segment of the program with these flags? *parts counts those. */
static bool
parts_have(const struct dl_phdr_info *program, uint32_t rights, const char *text,
	   unsigned int *parts)
{
	const Elf64_Phdr *part = program->dlpi_phdr;
	bool found = false;

	for (unsigned int i = 0; i < program->dlpi_phnum; i++, part++) {
		if (part->p_type != PT_LOAD || part->p_flags != rights)
			continue;
		(*parts)++;
		found |= memmem((const void *)(program->dlpi_addr + part->p_vaddr), part->p_memsz,
				text, strlen(text)) != NULL;
	}
	return found;
}

/*
 * Is there a driver of DPDK in the program? It may be stripped. Most programs without DPDK
 * have one constructor, and are not searched.
 */
static int
program_search(struct dl_phdr_info *program, size_t size, void *found)
{
	unsigned int parts = 0;

	(void)size;
	if (has_many_constructors(program)) {
		*(bool *)found = parts_have(program, PF_R, DRIVER_MARK, &parts);
		/* Some linkers put read-only data beside the code. */
		if (parts == 0)
			*(bool *)found = parts_have(program, PF_R | PF_X, DRIVER_MARK, &parts);
	}
	return 1; /* the program is the first */
}

/* Runs in every program that is started with the library preloaded: little, and quiet. */
__attribute__((constructor)) static void
selfcheck_start(void)
{
	static const char name[] = "rte_vfio_setup_device";
	const void *first = dlsym(RTLD_DEFAULT, name);
	bool found = false;

	if (policy_demands(POLICY_OFF))
		return;
	if (dlsym(RTLD_DEFAULT, EAL_OWN_CDEV_SETUP) != NULL)
		pthread_once(&own_cdev_once, own_cdev_report);
	else if (first != NULL && !elf_object_is_same(first, name))
		order_report(first);
	else if (policy_demands(POLICY_REQUIRE) && dlsym(RTLD_NEXT, name) == NULL &&
		 dl_iterate_phdr(program_search, &found) != 0 && found)
		static_report();
}
