/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_plugin.h - find and load the stock select_cons_tres.so behind ours. Called by
 * init() and fini() of select_cons_tres.c.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_STOCK_PLUGIN_H
#define GPUTOPO_PLUGIN_SLURM_STOCK_PLUGIN_H

#include "plugin/slurm/operations.h"

/* Find the next select_cons_tres.so in plugin_dirs (a colon list, slurm_conf.plugindir)
 * that is not this file or another copy of gputopo, load it, check its type and release,
 * and fill *stock_plugin. Does not run its init(). Returns false with one line in why
 * (size bytes) and *stock_plugin emptied. */
bool gp_stock_plugin_open(struct gp_stock_plugin *stock_plugin, const char *plugin_dirs,
			  char *why, size_t size);
/* Run the stock plugin's init(); a plugin without one is ready. */
int gp_stock_plugin_init(const struct gp_stock_plugin *stock_plugin);
/* Run its fini() and unload it. Safe on an emptied struct. */
void gp_stock_plugin_close(struct gp_stock_plugin *stock_plugin);

#endif
