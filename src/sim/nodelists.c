/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host lists, expanded and numbered. */
#include "config.h"

#include "sim/layout.h"
#include "sim/nodelists.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 256

/* ---- one list ------------------------------------------------------------------------
 */

struct expansion {
	enum gt_err (*each)(void *arg, const char *name);
	void *arg;
	struct gt_error *err;
};

static enum gt_err expand(const struct expansion *x, const char *done, const char *rest,
			  size_t length);

static enum gt_err bad_list(const struct expansion *x, const char *text)
{
	return gt_fail(x->err, GT_EPARSE, "'%.100s' is not a list of hosts", text);
}

/* The bracket at rest, then what follows it. */
static enum gt_err expand_bracket(const struct expansion *x, const char *done,
				  const char *rest, size_t length)
{
	const char *close = memchr(rest, ']', length), *at = rest + 1;

	if (!close || close == at)
		return bad_list(x, rest);
	while (at < close) {
		char *end;
		unsigned long first, last;
		int width = (int)strspn(at, "0123456789");

		first = last = strtoul(at, &end, 10);
		if (!width || width > 9)
			return bad_list(x, rest);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (end > close || (end < close && *end != ',') || last < first ||
		    last - first > SIM_MAX_NODES)
			return bad_list(x, rest);
		for (unsigned long i = first; i <= last; i++) {
			char name[MAX_NAME];
			enum gt_err failed;

			if (snprintf(name, sizeof(name), "%s%0*lu", done, width, i) >=
			    (int)sizeof(name))
				return bad_list(x, rest);
			failed = expand(x, name, close + 1,
					length - (size_t)(close + 1 - rest));
			if (failed)
				return failed;
		}
		at = end + (*end == ',');
	}
	return GT_OK;
}

/* done stands; rest, of length bytes, is one expression without outer commas. */
static enum gt_err expand(const struct expansion *x, const char *done, const char *rest,
			  size_t length)
{
	const char *open = memchr(rest, '[', length);
	size_t plain = open ? (size_t)(open - rest) : length;
	char name[MAX_NAME];

	if (strlen(done) + plain >= sizeof(name))
		return bad_list(x, rest);
	snprintf(name, sizeof(name), "%s%.*s", done, (int)plain, rest);
	if (open)
		return expand_bracket(x, name, open, length - plain);
	return x->each(x->arg, name);
}

enum gt_err sim_hosts_expand(const char *list,
			     enum gt_err (*each)(void *arg, const char *name), void *arg,
			     struct gt_error *err)
{
	struct expansion x = {each, arg, err};

	while (*list) {
		size_t length = 0;
		bool inside = false;
		enum gt_err failed;

		for (; list[length] && (inside || list[length] != ','); length++)
			inside = list[length] == '[' || (inside && list[length] != ']');
		if (!length)
			return bad_list(&x, list);
		failed = expand(&x, "", list, length);
		if (failed)
			return failed;
		list += length + (list[length] == ',');
	}
	return GT_OK;
}

/* ---- those of a trace ----------------------------------------------------------------
 */

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

	return sim_hosts_expand(list, count_name, &count, NULL) ? 0 : count;
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
		if (count_hosts(list) && sim_hosts_expand(list, add_member, &f, NULL))
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
