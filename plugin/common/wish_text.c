/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job's wishes as options. */
#include "config.h"

#include "plugin/common/wish_text.h"

#include <ctype.h>
#include <string.h>

#include "core/append.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/user_text.h"

#define PREFIX "GPUTOPO_"

/* "GPUTOPO_MIN_BUSBW=40": "--gpu-min-busbw=40". */
static void put_option(struct gt_append *to, const char *entry)
{
	bool is_mig = strncmp(entry, GP_ENV_MIG "=", strlen(GP_ENV_MIG "=")) == 0;

	gt_append(to, "%s%s", to->used ? " " : "", is_mig ? "--" : "--gpu-");
	for (entry += strlen(PREFIX); *entry && *entry != '='; entry++)
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
		if (env[i] && strncmp(env[i], PREFIX, strlen(PREFIX)) == 0 &&
		    gp_text_kind(env[i]) == GP_TEXT_WISH)
			put_option(&to, env[i]);
	return to.used > 0;
}
