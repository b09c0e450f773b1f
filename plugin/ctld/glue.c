/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glue.c - the hooks of the select plugin inside slurmctld and the state behind them.
 * Called by select_cons_tres.c.
 *
 * The story of one job_test; docs/design/job_test.md has it at length.
 *
 * Locks. Slurm's job and node write locks are held by every caller. Ours is taken behind
 * them, and no lock of Slurm's is taken under it. The thread that writes the metrics
 * holds neither and sees only a finished text.
 *
 * Paths. Off, or no sound configuration: stock, with Slurm's own arguments. A job for
 * MIG slices: gputopo_mig.so; without it the job waits. will-run and test-only of a job
 * with a promise: estimate/forecast.c. Other modes that start nothing: stock. run-now:
 * choose/exchange.c, in five phases.
 *
 * 1. The request is read: GPUs, types, binding, wish, previous run. Nodes that cannot
 *    meet the wish now leave test->nodes. None left: "wait".
 * 2. Stock answers (preselect.c), asked with the best few nodes, then with those of one
 *    NVLink domain, then with all. A refusal of the last is stock's and is returned.
 * 3. The answer is read, job first: "no-gpus", "off", "exclusive", "preemption",
 *    "shared", "per-socket", "canary" end here. Then node by node: a node whose model is
 *    missing or contradicts it keeps stock's GPUs ("no-topology", "size", "index", ...).
 * 4. Each node chooses (choice.c). None wants others: "best", "no-choice", "observed",
 *    "budget".
 * 5. The exchange. All free GPUs but the wanted ones are marked allocated, stock is asked
 *    again on its own nodes, without preemption, and the marks are taken back whatever it
 *    said. The new answer is verified: "changed". Else the next set, eight at most; then
 *    the plain call brings stock's answer back: "rerun".
 *
 * At the end the promise is checked once more; an answer that breaks it is freed and the
 * job waits. What was decided is kept until job_begin names the same job and logs it.
 *
 * Bitmaps. test->nodes is Slurm's: offered nodes in, picked nodes out. glue->offered is
 * our copy of the offered nodes, set in phase 1; each narrower call that fails copies it
 * back. glue->answer is scratch of phase 2 (the few nodes) and from phase 3 on a copy of
 * stock's picked nodes, from which each exchange starts. A node's gres bits are Slurm's;
 * only phase 5 touches them, and leaves them as they were.
 *
 * The job. A run of stock's job_test changes five fields of it (CPUs, memory and the
 * like). They are saved before phase 2 and written back before each further call.
 *
 * Doubt. Whatever does not look as expected ends in stock's answer and one log line. Only
 * a MIG job waits instead: it must not start without its instance.
 */
#include "plugin/slurm/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/ctld/choose/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/model/send_model.h"
#include "plugin/ctld/mig/mig_gate.h"
#include "plugin/ctld/mig/mig_object.h"
#include "plugin/slurm/job_env.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/choose/exchange.h"
#include "plugin/ctld/choose/count_only.h"

#define CONF_NAME	"gputopo.conf"
#define MAX_TOLD	10 /* nodes that are named for one reason */
#define REBUILD_SECONDS 60
#define JUST_BEGUN	10 /* seconds */

/* Recursive, so that a release whose job_test calls another operation cannot hang. */
static struct gp_glue the_glue = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};

static void enter(enum gp_watch_kind kind)
{
	pthread_mutex_lock(&the_glue.lock);
	gp_stopwatch_enter(&the_glue.stopwatch, kind);
}

static void leave(void)
{
	gp_stopwatch_leave(&the_glue.stopwatch);
	pthread_mutex_unlock(&the_glue.lock);
}

/* ---- configuration ------------------------------------------------------------------
 */

/* gputopo.conf beside slurm.conf. */
static void conf_path(char *path, size_t size)
{
	const char *conf = slurm_conf.slurm_conf ? slurm_conf.slurm_conf : "";
	const char *slash = strrchr(conf, '/');

	snprintf(path, size, "%.*s%s" CONF_NAME, slash ? (int)(slash - conf) : 0, conf,
		 slash ? "/" : "");
}

static void say_loaded(const struct gp_conf *conf, bool exists)
{
	struct gp_settings cluster;

	gp_conf_node(conf, "", &cluster);
	info("gputopo %s: %s%s, Mode=%s", gt_version(), exists ? "" : "no ",
	     gp_conf_file(conf), gp_mode_name(cluster.mode));
}

