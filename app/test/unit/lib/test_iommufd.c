/* SPDX-License-Identifier: BSD-3-Clause */

/* Each wrapper's request to the kernel, and its result for each answer. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "asserts.h"
#include "iommufd_uapi.h"

#define FD 7
#define SPY_NS 7

_Static_assert(sizeof(struct ifd_destroy) == 8, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_ioas_alloc) == 12, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_ioas_copy) == 40, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_iova_range) == 16, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_iova_ranges) == 32, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_ioas_map) == 40, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_ioas_unmap) == 24, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_hwpt_alloc) == 48, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_noiommu_get_pa) == 40, "uapi/linux/iommufd.h");
_Static_assert(sizeof(struct ifd_vfio_bind) == 24, "uapi/linux/vfio.h");
_Static_assert(sizeof(struct ifd_vfio_attach) == 16, "uapi/linux/vfio.h");
_Static_assert(sizeof(struct ifd_vfio_detach) == 12, "uapi/linux/vfio.h");
_Static_assert(sizeof(struct ifd_procmap_query) == 104, "uapi/linux/fs.h");
_Static_assert(IFD_PROCMAP_QUERY == 0xc0686611, "uapi/linux/fs.h");

/* The last ioctl, and how the next ones answer. */
static struct {
	unsigned int calls;
	unsigned int interrupts; /* so many fail with EINTR first */
	int err;
	int fd;
	unsigned long request;
	size_t size;
	unsigned char arg[64];
	size_t out_offset; /* out is written there */
	uint32_t out;
} spy;

static int
spy_ioctl(int fd, unsigned long request, void *arg)
{
	spy.calls++;
	spy.fd = fd;
	spy.request = request;
	memcpy(spy.arg, arg, spy.size);
	errno = spy.calls <= spy.interrupts ? EINTR : spy.err;
	if (errno != 0)
		return -1;
	if (spy.out != 0)
		memcpy((char *)arg + spy.out_offset, &spy.out, sizeof(spy.out));
	return 0;
}

static uint64_t spy_clock;

static uint64_t
spy_now(void)
{
	return spy_clock += SPY_NS;
}

static const struct iommufd_sys spy_sys = { .ioctl = spy_ioctl, .now = spy_now };

/* Expect a struct of this size, and write 42 at this offset. */
static void
spy_expect(size_t size, size_t out_offset)
{
	memset(&spy, 0, sizeof(spy));
	spy.size = size;
	spy.out_offset = out_offset;
	spy.out = 42;
}

/* The kernel saw this request with exactly this struct. */
static void
assert_seen(unsigned long request, const void *cmd)
{
	assert_int_equal(spy.calls, 1);
	assert_int_equal(spy.fd, FD);
	assert_int_equal(spy.request, request);
	assert_memory_equal(spy.arg, cmd, spy.size);
}

static void
ioas_alloc_returns_the_id(void **state)
{
	const struct ifd_ioas_alloc cmd = { .size = 12 };
	uint32_t id = 0;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_ioas_alloc, out_ioas_id));
	assert_int_equal(iommufd_ioas_alloc(&spy_sys, FD, &id), 0);
	assert_seen(0x3b81, &cmd);
	assert_int_equal(id, 42);
}

static void
iova_ranges_returns_how_many_there_are(void **state)
{
	struct ifd_iova_range ranges[3];
	const struct ifd_iova_ranges cmd = {
		.size = 32,
		.ioas_id = 5,
		.num_iovas = 3,
		.allowed_iovas = (uintptr_t)ranges,
	};
	uint32_t count = 3;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_iova_ranges, num_iovas));
	assert_int_equal(iommufd_ioas_iova_ranges(&spy_sys, FD, 5, ranges, &count), 0);
	assert_seen(0x3b84, &cmd);
	assert_int_equal(count, 42);
}

