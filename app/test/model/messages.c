/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's channel: a request waits for the primary's mp thread, and the secondary for an answer,
 * until it gives up. An answer that comes later answers the next request, as a late one does in
 * the EAL. Here time passes only by choice, or if nothing else can happen.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define ANSWERS 8

static struct {
	bool requested, gave_up, over;
	struct rte_mp_msg request;
	/* In the secondary's socket. */
	struct fake_mp_msg answers[ANSWERS];
	unsigned int sent, received;
} channel;

void
messages_begin(void)
{
	memset(&channel, 0, sizeof(channel));
}

bool
messages_gave_up(void)
{
	return channel.gave_up;
}

static bool
is_answered(void)
{
	return channel.received < channel.sent || explore_is_dead(PRIMARY);
}

/* In the secondary: rte_mp_request_sync(). */
static int
primary_asked(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	channel.request = *request;
	channel.requested = true;
	if (!explore_wait(is_answered, true) || channel.received == channel.sent) {
		channel.gave_up = true;
		return ETIMEDOUT;
	}
	reply->nb_sent = reply->nb_received = 1;
	reply->msgs = calloc(1, sizeof(channel.answers[0]));
	memcpy(reply->msgs, &channel.answers[channel.received++], sizeof(channel.answers[0]));
	return 0;
}

/* In the primary: rte_mp_reply(). */
static void
answer_sent(const struct fake_mp_msg *msg)
{
	const int fd = msg->num_fds > 0 ? kernel_send(msg->fds[0], SECONDARY) : -1;

	if (explore_is_dead(SECONDARY) || channel.over || channel.sent == ANSWERS) {
		if (fd >= 0)
			fake_sys.close(fd);
		return;
	}
	channel.answers[channel.sent] = *msg;
	channel.answers[channel.sent++].fds[0] = fd;
}

static bool
has_work(void)
{
	return channel.requested || channel.over || explore_is_dead(SECONDARY);
}

void
messages_serve(void)
{
	const struct rte_mp_msg *request = &channel.request;

	fake_eal()->mp_replied = answer_sent;
	while (explore_wait(has_work, false) && channel.requested) {
		channel.requested = false;
		if (fake_eal()->mp_action != NULL)
			fake_eal()->mp_action(request, "peer");
	}
}

void
messages_end(void)
{
	channel.over = true;
	for (; channel.received < channel.sent; channel.received++)
		if (channel.answers[channel.received].num_fds > 0 && !explore_is_dead(SECONDARY))
			model_sys.close(channel.answers[channel.received].fds[0]);
}

/* Of both sides: only a secondary asks. */
void
messages_connect(void)
{
	fake_eal()->mp_primary = primary_asked;
}
