/* SPDX-License-Identifier: BSD-3-Clause */

/* The main() of a fuzz target in builds without libFuzzer: runs all inputs of a folder. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_LEN (UINT32_C(1) << 20)

static uint8_t input[INPUT_LEN];

static void
file_run(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *exact;
	size_t size;

	if (file == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	/* Of its very size: a sanitizer then sees a read past its end. */
	exact = malloc(size + 1);
	if (exact == NULL)
		abort();
	memcpy(exact + 1, input, size);
	LLVMFuzzerTestOneInput(exact + 1, size);
	free(exact);
}

static unsigned int
folder_run(const char *folder)
{
	const struct dirent *entry;
	unsigned int count = 0;
	char path[PATH_MAX];
	DIR *dir = opendir(folder);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		printf("%s\n", path);
		fflush(stdout);
		file_run(path);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	unsigned int count = 0;
	struct stat st;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			count += folder_run(argv[i]);
		} else {
			file_run(argv[i]);
			count++;
		}
	}
	fprintf(stderr, "%u inputs\n", count);
	return count != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
