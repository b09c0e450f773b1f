# SPDX-License-Identifier: GPL-2.0-or-later
# The order of the rooms of src/ and plugin/, by their #include lines; what select_cons_tres.so
# is linked from.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	command -v perl >/dev/null || skip "perl is not installed"
}

# finds_nothing CHECK LEAST: includes.pl prints nothing, having looked at least at LEAST things.
finds_nothing() {
	run --separate-stderr perl "$SRC/tests/cli/includes.pl" "$1"
	same "$status" 0 "status: $stderr"
	same "$output" "" "what breaks the order"
	[ "${stderr%% *}" -ge "$2" ]
}

# A copy of the sources, to be broken, as the current folder.
copy() {
	cp -r "$SRC/src" "$SRC/plugin" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
}

# finds "WHAT" CHECK: of the copy, includes.pl prints a line with WHAT.
finds() {
	GPUTOPO_SRCDIR=$PWD run --separate-stderr perl "$SRC/tests/cli/includes.pl" "$2"
	has "$output" "$1"
}

@test "each room includes only the rooms below it, and there is no circle" {
	finds_nothing order 300
}

@test "no folder of plugin/ has more than 15 files" {
	finds_nothing folders 10
}

@test "job_submit_gputopo.so has nothing of ctld but by symbol" {
	run --separate-stderr perl "$SRC/tests/cli/includes.pl" symbols
	same "$status $output" "0 " "what submit links"
}

@test "an arrow upwards, a circle and a full folder are noticed" {
	copy
	echo '#include "plugin/node/mig/mig_node.h"' >>plugin/ctld/controller.c
	finds "plugin/ctld/controller.c includes plugin/node/mig/mig_node.h: plugin/ctld may not" order
	echo '#include "plugin/slurm/compat.h"' >>src/core/mask.c
	finds "src/core/mask.c includes plugin/slurm/compat.h: src/core may not" order
	echo '#include "core/select.h"' >>src/core/mask.c
	touch src/core/select.h
	echo '#include "core/mask.h"' >src/core/select.h
	touch src/core/mask.h
	finds "a circle of includes: src/core/mask src/core/select" order
	touch plugin/submit/{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p}.c
	finds "plugin/submit has" folders
}

@test "the parts of the controller's state are written by their owners only" {
	finds_nothing state 100
	copy
	echo 'void f(struct gp_controller *c) { c->caches.ends++; }' >>plugin/ctld/choose/exchange.c
	finds "plugin/ctld/choose/exchange.c writes to caches: ends" state
	echo 'void f(struct gp_scratch *scratch) { scratch->answers = NULL; }' >>plugin/ctld/submit.c
	finds "plugin/ctld/submit.c writes to scratch: answers" state
}

# The functions and data that these convenience libraries of the build have.
globals() {
	nm -g --defined-only "${@/#/$GPUTOPO_BUILDDIR/.libs/}" | awk 'NF == 3 { print $3 }' |
		LC_ALL=C sort -u
}

@test "select_cons_tres.so has nothing of the nodes, of MIG's tables, of rank order or of the planner" {
	command -v nm >/dev/null || skip "nm is not installed"
	local object=$GPUTOPO_BUILDDIR/plugin/.libs/select_cons_tres.so
	[ -e "$object" ] || skip "the Slurm plugin is not built"
	globals libgpmig.a libgtrank.a libgtmig.a libgtcore.a libgtread.a libgtctldsource.a |
		LC_ALL=C comm -23 - <(globals libgpcommon.a libgtctld.a) >elsewhere
	[ "$(wc -l <elsewhere)" -gt 40 ]
	nm --defined-only "$object" | awk '{ print $3 }' | LC_ALL=C sort -u >here
	[ "$(wc -l <here)" -gt 100 ]
	same "$(LC_ALL=C comm -12 here elsewhere)" "" "symbols of others"
	same "$(grep -iE 'nvml|prolog|epilog|pmix|rank_order|(^|_)ilp' here)" "" "symbols of nodes"
}

@test "make lines counts what is linked" {
	[ -e "$GPUTOPO_BUILDDIR/plugin/select_cons_tres.la" ] || skip "the Slurm plugin is not built"
	case $(grep '^SAN_CFLAGS' "$GPUTOPO_BUILDDIR/Makefile") in
	*fsanitize*) skip "a build with sanitizers keeps more" ;;
	esac
	run make -s -C "$GPUTOPO_BUILDDIR" lines LINES=-v
	same "$status" 0 "$output"
	has "$output" "slurm plugin/slurm/bridge.c"
	has "$output" "      src/core/select.c"
	same "$(grep 'plugin/node/.*\.c$' <<<"$output")" "" "of the nodes"
	# what is linked only falls; the aims were 15500 and 5500
	local all
	all=$(grep -o '^[0-9]* lines of C in' <<<"$output")
	[ "${all%% *}" -gt 5000 ]
	[ "${all%% *}" -le 13950 ] || { echo "$all: more than 13950, a bound that only falls"; return 1; }
	all=$(grep -o '^[0-9]* in sources that can' <<<"$output")
	[ "${all%% *}" -gt 1000 ]
	[ "${all%% *}" -le 5500 ] || { echo "$all: more than 5500"; return 1; }
}
