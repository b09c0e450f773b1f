/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_text.h - the wish and the placement of a MIG job as text (mig_names.h). slurmctld
 * writes the placement (ctld/mig/mig_select.c), the node reads it (node/mig/mig_node.c).
 */
#ifndef GPUTOPO_PLUGIN_COMMON_MIG_TEXT_H
#define GPUTOPO_PLUGIN_COMMON_MIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define GP_MIG_SLICES_MAX 64 /* of one GPU */
#define GP_MIG_COUNT_MAX  16 /* instances of one job on one node */
#define GP_NODE_NAME_MAX  255
/* Bytes of one job's placement: what one entry of its control environment may have
 * (GP_TEXT_DECISION_MAX) less its name; some 3,000 instances on nodes with names of ten.
 */
#define GP_MIG_PLACE_MAX  65000

/* Where an instance is to be, and what. */
struct gp_mig_slice {
	int gpu;	/* 0 is the lowest minor number */
	int start;	/* first memory slice */
	int size;	/* memory slices */
	int compute;	/* compute slices: the number before the g */
	char suffix[8]; /* "", "+me", "-me", "+gfx", "+me.all" as in the profile's name */
};

/* PROFILE[:COUNT] */
struct gp_mig_wish {
	char profile[32]; /* as it was written */
	int compute;	  /* compute slices */
	char suffix[8];
	int count; /* on each node; 1 to GP_MIG_COUNT_MAX */
};

/* false: text is no wish. Whether any GPU has the profile is not looked at. */
bool gp_mig_wish_read(const char *text, struct gp_mig_wish *wish);

/* One NODE:GPU:START:SIZE; only these four of the slice are set. */
struct gp_mig_entry {
	const char *node; /* not ended by a NUL */
	size_t node_length;
	struct gp_mig_slice slice;
};

/* Read the entry at *text and go to the one behind its comma; *text is NULL behind the
 * last. false: there is no entry that can be read. */
bool gp_mig_entry_next(const char **text, struct gp_mig_entry *entry);
/* The shards in what Slurm says of a job's generic resources on one node,
 * "gpu:1(IDX:0),shard:3(IDX:1)" or "shard:3(0/8,3/8)"; 0 where there are none. */
int gp_mig_shards_read(const char *gres);
/* The most bytes that one entry of this node takes. */
size_t gp_mig_entry_max(const char *node);
bool gp_mig_entry_is_on(const struct gp_mig_entry *entry, const char *node);
/* Append one to text, which holds *used bytes of size; false: no room, nothing changed.
 */
bool gp_mig_entry_add(char *text, size_t size, size_t *used, const char *node,
		      const struct gp_mig_slice *slice);

#endif
