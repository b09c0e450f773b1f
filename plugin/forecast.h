/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.h - jobs that wait for a wish: which nodes can meet it now, and when the
 * others will, so that start estimates and backfill's reservations are true.
 */
#ifndef GPUTOPO_PLUGIN_FORECAST_H
#define GPUTOPO_PLUGIN_FORECAST_H

#include "plugin/glue.h"

/* What a job_test is about, as far as wishes go. */
struct gp_quest {
	struct gp_job asked;
	enum gp_reason why; /* of gp_bridge_job */
	struct gp_wish wish;
	int count;  /* GPUs on each node; 0: not known beforehand */
	bool binds; /* there may be something to wait for */
};

void gp_quest_read(struct gp_quest *quest, const struct gp_glue *glue,
		   const struct gp_test *test);
/* Leave in test's nodes those that can meet the wish now. Returns how many they are. */
int gp_quest_filter(const struct gp_quest *quest, struct gp_glue *glue,
		    const struct gp_test *test);
/* WILL_RUN: not before the wish can be met. TEST_ONLY: an error if it never can. */
int gp_quest_will_run(const struct gp_quest *quest, struct gp_glue *glue,
		      const struct gp_inner *inner, const struct gp_test *test);
int gp_quest_test_only(const struct gp_quest *quest, struct gp_glue *glue,
		       const struct gp_inner *inner, const struct gp_test *test);

#endif
