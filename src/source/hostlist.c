/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Node names in Slurm's brackets. */
#include "config.h"

#include "source/source.h"

#include <stdlib.h>
#include <string.h>

/* Is name one of the hosts of one expression, "n[01-03,7]"? */
static bool host_matches(const char *item, size_t len, const char *name)
{
	const char *open = memchr(item, '[', len), *at, *end = item + len;
	size_t prefix = open ? (size_t)(open - item) : len, digits;
	unsigned long number, low, high;
	const char *close, *suffix;

	if (strncmp(item, name, prefix))
		return false;
	if (!open)
		return name[len] == '\0';
	close = memchr(open, ']', (size_t)(end - open));
	digits = strspn(name + prefix, "0123456789");
	if (!close || !digits || digits > 9)
		return false;
	suffix = name + prefix + digits;
	if (strlen(suffix) != (size_t)(end - close - 1) ||
	    strncmp(suffix, close + 1, strlen(suffix)))
		return false;
	number = strtoul(name + prefix, NULL, 10);
	for (at = open + 1; at < close; at++) {
		const char *start = at;
		char *next;

		low = high = strtoul(at, &next, 10);
		if (next == start)
			return false;
		/* zero padding counts: n[01-10] is not n1 */
		if ((*start == '0' || digits < (size_t)(next - start)) &&
		    (size_t)(next - start) != digits)
			low = high + 1;
		if (*next == '-')
			high = strtoul(next + 1, &next, 10);
		if (number >= low && number <= high)
			return true;
		at = next;
	}
	return false;
}

bool gt_hostlist_has(const char *list, const char *name)
{
	while (*list) {
		size_t len = 0;
		int depth = 0;

		while (list[len] && (depth || list[len] != ',')) {
			depth += (list[len] == '[') - (list[len] == ']');
			len++;
		}
		if (host_matches(list, len, name))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}
