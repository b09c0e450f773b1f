# SPDX-License-Identifier: GPL-2.0-or-later
# On the node: --gpu-order, GPUTOPO_* variables and PMIx keys of real steps.

load ../lib/bats.bash
load ../lib/ranks.bash

setup_file() {
	ranks_file_start n0=dgx1v n1=dgx1v t0=typed p0=pcie \
		--partition "PartitionName=p Nodes=n0,n1 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=all Nodes=ALL MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

@test "1 to 8 GPUs: ring is the rank order of the set, index is Slurm's" {
	local k mpi list
	for mpi in $(mpi_types); do
		for k in 1 2 3 4 5 6 7 8; do
			list=$(ranks_show "%C %G %O" --mpi="$mpi" -w n0 -n1 --gpus="$k")
			if [ "$k" = 1 ]; then
				assert_equal "$list" "${list%% *} - -"
				continue
			fi
			assert_equal "$list" "${list%% *} ${list%% *} index"
			assert_equal "$(ranks_show %C --mpi="$mpi" -w n0 -n1 --gpus="$k" \
				--gpu-order=ring)" "$(order_of n0 "${list%% *}")"
		done
	done
}

@test "every task of a step sees the same order; each is told its own GPU" {
	make_free n0 0,3-4,7
	assert_equal "$(ranks_show "%R %C %U" -w n0 -n4 --gpus=4 --gpu-order=ring)" "0 3,0,4,7 3
1 3,0,4,7 0
2 3,0,4,7 4
3 3,0,4,7 7"
}

@test "the variables say what gputopo says of the set" {
	local list got
	command -v jq >/dev/null || skip "jq is not installed"
	make_free n0 1,3-4,6-7
	list=1,3,4,6,7
	got=$(ranks_show "%G|%N|%B|%I|%W" -w n0 -n1 --gpus=5)
	assert_equal "$got" "$list|$(order_of n0 $list)|$(busbw_of n0 $list)|$(ideal_of n0 5)|$(
		matrix_of n0 $list)"
}

@test "two nodes: each has its own order" {
	local mpi
	make_free n0 0-3
	make_free n1 1-2,5-6
	for mpi in $(mpi_types); do
		assert_equal "$(ranks_show "%R %H %C %U" --mpi="$mpi" -N2 -n8 --ntasks-per-node=4 \
			--gpus-per-node=4 --gpu-order=ring)" "0 n0 0,3,2,1 0
1 n0 0,3,2,1 3
2 n0 0,3,2,1 2
3 n0 0,3,2,1 1
4 n1 $(order_of n1 1,2,5,6) $(order_of n1 1,2,5,6 | cut -d, -f1)
5 n1 $(order_of n1 1,2,5,6) $(order_of n1 1,2,5,6 | cut -d, -f2)
6 n1 $(order_of n1 1,2,5,6) $(order_of n1 1,2,5,6 | cut -d, -f3)
7 n1 $(order_of n1 1,2,5,6) $(order_of n1 1,2,5,6 | cut -d, -f4)"
	done
}

@test "two nodes with one GPU each: told, though there is nothing to order" {
	assert_equal "$(ranks_show "%R %G %U %O %B" -N2 -n2 --gpus-per-node=1 --gpu-order=ring |
		sed 's/ [0-7] [0-7] / G G /')" "0 G G ring -
1 G G ring -"
}

@test "nodes of different kinds: where no topology is known Slurm's order stays" {
	assert_equal "$(ranks_show "%H %C %O" -p all -w n0,p0 -N2 -n2 --gpus-per-node=4 \
		--gpu-order=ring)" "n0 0,3,2,1 ring
p0 0,1,2,3 -"
}

