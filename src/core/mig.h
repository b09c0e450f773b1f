/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig.h - GPU instances: tables of profiles, placement, plans, and instances that the
 * admin made. Part of library.h.
 */
#ifndef GT_MIG_H
#define GT_MIG_H

#include "gputopo.h"

/* ---- instances of a node model ---- */

/* An instance of a GPU in MIG mode that the admin made; Slurm gives it away as a GPU of
 * its own. */
struct gt_instance {
	int gpu;
	char profile[32]; /* as the source names it */
	int start;	  /* memory unit; GT_UNKNOWN */
	int size;	  /* memory units; compute slices where no table is known */
};

/* Instances that the admin made, in the order they were added. */
int gt_node_instance_count(const struct gt_node *node);
const struct gt_instance *gt_node_instance(const struct gt_node *node, int i);
/* What Slurm counts as GPUs, in the order of `slurmd -G` without types: a GPU, or each of
 * its instances. Position i, from 0: *gpu, and *instance (GT_UNKNOWN: the whole GPU).
 * false after the last. O(GPUs + instances). */
bool gt_node_position(const struct gt_node *node, int i, int *gpu, int *instance);
#define GT_MIG_UNITS	  16	  /* memory units of one GPU: 4, 8 and 12 are known */
#define GT_MIG_PROFILES	  24	  /* profiles of one GPU model */
#define GT_MIG_GPUS	  65536	  /* GPUs of one fleet or plan */
#define GT_MIG_DEMAND_MAX 1000000 /* instances of one demand */

/* How sure a figure of the tables is. */
enum gt_mig_evidence {
	GT_MIG_DERIVED = 0, /* concluded from a relative of the GPU, never seen printed */
	GT_MIG_CONFIRMED,   /* printed by a driver or by NVIDIA's documents */
};

/* One GPU instance profile. An instance at start s occupies units s to s + size - 1. */
struct gt_mig_profile {
	char name[32];	 /* "3g.40gb", "1g.10gb+me"; drivers differ in the memory part */
	int id;		 /* GPU instance profile id; means another profile elsewhere */
	int compute;	 /* compute slices: the number before the g */
	int size;	 /* memory units */
	uint16_t starts; /* bit s: an instance may start at unit s */
	int max;	 /* instances of it on one GPU */
	int sm;		 /* multiprocessors; GT_UNKNOWN */
	int mem_mib;	 /* GT_UNKNOWN */
	int min_driver;	 /* first driver branch (525) that has it; 0: every one */
	enum gt_mig_evidence id_evidence;
	enum gt_mig_evidence starts_evidence;
	char source[64]; /* where the row comes from */
};

/* The MIG table of one GPU model. Two instances may share a GPU if their units are
 * disjoint, no profile exceeds its max, the compute slices suffice, and they are not of
 * two profiles that the driver keeps apart. */
struct gt_mig_gpu {
	char name[64];
	int units;   /* memory units: 1 to GT_MIG_UNITS */
	int compute; /* compute slices */
	int count;   /* profiles */
	struct gt_mig_profile profile[GT_MIG_PROFILES];
	int apart[2];	  /* profiles that never share a GPU on drivers before */
	int apart_driver; /* this branch; GT_UNKNOWN, 0: there are none */
	int driver;	  /* the branch that the table stands for; 0: the newest */
};

/* The built-in tables, i from 0; NULL after the last. */
const struct gt_mig_gpu *gt_mig_gpu_at(int i);
/* A built-in table by its name, a product name ("NVIDIA A100-SXM4-80GB") or the beginning
 * of one if only one table fits ("A30"). GT_EINVAL names the tables; *gpu is NULL then.
 */
enum gt_err gt_mig_gpu_find(const struct gt_mig_gpu **gpu, const char *name,
			    struct gt_error *err);
/* By PCI device id as NVML gives it (0x20b210de); NULL: unknown. */
const struct gt_mig_gpu *gt_mig_gpu_of_pci(uint32_t pci_device_id);
/* What a driver branch (470) makes of a table: profiles that it lacks are gone, and pairs
 * that it cannot combine are kept apart. */
void gt_mig_gpu_for_driver(struct gt_mig_gpu *gpu, int driver);
/* Check a table: GT_EINVAL or GT_ELIMIT with a sentence. */
enum gt_err gt_mig_gpu_check(const struct gt_mig_gpu *gpu, struct gt_error *err);
/* A table from a JSON text or file, as `gputopo mig show --json` prints it, for GPUs not
 * yet known. Checked; sources are kept, evidence counts as derived unless stated. */
enum gt_err gt_mig_gpu_parse(struct gt_mig_gpu *gpu, const char *text, size_t size,
			     const char *file, struct gt_error *err);
enum gt_err gt_mig_gpu_load(struct gt_mig_gpu *gpu, const char *file,
			    struct gt_error *err);

