/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller.c - the hooks of the select plugin inside slurmctld. Called by
 * select_cons_tres.c. What they keep is in four parts: state/config (gputopo.conf and
 * models), state/caches (running jobs, room, units), state/scratch (memory of one
 * job_test) and log/journal (all that is written down). Each part's own file writes to
 * it.
 *
 * The story of one job_test; docs/design/job_test.md has it at length.
 *
 * Locks. Every caller holds Slurm's job and node locks, will-run the nodes' perhaps for
 * reading only. Ours is taken behind them, and no lock of Slurm's is taken under it. The
 * thread that writes the metrics holds neither and sees only a finished text.
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
 *    model is missing or contradicts it keeps stock's GPUs ("no-topology", "size",
 *    "index", ...).
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
 * Scratch. test->nodes is Slurm's: offered nodes in, picked nodes out. offered is our
 * copy of the offered nodes, set in phase 1; each narrower call that fails copies it
 * back. picked has the few nodes of phase 2, and from phase 3 on a copy of stock's picked
 * nodes, from which each exchange starts. scores and domains are of phase 2, answers and
 * hidden of phases 3 to 5, dates of forecasts. A node's gres bits are Slurm's; phase 5
 * touches them, and nodes/ill_nodes.c around the whole job_test, will-run's too; both
 * leave them as they were.
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

#include "plugin/ctld/controller.h"
#include "plugin/ctld/choose/count_only.h"
#include "plugin/ctld/choose/exchange.h"
#include "plugin/ctld/choose/step_choice.h"
#include "plugin/ctld/estimate/forecast.h"
#include "plugin/ctld/mig/mig_gate.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/model/send_model.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/state/state.h"
#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/submit.h"
#include "plugin/slurm/job_env.h"

#define JUST_BEGUN 10 /* seconds */

/* Recursive, so that a release whose job_test calls another operation cannot hang. */
static struct gp_controller controller = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};

static void enter(enum gp_watch_kind kind)
{
	pthread_mutex_lock(&controller.lock);
	gp_stopwatch_enter(&controller.journal.stopwatch, kind);
}

static void leave(void)
{
	gp_stopwatch_leave(&controller.journal.stopwatch);
	pthread_mutex_unlock(&controller.lock);
}

/* ---- hooks --------------------------------------------------------------------------
 */

/* What gputopo_mig.so and gputopo_nics.so call back. */
static const struct gp_object_host host = {
	.ctl = sizeof(struct gp_controller),
	.slurm = SLURM_VERSION_NUMBER,
	.ask = gp_stock_call,
	.ask_for = gp_stock_call_nodes,
	.fields_read = gp_fields_read,
	.fields_write = gp_fields_write,
	.bind = gp_models_bind,
	.recall = gp_models_recall,
	.have_mig = gp_models_have_mig,
	.refused = gp_caches_refused,
	.forecast = gp_forecast,
	.ask_again = gp_stock_call_no_preempt,
	.view = gp_node_view_read,
	.unit = gp_units_of,
};

static void spoil_slices(void)
{
	if (gp_mig_object())
		gp_mig_object()->spoil();
}

void gp_controller_node_init(void)
{
	struct gp_controller *ctl = &controller;
	int nodes = &node_record_count ? node_record_count : 0;
	bool known;

	enter(GP_WATCH_HOOK);
	gp_objects_host(&host);
	gp_count_only_mean(NULL, NULL, 0);
	gp_scratch_reset(&ctl->scratch, nodes);
	gp_journal_reset(&ctl->journal, nodes);
	known = gp_caches_reset(&ctl->caches, nodes);
	spoil_slices();
	if (gp_config_read(&ctl->config, nodes, known))
		gp_journal_open(&ctl->journal, ctl->config.conf);
	leave();
}

/* Slurm sets a job's nodeinfo more than once, and that of jobs which it recovers at its
 * start: a job counts when its GPUs are first seen and it has only just begun. */
static void count_begin(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	struct gp_controller *ctl = arg;

	if (gpus && ctl->config.models &&
	    !gp_running_has(&ctl->caches.running, node, job_id))
		gp_models_began(ctl->config.models, node, gpus);
}

void gp_controller_job_takes(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_count_only_hide(job);
	leave();
}

void gp_controller_job_holds(const job_record_t *job)
{
	enter(GP_WATCH_HOOK);
	gp_count_only_unhide();
	if (time(NULL) - job->start_time < JUST_BEGUN)
		gp_bridge_held(job, count_begin, &controller);
	gp_caches_job_holds(&controller.caches, job);
	leave();
}

/* One line for those who debug, and the comment that the admin asked for. */
static void tell_begin(struct gp_controller *ctl, job_record_t *job)
{
	const char *summary = gp_decisions_summary(&ctl->journal.decisions, job);

	if (!*summary)
		return;
	if (slurm_conf.debug_flags & DEBUG_FLAG_SELECT_TYPE)
		info("gputopo: job %u: %s", job->job_id, summary);
	if (ctl->config.active && gp_conf_admin_comment(ctl->config.conf))
		gp_bridge_comment(job, summary);
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
	gp_decisions_job_begins(&controller.journal.decisions, job,
				&controller.journal.counters);
	gp_journal_metrics(&controller.journal, controller.config.models, false);
	if (controller.config.active && job->details) {
		gp_wish_send(job);
		gp_send_models(job, controller.config.models);
	}
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
	struct gp_journal *journal = &controller.journal;
	time_t now = time(NULL);
	bool had_gpus;

	enter(GP_WATCH_HOOK);
	had_gpus = gp_caches_job_ends(&controller.caches, job, now);
	if (gp_mig_object())
		gp_mig_object()->job_ends(job);
	if (had_gpus && controller.config.active)
		gp_previous_run_write(job, controller.config.models);
	if (had_gpus)
		gp_decisions_job_ends(&journal->decisions, &journal->counters,
				      job->job_id, seconds_run(job, now), now);
	leave();
}

