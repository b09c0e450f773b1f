/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open hash that never grows: half of its slots stay empty. */
#include "config.h"

#include "core/fnv.h"
#include "sim/names.h"

#include <stdlib.h>
#include <string.h>

bool sim_names_init(struct sim_names *names, size_t most)
{
	names->used = 0;
	names->slots = 16;
	while (names->slots < 2 * most)
		names->slots *= 2;
	names->text = calloc(names->slots, sizeof(*names->text));
	names->number = calloc(names->slots, sizeof(*names->number));
	return names->text && names->number;
}

void sim_names_release(struct sim_names *names)
{
	free(names->text);
	free(names->number);
	memset(names, 0, sizeof(*names));
}

static size_t slot_of(const struct sim_names *names, const char *text)
{
	size_t at = gt_fnv(GT_FNV_START, text, strlen(text)) & (names->slots - 1);

	while (names->text[at] && strcmp(names->text[at], text))
		at = (at + 1) & (names->slots - 1);
	return at;
}

int sim_names_number(struct sim_names *names, const char *text)
{
	size_t at = slot_of(names, text);

	if (!names->text[at]) {
		names->text[at] = text;
		names->number[at] = names->used++;
	}
	return names->number[at];
}

int sim_names_find(const struct sim_names *names, const char *text)
{
	size_t at = slot_of(names, text);

	return names->text[at] ? names->number[at] : -1;
}
