/* SPDX-License-Identifier: BSD-3-Clause */

/* The context of librte_vfio_cdev, and which cdevs the machine has. */

#include <stdatomic.h>
#include <string.h>

#include "ctx.h"
#include "device_choice.h"
#include "log_sink.h"
#include "state.h"
#include "vfio_cdev_front.h"

static struct rte_vfio_cdev_ctx *_Atomic shared; /* constant once it is set */

/* Threads that come first may create one each: the first one to have it wins. */
struct rte_vfio_cdev_ctx *
backend_ctx(void)
{
	struct rte_vfio_cdev_ctx *ctx = atomic_load(&shared), *none = NULL;
	int ret;

	if (ctx != NULL)
		return ctx;
	ret = rte_vfio_cdev_ctx_create(lib_log, NULL, &ctx);
	if (ret < 0) {
		sink_log(RTE_VFIO_CDEV_LOG_ERR, "cannot start: %s; memory is short",
			 strerror(-ret));
		return NULL;
	}
	if (atomic_compare_exchange_strong(&shared, &none, ctx))
		return ctx;
	rte_vfio_cdev_ctx_free(ctx);
	return none;
}

bool
have_cdevs_of(enum rte_vfio_cdev_mode mode)
{
	return vfio_cdev_count(backend_ctx(), mode) != 0;
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
