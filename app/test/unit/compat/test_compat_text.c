/* SPDX-License-Identifier: BSD-3-Clause */

/* What comes from the caller: names of devices with their tokens, and pointers. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_compat.h"
#include "token.h"
#include "user.h"

#define UUID "00112233-4455-6677-8899-aAbBcCdDeEfF"

static const unsigned char uuid[TOKEN_LEN] = {
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

/* As the kernel reads it: vfio_pci_core_match_token_uuid() and uuid_parse(). */
static void
token_is_parsed_whole(void **state)
{
	static const struct {
		const char *name;
		int ret;
		bool has_token;
	} names[] = {
		{ ADDR0, 0, false },
		{ ADDR0 " ", 0, false },
		{ ADDR0 " vf_token=" UUID, 0, true },
		{ "", -ENODEV, false },
		{ "0000:00:03.", -ENODEV, false },
		{ ADDR1, -ENODEV, false },
		{ ADDR0 "0", -ENODEV, false },
		{ ADDR0 "\t", -ENODEV, false },
		{ ADDR1 " vf_token=" UUID, -ENODEV, false },
		{ ADDR0 "  ", 0, false },
		{ ADDR0 "  vf_token=" UUID, 0, true },
		{ ADDR0 " vf_token=" UUID "  ", 0, true },
		{ ADDR0 " x", -EINVAL, false },
		{ ADDR0 " vf_token", -EINVAL, false },
		{ ADDR0 " vf_token=", -EINVAL, false },
		{ ADDR0 " vf_token= " UUID, -EINVAL, false },
		{ ADDR0 " VF_TOKEN=" UUID, -EINVAL, false },
		{ ADDR0 " vf_token=" UUID " x", -EINVAL, false },
		{ ADDR0 " vf_token=" UUID " vf_token=" UUID, -EINVAL, false },
		{ ADDR0 " vf_token=" UUID "0", -EINVAL, false },
		{ ADDR0 " vf_token=00112233445566778899aabbccddeeff", -EINVAL, false },
		{ ADDR0 " vf_token=0011223-34455-6677-8899-aabbccddeeff", -EINVAL, false },
		{ ADDR0 " vf_token=00112233-4455-6677-8899-aabbccddeefg", -EINVAL, false },
		{ ADDR0 " vf_token=00112233-4455-6677-8899-aabbccddee f", -EINVAL, false },
		{ ADDR0 " vf_token=+0112233-4455-6677-8899-aabbccddeeff", -EINVAL, false },
		{ ADDR0 " vf_token=00112233-4455-6677-8899_aabbccddeeff", -EINVAL, false },
	};
	unsigned char token[TOKEN_LEN];
	bool has_token;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(token, 0, sizeof(token));
		has_token = !names[i].has_token;
		if (token_parse(names[i].name, ADDR0, token, &has_token) != names[i].ret)
			fail_msg("\"%s\" is not %d", names[i].name, names[i].ret);
		assert_int_equal(has_token, names[i].has_token);
		if (has_token)
			assert_memory_equal(token, uuid, sizeof(uuid));
	}
}

/* A page, and nothing behind it. */
static char *
page_get(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
	return memory;
}

static void
memory_is_read_up_to_the_end_of_a_page(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = page_get(), to[16];

	(void)state;
	memset(memory, 'a', page);
	assert_true(user_read(memory + page - 8, to, 8));
	assert_memory_equal(to, "aaaaaaaa", 8);
	assert_false(user_read(memory + page - 7, to, 8));
	assert_false(user_read(memory + page, to, 1));
	assert_false(user_read(NULL, to, 1));
	assert_false(user_read((void *)UINTPTR_MAX, to, 8));
	munmap(memory, 2 * page);
}

static void
memory_is_written_up_to_the_end_of_a_page(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = page_get();

	(void)state;
	assert_true(user_write(memory + page - 8, "bbbbbbbb", 8));
	assert_memory_equal(memory + page - 8, "bbbbbbbb", 8);
	assert_false(user_write(memory + page - 7, "cccccccc", 8));
	assert_false(user_write(NULL, "c", 1));
	assert_int_equal(mprotect(memory, page, PROT_READ), 0);
	assert_false(user_write(memory, "c", 1));
	assert_true(user_read(memory, (char[1]){ 0 }, 1));
	munmap(memory, 2 * page);
}

static void
text_is_read_up_to_its_end(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = page_get(), to[8];

	(void)state;
	memcpy(memory + page - 4, "abc", 4);
	assert_true(user_text(memory + page - 4, to, sizeof(to)));
	assert_string_equal(to, "abc");
	/* Cut off, which is longer than any name; the end of the memory comes first. */
	memset(memory, 'a', page);
	assert_true(user_text(memory + page - 7, to, sizeof(to)));
	assert_string_equal(to, "aaaaaaa");
	assert_false(user_text(memory + page - 6, to, sizeof(to)));
	assert_false(user_text(NULL, to, sizeof(to)));
	munmap(memory, 2 * page);
}

/* seccomp, as in some containers: pointers are trusted then. */
static void
where_the_kernel_may_not_copy_pointers_are_trusted(void **state)
{
	char to[8], written[8] = "";

	(void)state;
	machine.no_vm_access = true;
	assert_true(user_read("abc", to, 4));
	assert_string_equal(to, "abc");
	assert_true(user_write(written, "abc", 4));
	assert_string_equal(written, "abc");
	assert_true(user_text("a name", to, sizeof(to)));
	assert_string_equal(to, "a name");
}

int
compat_text_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(token_is_parsed_whole),
		COMPAT_TEST(memory_is_read_up_to_the_end_of_a_page),
		COMPAT_TEST(memory_is_written_up_to_the_end_of_a_page),
		COMPAT_TEST(text_is_read_up_to_its_end),
		COMPAT_TEST(where_the_kernel_may_not_copy_pointers_are_trusted),
	};

	return COMPAT_RUN("compat: names and pointers", tests);
}
