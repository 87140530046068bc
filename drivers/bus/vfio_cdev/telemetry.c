/* SPDX-License-Identifier: BSD-3-Clause */

/* The commands under /vfio_cdev/, and replies on devices and processes. */

#include <stdio.h>
#include <string.h>

#include "device_table.h"
#include "domain.h"
#include "eal_api.h"
#include "log_sink.h"
#include "mp.h"
#include "state.h"
#include "telemetry.h"

#define DEVICES_MOST 128u
#define SECONDARIES_MOST 32

static int
devices_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	struct device_state devices[DEVICES_MOST];
	struct rte_tel_data *names = tel->alloc();
	unsigned int count;

	(void)cmd;
	(void)params;
	if (names == NULL)
		return telemetry_error(reply, NO_MEMORY);
	pthread_mutex_lock(&backend_lock);
	count = device_list(devices, DEVICES_MOST);
	pthread_mutex_unlock(&backend_lock);
	telemetry_begin(reply);
	tel->add_uint(reply, "count", count);
	tel->start_array(names, RTE_TEL_STRING_VAL);
	for (unsigned int i = 0; i < RTE_MIN(count, DEVICES_MOST); i++)
		tel->add_array_string(names, devices[i].info.addr);
	telemetry_add_container(reply, "devices", names, false);
	return 0;
}

static const char *
domain_name(const struct rte_vfio_cdev_domain *domain, struct domain_ref *ref)
{
	bool found = false;

	for (unsigned int n = 0; domain != NULL && !found && domain_nth(n, ref); n++) {
		found = ref->domain == domain;
		domain_put(ref);
	}
	return found ? ref->name : "none";
}

static int
device_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	unsigned char token[VF_TOKEN_LEN];
	struct device_state dev;
	struct domain_ref ref;
	const char *domain;
	bool found;

	(void)cmd;
	if (params == NULL)
		return telemetry_error(reply, "give an address: /vfio_cdev/device,0000:00:03.0");
	pthread_mutex_lock(&backend_lock);
	found = device_get(params, &dev);
	pthread_mutex_unlock(&backend_lock);
	domain = domain_name(found ? dev.domain : NULL, &ref);
	if (!found)
		return telemetry_error(reply,
				       "this process has set up no such device over a cdev: "
				       "see /vfio_cdev/devices");
	telemetry_begin(reply);
	tel->add_string(reply, "address", dev.info.addr);
	tel->add_string(reply, "cdev", dev.info.name);
	tel->add_string(reply, "mode", rte_vfio_cdev_mode_name(dev.info.mode));
	tel->add_int(reply, "numa_node", dev.info.numa_node);
	tel->add_int(reply, "group", dev.group);
	tel->add_int(reply, "fd", dev.fd);
	tel->add_string(reply, "domain", domain);
	return tel->add_int(reply, "token", eal_vf_token(token) != NULL);
}

static void
secondary_add(struct rte_tel_data *dict, struct rte_tel_data *names, struct mp_secondary *secondary)
{
	char *save = NULL, *addr;

	tel->add_uint(dict, "count", secondary->devices);
	tel->start_array(names, RTE_TEL_STRING_VAL);
	for (addr = strtok_r(secondary->addrs, " ", &save); addr != NULL;
	     addr = strtok_r(NULL, " ", &save))
		tel->add_array_string(names, addr);
	telemetry_add_container(dict, "devices", names, false);
}

/* The EAL has no telemetry in secondaries (eal.c), so the primary queries them. */
static int
secondaries_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	struct mp_secondary secondaries[SECONDARIES_MOST];
	struct rte_tel_data *all, *dict;
	unsigned int shown;
	struct telemetry_pool pool;
	char name[16];
	int count;

	(void)cmd;
	(void)params;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return telemetry_error(reply, "this is a secondary process: query the primary");
	count = mp_secondaries(secondaries, SECONDARIES_MOST);
	if (count < 0)
		return telemetry_error(reply,
				       "a secondary process does not answer: preload "
				       "librte_bus_vfio_cdev.so there as well, or try again");
	shown = RTE_MIN((unsigned int)count, (unsigned int)SECONDARIES_MOST);
	if (!telemetry_pool_fill(&pool, 1 + 2 * shown))
		return telemetry_error(reply, NO_MEMORY);
	telemetry_begin(reply);
	tel->add_uint(reply, "count", count);
	all = telemetry_pool_take(&pool);
	for (unsigned int i = 0; i < shown; i++) {
		dict = telemetry_pool_take(&pool);
		secondary_add(dict, telemetry_pool_take(&pool), &secondaries[i]);
		snprintf(name, sizeof(name), "%d", secondaries[i].pid);
		telemetry_add_container(all, name, dict, false);
	}
	telemetry_add_container(reply, "secondaries", all, shown == 0);
	return 0;
}

static const struct {
	const char *command;
	telemetry_cb reply;
	const char *help; /* less than 128 characters */
} commands[] = {
	{ "/vfio_cdev/devices", devices_reply, "Devices set up over a VFIO cdev. No parameters." },
	{ "/vfio_cdev/device", device_reply,
	  "One device: cdev, mode, NUMA node, domain. Parameter: its address." },
	{ "/vfio_cdev/domains", telemetry_domains,
	  "What each DMA domain has now. Parameter: name to go on from (optional)." },
	{ "/vfio_cdev/mappings", telemetry_mappings,
	  "Mappings and the addresses the kernel reports now. Parameter: place to go on from "
	  "(optional)." },
	{ "/vfio_cdev/secondaries", secondaries_reply,
	  "Secondary processes and the devices that each has. No parameters." },
	{ "/vfio_cdev/stats", telemetry_stats,
	  "Counters of all domains and of each. Parameter: name to go on from (optional)." },
};

/* The EAL does not check for duplicates: once a process. */
static void
telemetry_start(void)
{
	int ret = 0;

	if (eal_api()->telemetry.register_cmd == NULL)
		return;
	tel = &eal_api()->telemetry;
	for (size_t i = 0; i < RTE_DIM(commands) && ret == 0; i++)
		ret = tel->register_cmd(commands[i].command, commands[i].reply, commands[i].help);
	if (ret != 0)
		sink_log(RTE_VFIO_CDEV_LOG_WARNING, "there is not all telemetry: %s",
			 strerror(-ret));
}

void
telemetry_register(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, telemetry_start);
}
