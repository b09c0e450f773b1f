/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small XML document as a tree of elements, read with expat. */
#ifndef GT_SOURCE_XML_H
#define GT_SOURCE_XML_H

#include "source/source.h"

#define GT_XML_DEPTH_MAX    64 /* nested elements */
#define GT_XML_ELEMENTS_MAX 200000

struct gt_xml {
	const char *name;
	const char *const *attr; /* name, value, ..., NULL */
	int line;
	struct gt_xml *parent;
	struct gt_xml *child;	  /* the first */
	struct gt_xml *next;	  /* sibling */
	struct gt_xml *last;	  /* child; while reading */
	struct gt_xml *allocated; /* all elements, for gt_xml_free */
};

/* Read the source. Text between elements is dropped; a document that declares entities is
 * refused, so that none can grow. *root is freed with gt_xml_free. */
enum gt_err gt_xml_read(const struct gt_source *src, struct gt_xml **root,
			struct gt_error *err);
void gt_xml_free(struct gt_xml *root);
/* An attribute's value, "" if it is not there. */
const char *gt_xml_attr(const struct gt_xml *element, const char *name);
bool gt_xml_is(const struct gt_xml *element, const char *name);

#endif