static void note_promises(struct gp_glue *glue)
{
	struct gp_settings cluster;
	char word[32];

	gp_conf_node(glue->conf, "", &cluster);
	glue->no_split = !cluster.split;
	glue->chooses = gp_conf_chooses(glue->conf);
	gp_conf_non_default(glue->conf, "MinRatio", word, sizeof(word));
	glue->has_ratio = word[0] != '\0';
}

/* Read gputopo.conf and the files that it names; all of it or nothing. */
static bool load_conf(struct gp_glue *glue)
{
	char path[4096];
	struct gp_conf *conf;
	struct gp_models *models;
	struct gt_error err;
	bool exists;

	conf_path(path, sizeof(path));
	if (gp_conf_load(&conf, path, &exists, &err) != GT_OK ||
	    gp_models_new(&models, conf, glue->node_count, &err) != GT_OK) {
		error("gputopo: %s:%d: %s%s", err.file[0] ? err.file : path, err.line,
		      err.text, glue->conf ? "; the old settings stay" : "");
		gp_conf_free(conf);
		return false;
	}
	gp_models_free(glue->models);
	gp_conf_free(glue->conf);
	glue->conf = conf;
	glue->models = models;
	note_promises(glue);
	say_loaded(conf, exists);
	gp_metrics_open(&glue->metrics, conf, time(NULL));
	if (!gp_decisions_open(&glue->decisions, conf))
		error("gputopo: DecisionLog=%s: %s", gp_conf_decision_log(conf),
		      strerror(errno));
	return true;
}

/* The old settings for a node table of another size. */
static bool keep_conf(struct gp_glue *glue)
{
	struct gp_models *models;

	if (!glue->conf)
		return false;
	if (gp_models_new(&models, glue->conf, glue->node_count, NULL) != GT_OK)
		models = NULL;
	gp_models_free(glue->models);
	glue->models = models;
	return models != NULL;
}

/* ---- the index of running jobs ------------------------------------------------------
 */

static void put_held(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	gp_running_put(arg, node, job_id, gpus);
}

/* A job that ends. */
struct ending {
	struct gp_glue *glue;
	bool had_gpus;
};

static void drop_held(int node, uint32_t job_id, void *arg)
{
	struct ending *ending = arg;
	struct gp_glue *glue = ending->glue;

	ending->had_gpus |= gp_running_has(&glue->running, node, job_id);
	gp_running_drop(&glue->running, node, job_id);
	gp_room_forget(&glue->room, node);
}

static int put_job(void *x, void *arg)
{
	const job_record_t *job = x;

	if (IS_JOB_RUNNING(job) || IS_JOB_SUSPENDED(job))
		gp_bridge_held(job, put_held, arg);
	return 0;
}

static void rebuild(struct gp_glue *glue)
{
	if (!gp_running_reset(&glue->running, glue->node_count) || !&job_list ||
	    !job_list)
		return;
	(void)list_for_each(job_list, put_job, &glue->running);
}

bool gp_glue_index_agrees(struct gp_glue *glue, const struct gp_seat *seat)
{
	time_t now;

	if (gp_running_agrees(&glue->running, seat->node, seat->gpus.allocated))
		return true;
	now = time(NULL);
	if (now - glue->rebuilt < REBUILD_SECONDS)
		return false;
	glue->rebuilt = now;
	rebuild(glue);
	return gp_running_agrees(&glue->running, seat->node, seat->gpus.allocated);
}

/* ---- messages -----------------------------------------------------------------------
 */

void gp_glue_tell(struct gp_glue *glue, const struct gp_seat *seat, enum gp_reason why)
{
	const char *detail = seat && seat->binding ? seat->binding->detail : "";
	uint64_t *told = seat && seat->node < glue->node_count ? glue->told : NULL;
	uint64_t bit = (uint64_t)1 << why;

	if (!gp_reason_is_for_admin(why) || glue->told_count[why] >= MAX_TOLD ||
	    (told && (told[seat->node] & bit)))
		return;
	if (told)
		told[seat->node] |= bit;
	glue->told_count[why]++;
	info("gputopo: node %s keeps stock's choice of GPUs: %s%s%s%s",
	     seat ? seat->record->name : "(any)", gp_reason_text(why),
	     detail[0] ? ": " : "", detail,
	     glue->told_count[why] == MAX_TOLD ? " (further nodes are not named)" : "");
}

/* Slurm's bit strings exit without memory: they are made where slurmctld itself begins,
 * not while it schedules. */
static void make_scratch(struct gp_glue *glue)
{
	FREE_NULL_BITMAP(glue->offered);
	FREE_NULL_BITMAP(glue->answer);
	if (glue->node_count > 0) {
		glue->offered = bit_alloc(glue->node_count);
		glue->answer = bit_alloc(glue->node_count);
	}
}

/* ---- hooks --------------------------------------------------------------------------
 */