void gp_controller_job_leaves(job_record_t *job, int node)
{
	enter(GP_WATCH_HOOK);
	if (gp_mig_object())
		gp_mig_object()->job_leaves(job, node);
	gp_caches_job_leaves(&controller.caches, job->job_id, node);
	leave();
}

void gp_controller_step_starts(const step_record_t *step)
{
	enter(GP_WATCH_HOOK);
	if (controller.config.active)
		gp_step_choose(controller.config.models, step);
	leave();
}

void gp_controller_rebuild(void)
{
	enter(GP_WATCH_HOOK);
	spoil_slices();
	gp_caches_rebuild(&controller.caches, controller.config.node_count);
	leave();
}

/* The modes that start nothing. */
static int test_ahead(struct gp_controller *ctl,
		      const struct gp_stock_plugin *stock_plugin,
		      const struct gp_test *test, const struct gp_job_request *request)
{
	if (request->binds && SELECT_IS_MODE_WILL_RUN(test->mode))
		return gp_forecast_will_run(request, ctl, stock_plugin, test);
	if (request->binds && SELECT_IS_MODE_TEST_ONLY(test->mode))
		return gp_forecast_test_only(request, ctl, stock_plugin, test);
	return gp_stock_call(ctl, stock_plugin, test);
}

/* For the plugin that is on. */
static int job_test(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		    const struct gp_test *test)
{
	const struct gp_mig_object *mig = gp_mig_object();
	bool now = SELECT_IS_MODE_RUN_NOW(test->mode);
	struct gp_job_request request;

	if (SELECT_IS_MODE_RESV(test->mode) && !now)
		return gp_stock_call(ctl, stock_plugin, test);
	if (gp_mig_concerns(ctl->config.models, test->job) &&
	    !SELECT_IS_MODE_RESV(test->mode))
		return mig ? mig->job_test(ctl, stock_plugin, test)
			   : gp_mig_without_object(test->job, test->mode);
	if (now && mig && !mig->guard(ctl, test))
		return ESLURM_NODES_BUSY;
	gp_job_request_read(&request, test, ctl->config.no_split, ctl->config.has_ratio);
	gp_forecast_hold_past(&request, ctl, test);
	return now ? gp_exchange_job_test(ctl, stock_plugin, test, &request)
		   : test_ahead(ctl, stock_plugin, test, &request);
}

int gp_controller_job_test(const struct gp_stock_plugin *stock_plugin,
			   const struct gp_test *test)
{
	struct gp_caches *caches = &controller.caches;
	bool now = SELECT_IS_MODE_RUN_NOW(test->mode);
	int rc;

	enter(now ? GP_WATCH_START : GP_WATCH_FORECAST);
	/* forecasts may hold a read lock only */
	if (!SELECT_IS_MODE_WILL_RUN(test->mode))
		gp_job_env_clean(test->job, false);
	if (!controller.config.active) {
		leave();
		return gp_mig_may_start(test->job, test->mode)
			       ? gp_stock_call_untimed(stock_plugin, test)
			       : ESLURM_NODES_BUSY;
	}
	if (!SELECT_IS_MODE_WILL_RUN(test->mode))
		gp_wish_show(test->job);
	gp_ill_nodes_look(&caches->ill, controller.config.models, &caches->free_bound,
			  time(NULL));
	/* what a node could ever give is another question */
	if (!SELECT_IS_MODE_TEST_ONLY(test->mode))
		gp_ill_nodes_hide(&caches->ill, &caches->running);
	rc = job_test(&controller, stock_plugin, test);
	gp_ill_nodes_unhide(&caches->ill, &caches->running);
	gp_journal_metrics(&controller.journal, controller.config.models, true);
	leave();
	return rc;
}

bool gp_controller_refuses(const struct gp_question *question, char *text, size_t size)
{
	bool refuses;

	enter(GP_WATCH_HOOK);
	refuses = controller.config.active &&
		  gp_submit_refuses(&controller.config, question, text, size);
	leave();
	return refuses;
}

bool gp_controller_mig_refuses(const struct gp_mig_question *question,
			       struct gp_mig_verdict *verdict)
{
	const struct gp_mig_object *mig = gp_mig_object();

	enter(GP_WATCH_HOOK);
	*verdict = controller.config.active && mig
			   ? mig->judge(&controller.config, question)
			   : gp_mig_judge_alone(question->wish, controller.config.active);
	leave();
	return verdict->refused;
}

void gp_controller_stop(void)
{
	struct gp_controller *ctl = &controller;

	pthread_mutex_lock(&ctl->lock);
	gp_count_only_mean(NULL, NULL, 0);
	gp_journal_release(&ctl->journal);
	gp_config_release(&ctl->config);
	gp_caches_release(&ctl->caches);
	gp_scratch_release(&ctl->scratch);
	if (gp_mig_object())
		gp_mig_object()->release();
	pthread_mutex_unlock(&ctl->lock);
}
