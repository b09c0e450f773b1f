/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What went wrong, where. */
#include "config.h"

#include "core/library.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct gt_error *err, enum gt_err code, const char *file, int line,
		 int column, const char *fmt, va_list args)
{
	err->code = code;
	err->line = line;
	err->column = column;
	snprintf(err->file, sizeof(err->file), "%s", file ? file : "");
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	/* Hostile input may be quoted in the text: keep the message on one line. */
	for (char *c = err->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

enum gt_err gt_fail(struct gt_error *err, enum gt_err code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	fill(err, code, NULL, 0, 0, fmt, args);
	va_end(args);
	return code;
}

enum gt_err gt_fail_at(struct gt_error *err, enum gt_err code, const char *file, int line,
		       int column, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	fill(err, code, file, line, column, fmt, args);
	va_end(args);
	return code;
}

const char *gt_version(void)
{
	return PACKAGE_VERSION;
}
