/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.c - the canary: compare Slurm's structs with the headers of the build, before
 * any list of them is walked. Called by select_cons_tres.c with each operation.
 *
 * Slurm compares releases, and lets a file in that was built with other headers than its
 * release's: those of a patched Slurm, or of another micro release by mistake. There a
 * member lies elsewhere, and what is read as a pointer is none. Therefore nothing is read
 * here but by peek().
 */
#include "plugin/slurm/layout.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define MAX_ITEMS 16 /* of a list, to be looked at */

/* What has been compared and was found the same. */
static struct {
	bool node, node_gres, job, gres;
	bool differs;
	int pipe[2];  /* of peek, while something is compared */
	size_t xmark; /* what stands before a block of xmalloc, and its size; 0: unknown
		       */
} seen;

/* xmalloc keeps a mark and the size before what it gives out: seen with one of its own.
 */
static void read_xmark(void)
{
	size_t head[2] = {0}, *own = try_xmalloc(sizeof(head));

	if (own)
		memcpy(head, (char *)own - sizeof(head), sizeof(head));
	seen.xmark = head[1] == sizeof(head) ? head[0] : 0;
	xfree(own);
}

void gp_layout_begin(void)
{
	memset(&seen, 0, sizeof(seen));
	read_xmark();
}

static bool differs(const char *what, size_t theirs, size_t ours)
{
	if (!seen.differs)
		error("gputopo: %s of this slurmctld differs from the headers that "
		      "gputopo "
		      "was built with (%zu, not %zu): stock Slurm decides alone; build "
		      "gputopo with the source of exactly this Slurm",
		      what, theirs, ours);
	seen.differs = true;
	return false;
}

/* Copy size bytes from an address that may be none: write() says so. */
static bool peek(const void *from, void *to, size_t size)
{
	return from && write(seen.pipe[1], from, size) == (ssize_t)size &&
	       read(seen.pipe[0], to, size) == (ssize_t)size;
}

/* Of a block of xmalloc; 0: it is none. */
static size_t size_of(const void *block)
{
	size_t head[2];

	if (!block || (uintptr_t)block % sizeof(head[0]) ||
	    !peek((const char *)block - sizeof(head), head, sizeof(head)) ||
	    head[0] != seen.xmark)
		return 0;
	return head[1];
}

static uint32_t word_at(const void *at)
{
	uint32_t word = 0;

	return peek(at, &word, sizeof(word)) ? word : 0;
}

/* Is it a block of this size with this mark at an offset? */
static bool is_block(const char *what, const void *block, size_t size, size_t offset,
		     uint32_t mark)
{
	size_t theirs = size_of(block);

	if (theirs != size)
		return differs(what, theirs, size);
	if (mark && word_at((const char *)block + offset) != mark)
		return differs(what, word_at((const char *)block + offset), mark);
	return true;
}

/* Does it begin as the list of all jobs does? */
static bool is_list(const char *what, const void *list)
{
	uint32_t mark = &job_list ? word_at(job_list) : 0;

	if (!list || !mark || word_at(list) == mark)
		return true;
	return differs(what, word_at(list), mark);
}

/* The entries of a list of gres, and what hangs at them. */
struct entries {
	const char *what;
	size_t size; /* of their gres_data */
	int count;
};

static int compare_entry(void *x, void *arg)
{
	struct entries *entries = arg;
	const gres_state_t *gres = x;

	if (!is_block("gres_state_t", gres, sizeof(*gres), 0, 0) ||
	    (gres->gres_data &&
	     !is_block(entries->what, gres->gres_data, entries->size, 0, 0)))
		return -1;
	entries->count++;
	return entries->count == MAX_ITEMS ? -1 : 0;
}

/* Whether there was something to compare. */
static bool compare_entries(gp_list_t list, const char *what, size_t size)
{
	struct entries entries = {.what = what, .size = size};

	if (list)
		(void)list_for_each(list, compare_entry, &entries);
	return entries.count > 0;
}

/* The first node tells of all. */
static void compare_nodes(void)
{
	const node_record_t *node = NULL;

	for (int n = 0; &node_record_count && n < node_record_count && !node; n++)
		node = node_record_table_ptr[n];
	if (!node)
		return;
	seen.node = is_block("node_record_t", node, sizeof(*node),
			     offsetof(node_record_t, magic), NODE_MAGIC) &&
		    is_list("node_record_t (gres_list)", node->gres_list);
	if (seen.node && !seen.node_gres)
		seen.node_gres = compare_entries(node->gres_list, "gres_node_state_t",
						 sizeof(gres_node_state_t));
}

static bool is_job(const job_record_t *job)
{
	return is_block("job_record_t", job, sizeof(*job), offsetof(job_record_t, magic),
			JOB_MAGIC) &&
	       ((!job->details && IS_JOB_FINISHED(job)) ||
		is_block("job_details", job->details, sizeof(*job->details),
			 offsetof(__typeof__(*job->details), magic), DETAILS_MAGIC)) &&
	       is_list("job_record_t (gres_list_req)", job->gres_list_req) &&
	       is_list("job_record_t (gres_list_alloc)", job->gres_list_alloc) &&
	       is_list("job_record_t (step_list)", job->step_list) &&
	       (!job->job_resrcs || is_block("job_resources_t", job->job_resrcs,
					     sizeof(*job->job_resrcs), 0, 0)) &&
	       (!job->part_ptr ||
		is_block("part_record_t", job->part_ptr, sizeof(*job->part_ptr),
			 offsetof(part_record_t, magic), PART_MAGIC));
}

static bool is_known(const job_record_t *job)
{
	return seen.job && (seen.gres || !job->gres_list_req);
}

static void compare_job(const job_record_t *job)
{
	seen.job = is_job(job);
	if (seen.job)
		seen.gres = compare_entries(job->gres_list_req, "gres_job_state_t",
					    sizeof(gres_job_state_t));
}

/* Compare what has not been compared. */
static bool compare(const job_record_t *job)
{
	if (seen.differs)
		return false;
	if (!seen.xmark)
		read_xmark();
	if (!seen.xmark || pipe2(seen.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return false; /* no answer is worth a crash; the next call tries again */
	if (!seen.node || !seen.node_gres)
		compare_nodes();
	if (job && !seen.differs && !is_known(job))
		compare_job(job);
	close(seen.pipe[0]);
	close(seen.pipe[1]);
	return !seen.differs;
}

bool gp_layout_holds(const job_record_t *job)
{
	/* Forecasts come by several threads. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	bool holds;

	pthread_mutex_lock(&lock);
	holds = seen.node && seen.node_gres && !seen.differs && (!job || is_known(job));
	if (!holds)
		holds = compare(job);
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
	return running_in_slurmctld() &&
	       differs("slurm_conf_t", symbol->st_size, sizeof(slurm_conf));
}
