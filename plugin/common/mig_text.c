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

bool gp_mig_entry_next(const char **text, struct gp_mig_entry *entry)
{
	const char *colon = strchr(*text, ':');
	struct gp_mig_slice *s = &entry->slice;
	char after = '\0';
	int n;

	memset(entry, 0, sizeof(*entry));
	if (!colon || colon == *text)
		return false;
	entry->node = *text;
	entry->node_length = (size_t)(colon - *text);
	n = sscanf(colon, ":%d:%d:%d%c", &s->gpu, &s->start, &s->size, &after);
	if ((n != 3 && (n != 4 || after != ',')) || s->gpu < 0 || s->start < 0 ||
	    s->start > SLICES_MAX || s->size < 1 || s->size > SLICES_MAX)
		return false;
	*text = strchr(*text, ',');
	*text += *text != NULL;
	return true;
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
