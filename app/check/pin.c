/* SPDX-License-Identifier: BSD-3-Clause */

/* What is in the way of pinning memory by io_uring, for devices without a cdev. */

#include <errno.h>
#include <string.h>

#include <linux/capability.h>

#include "check_private.h"

#define SWITCH "/proc/sys/kernel/io_uring_disabled"

/* io_uring/io_uring.c, io_uring_allowed(): 2 is for all, 1 for those without CAP_SYS_ADMIN. */
static bool
switch_forbids(const struct host *host)
{
	const long value = host_number(host, 10, SWITCH);

	return value == 2 || (value == 1 && !process_has_cap(host, CAP_SYS_ADMIN));
}

static bool
has_seccomp(const struct host *host)
{
	char line[32];

	return host_find(host, line, sizeof(line), "Seccomp:*2", "/proc/self/status") >= 0;
}

/* Whichever forbids it gives the same error; Podman's seccomp profile gives ENOSYS. */
static void
forbidden_add(const struct checkup *c, struct text *why, struct text *cure)
{
	if (switch_forbids(c->host)) {
		text_add(why, "kernel.io_uring_disabled forbids it");
		text_add(cure, "allow it, here or on the host of the container: echo 0 >" SWITCH);
	} else if (has_seccomp(c->host)) {
		text_add(why, "the seccomp profile of this process forbids it, as Docker's does");
		text_add(cure,
			 "start the container with a profile that allows io_uring_setup and "
			 "io_uring_register too (--security-opt seccomp=FILE), as the page Kernels "
			 "without cdevs of the documentation makes one");
	} else {
		text_add(why, "a security module such as SELinux forbids it");
		text_add(cure,
			 "allow the program io_uring in its policy (SELinux: class io_uring; see "
			 "its log for what was denied)");
	}
}

static void
reason_add(const struct checkup *c, struct text *why, struct text *cure)
{
	const int err = c->pin.ret;

	if (c->pin.step == RTE_VFIO_CDEV_STEP_URING &&
	    (err == -EPERM || err == -EACCES || (err == -ENOSYS && has_seccomp(c->host)))) {
		forbidden_add(c, why, cure);
		return;
	}
	text_add(why, "%s%s", c->pin.step == RTE_VFIO_CDEV_STEP_VERIFY ? PAGEMAP ": " : "",
		 strerror(-err));
	if (c->pin.step == RTE_VFIO_CDEV_STEP_VERIFY)
		text_add(
			cure,
			"run it as root, or in a container with --cap-add SYS_ADMIN, without which "
			"pagemap shows no addresses");
	else
		text_add(cure, "%s",
			 advice_or(c->pin.step, err,
				   "report it with the kernel's version (uname -a)"));
}

/* Programs start without it, as with stock DPDK: the library warns, and pins nothing. */
void
check_io_uring(struct checkup *c)
{
	struct text why = { 0 }, cure = { 0 };

	if (!c->pin.is_wanted)
		return;
	if (c->pin.ret == -ECANCELED) {
		checkup_add(
			c, CHECK_WARN, "unset RTE_VFIO_CDEV_PIN, or set it to auto",
			"RTE_VFIO_CDEV_PIN=off: memory of devices without a cdev is not pinned, "
			"and the kernel may move it while they use it");
		return;
	}
	if (c->pin.ret == 0) {
		checkup_add(c, CHECK_PASS, NULL,
			    "memory of devices without a cdev can be pinned by io_uring; its "
			    "addresses come from pagemap, which needs CAP_SYS_ADMIN, and are not "
			    "confirmed by an IOAS");
		return;
	}
	reason_add(c, &why, &cure);
	checkup_add(
		c, CHECK_FAIL, cure.buf,
		"memory of devices without a cdev cannot be pinned by io_uring: %s; programs "
		"go on with stock DPDK's way, and the kernel may move memory that a device uses",
		why.buf);
}
