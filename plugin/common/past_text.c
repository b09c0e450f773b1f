/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "MBPS/COUNT,NODE:GPUS,NODE:GPUS...", read. */
#include "config.h"

#include "plugin/common/past_text.h"

#include <stdbool.h>
#include <string.h>

#define MAX_MBPS 1000000000

/* Digits only, up to most; -1: none, or more. */
static int read_number(const char **at, int most)
{
	long number = 0;
	const char *p = *at;

	for (; *p >= '0' && *p <= '9' && number <= most; p++)
		number = 10 * number + *p - '0';
	if (p == *at || number > most)
		return -1;
	*at = p;
	return (int)number;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "NODE:GPUS" up to a comma or the end; false: none. */
static bool read_set(const char **at, struct gp_previous_run_set *set)
{
	const char *p = *at;
	int digits = 0;

	set->node = p;
	set->length = strcspn(p, ":,");
	p += set->length;
	set->gpus = 0;
	if (set->length == 0 || *p++ != ':')
		return false;
	for (; hex_digit(*p) >= 0 && digits < 16; p++, digits++)
		set->gpus = set->gpus << 4 | (uint64_t)hex_digit(*p);
	*at = p;
	return digits > 0 && (!*p || *p == ',');
}

static bool is_named(const struct gp_previous_run *past,
		     const struct gp_previous_run_set *set)
{
	for (int i = 0; i < past->sets; i++)
		if (past->set[i].length == set->length &&
		    strncmp(past->set[i].node, set->node, set->length) == 0)
			return true;
	return false;
}

/* All of the text, or nothing of it. */
static bool read_past(const char *text, struct gp_previous_run *past)
{
	past->mbps = read_number(&text, MAX_MBPS);
	if (past->mbps < 0 || *text++ != '/')
		return false;
	past->count = read_number(&text, GP_PAST_GPUS);
	if (past->count < 1)
		return false;
	while (*text == ',' && past->sets < GP_PAST_SETS) {
		struct gp_previous_run_set set;

		text++;
		if (!read_set(&text, &set) || is_named(past, &set))
			return false;
		past->set[past->sets++] = set;
	}
	return past->sets > 0 && !*text;
}

void gp_previous_run_parse(const char *text, struct gp_previous_run *past)
{
	past->sets = past->count = past->mbps = 0;
	/* what is longer we cannot have written */
	if (text && strnlen(text, GP_PAST_VALUE_MAX) < GP_PAST_VALUE_MAX &&
	    read_past(text, past))
		return;
	past->sets = past->count = past->mbps = 0;
}

uint64_t gp_previous_run_on(const struct gp_previous_run *past, const char *node)
{
	struct gp_previous_run_set set = {.node = node,
					  .length = past->sets ? strlen(node) : 0};

	for (int i = 0; i < past->sets; i++)
		if (past->set[i].length == set.length &&
		    memcmp(past->set[i].node, node, set.length) == 0)
			return past->set[i].gpus;
	return 0;
}
