/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.c - ask Slurm for a node's place in the network.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/slurm/network.h"

/* "block.node", or "switch." for each level and "node": topology/block and tree. */
static bool names_units(const char *pattern)
{
	static const char level[] = "switch.";

	if (strcmp(pattern, "block.node") == 0)
		return true;
	if (strncmp(pattern, level, strlen(level)) != 0)
		return false;
	while (strncmp(pattern, level, strlen(level)) == 0)
		pattern += strlen(level);
	return strcmp(pattern, "node") == 0;
}

/* The address without ".NODE"; NULL where the lowest level is empty: no leaf switch. */
static char *cut_unit(const char *address, const char *node)
{
	size_t length = strlen(address), tail = strlen(node) + 1;

	if (length <= tail || address[length - tail] != '.' ||
	    strcmp(address + length - tail + 1, node) != 0 ||
	    address[length - tail - 1] == '.')
		return NULL;
	return strndup(address, length - tail);
}

enum gp_network gp_network_of(const node_record_t *node, char **unit)
{
	enum gp_network network = GP_NETWORK_OTHER;
	char *address = NULL, *pattern = NULL;

	*unit = NULL;
	if (!&GP_NODE_ADDRESS ||
	    GP_NODE_ADDRESS(node->name, &address, &pattern) != SLURM_SUCCESS ||
	    !address || !pattern) {
		network = GP_NETWORK_OTHER;
	} else if (strcmp(pattern, "node") == 0) {
		network = GP_NETWORK_FLAT;
	} else if (names_units(pattern)) {
		network = GP_NETWORK_UNITS;
		*unit = cut_unit(address, node->name);
	}
	xfree(address);
	xfree(pattern);
	return network;
}

bool gp_network_is_odd(void)
{
	static const char *const odd[] = {"topology/3d_torus", "topology/hypercube"};
	const char *plugin = slurm_conf.topology_plugin;

	for (size_t i = 0; plugin && i < sizeof(odd) / sizeof(odd[0]); i++)
		if (strcmp(plugin, odd[i]) == 0)
			return true;
	return false;
}

bool gp_network_is_apart(const job_record_t *job)
{
	return GP_HAS_TOPOLOGY(job);
}
