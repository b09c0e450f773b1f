/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * say.c - slurmctld's log, for files that know nothing of Slurm's structs.
 */
#include "plugin/slurm/compat.h"

#include <stdarg.h>
#include <stdio.h>

#include "plugin/slurm/say.h"

#define SAID_MAX 1000

void gp_error(const char *fmt, ...)
{
	char text[SAID_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error("%s", text);
}

void gp_info(const char *fmt, ...)
{
	char text[SAID_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	info("%s", text);
}

const char *gp_slurm_release(void)
{
	static char text[16];

	if (!text[0])
		snprintf(text, sizeof(text), "%d.%02d.%d",
			 SLURM_VERSION_MAJOR(SLURM_VERSION_NUMBER),
			 SLURM_VERSION_MINOR(SLURM_VERSION_NUMBER),
			 SLURM_VERSION_MICRO(SLURM_VERSION_NUMBER));
	return text;
}
