/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts.c - host expressions, matched in place.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/hosts.h"

#define MAX_DIGITS 9 /* of a number in brackets: fits an unsigned long everywhere */

/* "lo" or "lo-hi" at p; returns the character behind, or NULL. */
static const char *read_range(const char *p, unsigned long *lo, unsigned long *hi,
			      size_t *width)
{
	size_t len = strspn(p, "0123456789");

	if (len == 0 || len > MAX_DIGITS)
		return NULL;
	*width = len;
	*lo = *hi = strtoul(p, NULL, 10);
	p += len;
	if (*p != '-')
		return p;
	len = strspn(++p, "0123456789");
	if (len == 0 || len > MAX_DIGITS)
		return NULL;
	*hi = strtoul(p, NULL, 10);
	return *hi >= *lo ? p + len : NULL;
}

/* Check "[...]"; returns the character behind the bracket, or NULL. */
static const char *check_bracket(const char *p)
{
	unsigned long lo, hi;
	size_t width;

	do {
		p = read_range(p + 1, &lo, &hi, &width);
	} while (p && *p == ',');
	return p && *p == ']' ? p + 1 : NULL;
}

bool gp_hosts_valid(const char *text)
{
	size_t part = 0;

	for (const char *p = text; p;) {
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

size_t gp_hosts_first(const char *text)
{
	size_t i;
	bool inside = false;

	for (i = 0; text[i] && (inside || text[i] != ','); i++)
		if (text[i] == '[' || text[i] == ']')
			inside = text[i] == '[';
	return i;
}

static bool match_one(const char *p, const char *end, const char *name);

/* Does a number of the range stand at the start of name, and the rest fit? Slurm pads to
 * the width of the lower bound: n[08-10] is n08, n09, n10. */
static bool match_range(const char *rest, const char *end, const char *name,
			unsigned long lo, unsigned long hi, size_t width)
{
	size_t digits = strspn(name, "0123456789");

	for (size_t len = width; len <= digits && len <= MAX_DIGITS; len++) {
		char number[MAX_DIGITS + 1] = "";
		unsigned long value;

		if (len > width && name[0] == '0')
			break;
		memcpy(number, name, len);
		value = strtoul(number, NULL, 10);
		if (value >= lo && value <= hi && match_one(rest, end, name + len))
			return true;
	}
	return false;
}

static bool match_one(const char *p, const char *end, const char *name)
{
	const char *rest;

	while (p < end && *p != '[') {
		if (*p++ != *name++)
			return false;
	}
	if (p == end)
		return *name == '\0';
	rest = strchr(p, ']');
	if (!rest)
		return false;
	do {
		unsigned long lo, hi;
		size_t width;

		p = read_range(p + 1, &lo, &hi, &width);
		if (p && match_range(rest + 1, end, name, lo, hi, width))
			return true;
	} while (p && *p == ',');
	return false;
}

bool gp_hosts_match(const char *text, const char *name)
{
	for (;;) {
		size_t len = gp_hosts_first(text);

		if (match_one(text, text + len, name))
			return true;
		if (text[len] == '\0')
			return false;
		text += len + 1;
	}
}

/* ---- one by one ---- */

struct each {
	bool (*call)(const char *name, void *arg);
	void *arg;
	char name[256];
	int left;
};

/* Put what is between p and end behind the first used characters of the name. */
static bool spell(struct each *each, const char *p, const char *end, size_t used)
{
	const char *rest;

	while (p < end && *p != '[' && used < sizeof(each->name) - 1)
		each->name[used++] = *p++;
	/* no node is called so */
	if (used >= sizeof(each->name) - 1)
		return each->left-- > 0;
	if (p == end) {
		each->name[used] = '\0';
		return each->left-- > 0 && each->call(each->name, each->arg);
	}
	rest = strchr(p, ']') + 1;
	do {
		unsigned long lo, hi;
		size_t width;

		p = read_range(p + 1, &lo, &hi, &width);
		for (unsigned long n = lo; p && n <= hi; n++) {
			size_t room = sizeof(each->name) - used;
			size_t digits = (size_t)snprintf(each->name + used, room, "%0*lu",
							 (int)width, n);

			if (!spell(each, rest, end,
				   used + (digits < room ? digits : room - 1)))
				return false;
		}
	} while (p && *p == ',');
	return true;
}

void gp_hosts_each(const char *text, bool (*call)(const char *name, void *arg), void *arg)
{
	struct each each = {.call = call, .arg = arg, .left = GP_HOSTS_MAX};

	for (;;) {
		size_t len = gp_hosts_first(text);

		if (!spell(&each, text, text + len, 0) || text[len] == '\0')
			return;
		text += len + 1;
	}
}
