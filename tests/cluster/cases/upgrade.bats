# SPDX-License-Identifier: GPL-2.0-or-later
# Upgrades with jobs running: of Slurm under the plugin (a file built for another release),
# of gputopo under slurmctld, and files that are gone while slurm.conf still names the folder.
# packaging/try-packages does the same with real packages.

bats_require_minimum_version 1.5.0
# Slurm itself is to load the file: from 25.05 on it looks at the first of that name only.
CLOCK=
load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	install_plugin "$GPUTOPO_PLUGIN"
}

# As dpkg and install(1) do it: the old file stays what it is for those who have it open.
install_plugin() {
	cp "$1" "$CLUSTER/plugin/new"
	mv "$CLUSTER/plugin/new" "$CLUSTER/plugin/select_cons_tres.so"
}

# other_release IN OUT: a plugin file as if it were built for Slurm 21.08.1.
other_release() {
	command -v nm >/dev/null && command -v readelf >/dev/null || skip "no binutils"
	command -v perl >/dev/null || skip "perl is not installed"
	perl -e '
		my ($in, $out) = @ARGV;
		my ($address) = `nm -D \Q$in\E` =~ /^([0-9a-f]+) R plugin_version$/m or die "no plugin_version\n";
		open my $f, "<:raw", $in; local $/; my $file = <$f>;
		for (`readelf -SW \Q$in\E` =~ /\]\s+\.\S+\s+\S+\s+([0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+)/g) {
			my ($start, $offset, $size) = map { hex } split;
			my $at = hex($address) - $start;
			next if !$start || $at < 0 || $at >= $size;
			substr($file, $offset + $at, 4) = pack "V", 0x150801;
			open my $g, ">:raw", $out; print $g $file; exit 0;
		}
		die "plugin_version is in no section\n"' "$1" "$2"
}

# jobs: one of three GPUs and one of one; prints "ID:GPUS" of each.
some_jobs() {
	submit -N1 --gpus=3 --wrap "sleep 1000" >"$BATS_TEST_TMPDIR/a"
	submit -N1 --gres=gpu:1 --wrap "sleep 1000" >"$BATS_TEST_TMPDIR/b"
	cluster_wait_job "$(cat "$BATS_TEST_TMPDIR/a")" RUNNING
	cluster_wait_job "$(cat "$BATS_TEST_TMPDIR/b")" RUNNING
	held
}

held() {
	local id
	for id in "$(cat "$BATS_TEST_TMPDIR/a")" "$(cat "$BATS_TEST_TMPDIR/b")"; do
		echo "$id:$(cluster_job_state "$id"):$(cluster_job_gpus "$id")"
	done
}

# What a job of two tasks and four GPUs gets on the rest of the node.
four() {
	local id
	id=$(ask -N1 -n 2 -c 10 --gres=gpu:4) || return 1
	cluster_job_gpus "$id" | sed 's/.* //'
	cluster_run scancel "$id"
}

# restart slurmctld; its log from here on is in $log
restart() {
	: >"$CLUSTER/log/slurmctld"
	cluster_restart_ctld
	log=$(cat "$CLUSTER/log/slurmctld")
}

@test "a file for another release: stock's choice and a clear line, jobs keep their GPUs; and back" {
	local before free best log
	other_release "$GPUTOPO_PLUGIN" "$CLUSTER/other.so"
	before=$(some_jobs)
	free=$(without 0-7 "$(used_on n0)")
	restart
	[[ $log == *"gputopo "*", Mode=enforce"* ]]
	best=$(four)
	assert_best dgx1v "$free" "$best"

	install_plugin "$CLUSTER/other.so"
	restart
	[[ $log == *"Incompatible Slurm plugin $CLUSTER/plugin/select_cons_tres.so version (21.08.1)"* ]]
	[[ $log != *"Mode=enforce"* ]]
	assert_equal "$(held)" "$before"
	assert_equal "$(count "$(four)")" 4
	run cluster_run sinfo -h
	[ "$status" -eq 0 ]

	install_plugin "$GPUTOPO_PLUGIN"
	restart
	[[ $log == *"Mode=enforce"* && $log != *Incompatible* ]]
	assert_equal "$(held)" "$before"
	assert_equal "$(four)" "$best"
}

