/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of `nvidia-smi topo -m` and their cells. */
#ifndef GT_SOURCE_TOPO_LINE_H
#define GT_SOURCE_TOPO_LINE_H

#include "source/source.h"

enum gt_topo_kind {
	CELL_NONE = 0, /* no such row, or the row ends before */
	CELL_SELF,
	CELL_PATH,
	CELL_LINKS,
	CELL_P2P,     /* of `topo -p2p`: another matrix */
	CELL_STRANGE, /* a token that means nothing to us */
};

struct gt_topo_cell {
	uint8_t kind;
	uint8_t path;
	int16_t links;
};

enum gt_topo_line { LINE_OTHER, LINE_HEADER, LINE_GPU_ROW, LINE_NIC_ROW };

bool gt_topo_is_gap(char c);
const char *gt_topo_skip_gap(const char *at);
size_t gt_topo_token_length(const char *at);
/* One cell at *at, which moves behind it; false at the end of the line. Cells may be
 * glued to other cells ("PIXNODE"), and to nothing else. */
bool gt_topo_next_cell(const char **at, struct gt_topo_cell *cell);
/* "GPU12" at *at, which moves behind it. */
bool gt_topo_next_gpu(const char **at, int *number);
/* The kind of this line. *number: the GPU of a row. *rest: behind the row's name, or the
 * header's first name. */
enum gt_topo_line gt_topo_classify(const char *line, int *number, const char **rest);

/* The network cards of the matrix (topo_nics.c), whose GPUs the node has; lines from
 * stop_line on (0: none) are of another matrix. */
enum gt_err gt_topo_read_nics(struct gt_source *src, struct gt_node *node, int stop_line,
			      struct gt_error *err);

#endif
