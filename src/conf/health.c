/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health.c - read what a node told of its GPUs. Called by the select plugin for each node
 * whose Extra= has changed; no JSON library is needed, since gputopo health alone writes
 * these words. What differs is no health.
 */
#include "config.h"

#include "conf/health.h"
#include "core/append.h"

#include <stdlib.h>
#include <string.h>

/* A hexadecimal number and what must follow it. */
static bool read_mask(const char **at, const char *next, uint64_t *mask)
{
	char *end;

	*mask = strtoull(*at, &end, 16);
	if (end == *at || end - *at > 16 || strncmp(end, next, strlen(next)) != 0)
		return false;
	*at = end + strlen(next);
	return true;
}

static bool read_number(const char **at, char next, long most, int *number)
{
	char *end;
	long value = strtol(*at, &end, 10);

	if (end == *at || **at < '0' || **at > '9' || value > most || *end != next)
		return false;
	*number = (int)value;
	*at = end + 1;
	return true;
}

static bool read_links(struct gp_health *health, const char *at)
{
	while (*at != '"') {
		struct gt_live_links *one = &health->link[health->links];

		if (health->links == GP_HEALTH_LINKS)
			return false;
		one->b = GT_UNKNOWN;
		if (!(read_number(&at, '=', 63, &one->a) ||
		      (read_number(&at, '-', 63, &one->a) &&
		       read_number(&at, '=', 63, &one->b))) ||
		    !(read_number(&at, ',', GT_MAX_LINKS, &one->links) ||
		      (read_number(&at, '"', GT_MAX_LINKS, &one->links) && at--)))
			return false;
		health->links++;
	}
	return at[1] == '}';
}

bool gp_health_read(struct gp_health *health, const char *extra)
{
	const char *at = gp_health_part(extra);

	memset(health, 0, sizeof(*health));
	if (!at)
		return false;
	at += sizeof(GP_HEALTH_HEAD) - 1;
	if (read_mask(&at, "\",\"last\":\"0x", &health->lost) &&
	    read_mask(&at, "\",\"links\":\"", &health->last) && read_links(health, at))
		return true;
	memset(health, 0, sizeof(*health));
	return false;
}

char *gp_health_write(const struct gp_health *health, char *buf, size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	gt_append(&text, "{\"lost\":\"0x%llx\",\"last\":\"0x%llx\",\"links\":\"",
		  (unsigned long long)health->lost, (unsigned long long)health->last);
	for (int i = 0; i < health->links; i++) {
		const struct gt_live_links *one = &health->link[i];

		gt_append(&text, "%s%d", i ? "," : "", one->a);
		if (one->b >= 0)
			gt_append(&text, "-%d", one->b);
		gt_append(&text, "=%d", one->links);
	}
	gt_append(&text, "\"}");
	return buf;
}

char *gp_health_say(const struct gp_health *health, char *buf, size_t size)
{
	struct gt_append text = gt_append_to(buf, size);
	struct gt_mask lost = {.word = {health->lost}}, last = {.word = {health->last}};
	const char *comma = "";
	char list[256];

	if (health->lost) {
		gt_append(&text, "no job gets GPU %s",
			  gt_mask_format(&lost, list, sizeof(list)));
		comma = ", ";
	}
	if (health->last) {
		gt_append(&text, "%sGPU %s %s taken last", comma,
			  gt_mask_format(&last, list, sizeof(list)),
			  health->last & (health->last - 1) ? "are" : "is");
		comma = ", ";
	}
	if (health->links)
		gt_append(&text, "%slinks of %d GPUs or pairs are dead", comma,
			  health->links);
	if (gp_health_is_sound(health))
		gt_append(&text, "sound");
	return buf;
}