static void
destroy_names_the_object(void **state)
{
	const struct ifd_destroy cmd = { .size = 8, .id = 5 };

	(void)state;
	spy_expect(sizeof(cmd), 0);
	assert_int_equal(iommufd_destroy(&spy_sys, FD, 5), 0);
	assert_seen(0x3b80, &cmd);
}

static void
detach_names_nothing(void **state)
{
	const struct ifd_vfio_detach cmd = { .argsz = 12 };

	(void)state;
	spy_expect(sizeof(cmd), 0);
	assert_int_equal(iommufd_device_detach(&spy_sys, FD), 0);
	assert_seen(0x3b78, &cmd);
}

static void
hwpt_alloc_returns_the_id(void **state)
{
	const struct ifd_hwpt_alloc cmd = { .size = 48, .dev_id = 3, .pt_id = 4 };
	uint32_t id = 0;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_hwpt_alloc, out_hwpt_id));
	assert_int_equal(iommufd_hwpt_alloc(&spy_sys, FD, 3, 4, &id), 0);
	assert_seen(0x3b89, &cmd);
	assert_int_equal(id, 42);
}

static void
map_is_fixed_readable_and_writeable(void **state)
{
	const struct ifd_ioas_map cmd = {
		.size = 40,
		.flags = 7,
		.ioas_id = 5,
		.user_va = (uintptr_t)FAKE_VA(0),
		.length = 8192,
		.iova = FAKE_PHYS(0),
	};
	uint64_t iova = FAKE_PHYS(0);

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_ioas_map, reserved));
	assert_int_equal(iommufd_ioas_map(&spy_sys, FD, 5, FAKE_VA(0), 8192, &iova), 0);
	assert_seen(0x3b85, &cmd);
	assert_int_equal(iova, FAKE_PHYS(0));
}

static void
map_without_an_iova_returns_the_kernels(void **state)
{
	const struct ifd_ioas_map cmd = {
		.size = 40,
		.flags = 6,
		.ioas_id = 5,
		.user_va = (uintptr_t)FAKE_VA(0),
		.length = 8192,
	};
	uint64_t iova = IOMMUFD_IOVA_ANY;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_ioas_map, iova));
	assert_int_equal(iommufd_ioas_map(&spy_sys, FD, 5, FAKE_VA(0), 8192, &iova), 0);
	assert_seen(0x3b85, &cmd);
	assert_int_equal(iova, 42);
}

static void
copy_is_of_one_ioas_to_an_iova_of_the_kernels(void **state)
{
	const struct ifd_ioas_copy cmd = {
		.size = 40,
		.flags = 6,
		.dst_ioas_id = 5,
		.src_ioas_id = 5,
		.length = 8192,
		.src_iova = FAKE_PHYS(0),
	};
	uint64_t iova = IOMMUFD_IOVA_ANY;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_ioas_copy, dst_iova));
	assert_int_equal(iommufd_ioas_copy(&spy_sys, FD, 5, FAKE_PHYS(0), 8192, &iova), 0);
	assert_seen(0x3b83, &cmd);
	assert_int_equal(iova, 42);
}

static void
unmap_names_the_range(void **state)
{
	const struct ifd_ioas_unmap cmd = {
		.size = 24,
		.ioas_id = 5,
		.iova = FAKE_PHYS(0),
		.length = 8192,
	};

	(void)state;
	spy_expect(sizeof(cmd), 0);
	assert_int_equal(iommufd_ioas_unmap(&spy_sys, FD, 5, FAKE_PHYS(0), 8192), 0);
	assert_seen(0x3b86, &cmd);
}

static void
get_pa_returns_address_and_length(void **state)
{
	const struct ifd_noiommu_get_pa cmd = {
		.size = 40,
		.ioas_id = 5,
		.iova = FAKE_PHYS(0),
		.length = 8192,
	};
	uint64_t len = 8192, phys = 1;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_noiommu_get_pa, length));
	assert_int_equal(iommufd_noiommu_get_pa(&spy_sys, FD, 5, FAKE_PHYS(0), &len, &phys), 0);
	assert_seen(0x3b95, &cmd);
	assert_int_equal(len, 42);
	assert_int_equal(phys, 0);
}

