# SPDX-License-Identifier: GPL-2.0-or-later
# The demo and the finding about stock Slurm print what README and docs/design/stock-slurm.md show.

bats_require_minimum_version 1.5.0
load ../lib/bats.bash

@test "console blocks that need a cluster print just what is written" {
	local missing
	missing=$(cluster_missing)
	[ -z "$missing" ] || skip "$missing"
	[ -z "$GPUTOPO_SLURM_ROOT" ] || skip "they name their releases themselves"
	command -v perl >/dev/null || skip "perl is not installed"
	[ "$(cluster_release)" = 22.05.8 ] || skip "the host's Slurm is not 22.05.8"
	run --separate-stderr perl "$TESTS_DIR/cli/docs.pl" cluster
	echo "$output"
	[ -z "$output" ]
	# what could not be tried here
	[[ $stderr != *", 0 skipped"* ]] || return 0
	echo "# ${stderr#*, }" >&3
}
