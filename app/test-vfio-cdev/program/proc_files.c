/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc_files.h"

/* Sockets and pipes have numbers, which are dropped. */
static void
file_add(struct proc_files *files, int dir, const char *entry)
{
	char *name = files->name[files->count], *number;
	const ssize_t length = readlinkat(dir, entry, name, PROC_FILE_NAME - 1);

	if (length < 0)
		return;
	name[length] = '\0';
	number = strchr(name, '[');
	if (number != NULL && strspn(number + 1, "0123456789]") == strlen(number + 1))
		*number = '\0';
	files->count++;
}

int
proc_files_read(pid_t pid, struct proc_files *files)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	files->count = 0;
	while (files->count < PROC_FILES && (entry = readdir(dir)) != NULL)
		file_add(files, dirfd(dir), entry->d_name);
	closedir(dir);
	return 0;
}

int
proc_files_most(pid_t pid, struct proc_files *most)
{
	struct proc_files now;
	const int ret = proc_files_read(pid, &now);

	if (ret == 0 && now.count > most->count)
		*most = now;
	return ret;
}

static unsigned int
files_named(const struct proc_files *files, const char *name)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < files->count; i++)
		count += strcmp(files->name[i], name) == 0;
	return count;
}

const char *
proc_files_more(const struct proc_files *before, const struct proc_files *now)
{
	for (unsigned int i = 0; i < now->count; i++)
		if (files_named(now, now->name[i]) > files_named(before, now->name[i]))
			return now->name[i];
	return NULL;
}
