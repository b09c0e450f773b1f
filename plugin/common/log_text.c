/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces of a line of the decision log. */
#include "config.h"

#include "plugin/common/log_text.h"

#include <stdlib.h>
#include <string.h>

#include "core/library.h"

void gp_log_put_list(struct gt_append *text, const char *key, uint64_t bits)
{
	struct gt_mask mask = {.word = {bits}};
	char list[64 * 4];

	gt_append(text, ",\"%s\":\"%s\"", key, gt_mask_format(&mask, list, sizeof(list)));
}

void gp_log_put_gbps(struct gt_append *text, const char *key, bool known, int mbps)
{
	if (known)
		gt_append(text, ",\"%s\":%d.%03d", key, mbps / 1000, mbps % 1000);
	else
		gt_append(text, ",\"%s\":null", key);
}

char *gp_log_renumber(const char *at, uint32_t job_id, size_t *used)
{
	static const char key[] = ",\"job\":";
	size_t lines = 0, room;
	const char *end = at + *used;
	struct gt_append text = {0};

	for (const char *c = at; c < end; c++)
		lines += *c == '\n';
	room = *used + lines * 10 + 1; /* digits of a number */
	text = (struct gt_append){.buf = malloc(room), .size = room};
	while (text.buf && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *number = strstr(at, key);

		if (!stop || !number || number > stop)
			break;
		number += sizeof(key) - 1;
		gt_append(&text, "%.*s%u", (int)(number - at), at, job_id);
		number += strspn(number, "0123456789");
		gt_append(&text, "%.*s", (int)(stop + 1 - number), number);
		at = stop + 1;
	}
	*used = text.used;
	return text.buf;
}
