# SPDX-License-Identifier: GPL-2.0-or-later
# gres.conf as slurmd reads it: each folder of tests/data/gres has a gres.conf, the slurm.conf
# beside it and what `slurmd -G -N n1` of two releases printed for them.

load cli.bash

setup() {
	needs_jq
	unset SLURM_CONF
	cd "$BATS_TEST_TMPDIR"
}

# model FILE: what counts, of the node n1.
model() {
	"$GPUTOPO" show -t "$1" --format gres --node n1 --json |
		jq -c '[.gpus[] | [.model, .minor, .cpus, [.instances[]?.profile]]], .links'
}

# counted FILE: GPUs and instances that slurmd counts.
counted() {
	grep -i 'Name=gpu ' "$1" | sed 's/.* Count=\([0-9]*\) .*/\1/' | paste -sd+ | bc
}

positions() {
	"$GPUTOPO" show -t "$1" --format gres --node n1 --json |
		jq '[.gpus[] | [1, (.instances // [] | length)] | max] | add'
}

@test "number, types, cores and links are slurmd's, of both releases" {
	local dir release compared=0
	for dir in "$SRC"/tests/data/gres/*/; do
		case $dir in
		*25-count-only/ | *29-count-differs/) continue ;;
		esac
		for release in 22.05.8 24.11.5; do
			same "$(model "$dir/gres.conf")" "$(model "$dir/slurmd-G.$release")" \
				"${dir##*gres/} against $release"
			same "$(positions "$dir/gres.conf")" "$(counted "$dir/slurmd-G.$release")" \
				"${dir##*gres/}: count of $release"
			((++compared))
		done
	done
	same "$compared" 64 "files compared"
}

@test "what slurmd refuses or ignores is refused, or a word of check" {
	local dir=$SRC/tests/data/gres
	grep -q 'fatal: Invalid GRES record' "$dir/29-count-differs/slurmd-G.22.05.8"
	fails 1 "gres.conf:1: Count=1, but File= names 2 devices" \
		show -t "$dir/29-count-differs/gres.conf" --format gres --node n1
	grep -q 'file-less GPU' "$dir/25-count-only/slurmd-G.24.11.5"
	touch gputopo.conf
	fails 1 "gres.conf:1: no File=: slurmd ignores GPUs without a device file" \
		check ./gputopo.conf --gres "$dir/25-count-only/gres.conf"
	grep -q 'Ignoring invalid Links=null' "$dir/24-links-invalid/slurmd-G.24.11.5"
	fails 1 "gres.conf:2: Links=null is invalid" \
		check ./gputopo.conf --gres "$dir/24-links-invalid/gres.conf"
}

@test "check finds no problem in what slurmd takes" {
	local dir
	for dir in "$SRC"/tests/data/gres/*/; do
		case $dir in
		*24-* | *25-* | *29-*) continue ;;
		esac
		cp "$dir"/*.conf .
		touch gputopo.conf
		gputopo check ./gputopo.conf
		same "$stderr" "" "$dir"
		rm -f ./*.conf
	done
}

@test "gres writes lines that say the same, or says what is missing" {
	local dir written=0
	for dir in "$SRC"/tests/data/gres/*/; do
		cp "$dir"/*.conf .
		gputopo gres -t gres.conf --format gres --node n1
		if ((status)); then
			same "$output" "" "lines of $dir"
			has "$stderr" "gputopo: "
		elif ! grep -q '^#' <<<"$output"; then
			cp gres.conf had.conf
			echo "$output" >new.conf
			same "$(model new.conf)" "$(model had.conf)" "$dir"
			((++written))
		fi
		rm -f ./*.conf
	done
	((written >= 8))
}

# lgi: two GPUs cut into instances, as the admin guide of MIG shows such tables.
lgi() {
	cat <<-'END'
		+-------------------------------------------------------+
		| GPU instances:                                        |
		| GPU   Name             Profile  Instance   Placement  |
		|                          ID       ID       Start:Size |
		|=======================================================|
		|   0  MIG 1g.10gb         19        9          2:1     |
		+-------------------------------------------------------+
		|   0  MIG 1g.10gb+me      20       13          6:1     |
		+-------------------------------------------------------+
		|   0  MIG 2g.20gb         14        3          0:2     |
		+-------------------------------------------------------+
		|   1  MIG 3g.40gb          9        1          4:4     |
		+-------------------------------------------------------+
		|   1  MIG 3g.40gb          9        2          0:4     |
		+-------------------------------------------------------+
	END
}

@test "lines of MIG devices: capability files, types and cores as AutoDetect's" {
	lgi >lgi
	gputopo gres -t builtin:hgx-a100-4 --type a100 --threads 2 --instances lgi
	same "${lines[0]}" "Name=gpu Type=a100_1g.10gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap84,/dev/nvidia-caps/nvidia-cap85" "gi9 of GPU 0"
	same "${lines[1]}" "Name=gpu Type=a100_1g.10gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap120,/dev/nvidia-caps/nvidia-cap121" "+me is no part of a type"
	same "${lines[4]}" "Name=gpu Type=a100_3g.40gb MultipleFiles=/dev/nvidia1,/dev/nvidia-caps/nvidia-cap156,/dev/nvidia-caps/nvidia-cap157" "gi2 of GPU 1"
	same "${lines[5]}" "Name=gpu Type=a100 File=/dev/nvidia2 Links=4,4,-1,4" "a whole GPU"
	same "${#lines[@]}" 7 "lines"
	# AutoDetect's name ends at the first hyphen
	gputopo gres -t builtin:hgx-a100-4 --instances - <lgi
	has "${lines[0]}" "Type=nvidia_a100_1g.10gb"
	"$GPUTOPO" show -t builtin:hgx-h200 --json >h200.json
	printf '| 0  MIG 1g.18gb  19  7  0:1 |\n' >one
	gputopo gres -t h200.json --instances one
	has "$output" "Type=nvidia_h200_1g.18gb"
}

@test "compute instances are devices of their own, and mig-minors gives their files" {
	cat >lci <<-'END'
		+--------------------------------------------------------------------+
		| Compute instances:                                                 |
		| GPU     GPU       Name             Profile   Instance   Placement  |
		|       Instance                       ID        ID       Start:Size |
		|         ID                                                         |
		|====================================================================|
		|   0      1       MIG 1c.3g.40gb       0         0          0:1     |
		+--------------------------------------------------------------------+
		|   0      1       MIG 1c.3g.40gb       0         2          2:1     |
		+--------------------------------------------------------------------+
	END
	printf 'config 1\nmonitor 2\ngpu0/gi1/access 912\ngpu0/gi1/ci0/access 913\ngpu0/gi1/ci2/access 915\n' >minors
	lgi | grep ' 0  MIG 1g' | cat - lci >both
	gputopo gres -t builtin:hgx-a100-4 --type a100 --instances both --mig-minors minors
	same "$status" 0 "status"
	same "$(grep -c MultipleFiles <<<"$output")" 2 "an instance without a compute instance is no device"
	has "${lines[0]}" "Type=a100_3g.40gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap912,/dev/nvidia-caps/nvidia-cap913"
	has "${lines[1]}" "/dev/nvidia-caps/nvidia-cap915"
	lgi >lgi
	fails 1 "minors: no line gpu0/gi9/access" gres -t builtin:hgx-a100-4 --instances lgi --mig-minors minors
	fails 2 "--mig-minors goes with --instances" gres -t builtin:hgx-a100-4 --mig-minors minors
	echo 'No MIG-enabled devices found.' >none
	fails 1 "none: no row of nvidia-smi mig -lgi or -lci" gres -t builtin:hgx-a100-4 --instances none
	echo '| 7  MIG 1g.10gb  19  9  2:1 |' >far
	fails 1 "the instances name GPU 7, but the topology has 4 GPUs" gres -t builtin:hgx-a100-4 --instances far
}
