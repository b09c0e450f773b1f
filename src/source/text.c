/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines, words and numbers of the text formats. */
#include "config.h"

#include "source/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at s, 0 if malformed. */
static int utf8_length(const unsigned char *s, size_t left)
{
	int len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4 || (size_t)len > left)
		return 0;
	for (int i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

enum gt_err gt_text_check(const struct gt_source *src, struct gt_error *err)
{
	const unsigned char *text = (const unsigned char *)src->text;
	size_t start = 0;
	int line = 1;

	for (size_t i = 0; i < src->size;) {
		int len = utf8_length(text + i, src->size - i);

		if (text[i] == '\0')
			return gt_fail_src(src, err, GT_EPARSE, line,
					   "a NUL byte: not a text");
		if (len == 0)
			return gt_fail_src(src, err, GT_EPARSE, line,
					   "byte 0x%02x is not UTF-8", text[i]);
		i += (size_t)len;
		if (i - start >= GT_LINE_MAX)
			return gt_fail_src(src, err, GT_ELIMIT, line,
					   "a line of %d bytes or more", GT_LINE_MAX);
		if (text[i - 1] == '\n') {
			line++;
			start = i;
		}
	}
	return GT_OK;
}

/* ---- texts in another dress ---- */

/* UTF-16, as PowerShell's > writes it: by its mark, or by the zeros of its first letters.
 * 1: little end first, 2: big end first, 0: none. */
static int utf16_order(const char *text, size_t size)
{
	if (size < 4 || size % 2)
		return 0;
	if (!memcmp(text, "\xff\xfe", 2) || (text[0] && !text[1] && text[2] && !text[3]))
		return 1;
	if (!memcmp(text, "\xfe\xff", 2) || (!text[0] && text[1] && !text[2] && text[3]))
		return 2;
	return 0;
}

/* More newlines are spelled out than are there: a log or a repr of one string. */
static bool is_escaped(const char *text, size_t size)
{
	size_t spelled = 0, real = 0;

	for (size_t i = 0; i + 1 < size; i++) {
		spelled += text[i] == '\\' && text[i + 1] == 'n' &&
			   (i == 0 || text[i - 1] != '\\');
		real += text[i] == '\n';
	}
	return spelled > 1 && spelled > real;
}

bool gt_text_is_wrapped(const char *text, size_t size)
{
	return utf16_order(text, size) || is_escaped(text, size);
}

static size_t put_utf8(char *out, unsigned int c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/* Surrogates become '?': no topology needs what they stand for. */
static size_t from_utf16(const char *text, size_t size, int order, char *out)
{
	const unsigned char *in = (const unsigned char *)text;
	size_t used = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		unsigned int c = order == 1 ? in[i] | (unsigned int)in[i + 1] << 8
					    : in[i + 1] | (unsigned int)in[i] << 8;

		if (c >= 0xd800 && c < 0xe000)
			c = '?';
		if (c != 0xfeff)
			used += put_utf8(out + used, c);
	}
	return used;
}

/* The string's own words; what begins it is no document's bracket any more. */
static size_t unescape(const char *text, size_t size, char *out)
{
	static const char from[] = "ntr\"'\\/", to[] = "\n\t\r\"'\\/";
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		const char *escape = NULL;

		if (text[i] == '\\' && i + 1 < size && text[i + 1])
			escape = strchr(from, text[i + 1]);
		if (escape)
			i++;
		out[used++] = escape ? to[escape - from] : text[i];
	}
	for (size_t i = 0; i < used && strchr(" \t\r\n{[", out[i]); i++)
		if (out[i] == '{' || out[i] == '[')
			out[i] = ' ';
	return used;
}

char *gt_text_unwrap(const char *text, size_t *size)
{
	int order = utf16_order(text, *size);
	char *plain = malloc(*size * 2 + 1), *out;
	size_t used;

	if (!plain)
		return NULL;
	used = order ? from_utf16(text, *size, order, plain)
		     : unescape(text, *size, plain);
	if (order && is_escaped(plain, used)) {
		out = malloc(used + 1);
		if (out)
			used = unescape(plain, used, out);
		free(plain);
		plain = out;
	}
	*size = used;
	return plain;
}

void gt_lines_start(struct gt_lines *lines, const struct gt_source *src)
{
	lines->at = src->text;
	lines->end = src->text + src->size;
	lines->number = 0;
	lines->line[0] = '\0';
}

/* Behind a terminal escape: CSI sequences end with a letter, others have one byte. */
static const char *skip_escape(const char *at, const char *end)
{
	if (++at < end && *at == '[') {
		at++;
		while (at < end && *at != '\n' && !(*at >= '@' && *at <= '~'))
			at++;
	}
	return at < end && *at != '\n' ? at + 1 : at;
}

bool gt_lines_next(struct gt_lines *lines)
{
	const char *at = lines->at, *end = lines->end;
	size_t used = 0;

	if (at >= end)
		return false;
	while (at < end && *at != '\n') {
		if (*at == '\033') {
			at = skip_escape(at, end);
			continue;
		}
		if (end - at >= 2 && !memcmp(at, "\xc2\xa0", 2)) {
			lines->line[used++] = ' ';
			at += 2;
			continue;
		}
		if (*at != '\r' && used < GT_LINE_MAX - 1)
			lines->line[used++] = *at;
		at++;
	}
	while (used && (lines->line[used - 1] == ' ' || lines->line[used - 1] == '\t'))
		used--;
	lines->line[used] = '\0';
	lines->at = at < end ? at + 1 : end;
	lines->number++;
	return true;
}

bool gt_text_has(const struct gt_source *src, const char *word)
{
	return memmem(src->text, src->size, word, strlen(word)) != NULL;
}

char gt_text_first(const struct gt_source *src)
{
	for (size_t i = 0; i < src->size; i++)
		if (!isspace((unsigned char)src->text[i]))
			return src->text[i];
	return '\0';
}

bool gt_scan_int(const char **at, int max, int *value)
{
	const char *c = *at;
	long v = 0;

	if (!isdigit((unsigned char)*c))
		return false;
	for (; isdigit((unsigned char)*c); c++) {
		v = v * 10 + (*c - '0');
		if (v > max)
			return false;
	}
	*at = c;
	*value = (int)v;
	return true;
}

bool gt_bus_id_normalize(const char *text, char *out, size_t size)
{
	unsigned int domain = 0, bus, device, function;
	char rest;

	out[0] = '\0';
	if (sscanf(text, "%8x:%2x:%2x.%1x%c", &domain, &bus, &device, &function, &rest) !=
	    4) {
		domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function, &rest) != 3)
			return false;
	}
	snprintf(out, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

/*
 * MB/s per link as hwloc's NVML backend and amd-smi count them: xGMI 50000; NVLink 1
 * 20000, 2 to 4 25000, 5 50000. The generation is the model's, else what divides the
 * figure: 20000 if only that does (POWER8's 40000), else 25000.
 */
int gt_links_of_mbps(long mbps, bool xgmi, const char *model)
{
	int link_mbps, pcie_mbps;
	long unit = 25000;

	if (mbps <= 0)
		return 0;
	if (xgmi)
		unit = 50000;
	else if (!gt_gpu_model_speeds(model, &link_mbps, &pcie_mbps))
		unit = mbps % 25000 && mbps % 20000 == 0 ? 20000 : 25000;
	else if (link_mbps >= 40000)
		unit = 50000;
	else if (link_mbps == 18000)
		unit = 20000;
	if (mbps > unit * GT_MAX_LINKS * 2)
		return GT_MAX_LINKS + 1;
	return (int)((mbps + unit / 2) / unit);
}
