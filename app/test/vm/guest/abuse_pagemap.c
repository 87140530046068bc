/* SPDX-License-Identifier: BSD-3-Clause */

/* What is read of pagemap, and where: entries are right, errors are the kernel's. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abuse.h"

#define ROOM (UINT64_C(16) << 20)
#define ENTRY sizeof(uint64_t)

/* The compiler would not let these pass. */
static void *volatile null_buffer;
static void *volatile low_buffer = (void *)8;
static void *volatile high_buffer = (void *)INTPTR_MIN;

static int
pagemap_open(void)
{
	return open(PAGEMAP, O_RDONLY | O_CLOEXEC);
}

/* The front's entries without a frame are not present: nobody takes 0 for an address. */
static bool
is_alike(uint64_t entry, uint64_t raw)
{
	const uint64_t flags = raw & ENTRY_FLAGS;

	if ((entry & ENTRY_FLAGS) == flags)
		return true;
	return abuse_front && (entry & ENTRY_PFN) == 0 &&
		(entry & ENTRY_FLAGS) == (flags & ~ENTRY_PRESENT);
}

/* Each entry of a range is the kernel's, but for a frame that is missing. */
static const char *
range_check(const uint64_t *entries, const uint8_t *va, uint64_t count, uint64_t *frames)
{
	*frames = 0;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t raw = raw_entry(va + i * SMALL_PAGE);

		if (!is_alike(entries[i], raw))
			return why("page %ju: %#jx, the kernel has %#jx", (uintmax_t)i,
				   (uintmax_t)entries[i], (uintmax_t)raw);
		CHECK_CASE(entry_harmless(entries[i], va + i * SMALL_PAGE));
		*frames += (entries[i] & ENTRY_PFN) != 0;
	}
	return NULL;
}

