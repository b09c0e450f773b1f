/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The direct links inside a small set of GPUs: what ring and tree look at. */
#ifndef GT_MESH_H
#define GT_MESH_H

#include <stdint.h>

#define GT_MESH_MAX 16 /* the largest set whose rings and trees are searched */

/* link[a][b] == link[b][a]: links of the pair, 0 on the diagonal. n: 0 to GT_MESH_MAX. */
struct gt_mesh {
	int n;
	uint8_t link[GT_MESH_MAX][GT_MESH_MAX];
};

static inline int gt_mesh_degree(const struct gt_mesh *mesh, int v)
{
	int degree = 0;

	for (int u = 0; u < mesh->n; u++)
		degree += mesh->link[v][u];
	return degree;
}

static inline int gt_mesh_min_degree(const struct gt_mesh *mesh)
{
	int least = mesh->n ? gt_mesh_degree(mesh, 0) : 0;

	for (int v = 1; v < mesh->n; v++) {
		int degree = gt_mesh_degree(mesh, v);

		least = degree < least ? degree : least;
	}
	return least;
}

#endif
