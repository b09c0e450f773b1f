/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostlist.c - Slurm's host lists: checked, searched without expanding, spelled out.
 *
 * The search walks an item once and keeps the set of places in the name where what was
 * read so far may end. Trying one place after the other would take time exponential in
 * the digits of the name, and a job's owner writes such lists.
 */
#include "config.h"

#include "core/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_DIGITS   18 /* of a number in brackets: fits 64 bits */
#define MAX_BRACKETS 16 /* of an item that is spelled out */

/* One number or range of a bracket. */
struct range {
	uint64_t low, high;
	int width; /* digits of the lower bound as written */
};

static const char *read_number(const char *p, uint64_t *value, int *digits)
{
	*value = 0;
	for (*digits = 0; isdigit((unsigned char)*p); p++, ++*digits) {
		if (*digits == MAX_DIGITS)
			return NULL;
		*value = *value * 10 + (uint64_t)(*p - '0');
	}
	return *digits ? p : NULL;
}

/* The range behind p, which is the bracket or a comma; returns the character behind it,
 * a comma or the closing bracket, or NULL. */
static const char *read_range(const char *p, struct range *range)
{
	int digits;

	p = read_number(p + 1, &range->low, &range->width);
	range->high = range->low;
	if (p && *p == '-')
		p = read_number(p + 1, &range->high, &digits);
	return p && range->high >= range->low && (*p == ',' || *p == ']') ? p : NULL;
}

/* Check "[...]"; returns the character behind it, or NULL. */
static const char *check_bracket(const char *p)
{
	struct range range;

	do {
		p = read_range(p, &range);
	} while (p && *p == ',');
	return p ? p + 1 : NULL;
}

bool gt_hostlist_is_valid(const char *list)
{
	size_t part = 0;

	for (const char *p = list; p;) {
		if (*p == ',' || *p == '\0') {
			if (part == 0)
				return false;
			if (*p == '\0')
				return true;
			part = 0;
			p++;
		} else if (*p == '[') {
			p = check_bracket(p);
			part++;
		} else if (isgraph((unsigned char)*p) && !strchr("]\"'=#", *p)) {
			p++;
			part++;
		} else {
			return false;
		}
	}
	return false;
}

size_t gt_hostlist_first(const char *list)
{
	size_t i;
	bool inside = false;

	for (i = 0; list[i] && (inside || list[i] != ','); i++)
		if (list[i] == '[' || list[i] == ']')
			inside = list[i] == '[';
	return i;
}

/* ---- is a name among them? ---- */

/* Places in the name, from low to high, where the part of the item that was read may end;
 * low > high: nowhere. */
struct ends {
	bool at[GT_HOST_NAME_MAX + 1];
	int low, high;
};

static void add_end(struct ends *ends, int place)
{
	ends->at[place] = true;
	if (place < ends->low)
		ends->low = place;
	if (place > ends->high)
		ends->high = place;
}

static void clear_ends(struct ends *ends)
{
	memset(ends, 0, sizeof(*ends));
	ends->low = GT_HOST_NAME_MAX + 1;
	ends->high = -1;
}

/* Every place where the name goes on with c moves behind it. */
static void pass_char(struct ends *ends, const char *name, char c)
{
	struct ends next;

	if (ends->low == ends->high) { /* before the first bracket there is one place */
		ends->at[ends->low] = false;
		if (name[ends->low] == c)
			ends->at[++ends->low] = ends->at[++ends->high] = true;
		else
			clear_ends(ends);
		return;
	}
	clear_ends(&next);
	for (int i = ends->low; i <= ends->high; i++)
		if (ends->at[i] && name[i] == c)
			add_end(&next, i + 1);
	*ends = next;
}

/* Add to next the ends of the range's numbers that the name has at place. */
static void pass_range(struct ends *next, const char *name, int place,
		       const struct range *range)
{
	uint64_t value = 0;

	for (int digits = 1; isdigit((unsigned char)name[place + digits - 1]); digits++) {
		value = value * 10 + (uint64_t)(name[place + digits - 1] - '0');
		if (value > range->high || (digits > range->width && name[place] == '0'))
			return;
		if (digits >= range->width && value >= range->low)
			add_end(next, place + digits);
	}
}

/* Returns the character behind the bracket, or NULL where it is malformed. */
static const char *pass_bracket(struct ends *ends, const char *name, const char *p)
{
	struct ends next;
	struct range range;

	clear_ends(&next);
	do {
		p = read_range(p, &range);
		for (int i = ends->low; p && i <= ends->high; i++)
			if (ends->at[i])
				pass_range(&next, name, i, &range);
	} while (p && *p == ',');
	*ends = next;
	return p ? p + 1 : NULL;
}

static bool item_has(const char *p, const char *end, const char *name, int length)
{
	struct ends ends;

	clear_ends(&ends);
	add_end(&ends, 0);
	while (p && p < end && ends.high >= 0) {
		if (*p == '[')
			p = pass_bracket(&ends, name, p);
		else
			pass_char(&ends, name, *p++);
	}
	return p == end && ends.high == length && ends.at[length];
}