static void
bind_without_token_has_no_flag(void **state)
{
	const struct ifd_vfio_bind cmd = { .argsz = 24, .iommufd = 9 };
	uint32_t id = 0;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_vfio_bind, out_devid));
	assert_int_equal(iommufd_device_bind(&spy_sys, FD, 9, NULL, &id), 0);
	assert_seen(0x3b76, &cmd);
	assert_int_equal(id, 42);
}

static void
bind_with_token_points_at_it(void **state)
{
	const unsigned char token[16] = { 1 };
	const struct ifd_vfio_bind cmd = {
		.argsz = 24,
		.flags = 1,
		.iommufd = 9,
		.token_uuid_ptr = (uintptr_t)token,
	};
	uint32_t id;

	(void)state;
	spy_expect(sizeof(cmd), offsetof(struct ifd_vfio_bind, out_devid));
	assert_int_equal(iommufd_device_bind(&spy_sys, FD, 9, token, &id), 0);
	assert_seen(0x3b76, &cmd);
}

static void
attach_names_the_page_table(void **state)
{
	const struct ifd_vfio_attach cmd = { .argsz = 16, .pt_id = 6 };

	(void)state;
	spy_expect(sizeof(cmd), 0);
	assert_int_equal(iommufd_device_attach(&spy_sys, FD, 6), 0);
	assert_seen(0x3b77, &cmd);
}

static void
get_info_passes_the_callers_struct(void **state)
{
	uint32_t info[4] = { sizeof(info) };
	const uint32_t seen[4] = { sizeof(info) };

	(void)state;
	spy_expect(sizeof(info), 4);
	assert_int_equal(iommufd_device_get_info(&spy_sys, FD, info), 0);
	assert_seen(0x3b6b, seen);
	assert_int_equal(info[1], 42);
}

static void
errno_comes_back_negative_and_outputs_stay(void **state)
{
	uint64_t len = 4096, phys = 1;
	uint32_t id = 1;

	(void)state;
	spy_expect(0, 0);
	spy.err = EBUSY;
	assert_int_equal(iommufd_ioas_alloc(&spy_sys, FD, &id), -EBUSY);
	assert_int_equal(iommufd_ioas_iova_ranges(&spy_sys, FD, 1, NULL, &id), -EBUSY);
	assert_int_equal(iommufd_destroy(&spy_sys, FD, 1), -EBUSY);
	assert_int_equal(iommufd_hwpt_alloc(&spy_sys, FD, 1, 2, &id), -EBUSY);
	assert_int_equal(iommufd_ioas_map(&spy_sys, FD, 1, NULL, 4096, &phys), -EBUSY);
	assert_int_equal(iommufd_ioas_copy(&spy_sys, FD, 1, 0, 4096, &phys), -EBUSY);
	assert_int_equal(iommufd_ioas_unmap(&spy_sys, FD, 1, 0, 4096), -EBUSY);
	assert_int_equal(iommufd_noiommu_get_pa(&spy_sys, FD, 1, 0, &len, &phys), -EBUSY);
	assert_int_equal(iommufd_device_bind(&spy_sys, FD, 9, NULL, &id), -EBUSY);
	assert_int_equal(iommufd_device_attach(&spy_sys, FD, 1), -EBUSY);
	assert_int_equal(iommufd_device_detach(&spy_sys, FD), -EBUSY);
	assert_int_equal(iommufd_device_get_info(&spy_sys, FD, &id), -EBUSY);
	assert_int_equal(id, 1);
	assert_int_equal(len, 4096);
	assert_int_equal(phys, 1);
}

static void
interrupted_call_is_made_again(void **state)
{
	uint32_t id = 0;

	(void)state;
	spy_expect(sizeof(struct ifd_ioas_alloc), offsetof(struct ifd_ioas_alloc, out_ioas_id));
	spy.interrupts = 2;
	assert_int_equal(iommufd_ioas_alloc(&spy_sys, FD, &id), 0);
	assert_int_equal(spy.calls, 3);
	assert_int_equal(id, 42);
}

