/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "eal_api.h"
#include "mp_message.h"
#include "policy.h"

_Static_assert(offsetof(struct mp_message, param) == offsetof(struct rte_mp_msg, param) &&
		       offsetof(struct mp_message, fds) == offsetof(struct rte_mp_msg, fds) &&
		       sizeof(struct mp_message) >= sizeof(struct rte_mp_msg),
	       "not the EAL's message");
_Static_assert(sizeof(struct mp_body) <= RTE_MP_MAX_PARAM_LEN, "a body does not fit");
_Static_assert(sizeof(struct mp_list) <= RTE_MP_MAX_PARAM_LEN, "a list does not fit");

void
mp_message_make(struct mp_message *msg, enum mp_kind kind, uint32_t id, int err, const char *addr)
{
	struct mp_body body = {
		.magic = MP_MAGIC,
		.version = MP_VERSION,
		.kind = kind,
		.id = id,
		.err = err,
		.pid = getpid(),
		.policy = policy_get(),
		.iova_mode = eal_api()->iova_mode(),
	};

	memset(msg, 0, sizeof(*msg));
	memcpy(msg->name, MP_ACTION, sizeof(MP_ACTION));
	memcpy(body.addr, addr, strnlen(addr, sizeof(body.addr) - 1));
	memcpy(msg->param, &body, sizeof(body));
	msg->len_param = sizeof(body);
}

/*
 * A message of another version may have any length. Bodies begin alike, and end with a
 * string that is padded with zeros.
 */
int
mp_message_read(const struct mp_message *msg, enum mp_kind kind, void *body, size_t size)
{
	const size_t head_len = offsetof(struct mp_body, kind);
	const size_t len = msg->len_param >= 0 ? msg->len_param : 0;
	struct mp_body head = { 0 };

	memset(body, 0, size);
	memcpy(body, msg->param, RTE_MIN(len, size));
	memcpy(&head, body, offsetof(struct mp_body, id));
	if (len < head_len || head.magic != MP_MAGIC)
		return -EBADMSG;
	if (head.version != MP_VERSION)
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
void
mp_message_close(const struct mp_message *msg, int first)
{
	int flags;

	for (int i = first; i < msg->num_fds && i < MP_MOST_FDS; i++) {
		flags = msg->fds[i] > STDERR_FILENO ? fcntl(msg->fds[i], F_GETFD) : -1;
		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			close(msg->fds[i]);
	}
}
