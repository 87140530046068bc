/* SPDX-License-Identifier: BSD-3-Clause */

/* What must be refused, with the right errno and with all that was done undone. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <rte_memory.h>

#include "proc.h"
#include "usermem.h"

/* The kernel pins 8,192 pages a step (drivers/iommu/iommufd/pages.c): two steps. */
#define LARGE (12288 * PAGE)

static const char *
case_unmap_of_something_unknown(void)
{
	uint8_t *va = anon_new(2 * PAGE);
	const uint64_t iova = proc_phys(va);

	CHECK_RET(unmap(va, iova, PAGE), -EINVAL);
	CHECK_RET(unmap(va, 0, PAGE), -EINVAL);
	CHECK_RET(map(va, iova, PAGE), 0);
	CHECK_RET(unmap(va, iova, 2 * PAGE), -EINVAL);
	CHECK_RET(unmap(va, iova + PAGE, PAGE), -EINVAL);
	CHECK_RET(unmap(va + PAGE, iova, PAGE), -EINVAL);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	munmap(va, 2 * PAGE);
	return NULL;
}

static const char *
case_length_0(void)
{
	uint8_t *va = anon_new(PAGE);

	CHECK_RET(map(va, proc_phys(va), 0), -EINVAL);
	CHECK_RET(map(va, 0, 0), -EINVAL);
	CHECK_RET(unmap(va, proc_phys(va), 0), -EINVAL);
	CHECK_RET(unmap(va, 0, 0), -EINVAL);
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_misaligned(void)
{
	uint8_t *va = huge_new(HUGEPAGE);
	const uint64_t iova = proc_phys(va);

	CHECK_RET(map(va + 8, iova + 8, PAGE), -EINVAL);
	CHECK_RET(map(va, iova + 8, PAGE), -EINVAL);
	CHECK_RET(map(va + 8, iova, PAGE), -EINVAL);
	CHECK_RET(map(va, iova, PAGE + 8), -EINVAL);
	CHECK_RET(map(va + 8, 0, PAGE), -EINVAL);
	CHECK_RET(map(va, 0, 8), -EINVAL);
	munmap(va, HUGEPAGE);
	return NULL;
}

static const char *
case_wrap_around(void)
{
	uint8_t *va = anon_new(PAGE);

	CHECK_RET(map(va, -PAGE, 2 * PAGE), -EINVAL);
	CHECK_RET(map(va, proc_phys(va), -PAGE), -EINVAL);
	CHECK_RET(map((void *)(uintptr_t)-PAGE, 0, 2 * PAGE), -EINVAL);
	CHECK_RET(map((void *)(uintptr_t)-PAGE, PAGE, 2 * PAGE), -EINVAL);
	munmap(va, PAGE);
	return NULL;
}

/* Of right addresses these are areas of their own; one memory has one address. */
static const char *
case_overlap(void)
{
	uint8_t *va = huge_new(2 * HUGEPAGE);
	const uint64_t iova = proc_phys(va), pinned = pinned_now();

	CHECK_RET(map(va, iova, 4 * PAGE), 0);
	CHECK_RET(map(va, iova, 2 * PAGE), 0);
	CHECK_RET(map(va + 2 * PAGE, iova + 2 * PAGE, 4 * PAGE), 0);
	CHECK_RET(map(va, iova + HUGEPAGE, 4 * PAGE), -EEXIST);
	CHECK_RET(map(va + HUGEPAGE, iova, 4 * PAGE), -EADDRNOTAVAIL);
	CHECK(pinned_now() == pinned + 10 * PAGE);
	CHECK_RET(unmap(va, iova, 4 * PAGE), 0);
	CHECK(pinned_now() == pinned + 6 * PAGE);
	CHECK_RET(unmap(va, iova, 2 * PAGE), 0);
	CHECK_RET(unmap(va + 2 * PAGE, iova + 2 * PAGE, 4 * PAGE), 0);
	CHECK(pinned_now() == pinned);
	munmap(va, 2 * HUGEPAGE);
	return NULL;
}

static const char *
case_wrong_iova(void)
{
	uint8_t *va = huge_new(HUGEPAGE);
	const uint64_t pinned = pinned_now(), iova = proc_phys(va);

	CHECK_RET(map(va, iova + PAGE, PAGE), -EADDRNOTAVAIL);
	CHECK_RET(map(va, iova + HUGEPAGE, HUGEPAGE), -EADDRNOTAVAIL);
	CHECK(pinned_now() == pinned);
	munmap(va, HUGEPAGE);
	return NULL;
}

/* A hugepage, and a page that is next to it for us only. */
static const char *
case_wrong_iova_half_way(void)
{
	uint8_t *va = huge_new(2 * HUGEPAGE), *next = va + HUGEPAGE;
	const uint64_t pinned = pinned_now(), iova = proc_phys(va);

	munmap(next, HUGEPAGE);
	CHECK(mmap(next, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == next);
	*next = 1;
	CHECK(proc_phys(next) != iova + HUGEPAGE);
	CHECK_RET(map(va, iova, HUGEPAGE + PAGE), -EADDRNOTAVAIL);
	CHECK(pinned_now() == pinned);
	CHECK_RET(unmap(va, iova, HUGEPAGE), -EINVAL);
	munmap(next, PAGE);
	munmap(va, HUGEPAGE);
	return NULL;
}

/* No memory, or none that may be written to: by IOVA or where it is. */
static const char *
fault_expect(const void *va, uint64_t len)
{
	const uint64_t pinned = pinned_now();

	CHECK_RET(map(va, NOWHERE, len), -EFAULT);
	CHECK_RET(map(va, 0, len), -EFAULT);
	CHECK(pinned_now() == pinned);
	CHECK_RET(unmap(va, 0, len), -EINVAL);
	return NULL;
}

static const char *
case_no_memory(void)
{
	uint8_t *va = anon_new(PAGE);

	munmap(va, PAGE);
	return fault_expect(va, PAGE);
}

static const char *
case_inaccessible(void)
{
	uint8_t *va = memory_new(PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	CHECK_CASE(fault_expect(va, PAGE));
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_read_only(void)
{
	uint8_t *va = anon_new(PAGE);

	mprotect(va, PAGE, PROT_READ);
	CHECK_CASE(fault_expect(va, PAGE));
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_read_only_file(void)
{
	const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint8_t *shared = memory_new(PAGE, PROT_READ, MAP_SHARED, fd);
	uint8_t *private = memory_new(PAGE, PROT_READ, MAP_PRIVATE, fd);

	close(fd);
	CHECK_CASE(fault_expect(shared, PAGE));
	CHECK_CASE(fault_expect(private, PAGE));
	munmap(shared, PAGE);
	munmap(private, PAGE);
	return NULL;
}

static const char *
case_beyond_the_end_of_a_file(void)
{
	const int fd = memfd_new(PAGE);
	uint8_t *va = memory_new(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	close(fd);
	CHECK_CASE(fault_expect(va, 2 * PAGE));
	munmap(va, 2 * PAGE);
	return NULL;
}

static const char *
case_hole_half_way(void)
{
	uint8_t *va = anon_new(LARGE);

	munmap(va + LARGE / 4 * 3, PAGE);
	CHECK_CASE(fault_expect(va, LARGE));
	munmap(va, LARGE);
	return NULL;
}

/* The map keeps the old page; the new one is another, and no device may get it by mistake. */
static const char *
case_memory_replaced_under_a_map(void)
{
	uint8_t *va = anon_new(PAGE);
	const uint64_t iova = proc_phys(va), pinned = pinned_now();

	CHECK_RET(map(va, iova, PAGE), 0);
	munmap(va, PAGE);
	CHECK(mmap(va, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == va);
	*va = 2;
	CHECK(proc_phys(va) != iova);
	CHECK_RET(map(va, iova, PAGE), -EADDRNOTAVAIL);
	CHECK_RET(map(va, proc_phys(va), PAGE), -EEXIST);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK_RET(map(va, proc_phys(va), PAGE), 0);
	CHECK_RET(unmap(va, proc_phys(va), PAGE), 0);
	CHECK(pinned_now() == pinned);
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_memory_gone_under_a_map(void)
{
	uint8_t *va = anon_new(PAGE);
	const uint64_t iova = proc_phys(va), pinned = pinned_now();

	CHECK_RET(map(va, iova, PAGE), 0);
	munmap(va, PAGE);
	CHECK(map(va, iova, PAGE) < 0);
	CHECK(pinned_now() == pinned + PAGE);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK(pinned_now() == pinned);
	return NULL;
}

/* The address of a page is not given for the page that took its place. */
static const char *
case_address_of_replaced_memory_is_new(void)
{
	uint8_t *va = anon_new(PAGE);
	const uint64_t old = rte_mem_virt2iova(va);

	CHECK(old == proc_phys(va));
	munmap(va, PAGE);
	CHECK(mmap(va, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == va);
	*va = 2;
	CHECK(rte_mem_virt2iova(va) == proc_phys(va));
	CHECK_RET(map(va, rte_mem_virt2iova(va), PAGE), 0);
	CHECK_RET(unmap(va, proc_phys(va), PAGE), 0);
	munmap(va, PAGE);
	return NULL;
}

const struct usermem_case bad_cases[] = {
	CASE(unmap_of_something_unknown),
	CASE(length_0),
	CASE(misaligned),
	CASE(wrap_around),
	CASE(overlap),
	CASE(wrong_iova),
	CASE(wrong_iova_half_way),
	CASE(no_memory),
	CASE(inaccessible),
	CASE(read_only),
	CASE(read_only_file),
	CASE(beyond_the_end_of_a_file),
	CASE(hole_half_way),
	CASE(memory_replaced_under_a_map),
	CASE(memory_gone_under_a_map),
	CASE(address_of_replaced_memory_is_new),
	{ 0 },
};

/* More than the limit, which test_usermem.py sets to half of that. */
static const char *
case_limit_large_map(void)
{
	uint8_t *va = anon_new(LARGE);
	const uint64_t pinned = pinned_now();

	CHECK_RET(map(va, NOWHERE, LARGE), -ENOMEM);
	CHECK_RET(map(va, 0, LARGE), -ENOMEM);
	CHECK(pinned_now() == pinned);
	CHECK_RET(map(va, 0, LARGE / 8), 0);
	CHECK_RET(unmap(va, 0, LARGE / 8), 0);
	munmap(va, LARGE);
	return NULL;
}

static const char *
case_limit_page_by_page(void)
{
	uint8_t *va = anon_new(LARGE);
	uint64_t off, end;
	int ret = 0;

	for (end = 0; ret == 0 && end < LARGE; end += ret == 0 ? PAGE : 0)
		ret = map(va + end, proc_phys(va + end), PAGE);
	CHECK_RET(ret, -ENOMEM);
	CHECK(end > 0);
	for (off = 0; off < end; off += PAGE)
		CHECK_RET(unmap(va + off, proc_phys(va + off), PAGE), 0);
	munmap(va, LARGE);
	return NULL;
}

static const char *
case_limit_pin(void)
{
	struct rte_vfio_cdev_pin *pin;
	uint8_t *va = anon_new(LARGE);
	const uint64_t pinned = pinned_now();

	CHECK_RET(rte_vfio_cdev_domain_pin(domain, va, LARGE, &pin), -ENOMEM);
	CHECK(pinned_now() == pinned);
	CHECK_RET(rte_vfio_cdev_domain_pin(domain, va, LARGE / 8, &pin), 0);
	CHECK_RET(rte_vfio_cdev_pin_release(pin), 0);
	munmap(va, LARGE);
	return NULL;
}

const struct usermem_case limit_cases[] = {
	CASE(limit_large_map),
	CASE(limit_page_by_page),
	CASE(limit_pin),
	{ 0 },
};
