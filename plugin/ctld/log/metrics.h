/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - counters for Prometheus, in a text file that is replaced as a whole. A
 * thread of its own writes it: a rename can wait for the disk, and on a file server that
 * is gone it does not end.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_LOG_METRICS_H
#define GPUTOPO_PLUGIN_CTLD_LOG_METRICS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "conf/conf.h"
#include "plugin/ctld/model/model.h"
#include "conf/reason.h"
#include "plugin/ctld/log/stopwatch.h"

struct gp_counters {
	uint64_t by_reason[GP_REASON_COUNT];
	uint64_t reruns; /* second and later calls of the stock job_test */
	uint64_t failed_reruns;
	uint64_t narrowed;	/* first calls with few nodes that gave an answer */
	uint64_t in_domain;	/* those inside one NVLink domain */
	uint64_t failed_narrow; /* first calls with few nodes that gave none */
	uint64_t started;	/* jobs with GPUs that began */
	uint64_t lost_lines;	/* of the decision log, not written */
	uint64_t split;		/* --gpus jobs that began on several nodes */
	uint64_t split_avoided; /* that stock would have split, and one node took */
};

/* What a thread writes. */
struct gp_metrics_page {
	char *path;
	char *text;
	size_t size;
	int failed; /* errno; 0: written. Valid when done */
	atomic_bool done;
};

/* The file. Zeroed: none. */
struct gp_metrics {
	const char *path; /* or NULL; belongs to the conf */
	time_t opened;
	time_t written;
	bool told;		      /* that it cannot be written */
	pthread_t writer;	      /* valid where there is a page */
	struct gp_metrics_page *page; /* the last one that was given away, or NULL */
};

/* From now on the file that conf names. */
void gp_metrics_open(struct gp_metrics *metrics, const struct gp_conf *conf, time_t now);
/* Wait for the writer, since its code may be unloaded next; but not for long: where its
 * file system hangs slurmctld ends all the same, and the code stays. */
void gp_metrics_close(struct gp_metrics *metrics);
/* Write it if it is due: when a job begins every 15 seconds at most, and while none does
 * (idle), as in a full cluster, every 30. Left out while the last one is not written yet.
 * What fails leaves the old file and is logged once, until one is written again. */
void gp_metrics_write(struct gp_metrics *metrics, const struct gp_counters *counters,
		      const struct gp_stopwatch *watch, const struct gp_models *models,
		      bool idle, time_t now);

#endif
