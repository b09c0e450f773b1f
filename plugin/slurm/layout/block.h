/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h - compare blocks of memory with what they should be, by addresses that may be
 * none. For layout.c.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_LAYOUT_BLOCK_H
#define GPUTOPO_PLUGIN_SLURM_LAYOUT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gp_blocks {
	int pipe[2];	  /* through which the kernel reads for us */
	size_t head;	  /* what the allocator puts before each block */
	const char *what; /* NULL: nothing differed; else the first that did */
	size_t theirs, ours;
};

/* Begin. own is a block of own_size bytes of the same allocator, which keeps two words
 * before it: a mark, and the size. false: not so, or no pipe; nothing is to be closed. */
bool gp_blocks_open(struct gp_blocks *blocks, const void *own, size_t own_size);
void gp_blocks_close(struct gp_blocks *blocks);

/* Whether the allocator made the block with this size, and mark (0: any) is at the
 * offset. The first that has not is noted in what. */
bool gp_block_is(struct gp_blocks *blocks, const char *what, const void *block,
		 size_t size, size_t offset, uint32_t mark);
/* Whether the block, if there is one, begins with the same 32 bits as like. */
bool gp_block_begins(struct gp_blocks *blocks, const char *what, const void *block,
		     const void *like);

#endif
