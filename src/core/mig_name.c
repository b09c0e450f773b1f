/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of MIG profiles taken to pieces. */
#include "config.h"

#include "core/mig_name.h"

#include <ctype.h>
#include <string.h>

#include "core/library.h"

/* 1 to 5 digits. */
static bool read_digits(const char **at, int *value)
{
	int digits = 0;

	*value = 0;
	while (isdigit((unsigned char)**at) && digits++ < 5)
		*value = *value * 10 + *(*at)++ - '0';
	return digits > 0 && digits <= 5;
}

bool gt_mig_name_read(const char *name, struct gt_mig_name *parts)
{
	const char *at = name, *blank = strrchr(name, ' ');
	size_t n;

	if (blank)
		at = blank + 1;
	/* a100_1g.10gb, a100_1g_10gb: the compute slices follow an underscore. */
	for (const char *c = at; *c; c++)
		if (*c == '_' && isdigit((unsigned char)c[1])) {
			const char *digits = c + 1;
			int value;

			if (read_digits(&digits, &value) &&
			    tolower((unsigned char)*digits) == 'g' &&
			    (digits[1] == '.' || digits[1] == '_')) {
				at = c + 1;
				break;
			}
		}
	if (!read_digits(&at, &parts->compute) || tolower((unsigned char)*at++) != 'g' ||
	    (*at != '.' && *at != '_'))
		return false;
	at++;
	if (!read_digits(&at, &parts->gb) || tolower((unsigned char)*at++) != 'g' ||
	    tolower((unsigned char)*at++) != 'b')
		return false;
	n = strlen(at);
	if (n >= sizeof(parts->suffix) || (n > 0 && *at != '+' && *at != '-'))
		return false;
	for (size_t i = 0; i <= n; i++)
		parts->suffix[i] = (char)tolower((unsigned char)at[i]);
	return true;
}

bool gt_mig_is_profile_name(const char *text)
{
	struct gt_mig_name parts;

	return gt_mig_name_read(text, &parts);
}
