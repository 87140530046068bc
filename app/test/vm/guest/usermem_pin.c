/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory that an application pins where it is. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "usermem.h"

#define LEN (256 * PAGE)
#define THREADS 4
#define ROUNDS 100

static int
pin(const void *va, uint64_t len, struct rte_vfio_cdev_pin **p)
{
	*p = NULL;
	return rte_vfio_cdev_domain_pin(domain, va, len, p);
}

/* Page by page, the extents are those of pagemap, and no more. */
static const char *
extents_check(const struct rte_vfio_cdev_pin *p, const uint8_t *va, uint64_t len)
{
	const struct rte_vfio_cdev_extent *extents;
	const unsigned int count = rte_vfio_cdev_pin_extents(p, &extents);
	uint64_t off, done = 0;
	unsigned int i;

	CHECK(count >= 1);
	for (i = 0; i < count; i++) {
		CHECK(extents[i].len > 0 && extents[i].len % PAGE == 0);
		for (off = 0; off < extents[i].len; off += PAGE, done += PAGE) {
			CHECK(done < len);
			CHECK(extents[i].iova + off == proc_phys(va + done));
		}
	}
	CHECK(done == len);
	return NULL;
}

static const char *
pin_and_release(uint8_t *va, uint64_t len)
{
	const uint64_t pinned = pinned_now(), verified = stats_now().pages_verified;
	struct rte_vfio_cdev_pin *p;

	CHECK_RET(pin(va, len, &p), 0);
	CHECK(pinned_now() == pinned + len);
	CHECK(stats_now().pages_verified == verified + len / PAGE);
	CHECK_CASE(extents_check(p, va, len));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	CHECK(pinned_now() == pinned);
	munmap(va, len);
	return NULL;
}

/* Never touched: pinning brings the pages in. */
static const char *
case_pin_anonymous(void)
{
	return pin_and_release(memory_new(LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
					  -1),
			       LEN);
}

static const char *
case_pin_one_page(void)
{
	return pin_and_release(anon_new(PAGE), PAGE);
}

static const char *
case_pin_large(void)
{
	return pin_and_release(anon_new(64 * LEN), 64 * LEN);
}

static const char *
case_pin_shared_anonymous(void)
{
	return pin_and_release(memory_new(LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
					  -1),
			       LEN);
}

static const char *
case_pin_memfd(void)
{
	const int fd = memfd_new(LEN);
	uint8_t *va = memory_new(LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd);

	close(fd);
	return pin_and_release(va, LEN);
}

static const char *
case_pin_private_memfd(void)
{
	const int fd = memfd_new(LEN);
	uint8_t *va = memory_new(LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);

	close(fd);
	return pin_and_release(va, LEN);
}

static const char *
case_pin_hugetlb(void)
{
	return pin_and_release(huge_new(2 * HUGEPAGE), 2 * HUGEPAGE);
}

