/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every hugepage that the EAL has, and a piece of the heap on each. The heap gives
 * no memory of a chosen page: so all of it is taken, and what is not wanted given
 * back.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memzone.h>

#include "traffic.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1)

#define LARGEST_ROOM ((size_t)16 << 20)
#define SMALLEST_ROOM (4 * (size_t)TX_BLOCK)

static int
page_compare(const void *left, const void *right)
{
	const struct page *one = left, *other = right;

	return (one->va > other->va) - (one->va < other->va);
}

/* The key is a page of no length. */
static int
page_has(const void *key, const void *value)
{
	const struct page *at = key, *page = value;

	if (at->va < page->va)
		return -1;
	return at->va - page->va >= page->len;
}

struct page *
pages_find(const struct pages *pages, const void *va)
{
	const struct page key = { .va = (uintptr_t)va };

	if (pages->count == 0)
		return NULL;
	return bsearch(&key, pages->page, pages->count, sizeof(key), page_has);
}

struct walk {
	struct pages *pages;
	struct pages known; /* the first of them, in order */
};

static int
page_add(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct walk *walk = arg;
	struct pages *pages = walk->pages;
	struct page *more;

	walk->known.page = pages->page;
	if (msl->external != 0 || pages_find(&walk->known, ms->addr) != NULL)
		return 0;
	more = realloc(pages->page, (pages->count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	pages->page = more;
	pages->page[pages->count++] = (struct page){
		.va = (uintptr_t)ms->addr,
		.iova = ms->iova,
		.len = ms->len,
		.socket = msl->socket_id,
		.send_only = walk->known.count > 0,
	};
	return 0;
}

uint64_t
phys_of(const void *va)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	ssize_t len;

	if (fd < 0)
		return 0;
	len = pread(fd, &entry, sizeof(entry), (uintptr_t)va / page * sizeof(entry));
	close(fd);
	if (len != sizeof(entry) || (entry & PAGEMAP_PRESENT) == 0)
		return 0;
	return (entry & PAGEMAP_PFN) * page;
}

uint64_t
page_phys(const struct page *page)
{
	return phys_of((const void *)page->va);
}

bool
page_is_full(const struct page *page)
{
	return page->room == NULL;
}

bool
page_is_covered(const struct page *page)
{
	return page->sent > 0 && (page->received > 0 || page->send_only);
}

bool
page_is_left_out(const struct page *page)
{
	return !page_is_covered(page) && !page_is_full(page);
}

unsigned int
pages_count(const struct pages *pages, bool (*is_so)(const struct page *page))
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < pages->count; i++)
		count += is_so(&pages->page[i]);
	return count;
}

static size_t
heap_len(int socket)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(socket, &stats) == 0 ? stats.heap_totalsz_bytes : 0;
}

/*
 * All that a heap has in pieces of this size; one piece too many makes it grow, and
 * shrink again when that is given back. Aligned to its size none goes across pages.
 */
static void
rooms_take(struct pages *pages, int socket, size_t size)
{
	const size_t before = heap_len(socket);
	void *chain = NULL, *next;
	struct page *page;

	while ((next = rte_malloc_socket("traffic", size, size, socket)) != NULL) {
		*(void **)next = chain;
		chain = next;
		if (heap_len(socket) != before)
			break;
	}
	for (; chain != NULL; chain = next) {
		next = *(void **)chain;
		page = pages_find(pages, chain);
		if (page == NULL || page->room != NULL) {
			rte_free(chain);
			continue;
		}
		page->room = chain;
		page->room_len = size;
	}
}

/* In small pieces where there are no large ones. */
static void
rooms_make(struct pages *pages)
{
	struct page *page = pages->page;
	size_t size;

	for (; page < pages->page + pages->count; page++)
		for (size = RTE_MIN(page->len / 2, LARGEST_ROOM);
		     page->room == NULL && size >= SMALLEST_ROOM; size /= 4)
			rooms_take(pages, page->socket, size);
}

