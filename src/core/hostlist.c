/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostlist.c - Slurm's host lists searched for a name, without expanding them.
 *
 * The search walks an item once and keeps the set of places in the name where what was
 * read so far may end. Trying one place after the other would take time exponential in
 * the digits of the name, and a job's owner writes such lists.
 */
#include "config.h"

#include "core/hostlist.h"

#include <ctype.h>
#include <string.h>

#define MAX_DIGITS 18 /* of a number in brackets: fits 64 bits */

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

const char *gt_hostlist_range(const char *p, struct gt_host_range *range)
{
	int digits;

	p = read_number(p + 1, &range->low, &range->width);
	range->high = range->low;
	if (p && *p == '-')
		p = read_number(p + 1, &range->high, &digits);
	return p && range->high >= range->low && (*p == ',' || *p == ']') ? p : NULL;
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
		       const struct gt_host_range *range)
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
	struct gt_host_range range;

	clear_ends(&next);
	do {
		p = gt_hostlist_range(p, &range);
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
