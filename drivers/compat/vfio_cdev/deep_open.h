/* SPDX-License-Identifier: BSD-3-Clause */

/* Plug-ins that their host opens with RTLD_DEEPBIND. */

#ifndef COMPAT_VFIO_CDEV_DEEP_OPEN_H
#define COMPAT_VFIO_CDEV_DEEP_OPEN_H

/* dlopen(3) of a path, with RTLD_DEEPBIND among the flags. */
void *
deep_open(const char *file, int flags);

#endif /* COMPAT_VFIO_CDEV_DEEP_OPEN_H */
