/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages between processes: a request to the primary, its answer to a secondary, and the
 * answers of secondaries. The EAL has checked that the lengths are possible (read_msg() in
 * eal_common_proc.c), all else is the sender's. A device is given only to a request that is right
 * in each field, an answer is taken only if it is, and each fd that came is closed or returned.
 *
 *	byte 0  bits 0-1: which message; bit 2: all bytes are from here, else it is a right one
 *		with some bytes changed: pairs of place and value
 *	byte 1  fds in it: low bits how many; bit 7: one is not from a message (close-on-exec)
 *	byte 2  what the length is short of that of a right message, or bit 7: too long by
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_bus.h"
#include "log_capture.h"
#include "mp.h"
#include "mp_message.h"

#define MOST_FDS 4
#define PID 4711

static struct {
	struct fuzz_bytes bytes;
	unsigned int flags;
	unsigned int n_fds;
	int fds[MOST_FDS];
	bool cloexec;
	unsigned int shorter;
	uint32_t id;   /* of the request that is answered */
	bool is_right; /* what was made is right in each field */
} input;

static bool
fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Files of this process, as if they had come in the message. */
static void
fds_make(void)
{
	for (unsigned int i = 0; i < input.n_fds; i++) {
		input.fds[i] = open("/dev/null", O_RDONLY | (input.cloexec ? O_CLOEXEC : 0));
		fuzz_require(input.fds[i] > STDERR_FILENO);
	}
}

/* Each was closed, unless it is the process's own, or the one that was taken. */
static void
fds_check(int taken)
{
	for (unsigned int i = 0; i < input.n_fds; i++) {
		const bool stays = input.cloexec || input.fds[i] == taken;

		fuzz_require(fd_is_open(input.fds[i]) == stays);
		if (stays)
			close(input.fds[i]);
	}
}

/* Make a message of a right body, of the size that this EAL's have. */
static void
message_make(struct rte_mp_msg *msg, const void *right, size_t size)
{
	unsigned int place, len;

	memset(msg, 0, sizeof(*msg));
	memcpy(msg->name, MP_ACTION, sizeof(MP_ACTION));
	memcpy(msg->param, right, size);
	len = (unsigned int)size;
	len += (input.shorter & 0x80) != 0 ? input.shorter & 0x3f : 0U - (input.shorter & 0x7f);
	msg->len_param = (int)(len <= RTE_MP_MAX_PARAM_LEN ? len : RTE_MP_MAX_PARAM_LEN);
	msg->num_fds = (int)input.n_fds;
	memcpy(msg->fds, input.fds, input.n_fds * sizeof(input.fds[0]));
	if ((input.flags & 4) != 0) {
		for (place = 0; place < RTE_MP_MAX_PARAM_LEN; place++)
			msg->param[place] = (uint8_t)fuzz_byte(&input.bytes);
	} else {
		while (input.bytes.at < input.bytes.end) {
			place = fuzz_byte(&input.bytes);
			msg->param[place] = (uint8_t)fuzz_byte(&input.bytes);
		}
	}
	input.is_right = msg->len_param == (int)size && memcmp(msg->param, right, size) == 0;
	fuzz_note("length %d, %d fds, %s\n", msg->len_param, msg->num_fds,
		  input.is_right ? "right" : "wrong");
}

static struct mp_body
body_of(enum mp_kind kind, uint32_t id)
{
	return (struct mp_body){
		.magic = MP_MAGIC,
		.version = MP_VERSION,
		.kind = kind,
		.id = id,
		.pid = PID,
		.policy = POLICY_PREFER,
		.iova_mode = RTE_IOVA_PA,
		.addr = FUZZ_ADDR,
	};
}

/* Fields that may have any value. */
static struct mp_body
without_free(struct mp_body body)
{
	body.id = 0;
	body.err = 0;
	body.pid = 0;
	body.iova_mode = 0;
	return body;
}

static void
request_run(void)
{
	const struct mp_body right = body_of(KIND_DEVICE, 77);
	struct rte_mp_msg *msg = malloc(sizeof(*msg));
	const unsigned int files = fake_holds().files;
	struct mp_body sent, wanted, answer;
	bool given;

	fds_make();
	message_make(msg, &right, sizeof(right));
	memset(fake_eal_replied(), 0, sizeof(struct fake_mp_msg));
	fuzz_require(fake_eal()->mp_action(msg, "peer") == 0);
	memcpy(&sent, msg->param, sizeof(sent));
	memcpy(&answer, fake_eal_replied()->param, sizeof(answer));
	fuzz_require(fake_eal_replied()->len_param == (int)sizeof(answer));
	fuzz_require(answer.magic == MP_MAGIC && answer.version == MP_VERSION &&
		     answer.kind == KIND_ANSWER && answer.pid == getpid());
	given = fake_eal_replied()->num_fds == 1;
	fuzz_require(given == (answer.err == 0) && (given || fake_eal_replied()->num_fds == 0));
	sent = without_free(sent);
	/* What comes behind the name's end may be anything. */
	memset(sent.addr + strnlen(sent.addr, sizeof(sent.addr) - 1), 0,
	       sizeof(sent.addr) - 1 - strnlen(sent.addr, sizeof(sent.addr) - 1));
	wanted = without_free(right);
	fuzz_require(given ==
		     (msg->len_param == (int)sizeof(sent) && msg->num_fds == 0 &&
		      memcmp(&sent, &wanted, sizeof(sent)) == 0));
	/* The copy is closed again: invariant 8. */
	fuzz_require(fake_holds().files == files);
	fds_check(-1);
	free(msg);
}

