/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A machine for the checks, as files below a directory and a fake kernel: one on
 * which all is well, of which a test then takes something away.
 */

#ifndef MACHINE_H
#define MACHINE_H

#include "asserts.h"
#include "checks.h"
#include "fake_sysfs.h"

#define MACHINE_ADDR "0000:00:03.0"
#define MACHINE_NODE "dev/vfio/devices/noiommu-vfio0"
#define MACHINE_DEVICE "sys/bus/pci/devices/" MACHINE_ADDR

#define PARAMETER "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_start, machine_end)

/* What get_mempolicy() of the machine ends with: 0 or an errno. */
extern int machine_mempolicy_error;

/* cmocka's setup and teardown: a good machine. */
int
machine_start(void **state);

int
machine_end(void **state);

/* Remove a file, or a directory with what is in it. */
void
machine_remove(const char *path);

/* Add a PCI device that nothing is known of but its driver ("" for none). */
void
machine_device_add(const char *addr, const char *driver);

/* Let a process have a file open. */
void
machine_process_add(int pid, const char *name, const char *file);

void
machine_copy(const char *from, const char *path);

/* Run the checks on all devices, on one, on two, or for a program; the worst verdict. */
int
machine_check(void);

int
machine_check_device(const char *addr);

int
machine_check_devices(const char *first, const char *second);

int
machine_check_app(const char *app);

int
machine_check_options(const struct check_options *options);

/* What a check has found: its verdict, and parts of its sentence and of the cure (or NULL). */
void
assert_finding(const char *check, enum check_verdict verdict, const char *text, const char *cure);

/* And of which device. */
void
assert_finding_of(const char *device, const char *check, enum check_verdict verdict,
		  const char *text, const char *cure);

/* Each cure of a check is without this text. */
void
assert_no_cure(const char *check, const char *cure);

void
assert_no_finding(const char *check);

#endif /* MACHINE_H */
