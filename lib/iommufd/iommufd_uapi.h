/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The part of the kernel's iommufd, VFIO cdev and procfs interface that this project
 * uses, declared here because build hosts carry older headers. Sizes, offsets
 * and request numbers are compared with the headers of a real Linux >= 7.3 by
 * app/test/vm/deployment/test_uapi.py.
 *
 * Linux: include/uapi/linux/{iommufd,vfio,fs}.h
 */

#ifndef IOMMUFD_UAPI_H
#define IOMMUFD_UAPI_H

#include <stdint.h>
#include <sys/ioctl.h>

/* The first two interfaces use ioctl numbers that carry no size: each struct does. */
#define IFD_DESTROY _IO(';', 0x80)
#define IFD_IOAS_ALLOC _IO(';', 0x81)
#define IFD_IOAS_COPY _IO(';', 0x83)
#define IFD_IOVA_RANGES _IO(';', 0x84)
#define IFD_IOAS_MAP _IO(';', 0x85)
#define IFD_IOAS_UNMAP _IO(';', 0x86)
#define IFD_HWPT_ALLOC _IO(';', 0x89)
#define IFD_NOIOMMU_GET_PA _IO(';', 0x95)
#define IFD_VFIO_GET_INFO _IO(';', 100 + 7)
#define IFD_VFIO_BIND _IO(';', 100 + 18)
#define IFD_VFIO_ATTACH _IO(';', 100 + 19)
#define IFD_VFIO_DETACH _IO(';', 100 + 20)

#define IFD_PROCMAP_QUERY _IOWR('f', 17, struct ifd_procmap_query)

#define IFD_MAP_FIXED_IOVA (UINT32_C(1) << 0)
#define IFD_MAP_WRITEABLE (UINT32_C(1) << 1)
#define IFD_MAP_READABLE (UINT32_C(1) << 2)

#define IFD_VMA_SHARED UINT64_C(0x08)
#define IFD_VMA_COVERING_OR_NEXT UINT64_C(0x10)
#define IFD_VMA_FILE_BACKED UINT64_C(0x20)

#define IFD_BIND_TOKEN (UINT32_C(1) << 0)

struct ifd_destroy {
	uint32_t size;
	uint32_t id;
};

struct ifd_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct ifd_iova_range {
	uint64_t start __attribute__((aligned(8)));
	uint64_t last __attribute__((aligned(8)));
};

struct ifd_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas __attribute__((aligned(8)));
	uint64_t out_iova_alignment __attribute__((aligned(8)));
};

struct ifd_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va __attribute__((aligned(8)));
	uint64_t length __attribute__((aligned(8)));
	uint64_t iova __attribute__((aligned(8)));
};

struct ifd_ioas_copy {
	uint32_t size;
	uint32_t flags;
	uint32_t dst_ioas_id;
	uint32_t src_ioas_id;
	uint64_t length __attribute__((aligned(8)));
	uint64_t dst_iova __attribute__((aligned(8)));
	uint64_t src_iova __attribute__((aligned(8)));
};

struct ifd_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova __attribute__((aligned(8)));
	uint64_t length __attribute__((aligned(8)));
};

struct ifd_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len;
	uint64_t data_uptr __attribute__((aligned(8)));
	uint32_t fault_id;
	uint32_t reserved2;
};

struct ifd_noiommu_get_pa {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t iova __attribute__((aligned(8)));
	uint64_t length __attribute__((aligned(8)));
	uint64_t out_phys __attribute__((aligned(8)));
};

struct ifd_vfio_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr __attribute__((aligned(8)));
};

struct ifd_vfio_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};

struct ifd_vfio_detach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

struct ifd_procmap_query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

#endif /* IOMMUFD_UAPI_H */