static void
real_node_is_opened_close_on_exec(void **state)
{
	dev_t rdev = 0;
	int fd = -1;

	(void)state;
	assert_int_equal(iommufd_node_open(&iommufd_sys_linux, "/dev/null", &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(iommufd_sys_linux.rdev(fd, &rdev), 0);
	assert_int_equal(rdev, makedev(1, 3));
	assert_int_equal(iommufd_device_attach(&iommufd_sys_linux, fd, 1), -ENOTTY);
	assert_int_equal(iommufd_sys_linux.close(fd), 0);
}

/* The kernel of the build host may be older. */
static void
page_size_of_memory_is_read(void **state)
{
	const struct iommufd_sys *sys = &iommufd_sys_linux;
	struct iommufd_vma vma = { 0 };
	int maps, ret;

	(void)state;
	assert_int_equal(iommufd_maps_open(sys, &maps), 0);
	ret = iommufd_vma_find(sys, maps, (uintptr_t)&vma, IOMMUFD_VMA_AT, &vma);
	if (ret == -ENOTTY)
		skip();
	assert_int_equal(ret, 0);
	assert_int_equal(vma.page_size, sysconf(_SC_PAGESIZE));
	assert_false(vma.shared_file);
	assert_true(vma.start <= (uintptr_t)&vma && (uintptr_t)&vma < vma.end);
	assert_int_equal(iommufd_vma_find(sys, maps, 0, IOMMUFD_VMA_AT, &vma), -ENOENT);
	sys->close(maps);
}

static void
resident_pages_are_distinguished(void **state)
{
	char *page = mmap(NULL, 2 * FAKE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	page[0] = 1;
	assert_int_equal(iommufd_sys_linux.resident(page), 1);
	assert_int_equal(iommufd_sys_linux.resident(page + FAKE_PAGE), 0);
	munmap(page, 2 * FAKE_PAGE);
	assert_int_equal(iommufd_sys_linux.resident(page), -1);
}

/* Replaces the C library's: a kernel that has swapped a page out, since not all can. */
static uint64_t pagemap_entry;
static int mincore_errno, pread_errno;

int
mincore(void *va, size_t len, unsigned char *in)
{
	errno = mincore_errno;
	if (mincore_errno != 0)
		return -1;
	if (pagemap_entry == 0)
		return syscall(SYS_mincore, va, len, in);
	*in = 0;
	return 0;
}

/* With _FORTIFY_SOURCE, pread() is an inline function. */
ssize_t
linux_pread(int fd, void *buf, size_t len, off_t off) __asm__("pread64");

ssize_t
linux_pread(int fd, void *buf, size_t len, off_t off)
{
	errno = pread_errno;
	if (pread_errno != 0)
		return -1;
	if (pagemap_entry == 0)
		return syscall(SYS_pread64, fd, buf, len, off);
	memcpy(buf, &pagemap_entry, sizeof(pagemap_entry));
	return sizeof(pagemap_entry);
}

/* It comes back with what was in it, unlike one that was dropped. */
static void
swapped_page_is_resident(void **state)
{
	(void)state;
	pagemap_entry = UINT64_C(1) << 62;
	assert_int_equal(iommufd_sys_linux.resident(&pagemap_entry), 1);
	pagemap_entry = UINT64_C(1) << 55;
	assert_int_equal(iommufd_sys_linux.resident(&pagemap_entry), 0);
	pagemap_entry = 0;
}

/* The kernel is short of memory, or this process of files: that says nothing about the page. */
static void
page_is_not_gone_because_something_is_short(void **state)
{
	struct rlimit limit, none;

	(void)state;
	mincore_errno = EAGAIN;
	assert_int_equal(iommufd_sys_linux.resident(&pagemap_entry), 1);
	mincore_errno = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	pagemap_entry = UINT64_C(1) << 55;
	pread_errno = ENOMEM;
	assert_int_equal(iommufd_sys_linux.resident(&pagemap_entry), 1);
	pread_errno = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(iommufd_sys_linux.resident(&pagemap_entry), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pagemap_entry = 0;
}

static void
missing_node_fails(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(iommufd_node_open(&iommufd_sys_linux, "/dev/null/x", &fd), -ENOTDIR);
	assert_int_equal(fd, -1);
}

static void
file_that_is_no_device_has_no_number(void **state)
{
	const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	dev_t rdev;

	(void)state;
	assert_int_equal(iommufd_sys_linux.rdev(fd, &rdev), -1);
	assert_int_equal(errno, ENOTTY);
	iommufd_sys_linux.close(fd);
	assert_int_equal(iommufd_sys_linux.rdev(fd, &rdev), -1);
	assert_int_equal(errno, EBADF);
}

/* Whatever another thread does meanwhile. */
static void *
other_spends(void *arg)
{
	uint32_t id;

	(void)arg;
	iommufd_ioas_alloc(&spy_sys, FD, &id);
	return NULL;
}

static void
ioctls_are_counted_and_timed_for_their_thread(void **state)
{
	const struct iommufd_spent before = iommufd_spent();
	struct iommufd_spent after;
	pthread_t other;
	uint32_t id;

	(void)state;
	spy_expect(sizeof(struct ifd_destroy), 0);
	spy.interrupts = 3;
	assert_int_equal(iommufd_ioas_alloc(&spy_sys, FD, &id), 0);
	spy.err = EPERM;
	assert_int_equal(iommufd_destroy(&spy_sys, FD, 1), -EPERM);
	assert_int_equal(pthread_create(&other, NULL, other_spends, NULL), 0);
	pthread_join(other, NULL);
	after = iommufd_spent();
	assert_int_equal(after.calls - before.calls, 2);
	assert_int_equal(after.ns - before.ns, 2 * SPY_NS);
}

static void
clock_goes_on(void **state)
{
	const uint64_t start = iommufd_sys_linux.now();

	(void)state;
	while (iommufd_sys_linux.now() == start)
		;
	assert_true(iommufd_sys_linux.now() > start);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ioctls_are_counted_and_timed_for_their_thread),
		cmocka_unit_test(clock_goes_on),
		cmocka_unit_test(ioas_alloc_returns_the_id),
		cmocka_unit_test(iova_ranges_returns_how_many_there_are),
		cmocka_unit_test(destroy_names_the_object),
		cmocka_unit_test(detach_names_nothing),
		cmocka_unit_test(hwpt_alloc_returns_the_id),
		cmocka_unit_test(map_is_fixed_readable_and_writeable),
		cmocka_unit_test(map_without_an_iova_returns_the_kernels),
		cmocka_unit_test(copy_is_of_one_ioas_to_an_iova_of_the_kernels),
		cmocka_unit_test(unmap_names_the_range),
		cmocka_unit_test(get_pa_returns_address_and_length),
		cmocka_unit_test(bind_without_token_has_no_flag),
		cmocka_unit_test(bind_with_token_points_at_it),
		cmocka_unit_test(attach_names_the_page_table),
		cmocka_unit_test(get_info_passes_the_callers_struct),
		cmocka_unit_test(errno_comes_back_negative_and_outputs_stay),
		cmocka_unit_test(interrupted_call_is_made_again),
		cmocka_unit_test(real_node_is_opened_close_on_exec),
		cmocka_unit_test(page_size_of_memory_is_read),
		cmocka_unit_test(resident_pages_are_distinguished),
		cmocka_unit_test(swapped_page_is_resident),
		cmocka_unit_test(page_is_not_gone_because_something_is_short),
		cmocka_unit_test(missing_node_fails),
		cmocka_unit_test(file_that_is_no_device_has_no_number),
	};

	return cmocka_run_group_tests_name("iommufd", tests, NULL, NULL);
}
