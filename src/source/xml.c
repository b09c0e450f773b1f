/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML into a tree, by expat. */
#include "config.h"

#include "source/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	XML_Parser parser;
	struct gt_xml *root;
	struct gt_xml *open;
	int depth;
	int elements;
	const char *refusal; /* why we stopped, NULL: expat knows */
};

static void refuse(struct reader *reader, const char *why)
{
	if (!reader->refusal)
		reader->refusal = why;
	XML_StopParser(reader->parser, XML_FALSE);
}

/* One block: the element, its pointers and all their text. */
static struct gt_xml *new_element(const char *name, const char **attr)
{
	size_t count = 0, bytes = strlen(name) + 1;
	struct gt_xml *element;
	const char **copy;
	char *text;

	for (; attr[count]; count++)
		bytes += strlen(attr[count]) + 1;
	element = calloc(1, sizeof(*element) + (count + 1) * sizeof(*attr) + bytes);
	if (!element)
		return NULL;
	copy = (const char **)(element + 1);
	text = (char *)(copy + count + 1);
	element->attr = copy;
	element->name = text;
	text = stpcpy(text, name) + 1;
	for (size_t i = 0; i < count; i++) {
		copy[i] = text;
		text = stpcpy(text, attr[i]) + 1;
	}
	return element;
}

static void XMLCALL on_start(void *data, const char *name, const char **attr)
{
	struct reader *reader = data;
	struct gt_xml *element;

	if (++reader->depth > GT_XML_DEPTH_MAX) {
		refuse(reader, "nested too deep");
		return;
	}
	if (++reader->elements > GT_XML_ELEMENTS_MAX) {
		refuse(reader, "too many elements");
		return;
	}
	element = new_element(name, attr);
	if (!element) {
		refuse(reader, "out of memory");
		return;
	}
	element->line = (int)XML_GetCurrentLineNumber(reader->parser);
	element->parent = reader->open;
	if (!reader->root) {
		reader->root = element;
	} else {
		element->allocated = reader->root->allocated;
		reader->root->allocated = element;
	}
	if (reader->open) {
		if (reader->open->last)
			reader->open->last->next = element;
		else
			reader->open->child = element;
		reader->open->last = element;
	}
	reader->open = element;
}

static void XMLCALL on_end(void *data, const char *name)
{
	struct reader *reader = data;

	(void)name;
	reader->depth--;
	if (reader->open)
		reader->open = reader->open->parent;
}

static void XMLCALL on_entity(void *data, const XML_Char *name, int is_parameter,
			      const XML_Char *value, int length, const XML_Char *base,
			      const XML_Char *system_id, const XML_Char *public_id,
			      const XML_Char *notation)
{
	(void)name, (void)is_parameter, (void)value, (void)length, (void)base;
	(void)system_id, (void)public_id, (void)notation;
	refuse(data, "entity declarations are not accepted");
}

static enum gt_err fail(const struct gt_source *src, const struct reader *reader,
			struct gt_error *err)
{
	int line = (int)XML_GetCurrentLineNumber(reader->parser);
	int column = (int)XML_GetCurrentColumnNumber(reader->parser) + 1;
	const char *why = reader->refusal;

	if (!why)
		why = XML_ErrorString(XML_GetErrorCode(reader->parser));
	return gt_fail_at(err, GT_EPARSE, src->file, line, column, "XML: %s", why);
}

enum gt_err gt_xml_read(const struct gt_source *src, struct gt_xml **root,
			struct gt_error *err)
{
	struct reader reader = {.parser = XML_ParserCreate("UTF-8")};
	const char *text = src->text;
	size_t size = src->size;
	enum gt_err rc = GT_OK;

	*root = NULL;
	if (!reader.parser)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	/* A dump may begin with an empty line, which XML forbids before <?xml. */
	while (size && strchr(" \t\r\n", *text) && *text) {
		text++;
		size--;
	}
	XML_SetUserData(reader.parser, &reader);
	XML_SetElementHandler(reader.parser, on_start, on_end);
	XML_SetEntityDeclHandler(reader.parser, on_entity);
	if (XML_Parse(reader.parser, text, (int)size, 1) != XML_STATUS_OK ||
	    reader.refusal)
		rc = fail(src, &reader, err);
	if (rc == GT_OK)
		*root = reader.root;
	else
		gt_xml_free(reader.root);
	XML_ParserFree(reader.parser);
	return rc;
}

void gt_xml_free(struct gt_xml *root)
{
	while (root) {
		struct gt_xml *next = root->allocated;

		free(root);
		root = next;
	}
}

const char *gt_xml_attr(const struct gt_xml *element, const char *name)
{
	for (const char *const *attr = element->attr; *attr; attr += 2)
		if (!strcmp(attr[0], name))
			return attr[1];
	return "";
}

bool gt_xml_is(const struct gt_xml *element, const char *name)
{
	return !strcmp(element->name, name);
}
