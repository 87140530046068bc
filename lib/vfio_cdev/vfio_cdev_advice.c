/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Advice for errors: one table, so that the library, the backend and the command
 * line tool print the same. The causes are those of Linux 7.3,
 * drivers/vfio/{device_cdev,group,vfio_main}.c and drivers/iommu/iommufd.
 */

#include <errno.h>
#include <stddef.h>

#include "rte_vfio_cdev.h"

#define NEED_RAWIO \
	"CAP_SYS_RAWIO is needed in the initial user namespace: run as root or with " \
	"--cap-add SYS_RAWIO, not in a rootless container"
#define NEED_OWNER \
	"change the owner or mode of the node (\"dpdk-vfio-cdev udev\" prints a rule that gives " \
	"it to a group), or run as root"
#define NEED_CONFIG "it needs CONFIG_VFIO_DEVICE_CDEV, CONFIG_IOMMUFD and CONFIG_VFIO_NOIOMMU"

static const struct {
	enum rte_vfio_cdev_step step;
	int err;
	const char *text;
} advices[] = {
	{ RTE_VFIO_CDEV_STEP_FIND, ENODEV,
	  "bind the device to vfio-pci on Linux >= 7.3, without an IOMMU after setting "
	  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode to Y" },
	{ RTE_VFIO_CDEV_STEP_FIND, EOPNOTSUPP,
	  "the kernel gives this device no character device: " NEED_CONFIG },
	{ RTE_VFIO_CDEV_STEP_FIND, EINVAL,
	  "give the address as sysfs writes it, for PCI domain:bus:device.function" },
	{ RTE_VFIO_CDEV_STEP_FIND, ENOTUNIQ,
	  "a device has one cdev: check what is mounted over sysfs" },
	{ RTE_VFIO_CDEV_STEP_FIND, EBADMSG,
	  "its dev attribute should read major:minor: check what is mounted over sysfs" },
	{ RTE_VFIO_CDEV_STEP_FIND, ELOOP,
	  "symbolic links go in a circle: check what is mounted over sysfs" },
	{ RTE_VFIO_CDEV_STEP_OPEN, EPERM, NEED_RAWIO },
	{ RTE_VFIO_CDEV_STEP_OPEN, EACCES, NEED_OWNER },
	{ RTE_VFIO_CDEV_STEP_OPEN, ENOENT,
	  "a container needs the device's node and /dev/iommu (--device for each, or what "
	  "\"dpdk-vfio-cdev cdi\" prints on the host); elsewhere check udev" },
	{ RTE_VFIO_CDEV_STEP_OPEN, ENXIO,
	  "the node is not the device that sysfs shows: it was renamed or is left over; "
	  "make it again" },
	{ RTE_VFIO_CDEV_STEP_OPEN, ENODEV,
	  "the device is being removed or unbound from its driver" },
	{ RTE_VFIO_CDEV_STEP_IOMMUFD, ENOENT,
	  "load the module (modprobe iommufd), or pass the node to the container (--device "
	  "/dev/iommu; \"dpdk-vfio-cdev cdi\" on the host prints all that it needs); "
	  "RTE_VFIO_CDEV=off goes back to the group" },
	{ RTE_VFIO_CDEV_STEP_IOMMUFD, ENODEV, "load the module (modprobe iommufd)" },
	{ RTE_VFIO_CDEV_STEP_IOMMUFD, EACCES, NEED_OWNER },
	{ RTE_VFIO_CDEV_STEP_IOMMUFD, EPERM,
	  "allow the node in the container's device list (--device /dev/iommu)" },
	{ RTE_VFIO_CDEV_STEP_PROBE, ENOTTY,
	  "the kernel is older than Linux 7.3; RTE_VFIO_CDEV=off goes back to the group" },
	{ RTE_VFIO_CDEV_STEP_PROBE, EOPNOTSUPP,
	  "the kernel was built without CONFIG_IOMMUFD_NOIOMMU (CONFIG_VFIO_NOIOMMU)" },
	{ RTE_VFIO_CDEV_STEP_PROBE, EPERM, NEED_RAWIO },
	{ RTE_VFIO_CDEV_STEP_BIND, EPERM,
	  "all devices of an IOMMU group belong to one program: bind the others to vfio-pci, "
	  "and use them there as well; if none is named here, the platform does not isolate "
	  "interrupts: if all programs are trusted, set "
	  "/sys/module/iommufd/parameters/allow_unsafe_interrupts to Y" },
	{ RTE_VFIO_CDEV_STEP_BIND, EBUSY,
	  "the device's VFIO group is open, here or in another program: close it "
	  "(fuser -v /dev/vfio/*)" },
	{ RTE_VFIO_CDEV_STEP_BIND, EINVAL,
	  "another program has bound the device, or a process still has the file of one "
	  "that did: stop it (fuser -v /dev/vfio/devices/*); or a VF token was given for a "
	  "device without SR-IOV" },
	{ RTE_VFIO_CDEV_STEP_BIND, EACCES,
	  "the device wants the VF token of its physical function (--vfio-vf-token)" },
	{ RTE_VFIO_CDEV_STEP_BIND, ENODEV,
	  "the device is being removed or unbound from its driver" },
	{ RTE_VFIO_CDEV_STEP_BIND, EAGAIN, "the device is being reset: try again" },
	{ RTE_VFIO_CDEV_STEP_ATTACH, EBUSY, "the device is being reset: try again" },
	{ RTE_VFIO_CDEV_STEP_ATTACH, EADDRINUSE,
	  "memory is mapped where the device's IOMMU cannot reach it: see the line before, and "
	  "set up this device first" },
	{ RTE_VFIO_CDEV_STEP_ATTACH, EXDEV,
	  "devices with and without an IOMMU cannot share an address space" },
	{ RTE_VFIO_CDEV_STEP_ATTACH, ENOMEM,
	  "memory is short, or RLIMIT_MEMLOCK (ulimit -l) is too small: raise it or grant "
	  "CAP_IPC_LOCK" },
	{ RTE_VFIO_CDEV_STEP_ATTACH, EINVAL,
	  "the device and the address space do not fit: see the kernel's log (dmesg)" },
	{ RTE_VFIO_CDEV_STEP_MAP, ENOMEM,
	  "memory is short, or RLIMIT_MEMLOCK (ulimit -l) is smaller than the hugepages: "
	  "raise it or grant CAP_IPC_LOCK" },
	{ RTE_VFIO_CDEV_STEP_MAP, EFAULT, "the memory is absent, read-only, or a device's" },
	{ RTE_VFIO_CDEV_STEP_MAP, EOPNOTSUPP,
	  "io_uring pins no memory of regular files: use anonymous, shared or hugetlb memory" },
	{ RTE_VFIO_CDEV_STEP_MAP, EEXIST,
	  "another mapping has this IOVA, or this memory at another one: unmap it first" },
	{ RTE_VFIO_CDEV_STEP_MAP, ENODEV,
	  "set up a device first: without one the kernel pins nothing" },
	{ RTE_VFIO_CDEV_STEP_MAP, EINVAL,
	  "address, IOVA and length must be multiples of the page size, and length not 0" },
	{ RTE_VFIO_CDEV_STEP_MAP, ERANGE,
	  "map it elsewhere; the EAL's memory is moved by --iova-mode (pa or va) and "
	  "--base-virtaddr" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EOPNOTSUPP,
	  "there is an IOMMU, so that devices do not see physical addresses: map the memory at "
	  "an IOVA" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EADDRNOTAVAIL,
	  "the page does not have the given address: it was moved before it was pinned, or "
	  "freed while it was mapped, or the IOVA is not a physical address; allocate it again, "
	  "set up a device before addresses are queried, and keep hugepages out of CMA and "
	  "ZONE_MOVABLE" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EINVAL,
	  "the memory is not one page of this size: give the size of the page it is in" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EPERM,
	  "CAP_SYS_RAWIO was dropped after the start, but each new page needs it: keep it, or take "
	  "all memory at the start" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EACCES,
	  "pagemap shows no addresses to a process that was started without CAP_SYS_ADMIN" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, ENOENT,
	  "the mapping is gone: another user of the same iommufd has unmapped it" },
	{ RTE_VFIO_CDEV_STEP_VERIFY, EPROTO,
	  "the kernel's answer makes no sense: report it with the kernel's version" },
	{ RTE_VFIO_CDEV_STEP_URING, ENOSYS,
	  "the kernel was built without CONFIG_IO_URING, or the seccomp profile of a container "
	  "hides io_uring: allow io_uring_setup and io_uring_register" },
	{ RTE_VFIO_CDEV_STEP_URING, EACCES,
	  "a security module such as SELinux forbids it: allow it there" },
	{ RTE_VFIO_CDEV_STEP_URING, EPERM,
	  "it is forbidden: by kernel.io_uring_disabled (set it to 0), by the seccomp profile of a "
	  "container (allow io_uring_setup and io_uring_register), or by a security module" },
	{ RTE_VFIO_CDEV_STEP_URING, EINVAL, "it needs Linux >= 5.13" },
	{ RTE_VFIO_CDEV_STEP_URING, ENOMEM,
	  "memory is short, or RLIMIT_MEMLOCK (ulimit -l) is too small: raise it or grant "
	  "CAP_IPC_LOCK" },
	{ RTE_VFIO_CDEV_STEP_URING, ENFILE, "raise fs.file-max" },
	{ RTE_VFIO_CDEV_STEP_URING, EMFILE, "raise the limit of open files (ulimit -n)" },
	{ RTE_VFIO_CDEV_STEP_UNMAP, ENOENT, "nothing is mapped there" },
	{ RTE_VFIO_CDEV_STEP_UNMAP, EOPNOTSUPP,
	  "begin and end with whole pages, and where there is an IOMMU with whole mappings" },
	{ RTE_VFIO_CDEV_STEP_IMPORT, ENXIO,
	  "it is not the device that sysfs shows here: the two processes see different machines" },
	{ RTE_VFIO_CDEV_STEP_IMPORT, ENOTTY, "it is no device: do not trust its sender" },
	{ RTE_VFIO_CDEV_STEP_IMPORT, EBADF, "no file came with the message" },
	{ RTE_VFIO_CDEV_STEP_IMPORT, EEXIST,
	  "it did not come with the message, this process had it before" },
};

const char *
rte_vfio_cdev_advice(enum rte_vfio_cdev_step step, int err)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].step == step && advices[i].err == err)
			return advices[i].text;
	return "";
}
