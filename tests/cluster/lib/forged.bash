# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What a user who isn't root can send through libslurm: the submissions that forged.bats and
# passes.bats share. Source it after bats.bash.

# From 25.11 on Slurm has the name nobody for itself.
USER_OF_ATTACK=games
FORGED=240

# After cluster_file_start.
forged_prepare() {
	cp "$PROGRAMS/forge" "$CLUSTER/forge"
	mkdir "$CLUSTER/without"
	chmod 777 "$CLUSTER/without"
	touch "$CLUSTER/refusals"
}

# forge OPTION...: submit as the user; prints the job's id, nothing where it is refused.
forge() {
	cluster_run setpriv --reuid $USER_OF_ATTACK --regid nogroup --clear-groups \
		"$CLUSTER/forge" "$@" 2>>"$CLUSTER/refusals" || [ $? = 3 ]
}

# A job that says it if it has no instance: for those that were promised one.
HAS_ONE='case $CUDA_VISIBLE_DEVICES in MIG-*) ;; *) : >'

# attack NUMBER NODE OTHER [OPTION...]: one submission; FORGED of them have every name and
# every prefix that Slurm or a user may put before it, alone, as pairs of a wish and a place,
# twice, in several sizes, in plain jobs, arrays and het jobs. LARGE: the most bytes of one.
attack() {
	local prefixes=("" SPANK_ SPANK_SPANK_ SLURM_SPANK_ SPANK_SLURM_SPANK_ SLURM_ _ spank_)
	local wish=_SLURM_SPANK_OPTION_gputopo_mig place=GPUTOPO_MIG_PLACE
	local names=("$place" "$wish" GPUTOPO_HAD GPUTOPO_TOPO GPUTOPO_MIN_BUSBW
		_SLURM_SPANK_OPTION_gputopo_gpu_topo GPUTOPO_MIG_PLACE_2 gputopo_mig_place)
	local places=("$2:0:0:8" "$2:0:0:4" "$2:0:4:4" "$2:1:0:8" "$2:0:4:2,$3:0:0:8"
		"$2:0:0:4,$2:0:0:8" "$2:0:0:4,$2:1:0:4" "$3:0:0:8")
	local profiles=(7g.80gb 3g.40gb 4g.40gb 7g.80gb 2g.20gb 3g.40gb 3g.40gb 7g.80gb)
	local sizes=(0 40 4000 70000 "${LARGE:-200000}" "${LARGE:-20000000}")
	local n=$1 one=$2 two=$3 p q k node=${*:2+$1%2:1}
	shift 3
	p=${prefixes[n % 8]}
	q=${prefixes[n / 8 % 8]}
	k=$((n % 7))
	if [ "$n" -lt 64 ]; then	# a place and a wish
		forge "$@" -w "$one" -r -s "sleep 0.1" "$p$place=${places[k]}" "$q$wish=${profiles[k]}"
	elif [ "$n" -lt 128 ]; then	# each name, of each size
		forge "$@" -w "$node" -s "exit 0" -p "${sizes[n % 6]}" "$p${names[n / 8 % 8]}=%1"
	elif [ "$n" -lt 148 ]; then	# a name twice, with values that differ
		forge "$@" -w "$one" -r -s "exit 0" "${names[n % 5]}=$one:0:0:8" \
			"$p${names[n % 5]}=7g.80gb" "SPANK_$place=$one:0:0:8" \
			"SPANK_$wish=7g.80gb" "$wish=1g.10gb" "$wish=7g.80gb"
	elif [ "$n" -lt 160 ]; then	# shards that were asked for, and another place
		forge "$@" -w "$one" -t "shard:$((n % 4 + 1))" -s "exit 0" "$p$place=${places[k]}" \
			"SPANK_$wish=${profiles[k]}"
	elif [ "$n" -lt 170 ]; then	# a true wish among false ones: with an instance or not at all
		forge "$@" -w "$two" -t "shard:1" -s "$HAS_ONE$CLUSTER/without/$n ;; esac" \
			"$p$place=$two:0:0:8" "$wish=1g.10gb" "SPANK_$wish=7g.80gb"
	elif [ "$n" -lt 180 ]; then	# many entries
		forge "$@" -w "$node" -s "exit 0" -n $(((n - 169) * 500)) "$p$place=$one:0:0:8"
	elif [ "$n" -lt 190 ]; then	# many entries before a true wish
		forge "$@" -w "$two" -t "shard:1" -s "$HAS_ONE$CLUSTER/without/$n ;; esac" \
			-n $(((n - 179) * 600)) "$wish=1g.10gb"
	elif [ "$n" -lt 196 ]; then	# others' names: prologs have to start all the same
		forge "$@" -w "$node" -s "exit 0" -p "${sizes[n - 190]}" X=% Y=% Z=%
	elif [ "$n" -lt 200 ]; then	# and the job's own environment and comment
		forge "$@" -w "$one" -s "exit 0" -e "$place=$one:0:0:8" -e "SPANK_$place=$one:0:0:8" \
			-e "SLURM_SPANK_$wish=7g.80gb" -e "$wish=7g.80gb" -c "$place=$one:0:0:8" "$p$wish="
	elif [ "$n" -lt 212 ]; then	# a wish for links, and what an earlier run is said to have had
		forge "$@" -t gpu:2 -s "exit 0" -b , -p "${sizes[n % 6]}" "${p}GPUTOPO_TOPO=ring" \
			GPUTOPO_TOPO=ring "GPUTOPO_HAD=1/2,%d0:3" "${q}GPUTOPO_HAD=1/2,%d0:3"
	elif [ "$n" -lt 226 ]; then	# arrays
		forge "$@" -w "$one" -a 0-3 -r -t "shard:$((n % 2 + 1))" -s "sleep 0.1" \
			-p "${sizes[n % 6]}" "$p$place=${places[k]}" "SPANK_$wish=${profiles[k]}" \
			"${q}GPUTOPO_HAD=%1"
	else				# het jobs of two
		forge "$@" -w "$two" -H 2 -r -s "sleep 0.1" -p "${sizes[n % 6]}" \
			"$p$place=${places[k]}" "SPANK_$wish=${profiles[k]}" "${q}GPUTOPO_HAD=%1"
	fi
}
