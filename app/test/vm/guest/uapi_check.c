/* SPDX-License-Identifier: BSD-3-Clause */

/* Compiles only if our declarations are those of the kernel's own headers. */

#include <stddef.h>

#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "iommufd_uapi.h"
#include "uring_uapi.h"
#include "vfio_uapi.h"

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), #ours " differs from " #theirs)
#define SAME_SIZE(ours, theirs) SAME(sizeof(struct ours), sizeof(struct theirs))
#define SAME_MEMBER(ours, mine, theirs, kernels) \
	SAME(offsetof(struct ours, mine), offsetof(struct theirs, kernels)); \
	SAME(sizeof(((struct ours *)0)->mine), sizeof(((struct theirs *)0)->kernels))

SAME(IFD_DESTROY, IOMMU_DESTROY);
SAME(IFD_IOAS_ALLOC, IOMMU_IOAS_ALLOC);
SAME(IFD_IOAS_COPY, IOMMU_IOAS_COPY);
SAME(IFD_IOVA_RANGES, IOMMU_IOAS_IOVA_RANGES);
SAME(IFD_IOAS_MAP, IOMMU_IOAS_MAP);
SAME(IFD_IOAS_UNMAP, IOMMU_IOAS_UNMAP);
SAME(IFD_HWPT_ALLOC, IOMMU_HWPT_ALLOC);
SAME(IFD_NOIOMMU_GET_PA, IOMMU_IOAS_NOIOMMU_GET_PA);
SAME(IFD_VFIO_GET_INFO, VFIO_DEVICE_GET_INFO);
SAME(IFD_VFIO_BIND, VFIO_DEVICE_BIND_IOMMUFD);
SAME(IFD_VFIO_ATTACH, VFIO_DEVICE_ATTACH_IOMMUFD_PT);
SAME(IFD_VFIO_DETACH, VFIO_DEVICE_DETACH_IOMMUFD_PT);
SAME(IFD_PROCMAP_QUERY, PROCMAP_QUERY);
SAME(IFD_VMA_SHARED, PROCMAP_QUERY_VMA_SHARED);
SAME(IFD_VMA_COVERING_OR_NEXT, PROCMAP_QUERY_COVERING_OR_NEXT_VMA);
SAME(IFD_VMA_FILE_BACKED, PROCMAP_QUERY_FILE_BACKED_VMA);

SAME(IFD_MAP_FIXED_IOVA, IOMMU_IOAS_MAP_FIXED_IOVA);
SAME(IFD_MAP_WRITEABLE, IOMMU_IOAS_MAP_WRITEABLE);
SAME(IFD_MAP_READABLE, IOMMU_IOAS_MAP_READABLE);
SAME(IFD_BIND_TOKEN, VFIO_DEVICE_BIND_FLAG_TOKEN);

SAME_SIZE(ifd_destroy, iommu_destroy);
SAME_MEMBER(ifd_destroy, size, iommu_destroy, size);
SAME_MEMBER(ifd_destroy, id, iommu_destroy, id);

SAME_SIZE(ifd_ioas_alloc, iommu_ioas_alloc);
SAME_MEMBER(ifd_ioas_alloc, size, iommu_ioas_alloc, size);
SAME_MEMBER(ifd_ioas_alloc, flags, iommu_ioas_alloc, flags);
SAME_MEMBER(ifd_ioas_alloc, out_ioas_id, iommu_ioas_alloc, out_ioas_id);

SAME_SIZE(ifd_iova_range, iommu_iova_range);
SAME_MEMBER(ifd_iova_range, start, iommu_iova_range, start);
SAME_MEMBER(ifd_iova_range, last, iommu_iova_range, last);

SAME_SIZE(ifd_iova_ranges, iommu_ioas_iova_ranges);
SAME_MEMBER(ifd_iova_ranges, size, iommu_ioas_iova_ranges, size);
SAME_MEMBER(ifd_iova_ranges, ioas_id, iommu_ioas_iova_ranges, ioas_id);
SAME_MEMBER(ifd_iova_ranges, num_iovas, iommu_ioas_iova_ranges, num_iovas);
SAME_MEMBER(ifd_iova_ranges, allowed_iovas, iommu_ioas_iova_ranges, allowed_iovas);
SAME_MEMBER(ifd_iova_ranges, out_iova_alignment, iommu_ioas_iova_ranges, out_iova_alignment);

SAME_SIZE(ifd_ioas_map, iommu_ioas_map);
SAME_MEMBER(ifd_ioas_map, size, iommu_ioas_map, size);
SAME_MEMBER(ifd_ioas_map, flags, iommu_ioas_map, flags);
SAME_MEMBER(ifd_ioas_map, ioas_id, iommu_ioas_map, ioas_id);
SAME_MEMBER(ifd_ioas_map, user_va, iommu_ioas_map, user_va);
SAME_MEMBER(ifd_ioas_map, length, iommu_ioas_map, length);
SAME_MEMBER(ifd_ioas_map, iova, iommu_ioas_map, iova);

