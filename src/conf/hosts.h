/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts.h - does a node name fit a host expression such as dgx[01-16,20]? Nothing of
 * Slurm, so that the command line can check a gputopo.conf on a host without it.
 */
#ifndef GPUTOPO_CONF_HOSTS_H
#define GPUTOPO_CONF_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

/* Is text a list of host expressions, "a,b[1-3],c[01-16]x[1,2]"? Brackets hold numbers
 * and ranges; an empty list is none. */
bool gp_hosts_valid(const char *text);
/* Is name among the hosts of a valid expression list? No expansion: O(length). */
bool gp_hosts_match(const char *text, const char *name);
/* Length of the first expression of the list: up to a comma outside brackets. */
size_t gp_hosts_first(const char *text);

#define GP_HOSTS_MAX 65536 /* of one list; Slurm takes no more either */

/* Call each for every host of a valid list until it returns false, GP_HOSTS_MAX times at
 * most. */
void gp_hosts_each(const char *text, bool (*each)(const char *name, void *arg),
		   void *arg);

#endif
