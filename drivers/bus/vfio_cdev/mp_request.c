/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The requesting side of the messages: a secondary requests a device of the primary, and
 * the primary queries which devices its secondaries have, for telemetry.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eal_api.h"
#include "mp.h"
#include "mp_message.h"
#include "policy.h"

/* As long as stock waits (eal_vfio_mp_sync.c). */
#define TIMEOUT_S 5

/* Enough: each request waits for one answer, so that few can be late. */
#define TRIES 3

/* Differs from those of an earlier process, whose answer may be late as well. */
static uint32_t
request_id(void)
{
	static uint32_t count;

	return (uint32_t)getpid() << 8 ^ __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

static int
request_send(enum mp_kind kind, uint32_t id, const char *addr, struct rte_mp_reply *reply)
{
	/* The EAL refuses a second request of the same name. */
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	const struct timespec timeout = { .tv_sec = TIMEOUT_S };
	MP_MESSAGE request;
	int ret;

	mp_message_make(&request, kind, id, 0, addr);
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
answer_read(const struct mp_message *msg, uint32_t id, struct mp_answer *answer, int *fd)
{
	struct mp_body body;
	int ret = mp_message_read(msg, KIND_ANSWER, &body, sizeof(body));

	if (ret < 0)
		return ret;
	if (body.id != id)
		return -ESTALE;
	answer->pid = body.pid;
	answer->policy = body.policy;
	answer->iova_mode = body.iova_mode;
	if (body.policy != policy_get())
		return -EINVAL;
	if (body.err != 0)
		return body.err > 0 && body.err < 4096 && body.err != EINVAL && body.err != ESTALE ?
			-body.err :
			-EBADMSG;
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
		mp_message_close((const void *)reply.msgs, ret == 0 && fd != NULL ? 1 : 0);
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
		offsetof(struct mp_message, fds) + 8 * sizeof(int),
		offsetof(struct mp_message, padding),
		sizeof(struct mp_message),
	};
	const char *first = (const char *)reply->msgs;

	for (size_t i = 0; i < RTE_DIM(sizes) && reply->nb_received > 1; i++)
		if (memcmp(first + sizes[i], MP_ACTION, sizeof(MP_ACTION)) == 0)
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
	const struct mp_message *msg;
	unsigned int count = 0;
	bool stale = false;
	struct mp_list list;

	for (int i = 0; i < reply->nb_received && (i == 0 || step != 0); i++) {
		msg = (const void *)((const char *)reply->msgs + i * step);
		mp_message_close(msg, 0);
		if (mp_message_read(msg, KIND_DEVICES, &list, sizeof(list)) < 0 || list.pid <= 0 ||
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
