/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The IOVA mode: the EAL queries its buses unless an option names one (eal.c), and where
 * they demand none, or disagree, it takes virtual addresses on a machine with IOMMU groups.
 * Those of devices without an IOMMU count there: none of these could be plugged in later.
 */

#include <rte_bus.h>

#include "ctx.h"
#include "eal_api.h"
#include "elf_binding.h"
#include "gate.h"
#include "iova_mode.h"
#include "log_sink.h"
#include "mp.h"
#include "prime.h"
#include "state.h"

/* Devices of a VFIO driver that have an IOMMU, or whose kind is not known. */
static bool
have_others(void)
{
	return have_cdevs_of(TRANSLATED) || rte_vfio_cdev_count_without(backend_ctx()) > 0;
}

/*
 * Built with -Denable_iova_as_pa=false the EAL refuses to start with
 * physical addresses (rte_eal_init()). Nothing tells so before; but only then, whatever the
 * release, it has the words.
 */
static bool
pa_is_left_out(void)
{
	/* A function that no library interposes. */
	const void *eal = *(void *const *)&eal_api()->process_type;

	return elf_object_has(eal, "as it is disabled during build");
}

/* Can the application come to use a device that needs physical addresses, and are there any? */
static bool
needs_pa(void)
{
	return eal_api()->has_hugepages() && !have_others() && prime_has_usable() &&
		!pa_is_left_out() && eal_api()->using_phys_addrs();
}

/* Its memory is the primary's, at the primary's IOVAs. */
static enum rte_iova_mode
primary_mode(enum rte_iova_mode own)
{
	struct mp_answer answer;

	if (!have_cdevs_of(NOIOMMU))
		return own;
	mp_request("", &answer, NULL);
	return answer.iova_mode == RTE_IOVA_PA || answer.iova_mode == RTE_IOVA_VA ?
		answer.iova_mode :
		own;
}

enum rte_iova_mode
rte_bus_get_iommu_class(void)
{
	enum rte_iova_mode mode;

	if (eal_api() == NULL)
		return RTE_IOVA_DC;
	mode = eal_api()->iommu_class();
	if (!gate_is_usable() || gate_is_off())
		return mode;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return primary_mode(mode);
	if (mode != RTE_IOVA_DC || !needs_pa())
		return mode;
	first_time(&backend.pa_answered);
	return RTE_IOVA_PA;
}

/* Not before: some releases query the buses even where an option names the mode. */
void
iova_mode_report(void)
{
	bool answered;

	pthread_mutex_lock(&backend_lock);
	answered = backend.pa_answered;
	backend.pa_answered = false;
	pthread_mutex_unlock(&backend_lock);
	if (answered && eal_api()->iova_mode() == RTE_IOVA_PA)
		sink_log(RTE_VFIO_CDEV_LOG_INFO,
			 "IOVA as PA, for devices without an IOMMU that may be plugged in; "
			 "--iova-mode=va if there will be none");
}