/* A profile by its name. Names drift with the driver (1g.23gb was 1g.24gb), so after the
 * exact name the one with the same compute slices and the same suffix (+me, +gfx, -me)
 * whose memory is nearest counts, if it is within an eighth. "MIG 1g.10gb", "1g_10gb" and
 * a Slurm type ("a100_1g.10gb") are read too. *profile is its position in the table;
 * GT_EINVAL says what there is; *profile is GT_UNKNOWN then. */
enum gt_err gt_mig_profile_find(const struct gt_mig_gpu *gpu, const char *name,
				int *profile, struct gt_error *err);
/* By slices: the position, or GT_UNKNOWN. suffix: "", "+me", ... */
int gt_mig_profile_by_slices(const struct gt_mig_gpu *gpu, int compute, int size,
			     const char *suffix);
/* The part of a profile's name after the memory: "" or "+me", "+me.all", "-me", "+gfx".
 */
const char *gt_mig_profile_suffix(const struct gt_mig_profile *profile);
/* The memory that an instance surely has, MiB: mem_mib, or 85 % of what the name says,
 * which no known row falls below. GT_UNKNOWN if the name says nothing. */
int gt_mig_profile_mem_mib(const struct gt_mig_profile *profile);

/* Whether a text ends in a profile's name. Slurm's types of instances do: a100_1g.10gb.
 */
bool gt_mig_is_profile_name(const char *text);

/* How often each profile is expected, any scale. */
struct gt_mig_mix {
	uint32_t weight[GT_MIG_PROFILES];
};

/* "1g.10gb:3,3g.40gb:1"; weights 0 to 1000000, not all 0. */
enum gt_err gt_mig_mix_parse(struct gt_mig_mix *mix, const struct gt_mig_gpu *gpu,
			     const char *text, struct gt_error *err);

/* Which of the places where an instance fits. Where the choice is between starts of one
 * GPU all but FIRST keep the most placements possible. Ties: the lowest GPU, the lowest
 * start. */
enum gt_mig_policy {
	GT_MIG_LOOKAHEAD, /* default: the place that costs the least expected future work,
			   * from the exact value of every state of one GPU */
	GT_MIG_FRAG,	  /* the place that strands the fewest slices under the mix */
	GT_MIG_PACK,	  /* best fit: the GPU with the fewest free units */
	GT_MIG_SPREAD,	  /* the GPU with the most free units */
	GT_MIG_FIRST,	  /* the lowest GPU, the lowest start */
	GT_MIG_DRIVER,	  /* the lowest GPU, the start a driver is described to choose */
	GT_MIG_SAME_SIZE, /* PACK, but a GPU takes one kind of profile until it is empty
			   */
	GT_MIG_POLICIES,
};

const char *gt_mig_policy_name(enum gt_mig_policy policy); /* "lookahead", "same-size" */
/* GT_EINVAL lists the names. */
enum gt_err gt_mig_policy_parse(enum gt_mig_policy *policy, const char *name,
				struct gt_error *err);

/* Everything that can be known beforehand about one GPU model and one mix: all legal sets
 * of instances, and what each policy thinks of every step between them. It copies the
 * table. Never changes: may be shared between fleets and threads. mix NULL: not known;
 * every profile size is then expected alike. Tens of milliseconds. GT_ELIMIT for a table
 * with too many legal sets. */
struct gt_mig_space;
enum gt_err gt_mig_space_new(struct gt_mig_space **space, const struct gt_mig_gpu *gpu,
			     const struct gt_mig_mix *mix, struct gt_error *err);
void gt_mig_space_free(struct gt_mig_space *space);
const struct gt_mig_gpu *gt_mig_space_gpu(const struct gt_mig_space *space);

/* One GPU instance. */
struct gt_mig_instance {
	int gpu;
	int profile; /* position in the table */
	int start;
};

/* GPUs 0 to count - 1 of one model, and the instances on them. It refers to space, which
 * must outlive it. */
struct gt_mig_fleet;
enum gt_err gt_mig_fleet_new(struct gt_mig_fleet **fleet,
			     const struct gt_mig_space *space, int count,
			     struct gt_error *err);
void gt_mig_fleet_free(struct gt_mig_fleet *fleet);
int gt_mig_fleet_size(const struct gt_mig_fleet *fleet);

/* Where to put one instance of a profile: fills *place and returns true, or false where
 * nothing fits (place->gpu is GT_UNKNOWN then). Changes nothing, allocates nothing;
 * O(GPUs), a few nanoseconds each. allowed: bit g % 64 of word g / 64 permits GPU g;
 * NULL: all. */
bool gt_mig_place(const struct gt_mig_fleet *fleet, int profile,
		  enum gt_mig_policy policy, const uint64_t *allowed,
		  struct gt_mig_instance *place);
/* Put an instance there. GT_EINVAL says what forbids it: no such GPU, profile or start,
 * occupied units (and by what), the profile's max. O(1). */
enum gt_err gt_mig_add(struct gt_mig_fleet *fleet, const struct gt_mig_instance *instance,
		       struct gt_error *err);
/* Take the instance away that starts at a unit of a GPU; what it was goes to *instance
 * (may be NULL). GT_EINVAL: none starts there. O(1). */