@test "types that permute Slurm's numbers: the order is the devices', not the bits'" {
	# aa are the devices 0,2,4,6, Slurm calls them 0-3; 0-4 and 2-6 are two pairs by links
	# 2 and 1: the worst pair cannot be better than that of 0-4, 2-6
	local list map=(0 2 4 6 1 3 5 7) i real=()
	list=$(ranks_show %C -p all -w t0 -n1 --gpus=aa:4 --gpu-order=ring)
	for i in ${list//,/ }; do real+=("${map[i]}"); done
	assert_equal "$(IFS=,; echo "${real[*]}")" "$(order_of n0 0,2,4,6)"
	list=$(ranks_show %C -p all -w t0 -n1 --gpus=aa:2,bb:2 --gpu-order=ring)
	assert_equal "$(tr , '\n' <<<"$list" | sort -n | wc -l)" 4
}

@test "het jobs: an option holds for all components, each has its own order" {
	local lines
	lines=$(cluster_run timeout 60 srun -w n0 -n1 --gpus=4 --gpu-order=ring \
		bash -c "$(ranks_line "%R %C %O")" : \
		-w n1 -n1 --gpus=2 bash -c "$(ranks_line "%R %C %O")" | sort)
	assert_equal "$lines" "0 0,3,2,1 ring
1 0,3 ring"
}

@test "--gpu-bind: who gets what" {
	make_free n0 0-3
	local bind want
	while IFS='|' read -r bind want; do
		assert_equal "$bind: $(ranks_show "%C/%U/%O" -w n0 -n4 --gpus=4 \
			--gpu-order=ring $bind </dev/null | grep -v ^gpu-bind | paste -sd' ')" \
			"$bind: $want"
	done <<-'END'
	--gpu-bind=single:1|0/0/ring 3/3/ring 2/2/ring 1/1/ring
	--gpu-bind=per_task:1|0/0/ring 3/3/ring 2/2/ring 1/1/ring
	--gpu-bind=verbose,per_task:1|0/0/ring 3/3/ring 2/2/ring 1/1/ring
	--gpu-bind=map_gpu:3,2,1,0|3/3/index 2/2/index 1/1/index 0/0/index
	--gpu-bind=mask_gpu:0x3,0xc,0x3,0xc|0,1/0,1/index 2,3/2,3/index 0,1/0,1/index 2,3/2,3/index
	END
	# 22.05 takes "none" for no list of devices at all
	want="0,3,2,1/0/ring 0,3,2,1/3/ring 0,3,2,1/2/ring 0,3,2,1/1/ring"
	[[ $(cluster_release "$GPUTOPO_SLURM_ROOT") != 22.* ]] ||
		want="-/-/index -/-/index -/-/index -/-/index"
	assert_equal "$(ranks_show "%C/%U/%O" -w n0 -n4 --gpus=4 --gpu-order=ring \
		--gpu-bind=none | paste -sd' ')" "$want"
	assert_equal "$(ranks_show "%C/%U/%O" -w n0 -n2 --gpus-per-task=2 --gpu-order=ring |
		paste -sd' ')" "0,3/0,3/ring 2,1/2,1/ring"
	assert_equal "$(ranks_show "%C/%U/%O" -w n0 -n8 --gpus=4 --ntasks-per-gpu=2 \
		--gpu-order=ring | paste -sd' ')" \
		"0/0/ring 0/0/ring 3/3/ring 3/3/ring 2/2/ring 2/2/ring 1/1/ring 1/1/ring"
}

@test "--gpu-bind=closest and shares that leave GPUs over stay Slurm's" {
	local bind
	for bind in --gpu-bind=closest "--gpu-bind=single:1 -n3" "--gpu-bind=per_task:1 -n2"; do
		assert_equal "$(ranks_show %C -w n0 -n4 --gpus=4 $bind --gpu-order=ring)" \
			"$(ranks_show %C -w n0 -n4 --gpus=4 $bind)"
	done
}

@test "somebody else's device list is left alone" {
	# HIP's list is never Slurm's: the user has set it
	assert_equal "$(HIP_VISIBLE_DEVICES=1 ranks_show "%C %O" --export=ALL,HIP_VISIBLE_DEVICES=1 \
		-w n0 -n1 --gpus=4 --gpu-order=ring)" "0,1,2,3 index"
}

@test "steps inside a job: each has its own, nothing is left of the batch script's" {
	local out
	out=$(batch -w n0 --gpus=8 --gpu-order=ring <<-END
		$(ranks_line "batch %C %O")
		srun -Q -n1 --gpus=8 bash -c '$(ranks_line "eight %C %O")'
		srun -Q -n1 --gpus=4 bash -c '$(ranks_line "four %C %O %B")'
		srun -Q -n1 --gpus=1 bash -c '$(ranks_line "one %C %O %B %G %N")'
		srun -Q -n1 --gres=none bash -c '$(ranks_line "none %C %O %B %G %N")'
		srun -Q -n1 --gpus=8 --gpu-order=index bash -c '$(ranks_line "index %C %O")'
		END
	)
	local eight
	eight=$(order_of n0 0,1,2,3,4,5,6,7)
	assert_equal "$(grep -v '^four' <<<"$out")" "batch $eight ring
eight $eight ring
one 0 - - - -
none - - - - -
index 0,1,2,3,4,5,6,7 index"
	set -- $(grep '^four' <<<"$out")
	assert_equal "$2 $3" "$(order_of n0 "$(tr , '\n' <<<"$2" | sort -n | paste -sd,)") ring"
}

