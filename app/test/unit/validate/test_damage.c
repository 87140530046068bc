/* SPDX-License-Identifier: BSD-3-Clause */

/* Verdicts on the traffic program's report, whatever is in it. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "asserts.h"
#include "damage.h"
#include "late.h"
#include "proc_files.h"

#define GOOD "'sent': 100, 'received': 100, 'pages': 4, 'covered': 4"
#define PAGE(eal, kernel) \
	"{'va': '0x1000000', 'eal': '" eal "', 'kernel': '" kernel "', " \
	"'size': 2097152}"

#define LATE(given, moved, wrong, movable) \
	"'given': " given ", 'moved': " moved ", 'wrong': " wrong ", 'movable': " movable \
	", 'from': 0, 'to': 1"

typedef enum verdict (*judge_t)(const json_t *found, struct result *result);

/* Returns the verdict, and leaves the sentence in text. */
static enum verdict
judge(judge_t by, const char *members, char text[sizeof(((struct result *)0)->text)])
{
	struct result result = { 0 };
	enum verdict verdict;
	char json[1024];
	json_t *found;

	snprintf(json, sizeof(json), "{%s}", members);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	found = json_loads(json, 0, NULL);
	assert_non_null(found);
	verdict = by(found, &result);
	json_decref(found);
	strcpy(text, result.text);
	return verdict;
}

static enum verdict
verdict_of(const char *members, char *text)
{
	return judge(damage_verdict, members, text);
}

static void
assert_fails(const char *members, const char *sentence)
{
	char text[640];

	assert_int_equal(verdict_of(members, text), VERDICT_FAIL);
	assert_string_equal(text, sentence);
}

static void
assert_late(const char *members, enum verdict verdict, const char *sentence)
{
	char text[640];

	assert_int_equal(judge(late_verdict, members, text), verdict);
	assert_string_equal(text, sentence);
}

static void
good_one_passes(void **state)
{
	char text[640];

	(void)state;
	assert_int_equal(verdict_of(GOOD, text), VERDICT_PASS);
	assert_string_equal(text, "");
}

static void
page_that_was_left_out_fails(void **state)
{
	(void)state;
	assert_fails("'sent': 1, 'pages': 4, 'covered': 3",
		     "packets went through 3 of 4 hugepages only");
}

/* With larger cache lines, as on arm64, a pool takes up all of a page. */
static void
page_without_room_is_not_missed(void **state)
{
	char text[640];

	(void)state;
	assert_int_equal(verdict_of("'sent': 1, 'pages': 4, 'covered': 3, 'full': 1", text),
			 VERDICT_PASS);
	assert_fails("'sent': 1, 'pages': 4, 'covered': 2, 'full': 1",
		     "packets went through 2 of 3 hugepages only");
	assert_fails("'pages': 4, 'covered': 0, 'full': 4",
		     "packets went through 0 of 0 hugepages only");
}

static void
lost_packets_fail(void **state)
{
	(void)state;
	assert_fails(GOOD ", 'lost': 2",
		     "2 of 100 packets were lost, though never more than 64 "
		     "were on their way");
}

/* What was lost may come late; what was not came before. */
static void
packets_that_come_twice_fail(void **state)
{
	(void)state;
	assert_fails(GOOD ", 'late': 2",
		     "2 of 100 packets came twice: does something on the link repeat them?");
	assert_fails(GOOD ", 'late': 2, 'lost': 2",
		     "2 of 100 packets were lost, though never more than 64 were on their way");
}

static void
silence_fails(void **state)
{
	(void)state;
	assert_fails("'silent': 'from port 1 to port 0'",
		     "no packet gets from port 1 to port 0: "
		     "are the two cabled to each other?");
}

/* Even if no packet has come to harm yet. */
static void
page_that_is_elsewhere_fails(void **state)
{
	(void)state;
	assert_fails(GOOD ", 'elsewhere': [" PAGE("0x200000", "0x400000") "]",
		     "1 of 4 hugepages are not where the EAL believes: page 0x1000000 of 2048 kB, "
		     "whose address is 0x200000 to the EAL but 0x400000 to the kernel");
}

/* Without CAP_SYS_ADMIN the kernel reports 0. */
static void
damage_names_both_pages(void **state)
{
	(void)state;
	assert_fails(GOOD
		     ", 'damaged': 1, 'damages': [{'port': 1, 'seq': 7, 'length': 60, "
		     "'offset': 5, 'wanted': 17, 'got': 0, 'unwritten': true, "
		     "'from': {'va': '0x1000040', 'page': " PAGE(
			     "0x200000",
			     "0x0") "}, "
				    "'to': {'va': '0x1000080', 'page': " PAGE("0x200000",
									      "0x400000") "}}]",
		     "1 of 100 packets came back as others; the first, number 7 from port 1 to "
		     "port 0, has 0x00 instead of 0x11 in byte 5 of 60, where the device has "
		     "written nothing: sent from 0x1000040 (page 0x1000000 of 2048 kB, physical "
		     "address 0x200000), received into 0x1000080 (page 0x1000000 of 2048 kB, "
		     "whose address is 0x200000 to the EAL but 0x400000 to the kernel)");
}

