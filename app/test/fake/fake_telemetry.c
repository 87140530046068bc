/* SPDX-License-Identifier: BSD-3-Clause */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "fake_telemetry.h"

#define COMMANDS 16
#define COMMAND_LEN 56
#define OUTPUT_LEN (16 * 1024)

enum kind { NONE, STRING, INT, UINT, DICT, ARRAY };

struct entry {
	enum kind kind;
	char name[RTE_TEL_MAX_STRING_LEN];
	char string[RTE_TEL_MAX_STRING_LEN];
	int64_t number;
	struct rte_tel_data *child;
};

/* An answer, or a part of one. */
struct rte_tel_data {
	enum kind kind;
	unsigned int count;
	struct entry *entries;
};

static struct {
	char name[COMMAND_LEN];
	telemetry_cb reply;
} commands[COMMANDS];
static unsigned int command_count;
static atomic_int allocated;
static atomic_uint fail_at;
static const char *_Atomic misuse;

static void
expect(bool right, const char *what)
{
	if (!right)
		misuse = what;
}

const char *
fake_telemetry_misuse(void)
{
	return misuse;
}

unsigned int
fake_telemetry_commands(void)
{
	return command_count;
}

void
fake_telemetry_fail(unsigned int nth)
{
	fail_at = nth;
}

int
fake_telemetry_leaks(void)
{
	return allocated;
}

int
rte_telemetry_register_cmd(const char *cmd, telemetry_cb fn, const char *help)
{
	if (strlen(cmd) >= COMMAND_LEN || strlen(help) >= RTE_TEL_MAX_STRING_LEN || cmd[0] != '/')
		return -EINVAL;
	for (unsigned int i = 0; i < command_count; i++)
		expect(strcmp(commands[i].name, cmd) != 0, "a command is registered twice");
	strcpy(commands[command_count].name, cmd);
	commands[command_count++].reply = fn;
	return 0;
}

struct rte_tel_data *
rte_tel_data_alloc(void)
{
	if (fail_at != 0 && --fail_at == 0)
		return NULL;
	allocated++;
	return calloc(1, sizeof(struct rte_tel_data));
}

static void
data_clear(struct rte_tel_data *d)
{
	for (unsigned int i = 0; i < d->count; i++)
		if (d->entries[i].child != NULL)
			rte_tel_data_free(d->entries[i].child);
	free(d->entries);
	memset(d, 0, sizeof(*d));
}

/* The EAL's does not free what is in it. */
void
rte_tel_data_free(struct rte_tel_data *data)
{
	data_clear(data);
	free(data);
	allocated--;
}

int
rte_tel_data_start_dict(struct rte_tel_data *d)
{
	data_clear(d);
	d->kind = DICT;
	return 0;
}

int
rte_tel_data_start_array(struct rte_tel_data *d, enum rte_tel_value_type type)
{
	expect(type == RTE_TEL_STRING_VAL, "an array of anything but strings");
	data_clear(d);
	d->kind = ARRAY;
	return 0;
}

static bool
is_clean(const char *string, bool name)
{
	for (; *string != '\0'; string++)
		if (name ? !isalnum((unsigned char)*string) && strchr("_/", *string) == NULL :
			   *string < ' ' || *string > '~')
			return false;
	return true;
}

static struct entry *
entry_add(struct rte_tel_data *d, enum kind into, enum kind kind, const char *name)
{
	const unsigned int most = into == DICT ? RTE_TEL_MAX_DICT_ENTRIES :
						 RTE_TEL_MAX_ARRAY_ENTRIES;
	struct entry *entry;

	expect(d->kind == into, "a container of another kind, or not started");
	expect(d->count < most, "more entries than there is room for");
	expect(strlen(name) < RTE_TEL_MAX_STRING_LEN && is_clean(name, true), "no name");
	d->entries = realloc(d->entries, (d->count + 1) * sizeof(*d->entries));
	entry = &d->entries[d->count++];
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	return entry;
}

static int
string_add(struct entry *entry, const char *string)
{
	expect(strlen(string) < RTE_TEL_MAX_STRING_LEN, "a string that is too long");
	expect(is_clean(string, false), "a string of other than ASCII");
	snprintf(entry->string, sizeof(entry->string), "%s", string);
	return 0;
}

int
rte_tel_data_add_array_string(struct rte_tel_data *d, const char *str)
{
	return string_add(entry_add(d, ARRAY, STRING, ""), str);
}

int
rte_tel_data_add_dict_string(struct rte_tel_data *d, const char *name, const char *val)
{
	return string_add(entry_add(d, DICT, STRING, name), val);
}

int
rte_tel_data_add_dict_int(struct rte_tel_data *d, const char *name, int val)
{
	entry_add(d, DICT, INT, name)->number = val;
	return 0;
}

#ifdef FAKE_TELEMETRY_UINT
#define rte_tel_data_add_dict_u64 rte_tel_data_add_dict_uint
#endif

int
rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val)
{
	entry_add(d, DICT, UINT, name)->number = (int64_t)val;
	return 0;
}

int
rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name, struct rte_tel_data *val,
				int keep)
{
	expect(keep == 0, "the caller keeps a part of an answer");
	expect(val->kind == ARRAY || val->count != 0, "an empty dictionary: \"[]\" in 22.11");
	entry_add(d, DICT, DICT, name)->child = val;
	return 0;
}

static void
data_print(FILE *out, const struct rte_tel_data *d)
{
	const struct entry *entry;

	fputc(d->kind == DICT ? '{' : '[', out);
	for (unsigned int i = 0; i < d->count; i++) {
		entry = &d->entries[i];
		fprintf(out, "%s", i == 0 ? "" : ",");
		if (d->kind == DICT)
			fprintf(out, "\"%s\":", entry->name);
		if (entry->kind == STRING)
			fputc('"', out);
		for (const char *c = entry->string; *c != '\0'; c++)
			fprintf(out, "%s%c", strchr("\"\\", *c) != NULL ? "\\" : "", *c);
		if (entry->kind == STRING)
			fputc('"', out);
		if (entry->kind == INT)
			fprintf(out, "%" PRId64, entry->number);
		if (entry->kind == UINT)
			fprintf(out, "%" PRIu64, (uint64_t)entry->number);
		if (entry->kind == DICT)
			data_print(out, entry->child);
	}
	fputc(d->kind == DICT ? '}' : ']', out);
}

/* The EAL gives the callback what is on its stack. */
static char *
command_run(telemetry_cb reply, const char *name, const char *params)
{
	struct rte_tel_data data;
	char *text = NULL;
	size_t size;
	FILE *out;

	memset(&data, 0, sizeof(data));
	if (reply(name, params, &data) < 0) {
		data_clear(&data);
		return strdup("null");
	}
	expect(data.kind == DICT, "an answer that was not started");
	out = open_memstream(&text, &size);
	data_print(out, &data);
	fclose(out);
	data_clear(&data);
	expect(strlen(name) + size + sizeof("{\"\":}") < OUTPUT_LEN, "an answer of over 16 KiB");
	return text;
}

char *
fake_telemetry_ask(const char *request)
{
	const char *comma = strchr(request, ',');
	const size_t len = comma != NULL ? (size_t)(comma - request) : strlen(request);

	/* strtok() makes no empty string of what follows. */
	if (comma != NULL && comma[1] == '\0')
		comma = NULL;
	for (unsigned int i = 0; i < command_count; i++)
		if (strlen(commands[i].name) == len && memcmp(commands[i].name, request, len) == 0)
			return command_run(commands[i].reply, commands[i].name,
					   comma != NULL ? comma + 1 : NULL);
	return NULL;
}
