/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace_openb.h - the rows of Alibaba's openb pod lists, for both simulators. */
#ifndef SIM_TRACE_OPENB_H
#define SIM_TRACE_OPENB_H

#include "sim/trace.h"

#define SIM_POD_WHOLE 1000 /* gpu_milli of a whole GPU */

/* Where the header has each column, -1: it has not; count: columns in all. */
struct sim_openb {
	int count;
	int name, gpus, milli, phase, created, deleted, scheduled;
};

struct sim_pod {
	int gpus, milli;
	int64_t submit_ms, start_ms, end_ms; /* start: submit where it is not said */
};

void sim_openb_columns(struct sim_openb *columns, const struct sim_fields *header);
/* One row. What is behind the first bad field is not read. Phases are the caller's. */
enum sim_row sim_openb_read(const struct sim_openb *columns,
			    const struct sim_fields *fields, struct sim_pod *pod);

#endif
