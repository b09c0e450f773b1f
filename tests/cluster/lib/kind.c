/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kind.c - read the links of a node kind.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define PATH_MBPS 10000 /* any, below one link: it is the same for all */

/* The machine of a kind file: one line with Links= for each GPU. */
void kind_read(struct oracle_graph *g, const char *file)
{
	FILE *f = fopen(file, "r");
	char line[1024];

	if (!f)
		err(2, "%s", file);
	memset(g, 0, sizeof(*g));
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "Links=");
		int i = g->n;

		if (line[0] == '#' || !at)
			continue;
		if (g->n == ORACLE_MAX)
			errx(2, "%s: more than %d GPUs", file, ORACLE_MAX);
		at += strlen("Links=");
		for (int j = 0; j < ORACLE_MAX && *at && *at != '\n'; j++) {
			long links = strtol(at, &at, 10);

			g->links[i][j] = links > 0 ? links : 0;
			g->path_mbps[i][j] = PATH_MBPS;
			at += *at == ',';
		}
		g->link_mbps[i] = KIND_LINK_MBPS;
		g->island[i] = -1;
		g->n++;
	}
	fclose(f);
	if (g->n < 2 || g->n > 10)
		errx(2, "%s: %d GPUs with Links=, 2 to 10 can be checked", file, g->n);
}
