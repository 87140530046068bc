/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages between the primary and its secondaries, as an action of the EAL's
 * multi-process channel (eal_common_proc.c). A secondary requests a device, and the
 * primary replies with the open cdev. For telemetry the primary queries which devices its
 * secondaries have. Each side checks all that it receives.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_table.h"
#include "eal_api.h"
#include "log.h"
#include "mp.h"
#include "policy.h"
#include "state.h"

#define ACTION "vfio_cdev"
#define MAGIC UINT32_C(0x63646576)
#define VERSION 2

/* As long as stock waits (eal_vfio_mp_sync.c). */
#define TIMEOUT_S 5

/* Enough: each request waits for one answer, so that few can be late. */
#define TRIES 3

/*
 * struct rte_mp_msg as it is from 24.11 on; before, it had 8 fds. The EAL copies
 * its own size from a message to send, and what it delivers has its own size too:
 * nothing may be read or written beyond the fds that such a message has.
 */
#define MOST_FDS 253

struct message {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
	int fds[MOST_FDS];
};

_Static_assert(offsetof(struct message, param) == offsetof(struct rte_mp_msg, param) &&
	       offsetof(struct message, fds) == offsetof(struct rte_mp_msg, fds) &&
	       sizeof(struct message) >= sizeof(struct rte_mp_msg), "not the EAL's message");

/* From 25.11 on the EAL's struct is aligned. */
#define MESSAGE _Alignas(8) struct message

enum kind {
	KIND_DEVICE,	/* request of the cdev of a device */
	KIND_ANSWER,
	KIND_STATE,	/* query of a secondary's devices */
	KIND_DEVICES,	/* the answer */
};

/* magic and version stay where they are in all versions. */
struct body {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;		/* of a request, and of its answer */
	int32_t err;		/* of an answer: 0, or why there is no fd */
	int32_t pid;		/* of the sender */
	uint32_t policy;	/* of the sender */
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
};

/* That of KIND_DEVICES. */
struct list {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;
	uint32_t count;		/* of the devices that it has */
	int32_t pid;
	char addrs[MP_ADDRS_LEN];	/* of the first ones, each with a blank after it */
};

_Static_assert(sizeof(struct body) <= RTE_MP_MAX_PARAM_LEN, "a body does not fit");
_Static_assert(sizeof(struct list) <= RTE_MP_MAX_PARAM_LEN, "a list does not fit");

static void
message_make(struct message *msg, enum kind kind, uint32_t id, int err, const char *addr)
{
	struct body body = {
		.magic = MAGIC,
		.version = VERSION,
		.kind = kind,
		.id = id,
		.err = err,
		.pid = getpid(),
		.policy = policy_get(),
	};

	memset(msg, 0, sizeof(*msg));
	memcpy(msg->name, ACTION, sizeof(ACTION));
	memcpy(body.addr, addr, strnlen(addr, sizeof(body.addr) - 1));
	memcpy(msg->param, &body, sizeof(body));
	msg->len_param = sizeof(body);
}

/*
 * A message of another version may have any length. Bodies begin alike, and end with a
 * string that is padded with zeros.
 */
static int
message_read(const struct message *msg, enum kind kind, void *body, size_t size)
{
	const size_t head_len = offsetof(struct body, kind);
	const size_t len = msg->len_param >= 0 ? msg->len_param : 0;
	struct body head = { 0 };

	memset(body, 0, size);
	memcpy(body, msg->param, RTE_MIN(len, size));
	memcpy(&head, body, offsetof(struct body, id));
	if (len < head_len || head.magic != MAGIC)
		return -EBADMSG;
	if (head.version != VERSION)
		return -EPROTONOSUPPORT;
	if (len != size || head.kind != kind || ((const char *)body)[size - 1] != '\0')
		return -EBADMSG;
	return 0;
}

/*
 * Close the unwanted fds from index first on. The count in the message can be more than
 * was received: received fds are not close-on-exec (the EAL sets no MSG_CMSG_CLOEXEC),
 * while most of the process's own are.
 */
static void
fds_drop(const struct message *msg, int first)
{
	int flags;

	for (int i = first; i < msg->num_fds && i < MOST_FDS; i++) {
		flags = msg->fds[i] > STDERR_FILENO ? fcntl(msg->fds[i], F_GETFD) : -1;
		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			close(msg->fds[i]);
	}
}

/* One line a process, or a process that can send messages could fill the log. */
static void
bad_request_report(int err)
{
	if (first_time(&backend.bad_request_logged))
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"cannot serve a secondary process: %s; preload the same "
			"librte_bus_vfio_cdev.so in all processes", strerror(-err));
}

