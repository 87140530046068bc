/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: where pages are, and whether they are pinned. */

#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "asserts.h"
#include "domains.h"
#include "shared_result.h"

#define SEGMENT ", socket_id:0, hugepage_sz:2097152, nchannel:4, nrank:0 fd:9\n"

static void
physmem_is_parsed(void **state)
{
	static const char text
		[] = "dump_physmem\n"
		     "Segment 0-0: IOVA:0x2000000, len:2097152, virt:0x100200000" SEGMENT
		     "Segment 4-12: IOVA:0x1c0000000, len:1073741824, virt:0x7f0000000000" SEGMENT;
	struct segments segments;

	(void)state;
	assert_int_equal(segments_parse(text, &segments), 0);
	assert_int_equal(segments.count, 2);
	assert_int_equal(segments.list[0].iova, 0x2000000);
	assert_int_equal(segments.list[1].va, 0x7f0000000000);
	assert_int_equal(segments.list[1].length, 1 << 30);
	segments_free(&segments);
}

static void
malformed_physmem_is_an_error(void **state)
{
	struct segments segments;

	(void)state;
	assert_int_equal(segments_parse("", &segments), -EBADMSG);
	assert_int_equal(segments_parse("Bad arguments\n", &segments), -EBADMSG);
	assert_int_equal(segments_parse("Segment 0-0: IOVA:0x2000000, len:2097152\n", &segments),
			 -EBADMSG);
	assert_int_equal(segments_parse("Segment 0-0: IOVA:0x2000000, len:0, virt:0x1000" SEGMENT,
					&segments),
			 -EBADMSG);
	assert_null(segments.list);
}

static int
mapping_of(const char *text, struct mapping *mapping)
{
	json_t *object = json_loads(text, 0, NULL);
	int ret;

	assert_non_null(object);
	ret = mapping_parse(object, mapping);
	json_decref(object);
	return ret;
}

#define PLACE "\"va\":\"0x1000\",\"iova\":\"0x9000\",\"state\":\"pinned\""
#define SIZE ",\"length\":8192,\"page_size\":4096"

static void
mapping_is_parsed(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_int_equal(mapping_of("{" PLACE SIZE "}", &mapping), 0);
	assert_true(mapping.pinned);
	assert_false(mapping.has_kernel);
	assert_int_equal(mapping_of("{" PLACE SIZE ",\"kernel\":\"0x9000\",\"kernel_last\":"
				    "\"0xa000\"}",
				    &mapping),
			 0);
	assert_true(mapping.has_kernel);
	assert_int_equal(mapping.va, 0x1000);
	assert_int_equal(mapping.kernel_last, 0xa000);
	assert_int_equal(mapping_check(&mapping, true, &result), VERDICT_PASS);
}

static void
malformed_mapping_is_an_error(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{" PLACE "}",
		"{" PLACE ",\"length\":8192,\"page_size\":0}",
		"{" PLACE ",\"length\":8191,\"page_size\":4096}",
		"{" PLACE ",\"length\":-8192,\"page_size\":4096}",
		"{" PLACE ",\"length\":0,\"page_size\":4096}",
		"{\"va\":4096,\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"4096\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x10g\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x11112222333344445\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{" PLACE SIZE ",\"kernel\":\"0x9000\"}",
	};
	struct mapping mapping;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(mapping_of(texts[i], &mapping), -EBADMSG);
}

static struct mapping list[] = {
	{ .va = 0x1000, .iova = 0x9000, .length = 0x2000, .page_size = 0x1000, .pinned = true },
	{ .va = 0x8000, .iova = 0x1000, .length = 0x1000, .page_size = 0x1000, .pinned = true },
};
static const struct mappings mappings = { .list = list, .count = 2 };

static void
segment_is_where_it_is_mapped(void **state)
{
	(void)state;
	assert_ptr_equal(mappings_find(&mappings, 0x2fff), &list[0]);
	assert_ptr_equal(mappings_find(&mappings, 0x8000), &list[1]);
	assert_null(mappings_find(&mappings, 0xfff));
	assert_null(mappings_find(&mappings, 0x3000));
	assert_null(mappings_find(&mappings, 0x9000));
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0xa000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_PASS);
}

static void
segment_elsewhere_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0x9000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x2000: the IOAS has it at 0xa000, the EAL at 0x9000");
	assert_int_equal(segment_check(&(struct segment){ 0x4000, 0x9000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "not mapped in the IOAS"));
	/* Its end is not. */
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0xa000, 0x2000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
}

