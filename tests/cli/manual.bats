# SPDX-License-Identifier: GPL-2.0-or-later
# The manuals against the programs: a new option, key or message without its place in a
# manual is a failure, and so is one that is gone.

load cli.bash

# finds_nothing CHECK LEAST: manual.pl prints nothing, having compared at least LEAST.
finds_nothing() {
	command -v perl >/dev/null || skip "perl is not installed"
	run --separate-stderr perl "$SRC/tests/cli/manual.pl" "$1"
	same "$status" 0 "status: $stderr"
	same "$output" "" "what is missing"
	[ "${stderr%% *}" -ge "$2" ]
}

@test "every option of every command is in its manual, and no other" {
	finds_nothing options 150
}

@test "every option of the tables is in --help and in a manual" {
	finds_nothing tables 100
}

@test "every SPANK option is in spank_gputopo(8)" {
	finds_nothing spank 2
}

@test "every key of gputopo.conf is in gputopo.conf(5)" {
	finds_nothing keys 14
}

@test "every message and reason of the plugins is in their manuals" {
	finds_nothing messages 60
}

@test "every log line of the manuals is one that the plugins write" {
	finds_nothing stale 15
}

@test "no text of a program, the library or a plugin has a worn phrase" {
	finds_nothing worn 1000
	# and it notices one
	local copy=$BATS_TEST_TMPDIR/src
	mkdir -p "$copy/docs" "$copy/src/cli" "$copy/plugin"
	cp "$SRC/docs/style.md" "$copy/docs"
	printf 'f("a, b or c %%s is known, " "or d");\n' >"$copy/src/cli/a.c"
	GPUTOPO_SRCDIR=$copy run --separate-stderr perl "$SRC/tests/cli/manual.pl" worn
	has "$output" "src/cli/a.c has a worn phrase"
}

# missing_without SED-EXPRESSION PAGE CHECK TEXT: the check notices a hole in a page.
missing_without() {
	command -v perl >/dev/null || skip "perl is not installed"
	local copy=$BATS_TEST_TMPDIR/src
	mkdir -p "$copy"
	cp -r "$SRC/man" "$SRC/plugin" "$SRC/src" "$copy"
	chmod -R u+w "$copy"
	sed -i "$1" "$copy/man/$2"
	GPUTOPO_SRCDIR=$copy run --separate-stderr perl "$SRC/tests/cli/manual.pl" "$3"
	has "$output" "$4"
}

@test "the comparison notices a missing option, key, reason and message" {
	missing_without '/include/d' gputopo.1 options "pick: --include is missing"
	missing_without 's/MinRatio/MaxRatio/' gputopo.conf.5 keys "MinRatio= is missing"
	missing_without '/mismatch/d' gputopo-slurm.8 messages "abi-mismatch: slurmctld's structs"
	missing_without 's/placement cannot be stored/x/' gputopo-slurm.8 messages "placement cannot be stored"
	missing_without 's/failed"/exploded"/' gputopo-slurm.8 stale "nothing says"
}

@test "mandoc has no warning for any manual" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	local page
	for page in "$SRC"/man/*.[158]; do
		run mandoc -Tlint -Wwarning "$page"
		same "$output" "" "$page"
	done
}

@test "man has no warning for any manual" {
	command -v man >/dev/null && command -v groff >/dev/null || skip "man or groff is not installed"
	local page
	for page in "$SRC"/man/*.[158]; do
		run env LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z "$page"
		has "$output" "x stop"
		run sh -c 'LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null' sh "$page"
		same "$output" "" "$page"
	done
}

@test "every built-in machine is named in gputopo(1)" {
	local file name
	for file in "$SRC"/etc/nodes/*.json; do
		name=$(basename "$file" .json)
		grep -qE "(^|[ ,])$name([ ,.]|$)" "$SRC/man/gputopo.1" || {
			echo "$name is missing"
			return 1
		}
	done
}

@test "completion offers every command and option that --help lists" {
	. "$SRC/packaging/gputopo.bash"
	COMP_WORDS=("$GPUTOPO" "") COMP_CWORD=1
	_gputopo
	[[ " ${COMPREPLY[*]} " == *" pick "*" sim "* ]]
	COMP_WORDS=("$GPUTOPO" sim "re") COMP_CWORD=2
	_gputopo
	same "${COMPREPLY[*]}" replay "sim re"
	local command option
	for command in "show" "pick" "order" "probe" "gres" "check" "mig place" "sim replay" "sim gen"; do
		# shellcheck disable=SC2206
		COMP_WORDS=("$GPUTOPO" $command "--") COMP_CWORD=$((1 + $(wc -w <<<"$command")))
		_gputopo
		# shellcheck disable=SC2086
		for option in $("$GPUTOPO" $command --help | grep -E '^ +-' |
				grep -oE '(^ +|, )--[a-z-]+' | tr -d ' ,'); do
			[[ " ${COMPREPLY[*]} " == *" $option "* ]] || {
				echo "$command: $option is not offered"
				return 1
			}
		done
	done
}

@test "completion offers values: machines, policies, sizes" {
	. "$SRC/packaging/gputopo.bash"
	COMP_WORDS=("$GPUTOPO" show -t builtin : dgx1) COMP_CWORD=5
	_gputopo
	same "${COMPREPLY[*]}" "dgx1p dgx1v" "-t builtin:dgx1"
	COMP_WORDS=("$GPUTOPO" pick -t builtin : dgx1v --policy pre) COMP_CWORD=7
	_gputopo
	same "${COMPREPLY[*]}" preserve "--policy pre"
	COMP_WORDS=("$GPUTOPO" nodes --sort "=" f) COMP_CWORD=4
	_gputopo
	same "${COMPREPLY[*]}" free "--sort=f"
	COMP_WORDS=("$GPUTOPO" pick --model h20) COMP_CWORD=3
	_gputopo
	same "${COMPREPLY[*]}" h200 "--model h20"
}

@test "the version is the same in the program, NEWS, the RPM spec and the manual" {
	local version
	version=$("$GPUTOPO" --version | sed 's/.* //')
	same "$(sed -n 's/^## \([0-9]\)/\1/p' "$SRC/NEWS.md" | head -n 1)" "$version" NEWS.md
	same "$(sed -n 's/^Version: *//p' "$SRC/packaging/gputopo.spec")" "$version" gputopo.spec
	same "$(sed -n 's/^gputopo \([0-9.]*\):.*/\1/p' "$SRC/man/gputopo-slurm.8")" "$version" gputopo-slurm.8
}