static void spoil_slices(struct gp_glue *glue)
{
	if (gp_mig_object())
		gp_mig_object()->spoil(glue);
}

void gp_glue_node_init(void)
{
	struct gp_glue *glue = &the_glue;

	enter(GP_WATCH_HOOK);
	glue->node_count = &node_record_count ? node_record_count : 0;
	gp_steer_mean(glue, NULL, 0);
	make_scratch(glue);
	free(glue->told);
	glue->told = calloc((size_t)glue->node_count + 1, sizeof(*glue->told));
	free(glue->ranks);
	glue->ranks = calloc((size_t)glue->node_count + 1, sizeof(*glue->ranks));
	free(glue->dates);
	glue->dates = calloc(2 * ((size_t)glue->node_count + 1), sizeof(*glue->dates));
	free(glue->domains);
	glue->domains = calloc((size_t)glue->node_count + 1, sizeof(*glue->domains));
	memset(glue->told_count, 0, sizeof(glue->told_count));
	glue->rebuilt = 0;
	(void)gp_room_reset(&glue->room, glue->node_count);
	gp_units_read(&glue->units, glue->node_count);
	gp_units_say(&glue->units);
	spoil_slices(glue);
	glue->active = gp_running_reset(&glue->running, glue->node_count) &&
		       (load_conf(glue) || keep_conf(glue)) &&
		       !gp_conf_is_off(glue->conf);
	leave();
}

/* Slurm sets a job's nodeinfo more than once, and that of jobs which it recovers at its
 * start: a job counts when its GPUs are first seen and it has only just begun. */
static void count_begin(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	struct gp_glue *glue = arg;

	if (gpus && glue->models && !gp_running_has(&glue->running, node, job_id))
		gp_models_began(glue->models, node, gpus);
}

void gp_glue_job_takes(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_steer_hide(&the_glue, job);
	leave();
}

void gp_glue_job_holds(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_steer_unhide(&the_glue);
	if (time(NULL) - job->start_time < JUST_BEGUN)
		gp_bridge_held(job, count_begin, &the_glue);
	gp_bridge_held(job, put_held, &the_glue.running);
	leave();
}

/* One line for those who debug, and the comment that the admin asked for. */
static void tell_begin(struct gp_glue *glue, job_record_t *job)
{
	const char *summary = gp_decisions_summary(&glue->decisions, job);

	if (!*summary)
		return;
	if (slurm_conf.debug_flags & DEBUG_FLAG_SELECT_TYPE)
		info("gputopo: job %u: %s", job->job_id, summary);
	if (glue->active && gp_conf_admin_comment(glue->conf))
		gp_bridge_comment(job, summary);
}

static void write_metrics(struct gp_glue *glue, bool idle)
{
	gp_metrics_write(&glue->metrics, &glue->counters, &glue->stopwatch, glue->models,
			 idle, time(NULL));
}

/* A job with --mig does not begin without. */
static bool has_its_instance(struct gp_glue *glue, job_record_t *job)
{
	const struct gp_mig_object *mig = gp_mig_object();

	return gp_mig_may_start(job, SELECT_MODE_RUN_NOW) ||
	       (mig && mig->job_begins(glue, job));
}

bool gp_glue_job_begins(job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_job_env_clean(job, true);
	if (!has_its_instance(&the_glue, job)) {
		leave();
		return false;
	}
	tell_begin(&the_glue, job);
	gp_decisions_job_begins(&the_glue.decisions, job, &the_glue.counters);
	write_metrics(&the_glue, false);
	if (the_glue.active)
		gp_carry_models(job, the_glue.models);
	leave();
	return true;
}

/* Seconds of running, without those of suspension. */
static long seconds_run(const job_record_t *job, time_t now)
{
	return job->start_time ? (long)(now - job->start_time - job->tot_sus_time) : 0;
}

void gp_glue_job_ends(job_record_t *job)
{
	struct ending ending = {.glue = &the_glue};
	time_t now = time(NULL);

	enter(GP_WATCH_HOOK);
	gp_bridge_nodes(job, drop_held, &ending);
	the_glue.ends++;
	if (gp_mig_object())
		gp_mig_object()->job_ends(&the_glue, job);
	if (ending.had_gpus && the_glue.active)
		gp_past_write(job, the_glue.models);
	if (ending.had_gpus)
		gp_decisions_job_ends(&the_glue.decisions, &the_glue.counters,
				      job->job_id, seconds_run(job, now), now);
	if (job->start_time && job->time_limit != INFINITE && job->time_limit != NO_VAL)
		gt_limit_memory_add(&the_glue.limits, job->time_limit * 60.0,
				    difftime(now, job->start_time));
	leave();
}

