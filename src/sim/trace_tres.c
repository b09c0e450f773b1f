/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPUs and GPU instances in the words that Slurm has for them: TRES, their numbers in
 * slurmdbd, and GRES. trace_row.c calls it for the columns of sacct. */
#include "config.h"

#include "sim/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* slurmdbd numbers TRES of GRES from here; the first ones are GPUs where a site counts
 * no other. */
#define FIRST_GRES_TRES 1001
#define LAST_GRES_TRES	1002

/* ---- types ---------------------------------------------------------------------------
 */

static bool is_boundary(const char *text, size_t length, size_t at)
{
	return at >= length || !isalnum((unsigned char)text[at]);
}

/* "me", "me.all", "gfx" behind a profile and one of "+-._". */
static const char *suffix_of(const char *text, size_t length, size_t at)
{
	static const struct {
		const char *text, *suffix;
	} known[] = {{"me.all", "+me.all"}, {"gfx", "+gfx"}, {"me", "+me"}};

	if (at >= length || !strchr("+-._", text[at]))
		return "";
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t n = strlen(known[i].text);

		if (at + 1 + n <= length &&
		    !strncasecmp(text + at + 1, known[i].text, n) &&
		    is_boundary(text, length, at + 1 + n))
			return known[i].suffix;
	}
	return "";
}

/* A profile that begins at a place of the type: digits, g, at most one separator, digits,
 * gb, and no letter behind. */
static bool profile_at(const char *text, size_t length, size_t at,
		       char profile[SIM_PROFILE_MAX])
{
	size_t i = at, memory;
	int slices = 0, gb = 0;

	for (; i < length && i < at + 2 && isdigit((unsigned char)text[i]); i++)
		slices = 10 * slices + text[i] - '0';
	if (i == at || i >= length || (text[i] | 32) != 'g')
		return false;
	i++;
	i += i < length && text[i] && strchr("._-", text[i]);
	memory = i;
	for (; i < length && i < memory + 4 && isdigit((unsigned char)text[i]); i++)
		gb = 10 * gb + text[i] - '0';
	if (i == memory || i + 2 > length || strncasecmp(text + i, "gb", 2) != 0 ||
	    !is_boundary(text, length, i + 2))
		return false;
	snprintf(profile, SIM_PROFILE_MAX, "%dg.%dgb%s", slices, gb,
		 suffix_of(text, length, i + 2));
	return true;
}

/* Whether "mig" is a word of the type. */
static bool has_mig_word(const char *text, size_t length)
{
	for (size_t i = 0; i + 3 <= length; i++)
		if (!strncasecmp(text + i, "mig", 3) &&
		    is_boundary(text, length, i + 3) &&
		    (i == 0 || is_boundary(text, length, i - 1)))
			return true;
	return false;
}

bool sim_type_is_slice(const char *type, size_t length, char profile[SIM_PROFILE_MAX])
{
	profile[0] = '\0';
	for (size_t i = 0; i < length; i++)
		if (isdigit((unsigned char)type[i]) &&
		    (i == 0 || is_boundary(type, length, i - 1)) &&
		    profile_at(type, length, i, profile))
			return true;
	return has_mig_word(type, length);
}

/* ---- texts ---------------------------------------------------------------------------
 */

/* One "gres/gpu:TYPE=COUNT", "gpu:TYPE:COUNT" or "1001=COUNT", cut in its parts. */
struct entry {
	const char *type;
	size_t type_length;
	int count;
	bool is_number; /* of slurmdbd */
};

static enum sim_row read_count(const char *text, size_t length, int *count)
{
	char number[24];
	enum sim_row bad;

	snprintf(number, sizeof(number), "%.*s", (int)length, text);
	bad = sim_read_int(number, 0, SIM_MAX_JOB_GPUS, count);
	return bad == SIM_ROW_LIMIT && *number == '-' ? SIM_ROW_NEGATIVE : bad;
}

/* "gpu", "gpu:4", "gpu:a100", "gpu:a100:4(S:0)": what Slurm 22.05 and before print. */
static enum sim_row read_gres(const char *at, size_t length, struct entry *e)
{
	const char *end = at + length, *colon;
	const char *brace = memchr(at, '(', length);