static int
request_serve(const struct message *request, struct rte_vfio_cdev_device **copy, uint32_t *id)
{
	struct body body;
	int ret = message_read(request, KIND_DEVICE, &body, sizeof(body));

	*id = body.id;
	if (ret == 0 && request->num_fds != 0)
		ret = -EBADMSG;
	if (ret < 0) {
		bad_request_report(ret);
		return ret;
	}
	if (body.policy != policy_get())
		return -EINVAL;
	return device_dup(body.addr, copy);
}

/*
 * On the EAL's mp thread, perhaps while the EAL's memory lock is held for the very
 * secondary that requests: only backend_lock may be taken, and not while a message is
 * sent, which takes as long as the secondary lets it.
 */
static int
request_answer(const struct rte_mp_msg *msg, const void *peer)
{
	const struct message *request = (const void *)msg;
	struct rte_vfio_cdev_device *copy = NULL;
	MESSAGE answer;
	uint32_t id;
	int ret;

	ret = request_serve(request, &copy, &id);
	fds_drop(request, 0);
	message_make(&answer, KIND_ANSWER, id, -ret, "");
	if (copy != NULL) {
		answer.fds[0] = rte_vfio_cdev_device_fd(copy);
		answer.num_fds = 1;
	}
	eal_api()->mp_reply((struct rte_mp_msg *)&answer, peer);
	rte_vfio_cdev_device_close(copy);
	return 0;
}

static void
list_make(struct message *msg, uint32_t id)
{
	struct device_state devices[MP_ADDRS_LEN / sizeof("0000:00:00.0 ")];
	struct list list = {
		.magic = MAGIC,
		.version = VERSION,
		.kind = KIND_DEVICES,
		.id = id,
		.pid = getpid(),
	};
	size_t used = 0, len;

	pthread_mutex_lock(&backend_lock);
	list.count = device_list(devices, RTE_DIM(devices));
	pthread_mutex_unlock(&backend_lock);
	for (size_t i = 0; i < RTE_MIN(list.count, RTE_DIM(devices)); i++) {
		len = strlen(devices[i].info.addr);
		if (used + len + 2 > sizeof(list.addrs))
			break;
		memcpy(&list.addrs[used], devices[i].info.addr, len);
		list.addrs[used + len] = ' ';
		used += len + 1;
	}
	memset(msg, 0, sizeof(*msg));
	memcpy(msg->name, ACTION, sizeof(ACTION));
	memcpy(msg->param, &list, sizeof(list));
	msg->len_param = sizeof(list);
}

/* In a secondary, on the EAL's mp thread. An invalid request gets no answer. */
static int
state_answer(const struct rte_mp_msg *msg, const void *peer)
{
	const struct message *request = (const void *)msg;
	struct body body;
	MESSAGE answer;

	fds_drop(request, 0);
	if (message_read(request, KIND_STATE, &body, sizeof(body)) < 0)
		return 0;
	list_make(&answer, body.id);
	eal_api()->mp_reply((struct rte_mp_msg *)&answer, peer);
	return 0;
}

/* ENOTSUP: with --in-memory and --no-shconf there are no secondaries. */
void
mp_serve(void)
{
	const bool primary = eal_api()->process_type() == RTE_PROC_PRIMARY;
	int err;

	if (!first_time(&backend.serving) ||
	    eal_api()->mp_action_register(ACTION, primary ? request_answer : state_answer) == 0)
		return;
	err = eal_errno_get();
	if (primary && err != ENOTSUP && err != EEXIST)
		bus_log(RTE_VFIO_CDEV_LOG_WARNING,
			"secondary processes will get no device: %s", strerror(err));
}

