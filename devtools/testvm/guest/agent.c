/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Process 1 of the guest: starts commands for the host and reports on them
 * (wire.py has the frames). In C, small and static: an emulated CPU takes 0.1 s
 * to fork an interpreter, and needs nothing of the root file system for this.
 *
 * One thread, one poll loop. Everything that dies in the guest ends up as a
 * child of this process, so it reaps all children, its own commands or not.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* As in wire.py. */
enum {
	START = 1,
	STDIN,
	SIGNAL,
	MOUNT,
	READY = 16,
	STDOUT,
	STDERR,
	EXIT,
	REPLY,
};

#define PORT "testvm.agent"
#define HEADER 9 /* length, kind, number; big endian, without padding */
#define CHUNK 65536

struct bytes {
	char *data;
	size_t len;
};

/* A command of the host. It goes when it has ended and its output is closed. */
struct command {
	LIST_ENTRY(command) next;
	uint32_t number;
	pid_t pid; /* -1: it has ended and been reported */
	int stdin_fd;
	int out[2];	    /* what it writes to its standard output and error */
	struct bytes input; /* that it has not taken yet */
	bool input_ended;
};

static LIST_HEAD(, command) commands = LIST_HEAD_INITIALIZER(commands);
static int port = -1;

static const char *const environment[] = {
	"HOME=/root",
	"LANG=C.UTF-8",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=dumb",
};

/* The end of process 1 is a panic, which the host sees and shows with this line. */
static void
die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
bytes_add(struct bytes *bytes, const void *data, size_t len)
{
	if (len == 0)
		return;
	bytes->data = realloc(bytes->data, bytes->len + len);
	if (bytes->data == NULL)
		die("memory");
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

static void
bytes_drop(struct bytes *bytes, size_t len)
{
	memmove(bytes->data, bytes->data + len, bytes->len - len);
	bytes->len -= len;
}

static uint32_t
get32(const void *data)
{
	const unsigned char *byte = data;

	return (uint32_t)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
}

static void
put32(unsigned char *byte, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		byte[i] = value >> (24 - 8 * i);
}

static void
send_all(const void *data, size_t len)
{
	const char *at = data;
	ssize_t done;

	for (; len > 0; at += done, len -= done) {
		done = write(port, at, len);
		if (done < 0)
			die("write to the host");
	}
}

static void
send_frame(int kind, uint32_t number, const void *payload, size_t len)
{
	static unsigned char frame[HEADER + CHUNK];

	put32(frame, len);
	frame[4] = kind;
	put32(frame + 5, number);
	memcpy(frame + HEADER, payload, len);
	send_all(frame, HEADER + len);
}

/* The next of the strings that a payload consists of, or NULL. */
static char *
next_string(char **at, char *end)
{
	char *string = *at;
	char *nul = string < end ? memchr(string, '\0', end - string) : NULL;

	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return string;
}

/* In the child: argc, directory, arguments, environment. Does not return. */
static void
command_exec(const int fds[3], char *request, size_t len)
{
	char *at = request, *end = request + len;
	const char *count = next_string(&at, end), *cwd = next_string(&at, end);
	int argc = count != NULL ? atoi(count) : 0;
	char *argv[argc + 1], *variable;
	sigset_t none;

	setsid();
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i <= argc; i++)
		argv[i] = i < argc ? next_string(&at, end) : NULL;
	for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++)
		putenv((char *)(uintptr_t)environment[i]);
	while ((variable = next_string(&at, end)) != NULL)
		putenv(variable);
	errno = EINVAL;
	if (cwd != NULL && argv[0] != NULL && chdir(cwd) == 0)
		execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "vm: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void
command_start(uint32_t number, char *request, size_t len)
{
	struct command *command = calloc(1, sizeof(*command));
	int ends[3][2];

	for (int i = 0; i < 3; i++)
		if (command == NULL || pipe2(ends[i], O_CLOEXEC) != 0)
			die("pipe");
	command->number = number;
	command->pid = fork();
	if (command->pid < 0)
		die("fork");
	if (command->pid == 0)
		command_exec((int[]){ ends[0][0], ends[1][1], ends[2][1] }, request, len);
	close(ends[0][0]);
	command->stdin_fd = ends[0][1];
	fcntl(command->stdin_fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 2; i++) {
		close(ends[i + 1][1]);
		command->out[i] = ends[i + 1][0];
		fcntl(command->out[i], F_SETFL, O_NONBLOCK);
	}
	LIST_INSERT_HEAD(&commands, command, next);
}

static void
command_close_stdin(struct command *command)
{
	if (command->stdin_fd >= 0)
		close(command->stdin_fd);
	command->stdin_fd = -1;
	command->input.len = 0;
}

/* Write what the command will take of its input; close it after the last byte. */
static void
command_feed(struct command *command)
{
	ssize_t done;

	while (command->stdin_fd >= 0 && command->input.len > 0) {
		done = write(command->stdin_fd, command->input.data, command->input.len);
		if (done < 0 && errno == EAGAIN)
			return;
		if (done < 0)
			command_close_stdin(command);
		else
			bytes_drop(&command->input, done);
	}
	if (command->input_ended)
		command_close_stdin(command);
}

/* Pass one piece of output on; false when there is none now. */
static bool
command_forward(struct command *command, int i)
{
	static char data[CHUNK];
	ssize_t len = command->out[i] >= 0 ? read(command->out[i], data, sizeof(data)) : -1;

	if (len > 0)
		send_frame(STDOUT + i, command->number, data, len);
	if (len != 0)
		return len > 0;
	close(command->out[i]);
	command->out[i] = -1;
	return false;
}

