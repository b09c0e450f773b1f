/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_text.c - parse and write the placement of a MIG job. Called by ctld/mig and
 * node/mig (mig_text.h).
 */
#include "config.h"

#include "plugin/common/mig_text.h"

#include <stdio.h>
#include <string.h>

#define SHARDS_MAX 1000000

/* ":NUMBER" of at most two digits, and no larger than GP_MIG_SLICES_MAX. */
static bool read_number(const char **at, int *number)
{
	const char *p = *at;

	if (*p++ != ':' || *p < '0' || *p > '9')
		return false;
	*number = *p++ - '0';
	if (*p >= '0' && *p <= '9')
		*number = 10 * *number + *p++ - '0';
	*at = p;
	return *number <= GP_MIG_SLICES_MAX;
}

bool gp_mig_entry_next(const char **text, struct gp_mig_entry *entry)
{
	struct gp_mig_slice *s = &entry->slice;
	const char *at = *text;

	memset(entry, 0, sizeof(*entry));
	entry->node = at;
	entry->node_length = strcspn(at, ":,");
	at += entry->node_length;
	if (entry->node_length == 0 || entry->node_length > GP_NODE_NAME_MAX ||
	    !read_number(&at, &s->gpu) || !read_number(&at, &s->start) ||
	    !read_number(&at, &s->size) || s->size < 1 || (*at && *at != ','))
		return false;
	*text = *at ? at + 1 : NULL;
	return true;
}

/* The number behind the last ':' of "shard:TYPE:NUMBER" or "shard(CNT:NUMBER"; 0: none.
 */
static int read_count(const char *item, const char *end)
{
	const char *at = end;
	long count = 0;

	while (at > item && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at > item && at[-1] == ':')
		for (; at < end && count < SHARDS_MAX; at++)
			count = 10 * count + *at - '0';
	return (int)count;
}

int gp_mig_shards_read(const char *gres)
{
	int shards = 0;

	for (const char *at = gres ? gres : ""; *at;) {
		size_t name = strcspn(at, ":(,");
		const char *end = at + strcspn(at, "(,"), *close;

		if (strncmp(end, "(CNT:", 5) == 0)
			end += strcspn(end, ")");
		if (name == strlen("shard") && strncmp(at, "shard", name) == 0 &&
		    shards < SHARDS_MAX)
			shards += read_count(at, end);
		/* commas stand between the brackets too */
		close = *end == '(' ? strchr(end, ')') : end;
		at = close ? close + strcspn(close, ",") : "";
		at += *at == ',';
	}
	return shards;
}

size_t gp_mig_entry_max(const char *node)
{
	return strlen(node) + strlen(":00:00:00,");
}

bool gp_mig_entry_is_on(const struct gp_mig_entry *entry, const char *node)
{
	return strlen(node) == entry->node_length &&
	       strncmp(entry->node, node, entry->node_length) == 0;
}

bool gp_mig_entry_add(char *text, size_t size, size_t *used, const char *node,
		      const struct gp_mig_slice *slice)
{
	int n = snprintf(text + *used, size - *used, "%s%s:%d:%d:%d", *used ? "," : "",
			 node, slice->gpu, slice->start, slice->size);

	if (n < 0 || (size_t)n >= size - *used) {
		text[*used] = '\0';
		return false;
	}
	*used += (size_t)n;
	return true;
}
