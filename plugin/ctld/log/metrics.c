/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.c - the counters in Prometheus' text format, and the thread that writes them.
 * Called by job_test and job_begin.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/ctld/log/metrics.h"
#include "plugin/slurm/say.h"

#define METRICS_SECONDS 15
#define IDLE_SECONDS	30
#define LAST_MS		2000 /* what the writer is given when slurmctld ends */

static void put_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP gputopo_%s %s\n# TYPE gputopo_%s %s\n", name, help, name,
		type);
}

#define AT(field) offsetof(struct gp_counters, field)
static const struct {
	const char *name, *help;
	size_t at;
} counted[] = {
	{"reruns_total", "Further questions to stock, for better GPUs", AT(reruns)},
	{"failed_reruns_total", "Of those, the ones of no use", AT(failed_reruns)},
	{"narrowed_total", "Jobs placed among the best few nodes", AT(narrowed)},
	{"in_domain_total", "Jobs placed in one NVLink domain", AT(in_domain)},
	{"failed_narrowed_total", "Times that all nodes were asked", AT(failed_narrow)},
	{"jobs_started_total", "Jobs with GPUs that began", AT(started)},
	{"lost_lines_total", "Lines that DecisionLog= lost: disk full?", AT(lost_lines)},
	{"splits_total", "Jobs of --gpus that began on several nodes", AT(split)},
	{"splits_avoided_total", "Those that one node took instead", AT(split_avoided)},
};

static void put_gauge(FILE *f, const char *name, const char *help, size_t value)
{
	put_head(f, name, "gauge", help);
	fprintf(f, "gputopo_%s %zu\n", name, value);
}

static void put_decisions(FILE *f, const struct gp_counters *counters)
{
	put_head(f, "decisions_total", "counter",
		 "What became of stock's choice, by the reasons of gputopo-slurm(8)");
	for (int r = GP_OK + 1; r < GP_REASON_COUNT; r++)
		fprintf(f, "gputopo_decisions_total{reason=\"%s\"} %" PRIu64 "\n",
			gp_reason_word((enum gp_reason)r), counters->by_reason[r]);
}

static void put_counters(FILE *f, const struct gp_counters *counters)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		put_head(f, counted[i].name, "counter", counted[i].help);
		fprintf(f, "gputopo_%s %" PRIu64 "\n", counted[i].name,
			*(const uint64_t *)((const char *)counters + counted[i].at));
	}
}

static void put_times(FILE *f, const struct gp_stopwatch *watch)
{
	put_head(f, "own_seconds_total", "counter",
		 "Seconds of slurmctld in gputopo, with further questions to stock");
	for (int k = 0; k < GP_WATCH_KINDS; k++)
		fprintf(f, "gputopo_own_seconds_total{in=\"%s\"} %.9f\n",
			gp_stopwatch_word(k), (double)watch->own_ns[k] / 1e9);
	put_head(f, "stock_seconds_total", "counter",
		 "Seconds of slurmctld in stock's first answers, with or without us");
	for (int k = 0; k < GP_WATCH_KINDS; k++)
		fprintf(f, "gputopo_stock_seconds_total{in=\"%s\"} %.9f\n",
			gp_stopwatch_word(k), (double)watch->stock_ns[k] / 1e9);
	put_head(f, "calls_total", "counter", "Calls of gputopo by slurmctld");
	for (int k = 0; k < GP_WATCH_KINDS; k++)
		fprintf(f, "gputopo_calls_total{in=\"%s\"} %" PRIu64 "\n",
			gp_stopwatch_word(k), watch->calls[k]);
}

static void put_all(FILE *f, const struct gp_counters *counters,
		    const struct gp_stopwatch *watch, const struct gp_models *models)
{
	size_t bytes = 0;
	int types = models ? gp_models_types(models, &bytes) : 0;

	put_decisions(f, counters);
	put_counters(f, counters);
	put_times(f, watch);
	put_gauge(f, "node_types", "Different models of nodes", (size_t)types);
	put_gauge(f, "table_bytes", "Memory of node models, bytes", bytes);
}