static uint8_t *
room_new(void)
{
	uint8_t *va = mmap(NULL, ROOM + HUGEPAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return va == MAP_FAILED ? NULL :
				  (uint8_t *)(((uintptr_t)va + HUGEPAGE - 1) & ~(HUGEPAGE - 1));
}

static const char *
place(uint8_t *va, uint64_t len, int prot, int flags)
{
	CHECK(mmap(va, len, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | flags,
		   -1, 0) == va);
	memset(va, 3, len);
	return mprotect(va, len, prot) == 0 ? NULL : "mprotect() does not work";
}

/* Two hugepages, nothing, pages to write, to read and to leave alone, and the end. */
static const char *
mixture_new(uint8_t **va)
{
	*va = room_new();
	CHECK(*va != NULL);
	CHECK_CASE(place(*va + HUGEPAGE, 2 * HUGEPAGE, PROT_READ | PROT_WRITE, MAP_HUGETLB));
	CHECK_CASE(place(*va + 4 * HUGEPAGE, 5 * SMALL_PAGE, PROT_READ | PROT_WRITE, 0));
	CHECK_CASE(place(*va + 5 * HUGEPAGE, 5 * SMALL_PAGE, PROT_READ, 0));
	CHECK_CASE(place(*va + 6 * HUGEPAGE, 5 * SMALL_PAGE, PROT_NONE, 0));
	return NULL;
}

static const char *
case_range_of_everything(void)
{
	static uint64_t entries[ROOM / SMALL_PAGE];
	const int fd = pagemap_open();
	uint64_t frames;
	uint8_t *va;

	CHECK_CASE(device_open());
	CHECK_CASE(mixture_new(&va));
	CHECK(pread(fd, entries, sizeof(entries), entry_offset(va)) == sizeof(entries));
	CHECK_CASE(range_check(entries, va, ROOM / SMALL_PAGE, &frames));
	/* Those to read may have none. */
	CHECK(frames >= 2 * 512 + 5);
	CHECK(lseek(fd, entry_offset(va + 3 * HUGEPAGE - SMALL_PAGE), SEEK_SET) > 0);
	for (int i = 0; i < 600; i++)
		CHECK(read(fd, &entries[i], ENTRY) == ENTRY);
	CHECK_CASE(range_check(entries, va + 3 * HUGEPAGE - SMALL_PAGE, 600, &frames));
	return NULL;
}

static const char *
case_range_across_hugepages(void)
{
	const int fd = pagemap_open();
	uint8_t *va = huge_new(3);
	uint64_t entries[1024], frames;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (uint64_t first = 0; first < 1024; first += 100) {
		const uint8_t *from = va + first * SMALL_PAGE;

		CHECK(pread(fd, entries, 400 * ENTRY, entry_offset(from)) == 400 * ENTRY);
		CHECK_CASE(range_check(entries, from, 400, &frames));
		CHECK(frames == 400);
	}
	for (int i = 0; i < 3; i++)
		CHECK_CASE(page_check(va + i * HUGEPAGE));
	return NULL;
}

/* Each area that the process has, as tools do. */
static const char *
case_range_of_the_process(void)
{
	static uint64_t entries[4096];
	FILE *maps = fopen("/proc/self/maps", "re");
	const int fd = pagemap_open();
	uint64_t start, end, frames, all = 0;
	char line[512];

	CHECK(maps != NULL);
	CHECK_CASE(device_open());
	while (fgets(line, sizeof(line), maps) != NULL) {
		char *rest;

		start = strtoull(line, &rest, 16);
		end = strtoull(rest + 1, NULL, 16);
		if (end - start > sizeof(entries) / ENTRY * SMALL_PAGE || start > INT64_MAX)
			continue;
		const uint64_t count = (end - start) / SMALL_PAGE;

		CHECK(pread(fd, entries, count * ENTRY, start / SMALL_PAGE * ENTRY) ==
		      (ssize_t)(count * ENTRY));
		CHECK_CASE(range_check(entries, (void *)(uintptr_t)start, count, &frames));
		all += frames;
	}
	CHECK(all > 0);
	return NULL;
}

/* Registers are no memory: an address of theirs cannot be confirmed. */
static const char *
case_registers_have_no_frame(void)
{
	uint64_t len, entry;
	volatile uint8_t *regs;

	CHECK_CASE(device_open());
	regs = vfio_map_bar(abuse_vfio.device, 0, &len);
	CHECK(regs != NULL);
	(void)regs[8];
	entry = entry_read((const void *)(uintptr_t)regs);
	CHECK((entry & ENTRY_PFN) == 0);
	CHECK(is_alike(entry, raw_entry((const void *)(uintptr_t)regs)));
	return NULL;
}

static const char *
case_lengths_and_offsets(void)
{
	static const off_t shifts[] = { 0, 1, 4, 7, 8 };
	static const size_t lens[] = { 0, 1, 4, 7, 8, 9, 12, 16, 20, 24 };
	const int fd = pagemap_open();
	uint8_t *va = huge_new(1);
	uint64_t entries[8];

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (unsigned int i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++)
		for (unsigned int j = 0; j < sizeof(lens) / sizeof(lens[0]); j++) {
			const off_t at = entry_offset(va) + shifts[i];

			note("shift %jd, length %zu", (intmax_t)shifts[i], lens[j]);
			NOTE_VALUE(pread(fd, entries, lens[j], at));
			lseek(fd, at, SEEK_SET);
			NOTE_VALUE(read(fd, entries, lens[j]));
			NOTE_VALUE(lseek(fd, 0, SEEK_CUR) - at);
		}
	return NULL;
}

static const char *
case_offsets_at_the_ends(void)
{
	const int fd = pagemap_open();
	uint64_t entries[8];

	CHECK_CASE(device_open());
	NOTE_VALUE(pread(fd, entries, ENTRY, 0));
	NOTE_VALUE(pread(fd, entries, ENTRY, -8));
	NOTE_VALUE(pread(fd, entries, ENTRY, -1));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_MAX));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_MAX - 7));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_MIN));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_C(0x7ffffffff) * 8));
	NOTE_VALUE(pread(fd, entries, 2 * ENTRY, INT64_C(0x7ffffffff) * 8));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_C(0x800000000) * 8));
	NOTE_VALUE(pread(fd, entries, ENTRY, INT64_C(1) << 52));
	NOTE_VALUE(lseek(fd, -8, SEEK_SET));
	NOTE_VALUE(lseek(fd, 0, SEEK_END));
	NOTE_VALUE(lseek(fd, 16, SEEK_SET));
	NOTE_VALUE(lseek(fd, -8, SEEK_CUR));
	NOTE_VALUE(lseek(fd, 0, 77));
	NOTE_VALUE(read(fd, entries, ENTRY));
	NOTE_VALUE(lseek(fd, 0, SEEK_CUR));
	NOTE(write(fd, entries, ENTRY));
	return NULL;
}