@test "a file built with other structs of the same release: slurmctld lives, stock's choice, one line" {
	local shifted=$GPUTOPO_BUILDDIR/tests/mock/shifted/.libs/select_cons_tres.so
	local before id log lines
	[ -e "$shifted" ] || skip "the plugin with shifted structs is not built"
	before=$(some_jobs)
	install_plugin "$shifted"
	restart
	assert_equal "$(held)" "$before"
	id=$(ask -N1 -n 2 -c 10 --gres=gpu:4)
	assert_equal "$(count "$(cluster_job_gpus "$id" | sed 's/.* //')")" 4
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
	cluster_run scontrol reconfigure
	cluster_wait_nodes
	assert_equal "$(count "$(give -N1 --gpus=3 | sed 's/.* //')")" 3
	lines=$(grep 'gputopo: .* of this slurmctld differs from the headers' "$CLUSTER/log/slurmctld")
	# one for each slurmctld: from 24.05 on a reconfigure starts another
	[[ $lines == *job_details* ]]
	[ "$(wc -l <<<"$lines")" -le 2 ]
	run grep -c 'fatal\|segfault\|Assertion' "$CLUSTER/log/slurmctld"
	assert_equal "$output" 0
	install_plugin "$GPUTOPO_PLUGIN"
	restart
	[[ $log == *"Mode=enforce"* && $log != *differs* ]]
}

@test "gputopo upgraded under a running slurmctld: jobs start before and after the restart" {
	local before best log
	before=$(some_jobs)
	best=$(four)
	cp "$GPUTOPO_PLUGIN" "$CLUSTER/next.so"
	echo "a later build" >>"$CLUSTER/next.so"
	install_plugin "$CLUSTER/next.so"
	assert_equal "$(four)" "$best"
	assert_equal "$(held)" "$before"
	restart
	[[ $log == *"Mode=enforce"* ]]
	assert_equal "$(held)" "$before"
	assert_equal "$(four)" "$best"
}

@test "the file gone while the line stays: stock's choice, every command works" {
	local before log
	before=$(some_jobs)
	rm "$CLUSTER/plugin/select_cons_tres.so"
	restart
	[[ $log != *gputopo* ]]
	assert_equal "$(held)" "$before"
	assert_equal "$(count "$(four)")" 4
	run --separate-stderr cluster_run sinfo -h
	assert_equal "$status:$stderr" "0:"
}

@test "plugstack.conf that includes a folder without the plugin: nobody notices; with it: the options" {
	local spank=${GPUTOPO_PLUGIN%/*}/spank_gputopo.so
	[ -e "$spank" ] || skip "spank_gputopo.so is not built"
	echo "include $CLUSTER/plugin/*.conf" >"$CLUSTER/etc/plugstack.conf"
	run --separate-stderr cluster_run srun -n1 true
	assert_equal "$status:$stderr" "0:"
	cp "$spank" "$CLUSTER/plugin/spank_gputopo.so"
	echo "optional $CLUSTER/plugin/spank_gputopo.so" >"$CLUSTER/plugin/plugstack.conf"
	run --separate-stderr cluster_run srun -n1 --gpu-topo=ring true
	assert_equal "$status:$stderr" "0:"
	run --separate-stderr cluster_run srun -n1 --gpu-topo=rings true
	[ "$status" -ne 0 ]
	[[ $stderr == *"gputopo: 'rings' is not best, ring, any or off"* ]]
	rm "$CLUSTER/plugin/spank_gputopo.so" "$CLUSTER/plugin/plugstack.conf"
	: >"$CLUSTER/etc/plugstack.conf"
}

@test "JobSubmitPlugins=gputopo does not fail open: without the file slurmctld refuses to start" {
	local file=${GPUTOPO_PLUGIN%/*}/job_submit_gputopo.so before i
	[ -e "$file" ] || skip "job_submit_gputopo.so is not built"
	before=$(some_jobs)
	cp "$file" "$CLUSTER/plugin/job_submit_gputopo.so"
	cluster_conf "JobSubmitPlugins=gputopo"
	cluster_restart_ctld
	assert_equal "$(held)" "$before"

	rm "$CLUSTER/plugin/job_submit_gputopo.so"
	run cluster_run bash "$CLUSTER/daemons" restart
	for ((i = 0; i < 100; i++)); do
		grep -q "fatal: failed to initialize job_submit plugin" "$CLUSTER/log/slurmctld" && break
		sleep 0.1
	done
	[ $i -lt 100 ]
	# as the manual says
	sed -i '/^JobSubmitPlugins=/d' "$CLUSTER/etc/slurm.conf"
	cluster_run bash "$CLUSTER/daemons" start_ctld
	cluster_wait_nodes 60
	assert_equal "$(held)" "$before"
}
