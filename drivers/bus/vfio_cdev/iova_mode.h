/* SPDX-License-Identifier: BSD-3-Clause */

/* The IOVA mode that the EAL chooses where its options name none. */

#ifndef BUS_VFIO_CDEV_IOVA_MODE_H
#define BUS_VFIO_CDEV_IOVA_MODE_H

/* Once it is chosen: log that it is PA because of this library. */
void
iova_mode_report(void);

#endif /* BUS_VFIO_CDEV_IOVA_MODE_H */
