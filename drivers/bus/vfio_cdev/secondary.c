/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Devices of a secondary process. The primary has opened, bound and attached them, and
 * maps the memory that both use; it sends the open cdev. The secondary imports it, or
 * logs why it gets none.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctx.h"
#include "eal_api.h"
#include "log_sink.h"
#include "mp.h"
#include "policy.h"
#include "secondary.h"

#define PRELOAD "preload librte_bus_vfio_cdev.so there as well"

/*
 * The primary has locked its configuration file (eal.c, rte_eal_config_create()). A
 * secondary has no lock on it, which closing the file would release.
 */
static int
primary_pid(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd, pid = 0;

	snprintf(path, sizeof(path), "%s/config", eal_api()->runtime_dir());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		pid = lock.l_pid;
	close(fd);
	return pid;
}

static const struct {
	int err;
	const char *what; /* the primary process ... */
	const char *advice;
} refusals[] = {
	{ ETIMEDOUT, "does not answer", PRELOAD ", or try again if it was busy" },
	{ EAGAIN, "is not ready", "try again, or " PRELOAD },
	{ ECONNREFUSED, "is gone", "start it first" },
	{ ENOENT, "is gone", "start it first" },
	{ ENODEV, "has not set it up",
	  "allow the device there as well (-a), or block it here (-b)" },
	{ EPROTONOSUPPORT, "speaks another version",
	  "preload the same librte_bus_vfio_cdev.so in both" },
	{ EBADMSG, "sends what makes no sense",
	  "preload the same librte_bus_vfio_cdev.so in both" },
};

static void
policy_report(const struct rte_vfio_cdev_info *info, const struct mp_answer *answer)
{
	sink_log(
		RTE_VFIO_CDEV_LOG_ERR,
		"%s: cannot get %s: RTE_VFIO_CDEV=%s here, and %s in the primary process (pid %d): "
		"%s; set it to the same in both",
		info->addr, info->name, policy_name(policy_get()), policy_name(answer->policy),
		answer->pid, strerror(EINVAL));
}

static void
refusal_report(const struct rte_vfio_cdev_info *info, const struct mp_answer *answer, int err)
{
	const char *what = "cannot hand it out", *advice = "see its log";
	const int pid = answer->pid > 0 ? answer->pid : primary_pid();
	char process[24] = "";

	if (pid > 0)
		snprintf(process, sizeof(process), " (pid %d)", pid);
	for (size_t i = 0; i < RTE_DIM(refusals); i++) {
		if (refusals[i].err == err) {
			what = refusals[i].what;
			advice = refusals[i].advice;
		}
	}
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot get %s: the primary process%s %s: %s; %s",
		 info->addr, info->name, process, what, strerror(err), advice);
}

/* The primary uses its group then, unless the device is not allowed there. */
static bool
group_may_do(const struct rte_vfio_cdev_info *info, int ret)
{
	if (ret != -ENODEV || info->mode != RTE_VFIO_CDEV_TRANSLATED ||
	    policy_get() != POLICY_PREFER)
		return false;
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: going on with its VFIO group, since the primary process has not set it up "
		 "over %s; if the group fails, allow the device there as well (-a)",
		 info->addr, info->name);
	return true;
}

int
secondary_open(const struct rte_vfio_cdev_info *info, struct rte_vfio_cdev_device **cdev,
	       struct vfio_device_info *device_info)
{
	struct mp_answer answer;
	int fd, ret;

	ret = mp_request(info->addr, &answer, &fd);
	if (group_may_do(info, ret))
		return 1;
	if (ret == -EINVAL)
		policy_report(info, &answer);
	else if (ret < 0)
		refusal_report(info, &answer, -ret);
	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_device_import(backend_ctx(), info, fd, cdev);
	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_device_get_info(*cdev, device_info);
	if (ret < 0) {
		rte_vfio_cdev_device_close(*cdev);
		return ret;
	}
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: %s, %s, NUMA node %d, from the primary process (pid %d)", info->addr,
		 info->name, rte_vfio_cdev_mode_name(info->mode), info->numa_node, answer.pid);
	return 0;
}

/*
 * Stock could not set it up: does the primary have it open as a cdev? There is nothing to
 * log if the primary has no backend, or has it off as well.
 */
void
secondary_explain(const char *sysfs_base, const char *addr)
{
	struct rte_vfio_cdev_info info;
	struct mp_answer answer;

	if (eal_api()->process_type() != RTE_PROC_SECONDARY ||
	    rte_vfio_cdev_find(backend_ctx(), sysfs_base, addr, &info) < 0)
		return;
	if (mp_request(addr, &answer, NULL) == -EINVAL)
		policy_report(&info, &answer);
}