void gp_glue_job_leaves(job_record_t *job, int node)
{
	enter(GP_WATCH_HOOK);
	if (gp_mig_object())
		gp_mig_object()->job_leaves(&the_glue, job, node);
	gp_running_drop(&the_glue.running, node, job->job_id);
	gp_room_forget(&the_glue.room, node);
	leave();
}

void gp_glue_rebuild(void)
{
	enter(GP_WATCH_HOOK);
	gp_room_forget_all(&the_glue.room);
	gp_units_read(&the_glue.units, the_glue.node_count);
	spoil_slices(&the_glue);
	rebuild(&the_glue);
	leave();
}

/* The modes that start nothing. */
static int test_ahead(struct gp_glue *glue, const struct gp_inner *inner,
		      const struct gp_test *test)
{
	struct gp_quest quest;

	if (!SELECT_IS_MODE_RESV(test->mode)) {
		gp_quest_read(&quest, glue, test);
		if (quest.binds && SELECT_IS_MODE_WILL_RUN(test->mode))
			return gp_quest_will_run(&quest, glue, inner, test);
		if (quest.binds && SELECT_IS_MODE_TEST_ONLY(test->mode))
			return gp_quest_test_only(&quest, glue, inner, test);
	}
	return gp_ask(glue, inner, test);
}

/* For the plugin that is on. */
static int job_test(struct gp_glue *glue, const struct gp_inner *inner,
		    const struct gp_test *test)
{
	const struct gp_mig_object *mig = gp_mig_object();

	if (gp_mig_concerns(glue->models, test->job) && !SELECT_IS_MODE_RESV(test->mode))
		return mig ? mig->job_test(glue, inner, test)
			   : gp_mig_without_object(test->job, test->mode);
	if (!SELECT_IS_MODE_RUN_NOW(test->mode))
		return test_ahead(glue, inner, test);
	if (mig && !mig->guard(glue, test))
		return ESLURM_NODES_BUSY;
	return gp_rerun_job_test(glue, inner, test);
}

int gp_glue_job_test(const struct gp_inner *inner, const struct gp_test *test)
{
	bool now = SELECT_IS_MODE_RUN_NOW(test->mode);
	int rc;

	enter(now ? GP_WATCH_START : GP_WATCH_FORECAST);
	/* forecasts may hold a read lock only */
	if (!SELECT_IS_MODE_WILL_RUN(test->mode))
		gp_job_env_clean(test->job, false);
	if (!the_glue.active) {
		leave();
		return gp_mig_may_start(test->job, test->mode)
			       ? gp_ask_unwatched(inner, test)
			       : ESLURM_NODES_BUSY;
	}
	rc = job_test(&the_glue, inner, test);
	write_metrics(&the_glue, true);
	leave();
	return rc;
}

bool gp_glue_refuses(const struct gp_question *question, char *text, size_t size)
{
	bool refuses;

	enter(GP_WATCH_HOOK);
	refuses = the_glue.active && gp_submit_refuses(&the_glue, question, text, size);
	leave();
	return refuses;
}

bool gp_glue_mig_refuses(struct gp_mig_question *question, char *text, size_t size)
{
	const struct gp_mig_object *mig = gp_mig_object();
	bool refuses;

	enter(GP_WATCH_HOOK);
	if (the_glue.active && mig)
		refuses = mig->refuses(&the_glue, question, text, size);
	else
		refuses =
			gp_mig_refuses_alone(question->wish, the_glue.active, text, size);
	leave();
	return refuses;
}

void gp_glue_stop(void)
{
	struct gp_glue *glue = &the_glue;

	pthread_mutex_lock(&glue->lock);
	glue->active = false;
	gp_decisions_close(&glue->decisions);
	gp_metrics_close(&glue->metrics);
	gp_models_free(glue->models);
	gp_conf_free(glue->conf);
	gp_running_release(&glue->running);
	gp_room_release(&glue->room);
	gp_units_release(&glue->units);
	if (gp_mig_object())
		gp_mig_object()->release(glue);
	FREE_NULL_BITMAP(glue->offered);
	FREE_NULL_BITMAP(glue->answer);
	free(glue->seats);
	free(glue->told);
	free(glue->ranks);
	free(glue->dates);
	free(glue->domains);
	glue->dates = NULL;
	glue->ranks = NULL;
	glue->domains = NULL;
	glue->models = NULL;
	glue->conf = NULL;
	glue->seats = NULL;
	glue->seat_room = 0;
	glue->told = NULL;
	glue->node_count = 0;
	pthread_mutex_unlock(&glue->lock);
}
