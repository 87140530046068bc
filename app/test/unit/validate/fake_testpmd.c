/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "asserts.h"
#include "fake_sysfs.h"
#include "fake_testpmd.h"
#include "program_files.h"

/* The socket is the test's: the script puts a link to it where the EAL has its own. */
#define BEGIN \
	"#!/bin/sh\n" \
	"LOG=$RUNTIME_DIRECTORY/log\n" \
	"for word; do case $word in --file-prefix=*) prefix=${word#*=};; esac; done\n" \
	"mkdir -p $RUNTIME_DIRECTORY/dpdk/$prefix\n" \
	"ln -sf $RUNTIME_DIRECTORY/socket $RUNTIME_DIRECTORY/dpdk/$prefix/dpdk_telemetry.v2\n"

/* Devices that are everywhere stand for cdevs. */
static struct rte_vfio_cdev_info devices[] = {
	{ .addr = "0000:00:03.0", .name = "noiommu-vfio0", .major = 1, .minor = 3 },
	{ .addr = "0000:00:04.0", .name = "noiommu-vfio1", .major = 1, .minor = 5 },
};
struct run fake_run;
struct options fake_options;
const char *fake_release, *fake_devices;
char *(*fake_answer)(const char *command);

static char script[128], log_path[128];
static int listener = -1;
static pthread_t acceptor;

static void
answer_send(int fd, const char *command)
{
	char *text = NULL, *value = NULL;

	if (strcmp(command, "/vfio_cdev/devices") == 0)
		value = strdup(fake_devices);
	else if (fake_answer != NULL)
		value = fake_answer(command);
	if (asprintf(&text, "{\"%.*s\":%s}", (int)strcspn(command, ","), command,
		     value != NULL ? value : "null") > 0)
		send(fd, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	free(value);
}

static void *
connection_serve(void *arg)
{
	const int fd = *(int *)arg;
	char command[256];
	ssize_t got;

	free(arg);
	snprintf(command, sizeof(command),
		 "{\"version\":\"%s\",\"pid\":%d,\"max_output_len\":9999}", fake_release, FAKE_PID);
	send(fd, command, strlen(command), MSG_NOSIGNAL);
	while ((got = recv(fd, command, sizeof(command) - 1, 0)) > 0) {
		command[got] = '\0';
		answer_send(fd, command);
	}
	close(fd);
	return NULL;
}

static void *
connections_accept(void *arg)
{
	pthread_t thread;
	int *fd;

	(void)arg;
	for (;;) {
		fd = malloc(sizeof(*fd));
		if (fd == NULL)
			return NULL;
		*fd = accept(listener, NULL, NULL);
		if (*fd < 0 || pthread_create(&thread, NULL, connection_serve, fd) != 0) {
			free(fd);
			return NULL;
		}
		pthread_detach(thread);
	}
}

/* Where the processes are looked for; both devices are of one group. */
static int
host_make(struct host *host)
{
	fake_testpmd_opens(FAKE_CDEVS, NULL);
	return host_open(fake_sysfs_root(), host);
}

void
fake_testpmd_opens(const char *file, ...)
{
	unsigned int fd = 3;
	va_list files;

	fake_sysfs_reset();
	for (unsigned int i = 0; i < 2; i++)
		fake_sysfs_link("../../../kernel/iommu_groups/12",
				"sys/class/vfio-dev/%s/device/iommu_group", devices[i].name);
	fake_sysfs_write(FAKE_GROUP_DEV, "sys/class/vfio/noiommu-12/dev");
	fake_sysfs_mkdir("proc/%d/fd", getpid());
	va_start(files, file);
	for (; file != NULL; file = va_arg(files, const char *))
		fake_sysfs_link(file, "proc/%d/fd/%u", getpid(), fd++);
	va_end(files);
}

int
fake_testpmd_open(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	fake_options = (struct options){ .testpmd = script, .duration = 1, .restarts = 1 };
	fake_run = (struct run){
		.options = &fake_options,
		.devices = devices,
		.count = 2,
		.placement = { .cpus = { 5 }, .cpu_count = 1, .memory = "0,64" },
	};
	fake_release = FAKE_RELEASE;
	fake_devices = FAKE_DEVICES;
	fake_answer = NULL;
	assert_int_equal(host_make(&fake_run.host), 0);
	assert_int_equal(program_files_make(fake_run.runtime, sizeof(fake_run.runtime),
					    &fake_run.lock),
			 0);
	snprintf(script, sizeof(script), "%s/script", fake_run.runtime);
	snprintf(log_path, sizeof(log_path), "%s/log", fake_run.runtime);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", fake_run.runtime);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(listener, 8), errno);
	fake_testpmd_script(FAKE_LINES);
	progress_init(&fake_run.progress, stdout, false);
	assert_int_equal(pthread_create(&acceptor, NULL, connections_accept, NULL), 0);
	return 0;
}

int
fake_testpmd_close(void **state)
{
	char path[128];

	(void)state;
	shutdown(listener, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	close(listener);
	snprintf(path, sizeof(path), "%s/socket", fake_run.runtime);
	unlink(path);
	unlink(script);
	unlink(log_path);
	programs_end(&fake_run);
	host_close(&fake_run.host);
	assert_int_equal(access(fake_run.runtime, F_OK), -1);
	return 0;
}

const char *
fake_testpmd_script(const char *lines)
{
	FILE *file = fopen(script, "we");

	assert_non_null(file);
	fprintf(file, BEGIN "%s\n", lines);
	fclose(file);
	assert_return_code(chmod(script, 0700), errno);
	return script;
}

unsigned int
fake_testpmd_told(const char *text)
{
	FILE *file = fopen(log_path, "re");
	unsigned int count = 0;
	char line[256];

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, text) != NULL;
	fclose(file);
	return count;
}
