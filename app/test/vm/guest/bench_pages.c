/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the library adds to the kernel's own time for a hugepage: each of its
 * calls beside the ioctls that it is made of, on the same iommufd. These go
 * through lib/iommufd, which fills in the structures and no more. Runs where a
 * no-IOMMU cdev is, for example with "devtools/vm run".
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "vfio_cdev_state.h"

#define HUGE (UINT64_C(2) << 20)
#define HUGE_2M (21 << 26) /* MAP_HUGE_2MB of linux/mman.h */
#define MAX_PAGES 65536
#define MAX_ROUNDS 1000

enum { EXIT_FAILED = 1, EXIT_UNTRIED = 2 };
enum { BARE, LIBRARY, WAYS };

struct bench {
	unsigned int pages;
	unsigned int rounds;
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

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list args;

	fputs("bench_pages: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void
log_print(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	complain("%s", line);
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
	page_call_t calls[WAYS];
} steps[] = {
	{ "map + verify", { bare_map, library_map } },
	{ "unmap", { bare_unmap, library_unmap } },
	{ "pin page + verify", { bare_map, library_pin } },
	{ "unmap again", { bare_unmap, library_unmap } },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Nanoseconds per page. */
struct round {
	double ns[STEPS][WAYS];
};

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
step_time(const struct bench *bench, const struct step *step, unsigned int way, double *ns)
{
	const double start = now_ns();

	for (unsigned int i = 0; i < bench->pages; i++) {
		const int ret = step->calls[way](bench, bench->memory + i * HUGE, &bench->found[i]);

		if (ret < 0) {
			complain("%s (%s) of page %u of %u: %s", step->name,
				 way == BARE ? "bare" : "library", i, bench->pages, strerror(-ret));
			return ret;
		}
	}
	*ns = (now_ns() - start) / bench->pages;
	return 0;
}

/* One way after the other, so that whatever slows the machine slows both. */
static int
round_run(const struct bench *bench, struct round *round)
{
	int ret = 0;

	for (unsigned int i = 0; i < STEPS; i += 2)
		for (unsigned int way = 0; way < WAYS && ret == 0; way++) {
			ret = step_time(bench, &steps[i], way, &round->ns[i][way]);
			if (ret == 0)
				ret = step_time(bench, &steps[i + 1], way, &round->ns[i + 1][way]);
		}
	return ret;
}

static int
doubles_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), doubles_compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void
step_print(const struct bench *bench, const struct round *rounds, unsigned int step)
{
	double bare[MAX_ROUNDS], library[MAX_ROUNDS], ratio[MAX_ROUNDS];

	for (unsigned int i = 0; i < bench->rounds; i++) {
		bare[i] = rounds[i].ns[step][BARE];
		library[i] = rounds[i].ns[step][LIBRARY];
		ratio[i] = library[i] / bare[i];
	}
	printf("%-20s %10.0f %10.0f %10.2f\n", steps[step].name, median(bare, bench->rounds),
	       median(library, bench->rounds), median(ratio, bench->rounds));
}

static void
table_print(const struct bench *bench, const struct round *rounds)
{
	printf("%s (%s): %u x 2 MiB, medians of %u rounds\n", bench->info.addr, bench->info.name,
	       bench->pages, bench->rounds);
	printf("%-20s %10s %10s %10s\n", "ns per page", "bare", "library", "ratio");
	for (unsigned int i = 0; i < STEPS; i++)
		step_print(bench, rounds, i);
}

static int
rounds_run(const struct bench *bench)
{
	static struct round rounds[MAX_ROUNDS];
	int ret;

	/* The first one fills the caches and is run once more. */
	ret = round_run(bench, &rounds[0]);
	for (unsigned int i = 0; i < bench->rounds && ret == 0; i++)
		ret = round_run(bench, &rounds[i]);
	if (ret == 0)
		table_print(bench, rounds);
	return ret;
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
			complain("no PCI device has a no-IOMMU cdev: bind one to vfio-pci with "
				 "enable_unsafe_noiommu_mode=1 on Linux >= 7.3");
		return ret <= 0 ? -ENODEV : 0;
	}
	ret = rte_vfio_cdev_find(bench->ctx, "/sys/bus/pci/devices", bench->addr, &bench->info);
	if (ret == -ENODEV || ret == -EOPNOTSUPP)
		complain("%s has no cdev: is it bound to vfio-pci?", bench->addr);
	else if (ret == 0 && bench->info.mode != RTE_VFIO_CDEV_NOIOMMU)
		complain("%s: %s is behind an IOMMU", bench->addr, bench->info.name);
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
		complain("%u hugepages of 2 MiB: %s; see HugePages_Free in /proc/meminfo, and -n",
			 bench->pages, strerror(errno));
		return -ENOMEM;
	}
	bench->found = calloc(bench->pages, sizeof(*bench->found));
	if (bench->found == NULL)
		complain("%s", strerror(ENOMEM));
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
	fputs("usage: bench_pages [-n PAGES] [-r ROUNDS] [BDF]\n"
	      "\n"
	      "Measures what rte_vfio_cdev_domain_map(), _pin_page() and _unmap() take for a\n"
	      "hugepage of 2 MiB, beside the ioctls that they are made of. Needs root.\n"
	      "\n"
	      "  -n, --pages PAGES    hugepages to map, all of them before any is unmapped (128)\n"
	      "  -r, --rounds ROUNDS  how often both ways take turns (15)\n"
	      "  -h, --help           this text\n"
	      "  BDF                  PCI address of a device with a no-IOMMU cdev, which is\n"
	      "                       reset (the first there is)\n"
	      "\n"
	      "exit status: 0 if it was measured, 1 if a call failed, 2 if it could not be tried\n",
	      out);
}

static int
number_parse(const char *text, unsigned int most, unsigned int *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 1 ||
	    value > most) {
		complain("%s is no number from 1 to %u", text, most);
		return -EINVAL;
	}
	*number = (unsigned int)value;
	return 0;
}

/* Does not come back from --help and from wrong usage. */
static void
arguments_parse(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pages", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, ret = 0;

	while (ret == 0 && (option = getopt_long(argc, argv, "n:r:h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			exit(EXIT_SUCCESS);
		}
		ret = option == 'n'   ? number_parse(optarg, MAX_PAGES, &bench->pages) :
			option == 'r' ? number_parse(optarg, MAX_ROUNDS, &bench->rounds) :
					-EINVAL;
	}
	if (ret < 0 || argc - optind > 1) {
		usage(stderr);
		exit(EXIT_UNTRIED);
	}
	bench->addr = argv[optind];
}

int
main(int argc, char **argv)
{
	struct bench bench = { .pages = 128, .rounds = 15 };
	int status = EXIT_SUCCESS;

	arguments_parse(&bench, argc, argv);
	if (bench_open(&bench) < 0)
		status = EXIT_UNTRIED;
	else if (addresses_find(&bench) < 0 || rounds_run(&bench) < 0)
		status = EXIT_FAILED;
	bench_close(&bench);
	return status;
}