enum gt_err gt_mig_remove(struct gt_mig_fleet *fleet, int gpu, int start,
			  struct gt_mig_instance *instance, struct gt_error *err);
/* Occupied units of a GPU, bit u for unit u. */
uint16_t gt_mig_fleet_mask(const struct gt_mig_fleet *fleet, int gpu);
/* The profile that starts at a unit, GT_UNKNOWN: none. */
int gt_mig_fleet_profile_at(const struct gt_mig_fleet *fleet, int gpu, int start);
/* Free units that a request of the mix cannot use though it could on an empty GPU: the
 * expectation over the mix, summed over the fleet. O(GPUs). */
double gt_mig_fleet_stranded(const struct gt_mig_fleet *fleet);
/* Those of one GPU. O(1). */
double gt_mig_fleet_stranded_gpu(const struct gt_mig_fleet *fleet, int gpu);
/* "GPU:PROFILE@START,..." such as "0:3g.40gb@4,1:7g.80gb@0": add each. GT_EPARSE or
 * GT_EINVAL with the entry; the fleet keeps the entries before it. */
enum gt_err gt_mig_fleet_parse(struct gt_mig_fleet *fleet, const char *text,
			       struct gt_error *err);

/* Which of the instances that the admin made are given away. */
enum gt_instance_policy {
	GT_INSTANCES_PACK,   /* default: begin the fewest idle GPUs, then fill the fullest
			      */
	GT_INSTANCES_SPREAD, /* the emptiest GPU first */
};

/* Masks count instances as gt_node_instance does. */
struct gt_instance_request {
	struct gt_mask free;	       /* to choose from */
	struct gt_mask busy;	       /* held by jobs */
	const struct gt_quota *quotas; /* disjoint groups, such as a type, and how many */
	int quota_count;	       /* of each */
	enum gt_instance_policy policy;
};

/* The instances to give. GPUs out of service come last. Exact for one quota and policy
 * SPREAD, and in the number of idle GPUs begun (among the 8 lowest idle ones); the rest
 * is decided one by one. Ties: the lowest instance. false: a quota cannot be met; *pick
 * is empty then. Allocates nothing. */
bool gt_instance_pick(const struct gt_node *node,
		      const struct gt_instance_request *request, struct gt_mask *pick);
/* Compare a and b for the request. < 0: a, > 0: b, 0: alike. */
int gt_instance_compare(const struct gt_node *node,
			const struct gt_instance_request *request,
			const struct gt_mask *a, const struct gt_mask *b);
/* 0 to 1: what the pick takes from the policy's aim, to compare nodes of a kind. */
double gt_instance_damage(const struct gt_node *node,
			  const struct gt_instance_request *request,
			  const struct gt_mask *pick);
/* Whether a Slurm type (a100_1g.10gb, or 1g.10gb) is that of instance i. Names that drift
 * with the driver are the same. */
bool gt_instance_is_type(const struct gt_node *node, int i, const char *type);

/* How many instances of each profile are wanted. */
struct gt_mig_demand {
	int count[GT_MIG_PROFILES];
};

/* "7x1g.10gb,3x3g.40gb"; the count may be left out; a profile may come again. At most
 * GT_MIG_DEMAND_MAX instances. */
enum gt_err gt_mig_demand_parse(struct gt_mig_demand *demand,
				const struct gt_mig_gpu *gpu, const char *text,
				struct gt_error *err);

/* A layout for a demand: instances[0] to [count - 1], sorted by GPU, then by start. */
struct gt_mig_plan {
	int gpus;      /* GPUs that hold an instance */
	bool exact;    /* no plan has fewer GPUs (and recreates fewer instances) */
	int kept;      /* instances that stay as they are */
	int recreated; /* wanted instances that exist now, but have to move */
	int created;   /* wanted instances that do not exist now */
	int count;
	struct gt_mig_instance *instances;
};

/* The fewest GPUs for a demand; among those plans, if now is not NULL, one that recreates
 * the fewest of the instances that exist now (instances beyond the demand go). Without
 * now the GPUs are 0 to plan->gpus - 1; with it any number of empty GPUs may be added
 * behind the fleet's own. Release the plan with gt_mig_plan_release. */
enum gt_err gt_mig_plan_make(struct gt_mig_plan *plan, const struct gt_mig_space *space,
			     const struct gt_mig_demand *demand,
			     const struct gt_mig_fleet *now, struct gt_error *err);
void gt_mig_plan_release(struct gt_mig_plan *plan);

/* What an instance was seen to need. */
struct gt_mig_usage {
	int profile; /* what it has */
	int mem_mib; /* its peak */
	double busy; /* 0 to 1: share of its multiprocessors kept busy */
};

/* The smallest profile with the same suffix that would have held a load: its memory at
 * least mem_mib x headroom, its compute slices at least the busy part of those it has.
 * Fewest units, then fewest compute slices, then the lowest id. Returns its position;
 * the profile itself where no smaller one fits. headroom >= 1. */
int gt_mig_advise(const struct gt_mig_gpu *gpu, const struct gt_mig_usage *usage,
		  double headroom);

#endif
