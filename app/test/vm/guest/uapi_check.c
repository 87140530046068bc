/* SPDX-License-Identifier: BSD-3-Clause */

/* Compiles only if our declarations are those of the kernel's own headers. */

#include <stddef.h>

#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "iommufd_uapi.h"
#include "uring_uapi.h"

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
SAME_MEMBER(ifd_procmap_query, vma_page_size, procmap_query, vma_page_size);
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
