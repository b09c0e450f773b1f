/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_wish.c - parse the value of --mig (mig_text.h). Called at submission, by ctld/mig
 * and by node/mig.
 */
#include "config.h"

#include "plugin/common/mig_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "3g.40gb+me": 3 and "+me". */
static bool read_profile(struct gp_mig_wish *wish)
{
	const char *dot, *mark;
	char *end;
	long slices = strtol(wish->profile, &end, 10);

	if (wish->profile[0] < '0' || wish->profile[0] > '9' || slices < 1 ||
	    slices > GP_MIG_SLICES_MAX || *end != 'g')
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
