/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.c - the canary: compare Slurm's structs with the headers of the build, before
 * any list of them is walked. Called by select_cons_tres.c with each operation.
 *
 * Slurm compares releases, and lets a file in that was built with other headers than its
 * release's: those of a patched Slurm, or of another micro release by mistake. There a
 * member lies elsewhere, and what is read as a pointer is none.
 */
#include "plugin/slurm/layout/layout.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

#include "plugin/slurm/layout/block.h"

#define MAX_ITEMS 16 /* of a list, to be looked at */
/* A block of Slurm's with a mark, against our headers. */
#define IS_BLOCK(b, name, block, mark)                                                   \
	gp_block_is(b, name, block, sizeof(*(block)),                                    \
		    offsetof(__typeof__(*(block)), magic), mark)

/* What has been compared and was found the same. */
static struct {
	bool node, node_gres, job, gres;
	bool differs;
} seen;

void gp_layout_begin(void)
{
	memset(&seen, 0, sizeof(seen));
}

static void say(const char *what, size_t theirs, size_t ours)
{
	error("gputopo: %s of this slurmctld differs from the headers that gputopo was "
	      "built with (%zu, not %zu): stock Slurm decides alone; build gputopo with "
	      "the source of exactly this Slurm",
	      what, theirs, ours);
	seen.differs = true;
}

struct entries {
	struct gp_blocks *blocks;
	const char *what;
	size_t size; /* of their gres_data */
	int count;
};

static int compare_entry(void *x, void *arg)
{
	struct entries *e = arg;
	const gres_state_t *gres = x;

	if (!gp_block_is(e->blocks, "gres_state_t", gres, sizeof(*gres), 0, 0) ||
	    (gres->gres_data &&
	     !gp_block_is(e->blocks, e->what, gres->gres_data, e->size, 0, 0)))
		return -1;
	return ++e->count == MAX_ITEMS ? -1 : 0;
}

/* The entries of a list of gres; whether there was something to compare. */
static bool compare_entries(struct gp_blocks *b, gp_list_t list, const char *what,
			    size_t size)
{
	struct entries entries = {b, what, size, 0};

	if (list && !b->what)
		(void)list_for_each(list, compare_entry, &entries);
	return entries.count > 0;
}

/* Lists begin as that of all jobs does. */
static bool is_list(struct gp_blocks *b, const char *what, const void *list)
{
	return gp_block_begins(b, what, list, &job_list ? job_list : NULL);
}

/* The first node tells of all. */
static void compare_nodes(struct gp_blocks *b)
{
	const node_record_t *node = NULL;

	for (int n = 0; &node_record_count && n < node_record_count && !node; n++)
		node = node_record_table_ptr[n];
	seen.node = node && IS_BLOCK(b, "node_record_t", node, NODE_MAGIC) &&
		    is_list(b, "node_record_t (gres_list)", node->gres_list);
	if (seen.node)
		seen.node_gres = compare_entries(b, node->gres_list, "gres_node_state_t",
						 sizeof(gres_node_state_t));
}

static void compare_job(struct gp_blocks *b, const job_record_t *job)
{
	if (!IS_BLOCK(b, "job_record_t", job, JOB_MAGIC) ||
	    (!job->details && IS_JOB_FINISHED(job)))
		return; /* an old job without details tells nothing of where they lie */
	seen.job = IS_BLOCK(b, "job_details", job->details, DETAILS_MAGIC) &&
		   is_list(b, "job_record_t (gres_list_req)", job->gres_list_req) &&
		   is_list(b, "job_record_t (gres_list_alloc)", job->gres_list_alloc) &&
		   is_list(b, "job_record_t (step_list)", job->step_list) &&
		   (!job->job_resrcs || gp_block_is(b, "job_resources_t", job->job_resrcs,
						    sizeof(*job->job_resrcs), 0, 0)) &&
		   (!job->part_ptr ||
		    IS_BLOCK(b, "part_record_t", job->part_ptr, PART_MAGIC));
	if (seen.job)
		seen.gres = compare_entries(b, job->gres_list_req, "gres_job_state_t",
					    sizeof(gres_job_state_t));
}

/* Whether a job with what this one has was compared already. */
static bool is_known(const job_record_t *job)
{
	return !job || (seen.job && (seen.gres || !job->gres_list_req));
}

static void compare(const job_record_t *job)
{
	void *own = try_xmalloc(1);
	struct gp_blocks blocks;

	if (gp_blocks_open(&blocks, own, 1)) {
		if (!seen.node_gres)
			compare_nodes(&blocks);
		if (!blocks.what && !is_known(job))
			compare_job(&blocks, job);
		if (blocks.what)
			say(blocks.what, blocks.theirs, blocks.ours);
		gp_blocks_close(&blocks);
	}
	xfree(own);
}

bool gp_layout_holds(const job_record_t *job)
{
	/* Forecasts come by several threads. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	bool holds;

	pthread_mutex_lock(&lock);
	if (!seen.differs && !(seen.node_gres && is_known(job)))
		compare(job);
	holds = !seen.differs && seen.node && (!job || seen.job);
	pthread_mutex_unlock(&lock);
	return holds;
}

bool gp_layout_conf_holds(void)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!dladdr1(&slurm_conf, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
	    !symbol->st_size || symbol->st_size == sizeof(slurm_conf))
		return true;
	if (running_in_slurmctld())
		say("slurm_conf_t", symbol->st_size, sizeof(slurm_conf));
	return false;
}
