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
	same "$compared" 60 "files compared"
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

@test "check says nothing of what slurmd takes" {
	local dir
	for dir in "$SRC"/tests/data/gres/*/; do
		case $dir in
		*24-* | *25-* | *29-*) continue ;;
		esac
		cp "$dir"/*.conf .
		touch gputopo.conf
		gputopo check ./gputopo.conf
		same "$stderr$output" "" "$dir"
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