static const char *
case_pin_tmpfs_file(void)
{
	const int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint8_t *va;

	CHECK(fd >= 0 && ftruncate(fd, LEN) == 0);
	va = memory_new(LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	return pin_and_release(va, LEN);
}

/* Inside a hugepage, and from one into the next. */
static const char *
case_pin_part_of_hugepages(void)
{
	uint8_t *va = huge_new(2 * HUGEPAGE);
	struct rte_vfio_cdev_pin *p;

	CHECK_RET(pin(va + HUGEPAGE - 3 * PAGE, 5 * PAGE, &p), 0);
	CHECK_CASE(extents_check(p, va + HUGEPAGE - 3 * PAGE, 5 * PAGE));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	munmap(va, 2 * HUGEPAGE);
	return NULL;
}

static const char *
case_pin_twice_needs_two_releases(void)
{
	struct rte_vfio_cdev_pin *first, *second;
	uint8_t *va = anon_new(LEN);
	const uint64_t pinned = pinned_now();

	CHECK_RET(pin(va, LEN, &first), 0);
	CHECK_RET(pin(va, LEN, &second), 0);
	CHECK(pinned_now() == pinned + 2 * LEN);
	CHECK_RET(rte_vfio_cdev_pin_release(first), 0);
	CHECK(pinned_now() == pinned + LEN);
	CHECK_CASE(extents_check(second, va, LEN));
	CHECK_RET(rte_vfio_cdev_pin_release(second), 0);
	munmap(va, LEN);
	return NULL;
}

static const char *
case_pin_of_what_is_pinned_in_part(void)
{
	struct rte_vfio_cdev_pin *part, *p;
	uint8_t *va = anon_new(LEN);

	CHECK_RET(pin(va + LEN - 4 * PAGE, 2 * PAGE, &part), 0);
	CHECK_RET(pin(va, LEN, &p), 0);
	CHECK_CASE(extents_check(p, va, LEN));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	CHECK_CASE(extents_check(part, va + LEN - 4 * PAGE, 2 * PAGE));
	CHECK_RET(rte_vfio_cdev_pin_release(part), 0);
	munmap(va, LEN);
	return NULL;
}

/* One page at two addresses, as in a ring that is mapped twice. */
static const char *
case_pin_of_memory_mapped_twice(void)
{
	const int fd = memfd_new(LEN);
	uint8_t *va = memory_new(2 * LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	const uint64_t pinned = pinned_now();
	struct rte_vfio_cdev_pin *p;

	CHECK(mmap(va + LEN, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	      va + LEN);
	close(fd);
	CHECK_RET(pin(va, 2 * LEN, &p), 0);
	CHECK_CASE(extents_check(p, va, 2 * LEN));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	CHECK(pinned_now() == pinned);
	munmap(va, 2 * LEN);
	return NULL;
}

static const char *
case_pin_beside_maps(void)
{
	uint8_t *va = anon_new(2 * PAGE);
	const uint64_t iova = proc_phys(va);
	struct rte_vfio_cdev_pin *p;

	CHECK_RET(map(va, iova, PAGE), 0);
	CHECK_RET(pin(va + PAGE, PAGE, &p), 0);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK_CASE(extents_check(p, va + PAGE, PAGE));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	munmap(va, 2 * PAGE);
	return NULL;
}

static const char *
case_pin_released_after_its_memory(void)
{
	uint8_t *va = anon_new(LEN);
	const uint64_t pinned = pinned_now();
	struct rte_vfio_cdev_pin *p;

	CHECK_RET(pin(va, LEN, &p), 0);
	munmap(va, LEN);
	CHECK(pinned_now() == pinned + LEN);
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	CHECK(pinned_now() == pinned);
	return NULL;
}

/* The old pages stay pinned; the new ones at the same place are pinned beside them. */
static const char *
case_pin_of_memory_in_the_place_of_pinned(void)
{
	uint8_t *va = anon_new(LEN);
	struct rte_vfio_cdev_pin *old, *p;

	CHECK_RET(pin(va, LEN, &old), 0);
	munmap(va, LEN);
	CHECK(mmap(va, LEN, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == va);
	CHECK_RET(pin(va, LEN, &p), 0);
	CHECK_CASE(extents_check(p, va, LEN));
	CHECK_RET(rte_vfio_cdev_pin_release(old), 0);
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	munmap(va, LEN);
	return NULL;
}

/* The parent's pages stay its own, whichever process writes first. */
static const char *
case_pin_keeps_the_pages_over_fork(void)
{
	uint8_t *va = anon_new(LEN);
	struct rte_vfio_cdev_pin *p;
	int status = -1;
	pid_t child;

	CHECK_RET(pin(va, LEN, &p), 0);
	child = fork();
	if (child == 0) {
		memset(va, 2, LEN);
		_exit(0);
	}
	memset(va, 3, LEN);
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(va[0] == 3 && va[LEN - 1] == 3);
	CHECK_CASE(extents_check(p, va, LEN));
	CHECK_RET(rte_vfio_cdev_pin_release(p), 0);
	munmap(va, LEN);
	return NULL;
}

static const char *
refusal_expect(const void *va, uint64_t len, int err)
{
	const uint64_t pinned = pinned_now();
	struct rte_vfio_cdev_pin *p;

	CHECK_RET(pin(va, len, &p), err);
	CHECK(p == NULL && pinned_now() == pinned);
	return NULL;
}

static const char *
case_pin_bad_arguments(void)
{
	uint8_t *va = anon_new(2 * PAGE);

	CHECK_CASE(refusal_expect(va, 0, -EINVAL));
	CHECK_CASE(refusal_expect(va + 8, PAGE, -EINVAL));
	CHECK_CASE(refusal_expect(va, PAGE + 8, -EINVAL));
	CHECK_CASE(refusal_expect(va, -PAGE, -EINVAL));
	CHECK_CASE(refusal_expect((void *)(uintptr_t)-PAGE, 2 * PAGE, -EINVAL));
	munmap(va, 2 * PAGE);
	return NULL;
}

static const char *
case_pin_no_memory(void)
{
	uint8_t *va = anon_new(PAGE);

	munmap(va, PAGE);
	return refusal_expect(va, PAGE, -EFAULT);
}

static const char *
case_pin_read_only(void)
{
	uint8_t *va = anon_new(PAGE);

	mprotect(va, PAGE, PROT_READ);
	CHECK_CASE(refusal_expect(va, PAGE, -EFAULT));
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_pin_read_only_file(void)
{
	const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint8_t *va = memory_new(PAGE, PROT_READ, MAP_SHARED, fd);

	close(fd);
	CHECK_CASE(refusal_expect(va, PAGE, -EFAULT));
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_pin_hole_half_way(void)
{
	uint8_t *va = anon_new(48 * LEN);

	munmap(va + 36 * LEN, PAGE);
	CHECK_CASE(refusal_expect(va, 48 * LEN, -EFAULT));
	munmap(va, 48 * LEN);
	return NULL;
}

static const char *
case_pin_nothing_to_release(void)
{
	CHECK_RET(rte_vfio_cdev_pin_release(NULL), 0);
	return NULL;
}

/* Memory of its own, and some that all threads pin. */
static void *
thread_main(void *shared)
{
	uint8_t *own = anon_new(16 * PAGE);
	struct rte_vfio_cdev_pin *p, *q;
	const void *failed = NULL;
	int i;

	for (i = 0; i < ROUNDS && failed == NULL; i++) {
		if (pin(own, 16 * PAGE, &p) < 0)
			return own;
		if (pin(shared, 4 * PAGE, &q) < 0)
			return shared;
		failed = extents_check(p, own, 16 * PAGE);
		if (rte_vfio_cdev_pin_release(p) < 0)
			return own;
		if (failed == NULL)
			failed = extents_check(q, shared, 4 * PAGE);
		if (rte_vfio_cdev_pin_release(q) < 0)
			return shared;
	}
	munmap(own, 16 * PAGE);
	return failed == NULL ? NULL : shared;
}

static const char *
case_pin_by_threads_at_once(void)
{
	uint8_t *shared = anon_new(4 * PAGE);
	pthread_t threads[THREADS];
	void *failed, *any = NULL;
	unsigned int i;

	proc_phys(shared); /* opens pagemap, for all of them */
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, thread_main, shared) == 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		any = failed != NULL ? failed : any;
	}
	CHECK(any == NULL);
	munmap(shared, 4 * PAGE);
	return NULL;
}

const struct usermem_case pin_cases[] = {
	CASE(pin_anonymous),
	CASE(pin_one_page),
	CASE(pin_large),
	CASE(pin_shared_anonymous),
	CASE(pin_memfd),
	CASE(pin_private_memfd),
	CASE(pin_hugetlb),
	CASE(pin_tmpfs_file),
	CASE(pin_part_of_hugepages),
	CASE(pin_twice_needs_two_releases),
	CASE(pin_of_what_is_pinned_in_part),
	CASE(pin_of_memory_mapped_twice),
	CASE(pin_beside_maps),
	CASE(pin_released_after_its_memory),
	CASE(pin_of_memory_in_the_place_of_pinned),
	CASE(pin_keeps_the_pages_over_fork),
	CASE(pin_bad_arguments),
	CASE(pin_no_memory),
	CASE(pin_read_only),
	CASE(pin_read_only_file),
	CASE(pin_hole_half_way),
	CASE(pin_nothing_to_release),
	CASE(pin_by_threads_at_once),
	{ 0 },
};