/* The answer of a primary to the request that it gets. */
static int
primary_answer(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct mp_body asked, right;

	memcpy(&asked, request->param, sizeof(asked));
	fuzz_require(asked.kind == KIND_DEVICE && strcmp(asked.addr, FUZZ_ADDR) == 0);
	right = body_of(KIND_ANSWER, asked.id);
	input.id = asked.id;
	/* A stale one is asked again: the next one has no fds. */
	reply->msgs = malloc(sizeof(*reply->msgs));
	reply->nb_received = 1;
	message_make(reply->msgs, &right, sizeof(right));
	if (fake_eal()->mp_requests > 1)
		reply->msgs->num_fds = 0;
	input.is_right = input.is_right && reply->msgs->num_fds == 1;
	return 0;
}

static void
answer_run(void)
{
	struct mp_answer answer;
	int fd = -1, ret;

	fds_make();
	fake_eal()->mp_primary = primary_answer;
	fake_eal()->mp_requests = 0;
	ret = mp_request(FUZZ_ADDR, &answer, &fd);
	fuzz_note("%d\n", ret);
	fuzz_require(ret <= 0 && ret > -4096);
	if (ret == 0) {
		fuzz_require(input.n_fds == 1 && fd == input.fds[0]);
		fuzz_require(answer.policy == POLICY_PREFER);
	} else {
		fuzz_require(fd == -1);
		fuzz_require(!input.is_right);
	}
	fds_check(ret == 0 ? fd : -1);
	fake_eal()->mp_primary = NULL;
}

/* The answers of two secondaries: the second one is right. */
static int
secondaries_answer(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct mp_list right = {
		.magic = MP_MAGIC,
		.version = MP_VERSION,
		.kind = KIND_DEVICES,
		.count = 1,
		.pid = PID,
		.addrs = FUZZ_ADDR " ",
	};
	struct mp_body asked;

	memcpy(&asked, request->param, sizeof(asked));
	fuzz_require(asked.kind == KIND_STATE);
	right.id = asked.id;
	reply->msgs = calloc(2, sizeof(*reply->msgs));
	reply->nb_received = 2;
	message_make(&reply->msgs[0], &right, sizeof(right));
	if (fake_eal()->mp_requests > 1)
		reply->msgs[0].num_fds = 0;
	memcpy(reply->msgs[1].name, MP_ACTION, sizeof(MP_ACTION));
	memcpy(reply->msgs[1].param, &right, sizeof(right));
	reply->msgs[1].len_param = (int)sizeof(right);
	return 0;
}

static void
secondaries_run(void)
{
	struct mp_secondary list[2];
	int count;

	fds_make();
	fake_eal()->mp_primary = secondaries_answer;
	fake_eal()->mp_requests = 0;
	count = mp_secondaries(list, 2);
	fuzz_note("%d\n", count);
	fuzz_require(count == -ESTALE || count == -ETIMEDOUT || count == 1 || count == 2);
	fuzz_require(!input.is_right || count == 2);
	for (int i = 0; i < count; i++)
		fuzz_require(list[i].pid > 0 && fuzz_is_clean(list[i].addrs) &&
			     memchr(list[i].addrs, '\0', sizeof(list[i].addrs)) != NULL);
	fds_check(-1);
	fake_eal()->mp_primary = NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_begin();
	fuzz_bus_start();
	log_clear();
	input.bytes = (struct fuzz_bytes){ data, data + size };
	input.flags = fuzz_byte(&input.bytes);
	input.n_fds = fuzz_byte(&input.bytes);
	input.cloexec = (input.n_fds & 0x80) != 0;
	input.n_fds = (input.n_fds & 0x7f) % (MOST_FDS + 1);
	input.shorter = fuzz_byte(&input.bytes);
	switch (input.flags & 3) {
	case 0:
		answer_run();
		break;
	case 1:
		secondaries_run();
		break;
	default:
		request_run();
		break;
	}
	fuzz_require(fake_eal_misuse() == NULL && fake_bad_fds() == 0);
	return 0;
}
