/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user_text.h - what may be believed of a job's control environment (spank_job_env). Any
 * user can send any entries in it, in any number and of any length, through libslurm. Our
 * names in it are of two kinds: wishes, which users write through our SPANK options, and
 * decisions, which slurmctld writes when a job starts or ends. slurmd puts SPANK_ before
 * each name, except where one begins so already: a name of ours in any other spelling
 * than its own could reach a node as what slurmctld had decided.
 *
 * job_submit/gputopo and the select plugin both pass every job through this filter, since
 * the first is optional. SECURITY.md says what is trusted and what is not.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_USER_TEXT_H
#define GPUTOPO_PLUGIN_COMMON_USER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gp_text_kind {
	GP_TEXT_OTHER,	  /* not ours: another plugin's */
	GP_TEXT_WISH,	  /* of the user */
	GP_TEXT_DECISION, /* of slurmctld */
	GP_TEXT_FORGED,	  /* a name of ours in a spelling that nobody writes */
};

/* Bounds. What is not ours gets what a prolog can still be started with: Linux takes an
 * entry of 128 KiB, and of all a quarter of the stack's limit. */
#define GP_TEXT_OURS_MAX     64	    /* entries of ours */
#define GP_TEXT_WISH_MAX     1024   /* bytes of one wish */
#define GP_TEXT_DECISION_MAX 65536  /* of one decision; the longest is a MIG placement */
#define GP_TEXT_OTHERS_MAX   1024   /* entries that are not ours */
#define GP_TEXT_OTHER_MAX    65536  /* bytes of one of them */
#define GP_TEXT_ALL_MAX	     524288 /* and of all of them */

/* Entries that one look at a job goes through, whoever wrote them. */
#define GP_TEXT_ENTRIES (GP_TEXT_OURS_MAX + GP_TEXT_OTHERS_MAX)

/* What kind NAME=VALUE, or a name alone, is. Reads the name only. */
enum gp_text_kind gp_text_kind(const char *entry);

/* One walk over a job's entries; begins zeroed. */
struct gp_text_filter {
	bool has_run; /* slurmctld has started the job before: its decisions are ours */
	/* What was dropped: */
	int forged;    /* forgeries, and decisions of a job that has not run */
	int twice;     /* a name once more with the same value */
	int opposed;   /* and with another one: the first stands */
	int large;     /* beyond the bounds */
	char name[48]; /* of the first of ours that was dropped, fit to be printed */

	const char *ours[GP_TEXT_OURS_MAX];
	int ours_count, others;
	size_t bytes;
};

/* Whether this entry stays. Called for each in its order; an entry that stays must live
 * as long as the walk. NULL does not stay. O(GP_TEXT_OURS_MAX) for one of ours. */
bool gp_text_stays(struct gp_text_filter *filter, const char *entry);
/* How many were dropped. */
int gp_text_dropped(const struct gp_text_filter *filter);

/* The place of NAME=VALUE among the size entries; size where there is none. Of an
 * environment that has not been cleaned only so many are looked at. */
uint32_t gp_env_find(char **env, uint32_t size, const char *name);
/* Its value, or NULL; belongs to the environment, which may be NULL. */
const char *gp_env_get(char **env, uint32_t size, const char *name);

#endif
