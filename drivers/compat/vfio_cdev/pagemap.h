/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * /proc/self/pagemap: the frame numbers in it are those of pages that are pinned, as the IOAS
 * reports them.
 */

#ifndef COMPAT_VFIO_CDEV_PAGEMAP_H
#define COMPAT_VFIO_CDEV_PAGEMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "marks.h"

/* Files that may be pagemap. */
extern struct marks pagemap_marks;

/* A file of it was opened. */
void
pagemap_opened(int fd);

/* read(2), or pread(2) where an offset is given, of a file that may be pagemap. */
ssize_t
pagemap_read(int fd, void *buffer, size_t size);

ssize_t
pagemap_pread(int fd, void *buffer, size_t size, off_t offset);

#endif /* COMPAT_VFIO_CDEV_PAGEMAP_H */
