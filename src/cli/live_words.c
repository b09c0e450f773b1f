/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_words.c - the words of scontrol and sinfo: entries of Gres=, states, lists of
 * hosts and of GPUs. Called by live_text.c, live_model.c and the commands that print
 * them.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/live.h"
#include "core/node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool live_next_gres(const char **at, struct live_gres_word *word)
{
	const char *p = *at, *brace, *stop;
	char text[2 * LIVE_NAMES + 32];
	char *colon;

	while (*p == ',')
		p++;
	if (!*p)
		return false;
	*word = (struct live_gres_word){0};
	stop = p + strcspn(p, ",(");
	snprintf(text, sizeof(text), "%.*s", (int)(stop - p), p);
	if (*stop == '(' && !strncmp(stop, "(null)", 6)) { /* "gpu:(null):7(IDX:0)" */
		brace = stop + 6 + strcspn(stop + 6, ",(");
		snprintf(text, sizeof(text), "%.*s%.*s", (int)(stop - p - 1), p,
			 (int)(brace - stop - 6), stop + 6);
		stop = brace;
	}
	while (*stop == '(') { /* "(S:0-1)", "(IDX:0,2)", "(1/4,2/4)" */
		size_t length = strcspn(stop, ")");

		snprintf(word->inside, sizeof(word->inside), "%.*s", (int)length - 1,
			 stop + 1);
		stop += length + (stop[length] == ')');
	}
	stop += strcspn(stop, ",");
	*at = stop;
	colon = strrchr(text, ':');
	word->count = 1;
	if (colon && isdigit((unsigned char)colon[1])) {
		word->count = strtol(colon + 1, NULL, 10);
		*colon = '\0';
	}
	colon = strchr(text, ':');
	if (colon) {
		*colon = '\0';
		snprintf(word->type, sizeof(word->type), "%.*s", LIVE_NAMES - 1,
			 colon + 1);
	}
	snprintf(word->name, sizeof(word->name), "%.*s", LIVE_NAMES - 1, text);
	return true;
}

char *live_bits(uint64_t bits, char *buf, size_t size)
{
	struct gt_mask mask = {.word = {bits}};

	return gt_mask_format(&mask, buf, size);
}

char *live_clean(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%s", text);
	gt_text_clean(buf);
	return buf;
}

bool live_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list ? list : ""; *at;) {
		size_t here = strcspn(at, ",");

		if (here == len && !strncasecmp(at, word, len))
			return true;
		at += here + (at[here] == ',');
	}
	return false;
}

static bool has_flag(const char *state, const char *flag)
{
	size_t len = strlen(flag);

	for (const char *at = state ? state : ""; *at;) {
		size_t here = strcspn(at, "+");

		if (here >= len && !strncmp(at, flag, len) &&
		    (here == len || (here == len + 1 && strchr("*~#!%$@^-", at[len]))))
			return true;
		at += here + (at[here] == '+');
	}
	return false;
}

/* As node_state_string_compact's long form has them, for the states an admin meets. */
char *live_state_word(const char *state, char *buf, size_t size)
{
	bool busy = has_flag(state, "ALLOCATED") || has_flag(state, "MIXED") ||
		    has_flag(state, "COMPLETING");
	static const struct {
		const char *flag, *word;
	} flags[] = {
		{"MAINTENANCE", "maint"},
		{"MAINT", "maint"},
		{"REBOOT_ISSUED", "boot"},
		{"REBOOT", "boot"},
		{"POWERING_UP", "power_up"},
		{"FUTURE", "future"},
		{"UNKNOWN", "unknown"},
		{"INVAL", "inval"},
		{"DOWN", "down"},
		{"COMPLETING", "completing"},
		{"RESERVED", "reserved"},
		{"MIXED", "mixed"},
		{"ALLOCATED", "allocated"},
		{"PLANNED", "planned"},
		{"IDLE", "idle"},
	};
	const char *word = "unknown";

	if (has_flag(state, "FAIL"))
		word = busy ? "failing" : "fail";
	else if (has_flag(state, "DOWN"))
		word = "down";
	else if (has_flag(state, "DRAIN") || has_flag(state, "DRAINED") ||
		 has_flag(state, "DRAINING"))
		word = busy ? "draining" : "drained";
	else
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (has_flag(state, flags[i].flag)) {
				word = flags[i].word;
				break;
			}
	snprintf(buf, size, "%s%s", word,
		 has_flag(state, "NOT_RESPONDING") || (state && strchr(state, '*')) ? "*"
		 : has_flag(state, "POWERED_DOWN")				    ? "~"
										    : "");
	return buf;
}

/* ---- host lists ---- */

struct name {
	const char *text;
	size_t stem;   /* bytes before its number */
	size_t digits; /* 0: none */
	uint64_t number;
};

static struct name cut_name(const char *text)
{
	struct name name = {.text = text, .stem = strlen(text)};

	while (name.stem > 0 && isdigit((unsigned char)text[name.stem - 1]) &&
	       name.digits < 15) {
		name.stem--;
		name.digits++;
	}
	if (name.digits)
		name.number = strtoull(text + name.stem, NULL, 10);
	return name;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	size_t least = x->stem < y->stem ? x->stem : y->stem;
	int order = strncmp(x->text, y->text, least);

	if (order)
		return order;
	if (x->stem != y->stem)
		return x->stem < y->stem ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->digits > y->digits) - (x->digits < y->digits);
}

/* Whether b fits into one bracket with a, padded as a range of that width is. */
static bool same_bracket(const struct name *a, const struct name *b)
{
	bool padded = a->digits > 1 && a->text[a->stem] == '0';
	bool b_padded = b->digits > 1 && b->text[b->stem] == '0';

	return a->digits && b->digits && a->stem == b->stem &&
	       !strncmp(a->text, b->text, a->stem) &&
	       (a->digits == b->digits || (!padded && !b_padded));
}

static void write_bracket(FILE *out, const struct name *name, int first, int last)
{
	fprintf(out, "%.*s[", (int)name[first].stem, name[first].text);
	for (int i = first; i <= last; i++) {
		int to = i;

		while (to < last && name[to + 1].number == name[to].number + 1)
			to++;
		fprintf(out, "%s%s", i > first ? "," : "", name[i].text + name[i].stem);
		if (to > i)
			fprintf(out, "-%s", name[to].text + name[to].stem);
		i = to;
	}
	fputc(']', out);
}

char *live_fold(const char **names, int count)
{
	struct name *name = calloc((size_t)count + 1, sizeof(*name));
	size_t size = 0;
	char *text = NULL;
	FILE *out = name ? open_memstream(&text, &size) : NULL;

	if (!out) {
		free(name);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		name[i] = cut_name(names[i]);
	qsort(name, (size_t)count, sizeof(*name), compare_names);
	for (int i = 0; i < count; i++) {
		int last = i;

		while (last + 1 < count && same_bracket(&name[i], &name[last + 1]))
			last++;
		if (i)
			fputc(',', out);
		if (last > i)
			write_bracket(out, name, i, last);
		else
			fputs(name[i].text, out);
		i = last;
	}
	free(name);
	return fclose(out) ? NULL : text;
}
