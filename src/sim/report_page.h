/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_page.h - what the pages of the simulator share: one style, nothing from outside.
 */
#ifndef SIM_REPORT_PAGE_H
#define SIM_REPORT_PAGE_H

#include <stdio.h>

/* Everything up to <body>; drawing_width: of the viewBoxes, so that their letters are
 * about as large as the text's on wide and narrow screens. */
void sim_page_begin(FILE *out, const char *title, int drawing_width);
void sim_page_end(FILE *out);

#endif
