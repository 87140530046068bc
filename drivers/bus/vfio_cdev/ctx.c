/* SPDX-License-Identifier: BSD-3-Clause */

/* The context of librte_vfio_cdev, and which cdevs the machine has. */

#include "ctx.h"
#include "device_choice.h"
#include "log_sink.h"
#include "state.h"

static struct rte_vfio_cdev_ctx *ctx; /* constant after ctx_init() */
static pthread_once_t ctx_once = PTHREAD_ONCE_INIT;

static void
ctx_init(void)
{
	rte_vfio_cdev_ctx_create(lib_log, NULL, &ctx);
}

struct rte_vfio_cdev_ctx *
backend_ctx(void)
{
	pthread_once(&ctx_once, ctx_init);
	return ctx;
}

bool
have_cdevs_of(enum rte_vfio_cdev_mode mode)
{
	return rte_vfio_cdev_count(backend_ctx(), mode) > 0;
}

bool
have_cdevs(void)
{
	return have_cdevs_of(NOIOMMU) || have_cdevs_of(TRANSLATED);
}

int
device_attr(const char *bus, const char *addr, const char *attr, char *text, size_t size)
{
	return device_attr_of(backend_ctx(), bus, addr, attr, text, size);
}
