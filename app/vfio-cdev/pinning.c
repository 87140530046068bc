/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The socket of a process is found by its own view of the machine, so that those in
 * containers are found too: its network namespace lists the paths of sockets, and its root
 * has them. The kernel tells which process listens.
 */

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "pinning.h"

#define COMMAND "/vfio_cdev/domains,pin_only"
#define ANSWER_ROOM 16384
#define SOCKET_NAME "dpdk_telemetry.v2" /* lib/telemetry/telemetry.c */

static bool
peer_is(int fd, int pid)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == pid;
}

/* Connected, or -1. A path that is too long for a socket is none of a program that is known. */
static int
socket_open(const struct host *host, int pid, const char *path)
{
	const struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char full[PATH_MAX];
	int fd;

	if (host_path(host, full, "/proc/%d/root%s", pid, path) < 0 ||
	    strlen(full) >= sizeof(at.sun_path))
		return -1;
	strcpy(at.sun_path, full);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && peer_is(fd, pid))
		return fd;
	close(fd);
	return -1;
}

/* It greets each client; what comes then is the answer. */
static bool
bytes_are_pinned(int fd)
{
	json_t *answer, *domains;
	char text[ANSWER_ROOM];
	long long bytes;
	ssize_t length;

	if (recv(fd, text, sizeof(text), 0) <= 0 ||
	    send(fd, COMMAND, strlen(COMMAND), MSG_NOSIGNAL) < 0)
		return false;
	length = recv(fd, text, sizeof(text), 0);
	answer = length > 0 ? json_loadb(text, length, 0, NULL) : NULL;
	domains = json_object_get(json_object_get(answer, "/vfio_cdev/domains"), "domains");
	bytes = json_integer_value(json_object_get(json_object_get(domains, "pin_only"), "bytes"));
	json_decref(answer);
	return bytes > 0;
}

static bool
socket_pins(const struct host *host, int pid, const char *path)
{
	const int fd = socket_open(host, pid, path);
	bool pins;

	if (fd < 0)
		return false;
	pins = bytes_are_pinned(fd);
	close(fd);
	return pins;
}

bool
process_pins(const struct host *host, int pid)
{
	char path[PATH_MAX], line[PATH_MAX + 128];
	const char *name;
	bool pins = false;
	FILE *file;

	if (host_path(host, path, "/proc/%d/net/unix", pid) < 0)
		return false;
	file = fopen(path, "re");
	while (file != NULL && !pins && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		name = strrchr(line, '/');
		if (name != NULL && strncmp(name + 1, SOCKET_NAME, strlen(SOCKET_NAME)) == 0)
			pins = socket_pins(host, pid, strchr(line, '/'));
	}
	if (file != NULL)
		fclose(file);
	return pins;
}
