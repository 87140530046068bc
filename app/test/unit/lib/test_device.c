/* SPDX-License-Identifier: BSD-3-Clause */

/* A device from open to close, and what each bad input gets. */

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fake_heap.h"
#include "fixture.h"

/* Opening fails; the line names the device and has these words. */
#define assert_open_fails(f, err, ...) \
	do { \
		struct rte_vfio_cdev_device *device_ = NULL; \
\
		log_clear(); \
		assert_int_equal(rte_vfio_cdev_device_open((f)->domain, &(f)->info, NULL, \
							   &device_), \
				 -(err)); \
		assert_null(device_); \
		assert_logged(ERR, FIXTURE_ADDR, FIXTURE_NODE, strerror(err), __VA_ARGS__); \
		assert_kernel_holds(1, 0, 0); \
	} while (0)

/* Opening the iommufd fails and leaves nothing. */
#define assert_iommufd_fails(f, err, ...) \
	do { \
		log_clear(); \
		assert_int_equal(rte_vfio_cdev_domain_fd((f)->domain), -(err)); \
		assert_int_equal(rte_vfio_cdev_iommufds_open(), 0); \
		assert_logged(ERR, FAKE_IOMMU, strerror(err), __VA_ARGS__); \
		assert_kernel_holds(0, 0, 0); \
	} while (0)

/* A domain that has opened nothing yet. */
static int
closed_domain(void **state)
{
	struct fixture *f;

	if (fixture_ctx(state) < 0)
		return -1;
	f = *state;
	return rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &f->domain);
}

static unsigned int
device_count(const struct fixture *f)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(f->domain, &stats);
	return stats.devices;
}

/* A domain without a device costs nothing. */
static void
domain_opens_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(0), FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(HUGE), FAKE_PHYS(HUGE)), 0);
	assert_false(rte_vfio_cdev_domain_is_ready(f->domain));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 0);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
	assert_true(rte_vfio_cdev_domain_is_ready(f->domain));
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 1);
	assert_kernel_holds(2, 2, 2 * FAKE_PAGE);
}

static void
device_is_bound_and_attached(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
	assert_true(rte_vfio_cdev_device_fd(f->device) >= 0);
	assert_int_not_equal(rte_vfio_cdev_device_fd(f->device),
			     rte_vfio_cdev_domain_fd(f->domain));
	assert_memory_equal(rte_vfio_cdev_device_info(f->device), &f->info, sizeof(f->info));
	assert_true(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(fake_calls(FAKE_ATTACH), 1);
	assert_int_equal(device_count(f), 1);
	assert_kernel_holds(2, 0, 0);
}

static void
closing_a_device_unbinds_it_and_keeps_the_pins(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(0), FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	rte_vfio_cdev_device_close(f->device);
	f->device = NULL;
	assert_false(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(device_count(f), 0);
	assert_kernel_holds(1, 1, FAKE_PAGE);
	rte_vfio_cdev_device_close(NULL);
}

static void
devices_share_one_hwpt(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_device *second;
	struct rte_vfio_cdev_info info = f->info;

	strcpy(info.name, "noiommu-vfio1");
	info.minor = 1;
	fake_node_add(FAKE_CDEV("noiommu-vfio1"), FAKE_MAJOR, 1);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &info, NULL, &second), 0);
	assert_int_equal(fake_calls(FAKE_HWPT_ALLOC), 1);
	assert_int_equal(fake_calls(FAKE_ATTACH), 2);
	assert_int_equal(device_count(f), 2);
	rte_vfio_cdev_device_close(second);
	assert_int_equal(device_count(f), 1);
}

static void
device_can_be_opened_again(void **state)
{
	struct fixture *f = *state;

	rte_vfio_cdev_device_close(f->device);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
	assert_int_equal(device_count(f), 1);
}

static void
device_info_is_read(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_device_get_info(f->device, &info), 0);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	info.argsz = 1;
	assert_int_equal(rte_vfio_cdev_device_get_info(f->device, &info), -EINVAL);
	assert_logged(ERR, FIXTURE_ADDR, "information", strerror(EINVAL));
}

static void
without_cap_sys_rawio_open_fails(void **state)
{
	struct fixture *f = *state;

	fake.rawio = false;
	assert_open_fails(f, EPERM, "cannot open", "CAP_SYS_RAWIO", "root");
}

static void
without_permission_open_fails(void **state)
{
	fake_node(FIXTURE_NODE)->open_error = EACCES;
	assert_open_fails((struct fixture *)*state, EACCES, "cannot open", "owner or mode");
}

