/* SPDX-License-Identifier: BSD-3-Clause */

#include "gate.h"
#include "ctx.h"
#include "eal_api.h"
#include "fork.h"
#include "policy.h"

bool
gate_is_usable(void)
{
	return eal_api() != NULL && !eal_has_own_cdev() && policy_get() != POLICY_INVALID &&
		!is_forked() && backend_ctx() != NULL;
}

bool
gate_is_off(void)
{
	return policy_get() == POLICY_OFF;
}
