# SPDX-License-Identifier: GPL-2.0-or-later
# README, docs and manuals do what they say: commands run, outputs as printed, names there.

load cli.bash

# finds_nothing CHECK LEAST: docs.pl prints nothing, having looked at least at LEAST things.
finds_nothing() {
	command -v perl >/dev/null || skip "perl is not installed"
	[ -x "$GPUTOPO_BUILDDIR/examples/best" ] || skip "examples/best is not built"
	run --separate-stderr perl "$SRC/tests/cli/docs.pl" "$1"
	same "$status" 0 "status: $stderr"
	same "$output" "" "differences"
	[ "${stderr%% *}" -ge "$2" ]
}

@test "commands with outputs in README and docs print just that" {
	finds_nothing console 4
}

@test "every other gputopo command in README, docs and manuals runs" {
	finds_nothing commands 6
}

@test "every file and make target that is named exists" {
	finds_nothing names 80
}

@test "the comparison notices a changed figure, a wrong option and a name that is gone" {
	command -v perl >/dev/null || skip "perl is not installed"
	local copy=$BATS_TEST_TMPDIR/src
	mkdir -p "$copy/docs" "$copy/tests/cli" "$copy/man"
	cp "$SRC/Makefile.am" "$copy"
	cp "$SRC/tests/cli/docs.skip" "$copy/tests/cli"
	{
		echo '```console'
		echo '$ gputopo pick -t builtin:dgx1v -n 2'
		echo '1,3'
		echo '...'
		echo '```'
		echo
		echo '    gputopo pick -t builtin:dgx1v --fast'
		echo
		echo 'See docs/nothing.md and [this](docs/nowhere.md).'
	} >"$copy/README.md"
	GPUTOPO_SRCDIR=$copy run --separate-stderr perl "$SRC/tests/cli/docs.pl" console
	has "$output" "README.md:1: gputopo pick -t builtin:dgx1v -n 2 prints"
	GPUTOPO_SRCDIR=$copy run --separate-stderr perl "$SRC/tests/cli/docs.pl" commands
	has "$output" "unrecognized option '--fast'"
	GPUTOPO_SRCDIR=$copy run --separate-stderr perl "$SRC/tests/cli/docs.pl" names
	has "$output" "there is no docs/nothing.md"
	has "$output" "the link to docs/nowhere.md leads nowhere"
}

@test "there is one line for plugstack.conf" {
	cd "$SRC"
	same "$(grep -hE '^ *(include|required|optional) .*gputopo' README.md docs/*.md docs/*/*.md \
		man/* packaging/debian/*.README.Debian | sed 's/^ *//' | sort -u)" \
		"include /usr/lib/gputopo/*.conf" "lines"
	[ "$(grep -lE '^ *include .*gputopo' docs/*/*.md man/* packaging/debian/*README* | wc -l)" -ge 5 ]
}

@test "the pictures in docs/ are what show --svg draws" {
	local name marked
	for name in stock=1,3-4,6 gputopo=3-4,6-7 star=0-4 ring=0,2-4,7; do
		marked=${name#*=}
		gputopo show -t builtin:dgx1v --mark "$marked" --svg -
		same "$status" 0 status
		same "$output" "$(cat "$SRC/docs/pictures/dgx1v-${name%%=*}.svg")" "$name"
	done
}

@test "README's table of nodes has the figures of docs/evidence/nodes.md" {
	local name figures found=0
	while read -r name figures; do
		# shellcheck disable=SC2086
		figures=$(printf '| %s ' $figures)
		has "$(tr -d '*' <"$SRC/README.md")" "\`$name\` $figures|"
		found=$((found + 1))
	done < <(sed -n 's/^builtin:\([a-z0-9-]*\) /\1 /p' "$SRC/docs/evidence/nodes.md")
	[ "$found" -ge 4 ]
}

@test "README's sizes and lines are those of docs/evidence/object.md" {
	local text name found=0
	while read -r text _ _ _ _ name; do
		has "$(grep "^| $name " "$SRC/README.md")" "| $(((text + 500) / 1000)) KB"
		found=$((found + 1))
	done < <(grep '[.]so$' "$SRC/docs/evidence/object.md")
	[ "$found" -eq 6 ]
	has "$(tr -d , <"$SRC/README.md")" " $(sed -n 's/^\([0-9]*\) lines of C in .*/\1/p' "$SRC/docs/evidence/object.md") lines of C "
}
