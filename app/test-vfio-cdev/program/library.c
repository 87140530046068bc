/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"
#include "library.h"

#define OPENERS 64 /* of a device, that are looked at */

/* Why it cannot be preloaded, or NULL. A position-independent program is of ET_DYN, too. */
static const char *
library_flaw(const struct elf_file *file, int err)
{
	static const char *const flaws[] = {
		[ELF_FILE_NONE] = "not a 64-bit shared library",
		[ELF_FILE_32_BIT] = "not a 64-bit shared library",
		[ELF_FILE_FOREIGN] = "a library for another kind of machine",
		[ELF_FILE_OURS] = "not a shared library",
	};

	if (err == 0 && elf64_getehdr(file->elf)->e_type == ET_DYN && file->interpreter == NULL &&
	    file->n_dynamic != 0)
		return NULL;
	return flaws[file->kind];
}

/* ld.so(8): a name without a slash is looked for in the library path, not here. */
enum verdict
library_check(const char *library, struct result *result, char path[PATH_MAX])
{
	struct elf_file file;
	const char *flaw;
	int ret;

	if (strchr(library, '/') == NULL)
		return result_error(result,
				    "%s: give the path of the backend with --library: without a "
				    "slash it is not a file to the dynamic linker",
				    library);
	if (realpath(library, path) == NULL)
		return result_error(result, "%s: %s: name the backend with --library", library,
				    strerror(errno));
	/* LD_PRELOAD has no way to quote them. */
	if (strpbrk(path, " :") != NULL)
		return result_error(result, "%s: there may be no blank and no colon in this path",
				    path);
	ret = elf_file_open(path, &file);
	if (ret != 0 && ret != -ENOEXEC)
		return result_error(result, "%s: %s: name the backend with --library", library,
				    strerror(-ret));
	flaw = library_flaw(&file, ret);
	if (ret == 0)
		elf_file_close(&file);
	if (flaw != NULL)
		return result_error(result, "%s: %s: name the backend with --library", library,
				    flaw);
	return VERDICT_PASS;
}

static bool
devices_have(const json_t *devices, const char *addr)
{
	const json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
		if (json_is_string(device) && strcmp(json_string_value(device), addr) == 0)
			return true;
	return false;
}

enum verdict
library_devices(const json_t *answer, const char *const *addrs, unsigned int count, char *what,
		size_t size, struct result *result)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	const json_t *devices = json_object_get(answer, "devices");
	const json_int_t has = json_integer_value(json_object_get(answer, "count"));

	/* lib/telemetry/telemetry.c, unknown_command() */
	if (json_is_null(answer)) {
		snprintf(what, size,
			 "runs without the backend, which LD_PRELOAD has not brought into it: is "
			 "there a wrapper that clears the environment, or has it file capabilities "
			 "(setcap), or is it static?");
		return VERDICT_FAIL;
	}
	if (error != NULL)
		return result_error(result, "/vfio_cdev/devices: %s", error);
	if (!json_is_array(devices) || !json_is_integer(json_object_get(answer, "count")))
		return result_error(result,
				    "/vfio_cdev/devices: neither count nor devices: is the "
				    "backend of another version?");
	for (unsigned int i = 0; i < count; i++) {
		if (devices_have(devices, addrs[i]))
			continue;
		snprintf(what, size, "has %lld of %u devices over the backend: %s is none of them",
			 (long long)has, count, addrs[i]);
		return VERDICT_FAIL;
	}
	if (has == (json_int_t)count)
		return VERDICT_PASS;
	snprintf(what, size, "has %lld devices over the backend, where %u were wanted",
		 (long long)has, count);
	return VERDICT_FAIL;
}

/* Is the process one of them? Or -errno. */
static int
is_opener(int (*list)(const struct rte_vfio_cdev_ctx *, const struct rte_vfio_cdev_info *,
		      struct rte_vfio_cdev_opener *, unsigned int),
	  const struct host *host, const struct rte_vfio_cdev_info *info, pid_t pid)
{
	struct rte_vfio_cdev_opener openers[OPENERS];
	const int count = list(host->ctx, info, openers, OPENERS);

	for (int i = 0; i < count && i < OPENERS; i++)
		if (openers[i].pid == pid)
			return 1;
	return count < 0 ? count : 0;
}

enum verdict
library_opened(const struct host *host, pid_t pid, const struct rte_vfio_cdev_info *info,
	       char *what, size_t size, struct result *result)
{
	const int readable = host_access(host, R_OK, "/proc/%d/fd", (int)pid);
	const int cdev = is_opener(rte_vfio_cdev_openers, host, info, pid);
	const int group = is_opener(rte_vfio_cdev_group_openers, host, info, pid);
	int err = readable < 0 ? readable : cdev;

	if (err >= 0 && group != -ENODEV)
		err = group;
	if (err < 0)
		return result_error(result, "cannot list the files that process %d has open: %s",
				    (int)pid, strerror(-err));
	if (cdev == 0)
		snprintf(what, size,
			 "reports %s over the backend, but does not have its cdev %s open",
			 info->addr, info->name);
	else if (group > 0)
		snprintf(what, size, "has the VFIO group of %s open, as stock DPDK does",
			 info->addr);
	return cdev > 0 && group <= 0 ? VERDICT_PASS : VERDICT_FAIL;
}
