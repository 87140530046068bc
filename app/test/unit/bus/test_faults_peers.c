/* SPDX-License-Identifier: BSD-3-Clause */

/* Everything fails once while a device goes from a primary to a secondary. */

#include "fake_faults.h"
#include "scenario.h"
#include "test_bus_mp.h"
#include "test_faults.h"
#include "vfio_cdev_private.h"

/* Of the process at the other end. */
static struct rte_vfio_cdev_ctx *other_ctx;
static struct rte_vfio_cdev_domain *other_domain;
static struct rte_vfio_cdev_device *other_device;

static int
primary_answers(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct wire wire;

	memcpy(&wire, request->param, sizeof(wire));
	fake_faults_pause();
	absent_device_reply(wire, RTE_IOVA_PA, reply);
	fake_faults_resume();
	wire.kind = ANSWER;
	wire.pid = PID;
	memcpy(reply->msgs->param, &wire, sizeof(wire));
	reply->msgs->fds[reply->msgs->num_fds++] = fake_send(rte_vfio_cdev_device_fd(other_device));
	return 0;
}

void
faults_secondary_gets_a_device(void)
{
	struct rte_vfio_cdev_info info;
	int fd = -1;

	faults_begin(RTE_PROC_SECONDARY);
	fake_faults_pause();
	fake_eal()->mp_primary = primary_answers;
	EXPECT(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), NULL, NULL, &other_ctx) == 0);
	EXPECT(rte_vfio_cdev_find(other_ctx, fake_sysfs_base(), BUS_ADDR, &info) == 0);
	EXPECT(rte_vfio_cdev_domain_create(other_ctx, RTE_VFIO_CDEV_NOIOMMU, &other_domain) == 0);
	EXPECT(rte_vfio_cdev_device_open(other_domain, &info, NULL, &other_device) == 0);
	fake_faults_resume();
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
	STEP("read its information", BUS_ADDR, faults_info_get(BUS_ADDR));
	STEP("release it", BUS_ADDR, faults_release(BUS_ADDR, &fd));
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	fake_faults_pause();
	rte_vfio_cdev_device_close(other_device);
	rte_vfio_cdev_domain_destroy(other_domain);
	rte_vfio_cdev_ctx_free(other_ctx);
	fake_faults_resume();
	faults_end();
}

/* 0: the device was sent. */
static int
request(void)
{
	static struct rte_mp_msg msg;
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = REQUEST,
		.id = 1,
		.policy = policy_get(),
		.addr = BUS_ADDR,
	};

	memcpy(msg.param, &wire, sizeof(wire));
	msg.len_param = WIRE_LEN;
	fake_eal()->mp_action(&msg, "peer");
	memcpy(&wire, fake_eal_replied()->param, sizeof(wire));
	return -wire.err;
}

void
faults_primary_gives_a_device(void)
{
	int fd = -1;

	faults_begin(RTE_PROC_PRIMARY);
	STEP("enable", "", faults_is(rte_vfio_enable("vfio") == 0));
	STEP("set up", BUS_ADDR, faults_setup(BUS_ADDR, &fd));
	STEP("give it", BUS_ADDR, request());
out:
	STEP_VOID("release", faults_release(BUS_ADDR, &fd));
	faults_end();
}
