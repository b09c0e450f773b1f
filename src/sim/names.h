/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - numbers for texts, in the order of their first use. */
#ifndef SIM_NAMES_H
#define SIM_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct sim_names {
	const char **text; /* the caller's, which must outlive this */
	int *number;
	size_t slots;
	int used;
};

/* Room for so many different names. false: out of memory. */
bool sim_names_init(struct sim_names *names, size_t most);
void sim_names_release(struct sim_names *names);
/* From 0; a new text gets the next. */
int sim_names_number(struct sim_names *names, const char *text);
/* The number of a known text, or -1. */
int sim_names_find(const struct sim_names *names, const char *text);

#endif
