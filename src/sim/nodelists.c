/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NodeLists of a trace, spelled out once and numbered. */
#include "config.h"

#include "core/hostlist.h"
#include "sim/nodelists.h"

#include <stdlib.h>
#include <string.h>

static enum gt_err count_name(void *arg, const char *name)
{
	(void)name;
	++*(size_t *)arg;
	return GT_OK;
}

/* Hosts of a list; 0: it is none. */
static size_t count_hosts(const char *list)
{
	size_t count = 0;

	return gt_hostlist_each(list, count_name, &count, NULL) ? 0 : count;
}

static const char *list_of(const struct sim_trace *trace, size_t job)
{
	return sim_trace_text(trace, trace->jobs[job].node);
}

/* Number the lists; returns the members of all together. */
static size_t number_lists(struct sim_nodelists *n, const struct sim_trace *trace)
{
	size_t members = 0;

	for (size_t i = 0; i < trace->count; i++) {
		int before = n->lists.used;

		if (*list_of(trace, i) &&
		    sim_names_number(&n->lists, list_of(trace, i)) == before)
			members += count_hosts(list_of(trace, i));
	}
	return members;
}

struct filling {
	struct sim_nodelists *n;
	size_t used;
};

static enum gt_err add_member(void *arg, const char *name)
{
	struct filling *f = arg;
	struct sim_nodelists *n = f->n;
	int host = sim_names_find(&n->hosts, name);

	if (host < 0) {
		host = n->hosts.used;
		n->text[host] = strdup(name);
		if (!n->text[host])
			return GT_ENOMEM;
		sim_names_number(&n->hosts, n->text[host]);
	}
	n->member[f->used++] = host;
	return GT_OK;
}

static bool fill(struct sim_nodelists *n, const struct sim_trace *trace)
{
	struct filling f = {.n = n};
	int next = 0;

	for (size_t i = 0; i < trace->count; i++) {
		const char *list = list_of(trace, i);

		if (!*list || sim_names_find(&n->lists, list) != next)
			continue;
		n->first[next++] = f.used;
		if (count_hosts(list) && gt_hostlist_each(list, add_member, &f, NULL))
			return false;
	}
	n->first[next] = f.used;
	return true;
}

bool sim_nodelists_init(struct sim_nodelists *n, const struct sim_trace *trace)
{
	size_t members;

	memset(n, 0, sizeof(*n));
	if (!sim_names_init(&n->lists, trace->count))
		return false;
	members = number_lists(n, trace);
	n->first = calloc((size_t)n->lists.used + 1, sizeof(*n->first));
	n->member = calloc(members + 1, sizeof(*n->member));
	n->text = calloc(members + 1, sizeof(*n->text));
	return n->first && n->member && n->text && sim_names_init(&n->hosts, members) &&
	       fill(n, trace);
}

void sim_nodelists_release(struct sim_nodelists *n)
{
	/* a name may stand without a number where memory ran out */
	for (int i = 0; n->text && i <= n->hosts.used && n->text[i]; i++)
		free(n->text[i]);
	free(n->text);
	free(n->first);
	free(n->member);
	sim_names_release(&n->lists);
	sim_names_release(&n->hosts);
	memset(n, 0, sizeof(*n));
}

int sim_nodelists_of(const struct sim_nodelists *n, const char *list, const int **hosts)
{
	int at = *list ? sim_names_find(&n->lists, list) : -1;

	*hosts = n->member;
	if (at < 0)
		return 0;
	*hosts += n->first[at];
	return (int)(n->first[at + 1] - n->first[at]);
}
