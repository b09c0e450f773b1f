/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of a trace's rows: numbers, times, spans and states. trace_row.c and the
 * readers of other formats call it. */
#include "config.h"

#include "sim/trace.h"

#include <ctype.h>
#include <stdio.h>
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

bool sim_is_unknown(const char *text)
{
	static const char *const words[] = {"Unknown", "None", "NaN",
					    "NaT",     "null", "N/A"};

	if (!*text)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

/* ---- times ---------------------------------------------------------------------------
 */

/* Days from 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* ".123456" to milliseconds; moves on behind it. */
static int read_fraction(const char **text)
{
	int ms = 0, unit = 100;

	if (**text != '.')
		return 0;
	for (++*text; isdigit((unsigned char)**text); ++*text, unit /= 10)
		ms += unit * (**text - '0');
	return ms;
}

/* "Z", "+01:00", "+0100", "-01" or nothing, to seconds east of UTC. */
static bool read_offset(const char *text, int *seconds, bool *zoned)
{
	int hours = 0, minutes = 0, used = 0, sign = *text == '-' ? -1 : 1;

	*seconds = 0;
	*zoned = *text != '\0';
	if (!*text)
		return true;
	if (!strcmp(text, "Z") || !strcmp(text, " UTC") || !strcmp(text, "UTC"))
		return true;
	if ((*text != '+' && *text != '-') || !isdigit((unsigned char)text[1]))
		return false;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
	    sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &used) != 2) {
		minutes = 0;
		if (sscanf(text + 1, "%2d%n", &hours, &used) != 1)
			return false;
	}
	*seconds = sign * (3600 * hours + 60 * minutes);
	return !text[1 + used] && hours <= 14 && minutes >= 0 && minutes < 60;
}

static bool read_date(const char *text, int64_t *ms, bool *zoned)
{
	int year, month, day, hour, minute, second, used = 0, offset, fraction;

	if ((sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour,
		    &minute, &second, &used) != 6 &&
	     sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d%n", &year, &month, &day, &hour,
		    &minute, &second, &used) != 6) ||
	    year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
	    hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	text += used;
	fraction = read_fraction(&text);
	if (!read_offset(text, &offset, zoned))
		return false;
	*ms = 1000 * (86400 * days_of(year, month, day) + 3600 * hour + 60 * minute +
		      second - offset) +
	      fraction;
	return true;
}

enum sim_row sim_read_time(const char *text, int64_t *ms, bool *zoned)
{
	enum sim_row bad = sim_read_ms(text, ms);

	*zoned = false;
	if (bad == SIM_ROW_NUMBER && read_date(text, ms, zoned))
		bad = SIM_ROW_OK;
	return bad;
}

enum sim_row sim_read_span(const char *text, int unit_s, int64_t *ms)
{
	int64_t days = 0, seconds = 0;
	char *end;

	*ms = 0;
	if (!strpbrk(text, ":-") || *text == '-') {
		enum sim_row bad = sim_read_ms(text, ms);

		*ms *= unit_s;
		return bad;
	}
	for (;;) {
		long part;

		if (!isdigit((unsigned char)*text))
			return SIM_ROW_NUMBER;
		part = strtol(text, &end, 10);
		if (part > 100000)
			return SIM_ROW_LIMIT;
		if (*end == '-')
			days = part;
		else
			seconds = seconds * 60 + part;
		if (*end != '-' && *end != ':')
			break;
		text = end + 1;
	}
	if (*end == '.' && strspn(end + 1, "0123456789") == strlen(end + 1))
		end += strlen(end);
	if (*end)
		return SIM_ROW_NUMBER;
	*ms = 1000 * (days * 86400 + seconds);
	return SIM_ROW_OK;
}

/* ---- states --------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	enum sim_row row;
} states[] = {
	/* Slurm */
	{"COMPLETED", SIM_ROW_OK},
	{"FAILED", SIM_ROW_OK},
	{"TIMEOUT", SIM_ROW_OK},
	{"CANCELLED", SIM_ROW_OK},
	{"NODE_FAIL", SIM_ROW_OK},
	{"OUT_OF_MEMORY", SIM_ROW_OK},
	{"PREEMPTED", SIM_ROW_OK},
	{"BOOT_FAIL", SIM_ROW_OK},
	{"DEADLINE", SIM_ROW_OK},
	{"REQUEUED", SIM_ROW_OK},
	{"REQUEUE_HOLD", SIM_ROW_OK},
	{"REVOKED", SIM_ROW_OK},
	{"STOPPED", SIM_ROW_OK},
	{"LAUNCH_FAILED", SIM_ROW_OK},
	{"SPECIAL_EXIT", SIM_ROW_OK},
	{"SUSPENDED", SIM_ROW_NOT_ENDED},
	{"RUNNING", SIM_ROW_NOT_ENDED},
	{"COMPLETING", SIM_ROW_NOT_ENDED},
	{"CONFIGURING", SIM_ROW_NOT_ENDED},
	{"RESIZING", SIM_ROW_NOT_ENDED},
	{"PENDING", SIM_ROW_NOT_STARTED},
	/* published traces */
	{"SUCCEEDED", SIM_ROW_OK},
	{"CANCELED", SIM_ROW_OK},
	{"PASS", SIM_ROW_OK},
	{"KILLED", SIM_ROW_OK},
	{"TERMINATED", SIM_ROW_OK},
	{"INTERRUPTED", SIM_ROW_OK},
	{"WAITING", SIM_ROW_NOT_STARTED},
	{"READY", SIM_ROW_NOT_STARTED},
};

/* slurm.h's enum job_states, flags above the low byte. */
static enum sim_row read_state_number(const char *text)
{
	int state;

	if (sim_read_int(text, 0, INT32_MAX, &state))
		return SIM_ROW_STATE;
	state &= 0xff;
	return state == 0    ? SIM_ROW_NOT_STARTED
	       : state <= 2  ? SIM_ROW_NOT_ENDED
	       : state <= 11 ? SIM_ROW_OK
			     : SIM_ROW_STATE;
}

enum sim_row sim_read_state(const char *text)
{
	/* "CANCELLED by 1000", "COMPLETED+" where the column was cut */
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				     "abcdefghijklmnopqrstuvwxyz");

	if (isdigit((unsigned char)*text))
		return read_state_number(text);
	for (size_t i = 0; length && i < sizeof(states) / sizeof(*states); i++)
		if (!strncasecmp(text, states[i].name, length) &&
		    (!states[i].name[length] || text[length] == '+'))
			return states[i].row;
	return SIM_ROW_STATE;
}
