/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * append.h - a text of limited size that pieces are appended to. The first piece that
 * does not fit is left out, and so is everything behind it: what is there is never cut
 * within a piece, and full says that something is missing.
 */
#ifndef GT_CORE_APPEND_H
#define GT_CORE_APPEND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct gt_append {
	char *buf; /* size bytes of the caller's, a string at all times */
	size_t size;
	size_t used; /* strlen(buf) */
	bool full;
};

/* Start an empty text in buf; size is at least 1. */
static inline struct gt_append gt_append_to(char *buf, size_t size)
{
	buf[0] = '\0';
	return (struct gt_append){.buf = buf, .size = size};
}

__attribute__((format(printf, 2, 3))) static inline void gt_append(struct gt_append *to,
								   const char *fmt, ...)
{
	va_list args;
	int n;

	if (to->full)
		return;
	va_start(args, fmt);
	n = vsnprintf(to->buf + to->used, to->size - to->used, fmt, args);
	va_end(args);
	to->full = n < 0 || (size_t)n >= to->size - to->used;
	if (to->full)
		to->buf[to->used] = '\0';
	else
		to->used += (size_t)n;
}

#endif
