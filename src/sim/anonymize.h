/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anonymize.h - a trace without names. */
#ifndef SIM_ANONYMIZE_H
#define SIM_ANONYMIZE_H

#include "sim/trace.h"

/* Replace job ids, users and node names by numbers. Times keep their distances. */
bool sim_trace_anonymize(struct sim_trace *trace);

#endif