static void
without_node_open_fails(void **state)
{
	fake_node_remove(FIXTURE_NODE);
	assert_open_fails((struct fixture *)*state, ENOENT, "cannot open", "--device");
}

static void
departing_device_fails_to_open(void **state)
{
	fake_node(FIXTURE_NODE)->open_error = ENODEV;
	assert_open_fails((struct fixture *)*state, ENODEV, "cannot open", "being removed");
}

static void
node_of_another_device_is_refused(void **state)
{
	fake_fail(FAKE_RDEV, 1, ENOTTY);
	assert_open_fails((struct fixture *)*state, ENXIO, "cannot open", "left over");

	fake_node_remove(FIXTURE_NODE);
	fake_node_add(FIXTURE_NODE, FAKE_MAJOR, 7);
	assert_open_fails((struct fixture *)*state, ENXIO, "cannot open", "left over");
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
group_open_elsewhere_fails_to_bind(void **state)
{
	fake_node(FIXTURE_NODE)->group_open = true;
	assert_open_fails((struct fixture *)*state, EBUSY, "cannot bind", "group is open", "fuser");
}

static void
cdev_bound_elsewhere_fails_to_bind(void **state)
{
	fake_node(FIXTURE_NODE)->bound = true;
	assert_open_fails((struct fixture *)*state, EINVAL, "cannot bind", "another program",
			  "fuser");
}

static void
missing_token_fails_to_bind(void **state)
{
	static const unsigned char wanted[FAKE_TOKEN_LEN] = { 1, 2, 3 };

	fake_node(FIXTURE_NODE)->token = wanted;
	assert_open_fails((struct fixture *)*state, EACCES, "cannot bind", "--vfio-vf-token");
}

static void
right_token_binds_and_another_does_not(void **state)
{
	static const unsigned char wanted[FAKE_TOKEN_LEN] = { 1, 2, 3 };
	static const unsigned char other[FAKE_TOKEN_LEN] = { 1, 2, 4 };
	struct fixture *f = *state;

	fake_node(FIXTURE_NODE)->token = wanted;
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, other, &f->device),
			 -EACCES);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, wanted, &f->device), 0);
}

/* A token that the device does not need is an error: it is not left out. */
static void
token_for_a_device_without_one_fails_to_bind(void **state)
{
	static const unsigned char token[FAKE_TOKEN_LEN] = { 1 };
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, token, &f->device),
			 -EINVAL);
	assert_logged(ERR, FIXTURE_ADDR, "cannot bind", "VF token");
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_kernel_holds(1, 0, 0);
}

static void
failed_attach_closes_the_device(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_HWPT_ALLOC, 1, EOPNOTSUPP);
	assert_open_fails(f, EOPNOTSUPP, "cannot attach");
	fake_fail(FAKE_ATTACH, 1, ENOMEM);
	assert_open_fails(f, ENOMEM, "cannot attach");
	assert_int_equal(device_count(f), 0);
	assert_false(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
}

static void
short_heap_fails_to_open(void **state)
{
	struct fixture *f = *state;

	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_open_fails(f, ENOMEM, "cannot open");
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
missing_iommufd_fails_to_open(void **state)
{
	fake_node_remove(FAKE_IOMMU);
	assert_iommufd_fails((struct fixture *)*state, ENOENT, "cannot open", "modprobe iommufd");
}

/* As in a pod that was given the nodes of groups only. */
static void
missing_nodes_are_named_together(void **state)
{
	struct fixture *f = *state;

	fake_node_remove(FAKE_IOMMU);
	fake_node_remove(FIXTURE_NODE);
	log_clear();
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), -ENOENT);
	assert_logged(ERR, FIXTURE_ADDR ": cannot open " FAKE_IOMMU " and " FIXTURE_NODE ": ",
		      strerror(ENOENT), "dpdk-vfio-cdev cdi");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_int_equal(rte_vfio_cdev_try_nodes(f->ctx, &f->info), -ENOENT);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 2);
	assert_kernel_holds(0, 0, 0);
	fake_node_add(FIXTURE_NODE, FAKE_MAJOR, 0);
	log_clear();
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), -ENOENT);
	assert_logged(ERR, FIXTURE_ADDR ": cannot open " FAKE_IOMMU ": ", "modprobe iommufd");
	assert_kernel_holds(0, 0, 0);
}

static void
unreadable_iommufd_fails_to_open(void **state)
{
	fake_node(FAKE_IOMMU)->open_error = EACCES;
	assert_iommufd_fails((struct fixture *)*state, EACCES, "cannot open", "owner or mode");
	fake_node(FAKE_IOMMU)->open_error = EPERM;
	assert_iommufd_fails((struct fixture *)*state, EPERM, "cannot open", "container");
	fake_node(FAKE_IOMMU)->open_error = ENODEV;
	assert_iommufd_fails((struct fixture *)*state, ENODEV, "cannot open", "modprobe iommufd");
}

