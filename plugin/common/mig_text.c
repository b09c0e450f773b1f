/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_text.c - parse and write the wish and the placement of a MIG job. Called by
 * ctld/mig and node/mig (mig_text.h).
 */
#include "config.h"

#include "plugin/common/mig_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICES_MAX 64
#define SHARDS_MAX 1000000

/* "3g.40gb+me": 3 and "+me". */
static bool read_profile(struct gp_mig_wish *wish)
{
	const char *dot, *mark;
	char *end;
	long slices = strtol(wish->profile, &end, 10);

	if (wish->profile[0] < '0' || wish->profile[0] > '9' || slices < 1 ||
	    slices > SLICES_MAX || *end != 'g')
		return false;
	wish->compute = (int)slices;
	dot = strchr(end, '.');
	mark = dot ? strpbrk(dot, "+-") : NULL;
	if (mark && strlen(mark) >= sizeof(wish->suffix))
		return false;
	snprintf(wish->suffix, sizeof(wish->suffix), "%s", mark ? mark : "");
	return true;
}

bool gp_mig_wish_read(const char *text, struct gp_mig_wish *wish)
{
	size_t length = text ? strcspn(text, ":") : 0;
	char *end;
	long count = 1;

	memset(wish, 0, sizeof(*wish));
	if (length == 0 || length >= sizeof(wish->profile))
		return false;
	if (text[length] == ':') {
		count = strtol(text + length + 1, &end, 10);
		if (text[length + 1] < '0' || text[length + 1] > '9' || *end)
			return false;
	}
	if (count < 1 || count > GP_MIG_COUNT_MAX)
		return false;
	memcpy(wish->profile, text, length);
	wish->count = (int)count;
	return read_profile(wish);
}

/* ":NUMBER" of at most two digits, and no larger than SLICES_MAX. */
static bool read_number(const char **at, int *number)
{
	const char *p = *at;

	if (*p++ != ':' || *p < '0' || *p > '9')
		return false;
	*number = *p++ - '0';
	if (*p >= '0' && *p <= '9')
		*number = 10 * *number + *p++ - '0';
	*at = p;
	return *number <= SLICES_MAX;
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
