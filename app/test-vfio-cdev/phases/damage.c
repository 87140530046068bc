/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "damage.h"

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "?";
}

/* Does the EAL have a wrong address for it? Unknown without pagemap. */
static bool
page_is_elsewhere(const json_t *page)
{
	const char *kernel = string(page, "kernel");

	return strcmp(kernel, "0x0") != 0 && strcmp(kernel, string(page, "eal")) != 0;
}

static void
page_text(const json_t *page, char *text, size_t size)
{
	const int length = snprintf(text, size, "page %s of %lld kB, ", string(page, "va"),
				    number(page, "size") >> 10);

	if (page_is_elsewhere(page))
		snprintf(text + length, size - (size_t)length,
			 "whose address is %s to the EAL "
			 "but %s to the kernel",
			 string(page, "eal"), string(page, "kernel"));
	else
		snprintf(text + length, size - (size_t)length, "physical address %s",
			 string(page, "eal"));
}

/* The first one; those of the pages that are elsewhere come before it in importance. */
static enum verdict
damage_first(const json_t *found, struct result *result)
{
	const json_t *damage = json_array_get(json_object_get(found, "damages"), 0);
	const json_t *from = json_object_get(damage, "from"), *to = json_object_get(damage, "to");
	const int port = (int)number(damage, "port");
	char source[160], target[160];

	page_text(json_object_get(from, "page"), source, sizeof(source));
	page_text(json_object_get(to, "page"), target, sizeof(target));
	return result_fail(result,
			   "%lld of %lld packets came back as others; the first, number "
			   "%lld from port %d to port %d, has 0x%02llx instead of 0x%02llx in byte "
			   "%lld of %lld%s: sent from %s (%s), received into %s (%s)",
			   number(found, "damaged"), number(found, "sent"), number(damage, "seq"),
			   port, 1 - port, number(damage, "got"), number(damage, "wanted"),
			   number(damage, "offset"), number(damage, "length"),
			   json_is_true(json_object_get(damage, "unwritten")) ?
				   ", where the device has written nothing" :
				   "",
			   string(from, "va"), source, string(to, "va"), target);
}

static enum verdict
damage_elsewhere(const json_t *found, struct result *result)
{
	const json_t *pages = json_object_get(found, "elsewhere");
	char text[160];

	page_text(json_array_get(pages, 0), text, sizeof(text));
	return result_fail(result, "%zu of %lld hugepages are not where the EAL believes: %s",
			   json_array_size(pages), number(found, "pages"), text);
}

enum verdict
damage_verdict(const json_t *found, struct result *result)
{
	const json_t *silent = json_object_get(found, "silent");
	const long long pages = number(found, "pages") - number(found, "full");
	const long long covered = number(found, "covered");

	if (json_is_string(silent))
		return result_fail(result, "no packet gets %s: are the two cabled to each other?",
				   json_string_value(silent));
	if (number(found, "damaged") > 0)
		return damage_first(found, result);
	if (json_array_size(json_object_get(found, "elsewhere")) > 0)
		return damage_elsewhere(found, result);
	if (number(found, "lost") > 0)
		return result_fail(result,
				   "%lld of %lld packets were lost, though never more than "
				   "64 were on their way",
				   number(found, "lost"), number(found, "sent"));
	if (number(found, "late") > 0)
		return result_fail(result,
				   "%lld of %lld packets came twice: does something on the link "
				   "repeat them?",
				   number(found, "late"), number(found, "sent"));
	if (covered == 0 || covered < pages)
		return result_fail(result, "packets went through %lld of %lld hugepages only",
				   covered, pages);
	return VERDICT_PASS;
}
