/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests on the EAL's telemetry socket: "COMMAND[,PARAMETERS]" below /vfio_cdev/. Each reply is
 * JSON that a client can read, nothing leaks, nothing changes, and the fake EAL sees no call that
 * the real one would cut or drop. The second line's first byte, modulo 8, makes this allocation
 * of the reply fail.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "device_choice.h"
#include "fake_telemetry.h"
#include "fuzz_bus.h"

/* The reply to a device has its address, and there is one only for a name of it. */
static void
device_check(const char *request, const json_t *reply)
{
	const char *addr = json_string_value(json_object_get(reply, "address"));
	const char *asked = strchr(request, ',');

	if (strncmp(request, "device,", strlen("device,")) != 0)
		return;
	fuzz_require((addr != NULL) == (asked != NULL && strcmp(asked + 1, FUZZ_ADDR) == 0));
	fuzz_require(addr == NULL || strcmp(addr, FUZZ_ADDR) == 0);
}

/* A page of mappings is a list with at most as many as there are. */
static void
mappings_check(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "mappings");

	fuzz_require(list == NULL || json_object_size(list) <= 64);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	struct fake_holds before, after;
	char *text, *fail, request[256], *answer;
	json_t *reply;

	fuzz_begin();
	fuzz_bus_start();
	before = fake_holds();
	text = fuzz_text(&bytes, '\n');
	fail = fuzz_text(&bytes, '\n');
	fuzz_note("/vfio_cdev/%s, fail %s\n", text, fail);
	snprintf(request, sizeof(request), "/vfio_cdev/%s", text);
	fake_telemetry_fail((unsigned char)fail[0] % 8);
	answer = fake_telemetry_ask(request);
	fake_telemetry_fail(0);
	if (answer != NULL) {
		fuzz_note("%s\n", answer);
		reply = json_loads(answer, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		fuzz_require(reply != NULL);
		device_check(text, reply);
		mappings_check(reply);
		json_decref(reply);
	}
	free(answer);
	after = fake_holds();
	fuzz_require(memcmp(&before, &after, sizeof(after)) == 0);
	fuzz_require(fake_telemetry_leaks() == 0);
	fuzz_require(fake_telemetry_misuse() == NULL);
	fuzz_require(fake_eal_misuse() == NULL);
	free(fail);
	free(text);
	return 0;
}
