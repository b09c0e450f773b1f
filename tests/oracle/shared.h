/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared.h - captures and tables that are not part of this project, read where they are.
 *
 * They lie in $GPUTOPO_SHARED (the harness sets it), which may be absent: then a suite of
 * such tests says so and is counted as skipped.
 */
#ifndef SHARED_H
#define SHARED_H

#include "graph.h"

#include <jansson.h>
#include <stdbool.h>

/* Why they cannot be read, or NULL where the folder is there. */
const char *shared_missing(void);
/* A JSON file of the folder; ends the program where it is there but unreadable. */
json_t *shared_json(const char *path);
/* [0, 3] as a set. */
unsigned shared_set(const json_t *list);
/* "5/2" or "3". */
void shared_ratio(const json_t *text, int *num, int *den);
/* A topology of gpuallocator_cases.json: nvlinks and pcie matrices. */
void shared_peer_graph(struct oracle_graph *g, const json_t *topology);
/* A topology of mapa_topologies.json: edges with "NV2" and GB/s. */
void shared_mapa_graph(struct oracle_graph *g, const json_t *topology);

#endif
