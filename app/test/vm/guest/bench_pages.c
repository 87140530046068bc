/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the library adds to the kernel's own time for a hugepage: each of its
 * calls beside the ioctls that it is made of, on the same iommufd. These go
 * through lib/iommufd, which fills in the structures and no more. Runs where a
 * no-IOMMU cdev is, for example with "devtools/vm run".
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "vfio_cdev_state.h"

#define HUGE (UINT64_C(2) << 20)
#define HUGE_2M (21 << 26) /* MAP_HUGE_2MB of linux/mman.h */
#define MAX_PAGES 65536

enum { BARE = BENCH_FIRST, LIBRARY = BENCH_SECOND };

struct bench {
	unsigned int pages;
	unsigned int rounds;
	struct bench_table table;
	const char *addr; /* as given, or NULL */
	struct rte_vfio_cdev_info info;
	struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *device;
	char *memory;
	struct page {
		uint64_t phys;
		uint64_t iova; /* that the kernel has chosen */
	} * found;	       /* of each page */
};

typedef int (*page_call_t)(const struct bench *bench, const void *va, struct page *page);

static void
log_print(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	bench_complain("%s", line);
}

/* The ioctls, without records and locks. */

static int
bare_map(const struct bench *bench, const void *va, struct page *page)
{
	const struct vfio_cdev_areas *areas = &bench->domain->areas;
	uint64_t run = bench->domain->ctx->page, found;
	int ret;

	page->iova = IOMMUFD_IOVA_ANY;
	ret = iommufd_ioas_map(&iommufd_sys_linux, areas->iommufd, areas->ioas_id, va, HUGE,
			       &page->iova);
	if (ret == 0)
		ret = iommufd_noiommu_get_pa(&iommufd_sys_linux, areas->iommufd, areas->ioas_id,
					     page->iova, &run, &found);
	return ret == 0 && found != page->phys ? -EADDRNOTAVAIL : ret;
}

static int
bare_unmap(const struct bench *bench, const void *va, struct page *page)
{
	const struct vfio_cdev_areas *areas = &bench->domain->areas;

	(void)va;
	return iommufd_ioas_unmap(&iommufd_sys_linux, areas->iommufd, areas->ioas_id, page->iova,
				  HUGE);
}

/* What the library makes of them. */

static int
library_map(const struct bench *bench, const void *va, struct page *page)
{
	return rte_vfio_cdev_domain_map(bench->domain, va, page->phys, HUGE, HUGE);
}

static int
library_pin(const struct bench *bench, const void *va, struct page *page)
{
	uint64_t found;
	int ret;

	ret = rte_vfio_cdev_domain_pin_page(bench->domain, va, HUGE, &found);
	return ret == 0 && found != page->phys ? -EADDRNOTAVAIL : ret;
}

static int
library_unmap(const struct bench *bench, const void *va, struct page *page)
{
	return rte_vfio_cdev_domain_unmap(bench->domain, va, page->phys, HUGE);
}