/* Differs from those of an earlier process, whose answer may be late as well. */
static uint32_t
request_id(void)
{
	static uint32_t count;

	return (uint32_t)getpid() << 8 ^ __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

static int
request_send(enum kind kind, uint32_t id, const char *addr, struct rte_mp_reply *reply)
{
	/* The EAL refuses a second request of the same name. */
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	const struct timespec timeout = { .tv_sec = TIMEOUT_S };
	MESSAGE request;
	int ret;

	message_make(&request, kind, id, 0, addr);
	pthread_mutex_lock(&one_at_a_time);
	ret = eal_api()->mp_request_sync((struct rte_mp_msg *)&request, reply, &timeout);
	pthread_mutex_unlock(&one_at_a_time);
	if (ret == 0)
		return 0;
	ret = eal_errno_get();
	return ret > 0 ? -ret : -EPROTO;
}

/*
 * The fd of an answer, or -errno. -ESTALE: it answers an earlier request, for which no
 * thread waits any more.
 */
static int
answer_read(const struct message *msg, uint32_t id, struct mp_answer *answer, int *fd)
{
	struct body body;
	int ret = message_read(msg, KIND_ANSWER, &body, sizeof(body));

	if (ret < 0)
		return ret;
	if (body.id != id)
		return -ESTALE;
	answer->pid = body.pid;
	answer->policy = body.policy;
	if (body.policy != policy_get())
		return -EINVAL;
	if (body.err != 0)
		return body.err > 0 && body.err < 4096 && body.err != EINVAL &&
			body.err != ESTALE ? -body.err : -EBADMSG;
	if (msg->num_fds != 1)
		return -EBADMSG;
	if (fd != NULL)
		*fd = msg->fds[0];
	return 0;
}

static int
request_try(const char *addr, uint32_t id, struct mp_answer *answer, int *fd)
{
	struct rte_mp_reply reply = { .nb_received = 0 };
	int ret = request_send(KIND_DEVICE, id, addr, &reply);

	/* A primary that is not ready is left out (MP_IGN): there is no answer then. */
	if (ret == 0 && reply.nb_received != 1)
		ret = -EAGAIN;
	if (ret == 0) {
		/* Messages have the EAL's size: only the first one has a known place. */
		ret = answer_read((const void *)reply.msgs, id, answer, fd);
		fds_drop((const void *)reply.msgs, ret == 0 && fd != NULL ? 1 : 0);
	}
	free(reply.msgs);
	return ret;
}

/*
 * The EAL takes the first answer of that name. After a late one the same request is sent
 * again: either of the two answers that may come then is the right one.
 */
int
mp_request(const char *addr, struct mp_answer *answer, int *fd)
{
	const uint32_t id = request_id();
	int ret = -ESTALE;

	memset(answer, 0, sizeof(*answer));
	for (unsigned int i = 0; i < TRIES && ret == -ESTALE; i++)
		ret = request_try(addr, id, answer, fd);
	return ret == -ESTALE ? -ETIMEDOUT : ret;
}

/*
 * The EAL's messages are of its own size: 8 fds up to 24.07, 253 from 24.11 on, and from
 * 25.11 on aligned. The size is found by where the second one begins; all places that are
 * read are within the two.
 */
static size_t
message_size(const struct rte_mp_reply *reply)
{
	static const size_t sizes[] = {
		offsetof(struct message, fds) + 8 * sizeof(int),
		sizeof(struct message),
		RTE_ALIGN_CEIL(sizeof(struct message), 8),
	};
	const char *first = (const char *)reply->msgs;

	for (size_t i = 0; i < RTE_DIM(sizes) && reply->nb_received > 1; i++)
		if (memcmp(first + sizes[i], ACTION, sizeof(ACTION)) == 0)
			return sizes[i];
	return 0;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/*
 * How many there are, or -ESTALE: one of the answers is to an earlier request.
 */
static int
secondaries_read(const struct rte_mp_reply *reply, uint32_t id, struct mp_secondary *secondaries,
		 unsigned int size)
{
	const size_t step = message_size(reply);
	const struct message *msg;
	unsigned int count = 0;
	bool stale = false;
	struct list list;

	for (int i = 0; i < reply->nb_received && (i == 0 || step != 0); i++) {
		msg = (const void *)((const char *)reply->msgs + i * step);
		fds_drop(msg, 0);
		if (message_read(msg, KIND_DEVICES, &list, sizeof(list)) < 0 || list.pid <= 0 ||
		    !is_printable(list.addrs))
			continue;
		stale |= list.id != id;
		if (count < size) {
			secondaries[count].pid = list.pid;
			secondaries[count].devices = list.count;
			memcpy(secondaries[count].addrs, list.addrs, sizeof(list.addrs));
		}
		count++;
	}
	return stale ? -ESTALE : (int)count;
}

/* As mp_request(): after a late answer the same request is sent again. */
int
mp_secondaries(struct mp_secondary *secondaries, unsigned int size)
{
	const uint32_t id = request_id();
	struct rte_mp_reply reply;
	int ret = -ESTALE;

	for (unsigned int i = 0; i < TRIES && ret == -ESTALE; i++) {
		reply = (struct rte_mp_reply){ .nb_received = 0 };
		ret = request_send(KIND_STATE, id, "", &reply);
		if (ret < 0)
			return ret == -ENOTSUP ? 0 : ret;
		ret = secondaries_read(&reply, id, secondaries, size);
		free(reply.msgs);
	}
	return ret;
}
