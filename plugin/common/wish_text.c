/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user asks of the connection, from the texts of the options. */
#include "config.h"

#include "plugin/common/wish_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/append.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/user_text.h"
#include "plugin/common/wish_names.h"

/* "150" or "37.5"; 0: no such number. */
static double read_gbps(const char *text)
{
	size_t digits = strspn(text, "0123456789"), more = 0;

	if (text[digits] == '.')
		more = 1 + strspn(text + digits + 1, "0123456789");
	if (digits == 0 || digits + more > 16 || text[digits + more])
		return 0;
	return strtod(text, NULL);
}

enum gt_err gp_wish_parse(char **env, uint32_t size, bool several, struct gp_wish *wish,
			  struct gt_error *err)
{
	const char *topo = gp_env_get(env, size, GP_ENV_TOPO);
	const char *min = gp_env_get(env, size, GP_ENV_MIN_BUSBW);
	double gbps = min ? read_gbps(min) : 0;

	memset(wish, 0, sizeof(*wish));
	if (topo) {
		wish->ring = strcmp(topo, "ring") == 0;
		wish->off = strcmp(topo, "off") == 0;
		wish->preserve = strcmp(topo, "any") == 0;
	}
	if (gbps > 0 && gbps < 1e6)
		wish->min_mbps = (int)(gbps * 1000 + 0.5);
	wish->asked = wish->ring || wish->min_mbps;
	return gp_shape_read(&wish->shape, gp_env_get(env, size, GP_ENV_GROUPS),
			     gp_env_get(env, size, GP_ENV_COMM), several, err);
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
