/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields and numbers of a trace's rows. */
#include "config.h"

#include "sim/trace.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Take "a ""quoted"" text" off its quotes, in place; returns where the field ends. */
static char *unquote(char *at)
{
	char *out = at, *in = at + 1;

	while (*in && !(in[0] == '"' && in[1] != '"')) {
		in += in[0] == '"';
		*out++ = *in++;
	}
	in += *in == '"';
	memmove(out, in, strlen(in) + 1);
	return out;
}

void sim_fields_split(struct sim_fields *fields, char *line, char separator)
{
	char *at = line;

	fields->count = 0;
	for (;;) {
		char *end = *at == '"' ? unquote(at) : at;
		bool more;

		while (*end && *end != separator)
			end++;
		more = *end == separator;
		*end = '\0';
		if (fields->count < SIM_MAX_FIELDS)
			fields->text[fields->count] = at;
		if (fields->count <= SIM_MAX_FIELDS)
			fields->count++;
		if (!more)
			return;
		at = end + 1;
	}
}

int sim_fields_find(const struct sim_fields *header, const char *name)
{
	for (int i = 0; i < header->count && i < SIM_MAX_FIELDS; i++)
		if (!strcasecmp(header->text[i], name))
			return i;
	return -1;
}

const char *sim_fields_get(const struct sim_fields *fields, int column)
{
	if (column < 0 || column >= fields->count || column >= SIM_MAX_FIELDS)
		return "";
	return fields->text[column];
}

enum sim_row sim_read_ms(const char *text, int64_t *ms)
{
	char *end;
	double seconds = strtod(text, &end);

	*ms = 0;
	/* hexadecimal, infinities and the like are no times */
	if (end == text || *end || strspn(text, "0123456789.+-eE") != strlen(text))
		return SIM_ROW_NUMBER;
	if (seconds < 0)
		return SIM_ROW_NEGATIVE;
	if (seconds > SIM_MAX_SECONDS)
		return SIM_ROW_LIMIT;
	*ms = (int64_t)(seconds * 1000 + .5);
	return SIM_ROW_OK;
}

enum sim_row sim_read_int(const char *text, int low, int high, int *value)
{
	char *end;
	long number = strtol(text, &end, 10);

	*value = 0;
	if (end == text)
		return SIM_ROW_NUMBER;
	/* "4.0" is a whole number, as SWF exports write it */
	if (*end == '.' && strspn(end + 1, "0") == strlen(end + 1))
		end += strlen(end);
	if (*end)
		return SIM_ROW_NUMBER;
	if (number < low)
		return number < 0 ? SIM_ROW_NEGATIVE : SIM_ROW_LIMIT;
	if (number > high)
		return SIM_ROW_LIMIT;
	*value = (int)number;
	return SIM_ROW_OK;
}