static const char *
case_buffers_that_are_none(void)
{
	const int fd = pagemap_open();
	uint8_t *va = huge_new(1);
	uint8_t *edge = mmap(NULL, 2 * SMALL_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const off_t at = entry_offset(va);

	CHECK(va != NULL && edge != MAP_FAILED && munmap(edge + SMALL_PAGE, SMALL_PAGE) == 0);
	CHECK_CASE(device_open());
	NOTE_VALUE(pread(fd, null_buffer, ENTRY, at));
	NOTE_VALUE(pread(fd, low_buffer, ENTRY, at));
	NOTE_VALUE(pread(fd, high_buffer, ENTRY, at));
	NOTE_VALUE(pread(fd, edge + SMALL_PAGE - 4, ENTRY, at));
	NOTE_VALUE(pread(fd, edge + SMALL_PAGE - 8, 2 * ENTRY, at));
	NOTE_VALUE(pread(fd, edge + SMALL_PAGE - 8, ENTRY, at));
	NOTE_VALUE(pread(fd, null_buffer, 0, at));
	CHECK(mprotect(edge, SMALL_PAGE, PROT_READ) == 0);
	NOTE_VALUE(pread(fd, edge, ENTRY, at));
	CHECK(lseek(fd, at, SEEK_SET) == at);
	NOTE_VALUE(read(fd, edge, ENTRY));
	NOTE_VALUE(lseek(fd, 0, SEEK_CUR) - at);
	return NULL;
}

/* The buffer is in the page itself, not aligned, or was never touched. */
static const char *
case_buffers_that_are_odd(void)
{
	const int fd = pagemap_open();
	uint8_t *va = huge_new(1), *fresh;
	uint64_t entry;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	CHECK(pread(fd, va + 3, ENTRY, entry_offset(va)) == ENTRY);
	memcpy(&entry, va + 3, ENTRY);
	CHECK_CASE(entry_harmless(entry, va));
	CHECK((entry & ENTRY_PFN) != 0);
	fresh = mmap(NULL, 16 * SMALL_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	CHECK(fresh != MAP_FAILED);
	/* The entry of the page that the buffer is in, which the read brings there. */
	CHECK(pread(fd, fresh, ENTRY, entry_offset(fresh)) == ENTRY);
	memcpy(&entry, fresh, ENTRY);
	CHECK_CASE(entry_harmless(entry, fresh));
	/* The zero page: pinning may replace it. */
	CHECK(fresh[4 * SMALL_PAGE] == 0);
	CHECK(entry_pread(fd, fresh + 4 * SMALL_PAGE, &entry) == ENTRY);
	CHECK_CASE(entry_harmless(entry, fresh + 4 * SMALL_PAGE));
	CHECK(fresh[4 * SMALL_PAGE] == 0);
	return NULL;
}

/* Ways that the front does not know: no frame, or the kernel's. */
static const char *
case_ways_that_pass_by(void)
{
	uint8_t *va = huge_new(1);
	const off_t at = entry_offset(va);
	FILE *file = fopen(PAGEMAP, "re");
	const int fd = pagemap_open();
	uint64_t entry = 0;
	struct iovec part = { .iov_base = &entry, .iov_len = ENTRY };

	CHECK(va != NULL && file != NULL && fd >= 0);
	CHECK_CASE(device_open());
	CHECK(fseeko(file, at, SEEK_SET) == 0 && fread(&entry, ENTRY, 1, file) == 1);
	CHECK_CASE(entry_harmless(entry, va));
	CHECK(preadv(fd, &part, 1, at) == ENTRY);
	CHECK_CASE(entry_harmless(entry, va));
	CHECK(syscall(SYS_pread64, fd, &entry, ENTRY, at) == ENTRY);
	CHECK_CASE(entry_harmless(entry, va));
	fclose(file);
	return NULL;
}

/* What is told of one page must be pinned once, however often it is read. */
static const char *
case_pins_are_counted_once(void)
{
	struct abuse_state before;
	uint8_t *va = huge_new(1);

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	before = state_now();
	for (int i = 0; i < 100; i++)
		CHECK((entry_read(va + i * SMALL_PAGE) & ENTRY_PFN) != 0);
	CHECK(pinned_now() - before.pinned <= HUGEPAGE && pinned_now() > before.pinned);
	CHECK(page_move(va) == 0);
	return NULL;
}

const struct abuse_case pagemap_cases[] = {
	CASE(range_of_everything),   CASE(range_across_hugepages),
	CASE(range_of_the_process),  CASE_FRONT(registers_have_no_frame),
	CASE(lengths_and_offsets),   CASE(offsets_at_the_ends),
	CASE(buffers_that_are_none), CASE(buffers_that_are_odd),
	CASE(ways_that_pass_by),     CASE_FRONT(pins_are_counted_once),
	{ NULL, NULL, false },
};
