/* SPDX-License-Identifier: BSD-3-Clause */

/* A device's registers: not memory, so not pinned, but known by sysfs. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define BAR UINT64_C(0xfebd0000)
#define FAR_BAR UINT64_C(0x800000000)
#define BAR_LEN PAGES(4)

/* Six BARs, the ROM and what else there is, as drivers/pci/pci-sysfs.c writes it. */
static const char resource[] = "0x000000000000c000 0x000000000000cfff 0x0000000000040101\n"
			       "0x00000000febd0000 0x%016" PRIx64 " 0x0000000000140204\n"
			       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			       "0x0000000800000000 0x%016" PRIx64 " 0x000000000014220c\n"
			       "0x00000000feb80000 0x00000000febbffff 0x0000000000046200\n"
			       "0x0000000900000000 0x00000009000fffff 0x0000000000140204\n";

static int
resource_write(int ret)
{
	char text[1024];

	snprintf(text, sizeof(text), resource, BAR + BAR_LEN - 1, FAR_BAR + BAR_LEN - 1);
	fake_sysfs_write(text, "bus/pci/devices/0000:00:07.0/resource");
	fake_sysfs_write("no addresses\n", "bus/pci/devices/0000:00:08.0/resource");
	return ret;
}

static int
setup(void **state)
{
	return resource_write(fixture_device(state));
}

static int
setup_domain(void **state)
{
	return resource_write(fixture_domain(state));
}

/* The kernel cannot pin it: drivers map registers as PFNs. */
static int
bar_map(const struct fixture *f, uint64_t iova, uint64_t len)
{
	fake_fail(FAKE_MAP, 1, EFAULT);
	log_clear();
	return rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), iova, len, FAKE_PAGE);
}

static int
bar_unmap(const struct fixture *f, uint64_t offset, uint64_t len)
{
	return rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(offset), BAR + offset, len);
}

static uint64_t
mappings(const struct fixture *f)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.pages_mapped, 0);
	assert_int_equal(stats.pages_verified, 0);
	assert_int_equal(stats.bytes, 0);
	return stats.mappings;
}

static void
bar_is_recorded_and_not_pinned(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bar_map(f, BAR, BAR_LEN), 0);
	assert_int_equal(mappings(f), 1);
	assert_kernel_holds(2, 0, 0);
	assert_logged(DEBUG, "BAR", "0xfebd0000");
	assert_int_equal(rte_vfio_cdev_domain_lookup(f->domain, FAKE_VA(0), BAR, BAR_LEN), 0);
	assert_int_equal(bar_unmap(f, 0, BAR_LEN), 0);
	assert_int_equal(mappings(f), 0);
	assert_int_equal(fake_calls(FAKE_UNMAP), 0);
	assert_int_equal(bar_unmap(f, 0, BAR_LEN), -ENOENT);
}

static void
part_of_a_bar_will_do(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bar_map(f, BAR + FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(bar_map(f, FAR_BAR, BAR_LEN), 0);
	assert_int_equal(mappings(f), 2);
}

/* Beside a BAR, over its end, an I/O port, the ROM, no BAR at all, a bridge's window. */
static void
what_is_not_in_a_bar_is_refused(void **state)
{
	const struct {
		uint64_t iova, len;
	} bad[] = {
		{ BAR - FAKE_PAGE, FAKE_PAGE },
		{ BAR - FAKE_PAGE, 2 * FAKE_PAGE },
		{ BAR, BAR_LEN + FAKE_PAGE },
		{ BAR + BAR_LEN, FAKE_PAGE },
		{ 0xc000 & ~(FAKE_PAGE - 1), FAKE_PAGE },
		{ 0, FAKE_PAGE },
		{ 0xfeb80000, FAKE_PAGE },
		{ UINT64_C(0x900000000), FAKE_PAGE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(bar_map(f, bad[i].iova, bad[i].len), -EFAULT);
		assert_logged(ERR, "cannot map", strerror(EFAULT), "a device's");
		assert_int_equal(mappings(f), 0);
	}
}

static unsigned int
open_files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
no_file_stays_open(void **state)
{
	struct fixture *f = *state;
	const unsigned int files = open_files();

	assert_int_equal(bar_map(f, BAR, BAR_LEN), 0);
	assert_int_equal(bar_map(f, 0, FAKE_PAGE), -EFAULT);
	assert_int_equal(open_files(), files);
}

static void
without_pci_there_is_no_bar(void **state)
{
	struct fixture *f = *state;

	fake_sysfs_reset();
	assert_int_equal(bar_map(f, BAR, BAR_LEN), -EFAULT);
	assert_int_equal(mappings(f), 0);
}

/* All or nothing for the first device; by the next the range may be memory. */
static void
bar_that_was_waiting_is_looked_at_anew(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), BAR, BAR_LEN, FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(HUGE), FAKE_PHYS(0), FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	for (unsigned int i = 0; i < 2; i++) {
		fake_fail(FAKE_MAP, i + 1, EFAULT);
		assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device),
				 -EADDRNOTAVAIL);
		assert_int_equal(mappings(f), 0);
		assert_kernel_holds(1, 0, 0);
	}
}

/* An error that does not say "cannot be pinned" is one for a BAR's address too. */
static void
other_errors_stay_errors(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), BAR, BAR_LEN, FAKE_PAGE),
			 -ENOMEM);
	assert_int_equal(mappings(f), 0);
}

/* Memory with the address of a BAR: pinned, and found to be elsewhere. */
static void
memory_cannot_pass_for_a_bar(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), BAR, BAR_LEN, FAKE_PAGE),
			 -EADDRNOTAVAIL);
	assert_nothing_mapped(f);
}

static void
bar_has_users_and_parts_like_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bar_map(f, BAR, BAR_LEN), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), BAR, BAR_LEN, FAKE_PAGE),
			 0);
	assert_int_equal(bar_unmap(f, 0, BAR_LEN), 0);
	assert_int_equal(mappings(f), 1);
	assert_int_equal(bar_unmap(f, FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(mappings(f), 2);
	assert_int_equal(bar_unmap(f, 0, FAKE_PAGE), 0);
	assert_int_equal(bar_unmap(f, 2 * FAKE_PAGE, 2 * FAKE_PAGE), 0);
	assert_int_equal(mappings(f), 0);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
}

#define BAR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BAR_TEST(bar_is_recorded_and_not_pinned),
		BAR_TEST(part_of_a_bar_will_do),
		BAR_TEST(what_is_not_in_a_bar_is_refused),
		BAR_TEST(no_file_stays_open),
		BAR_TEST(without_pci_there_is_no_bar),
		cmocka_unit_test_setup_teardown(bar_that_was_waiting_is_looked_at_anew,
						setup_domain, fixture_end),
		BAR_TEST(other_errors_stay_errors),
		BAR_TEST(memory_cannot_pass_for_a_bar),
		BAR_TEST(bar_has_users_and_parts_like_memory),
	};

	return cmocka_run_group_tests_name("BAR", tests, NULL, NULL);
}