SAME_SIZE(ifd_ioas_copy, iommu_ioas_copy);
SAME_MEMBER(ifd_ioas_copy, size, iommu_ioas_copy, size);
SAME_MEMBER(ifd_ioas_copy, flags, iommu_ioas_copy, flags);
SAME_MEMBER(ifd_ioas_copy, dst_ioas_id, iommu_ioas_copy, dst_ioas_id);
SAME_MEMBER(ifd_ioas_copy, src_ioas_id, iommu_ioas_copy, src_ioas_id);
SAME_MEMBER(ifd_ioas_copy, length, iommu_ioas_copy, length);
SAME_MEMBER(ifd_ioas_copy, dst_iova, iommu_ioas_copy, dst_iova);
SAME_MEMBER(ifd_ioas_copy, src_iova, iommu_ioas_copy, src_iova);

SAME_SIZE(ifd_ioas_unmap, iommu_ioas_unmap);
SAME_MEMBER(ifd_ioas_unmap, size, iommu_ioas_unmap, size);
SAME_MEMBER(ifd_ioas_unmap, ioas_id, iommu_ioas_unmap, ioas_id);
SAME_MEMBER(ifd_ioas_unmap, iova, iommu_ioas_unmap, iova);
SAME_MEMBER(ifd_ioas_unmap, length, iommu_ioas_unmap, length);

SAME_SIZE(ifd_hwpt_alloc, iommu_hwpt_alloc);
SAME_MEMBER(ifd_hwpt_alloc, size, iommu_hwpt_alloc, size);
SAME_MEMBER(ifd_hwpt_alloc, flags, iommu_hwpt_alloc, flags);
SAME_MEMBER(ifd_hwpt_alloc, dev_id, iommu_hwpt_alloc, dev_id);
SAME_MEMBER(ifd_hwpt_alloc, pt_id, iommu_hwpt_alloc, pt_id);
SAME_MEMBER(ifd_hwpt_alloc, out_hwpt_id, iommu_hwpt_alloc, out_hwpt_id);
SAME_MEMBER(ifd_hwpt_alloc, data_type, iommu_hwpt_alloc, data_type);
SAME_MEMBER(ifd_hwpt_alloc, data_len, iommu_hwpt_alloc, data_len);
SAME_MEMBER(ifd_hwpt_alloc, data_uptr, iommu_hwpt_alloc, data_uptr);
SAME_MEMBER(ifd_hwpt_alloc, fault_id, iommu_hwpt_alloc, fault_id);

SAME_SIZE(ifd_noiommu_get_pa, iommu_ioas_noiommu_get_pa);
SAME_MEMBER(ifd_noiommu_get_pa, size, iommu_ioas_noiommu_get_pa, size);
SAME_MEMBER(ifd_noiommu_get_pa, flags, iommu_ioas_noiommu_get_pa, flags);
SAME_MEMBER(ifd_noiommu_get_pa, ioas_id, iommu_ioas_noiommu_get_pa, ioas_id);
SAME_MEMBER(ifd_noiommu_get_pa, iova, iommu_ioas_noiommu_get_pa, iova);
SAME_MEMBER(ifd_noiommu_get_pa, length, iommu_ioas_noiommu_get_pa, length);
SAME_MEMBER(ifd_noiommu_get_pa, out_phys, iommu_ioas_noiommu_get_pa, out_phys);

SAME_SIZE(ifd_vfio_bind, vfio_device_bind_iommufd);
SAME_MEMBER(ifd_vfio_bind, argsz, vfio_device_bind_iommufd, argsz);
SAME_MEMBER(ifd_vfio_bind, flags, vfio_device_bind_iommufd, flags);
SAME_MEMBER(ifd_vfio_bind, iommufd, vfio_device_bind_iommufd, iommufd);
SAME_MEMBER(ifd_vfio_bind, out_devid, vfio_device_bind_iommufd, out_devid);
SAME_MEMBER(ifd_vfio_bind, token_uuid_ptr, vfio_device_bind_iommufd, token_uuid_ptr);

SAME_SIZE(ifd_vfio_attach, vfio_device_attach_iommufd_pt);
SAME_MEMBER(ifd_vfio_attach, argsz, vfio_device_attach_iommufd_pt, argsz);
SAME_MEMBER(ifd_vfio_attach, flags, vfio_device_attach_iommufd_pt, flags);
SAME_MEMBER(ifd_vfio_attach, pt_id, vfio_device_attach_iommufd_pt, pt_id);

SAME_SIZE(ifd_vfio_detach, vfio_device_detach_iommufd_pt);
SAME_MEMBER(ifd_vfio_detach, argsz, vfio_device_detach_iommufd_pt, argsz);
SAME_MEMBER(ifd_vfio_detach, flags, vfio_device_detach_iommufd_pt, flags);