@test "the option twice, by environment, by #SBATCH, in salloc" {
	local ring=0,3,2,1 index=0,1,2,3 option=SLURM_SPANK__SLURM_SPANK_OPTION_gputopo_gpu_order
	# the last one counts
	assert_equal "$(ranks_show %C -w n0 -n1 --gpus=4 --gpu-order=index --gpu-order=ring)" $ring
	assert_equal "$(ranks_show %C -w n0 -n1 --gpus=4 --gpu-order=ring --gpu-order=index)" $index
	assert_equal "$(ranks_show %C -w n0 -n1 --gpus=4 --gpu-order=ring --gpu-order=ring)" $ring
	assert_equal "$(ranks_show %C -w n0 -n1 --gpus=4 --gpu-order=RING)" $ring
	# the environment, and the command line over it
	assert_equal "$(RANKS_ENV=$option=ring ranks_show %C -w n0 -n1 --gpus=4)" $ring
	assert_equal "$(RANKS_ENV=$option=ring ranks_show %C -w n0 -n1 --gpus=4 \
		--gpu-order=index)" $index
	# the script, and the command line over it
	local text
	text="#SBATCH --gpu-order=ring
		/usr/bin/srun -Q -n1 /bin/bash -c '$(ranks_line %C)'"
	assert_equal "$(batch -w n0 --gpus=4 <<<"$text")" $ring
	assert_equal "$(batch -w n0 --gpus=4 --gpu-order=index <<<"$text")" $index
	assert_equal "$(batch -w n0 --gpus=4 --export=NONE <<<"$text")" $ring
	# the environment over the script, as for Slurm's own options
	assert_equal "$(RANKS_ENV=$option=index batch -w n0 --gpus=4 <<<"$text")" $index
	# salloc's shell
	assert_equal "$(cluster_run timeout 60 salloc -Q -w n0 --gpus=4 --gpu-order=ring \
		srun -n1 bash -c "$(ranks_line %C)")" $ring
	assert_equal "$(cluster_run timeout 60 salloc -Q -w n0 --gpus=4 --gpu-order=ring \
		srun -Q -n1 --gpu-order=index bash -c "$(ranks_line %C)")" $index
	# what means nothing is refused, before anything starts
	run ranks_show %C -w n0 -n1 --gpus=4 --gpu-order=best
	[ "$status" -ne 0 ]
	[[ $output == *"'best' is not index or ring"* ]]
}