/* Report the exit after all output so far. A background child may go on writing. */
static void
command_finish(struct command *command, int status)
{
	char text[16];

	for (int i = 0; i < 2; i++)
		while (command_forward(command, i))
			;
	command_close_stdin(command);
	command->pid = -1;
	snprintf(text, sizeof(text), "%d",
		 WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	send_frame(EXIT, command->number, text, strlen(text));
}

static void
reap(void)
{
	struct command *command;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		LIST_FOREACH(command, &commands, next)
			if (command->pid == pid)
				command_finish(command, status);
}

/* Mount a shared directory at its own path: tag, path. Answers what went wrong, if anything. */
static void
mount_share(uint32_t number, char *request, size_t len)
{
	/* sync: else what is written to an open file is lost when the guest is ended or panics. */
	static const char options[] = "trans=virtio,version=9p2000.L,cache=mmap,msize=512000";
	char *at = request, *tag = next_string(&at, request + len);
	char *path = next_string(&at, request + len);
	char text[CHUNK] = "";

	for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	mkdir(path, 0755);
	if (mount(tag, path, "9p", MS_SYNCHRONOUS, options) != 0)
		snprintf(text, sizeof(text), "mount of %.1024s failed: %s", path, strerror(errno));
	send_frame(REPLY, number, text, strlen(text));
}

static void
frame_serve(int kind, uint32_t number, char *payload, size_t len)
{
	struct command *command;

	if (kind == START)
		command_start(number, payload, len);
	else if (kind == MOUNT)
		mount_share(number, payload, len);
	LIST_FOREACH(command, &commands, next)
		if (command->number == number && command->pid > 0)
			break;
	if (command == NULL)
		return;
	if (kind == SIGNAL)
		kill(-command->pid, atoi(payload));
	else if (kind == STDIN && command->stdin_fd >= 0) {
		bytes_add(&command->input, payload, len);
		command->input_ended |= len == 0;
		command_feed(command);
	}
}

static void
port_read(void)
{
	static struct bytes received;
	char data[CHUNK], *frame, *payload;
	ssize_t len = read(port, data, sizeof(data));
	size_t used = 0, size;

	if (len < 0)
		die("read from the host");
	/* After a suspension the host has to connect again: drivers/char/virtio_console.c. */
	if (len == 0)
		usleep(10000);
	bytes_add(&received, data, len);
	while (received.len - used >= HEADER) {
		frame = received.data + used;
		size = get32(frame);
		if (received.len - used - HEADER < size)
			break;
		/* A string of its own, so that it ends. */
		payload = calloc(1, size + 1);
		if (payload == NULL)
			die("memory");
		memcpy(payload, frame + HEADER, size);
		frame_serve(frame[4], get32(frame + 5), payload, size);
		free(payload);
		used += HEADER + size;
	}
	bytes_drop(&received, used);
}

/* Wait until something can be done. */
static void
poll_all(const sigset_t *mask)
{
	struct command *command;
	struct pollfd fds[256] = { { .fd = port, .events = POLLIN } };
	nfds_t count = 1;

	LIST_FOREACH(command, &commands, next) {
		if (count + 3 > sizeof(fds) / sizeof(fds[0]))
			break;
		for (int i = 0; i < 2; i++)
			fds[count++] = (struct pollfd){ .fd = command->out[i], .events = POLLIN };
		fds[count++] = (struct pollfd){
			.fd = command->input.len > 0 ? command->stdin_fd : -1,
			.events = POLLOUT,
		};
	}
	ppoll(fds, count, NULL, mask);
	if (fds[0].revents == 0)
		return;
	port_read();
}

static void
commands_serve(void)
{
	struct command *command, *next;

	for (command = LIST_FIRST(&commands); command != NULL; command = next) {
		next = LIST_NEXT(command, next);
		command_feed(command);
		for (int i = 0; i < 2; i++)
			command_forward(command, i);
		if (command->pid > 0 || command->out[0] >= 0 || command->out[1] >= 0)
			continue;
		LIST_REMOVE(command, next);
		free(command->input.data);
		free(command);
	}
}

/* A small file's text without its last newline, or "". */
static const char *
text_of(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The virtio-serial port with our name. */
static void
port_open(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[512];

	while (dir != NULL && port < 0 && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (strcmp(text_of(path), PORT) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		port = open(path, O_RDWR | O_CLOEXEC);
	}
	if (port < 0)
		die("no virtio-serial port of that name");
	closedir(dir);
}

/* The kernel's release, hugepages found, and the devices that init.sh could not bind. */
static void
report_ready(void)
{
	static const char *const sizes[] = { "2048", "1048576" };
	char text[8192], path[128];
	struct utsname name;
	size_t len;

	uname(&name);
	len = snprintf(text, sizeof(text), "%s\n", name.release);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages",
			 sizes[i]);
		len += snprintf(text + len, sizeof(text) - len, "%d\n", atoi(text_of(path)));
	}
	len += snprintf(text + len, sizeof(text) - len, "%s\n", text_of("/run/vm/unbound"));
	send_frame(READY, 0, text, len);
}

static void
ignore(int number)
{
	(void)number;
}

int
main(void)
{
	sigset_t blocked, mask;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	signal(SIGCHLD, ignore);
	for (size_t i = 0; i < 4; i++)
		signal((int[]){ SIGINT, SIGTERM, SIGHUP, SIGPIPE }[i], SIG_IGN);
	port_open();
	report_ready();
	for (;;) {
		poll_all(&mask);
		reap();
		commands_serve();
	}
}