/* Every other one undoes what the one before it did to all pages. */
static const struct step {
	const char *name;
	page_call_t calls[BENCH_WAYS];
} steps[] = {
	{ "map + verify", { bare_map, library_map } },
	{ "unmap", { bare_unmap, library_unmap } },
	{ "pin page + verify", { bare_map, library_pin } },
	{ "unmap again", { bare_unmap, library_unmap } },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Per page. */
static bench_pairs_t found[STEPS];

static int
step_time(const struct bench *bench, const struct step *step, unsigned int way, double *ns)
{
	const double start = bench_now();

	for (unsigned int i = 0; i < bench->pages; i++) {
		const int ret = step->calls[way](bench, bench->memory + i * HUGE, &bench->found[i]);

		if (ret < 0) {
			bench_complain("%s (%s) of page %u of %u: %s", step->name,
				       way == BARE ? "bare" : "library", i, bench->pages,
				       strerror(-ret));
			return ret;
		}
	}
	*ns = (bench_now() - start) / bench->pages;
	return 0;
}

static int
round_run(const struct bench *bench, unsigned int round)
{
	int ret = 0;

	for (unsigned int i = 0; i < STEPS; i += 2)
		for (unsigned int turn = 0; turn < BENCH_WAYS && ret == 0; turn++) {
			const unsigned int way = (round + turn) % BENCH_WAYS;

			ret = step_time(bench, &steps[i], way, &found[i][way][round]);
			if (ret == 0)
				ret = step_time(bench, &steps[i + 1], way,
						&found[i + 1][way][round]);
		}
	return ret;
}

static int
rounds_run(const struct bench *bench)
{
	/* The first one fills the caches and is run once more. */
	int ret = round_run(bench, 0);

	for (unsigned int i = 0; i < bench->rounds && ret == 0; i++)
		ret = round_run(bench, i);
	if (ret < 0)
		return ret;
	if (!bench->table.pairs)
		printf("%s (%s): %u x 2 MiB, medians of %u pairs\n", bench->info.addr,
		       bench->info.name, bench->pages, bench->rounds);
	bench_head(&bench->table);
	for (unsigned int i = 0; i < STEPS; i++)
		bench_row(&bench->table, steps[i].name, found[i], bench->rounds);
	return 0;
}

static int
first_noiommu(const struct rte_vfio_cdev_info *info, void *arg)
{
	if (info->mode != RTE_VFIO_CDEV_NOIOMMU)
		return 0;
	*(struct rte_vfio_cdev_info *)arg = *info;
	return 1;
}

static int
device_find(struct bench *bench)
{
	int ret;

	if (bench->addr == NULL) {
		ret = rte_vfio_cdev_walk(bench->ctx, "pci", first_noiommu, &bench->info);
		if (ret <= 0)
			bench_complain(
				"no PCI device has a no-IOMMU cdev: bind one to vfio-pci with "
				"enable_unsafe_noiommu_mode=1 on Linux >= 7.3");
		return ret <= 0 ? -ENODEV : 0;
	}
	ret = rte_vfio_cdev_find(bench->ctx, "/sys/bus/pci/devices", bench->addr, &bench->info);
	if (ret == -ENODEV || ret == -EOPNOTSUPP)
		bench_complain("%s has no cdev: is it bound to vfio-pci?", bench->addr);
	else if (ret == 0 && bench->info.mode != RTE_VFIO_CDEV_NOIOMMU)
		bench_complain("%s: %s is behind an IOMMU", bench->addr, bench->info.name);
	return ret == 0 && bench->info.mode != RTE_VFIO_CDEV_NOIOMMU ? -ENODEV : ret;
}

static int
memory_reserve(struct bench *bench)
{
	bench->memory = mmap(NULL, bench->pages * HUGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | HUGE_2M | MAP_POPULATE, -1,
			     0);
	if (bench->memory == MAP_FAILED) {
		bench->memory = NULL;
		bench_complain(
			"%u hugepages of 2 MiB: %s; see HugePages_Free in /proc/meminfo, and -n",
			bench->pages, strerror(errno));
		return -ENOMEM;
	}
	bench->found = calloc(bench->pages, sizeof(*bench->found));
	if (bench->found == NULL)
		bench_complain("%s", strerror(ENOMEM));
	return bench->found == NULL ? -ENOMEM : 0;
}

/* Hugepages do not move unless a program has them moved. */
static int
addresses_find(struct bench *bench)
{
	int ret = 0;

	for (unsigned int i = 0; i < bench->pages && ret == 0; i++) {
		const char *va = bench->memory + i * HUGE;

		ret = rte_vfio_cdev_domain_pin_page(bench->domain, va, HUGE, &bench->found[i].phys);
		if (ret == 0)
			ret = library_unmap(bench, va, &bench->found[i]);
	}
	return ret;
}

static int
bench_open(struct bench *bench)
{
	int ret;

	ret = rte_vfio_cdev_ctx_create(log_print, NULL, &bench->ctx);
	if (ret < 0)
		return ret;
	rte_vfio_cdev_ctx_set_level(bench->ctx, RTE_VFIO_CDEV_LOG_WARNING);
	ret = device_find(bench);
	if (ret == 0)
		ret = memory_reserve(bench);
	if (ret == 0)
		ret = rte_vfio_cdev_domain_create(bench->ctx, RTE_VFIO_CDEV_NOIOMMU,
						  &bench->domain);
	if (ret == 0)
		ret = rte_vfio_cdev_device_open(bench->domain, &bench->info, NULL, &bench->device);
	return ret;
}

static void
bench_close(struct bench *bench)
{
	rte_vfio_cdev_device_close(bench->device);
	rte_vfio_cdev_domain_destroy(bench->domain);
	rte_vfio_cdev_ctx_free(bench->ctx);
	free(bench->found);
	if (bench->memory != NULL)
		munmap(bench->memory, bench->pages * HUGE);
}

static void
usage(FILE *out)
{
	fputs("usage: bench_pages [-n PAGES] [-r ROUNDS] [-p] [BDF]\n"
	      "\n"
	      "Measures what rte_vfio_cdev_domain_map(), _pin_page() and _unmap() take for a\n"
	      "hugepage of 2 MiB, beside the ioctls that they are made of. Needs root.\n"
	      "\n"
	      "  -n, --pages PAGES    hugepages to map, all of them before any is unmapped (128)\n"
	      "  -r, --rounds ROUNDS  how often both ways take turns (15)\n"
	      "  -p, --pairs          print the figures of each pair, and no medians\n"
	      "  -h, --help           this text\n"
	      "  BDF                  PCI address of a device with a no-IOMMU cdev, which is\n"
	      "                       reset (the first there is)\n"
	      "\n"
	      "exit status: 0 if it was measured, 1 if a call failed, 2 if it could not be tried\n",
	      out);
}

/* Does not come back from --help and from wrong usage. */
static void
arguments_parse(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pages", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "pairs", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:r:ph", options, NULL)) != -1) {
		if (option == 'h' || option == '?') {
			usage(option == 'h' ? stdout : stderr);
			exit(option == 'h' ? EXIT_SUCCESS : BENCH_UNTRIED);
		}
		if (option == 'n')
			bench->pages = bench_number(optarg, MAX_PAGES);
		else if (option == 'r')
			bench->rounds = bench_number(optarg, BENCH_MAX_PAIRS);
		else
			bench->table.pairs = true;
	}
	if (argc - optind > 1) {
		usage(stderr);
		exit(BENCH_UNTRIED);
	}
	bench->addr = argv[optind];
}

int
main(int argc, char **argv)
{
	struct bench bench = {
		.pages = 128,
		.rounds = 15,
		.table = { .unit = "ns per page", .ways = { "bare", "library" } },
	};
	int status = EXIT_SUCCESS;

	arguments_parse(&bench, argc, argv);
	if (bench_open(&bench) < 0)
		status = BENCH_UNTRIED;
	else if (addresses_find(&bench) < 0 || rounds_run(&bench) < 0)
		status = BENCH_FAILED;
	bench_close(&bench);
	return status;
}