@test "the same rules for an option that is slurmctld's: --gpu-min-busbw" {
	local option=SLURM_SPANK__SLURM_SPANK_OPTION_gputopo_gpu_min_busbw given want id
	# one link: 20 GB/s start, 40 wait
	make_free n0 0,1
	local script40
	script40=$(script "#SBATCH --gpu-min-busbw=40
sleep 300")
	while IFS='|' read -r given want; do
		# shellcheck disable=SC2086
		id=$(cluster_run env ${given%% :*} sbatch --parsable -t 60 -o /dev/null -w n0 \
			--gpus=2 ${given#*: } </dev/null)
		if [ "$want" = waits ]; then
			sleep 1.5
			assert_equal "$given $(cluster_job_state "$id")" "$given PENDING"
		else
			cluster_wait_job "$id" RUNNING
		fi
		cluster_run scancel "$id"
		cluster_wait_job "$id" CANCELLED
		make_free n0 0,1
	done <<-END
	A=1 : --gpu-min-busbw=20 --gpu-min-busbw=40 $script40|waits
	A=1 : --gpu-min-busbw=40 --gpu-min-busbw=20 $script40|starts
	A=1 : --gpu-min-busbw=40 --gpu-min-busbw=40 $script40|waits
	A=1 : $script40|waits
	A=1 : --gpu-min-busbw=20 $script40|starts
	$option=20 : $script40|starts
	$option=20 : --gpu-min-busbw=40 $script40|waits
	END
}

@test "PMIx: keys are the variables, own ones too, however tasks are bound" {
	needs_pmix
	local bind
	for bind in "-n4 --gpus=4" "-n4 --gpus=4 --gpu-order=ring" \
		"-n2 --gpus-per-task=2 --gpu-order=ring" "-n4 --gpus=4 --gpu-bind=map_gpu:3,1,2,0" \
		"-n1 --gpus=3" "-n4 --gpus=2 --ntasks-per-gpu=2" "-n2 --gpus=4" \
		"-N2 -n4 --gpus-per-node=2 --gpu-order=ring"; do
		# shellcheck disable=SC2086
		same_keys $bind
	done
}

@test "PMIx: a client that fences, one node and two" {
	needs_pmix
	assert_equal "$(cluster_run timeout 60 srun --mpi=pmix -w n0 -n4 --gpus=4 \
		--gpu-order=ring "$CLUSTER/pmix_client" | sort)" \
		"0 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 0 all 0,3,2,1
1 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 3 all 0,3,2,1
2 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 2 all 0,3,2,1
3 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 1 all 0,3,2,1"
	assert_equal "$(cluster_run timeout 60 srun --mpi=pmix -N2 -n4 --gpus-per-node=2 \
		--ntasks-per-node=2 --gpu-bind=single:1 "$CLUSTER/pmix_client" | sort)" \
		"0 of 4: gpus 0,3 ring 0,3 busbw 40 own 0 all 0,3,0,3
1 of 4: gpus 0,3 ring 0,3 busbw 40 own 3 all 0,3,0,3
2 of 4: gpus 0,3 ring 0,3 busbw 40 own 0 all 0,3,0,3
3 of 4: gpus 0,3 ring 0,3 busbw 40 own 3 all 0,3,0,3"
}

@test "PMIx: keys in any order, and none for a key that is not there" {
	needs_pmix
	assert_equal "$(cluster_run timeout 60 srun -Q --mpi=pmix -w n0 -n1 --gpus=4 \
		"$CLUSTER/gputopo-pmix" get gputopo.busbw gputopo.ring gputopo.gpus)" \
		"gputopo.busbw=80
gputopo.ring=0,3,2,1
gputopo.gpus=0,1,2,3"
	run cluster_run timeout 60 srun -Q --mpi=pmix -w n0 -n1 --gpus=4 \
		"$CLUSTER/gputopo-pmix" get somebody.elses gputopo.busbw
	[ "$status" = 3 ]
	[[ $output == *"no key somebody.elses"* ]]
	[[ $output == *"gputopo.busbw=80"* ]]
}

@test "PMIx: the keys of gputopo-pmix run are the same" {
	needs_pmix
	local slurm ours
	slurm=$(cluster_run timeout 60 srun --mpi=pmix -w n0 -n4 --gpus=4 --gpu-order=ring \
		"$CLUSTER/gputopo-pmix" get | sort)
	ours=$("$GPUTOPO_BUILDDIR/gputopo-pmix" run -t "$CLUSTER/etc/gres.conf" --node n0 -n 4 \
		--order ring "$GPUTOPO_BUILDDIR/gputopo-pmix" get | sort)
	assert_equal "$ours" "$slurm"
}

@test "no PMIx, no keys: nothing is loaded, nothing is said" {
	run ranks_show "%C" --mpi=none -w n0 -n1 --gpus=4 --gpu-order=ring
	assert_equal "$output" 0,3,2,1
	run ranks_show "%C" --mpi=pmi2 -w n0 -n1 --gpus=4 --gpu-order=ring
	assert_equal "$output" 0,3,2,1
}

@test "the node's own gputopo.conf comes first; a difference from slurmctld's is logged" {
	local before
	before=$(grep -c "is not slurmctld's" "$CLUSTER/log/slurmd-n1" || true)
	# slurmctld has read no gputopo.conf yet: it sends the model of Links=
	echo "NodeName=n1 Topology=builtin:dgx1p" >"$CLUSTER/etc/gputopo.conf"
	assert_equal "$(ranks_show %N -w n1 -n1 --gpus=8)" "$("$GPUTOPO_BUILDDIR/gputopo" order \
		-t builtin:dgx1p --gpus 0-7 | head -n 1)"
	assert_equal "$(ranks_show %N -w n0 -n1 --gpus=8)" "$(order_of n0 0,1,2,3,4,5,6,7)"
	rm "$CLUSTER/etc/gputopo.conf"
	[ "$(grep -c "is not slurmctld's" "$CLUSTER/log/slurmd-n1")" -gt "$before" ]
	! grep "is not slurmctld's" "$CLUSTER/log/slurmd-n0"
}

@test "a node without files, as configless ones are: what slurmctld sent reaches every step" {
	# the nodes look for their files in an empty folder; only slurmctld has the topology
	local hash how plug
	plug=$(cat "$CLUSTER/etc/plugstack.conf")
	echo "$plug conf=$CLUSTER/jobs" >"$CLUSTER/etc/plugstack.conf"
	echo "NodeName=p0 Topology=builtin:a6000-pairs" >"$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	cluster_wait_nodes
	for how in srun salloc sbatch; do
		case $how in
		srun) got=$(ranks_show %N -p all -w p0 -n1 --gpus=4) ;;
		salloc) got=$(cluster_run timeout 60 salloc -Q -p all -w p0 --gpus=4 \
			srun -n1 bash -c "$(ranks_line %N)") ;;
		sbatch) got=$(batch -p all -w p0 --gpus=4 <<<"srun -n1 bash -c '$(ranks_line %N)'") ;;
		esac
		assert_equal "$how $got" "$how $("$GPUTOPO_BUILDDIR/gputopo" order \
			-t builtin:a6000-pairs --gpus "$(tr , '\n' <<<"$got" | sort -n |
			paste -sd,)" | head -n 1)"
	done
	# nobody has a topology: nothing is said
	rm "$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	cluster_wait_nodes
	assert_equal "$(ranks_show "%C %O %N" -p all -w p0 -n1 --gpus=4 --gpu-order=ring)" \
		"0,1,2,3 - -"
	echo "$plug" >"$CLUSTER/etc/plugstack.conf"
}

@test "Mode=off and Mode=observe change nothing on the node" {
	local mode
	for mode in off observe; do
		echo "Mode=$mode" >"$CLUSTER/etc/gputopo.conf"
		assert_equal "$(ranks_show "%C %O %G" -w n0 -n1 --gpus=4 --gpu-order=ring)" \
			"0,1,2,3 - -"
	done
	rm "$CLUSTER/etc/gputopo.conf"
}

@test "a forged model is no harm: it orders the user's own GPUs or nothing" {
	local models
	for models in "n0=1=1/8/x" "n0=zz" ";;;=" "$(printf 'n0=1=%04000d' 0)" \
		"n0=cbf29ce484222325=" "$(printf 'n[0-99999]x%.0s' {1..200})=1=a"; do
		assert_equal "$(ranks_show "%C" --export=ALL,GPUTOPO_MODELS="$models" -w n0 -n1 \
			--gpus=4 --gpu-order=ring | tr , '\n' | sort -n | paste -sd,)" 0,1,2,3
	done
}

@test "a node without the plugin: steps run as before, the option has no effect" {
	# srun has a plugstack.conf of its own, the nodes' is empty
	sed "s|^PlugStackConfig=.*|PlugStackConfig=$CLUSTER/etc/plugstack.srun|" \
		"$CLUSTER/etc/slurm.conf" >"$CLUSTER/etc/slurm-srun.conf"
	mv "$CLUSTER/etc/plugstack.conf" "$CLUSTER/etc/plugstack.srun"
	: >"$CLUSTER/etc/plugstack.conf"
	local mpi
	for mpi in $(mpi_types); do
		run env RANKS_ENV="SLURM_CONF=$CLUSTER/etc/slurm-srun.conf" bash -c \
			"$(declare -f cluster_run ranks_show ranks_line); CLUSTER=$CLUSTER
			ranks_show '%C %O %G' --mpi=$mpi -w n0 -n2 --gpus=4 --gpu-order=ring"
		assert_equal "$status" 0
		# slurmctld itself names the job's GPUs
		assert_equal "$output" "0,1,2,3 - 0,1,2,3
0,1,2,3 - 0,1,2,3"
	done
	mv "$CLUSTER/etc/plugstack.srun" "$CLUSTER/etc/plugstack.conf"
}

@test "no hang and no wrong GPU in random shapes of jobs" {
	"$TESTS_DIR/cluster/proofs/shapes" --here "${GPUTOPO_SHAPES:-20}"
}
