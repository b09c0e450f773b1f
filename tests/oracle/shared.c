/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captures and tables that are not part of this project, read where they are. */
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder(void)
{
	const char *path = getenv("GPUTOPO_SHARED");

	return path ? path : "../shared/data";
}

const char *shared_missing(void)
{
	return access(folder(), R_OK) == 0
		       ? NULL
		       : "the shared data are not here (GPUTOPO_SHARED)";
}

json_t *shared_json(const char *path)
{
	char name[4096];
	json_error_t err;
	json_t *json;

	snprintf(name, sizeof(name), "%s/%s", folder(), path);
	json = json_load_file(name, 0, &err);
	if (!json) {
		printf("Bail out! %s:%d: %s\n", name, err.line, err.text);
		exit(1);
	}
	return json;
}

unsigned shared_set(const json_t *list)
{
	unsigned set = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		set |= 1u << json_integer_value(json_array_get(list, i));
	return set;
}

void shared_ratio(const json_t *text, int *num, int *den)
{
	*den = 1;
	if (sscanf(json_string_value(text), "%d/%d", num, den) < 1) {
		printf("Bail out! '%s' is not a ratio\n", json_string_value(text));
		exit(1);
	}
}

/* GB/s of the rest of DGX-1's paths: one PCIe switch, then host bridges and sockets. */
static int class_mbps(const char *name)
{
	return !name || !strcmp(name, "PIX") ? 12000 : 10000;
}

/* GPUs under one PCIe switch share a root, GPUs not parted by SYS share a socket: both
 * are called by their lowest GPU. */
static void place(struct oracle_graph *g, int i, int j, const char *class)
{
	if (class && !strcmp(class, "PIX") && j < g->root[i])
		g->root[i] = j;
	if (class && strcmp(class, "SYS") != 0 && j < g->socket[i])
		g->socket[i] = j;
}

void shared_peer_graph(struct oracle_graph *g, const json_t *topology)
{
	const json_t *links = json_object_get(topology, "nvlinks");
	const json_t *pcie = json_object_get(topology, "pcie");

	graph_pcie(g, (int)json_integer_value(json_object_get(topology, "n")));
	for (int i = 0; i < g->n; i++) {
		g->root[i] = g->socket[i] = i;
		for (int j = 0; j < g->n; j++) {
			const json_t *row = json_array_get(links, (size_t)i);
			const json_t *class = json_array_get(
				json_array_get(pcie, (size_t)i), (size_t)j);

			if (i == j)
				continue;
			g->links[i][j] =
				(int)json_integer_value(json_array_get(row, (size_t)j));
			g->path_mbps[i][j] = class_mbps(json_string_value(class));
			place(g, i, j, json_string_value(class));
		}
	}
}

void shared_mapa_graph(struct oracle_graph *g, const json_t *topology)
{
	const json_t *edges = json_object_get(topology, "nv_edges");

	graph_pcie(g, (int)json_integer_value(json_object_get(topology, "n")));
	for (size_t i = 0; i < json_array_size(edges); i++) {
		const json_t *edge = json_array_get(edges, i);
		int a = (int)json_integer_value(json_array_get(edge, 0));
		int b = (int)json_integer_value(json_array_get(edge, 1));
		int links = !strcmp(json_string_value(json_array_get(edge, 3)), "NV2")
				    ? 2
				    : 1;

		g->links[a][b] = g->links[b][a] = links;
	}
	for (int i = 0; i < g->n; i++)
		for (int j = 0; j < g->n; j++)
			g->path_mbps[i][j] = i == j ? 0 : 10000;
}