static void
kernel_without_get_pa_is_refused(void **state)
{
	fake.get_pa_error = ENOTTY;
	assert_iommufd_fails((struct fixture *)*state, ENOTTY, "GET_PA", "older than Linux 7.3");
	fake.get_pa_error = EOPNOTSUPP;
	assert_iommufd_fails((struct fixture *)*state, EOPNOTSUPP, "GET_PA",
			     "CONFIG_IOMMUFD_NOIOMMU");
}

static void
get_pa_without_capability_is_refused(void **state)
{
	fake.rawio = false;
	assert_iommufd_fails((struct fixture *)*state, EPERM, "GET_PA", "CAP_SYS_RAWIO");
}

static void
failed_ioas_alloc_closes_the_iommufd(void **state)
{
	fake_fail(FAKE_IOAS_ALLOC, 1, ENOMEM);
	assert_iommufd_fails((struct fixture *)*state, ENOMEM, "IOAS_ALLOC");
}

static void
short_heap_fails_to_create_a_domain(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_ctx *ctx;

	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &f->domain),
			 -ENOMEM);
	assert_logged(ERR, strerror(ENOMEM));
	assert_kernel_holds(0, 0, 0);
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(rte_vfio_cdev_ctx_create(NULL, NULL, &ctx), -ENOMEM);
}

static void
unknown_mode_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_MODES, &f->domain),
			 -EINVAL);
	assert_logged(ERR, "unknown", strerror(EINVAL));
	assert_kernel_holds(0, 0, 0);
}

/* The running kernel's context works, and so does one that does not log. */
static void
public_context_is_quiet_without_log(void **state)
{
	struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_info info;

	(void)state;
	assert_int_equal(rte_vfio_cdev_ctx_create(NULL, NULL, &ctx), 0);
	assert_int_equal(rte_vfio_cdev_find(ctx, "/sys/bus/pci/devices", "none", &info), -ENODEV);
	rte_vfio_cdev_ctx_free(ctx);
	rte_vfio_cdev_ctx_free(NULL);
}

/* The library keeps copies of the paths: a device and its openers are looked for there. */
static void
context_at_another_root_looks_there(void **state)
{
	char sysfs[PATH_MAX], proc[PATH_MAX], dev[PATH_MAX], node[PATH_MAX + 8];
	struct rte_vfio_cdev_opener opener;
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_info info;
	struct rte_vfio_cdev_ctx *ctx;

	(void)state;
	log_clear();
	fake_sysfs_reset();
	fake_sysfs_add(FIXTURE_ADDR, FIXTURE_NAME, "1:3\n");
	fake_sysfs_write("opener\n", "proc/7/comm");
	fake_sysfs_link("/dev/null", "proc/7/fd/3");
	snprintf(sysfs, sizeof(sysfs), "%s", fake_sysfs_root());
	snprintf(proc, sizeof(proc), "%s/proc", fake_sysfs_root());
	snprintf(dev, sizeof(dev), "%s/dev", fake_sysfs_root());
	snprintf(node, sizeof(node), "%s/iommu", dev);
	assert_int_equal(rte_vfio_cdev_ctx_create_at(sysfs, proc, dev, log_capture, NULL, &ctx), 0);
	sysfs[0] = proc[0] = dev[0] = '\0';
	assert_int_equal(rte_vfio_cdev_count(ctx, RTE_VFIO_CDEV_NOIOMMU), 1);
	assert_int_equal(rte_vfio_cdev_find(ctx, fake_sysfs_base(), FIXTURE_ADDR, &info), 0);
	assert_int_equal(rte_vfio_cdev_openers(ctx, &info, &opener, 1), 1);
	assert_string_equal(opener.name, "opener");
	assert_int_equal(rte_vfio_cdev_domain_create(ctx, RTE_VFIO_CDEV_NOIOMMU, &domain), 0);
	assert_int_equal(rte_vfio_cdev_domain_fd(domain), -ENOENT);
	assert_logged(ERR, "cannot open", node);
	rte_vfio_cdev_domain_destroy(domain);
	rte_vfio_cdev_ctx_free(ctx);
}