	end = brace ? brace : end;
	at += 3;
	e->count = 1;
	if (at == end)
		return SIM_ROW_OK;
	at++;
	colon = end;
	while (colon > at && colon[-1] != ':')
		colon--;
	if (colon < end && strspn(colon, "0123456789") >= (size_t)(end - colon)) {
		enum sim_row bad = read_count(colon, (size_t)(end - colon), &e->count);

		if (bad)
			return bad;
		end = colon > at ? colon - 1 : at;
	}
	e->type = at;
	e->type_length = (size_t)(end - at);
	return SIM_ROW_OK;
}

/* false: no GPUs. */
static bool read_entry(const char *at, size_t length, struct entry *e, enum sim_row *bad)
{
	const char *equals = memchr(at, '=', length);
	size_t rest;

	*bad = SIM_ROW_OK;
	*e = (struct entry){.type = ""};
	if (!strncmp(at, "gres:", 5) || !strncmp(at, "gres/", 5)) {
		at += 5;
		length -= 5;
	}
	if (length >= 3 && !strncmp(at, "gpu", 3) &&
	    (length == 3 || at[3] == ':' || at[3] == '=' || at[3] == '(')) {
		if (!equals) {
			*bad = read_gres(at, length, e);
			return true;
		}
		if (at[3] == ':') {
			e->type = at + 4;
			e->type_length = (size_t)(equals - at - 4);
		}
	} else if (equals && isdigit((unsigned char)*at)) {
		long number = strtol(at, NULL, 10);

		if (number < FIRST_GRES_TRES || number > LAST_GRES_TRES)
			return false;
		e->is_number = true;
	} else {
		return false;
	}
	rest = length - (size_t)(equals + 1 - at);
	*bad = read_count(equals + 1, rest, &e->count);
	return true;
}

static void take_type(struct sim_tres *tres, const struct entry *e, bool *several)
{
	char type[SIM_TYPE_MAX];

	snprintf(type, sizeof(type), "%.*s", (int)e->type_length, e->type);
	if (tres->type[0] && strcmp(tres->type, type) != 0)
		*several = true;
	memcpy(tres->type, type, sizeof(type));
}

static void take_slices(struct sim_tres *tres, const char *profile, int count)
{
	int i = 0;

	tres->slices += count;
	while (i < tres->slice_kinds && strcmp(tres->slice[i].profile, profile) != 0)
		i++;
	if (i == (int)(sizeof(tres->slice) / sizeof(*tres->slice)))
		return;
	if (i == tres->slice_kinds) {
		snprintf(tres->slice[i].profile, SIM_PROFILE_MAX, "%s", profile);
		tres->slice_kinds++;
	}
	tres->slice[i].count += count;
}

enum sim_row sim_tres_read(struct sim_tres *tres, const char *text)
{
	char profile[SIM_PROFILE_MAX];
	int untyped = 0, typed = 0;
	bool several = false;

	memset(tres, 0, sizeof(*tres));
	if (!strncmp(text, "PER_NODE:", 9))
		text += 9;
	for (size_t length; *text; text += length + (text[length] == ',')) {
		struct entry e;
		enum sim_row bad;

		length = strcspn(text, ",");
		if (!read_entry(text, length, &e, &bad))
			continue;
		if (bad)
			return bad;
		if (!e.type_length) {
			/* slurmdbd counts a typed GPU under two numbers */
			if (e.is_number)
				untyped = e.count > untyped ? e.count : untyped;
			else
				untyped += e.count;
			continue;
		}
		tres->typed = true;
		if (sim_type_is_slice(e.type, e.type_length, profile)) {
			take_slices(tres, profile, e.count);
		} else {
			typed += e.count;
			take_type(tres, &e, &several);
		}
	}
	/* the untyped count is the sum of all types, where Slurm accounts for both */
	if (!tres->slices)
		tres->whole = untyped ? untyped : typed;
	else
		tres->whole = typed		       ? typed
			      : untyped > tres->slices ? untyped - tres->slices
						       : 0;
	if (several || typed < tres->whole)
		tres->type[0] = '\0';
	return SIM_ROW_OK;
}
