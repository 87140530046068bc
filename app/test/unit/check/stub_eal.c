/* SPDX-License-Identifier: BSD-3-Clause */

/* A librte_eal for a check that only looks at how it is linked. */

void
rte_mem_virt2iova(void);
void
rte_fbarray_set_free(void);
void
stub_eal(void);

/* Bound by the dynamic linker, unless the library was linked to bind them itself. */
static void (*const volatile calls[])(void) = { rte_mem_virt2iova, rte_fbarray_set_free };

#ifdef WITH_OWN_CDEV
/* From 26.11 on. */
void
dev_vfio_setup_device(void);

void
dev_vfio_setup_device(void)
{
}
#endif

void
rte_mem_virt2iova(void)
{
}

void
rte_fbarray_set_free(void)
{
}

void
stub_eal(void)
{
	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		calls[i]();
}
