/* SPDX-License-Identifier: BSD-3-Clause */

/* A cdev that its caller has opened is bound and attached. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fixture.h"
#include "vfio_cdev_front.h"

static int
cdev_open(void)
{
	return fake_sys.open(FIXTURE_NODE, O_RDWR | O_CLOEXEC);
}

/* The domain is ready, by the device itself, which is idle again. */
static int
ready_begin(void **state)
{
	struct fixture *f;

	if (fixture_domain(state) < 0)
		return -1;
	f = *state;
	return rte_vfio_cdev_domain_prime(f->domain, &f->info, NULL);
}

static int
attach(const struct fixture *f, int fd, const void *token)
{
	log_clear();
	return vfio_cdev_domain_attach(f->domain, &f->info, fd, token);
}

/* It fails before the kernel is called, names the device, and the file is as before. */
#define assert_attach_fails(f, fd, err, ...) \
	do { \
		const unsigned int binds = fake_calls(FAKE_BIND); \
\
		assert_int_equal(attach(f, fd, NULL), -(err)); \
		assert_logged(ERR, FIXTURE_ADDR, FIXTURE_NODE, strerror(err), __VA_ARGS__); \
		assert_int_equal(fake_calls(FAKE_BIND), binds); \
		assert_false(fake_node(FIXTURE_NODE)->bound); \
	} while (0)

static void
open_cdev_is_bound_and_attached(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open();
	const unsigned int attached = fake_calls(FAKE_ATTACH);

	assert_int_equal(attach(f, fd, NULL), 0);
	assert_true(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(fake_calls(FAKE_ATTACH), attached + 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_int_equal(fixture_stats(f).devices, 0);
	assert_kernel_holds(2, 0, 0);
	/* Memory that is mapped now is pinned for it. */
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(fake_sys.close(fd), 0);
	assert_false(fake_node(FIXTURE_NODE)->bound);
	assert_kernel_holds(1, 1, FAKE_PAGE);
}

/* The file lives as long as one of its fds. */
static void
copy_of_the_fd_keeps_the_device(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open(), copy = fake_sys.dup(fd);

	assert_int_equal(attach(f, fd, NULL), 0);
	assert_int_equal(fake_sys.close(fd), 0);
	assert_true(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(fake_sys.close(copy), 0);
	assert_false(fake_node(FIXTURE_NODE)->bound);
}

static void
domain_that_is_not_ready_attaches_nothing(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open();

	assert_attach_fails(f, fd, ENODEV, "cannot attach");
	fake_sys.close(fd);
}

static void
domain_or_device_of_another_mode_is_refused(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_domain *translated;
	const int fd = cdev_open();

	f->info.mode = RTE_VFIO_CDEV_TRANSLATED;
	assert_attach_fails(f, fd, EXDEV, "cannot attach");
	assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_TRANSLATED, &translated),
			 0);
	assert_int_equal(vfio_cdev_domain_attach(translated, &f->info, fd, NULL), -EXDEV);
	f->info.mode = RTE_VFIO_CDEV_NOIOMMU;
	assert_int_equal(vfio_cdev_domain_attach(translated, &f->info, fd, NULL), -EXDEV);
	assert_int_equal(rte_vfio_cdev_domain_destroy(translated), 0);
	fake_sys.close(fd);
}

static void
fd_of_another_file_is_refused(void **state)
{
	const struct fixture *f = *state;
	int fd;

	fake_node_add(FAKE_CDEV("noiommu-vfio1"), FAKE_MAJOR, 1);
	fd = fake_sys.open(FAKE_CDEV("noiommu-vfio1"), O_RDWR | O_CLOEXEC);
	assert_attach_fails(f, fd, ENXIO, "cannot attach");
	fake_sys.close(fd);
	assert_attach_fails(f, rte_vfio_cdev_domain_fd(f->domain), ENXIO, "cannot attach");
	fd = cdev_open();
	fake_fail(FAKE_RDEV, 1, EBADF);
	assert_attach_fails(f, fd, ENXIO, "cannot attach");
	fake_sys.close(fd);
}

static void
file_that_is_bound_is_not_bound_again(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open(), other = cdev_open();

	assert_int_equal(attach(f, fd, NULL), 0);
	assert_int_equal(attach(f, fd, NULL), -EINVAL);
	assert_logged(ERR, FIXTURE_ADDR, "cannot bind", strerror(EINVAL));
	assert_int_equal(attach(f, other, NULL), -EINVAL);
	fake_sys.close(other);
	assert_true(fake_node(FIXTURE_NODE)->bound);
	fake_sys.close(fd);
}

static void
group_that_is_open_is_named(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open();

	fake_node(FIXTURE_NODE)->group_open = true;
	assert_int_equal(attach(f, fd, NULL), -EBUSY);
	assert_logged(ERR, FIXTURE_ADDR, "cannot bind", "group is open");
	fake_node(FIXTURE_NODE)->group_open = false;
	assert_int_equal(attach(f, fd, NULL), 0);
	fake_sys.close(fd);
}

/* The kernel has no call that unbinds: only closing the file does. */
static void
attachment_that_fails_leaves_the_file_bound(void **state)
{
	const struct fixture *f = *state;
	const int fd = cdev_open();
	int other;

	fake_fail(FAKE_ATTACH, 1, ENOMEM);
	assert_int_equal(attach(f, fd, NULL), -ENOMEM);
	assert_logged(ERR, FIXTURE_ADDR, "cannot attach", FIXTURE_NODE, strerror(ENOMEM));
	assert_true(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(fixture_stats(f).devices, 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(attach(f, fd, NULL), -EINVAL);
	fake_sys.close(fd);
	other = cdev_open();
	assert_int_equal(attach(f, other, NULL), 0);
	fake_sys.close(other);
}

static void
token_is_passed_on(void **state)
{
	static const unsigned char wanted[FAKE_TOKEN_LEN] = { 1, 2, 3 };
	static const unsigned char other[FAKE_TOKEN_LEN] = { 1, 2, 4 };
	const struct fixture *f = *state;
	const int fd = cdev_open();

	fake_node(FIXTURE_NODE)->token = wanted;
	assert_int_equal(attach(f, fd, NULL), -EACCES);
	assert_logged(ERR, FIXTURE_ADDR, "cannot bind", strerror(EACCES));
	assert_int_equal(attach(f, fd, other), -EACCES);
	assert_int_equal(attach(f, fd, wanted), 0);
	fake_sys.close(fd);
}

/* BIND resets the device, which takes its time; others use the domain meanwhile. */
static void
ioctls_of_the_attachment_are_counted(void **state)
{
	const struct fixture *f = *state;
	const uint64_t before = fixture_stats(f).ioctls;
	const int fd = cdev_open();

	assert_int_equal(attach(f, fd, NULL), 0);
	assert_int_equal(fixture_stats(f).ioctls, before + 2);
	fake_sys.close(fd);
}

#define READY_TEST(name) cmocka_unit_test_setup_teardown(name, ready_begin, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		READY_TEST(open_cdev_is_bound_and_attached),
		READY_TEST(copy_of_the_fd_keeps_the_device),
		DOMAIN_TEST(domain_that_is_not_ready_attaches_nothing),
		READY_TEST(domain_or_device_of_another_mode_is_refused),
		READY_TEST(fd_of_another_file_is_refused),
		READY_TEST(file_that_is_bound_is_not_bound_again),
		READY_TEST(group_that_is_open_is_named),
		READY_TEST(attachment_that_fails_leaves_the_file_bound),
		READY_TEST(token_is_passed_on),
		READY_TEST(ioctls_of_the_attachment_are_counted),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
