/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ours, others' and forged entries told apart. */
#include "config.h"

#include "plugin/common/user_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "plugin/common/mig_names.h"
#include "plugin/common/wish_names.h"

#define OURS	      "gputopo"
#define PREFIX	      "GPUTOPO_"
#define OPTION	      "_SLURM_SPANK_OPTION_gputopo_" /* as Slurm names ours */
/* A longer name is no name of ours; glibc's longest is unlimited, Slurm's 256. */
#define NAME_MAX_OURS 256

static const char *const decisions[] = {GP_ENV_MIG_PLACE, GP_ENV_HAD};

static bool is_name(const char *entry, size_t length, const char *name)
{
	return strlen(name) == length && strncmp(entry, name, length) == 0;
}

/* Whether our name is somewhere in the first bytes, in capitals or not. */
static bool mentions_us(const char *name, size_t length)
{
	for (size_t i = 0; i + strlen(OURS) <= length; i++)
		if (strncasecmp(name + i, OURS, strlen(OURS)) == 0)
			return true;
	return false;
}

/* Bytes before the '=', and no more than a name can have. */
static size_t length_of_name(const char *entry)
{
	size_t length = 0;

	while (length <= NAME_MAX_OURS && entry[length] && entry[length] != '=')
		length++;
	return length;
}

enum gp_text_kind gp_text_kind(const char *entry)
{
	size_t length = length_of_name(entry);

	if (!mentions_us(entry, length))
		return GP_TEXT_OTHER;
	if (length > NAME_MAX_OURS || entry[length] != '=')
		return GP_TEXT_FORGED;
	for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++)
		if (is_name(entry, length, decisions[i]))
			return GP_TEXT_DECISION;
	return strncmp(entry, PREFIX, strlen(PREFIX)) == 0 ||
			       strncmp(entry, OPTION, strlen(OPTION)) == 0
		       ? GP_TEXT_WISH
		       : GP_TEXT_FORGED;
}

static void note(struct gp_text_filter *filter, const char *entry)
{
	size_t length = length_of_name(entry), i;

	if (filter->name[0])
		return;
	for (i = 0; i < length && i + 1 < sizeof(filter->name); i++)
		filter->name[i] = entry[i] > ' ' && entry[i] <= '~' ? entry[i] : '?';
	filter->name[i] = '\0';
}

/* The entry of the same name that stays; NULL: none. */
static const char *earlier(const struct gp_text_filter *filter, const char *entry)
{
	size_t length = strcspn(entry, "=") + 1;

	for (int i = 0; i < filter->ours_count; i++)
		if (strncmp(filter->ours[i], entry, length) == 0)
			return filter->ours[i];
	return NULL;
}

static bool drop(struct gp_text_filter *filter, const char *entry, int *counter)
{
	note(filter, entry);
	(*counter)++;
	return false;
}

static bool ours_stays(struct gp_text_filter *filter, const char *entry, size_t most)
{
	const char *first = earlier(filter, entry);

	if (first && strcmp(first, entry) == 0)
		return drop(filter, entry, &filter->twice);
	if (first)
		return drop(filter, entry, &filter->opposed);
	if (filter->ours_count == GP_TEXT_OURS_MAX || strnlen(entry, most + 1) > most)
		return drop(filter, entry, &filter->large);
	filter->ours[filter->ours_count++] = entry;
	return true;
}

static bool other_stays(struct gp_text_filter *filter, const char *entry)
{
	size_t length;

	if (filter->others == GP_TEXT_OTHERS_MAX) {
		filter->large++;
		return false;
	}
	length = strnlen(entry, GP_TEXT_OTHER_MAX + 1);
	if (length > GP_TEXT_OTHER_MAX || filter->bytes + length > GP_TEXT_ALL_MAX) {
		filter->large++;
		return false;
	}
	filter->bytes += length;
	filter->others++;
	return true;
}

bool gp_text_stays(struct gp_text_filter *filter, const char *entry)
{
	if (!entry)
		return false;
	switch (gp_text_kind(entry)) {
	case GP_TEXT_OTHER:
		return other_stays(filter, entry);
	case GP_TEXT_WISH:
		return ours_stays(filter, entry, GP_TEXT_WISH_MAX);
	case GP_TEXT_DECISION:
		if (filter->has_run)
			return ours_stays(filter, entry, GP_TEXT_DECISION_MAX);
		break;
	case GP_TEXT_FORGED:
		break;
	}
	return drop(filter, entry, &filter->forged);
}

int gp_text_dropped(const struct gp_text_filter *filter)
{
	return filter->forged + filter->twice + filter->opposed + filter->large;
}

uint32_t gp_env_find(char **env, uint32_t size, const char *name)
{
	size_t length = strlen(name);
	uint32_t at = 0, last = size < GP_TEXT_ENTRIES ? size : GP_TEXT_ENTRIES;

	while (at < last && (!env[at] || strncmp(env[at], name, length) != 0 ||
			     env[at][length] != '='))
		at++;
	return at < last ? at : size;
}

const char *gp_env_get(char **env, uint32_t size, const char *name)
{
	uint32_t at = env ? gp_env_find(env, size, name) : size;

	return at < size ? env[at] + strlen(name) + 1 : NULL;
}