static void
nonsense_never_passes(void **state)
{
	static const char *const nonsense[] = {
		"",
		"'pages': 0, 'covered': 0",
		"'pages': '4', 'covered': 4, 'damaged': 1",
		GOOD ", 'damaged': 1",
		GOOD ", 'damaged': 1, 'damages': [5]",
		GOOD ", 'damaged': 1, 'damages': [{'from': null, 'to': 3}]",
		GOOD ", 'elsewhere': [0]",
	};
	char text[640];

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		assert_int_equal(verdict_of(nonsense[i], text), VERDICT_FAIL);
		assert_string_not_equal(text, "");
	}
}

static void
pages_given_early_that_stay_pass(void **state)
{
	(void)state;
	assert_late(LATE("64", "0", "0", "true") ", 'first': null", VERDICT_PASS, "");
}

static void
pages_given_early_that_move_fail(void **state)
{
	(void)state;
	assert_late(LATE("64", "5", "4", "true") ", 'first': '0x7f0000001000'", VERDICT_FAIL,
		    "5 of 64 pages whose addresses were given before the first device moved "
		    "once there was one, the first at 0x7f0000001000 from node 0 to node 1: "
		    "nothing pins them, and 4 of the addresses are wrong");
	assert_late(LATE("64", "0", "1", "true") ", 'first': '0x7f0000001000'", VERDICT_FAIL,
		    "1 of 64 addresses that were given before the first device are wrong with "
		    "one, though no page moved to another node; the first is that of "
		    "0x7f0000001000");
}

/* Whatever the page beside them did. */
static void
move_is_a_failure_without_a_control_too(void **state)
{
	char text[640];

	(void)state;
	assert_int_equal(judge(late_verdict, LATE("64", "1", "1", "false"), text), VERDICT_FAIL);
	assert_int_equal(judge(late_verdict, LATE("0", "1", "0", "true"), text), VERDICT_FAIL);
}

static void
nothing_that_could_move_is_skipped(void **state)
{
	static const char *const nonsense[] = {
		"",
		"'given': '64', 'movable': true",
		"'given': -1, 'movable': true",
		"'given': 64, 'movable': 1",
		"'given': 64",
	};
	char text[640];

	(void)state;
	assert_late(LATE("0", "0", "0", "true"), VERDICT_SKIP,
		    "no address is given before the first device, so none can be wrong");
	assert_late(LATE("64", "0", "0", "false"), VERDICT_SKIP,
		    "a page whose address was not "
		    "queried cannot be moved from node 0 to node 1 either");
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		assert_int_equal(judge(late_verdict, nonsense[i], text), VERDICT_SKIP);
}

static void
file_that_was_left_is_named(void **state)
{
	static struct proc_files before = { { "/dev/iommu", "socket:" }, 2 };
	static struct proc_files now = { { "socket:", "/dev/iommu", "socket:" }, 3 };

	(void)state;
	assert_null(proc_files_more(&before, &before));
	assert_null(proc_files_more(&now, &before));
	assert_string_equal(proc_files_more(&before, &now), "socket:");
}

static void
own_files_are_read(void **state)
{
	static struct proc_files files;
	FILE *file;

	(void)state;
	file = fopen("/dev/zero", "re");
	assert_non_null(file);
	assert_int_equal(proc_files_read(getpid(), &files), 0);
	fclose(file);
	assert_true(files.count > 0 && files.count < PROC_FILES);
	for (unsigned int i = 0; i < files.count; i++)
		if (strcmp(files.name[i], "/dev/zero") == 0)
			return;
	fail_msg("a file that is open was not found");
}

/* As the epoll file of the EAL's interrupt thread, which is another one each time. */
static void
file_that_is_closed_for_a_moment_counts(void **state)
{
	static struct proc_files most, now;
	FILE *file;

	(void)state;
	file = fopen("/dev/zero", "re");
	assert_non_null(file);
	assert_int_equal(proc_files_most(getpid(), &most), 0);
	fclose(file);
	assert_int_equal(proc_files_most(getpid(), &most), 0);
	file = fopen("/dev/zero", "re");
	assert_non_null(file);
	assert_int_equal(proc_files_read(getpid(), &now), 0);
	fclose(file);
	assert_null(proc_files_more(&most, &now));
	assert_int_equal(proc_files_most(-1, &most), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_one_passes),
		cmocka_unit_test(page_that_was_left_out_fails),
		cmocka_unit_test(page_without_room_is_not_missed),
		cmocka_unit_test(lost_packets_fail),
		cmocka_unit_test(packets_that_come_twice_fail),
		cmocka_unit_test(silence_fails),
		cmocka_unit_test(page_that_is_elsewhere_fails),
		cmocka_unit_test(damage_names_both_pages),
		cmocka_unit_test(nonsense_never_passes),
		cmocka_unit_test(pages_given_early_that_stay_pass),
		cmocka_unit_test(pages_given_early_that_move_fail),
		cmocka_unit_test(move_is_a_failure_without_a_control_too),
		cmocka_unit_test(nothing_that_could_move_is_skipped),
		cmocka_unit_test(file_that_was_left_is_named),
		cmocka_unit_test(own_files_are_read),
		cmocka_unit_test(file_that_is_closed_for_a_moment_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
