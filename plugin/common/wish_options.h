/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish_options.h - a job's wishes as the options that wrote them, for people:
 * AdminComment shows them, gputopo why reads them there.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_WISH_OPTIONS_H
#define GPUTOPO_PLUGIN_COMMON_WISH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write "--gpu-topo=ring --gpu-min-busbw=40" into buf from the control environment of a
 * job, size entries, which may be NULL. What is no letter, digit or =.,:+- in a value, a
 * user's text, becomes '?'. false: the job has no wish. */
bool gp_wish_text(char *const *env, uint32_t size, char *buf, size_t room);

#endif
