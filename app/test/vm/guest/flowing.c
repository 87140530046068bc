/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Runs in the guest: waits until each port of a DPDK application has received
 * packets, by its telemetry. The caller limits the time. It does no more than it has
 * to, since the CPU is emulated and the application needs it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM 16384 /* an answer of 22.11 has no more */

static char answer[ROOM + 1];

static void
query(int fd, const char *command)
{
	ssize_t len;

	if (command != NULL && send(fd, command, strlen(command), 0) < 0) {
		perror(command);
		exit(1);
	}
	len = recv(fd, answer, ROOM, 0);
	if (len <= 0) {
		fprintf(stderr, "flowing: the application is gone\n");
		exit(1);
	}
	answer[len] = '\0';
}

/* Waits; 0 where there is no such port. */
static int
port_receives(int fd, const char *port)
{
	char command[64];
	const char *packets;

	snprintf(command, sizeof(command), "/ethdev/stats,%.16s", port);
	for (;; usleep(50000)) {
		query(fd, command);
		packets = strstr(answer, "\"ipackets\":");
		if (packets == NULL)
			return 0;
		if (strtoull(packets + strlen("\"ipackets\":"), NULL, 10) > 0)
			return 1;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char list[ROOM], *port;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/var/run/dpdk/%s/dpdk_telemetry.v2",
		 argc == 2 ? argv[1] : "rte");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror(address.sun_path);
		return 1;
	}
	query(fd, NULL);
	query(fd, "/ethdev/list");
	strcpy(list, strchr(answer, '[') != NULL ? strchr(answer, '[') : "");
	for (port = strtok(list, "[], }\n"); port != NULL; port = strtok(NULL, "[], }\n"))
		if (!port_receives(fd, port))
			return 1;
	return 0;
}
