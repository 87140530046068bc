/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A sysfs in a directory of its own:
 *
 *	<root>/bus/pci/devices/<addr>/numa_node
 *	<root>/bus/pci/devices/<addr>/vfio-dev/<name>/dev
 *	<root>/class/vfio-dev/<name>/dev
 */

#ifndef FAKE_SYSFS_H
#define FAKE_SYSFS_H

/*
 * Begin with an empty one. The directory is made at the first call and removed
 * at exit. What fails in here ends the process: it is the test machine's fault.
 */
void
fake_sysfs_reset(void);

const char *
fake_sysfs_root(void);

/* Where the devices are: what buses call sysfs_base. */
const char *
fake_sysfs_base(void);

/* A device with a cdev; dev (with its newline) may be NULL for no attribute. */
void
fake_sysfs_add(const char *addr, const char *name, const char *dev);

/* The same in another directory than fake_sysfs_base(), below the root. */
void
fake_sysfs_add_below(const char *dir, const char *addr, const char *name, const char *dev);

/* A file, with the directories above it; the path is below the root. */
void
fake_sysfs_write(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a symbolic link. */
void
fake_sysfs_link(const char *target, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a directory. */
void
fake_sysfs_mkdir(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* FAKE_SYSFS_H */
