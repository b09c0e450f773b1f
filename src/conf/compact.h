/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compact.h - a node model as one short word, for an environment variable. Nothing of
 * Slurm.
 *
 *   1/8/0....0.20000.h+1....0.20000.h/4a4b/1.2.9000+2.2.9000+0.8.6000/2a2b.../
 *
 * version / GPUs / distinct GPUs / which each is / distinct pairs / which each is, row by
 * row above the diagonal / groups [/ ways over PCIe that GPUs share] [/ NICs]. Runs are
 * counts before letters. What no answer depends on (names, bus ids, cores, notes) is not
 * in it; of network cards only their names and which GPUs are near, for the variables of
 * tasks.
 */
#ifndef GPUTOPO_CONF_COMPACT_H
#define GPUTOPO_CONF_COMPACT_H

#include "core/library.h"

#define GP_COMPACT_MAX	   2048 /* bytes of one word, NUL included */
#define GP_COMPACT_LETTERS 52	/* distinct GPUs, and distinct pairs */
#define GP_COMPACT_NAME	   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* Write the model into buf; false if it is too large or too irregular for it. The word
 * holds letters, digits and "/.+-,_" only. O(gpus^2). */
bool gp_compact_write(const struct gt_node *node, char *buf, size_t size);
/* Read a word of len bytes, which may come from anybody. GT_EPARSE, GT_ELIMIT or
 * GT_EINVAL; *node is NULL then. At most GP_COMPACT_GPUS GPUs. */
#define GP_COMPACT_GPUS 128
enum gt_err gp_compact_parse(struct gt_node **node, const char *word, size_t len,
			     struct gt_error *err);
/* What tells two models apart, never 0. */
uint64_t gp_compact_hash(const char *word, size_t len);

/* The variable that the select plugin sets in a job's environment. */
#define GP_ENV_MODELS "GPUTOPO_MODELS"

#define GP_MODELS_MAX 8192 /* bytes of it, with the end */

/* The words of a job's nodes in one variable: NODES=HASH=WORD;NODES=HASH=WORD... with
 * NODES as names one by one (dgx1,dgx2), HASH as up to 16 hexadecimal digits and WORD
 * empty where it did not fit. Where types permute Slurm's numbers, WORD=0,2,1,3 gives the
 * model's GPU of each. The variable is the user's to write: host lists are not read, and
 * one that is longer than ours is no variable of ours.
 * Find the entry for a node: its hash (0: no entry), and what follows (*len 0: nothing).
 * O(length). */
uint64_t gp_compact_find(const char *models, const char *node, const char **word,
			 size_t *len);

/* "0,3,1": plain distinct numbers below GT_MAX_GPUS, no ranges. The count, or -1 if it is
 * anything else or more than max. */
int gp_list_parse(const char *text, int *out, int max);
char *gp_list_write(const int *list, int count, char *buf, size_t size);

#endif
