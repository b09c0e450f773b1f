/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job's wishes as options. */
#include "config.h"

#include "plugin/common/wish_options.h"

#include <ctype.h>
#include <string.h>

#include "core/append.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/user_text.h"
#include "plugin/common/wish_names.h"

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
