/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read, replay in threads, write. */
#include "config.h"

#include "cli/sim_run.h"
#include "sim/anonymize.h"
#include "sim/conf.h"
#include "sim/report_svg.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_POLICIES 64
#define PROGRESS_S   .25 /* between two lines */
#define JSON_DIGITS  9

/* All policies of one call, and who runs which. */
struct work {
	struct sim_run *run;
	const struct sim_trace *trace;
	const struct sim_layout *layout;
	char *names[MAX_POLICIES];
	int count;
	struct sim_result *results;
	struct sim_metrics *metrics;
	atomic_int next;
	atomic_llong done;    /* jobs of all policies */
	pthread_mutex_t lock; /* of what follows */
	struct timespec from, shown;
	bool shows_bar, shows_json, has_failed;
	struct gt_error err;
};

/* What one thread tells of its policy. */
struct teller {
	struct work *work;
	int64_t told;
};

/* ---- progress -------------------------------------------------------------------------
 */

static double seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) +
	       (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

static void show_progress(const struct work *w, long long done)
{
	long long total = (long long)w->trace->count * w->count;
	double passed = seconds_since(&w->from);
	double rate = passed > 0 ? (double)done / passed : 0;
	double left = rate > 0 ? (double)(total - done) / rate : 0;
	int bar = total ? (int)(30 * done / total) : 30;

	if (w->shows_json)
		fprintf(stderr,
			"{\"jobs\": %lld, \"total\": %lld, \"jobs_per_s\": %.0f, "
			"\"left_s\": %.0f}\n",
			done, total, rate, left);
	else
		fprintf(stderr, "\r[%.*s%*s] %lld of %lld jobs, %.0f/s, %.0f s left ",
			bar, "##############################", 30 - bar, "", done, total,
			rate, left);
}

static void progress(void *arg, int64_t jobs)
{
	struct teller *t = arg;
	struct work *w = t->work;
	long long done = atomic_fetch_add(&w->done, jobs - t->told) + jobs - t->told;

	t->told = jobs;
	if (pthread_mutex_trylock(&w->lock))
		return;
	if (seconds_since(&w->shown) >= PROGRESS_S) {
		show_progress(w, done);
		clock_gettime(CLOCK_MONOTONIC, &w->shown);
	}
	pthread_mutex_unlock(&w->lock);
}

static void end_progress(const struct work *w)
{
	if (w->shows_json)
		show_progress(w, (long long)w->trace->count * w->count);
	else if (w->shows_bar)
		fprintf(stderr, "\r%79s\r", "");
}

/* ---- replaying
 * -------------------------------------------------------------------------- */

static void *work_thread(void *arg)
{
	struct work *w = arg;
	int i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->count) {
		struct sim_options options = w->run->options;
		struct teller teller = {.work = w};
		struct gt_error err;
		enum gt_err failed;

		if (w->shows_bar || w->shows_json) {
			options.progress = progress;
			options.progress_arg = &teller;
		}
		failed = sim_engine_run(&w->results[i], w->trace, w->layout, w->names[i],
					w->run->mix_text ? &w->run->mix : NULL, &options,
					&err);
		if (!failed)
			failed =
				sim_metrics_make(&w->metrics[i], w->trace, &w->results[i],
						 w->run->warmup_ms, &err);
		if (!failed)
			continue;
		pthread_mutex_lock(&w->lock);
		w->has_failed = true;
		w->err = err;
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static int replay(struct work *w)
{
	pthread_t threads[MAX_POLICIES];
	int count = w->run->threads < w->count ? w->run->threads : w->count, started = 0;

	pthread_mutex_init(&w->lock, NULL);
	clock_gettime(CLOCK_MONOTONIC, &w->from);
	w->shown = w->from;
	for (int i = 1; i < count; i++)
		started += !pthread_create(&threads[started], NULL, work_thread, w);
	work_thread(w);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&w->lock);
	end_progress(w);
	return w->has_failed ? cli_fail(&w->err) : CLI_GO_ON;
}

/* "a,b" to names; the text is the work's own. */
static int split_policies(struct work *w, char *text)
{
	char *keep = NULL;

	for (char *at = strtok_r(text, ",", &keep); at; at = strtok_r(NULL, ",", &keep)) {
		for (int i = 0; i < w->count; i++)
			if (!strcmp(w->names[i], at))
				return cli_misuse(w->run->common,
						  "--policy: '%s' is given twice", at);
		if (w->count == MAX_POLICIES)
			return cli_misuse(w->run->common, "--policy: more than %d",
					  MAX_POLICIES);
		w->names[w->count++] = at;
	}
	return w->count ? CLI_GO_ON
			: cli_misuse(w->run->common, "--policy: the list is empty");
}

/* ---- outputs
 * ---------------------------------------------------------------------------- */

static FILE *open_output(const char *dir, const char *name, char *path, size_t size)
{
	FILE *f;

	snprintf(path, size, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		cli_say("%s: %s", path, strerror(errno));
	return f;
}

static bool close_output(FILE *f, const char *path)
{
	bool failed = ferror(f);

	if (fclose(f) || failed) {
		cli_say("%s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool write_jobs(const struct sim_report *report, const char *dir)
{
	for (int i = 0; i < report->count; i++) {
		char name[SIM_POLICY_NAME_MAX + 16], path[4096];
		FILE *f;

		snprintf(name, sizeof(name), "jobs-%s.csv", report->results[i].name);
		for (char *at = name; *at; at++)
			*at = *at == '/' ? '_' : *at;
		f = open_output(dir, name, path, sizeof(path));
		if (!f)
			return false;
		sim_report_csv(report, i, f);
		if (!close_output(f, path))
			return false;
	}
	return true;
}

static bool write_summary(const struct sim_report *report, const char *dir)
{
	char path[4096];
	FILE *f = open_output(dir, "summary.json", path, sizeof(path));
	json_t *json = f ? sim_report_json(report) : NULL;
	bool done =
		json &&
		!json_dumpf(json, f, JSON_INDENT(1) | JSON_REAL_PRECISION(JSON_DIGITS));

	json_decref(json);
	if (!f)
		return false;
	putc('\n', f);
	return close_output(f, path) && done;
}

static bool write_html(const struct sim_report *report, const char *dir)
{
	char path[4096];
	FILE *f = open_output(dir, "report.html", path, sizeof(path));

	if (!f)
		return false;
	sim_report_html(report, f);
	return close_output(f, path);
}

/* --svg: one picture; - for standard output, in place of the table. */
static bool write_slide(const struct sim_run *run, const struct sim_report *report)
{
	bool standard = run->svg && !strcmp(run->svg, "-");
	FILE *f = standard ? stdout : run->svg ? fopen(run->svg, "w") : NULL;

	if (!run->svg)
		return true;
	if (!f) {
		cli_say("%s: %s", run->svg, strerror(errno));
		return false;
	}
	sim_svg_slide(report, f);
	return standard || close_output(f, run->svg);
}

static int write_outputs(const struct sim_run *run, const struct sim_report *report)
{
	bool done = true;

	if (run->output) {
		if (mkdir(run->output, 0777) && errno != EEXIST) {
			cli_say("%s: %s", run->output, strerror(errno));
			return CLI_FAILED;
		}
		done = (!run->csv || write_jobs(report, run->output)) &&
		       (!run->summary || write_summary(report, run->output)) &&
		       (!run->html || write_html(report, run->output));
	}
	done = done && write_slide(run, report);
	if (run->json)
		return cli_print_json(sim_report_json(report)) || !done ? CLI_FAILED
									: CLI_DONE;
	if (!run->svg || strcmp(run->svg, "-") != 0)
		sim_report_table(report, stdout);
	return done ? CLI_DONE : CLI_FAILED;
}

/* ---- inputs
 * ----------------------------------------------------------------------------- */

/* Every row that is no job, by its reason. */
static void tell_rows(const struct sim_run *run, const struct sim_trace *trace)
{
	for (int r = SIM_ROW_NO_GPU; r < SIM_ROW_REASONS; r++)
		if (r == SIM_ROW_NO_PLACE && trace->reason_count[r])
			cli_say("%s: ignored: %lld jobs that no node may hold: %s",
				run->trace_name, (long long)trace->reason_count[r],
				trace->reason_detail[r]);
		else if (trace->reason_count[r])
			cli_say("%s:%lld: %s: the row %s (%lld such row%s)%s%s%s",
				run->trace_name, (long long)trace->reason_line[r],
				r < SIM_ROW_BAD ? "ignored" : "bad",
				sim_row_text((enum sim_row)r),
				(long long)trace->reason_count[r],
				trace->reason_count[r] == 1 ? "" : "s",
				*trace->reason_detail[r] ? ": " : "",
				trace->reason_detail[r],
				r == SIM_ROW_MIG ? "; 'gputopo sim mig -w' takes these"
						 : "");
	if (trace->shared)
		cli_say("%s: %lld jobs that share a GPU count as jobs of one GPU",
			run->trace_name, (long long)trace->shared);
	if (trace->mixed)
		cli_say("%s: %lld jobs with whole GPUs and slices count by their whole "
			"GPUs",
			run->trace_name, (long long)trace->mixed);
	if (trace->requeued)
		cli_say("%s: %lld runs of requeued jobs count as jobs of their own; "
			"their "
			"ids end in #2, #3, ...",
			run->trace_name, (long long)trace->requeued);
	if (trace->times_zoned && trace->times_plain)
		cli_say("%s: %lld times have an offset from UTC and %lld have none, "
			"which "
			"count as UTC: export all in one way",
			run->trace_name, (long long)trace->times_zoned,
			(long long)trace->times_plain);
}

/* A trace without a job is no answer: say what is missing. */
static int check_jobs(const struct sim_run *run, const struct sim_trace *trace)
{
	bool is_sacct = trace->format && !strcmp(trace->format, "sacct");

	if (trace->count)
		return CLI_GO_ON;
	if (is_sacct && trace->reason_count[SIM_ROW_NO_GPU])
		cli_say("%s: 0 jobs: no row has a GPU in ReqTRES or AllocTRES. Slurm "
			"records them only with AccountingStorageTRES=gres/gpu in "
			"slurm.conf, for jobs that come after",
			run->trace_name);
	else if (trace->reason_count[SIM_ROW_MIG])
		cli_say("%s: 0 jobs of whole GPUs: replay the slices with 'gputopo sim "
			"mig "
			"-w'",
			run->trace_name);
	else
		cli_say("%s: 0 jobs: no row of %lld can be replayed", run->trace_name,
			(long long)trace->rows);
	return CLI_FAILED;
}

static int write_anonymous(const struct sim_run *run, struct sim_trace *trace)
{
	FILE *f;

	if (!sim_trace_anonymize(trace))
		return cli_no_memory();
	f = strcmp(run->anonymize, "-") ? fopen(run->anonymize, "w") : stdout;
	if (!f) {
		cli_say("%s: %s", run->anonymize, strerror(errno));
		return CLI_FAILED;
	}
	sim_trace_write(trace, f);
	if (f != stdout && !close_output(f, run->anonymize))
		return CLI_FAILED;
	return CLI_GO_ON;
}

static void say_line(void *arg, const char *text)
{
	(void)arg;
	cli_say("%s", text);
}

static int load_layout(struct sim_run *run, struct sim_layout *layout,
		       struct sim_site *site)
{
	struct gt_error err;
	struct gt_node *node;
	int status, type;

	if (run->conf)
		return sim_conf_load(layout, site, run->conf, say_line, NULL, &err)
			       ? cli_fail(&err)
			       : CLI_GO_ON;
	status = cli_load(run->common, &node);
	if (status != CLI_GO_ON)
		return status;
	if (sim_layout_add_type(layout, node, 0, &type, &err))
		return cli_fail(&err);
	for (int i = 0; i < run->nodes; i++)
		if (sim_layout_add_node(layout, type, NULL, false, &err))
			return cli_fail(&err);
	return CLI_GO_ON;
}

static int replay_all(struct sim_run *run, const struct sim_trace *trace,
		      const struct sim_layout *layout)
{
	struct work w = {.run = run, .trace = trace, .layout = layout};
	char *text = strdup(run->policies);
	int status;

	w.shows_json = run->progress == SIM_PROGRESS_JSON;
	w.shows_bar = run->progress == SIM_PROGRESS_AUTO && isatty(STDERR_FILENO);
	w.results = calloc(MAX_POLICIES, sizeof(*w.results));
	w.metrics = calloc(MAX_POLICIES, sizeof(*w.metrics));
	if (!text || !w.results || !w.metrics) {
		status = cli_no_memory();
	} else {
		status = split_policies(&w, text);
		if (status == CLI_GO_ON)
			status = replay(&w);
	}
	if (status == CLI_GO_ON) {
		struct sim_report report = {
			.trace = trace,
			.layout = layout,
			.options = &run->options,
			.results = w.results,
			.metrics = w.metrics,
			.count = w.count,
			.warmup_ms = run->warmup_ms,
			.scale_arrivals = run->read.scale_arrivals,
			.trace_name = run->trace_name,
			.topology_name = run->conf ? run->conf : run->common->topology,
			.mix = run->mix_text,
			.groups = run->groups_text,
			.comm = run->comm,
		};

		status = write_outputs(run, &report);
	}
	for (int i = 0; w.results && i < w.count; i++)
		sim_result_release(&w.results[i]);
	free(w.results);
	free(w.metrics);
	free(text);
	return status;
}

/* The stock policy of a release, "22.05.8" or "24.11": 24.05 changed the choice. */
static const char *stock_of(const char *release)
{
	int year = 0, month = 0;

	if (sscanf(release, "%2d.%2d", &year, &month) != 2)
		return NULL;
	return year * 100 + month < 2405 ? "slurm-22.05" : "slurm-24.05";
}

/* What sinfo on this machine says it is: "slurm 24.11.5", "slurm-wlm 22.05.8". */
static bool find_release(char *release, size_t size)
{
	FILE *f = popen("sinfo --version 2>/dev/null", "r");
	char line[128] = "", *space;

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	while (fgetc(f) != EOF)
		;
	pclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	space = strrchr(line, ' ');
	snprintf(release, size, "%s", space ? space + 1 : "");
	return stock_of(release) != NULL;
}

/* Without --policy: gputopo and what the site's Slurm does. */
static int default_policies(struct sim_run *run)
{
	static char policies[64];
	char found[64] = "";
	const char *release = run->release, *stock;

	if (run->policies)
		return CLI_GO_ON;
	if (!release && find_release(found, sizeof(found)))
		release = found;
	stock = stock_of(release ? release : "24.05");
	if (!stock)
		return cli_misuse(
			run->common,
			"--release: '%s' is not a release of Slurm such as 24.11",
			release);
	snprintf(policies, sizeof(policies), "gputopo,%s", stock);
	run->policies = policies;
	if (release)
		cli_say("policies: %s (Slurm %s)", policies, release);
	else
		cli_say("policies: %s (no Slurm here; --release R names yours)",
			policies);
	return CLI_GO_ON;
}

/* Hold what jobs ask of nodes against the site. */
static int filter_jobs(struct sim_run *run, struct sim_trace *trace,
		       const struct sim_layout *layout, const struct sim_site *site,
		       struct sim_filter *filter)
{
	struct gt_error err;

	if (!run->conf)
		return CLI_GO_ON;
	if (sim_filter_make(filter, trace, layout, site, &err))
		return cli_fail(&err);
	sim_filter_apply(filter, trace, layout, site);
	run->options.filter = filter;
	return CLI_GO_ON;
}

static int check_swf(const struct sim_run *run, const struct sim_trace *trace)
{
	if (!trace->format || strcmp(trace->format, "swf") != 0 || run->read.swf_per_gpu)
		return CLI_GO_ON;
	return cli_misuse(run->common, "an SWF trace names no GPUs: --gpu-from procs/N");
}

int sim_run_all(struct sim_run *run)
{
	struct sim_layout layout = {0};
	struct sim_trace trace = {0};
	struct sim_site site = {0};
	struct sim_filter filter = {0};
	struct gt_error err;
	bool replays = run->policies || run->conf || run->common->topology;
	int status = CLI_GO_ON;

	if (replays)
		status = default_policies(run);
	if (status == CLI_GO_ON && replays)
		status = load_layout(run, &layout, &site);
	if (status == CLI_GO_ON &&
	    sim_trace_load(&trace, run->trace_name, &run->read, &err))
		status = cli_fail(&err);
	if (status == CLI_GO_ON && (run->groups_text || run->comm) &&
	    sim_trace_shape_sizes(&trace, run->groups, SIM_MAX_GPUS, run->comm, &err))
		status = cli_fail(&err);
	if (status == CLI_GO_ON && replays)
		status = filter_jobs(run, &trace, &layout, &site, &filter);
	if (status == CLI_GO_ON)
		tell_rows(run, &trace);
	if (status == CLI_GO_ON)
		status = check_jobs(run, &trace);
	if (status == CLI_GO_ON)
		status = check_swf(run, &trace);
	if (status == CLI_GO_ON && run->anonymize)
		status = write_anonymous(run, &trace);
	if (status == CLI_GO_ON)
		status = replays ? replay_all(run, &trace, &layout) : CLI_DONE;
	sim_trace_release(&trace);
	sim_filter_release(&filter);
	sim_site_release(&site);
	sim_layout_release(&layout);
	return status;
}