static bool is_due(const struct gp_metrics *metrics, bool idle, time_t now)
{
	time_t wait = idle ? IDLE_SECONDS : METRICS_SECONDS;

	return metrics->path && now - metrics->written >= wait &&
	       (!idle || now - metrics->opened >= wait);
}

/* ---- the file ------------------------------------------------------------------------
 */

/* Readers see the old file or the new one, never half of it. Returns 0 or an errno. */
static int replace(const char *path, const char *text, size_t size)
{
	char name[4096];
	int fd, failed;

	if ((size_t)snprintf(name, sizeof(name), "%s.new", path) >= sizeof(name))
		return ENAMETOOLONG;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0644);
	if (fd < 0)
		return errno;
	errno = ENOSPC; /* of a part only */
	failed = write(fd, text, size) == (ssize_t)size ? 0 : errno;
	if ((close(fd) != 0 || (!failed && rename(name, path) != 0)) && !failed)
		failed = errno;
	if (failed)
		unlink(name);
	return failed;
}

static void *run(void *arg)
{
	struct gp_metrics_page *page = arg;

	page->failed = replace(page->path, page->text, page->size);
	atomic_store(&page->done, true);
	return NULL;
}

static void free_page(struct gp_metrics_page *page)
{
	if (page) {
		free(page->path);
		free(page->text);
	}
	free(page);
}

/* NULL: out of memory. */
static struct gp_metrics_page *make_page(const char *path,
					 const struct gp_counters *counters,
					 const struct gp_stopwatch *watch,
					 const struct gp_models *models)
{
	struct gp_metrics_page *page = calloc(1, sizeof(*page));
	bool whole = false;
	FILE *f;

	if (!page)
		return NULL;
	page->path = strdup(path);
	f = open_memstream(&page->text, &page->size);
	if (f) {
		put_all(f, counters, watch, models);
		whole = fclose(f) == 0;
	}
	if (page->path && whole)
		return page;
	free_page(page);
	return NULL;
}

/* Without waiting: a thread that nobody joins keeps its memory. */
static void reap(struct gp_metrics *metrics)
{
	struct gp_metrics_page *page = metrics->page;

	if (!page || !atomic_load(&page->done))
		return;
	pthread_join(metrics->writer, NULL);
	if (page->failed && !metrics->told)
		gp_error("gputopo: MetricsFile=%s: %s; it stays as it is", page->path,
			 strerror(page->failed));
	metrics->told = page->failed != 0;
	free_page(page);
	metrics->page = NULL;
}

void gp_metrics_open(struct gp_metrics *metrics, const struct gp_conf *conf, time_t now)
{
	reap(metrics);
	metrics->path = gp_conf_metrics_file(conf);
	metrics->opened = now;
	metrics->written = 0;
}

void gp_metrics_write(struct gp_metrics *metrics, const struct gp_counters *counters,
		      const struct gp_stopwatch *watch, const struct gp_models *models,
		      bool idle, time_t now)
{
	reap(metrics);
	if (metrics->page || !is_due(metrics, idle, now))
		return;
	metrics->written = now;
	metrics->page = make_page(metrics->path, counters, watch, models);
	if (metrics->page &&
	    pthread_create(&metrics->writer, NULL, run, metrics->page) != 0) {
		free_page(metrics->page);
		metrics->page = NULL;
	}
}

/* Keep this file in memory: a thread of it is still to come back. */
static void stay_loaded(void)
{
	Dl_info info;

	if (dladdr(__extension__(void *) stay_loaded, &info) && info.dli_fname)
		(void)!dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void gp_metrics_close(struct gp_metrics *metrics)
{
	const struct timespec pause = {0, 10 * 1000000L};

	for (int waited = 0; metrics->page && waited < LAST_MS; waited += 10) {
		reap(metrics);
		if (metrics->page)
			nanosleep(&pause, NULL);
	}
	if (metrics->page) {
		gp_error("gputopo: MetricsFile=%s: its file system does not answer; "
			 "it is left as it is",
			 metrics->page->path);
		stay_loaded();
		pthread_detach(metrics->writer);
	}
	memset(metrics, 0, sizeof(*metrics));
}
