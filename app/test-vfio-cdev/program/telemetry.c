/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "stop.h"
#include "telemetry.h"

#define HELLO_ROOM 1024 /* of lib/telemetry/telemetry.c */
#define ANSWER_ROOM_MOST (64 << 20)
#define PATIENCE 60000 /* ms: an emulated machine is slow */

/* A message, as the next answer; its length or a verdict in the result. */
static enum verdict
telemetry_receive(struct telemetry *telemetry, char *buffer, size_t room, size_t *length,
		  struct result *result)
{
	ssize_t got;
	int ret;

	ret = stop_wait(telemetry->fd, PATIENCE);
	if (ret == -EINTR)
		return result_stopped(result);
	if (ret == 0)
		return result_fail(result, "telemetry: no answer within %d s", PATIENCE / 1000);
	do {
		got = recv(telemetry->fd, buffer, room, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return result_fail(result, "telemetry: %s", strerror(errno));
	if (got == 0)
		return result_fail(result, "telemetry: the program has closed the socket");
	*length = (size_t)got;
	return VERDICT_PASS;
}

int
telemetry_number(const json_t *object, const char *key, uint64_t *number)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EBADMSG;
	*number = (uint64_t)json_integer_value(value);
	return 0;
}

static enum verdict
telemetry_malformed(struct result *result, const char *command, const char *why)
{
	return result_error(result, "telemetry: malformed answer to %s: %s", command, why);
}

enum verdict
telemetry_parse_hello(struct telemetry *telemetry, const char *text, size_t length,
		      struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	json_error_t error;
	uint64_t pid, room;
	const char *version;
	json_t *hello;

	hello = json_loadb(text, length, 0, &error);
	if (hello == NULL)
		return telemetry_malformed(result, "the connection", error.text);
	version = json_string_value(json_object_get(hello, "version"));
	if (version == NULL || telemetry_number(hello, "pid", &pid) != 0 || pid == 0 ||
	    pid > INT32_MAX || telemetry_number(hello, "max_output_len", &room) != 0 || room == 0 ||
	    room > ANSWER_ROOM_MOST) {
		verdict = telemetry_malformed(result, "the connection",
					      "no version, pid and max_output_len");
	} else {
		snprintf(telemetry->version, sizeof(telemetry->version), "%s", version);
		telemetry->pid = (pid_t)pid;
		telemetry->room = (size_t)room;
	}
	json_decref(hello);
	return verdict;
}

/*
 * In a PID namespace of its own it knows another number. The kernel has that of the process that
 * listens, in our namespace (net/unix/af_unix.c, copy_peercred()); 0 if it is not in there.
 */
static void
telemetry_peer(struct telemetry *telemetry)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(telemetry->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
		telemetry->pid = peer.pid;
}

static enum verdict
telemetry_hello(struct telemetry *telemetry, struct result *result)
{
	char text[HELLO_ROOM];
	enum verdict verdict;
	size_t length;

	verdict = telemetry_receive(telemetry, text, sizeof(text), &length, result);
	if (verdict == VERDICT_PASS)
		verdict = telemetry_parse_hello(telemetry, text, length, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	telemetry_peer(telemetry);
	telemetry->answer = malloc(telemetry->room);
	if (telemetry->answer == NULL)
		return result_error(result, "telemetry: %s", strerror(ENOMEM));
	return VERDICT_PASS;
}

/* The socket of a program that has gone is still there, and refuses. */
static enum verdict
telemetry_no_connection(const char *path, struct result *result)
{
	if (errno == ECONNREFUSED)
		return result_fail(result, "telemetry: the program has closed the socket");
	return result_error(result,
			    "telemetry socket %s: %s: DPDK before 22.11, or built or "
			    "started without telemetry?",
			    path, strerror(errno));
}

enum verdict
telemetry_open(struct telemetry *telemetry, const char *path, struct result *result)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	enum verdict verdict;

	*telemetry = (struct telemetry){ .fd = -1 };
	if (strlen(path) >= sizeof(address.sun_path))
		return result_error(result, "%s: path too long for a socket", path);
	strcpy(address.sun_path, path);
	telemetry->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (telemetry->fd < 0)
		return result_error(result, "telemetry: %s", strerror(errno));
	if (connect(telemetry->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		verdict = telemetry_no_connection(path, result);
		telemetry_close(telemetry);
		return verdict;
	}
	verdict = telemetry_hello(telemetry, result);
	if (verdict != VERDICT_PASS)
		telemetry_close(telemetry);
	return verdict;
}

void
telemetry_close(struct telemetry *telemetry)
{
	if (telemetry->fd >= 0)
		close(telemetry->fd);
	free(telemetry->answer);
	*telemetry = (struct telemetry){ .fd = -1 };
}

enum verdict
telemetry_parse_answer(const char *command, const char *text, size_t length, struct result *result,
		       json_t **value)
{
	char name[128];
	json_error_t error;
	json_t *answer;

	*value = NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(command, ","), command);
	answer = json_loadb(text, length, 0, &error);
	if (answer == NULL)
		return telemetry_malformed(result, command, error.text);
	*value = json_incref(json_object_get(answer, name));
	json_decref(answer);
	if (*value == NULL)
		return telemetry_malformed(result, command, "it is not to that command");
	return VERDICT_PASS;
}

enum verdict
telemetry_query(struct telemetry *telemetry, const char *command, struct result *result,
		json_t **value)
{
	enum verdict verdict;
	size_t length;

	*value = NULL;
	if (send(telemetry->fd, command, strlen(command), MSG_NOSIGNAL) < 0)
		return result_fail(result, "telemetry: %s", strerror(errno));
	verdict = telemetry_receive(telemetry, telemetry->answer, telemetry->room, &length, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	return telemetry_parse_answer(command, telemetry->answer, length, result, value);
}