bool gt_hostlist_has(const char *list, const char *name)
{
	size_t length = strnlen(name, GT_HOST_NAME_MAX + 1);

	if (length == 0 || length > GT_HOST_NAME_MAX)
		return false;
	for (;;) {
		size_t size = gt_hostlist_first(list);

		if (size && item_has(list, list + size, name, (int)length))
			return true;
		if (list[size] == '\0')
			return false;
		list += size + 1;
	}
}

/* ---- all of them ---- */

/* A bracket of the item at hand, and the number that it shows. */
struct wheel {
	const char *text; /* its [ */
	const char *next; /* behind the range at hand: a comma or ] */
	struct range range;
	uint64_t value;
};

struct spelling {
	struct wheel wheels[MAX_BRACKETS];
	int count;
	int left; /* names that may still come */
	enum gt_err (*each)(void *arg, const char *name);
	void *arg;
	struct gt_error *err;
};

static void start_wheel(struct wheel *wheel)
{
	wheel->next = read_range(wheel->text, &wheel->range);
	wheel->value = wheel->range.low;
}

/* The wheel's next number; false where it begins again. */
static bool turn(struct wheel *wheel)
{
	if (wheel->value < wheel->range.high) {
		wheel->value++;
		return true;
	}
	if (*wheel->next == ',') {
		wheel->next = read_range(wheel->next, &wheel->range);
		wheel->value = wheel->range.low;
		return true;
	}
	start_wheel(wheel);
	return false;
}

/* Slurm's order: the last bracket turns fastest, then the first, the second and so on. */
static bool turn_all(struct spelling *s)
{
	if (s->count && turn(&s->wheels[s->count - 1]))
		return true;
	for (int i = 0; i < s->count - 1; i++)
		if (turn(&s->wheels[i]))
			return true;
	return false;
}

static enum gt_err find_wheels(struct spelling *s, const char *item, size_t size)
{
	s->count = 0;
	for (const char *p = item; p < item + size; p++) {
		if (*p != '[')
			continue;
		if (s->count == MAX_BRACKETS)
			return gt_fail(s->err, GT_ELIMIT,
				       "'%.100s' has more than %d "
				       "brackets",
				       item, MAX_BRACKETS);
		s->wheels[s->count].text = p;
		start_wheel(&s->wheels[s->count++]);
		p = strchr(p, ']');
	}
	return GT_OK;
}

/* The name that the wheels show. false: it is too long. */
static bool compose(const struct spelling *s, const char *item, size_t size,
		    char name[GT_HOST_NAME_MAX + 1])
{
	const char *p = item;
	size_t used = 0;

	for (int i = 0; i <= s->count; i++) {
		const struct wheel *wheel = i < s->count ? &s->wheels[i] : NULL;
		size_t plain = (size_t)((wheel ? wheel->text : item + size) - p);

		if (used + plain > GT_HOST_NAME_MAX)
			return false;
		memcpy(name + used, p, plain);
		used += plain;
		name[used] = '\0';
		if (!wheel)
			break;
		used += (size_t)snprintf(name + used, GT_HOST_NAME_MAX + 1 - used,
					 "%0*llu", wheel->range.width,
					 (unsigned long long)wheel->value);
		if (used > GT_HOST_NAME_MAX)
			return false;
		p = strchr(wheel->text, ']') + 1;
	}
	return true;
}

static enum gt_err spell_item(struct spelling *s, const char *item, size_t size)
{
	char name[GT_HOST_NAME_MAX + 1];
	enum gt_err rc = find_wheels(s, item, size);

	if (rc)
		return rc;
	do {
		if (s->left-- == 0)
			return gt_fail(s->err, GT_ELIMIT,
				       "'%.100s' is more than %d names", item,
				       GT_HOSTLIST_MAX);
		if (!compose(s, item, size, name))
			return gt_fail(s->err, GT_ELIMIT,
				       "'%.100s' has names of more than %d bytes", item,
				       GT_HOST_NAME_MAX);
		rc = s->each(s->arg, name);
	} while (rc == GT_OK && turn_all(s));
	return rc;
}

enum gt_err gt_hostlist_each(const char *list,
			     enum gt_err (*each)(void *arg, const char *name), void *arg,
			     struct gt_error *err)
{
	struct spelling s = {
		.left = GT_HOSTLIST_MAX, .each = each, .arg = arg, .err = err};
	enum gt_err rc = GT_OK;

	if (!gt_hostlist_is_valid(list))
		return gt_fail(err, GT_EPARSE, "'%.100s' is not a list of hosts", list);
	while (rc == GT_OK && *list) {
		size_t size = gt_hostlist_first(list);

		rc = spell_item(&s, list, size);
		list += size + (list[size] == ',');
	}
	return rc;
}