static void
page_that_moved_is_a_failure(void **state)
{
	struct mapping mapping = list[0];

	(void)state;
	mapping.has_kernel = true;
	mapping.kernel = 0x9000;
	mapping.kernel_last = 0xb000;
	assert_int_equal(mapping_check(&mapping, true, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x2000: the IOAS has it at 0xa000, the kernel at 0xb000");
	mapping.kernel = 0x8000;
	assert_int_equal(mapping_check(&mapping, true, &result), VERDICT_FAIL);
}

/* A query that fails is no answer that fits. */
static void
page_that_the_kernel_does_not_confirm_is_a_failure(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_int_equal(mapping_of("{" PLACE SIZE ",\"kernel_error\":\"Operation not permitted\"}",
				    &mapping),
			 0);
	assert_int_equal(mapping_check(&mapping, true, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x1000: the IOAS has it at 0x9000, the kernel does not report "
			    "where it is: Operation not permitted");
	assert_int_equal(mapping_check(&mapping, false, &result), VERDICT_FAIL);
	assert_int_equal(mapping_of("{" PLACE SIZE "}", &mapping), 0);
	assert_int_equal(mapping_check(&mapping, true, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x1000: the IOAS has it at 0x9000, and the kernel has not "
			    "confirmed it");
	/* An IOMMU translates. */
	assert_int_equal(mapping_check(&mapping, false, &result), VERDICT_PASS);
}

static void
segment_that_is_not_pinned_is_a_failure(void **state)
{
	struct mapping pending = list[0];
	const struct mappings all = { .list = &pending, .count = 1 };

	(void)state;
	pending.pinned = false;
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0xa000, 0x1000 }, &all, &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "is mapped, but not pinned"));
}

static int
domains_of(const char *text, struct domains *domains)
{
	json_t *answer = json_loads(text, 0, NULL);
	int ret;

	assert_non_null(answer);
	*domains = (struct domains){ .count = 0 };
	ret = domains_parse(answer, domains);
	json_decref(answer);
	return ret;
}

#define DOMAIN(name, mode, devices, bytes) \
	"\"" name "\":{\"mode\":\"" mode "\",\"devices\":" devices ",\"bytes\":" bytes "}"

static void
domains_with_devices_are_found(void **state)
{
	struct domains domains;

	(void)state;
	assert_int_equal(domains_of("{\"domains\":{" DOMAIN(
					    "noiommu", "no-IOMMU", "2",
					    "4096") "," DOMAIN("translated", "translated", "1",
							       "8192") "," DOMAIN("container_9",
										  "no-IOMMU", "0",
										  "0") "}}",
				    &domains),
			 0);
	assert_int_equal(domains.count, 2);
	assert_string_equal(domains.list[0].name, "noiommu");
	assert_true(domains.list[0].noiommu);
	assert_false(domains.list[1].noiommu);
	assert_int_equal(domains.list[1].bytes, 8192);
	assert_int_equal(domains_of("{\"domains\":{\"noiommu\":{\"mode\":\"no-IOMMU\"}}}",
				    &domains),
			 -EBADMSG);
	assert_int_equal(domains_of("{}", &domains), 0);
	assert_int_equal(domains.count, 0);
}

/* VmPin is the sum of both: with one of them unpinned it is still all hugepages. */
static void
each_domain_must_be_pinned(void **state)
{
	struct domains two = {
		.list = { { .name = "noiommu", .bytes = 64 << 20 },
			  { .name = "translated", .bytes = 64 << 20 } },
		.count = 2,
	};
	const struct domains one = {
		.list = { { .name = "noiommu", .bytes = 64 << 20 } },
		.count = 1,
	};
	const struct proc_memory once = { .huge = 64 << 10, .pinned = 64 << 10 };
	const struct proc_memory twice = { .huge = 64 << 10, .pinned = 128 << 10 };
	const struct proc_memory none = { .huge = 64 << 10, .pinned = 0 };

	(void)state;
	assert_int_equal(domains_verdict(&one, &once, &result), VERDICT_PASS);
	assert_int_equal(domains_verdict(&one, &none, &result), VERDICT_FAIL);
	assert_string_equal(result.text, "of 65536 kB of hugepages 0 kB are pinned (VmPin)");
	assert_int_equal(domains_verdict(&two, &twice, &result), VERDICT_PASS);
	assert_int_equal(domains_verdict(&two, &once, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "of 65536 kB of hugepages that each of 2 domains has 65536 kB are "
			    "pinned (VmPin)");
	two.list[1].bytes = 2 << 20;
	assert_int_equal(domains_verdict(&two, &twice, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "of 65536 kB of hugepages the domain translated has pinned 2048 kB");
}

/* It has no devices, and VmPin says nothing of it: its bytes count. */
static void
domain_of_io_uring_counts_by_its_bytes(void **state)
{
	const struct proc_memory none = { .huge = 64 << 10, .pinned = 0 };
	struct domains domains;

	(void)state;
	assert_int_equal(domains_of("{\"domains\":{" DOMAIN("pin_only", "pinned by io_uring", "0",
							    "0") "}}",
				    &domains),
			 0);
	assert_int_equal(domains.count, 0);
	assert_int_equal(domains_of("{\"domains\":{" DOMAIN("pin_only", "pinned by io_uring", "0",
							    "67108864") "}}",
				    &domains),
			 0);
	assert_int_equal(domains.count, 1);
	assert_true(domains.list[0].pin_only);
	assert_int_equal(domains_verdict(&domains, &none, &result), VERDICT_PASS);
	domains.list[0].bytes -= 2 << 20;
	assert_int_equal(domains_verdict(&domains, &none, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "of 65536 kB of hugepages the domain pin_only has pinned 63488 kB");
}

static void
pagemap_has_an_address_or_not(void **state)
{
	(void)state;
	assert_int_equal(pagemap_address(UINT64_C(0x8180000000000012), 0x5234), 0x12234);
	assert_int_equal(pagemap_address(UINT64_C(0x8000000000000000), 0x5234), 0);
	assert_int_equal(pagemap_address(0x12, 0x5234), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, result_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(physmem_is_parsed),
		TEST(malformed_physmem_is_an_error),
		TEST(mapping_is_parsed),
		TEST(malformed_mapping_is_an_error),
		TEST(segment_is_where_it_is_mapped),
		TEST(segment_elsewhere_is_a_failure),
		TEST(page_that_moved_is_a_failure),
		TEST(page_that_the_kernel_does_not_confirm_is_a_failure),
		TEST(segment_that_is_not_pinned_is_a_failure),
		TEST(domains_with_devices_are_found),
		TEST(each_domain_must_be_pinned),
		TEST(domain_of_io_uring_counts_by_its_bytes),
		TEST(pagemap_has_an_address_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