static void
context_refuses_paths_that_are_too_long(void **state)
{
	struct rte_vfio_cdev_ctx *ctx;
	char path[PATH_MAX / 2 + 1];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(rte_vfio_cdev_ctx_create_at(path, NULL, NULL, NULL, NULL, &ctx),
			 -ENAMETOOLONG);
	assert_int_equal(rte_vfio_cdev_ctx_create_at(NULL, path, NULL, NULL, NULL, &ctx),
			 -ENAMETOOLONG);
	assert_int_equal(rte_vfio_cdev_ctx_create_at(NULL, NULL, path, NULL, NULL, &ctx),
			 -ENAMETOOLONG);
	path[sizeof(path) - 2] = '\0';
	assert_int_equal(rte_vfio_cdev_ctx_create_at(path, path, path, NULL, NULL, &ctx), 0);
	rte_vfio_cdev_ctx_free(ctx);
}

static void
lines_above_the_level_are_left_out(void **state)
{
	struct fixture *f = *state;

	log_clear();
	rte_vfio_cdev_ctx_set_level(f->ctx, RTE_VFIO_CDEV_LOG_WARNING);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(0), FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	assert_string_equal(log_text(), "");
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), 1, FAKE_PAGE, FAKE_PAGE),
			 -EINVAL);
	assert_logged(ERR, "cannot map", strerror(EINVAL));
}

static void
unknown_error_has_no_advice(void **state)
{
	(void)state;
	assert_string_equal(rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_BIND, EDOM), "");
}

#define CTX_DOMAIN_TEST(name) cmocka_unit_test_setup_teardown(name, closed_domain, fixture_end)
static void
nodes_are_tried_without_a_trace(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_try_nodes(f->ctx, &f->info), 0);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_kernel_holds(0, 0, 0);
	assert_string_equal(log_text(), "");
}

static void
node_that_cannot_be_opened_is_named(void **state)
{
	static const char *const nodes[] = { FAKE_IOMMU, FIXTURE_NODE };
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		fake_node(nodes[i])->open_error = EACCES;
		log_clear();
		assert_int_equal(rte_vfio_cdev_try_nodes(f->ctx, &f->info), -EACCES);
		assert_logged(ERR, FIXTURE_ADDR, nodes[i], strerror(EACCES));
		fake_node(nodes[i])->open_error = 0;
		assert_kernel_holds(0, 0, 0);
	}
	fake_node(FIXTURE_NODE)->rdev = makedev(1, 3);
	assert_int_equal(rte_vfio_cdev_try_nodes(f->ctx, &f->info), -ENXIO);
	assert_kernel_holds(0, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CTX_DOMAIN_TEST(domain_opens_nothing),
		DOMAIN_TEST(device_is_bound_and_attached),
		DEVICE_TEST(closing_a_device_unbinds_it_and_keeps_the_pins),
		DEVICE_TEST(devices_share_one_hwpt),
		DEVICE_TEST(device_can_be_opened_again),
		DEVICE_TEST(device_info_is_read),
		DOMAIN_TEST(without_cap_sys_rawio_open_fails),
		DOMAIN_TEST(without_permission_open_fails),
		DOMAIN_TEST(without_node_open_fails),
		DOMAIN_TEST(departing_device_fails_to_open),
		DOMAIN_TEST(node_of_another_device_is_refused),
		DOMAIN_TEST(group_open_elsewhere_fails_to_bind),
		DOMAIN_TEST(cdev_bound_elsewhere_fails_to_bind),
		DOMAIN_TEST(missing_token_fails_to_bind),
		DOMAIN_TEST(right_token_binds_and_another_does_not),
		DOMAIN_TEST(token_for_a_device_without_one_fails_to_bind),
		DOMAIN_TEST(failed_attach_closes_the_device),
		DOMAIN_TEST(short_heap_fails_to_open),
		CTX_DOMAIN_TEST(missing_iommufd_fails_to_open),
		CTX_DOMAIN_TEST(missing_nodes_are_named_together),
		CTX_DOMAIN_TEST(unreadable_iommufd_fails_to_open),
		CTX_DOMAIN_TEST(kernel_without_get_pa_is_refused),
		CTX_DOMAIN_TEST(get_pa_without_capability_is_refused),
		CTX_DOMAIN_TEST(failed_ioas_alloc_closes_the_iommufd),
		CTX_TEST(short_heap_fails_to_create_a_domain),
		CTX_TEST(unknown_mode_is_refused),
		CTX_TEST(nodes_are_tried_without_a_trace),
		CTX_TEST(node_that_cannot_be_opened_is_named),
		cmocka_unit_test(public_context_is_quiet_without_log),
		cmocka_unit_test(context_at_another_root_looks_there),
		cmocka_unit_test(context_refuses_paths_that_are_too_long),
		DEVICE_TEST(lines_above_the_level_are_left_out),
		cmocka_unit_test(unknown_error_has_no_advice),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
