/* SPDX-License-Identifier: BSD-3-Clause */

/* The answering side of the messages: requests of a device, and of a secondary's list. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "device_table.h"
#include "eal_api.h"
#include "log_sink.h"
#include "mp.h"
#include "mp_message.h"
#include "policy.h"
#include "state.h"

/* One line a process, or a process that can send messages could fill the log. */
static void
bad_request_report(int err)
{
	if (first_time(&backend.bad_request_logged))
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "cannot serve a secondary process: %s; preload the same "
			 "librte_bus_vfio_cdev.so in all processes",
			 strerror(-err));
}

static int
request_serve(const struct mp_message *request, struct rte_vfio_cdev_device **copy, uint32_t *id)
{
	struct mp_body body;
	int ret = mp_message_read(request, KIND_DEVICE, &body, sizeof(body));

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
	const struct mp_message *request = (const void *)msg;
	struct rte_vfio_cdev_device *copy = NULL;
	MP_MESSAGE answer;
	uint32_t id;
	int ret;

	ret = request_serve(request, &copy, &id);
	mp_message_close(request, 0);
	mp_message_make(&answer, KIND_ANSWER, id, -ret, "");
	if (copy != NULL) {
		answer.fds[0] = rte_vfio_cdev_device_fd(copy);
		answer.num_fds = 1;
	}
	eal_api()->mp_reply((struct rte_mp_msg *)&answer, peer);
	rte_vfio_cdev_device_close(copy);
	return 0;
}

static void
list_make(struct mp_message *msg, uint32_t id)
{
	struct device_state devices[MP_ADDRS_LEN / sizeof("0000:00:00.0 ")];
	struct mp_list list = {
		.magic = MP_MAGIC,
		.version = MP_VERSION,
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
	memcpy(msg->name, MP_ACTION, sizeof(MP_ACTION));
	memcpy(msg->param, &list, sizeof(list));
	msg->len_param = sizeof(list);
}

/* In a secondary, on the EAL's mp thread. An invalid request gets no answer. */
static int
state_answer(const struct rte_mp_msg *msg, const void *peer)
{
	const struct mp_message *request = (const void *)msg;
	struct mp_body body;
	MP_MESSAGE answer;

	mp_message_close(request, 0);
	if (mp_message_read(request, KIND_STATE, &body, sizeof(body)) < 0)
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
	    eal_api()->mp_action_register(MP_ACTION, primary ? request_answer : state_answer) == 0)
		return;
	err = eal_errno_get();
	if (primary && err != ENOTSUP && err != EEXIST)
		sink_log(RTE_VFIO_CDEV_LOG_WARNING, "secondary processes will get no device: %s",
			 strerror(err));
}
