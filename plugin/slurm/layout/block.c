/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.c - compare blocks of memory without following a wild pointer: write() into a
 * pipe says whether an address can be read.
 */
#include "plugin/slurm/layout/block.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool gp_blocks_open(struct gp_blocks *blocks, const void *own, size_t own_size)
{
	size_t head[2];

	memset(blocks, 0, sizeof(*blocks));
	if (!own)
		return false;
	memcpy(head, (const char *)own - sizeof(head), sizeof(head));
	blocks->head = head[0];
	return head[1] == own_size && pipe2(blocks->pipe, O_CLOEXEC | O_NONBLOCK) == 0;
}

void gp_blocks_close(struct gp_blocks *blocks)
{
	close(blocks->pipe[0]);
	close(blocks->pipe[1]);
}

static bool peek(struct gp_blocks *blocks, const void *from, void *to, size_t size)
{
	return write(blocks->pipe[1], from, size) == (ssize_t)size &&
	       read(blocks->pipe[0], to, size) == (ssize_t)size;
}

static uint32_t word_at(struct gp_blocks *blocks, const void *at)
{
	uint32_t word = 0;

	return peek(blocks, at, &word, sizeof(word)) ? word : 0;
}

/* 0: it is none of the allocator's. */
static size_t size_of(struct gp_blocks *blocks, const void *block)
{
	size_t head[2];

	if (!block || (uintptr_t)block % sizeof(head[0]) ||
	    !peek(blocks, (const char *)block - sizeof(head), head, sizeof(head)) ||
	    head[0] != blocks->head)
		return 0;
	return head[1];
}

static bool same(struct gp_blocks *blocks, const char *what, size_t theirs, size_t ours)
{
	if (theirs == ours)
		return true;
	if (!blocks->what) {
		blocks->what = what;
		blocks->theirs = theirs;
		blocks->ours = ours;
	}
	return false;
}

bool gp_block_is(struct gp_blocks *blocks, const char *what, const void *block,
		 size_t size, size_t offset, uint32_t mark)
{
	return same(blocks, what, size_of(blocks, block), size) &&
	       (!mark ||
		same(blocks, what, word_at(blocks, (const char *)block + offset), mark));
}

bool gp_block_begins(struct gp_blocks *blocks, const char *what, const void *block,
		     const void *like)
{
	return !block || !like ||
	       same(blocks, what, word_at(blocks, block), word_at(blocks, like));
}