int
pages_open(struct pages *pages)
{
	struct walk walk = { .pages = pages, .known = *pages };

	if (rte_memseg_walk(page_add, &walk) != 0)
		return complain(ENOMEM, "cannot list the EAL's pages");
	if (pages->count == 0)
		return complain(ENOENT, "the EAL has no pages");
	qsort(pages->page, pages->count, sizeof(*pages->page), page_compare);
	rooms_make(pages);
	return 0;
}

/* Three quarters of a room are for sending: what drivers have sent they keep for long. */
static size_t
room_split(const struct page *page)
{
	return page->room_len / 4 * 3;
}

static unsigned int
page_blocks(const struct pages *pages, const struct page *page, size_t size)
{
	const unsigned int share = (MOST_BLOCKS + pages->count - 1) / pages->count;

	const size_t len = size == TX_BLOCK ? room_split(page) : page->room_len - room_split(page);

	return RTE_MIN(len / size, share);
}

/* The nth of a page, or NULL. */
static uint8_t *
page_block(const struct pages *pages, const struct page *page, size_t size, unsigned int n)
{
	const size_t start = size == TX_BLOCK ? 0 : room_split(page);

	return n < page_blocks(pages, page, size) ? page->room + start + n * size : NULL;
}

/* Calls add() with the first block of each page, then with the second ones, and so on. */
static unsigned int
blocks_walk(const struct pages *pages, size_t size,
	    void (*add)(void *arg, const struct page *page, uint8_t *va), void *arg)
{
	unsigned int n, before, count = 0;
	uint8_t *va;

	for (n = 0, before = UINT32_MAX; count != before; n++) {
		before = count;
		for (unsigned int i = 0; i < pages->count; i++) {
			va = page_block(pages, &pages->page[i], size, n);
			if (va == NULL)
				continue;
			if (add != NULL)
				add(arg, &pages->page[i], va);
			count++;
		}
	}
	return count;
}

struct tx_blocks {
	struct block_list *list;
	struct block *next;
};

static void
tx_block_add(void *arg, const struct page *page, uint8_t *va)
{
	struct tx_blocks *blocks = arg;

	blocks->next->va = va;
	blocks->next->iova = page->iova + ((uintptr_t)va - page->va);
	STAILQ_INSERT_TAIL(blocks->list, blocks->next, next);
	blocks->next++;
}

int
pages_tx_blocks(const struct pages *pages, struct block_list *list)
{
	const unsigned int count = blocks_walk(pages, TX_BLOCK, NULL, NULL);
	struct tx_blocks blocks = { .list = list, .next = calloc(count, sizeof(*blocks.next)) };

	if (blocks.next == NULL)
		return complain(ENOMEM, "cannot keep book of %u blocks", count);
	STAILQ_INIT(list);
	blocks_walk(pages, TX_BLOCK, tx_block_add, &blocks);
	return 0;
}

static void
rx_block_add(void *arg, const struct page *page, uint8_t *va)
{
	struct rte_pktmbuf_extmem **next = arg;

	memset(va, POISON, RX_BLOCK);
	*(*next)++ = (struct rte_pktmbuf_extmem){
		.buf_ptr = va,
		.buf_iova = page->iova + ((uintptr_t)va - page->va),
		.buf_len = RX_BLOCK,
		.elt_size = RX_BLOCK,
	};
}

struct rte_mempool *
pages_rx_pool(const struct pages *pages, unsigned int *count)
{
	struct rte_pktmbuf_extmem *blocks, *next;
	struct rte_mempool *pool;

	*count = blocks_walk(pages, RX_BLOCK, NULL, NULL);
	blocks = calloc(*count, sizeof(*blocks));
	if (blocks == NULL) {
		complain(ENOMEM, "cannot keep book of %u blocks", *count);
		return NULL;
	}
	next = blocks;
	blocks_walk(pages, RX_BLOCK, rx_block_add, &next);
	/* Without a cache, so that all blocks have their turn. */
	pool = rte_pktmbuf_pool_create_extbuf("traffic_rx", *count, 0, 0, RX_BLOCK, SOCKET_ID_ANY,
					      blocks, *count);
	free(blocks);
	if (pool == NULL)
		complain(rte_errno, "cannot create a pool of %u mbufs for receiving", *count);
	return pool;
}
