/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user asks of the connection, from the texts of the options. */
#include "config.h"

#include "plugin/common/wish_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/append.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/user_text.h"
#include "plugin/common/wish_names.h"

double gp_gbps_read(const char *text)
{
	size_t digits = strspn(text, "0123456789"), more = 0;
	double gbps;

	if (text[digits] == '.')
		more = 1 + strspn(text + digits + 1, "0123456789");
	if (digits == 0 || digits + more > 16 || text[digits + more])
		return 0;
	gbps = strtod(text, NULL);
	return gbps >= 0.001 && gbps < 1e6 ? gbps : 0;
}

enum gt_err gp_wish_parse(char **env, uint32_t size, bool several, struct gp_wish *wish,
			  struct gt_error *err)
{
	const char *topo = gp_env_get(env, size, GP_ENV_TOPO);
	const char *min = gp_env_get(env, size, GP_ENV_MIN_BUSBW);

	memset(wish, 0, sizeof(*wish));
	if (topo) {
		wish->ring = strcasecmp(topo, "ring") == 0;
		wish->off = strcasecmp(topo, "off") == 0;
		wish->preserve = strcasecmp(topo, "any") == 0;
	}
	wish->min_mbps = min ? (int)(gp_gbps_read(min) * 1000 + 0.5) : 0;
	wish->asked = wish->ring || wish->min_mbps;
	return gp_shape_read(&wish->shape, gp_env_get(env, size, GP_ENV_GROUPS),
			     gp_env_get(env, size, GP_ENV_COMM), several, err);
}

/* The option's value in a command line, behind what is in entry. The last one wins; "--"
 * ends the options. */
static bool find_option(const char *line, const char *name, char *entry, size_t size)
{
	size_t length = strlen(name), used = strlen(entry), word;
	bool found = false, value = false;

	for (const char *at = line + strspn(line, " "); *at && strncmp(at, "-- ", 3) != 0;
	     at += word + strspn(at + word, " ")) {
		word = strcspn(at, " ");
		if (value || (word > length && at[length] == '=' &&
			      strncmp(at, name, length) == 0)) {
			const char *text = value ? at : at + length + 1;

			snprintf(entry + used, size - used, "%.*s",
				 (int)(at + word - text), text);
			found = true;
		}
		value = !value && word == length && strncmp(at, name, length) == 0;
	}
	return found;
}

bool gp_wish_of_line(const char *line, struct gp_wish *wish)
{
	static const char *const options[][2] = {{"--gpu-topo", GP_ENV_TOPO},
						 {"--gpu-groups", GP_ENV_GROUPS},
						 {"--gpu-comm", GP_ENV_COMM}};
	char text[3][256], *env[3];
	uint32_t count = 0;
	bool topo = false;

	for (int i = 0; line && i < 3; i++) {
		snprintf(text[count], sizeof(text[count]), "%s=", options[i][1]);
		env[count] = text[count];
		if (find_option(line, options[i][0], text[count], sizeof(text[count]))) {
			topo |= i == 0;
			count++;
		}
	}
	gp_wish_parse(env, count, true, wish, NULL);
	return topo;
}

#define PREFIX "GPUTOPO_"

/* Entries of the job's environment whose option has another name. */
static const struct {
	const char *entry, *option;
} names[] = {
	{GP_ENV_MIG "=", "--mig="},
	{GP_ENV_GROUPS "=", "--gpu-groups="},
};

/* "GPUTOPO_MIN_BUSBW=40": "--gpu-min-busbw=40". */
static void put_option(struct gt_append *to, const char *entry)
{
	size_t known = 0, count = sizeof(names) / sizeof(names[0]);

	while (known < count &&
	       strncmp(entry, names[known].entry, strlen(names[known].entry)) != 0)
		known++;
	if (known == count && strncmp(entry, PREFIX, strlen(PREFIX)) != 0)
		return;
	gt_append(to, "%s%s", to->used ? " " : "",
		  known < count ? names[known].option : "--gpu-");
	entry += known < count ? strlen(names[known].entry) : strlen(PREFIX);
	for (; known == count && *entry && *entry != '='; entry++)
		gt_append(to, "%c", *entry == '_' ? '-' : tolower((uint8_t)*entry));
	for (; *entry; entry++)
		gt_append(to, "%c",
			  isalnum((uint8_t)*entry) || strchr("=.,:+-", *entry) ? *entry
									       : '?');
}

bool gp_wish_text(char *const *env, uint32_t size, char *buf, size_t room)
{
	struct gt_append to = gt_append_to(buf, room);

	for (uint32_t i = 0; env && i < size && i < GP_TEXT_ENTRIES; i++)
		if (env[i] && gp_text_kind(env[i]) == GP_TEXT_WISH)
			put_option(&to, env[i]);
	return to.used > 0;
}
