/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health.h - what a node tells slurmctld of its GPUs: a part of the node's Extra=, which
 * only root and SlurmUser can set, and which slurmctld keeps over restarts. Written by
 * gputopo health, read by the select plugin and by gputopo nodes, job and why.
 *
 *   {"gputopo":{"lost":"0x8","last":"0x20","links":"0-3=1,5=12"}}
 *
 * Numbers are those of the node's topology, the order of gres.conf. lost: GPUs that must
 * not be taken; last: those to take last. links: live links of a pair, or ("5=12") of a
 * GPU into the switch fabric, where they are fewer than the topology says.
 */
#ifndef GPUTOPO_CONF_HEALTH_H
#define GPUTOPO_CONF_HEALTH_H

#include "core/library.h"

#include <string.h>

#define GP_HEALTH_LINKS                                                                  \
	128		    /* more than these are not told: the rest of a broken mesh   \
			     */
#define GP_HEALTH_TEXT 2048 /* bytes of what gp_health_write writes */

struct gp_health {
	uint64_t lost, last;
	struct gt_live_links link[GP_HEALTH_LINKS];
	int links;
};

#define GP_HEALTH_HEAD "\"gputopo\":{\"lost\":\"0x"

/* Our part of a node's Extra=, or NULL: it says nothing of health, or in other words. */
static inline const char *gp_health_part(const char *extra)
{
	return extra ? strstr(extra, GP_HEALTH_HEAD) : NULL;
}
/* Read it. false: as if it were not there, *health is zeroed. */
bool gp_health_read(struct gp_health *health, const char *extra);
/* The value of the key "gputopo". Returns buf. */
char *gp_health_write(const struct gp_health *health, char *buf, size_t size);
static inline bool gp_health_is_sound(const struct gp_health *health)
{
	return !health->lost && !health->last && !health->links;
}
/* "GPUs 3 must not be taken, 5 are taken last, 2 links are dead"; "sound". For people.
 * Returns buf. */
char *gp_health_say(const struct gp_health *health, char *buf, size_t size);

#endif
