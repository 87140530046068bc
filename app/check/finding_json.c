/* SPDX-License-Identifier: BSD-3-Clause */

#include "finding_json.h"

json_t *
check_finding_json(const struct check_finding *finding)
{
	return json_pack("{s:s, s:s, s:s?, s:s, s:s?}", "check", finding->check, "verdict",
			 check_verdict_name(finding->verdict), "device", finding->device, "text",
			 finding->text, "cure", finding->cure);
}
