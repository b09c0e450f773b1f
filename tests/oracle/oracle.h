/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle.h - the truth about small machines, by plain enumeration.
 *
 * This is what the tests hold the library against. It includes nothing of the library and
 * shares no code with it; every function is the definition written down, slow on purpose
 * and short enough to be read as correct. A set of GPUs is an unsigned: bit i is GPU i.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>

#define ORACLE_MAX 20

struct oracle_graph {
	int n;
	int links[ORACLE_MAX][ORACLE_MAX];     /* direct links of a pair; symmetric */
	int path_mbps[ORACLE_MAX][ORACLE_MAX]; /* its way without links */
	int link_mbps[ORACLE_MAX];	       /* one link of this GPU */
	int island[ORACLE_MAX];		       /* the switch it is on; -1: none */
	int ports[ORACLE_MAX];		       /* its links into that switch */
	int reduce_mbps[ORACLE_MAX]; /* of one of them in a switch's reduction */
	int reduce_from[ORACLE_MAX]; /* GPUs from which it is used */
	bool broken[ORACLE_MAX];     /* out of service */
	bool mig[ORACLE_MAX];	     /* in MIG mode: never one of several */
	int socket[ORACLE_MAX];
	int root[ORACLE_MAX]; /* PCIe root */
	int shared;	      /* ways over PCIe that GPUs share */
	struct {
		unsigned gpus;
		int mbps; /* one direction */
		bool memory;
	} share[12];
	bool copies; /* every transfer over PCIe goes through the host's memory */
	int groups;  /* 0: links count between all GPUs */
	unsigned group[8];
};

struct oracle_value {
	int broken;	      /* members out of service */
	int rings;	      /* R */
	int link_mbps;	      /* w */
	int tau_num, tau_den; /* tau, not reduced */
	int path_mbps;	      /* P; 0 where R > 0 */
	bool relayed;	      /* Q */
	int busbw_mbps;	      /* 0 for fewer than 2 GPUs */
	int bottleneck_mbps;  /* the smallest pair */
	long pair_sum_mbps;
	int sockets;
	int roots;
};

int oracle_size(unsigned set);
/* R: the most arc-disjoint directed Hamiltonian cycles; a link is one arc each way. */
int oracle_rings(const struct oracle_graph *g, unsigned set);
/* tau: the smallest (links that cross) / (parts - 1) over all partitions of the set. */
void oracle_tau(const struct oracle_graph *g, unsigned set, int *num, int *den);
/* P: the best bottleneck of a Hamiltonian cycle over every kind of path. */
int oracle_path(const struct oracle_graph *g, unsigned set);
/* Q: a ring exists in which hops without a link pass through one member of the set, and
 * no arc is used more often than it has links. */
bool oracle_relayed(const struct oracle_graph *g, unsigned set);
void oracle_value(const struct oracle_graph *g, unsigned set, struct oracle_value *v);
/* Levels 0 to 2 (out of service, R x w, tau, P where R is 0): > 0 where a is better, < 0
 * where b is, 0 where they are equal. */
int oracle_compare(const struct oracle_value *a, const struct oracle_value *b);

/* All-to-all bus bandwidth of a set, MB/s: (k - 1) x the slowest pair. */
double oracle_alltoall(const struct oracle_graph *g, unsigned set);

/* A geometry, and what the best partition of a set makes of it: by the slowest group, the
 * other groups ascending, then the smallest sum of pairs between two groups in a row. */
struct oracle_shape {
	int groups;
	int size[ORACLE_MAX];
	bool alltoall;
};

struct oracle_parts {
	double group[ORACLE_MAX]; /* ascending, MB/s; ORACLE_INFINITE: a group of one */
	double transfer;	  /* ORACLE_INFINITE: one group */
	unsigned part[ORACLE_MAX];
};

#define ORACLE_INFINITE 1e18

/* What a set is worth as a group; the caller may keep what was found. */
typedef double oracle_group(void *of, const struct oracle_graph *g, unsigned set,
			    bool alltoall);
double oracle_group_mbps(void *of, const struct oracle_graph *g, unsigned set,
			 bool alltoall);
/* Every way to cut the set into the groups is tried. */
void oracle_partition(const struct oracle_graph *g, const struct oracle_shape *shape,
		      unsigned set, oracle_group *worth, void *of,
		      struct oracle_parts *best);
/* > 0: a is better. */
int oracle_compare_parts(const struct oracle_shape *shape, const struct oracle_parts *a,
			 const struct oracle_parts *b);

/* What every subset of a machine of up to 10 GPUs is worth, and rule A's h(F). */
struct oracle_table {
	int n;
	struct oracle_value value[1 << 10];
	double best_mbps[ORACLE_MAX + 1]; /* best busbw of each size, idle node */
	double mix[ORACLE_MAX + 1];	  /* p_k */
	double h[1 << 10];
};

/* mix[k], k = 1 to 64, any scale. ringless_mbps > 0: every set with R = 0 counts as that
 * much (the published tables of the placement problem count 10 GB/s), else its busbw.
 * NULL mix: values only. */
void oracle_fill(struct oracle_table *t, const struct oracle_graph *g,
		 const unsigned *mix, int ringless_mbps);
/* Rule A: the expected h of what is free after each running job has ended with
 * probability q, independently. */
double oracle_expected(const struct oracle_table *t, unsigned left,
		       const unsigned *running, int jobs, double q);
/* The best K-set of free by levels 0 to 2; 0: there is none. */
unsigned oracle_best(const struct oracle_table *t, unsigned free, int k);

#endif