SAME_SIZE(ifd_procmap_query, procmap_query);
SAME_MEMBER(ifd_procmap_query, size, procmap_query, size);
SAME_MEMBER(ifd_procmap_query, query_flags, procmap_query, query_flags);
SAME_MEMBER(ifd_procmap_query, query_addr, procmap_query, query_addr);
SAME_MEMBER(ifd_procmap_query, vma_start, procmap_query, vma_start);
SAME_MEMBER(ifd_procmap_query, vma_end, procmap_query, vma_end);
SAME_MEMBER(ifd_procmap_query, vma_flags, procmap_query, vma_flags);
SAME_MEMBER(ifd_procmap_query, vma_page_size, procmap_query, vma_page_size);
SAME_MEMBER(ifd_procmap_query, vma_offset, procmap_query, vma_offset);
SAME_MEMBER(ifd_procmap_query, inode, procmap_query, inode);
SAME_MEMBER(ifd_procmap_query, dev_major, procmap_query, dev_major);
SAME_MEMBER(ifd_procmap_query, dev_minor, procmap_query, dev_minor);
SAME_MEMBER(ifd_procmap_query, vma_name_size, procmap_query, vma_name_size);
SAME_MEMBER(ifd_procmap_query, build_id_size, procmap_query, build_id_size);

SAME(URING_REGISTER_BUFFERS2, IORING_REGISTER_BUFFERS2);
SAME(URING_REGISTER_BUFFERS_UPDATE, IORING_REGISTER_BUFFERS_UPDATE);

SAME_SIZE(uring_params, io_uring_params);

SAME_SIZE(uring_rsrc_register, io_uring_rsrc_register);
SAME_MEMBER(uring_rsrc_register, nr, io_uring_rsrc_register, nr);
SAME_MEMBER(uring_rsrc_register, flags, io_uring_rsrc_register, flags);
SAME_MEMBER(uring_rsrc_register, data, io_uring_rsrc_register, data);
SAME_MEMBER(uring_rsrc_register, tags, io_uring_rsrc_register, tags);

SAME_SIZE(uring_rsrc_update2, io_uring_rsrc_update2);
SAME_MEMBER(uring_rsrc_update2, offset, io_uring_rsrc_update2, offset);
SAME_MEMBER(uring_rsrc_update2, data, io_uring_rsrc_update2, data);
SAME_MEMBER(uring_rsrc_update2, tags, io_uring_rsrc_update2, tags);
SAME_MEMBER(uring_rsrc_update2, nr, io_uring_rsrc_update2, nr);

SAME(COMPAT_GET_API_VERSION, VFIO_GET_API_VERSION);
SAME(COMPAT_CHECK_EXTENSION, VFIO_CHECK_EXTENSION);
SAME(COMPAT_SET_IOMMU, VFIO_SET_IOMMU);
SAME(COMPAT_GROUP_GET_STATUS, VFIO_GROUP_GET_STATUS);
SAME(COMPAT_GROUP_SET_CONTAINER, VFIO_GROUP_SET_CONTAINER);
SAME(COMPAT_GROUP_UNSET_CONTAINER, VFIO_GROUP_UNSET_CONTAINER);
SAME(COMPAT_GROUP_GET_DEVICE_FD, VFIO_GROUP_GET_DEVICE_FD);
SAME(COMPAT_DEVICE_GET_INFO, VFIO_DEVICE_GET_INFO);
SAME(COMPAT_GET_REGION_INFO, VFIO_DEVICE_GET_REGION_INFO);
SAME(COMPAT_DEVICE_RESET, VFIO_DEVICE_RESET);
SAME(COMPAT_NOIOMMU, VFIO_NOIOMMU_IOMMU);
SAME(COMPAT_GROUP_VIABLE, VFIO_GROUP_FLAGS_VIABLE);
SAME(COMPAT_GROUP_CONTAINER_SET, VFIO_GROUP_FLAGS_CONTAINER_SET);
SAME(COMPAT_DEVICE_PCI, VFIO_DEVICE_FLAGS_PCI);
SAME(COMPAT_PCI_CONFIG, VFIO_PCI_CONFIG_REGION_INDEX);

SAME_SIZE(compat_group_status, vfio_group_status);
SAME_MEMBER(compat_group_status, argsz, vfio_group_status, argsz);
SAME_MEMBER(compat_group_status, flags, vfio_group_status, flags);

/* The kernel's has more members behind them. */
SAME_MEMBER(compat_device_info, argsz, vfio_device_info, argsz);
SAME_MEMBER(compat_device_info, flags, vfio_device_info, flags);
SAME_MEMBER(compat_device_info, num_regions, vfio_device_info, num_regions);
SAME_MEMBER(compat_device_info, num_irqs, vfio_device_info, num_irqs);

SAME_SIZE(compat_region_info, vfio_region_info);
SAME_MEMBER(compat_region_info, argsz, vfio_region_info, argsz);
SAME_MEMBER(compat_region_info, flags, vfio_region_info, flags);
SAME_MEMBER(compat_region_info, index, vfio_region_info, index);
SAME_MEMBER(compat_region_info, cap_offset, vfio_region_info, cap_offset);
SAME_MEMBER(compat_region_info, size, vfio_region_info, size);
SAME_MEMBER(compat_region_info, offset, vfio_region_info, offset);
