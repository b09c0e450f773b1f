/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostlist_each.c - Slurm's host lists checked and spelled out, for programs and for
 * what reads configuration files.
 */
#include "config.h"

#include "core/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_BRACKETS 16 /* of one item */

/* ---- checked ---- */

/* Check "[...]"; returns the character behind it, or NULL. */
static const char *check_bracket(const char *p)
{
	struct gt_host_range range;

	do {
		p = gt_hostlist_range(p, &range);
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

/* ---- spelled out ---- */

/* A bracket of the item at hand, and the number that it shows. */
struct wheel {
	const char *text; /* its [ */
	const char *next; /* behind the range at hand: a comma or ] */
	struct gt_host_range range;
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
	wheel->next = gt_hostlist_range(wheel->text, &wheel->range);
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
		wheel->next = gt_hostlist_range(wheel->next, &wheel->range);
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
