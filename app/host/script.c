/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "script.h"

/* include/uapi/linux/binfmts.h: BINPRM_BUF_SIZE; fs/exec.c: exec_binprm() follows five. */
#define LINE_LEN 256
#define MOST_DEPTH 5

#define BLANKS " \t"

/* The first bytes of a file; the end of them is marked. Their number or -errno. */
static int
head_read(const struct host *host, const char *path, char head[LINE_LEN + 1])
{
	char full[PATH_MAX];
	ssize_t len;
	int fd, ret;

	ret = host_path(host, full, "%s", path);
	if (ret < 0)
		return ret;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	len = read(fd, head, LINE_LEN);
	ret = len < 0 ? -errno : (int)len;
	close(fd);
	head[len < 0 ? 0 : len] = '\0';
	return ret;
}

/* The first word of a text; what is behind it, without blanks around it, is left in it. */
static char *
word_take(char **text)
{
	char *word = *text + strspn(*text, BLANKS);
	char *end = word + strcspn(word, BLANKS);

	*text = end + strspn(end, BLANKS);
	*end = '\0';
	return word;
}

/*
 * The kernel hands over what is behind the interpreter as one argument, blanks and
 * all: only with -S does env(1) take it apart.
 */
static int
env_resolve(const struct host *host, char *argument, char path[PATH_MAX])
{
	static const char *const splits[] = { "-S", "--split-string=", "-vS" };
	char *name = argument;
	int ret;

	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		if (strncmp(argument, splits[i], strlen(splits[i])) != 0)
			continue;
		argument += strlen(splits[i]);
		name = word_take(&argument);
		break;
	}
	if (name[0] == '\0' || name[0] == '-' || strpbrk(name, "=\"'\\$") != NULL)
		return -EINVAL;
	ret = launch_find_program(host, name, path, PATH_MAX);
	if (ret < 0)
		snprintf(path, PATH_MAX, "%s", name);
	return ret;
}

/* One script: its interpreter. 1: the file is none. */
static int
line_resolve(const struct host *host, char path[PATH_MAX])
{
	char head[LINE_LEN + 1], *rest, *name, *end;
	int len = head_read(host, path, head), ret;

	if (len < 0)
		return len;
	if (len >= 4 && memcmp(head, "\177ELF", 4) == 0)
		return 1;
	if (strncmp(head, "#!", 2) != 0)
		return -ENOEXEC;
	rest = head + 2;
	rest[strcspn(rest, "\n")] = '\0';
	for (end = rest + strlen(rest); end > rest && strchr(BLANKS, end[-1]) != NULL;)
		*--end = '\0';
	name = word_take(&rest);
	if (name[0] == '\0')
		return -ENOEXEC;
	snprintf(path, PATH_MAX, "%s", name);
	ret = host_access(host, X_OK, "%s", path);
	end = strrchr(name, '/');
	if (ret == 0 && end != NULL && strcmp(end, "/env") == 0)
		return env_resolve(host, rest, path);
	return ret;
}

int
script_resolve(const struct host *host, char path[PATH_MAX])
{
	int ret;

	for (int depth = 0; depth <= MOST_DEPTH; depth++) {
		ret = line_resolve(host, path);
		if (ret != 0)
			return ret < 0 ? ret : 0;
	}
	return -ELOOP;
}
