/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller.c - the hooks of the select plugin inside slurmctld and the state behind
 * them. Called by select_cons_tres.c.
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
 *    "shared", "per-socket", "abi-mismatch" end here. Then node by node: a node whose
 * model is missing or contradicts it keeps stock's GPUs ("no-topology", "size", "index",
 * ...).
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
 * Bitmaps. test->nodes is Slurm's: offered nodes in, picked nodes out. ctl->offered is
 * our copy of the offered nodes, set in phase 1; each narrower call that fails copies it
 * back. ctl->picked is scratch of phase 2 (the few nodes) and from phase 3 on a copy of
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
#include "plugin/slurm/layout.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/choose/exchange.h"
#include "plugin/ctld/choose/count_only.h"

#define CONF_NAME	"gputopo.conf"
#define MAX_TOLD	10 /* nodes that are named for one reason */
#define REBUILD_SECONDS 60
#define JUST_BEGUN	10 /* seconds */

/* Recursive, so that a release whose job_test calls another operation cannot hang. */
static struct gp_controller controller = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};

static void enter(enum gp_watch_kind kind)
{
	pthread_mutex_lock(&controller.lock);
	gp_stopwatch_enter(&controller.stopwatch, kind);
}

static void leave(void)
{
	gp_stopwatch_leave(&controller.stopwatch);
	pthread_mutex_unlock(&controller.lock);
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

static void note_promises(struct gp_controller *ctl)
{
	struct gp_settings cluster;
	char word[32];

	gp_conf_node(ctl->conf, "", &cluster);
	ctl->no_split = !cluster.split;
	ctl->chooses = gp_conf_chooses(ctl->conf);
	gp_conf_non_default(ctl->conf, "MinRatio", word, sizeof(word));
	ctl->has_ratio = word[0] != '\0';
}

/* Read gputopo.conf and the files that it names; all of it or nothing. */
static bool load_conf(struct gp_controller *ctl)
{
	char path[4096];
	struct gp_conf *conf;
	struct gp_models *models;
	struct gt_error err;
	bool exists;

	conf_path(path, sizeof(path));
	if (gp_conf_load(&conf, path, &exists, &err) != GT_OK ||
	    gp_models_new(&models, conf, ctl->node_count, &err) != GT_OK) {
		error("gputopo: %s:%d: %s%s", err.file[0] ? err.file : path, err.line,
		      err.text, ctl->conf ? "; the old settings stay" : "");
		gp_conf_free(conf);
		return false;
	}
	gp_models_free(ctl->models);
	gp_conf_free(ctl->conf);
	ctl->conf = conf;
	ctl->models = models;
	note_promises(ctl);
	say_loaded(conf, exists);
	gp_metrics_open(&ctl->metrics, conf, time(NULL));
	if (!gp_decisions_open(&ctl->decisions, conf))
		error("gputopo: DecisionLog=%s: %s", gp_conf_decision_log(conf),
		      strerror(errno));
	return true;
}

/* The old settings for a node table of another size. */
static bool keep_conf(struct gp_controller *ctl)
{
	struct gp_models *models;

	if (!ctl->conf)
		return false;
	if (gp_models_new(&models, ctl->conf, ctl->node_count, NULL) != GT_OK)
		models = NULL;
	gp_models_free(ctl->models);
	ctl->models = models;
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
	struct gp_controller *ctl;
	bool had_gpus;
};

static void drop_held(int node, uint32_t job_id, void *arg)
{
	struct ending *ending = arg;
	struct gp_controller *ctl = ending->ctl;

	ending->had_gpus |= gp_running_has(&ctl->running, node, job_id);
	gp_running_drop(&ctl->running, node, job_id);
	gp_free_bound_forget(&ctl->free_bound, node);
}

static int put_job(void *x, void *arg)
{
	const job_record_t *job = x;

	if (!gp_layout_holds(job))
		return 0;
	if (IS_JOB_RUNNING(job) || IS_JOB_SUSPENDED(job))
		gp_bridge_held(job, put_held, arg);
	return 0;
}

static void rebuild(struct gp_controller *ctl)
{
	if (!gp_running_reset(&ctl->running, ctl->node_count) || !&job_list || !job_list)
		return;
	(void)list_for_each(job_list, put_job, &ctl->running);
}

bool gp_controller_index_agrees(struct gp_controller *ctl,
				const struct gp_node_answer *answer)
{
	time_t now;

	if (gp_running_agrees(&ctl->running, answer->node, answer->gpus.allocated))
		return true;
	now = time(NULL);
	if (now - ctl->rebuilt < REBUILD_SECONDS)
		return false;
	ctl->rebuilt = now;
	rebuild(ctl);
	return gp_running_agrees(&ctl->running, answer->node, answer->gpus.allocated);
}

/* ---- messages -----------------------------------------------------------------------
 */

void gp_log_once(struct gp_controller *ctl, const struct gp_node_answer *answer,
		 enum gp_reason why)
{
	const char *detail = answer && answer->binding ? answer->binding->detail : "";
	uint64_t *told = answer && answer->node < ctl->node_count ? ctl->told : NULL;
	uint64_t bit = (uint64_t)1 << why;

	if (!gp_reason_is_for_admin(why) || ctl->told_count[why] >= MAX_TOLD ||
	    (told && (told[answer->node] & bit)))
		return;
	if (told)
		told[answer->node] |= bit;
	ctl->told_count[why]++;
	info("gputopo: node %s keeps stock's choice of GPUs: %s%s%s%s",
	     answer ? answer->record->name : "(any)", gp_reason_text(why),
	     detail[0] ? ": " : "", detail,
	     ctl->told_count[why] == MAX_TOLD ? " (further nodes are not named)" : "");
}

/* Slurm's bit strings exit without memory: they are made where slurmctld itself begins,
 * not while it schedules. */
static void make_scratch(struct gp_controller *ctl)
{
	FREE_NULL_BITMAP(ctl->offered);
	FREE_NULL_BITMAP(ctl->picked);
	if (ctl->node_count > 0) {
		ctl->offered = bit_alloc(ctl->node_count);
		ctl->picked = bit_alloc(ctl->node_count);
	}
}

/* ---- hooks --------------------------------------------------------------------------
 */

static void spoil_slices(struct gp_controller *ctl)
{
	if (gp_mig_object())
		gp_mig_object()->spoil(ctl);
}

void gp_controller_node_init(void)
{
	struct gp_controller *ctl = &controller;

	enter(GP_WATCH_HOOK);
	ctl->node_count = &node_record_count ? node_record_count : 0;
	gp_count_only_mean(ctl, NULL, 0);
	make_scratch(ctl);
	free(ctl->told);
	ctl->told = calloc((size_t)ctl->node_count + 1, sizeof(*ctl->told));
	free(ctl->scores);
	ctl->scores = calloc((size_t)ctl->node_count + 1, sizeof(*ctl->scores));
	free(ctl->dates);
	ctl->dates = calloc(2 * ((size_t)ctl->node_count + 1), sizeof(*ctl->dates));
	free(ctl->domains);
	ctl->domains = calloc((size_t)ctl->node_count + 1, sizeof(*ctl->domains));
	memset(ctl->told_count, 0, sizeof(ctl->told_count));
	ctl->rebuilt = 0;
	(void)gp_free_bound_reset(&ctl->free_bound, ctl->node_count);
	gp_units_read(&ctl->units, ctl->node_count);
	gp_units_say(&ctl->units);
	spoil_slices(ctl);
	ctl->active = gp_running_reset(&ctl->running, ctl->node_count) &&
		      (load_conf(ctl) || keep_conf(ctl)) && !gp_conf_is_off(ctl->conf);
	leave();
}

/* Slurm sets a job's nodeinfo more than once, and that of jobs which it recovers at its
 * start: a job counts when its GPUs are first seen and it has only just begun. */
static void count_begin(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	struct gp_controller *ctl = arg;

	if (gpus && ctl->models && !gp_running_has(&ctl->running, node, job_id))
		gp_models_began(ctl->models, node, gpus);
}

void gp_controller_job_takes(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_count_only_hide(&controller, job);
	leave();
}

void gp_controller_job_holds(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_count_only_unhide(&controller);
	if (time(NULL) - job->start_time < JUST_BEGUN)
		gp_bridge_held(job, count_begin, &controller);
	gp_bridge_held(job, put_held, &controller.running);
	leave();
}

/* One line for those who debug, and the comment that the admin asked for. */
static void tell_begin(struct gp_controller *ctl, job_record_t *job)
{
	const char *summary = gp_decisions_summary(&ctl->decisions, job);

	if (!*summary)
		return;
	if (slurm_conf.debug_flags & DEBUG_FLAG_SELECT_TYPE)
		info("gputopo: job %u: %s", job->job_id, summary);
	if (ctl->active && gp_conf_admin_comment(ctl->conf))
		gp_bridge_comment(job, summary);
}

static void write_metrics(struct gp_controller *ctl, bool idle)
{
	gp_metrics_write(&ctl->metrics, &ctl->counters, &ctl->stopwatch, ctl->models,
			 idle, time(NULL));
}

/* A job with --mig does not begin without. */
static bool has_its_instance(struct gp_controller *ctl, job_record_t *job)
{
	const struct gp_mig_object *mig = gp_mig_object();

	return gp_mig_may_start(job, SELECT_MODE_RUN_NOW) ||
	       (mig && mig->job_begins(ctl, job));
}

bool gp_controller_job_begins(job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_job_env_clean(job, true);
	if (!has_its_instance(&controller, job)) {
		leave();
		return false;
	}
	tell_begin(&controller, job);
	gp_decisions_job_begins(&controller.decisions, job, &controller.counters);
	write_metrics(&controller, false);
	if (controller.active)
		gp_send_models(job, controller.models);
	leave();
	return true;
}

/* Seconds of running, without those of suspension. */
static long seconds_run(const job_record_t *job, time_t now)
{
	return job->start_time ? (long)(now - job->start_time - job->tot_sus_time) : 0;
}

void gp_controller_job_ends(job_record_t *job)
{
	struct ending ending = {.ctl = &controller};
	time_t now = time(NULL);

	enter(GP_WATCH_HOOK);
	gp_bridge_nodes(job, drop_held, &ending);
	controller.ends++;
	if (gp_mig_object())
		gp_mig_object()->job_ends(&controller, job);
	if (ending.had_gpus && controller.active)
		gp_previous_run_write(job, controller.models);
	if (ending.had_gpus)
		gp_decisions_job_ends(&controller.decisions, &controller.counters,
				      job->job_id, seconds_run(job, now), now);
	if (job->start_time && job->time_limit != INFINITE && job->time_limit != NO_VAL)
		gt_limit_memory_add(&controller.limits, job->time_limit * 60.0,
				    difftime(now, job->start_time));
	leave();
}

void gp_controller_job_leaves(job_record_t *job, int node)
{
	enter(GP_WATCH_HOOK);
	if (gp_mig_object())
		gp_mig_object()->job_leaves(&controller, job, node);
	gp_running_drop(&controller.running, node, job->job_id);
	gp_free_bound_forget(&controller.free_bound, node);
	leave();
}

void gp_controller_rebuild(void)
{
	enter(GP_WATCH_HOOK);
	gp_free_bound_forget_all(&controller.free_bound);
	gp_units_read(&controller.units, controller.node_count);
	spoil_slices(&controller);
	rebuild(&controller);
	leave();
}

/* The modes that start nothing. */
static int test_ahead(struct gp_controller *ctl,
		      const struct gp_stock_plugin *stock_plugin,
		      const struct gp_test *test)
{
	struct gp_job_request request;

	if (!SELECT_IS_MODE_RESV(test->mode)) {
		gp_job_request_read(&request, ctl, test);
		if (request.binds && SELECT_IS_MODE_WILL_RUN(test->mode))
			return gp_forecast_will_run(&request, ctl, stock_plugin, test);
		if (request.binds && SELECT_IS_MODE_TEST_ONLY(test->mode))
			return gp_forecast_test_only(&request, ctl, stock_plugin, test);
	}
	return gp_stock_call(ctl, stock_plugin, test);
}

/* For the plugin that is on. */
static int job_test(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		    const struct gp_test *test)
{
	const struct gp_mig_object *mig = gp_mig_object();

	if (gp_mig_concerns(ctl->models, test->job) && !SELECT_IS_MODE_RESV(test->mode))
		return mig ? mig->job_test(ctl, stock_plugin, test)
			   : gp_mig_without_object(test->job, test->mode);
	if (!SELECT_IS_MODE_RUN_NOW(test->mode))
		return test_ahead(ctl, stock_plugin, test);
	if (mig && !mig->guard(ctl, test))
		return ESLURM_NODES_BUSY;
	return gp_exchange_job_test(ctl, stock_plugin, test);
}

int gp_controller_job_test(const struct gp_stock_plugin *stock_plugin,
			   const struct gp_test *test)
{
	bool now = SELECT_IS_MODE_RUN_NOW(test->mode);
	int rc;

	enter(now ? GP_WATCH_START : GP_WATCH_FORECAST);
	/* forecasts may hold a read lock only */
	if (!SELECT_IS_MODE_WILL_RUN(test->mode))
		gp_job_env_clean(test->job, false);
	if (!controller.active) {
		leave();
		return gp_mig_may_start(test->job, test->mode)
			       ? gp_stock_call_untimed(stock_plugin, test)
			       : ESLURM_NODES_BUSY;
	}
	rc = job_test(&controller, stock_plugin, test);
	write_metrics(&controller, true);
	leave();
	return rc;
}

bool gp_controller_refuses(const struct gp_question *question, char *text, size_t size)
{
	bool refuses;

	enter(GP_WATCH_HOOK);
	refuses =
		controller.active && gp_submit_refuses(&controller, question, text, size);
	leave();
	return refuses;
}

bool gp_controller_mig_refuses(struct gp_mig_question *question, char *text, size_t size)
{
	const struct gp_mig_object *mig = gp_mig_object();
	bool refuses;

	enter(GP_WATCH_HOOK);
	if (controller.active && mig)
		refuses = mig->refuses(&controller, question, text, size);
	else
		refuses = gp_mig_refuses_alone(question->wish, controller.active, text,
					       size);
	leave();
	return refuses;
}

void gp_controller_stop(void)
{
	struct gp_controller *ctl = &controller;

	pthread_mutex_lock(&ctl->lock);
	ctl->active = false;
	gp_decisions_close(&ctl->decisions);
	gp_metrics_close(&ctl->metrics);
	gp_models_free(ctl->models);
	gp_conf_free(ctl->conf);
	gp_running_release(&ctl->running);
	gp_free_bound_release(&ctl->free_bound);
	gp_units_release(&ctl->units);
	if (gp_mig_object())
		gp_mig_object()->release(ctl);
	FREE_NULL_BITMAP(ctl->offered);
	FREE_NULL_BITMAP(ctl->picked);
	free(ctl->answers);
	free(ctl->told);
	free(ctl->scores);
	free(ctl->dates);
	free(ctl->domains);
	ctl->dates = NULL;
	ctl->scores = NULL;
	ctl->domains = NULL;
	ctl->models = NULL;
	ctl->conf = NULL;
	ctl->answers = NULL;
	ctl->answer_room = 0;
	ctl->told = NULL;
	ctl->node_count = 0;
	pthread_mutex_unlock(&ctl->lock);
}
