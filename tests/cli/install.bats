# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts where, and whether a stranger can use it: pkg-config, the example,
# the exported symbols, uninstall.

load cli.bash

setup_file() {
	[ -e "$GPUTOPO_BUILDDIR/Makefile" ] || return 0
	PREFIX=$(sed -n 's/^prefix = //p' "$GPUTOPO_BUILDDIR/Makefile")
	export PREFIX DEST=$BATS_FILE_TMPDIR/dest
	make -C "$GPUTOPO_BUILDDIR" -s install "DESTDIR=$DEST" \
		>"$BATS_FILE_TMPDIR/log" 2>&1 </dev/null || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

setup() {
	[ -n "${DEST:-}" ] || skip "no build folder"
	case $(grep '^SAN_CFLAGS' "$GPUTOPO_BUILDDIR/Makefile") in
	*fsanitize*) skip "a build with sanitizers is not for installing" ;;
	esac
}

installed() {
	local file
	for file in "$@"; do
		[ -s "$DEST$PREFIX/$file" ] || { echo "no $file"; return 1; }
	done
}

@test "DESTDIR gets the program, the library, manuals, completion, machines and examples" {
	installed bin/gputopo include/gputopo.h lib/libgputopo.so lib/libgputopo.so.1 \
		lib/pkgconfig/gputopo.pc share/bash-completion/completions/gputopo \
		share/gputopo/nodes/dgx1v.json share/doc/gputopo/README.md \
		share/doc/gputopo/examples/gputopo.conf.example \
		share/man/man1/gputopo.1 share/man/man1/gputopo-sim.1 \
		share/man/man1/gputopo-mig.1 share/man/man5/gputopo.conf.5 \
		share/man/man5/gputopo-node.5 share/man/man8/gputopo-slurm.8 \
		share/man/man8/spank_gputopo.8
}

@test "nothing is installed outside of the prefix" {
	same "$(cd "$DEST" && find . -type f -o -type l | grep -v "^\.$PREFIX/" || true)" "" files
}

@test "the plugins lie in a folder without a release in its name, with a line for plugstack.conf" {
	[ -e "$GPUTOPO_BUILDDIR/plugin/.libs/select_cons_tres.so" ] ||
		skip "the Slurm plugin is not built"
	installed lib/gputopo/select_cons_tres.so lib/gputopo/gputopo_mig.so \
		lib/gputopo/gputopo_topology.so lib/gputopo/gputopo_nics.so \
		lib/gputopo/spank_gputopo.so \
		lib/gputopo/plugstack.conf
	same "$(cat "$DEST$PREFIX/lib/gputopo/plugstack.conf")" \
		"optional $PREFIX/lib/gputopo/spank_gputopo.so" plugstack.conf
}

@test "no installed program or library looks for libraries in the build folder" {
	command -v readelf >/dev/null || skip "readelf is not installed"
	local file
	for file in bin/gputopo lib/libgputopo.so.1 lib/gputopo/select_cons_tres.so; do
		[ -e "$DEST$PREFIX/$file" ] || continue
		same "$(readelf -d "$DEST$PREFIX/$file" | grep -E 'RPATH|RUNPATH' |
			grep -vF "[$PREFIX/lib]" || true)" "" "$file"
	done
}

@test "pkg-config leads to a library that a stranger's program links with and runs on" {
	command -v pkg-config >/dev/null || skip "pkg-config is not installed"
	local work=$BATS_TEST_TMPDIR
	# the prefix, which lies below DESTDIR here
	export PKG_CONFIG_PATH=$work/pc
	mkdir "$work/pc"
	sed "s|^prefix=.*|prefix=$DEST$PREFIX|" "$DEST$PREFIX/lib/pkgconfig/gputopo.pc" \
		>"$work/pc/gputopo.pc"
	same "$(pkg-config --modversion gputopo)" "$("$GPUTOPO" --version | sed 's/.* //')" version
	# shellcheck disable=SC2046
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$work/best" \
		"$DEST$PREFIX/share/doc/gputopo/examples/best.c" $(pkg-config --cflags --libs gputopo)
	LD_LIBRARY_PATH=$DEST$PREFIX/lib run "$work/best" builtin:dgx1v 4 1,3-4,6-7
	same "$status" 0 status
	has "$output" "best       3-4,6-7      20.0 GB/s"
}

@test "the header alone is C11 without extensions, and C++ where there is a compiler" {
	echo '#include <gputopo.h>' >"$BATS_TEST_TMPDIR/a.c"
	cp "$BATS_TEST_TMPDIR/a.c" "$BATS_TEST_TMPDIR/a.cc"
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
		-I"$DEST$PREFIX/include" "$BATS_TEST_TMPDIR/a.c"
	command -v c++ >/dev/null || return 0
	c++ -Wall -Wextra -Werror -fsyntax-only -I"$DEST$PREFIX/include" "$BATS_TEST_TMPDIR/a.cc"
}

@test "the library exports gt_ symbols of one version only, all of them in gputopo.h" {
	command -v nm >/dev/null || skip "nm is not installed"
	local symbols name
	symbols=$(nm -D --defined-only "$DEST$PREFIX/lib/libgputopo.so.1" | awk '$2 != "A" {print $3}')
	same "$(grep -v '^gt_[a-z0-9_]*@@GPUTOPO_1$' <<<"$symbols" || true)" "" "foreign symbols"
	[ "$(wc -l <<<"$symbols")" -gt 40 ] && [ "$(wc -l <<<"$symbols")" -lt 60 ]
	for name in $(sed 's/@.*//' <<<"$symbols"); do
		grep -q "\b$name(" "$SRC/include/gputopo.h" || { echo "$name is in no header"; return 1; }
	done
}

@test "every function of gputopo.h is exported" {
	local name
	for name in $(tr -d '\n' <"$SRC/include/gputopo.h" | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
			grep -oE '\bgt_[a-z0-9_]+\(' | tr -d '(' | sort -u); do
		nm -D --defined-only "$DEST$PREFIX/lib/libgputopo.so.1" | grep -q " $name@" ||
			{ echo "$name is not exported"; return 1; }
	done
}

@test "the plugins export what Slurm asks for, and nothing of the library" {
	[ -e "$DEST$PREFIX/lib/gputopo/select_cons_tres.so" ] ||
		skip "the Slurm plugin is not built"
	local file
	for file in "$DEST"/opt/gt/lib/gputopo/*.so; do
		same "$(nm -D --defined-only "$file" | awk '{print $3}' | grep '^gt_\|^gp_\|^json' || true)" \
			"" "$file"
	done
}

@test "every function that an object of ours calls is in it, or is Slurm's" {
	[ -e "$DEST$PREFIX/lib/gputopo/select_cons_tres.so" ] ||
		skip "the Slurm plugin is not built"
	local file
	for file in "$DEST"/opt/gt/lib/gputopo/*.so; do
		same "$(nm -D --undefined-only "$file" | grep -oE '\b(gt|gp)_[a-z0-9_]+$' || true)" \
			"" "$file"
	done
}

@test "slurmctld has no driver, prolog, PMIx, rank order, solver or parser, nor a MIG table without MIG" {
	local file=$GPUTOPO_BUILDDIR/plugin/.libs/select_cons_tres.so names
	[ -e "$file" ] || skip "the Slurm plugin is not built"
	names=$(nm "$file" | awk '{print $NF}')
	has "$names" gp_controller_job_test
	same "$(grep -iE 'nvml|prolog|epilog|pmix|rank_order|gt_order|ilp|mig_(table|place|space|plan|driver)|^json_|gt_[a-z_]*json|nvidia_smi|nvlink|gt_format|gt_builtin|gt_node_(load|parse|new|finish)|gt_gpu_model|gp_conf_(load|parse)|gp_keys|gp_compact' \
		<<<"$names" || true)" "" symbols
	same "$(readelf -d "$file" | grep -i jansson || true)" "" "libraries"
	names=$(nm "${file%/*}/gputopo_topology.so" | awk '{print $NF}')
	has "$names" gt_format_json
	names=$(nm "${file%/*}/gputopo_mig.so" | awk '{print $NF}')
	has "$names" gt_mig_tables
	same "$(grep -iE 'nvml|prolog|epilog|pmix|rank_order|gt_order|ilp|mig_driver' <<<"$names" || true)" \
		"" "symbols of gputopo_mig.so"
}

@test "no symbol, struct or field of the last release is gone, or has another size or place" {
	[ "$(uname -m)" = x86_64 ] || skip "tests/data/abi was written on x86-64"
	"$SRC/tests/abi" >"$BATS_TEST_TMPDIR/abi"
	same "$(LC_ALL=C sort "$SRC/tests/data/abi" | LC_ALL=C comm -23 - <(LC_ALL=C sort "$BATS_TEST_TMPDIR/abi"))" \
		"" "gone or changed"
}

@test "make uninstall takes back every file" {
	make -C "$GPUTOPO_BUILDDIR" -s uninstall "DESTDIR=$DEST" >/dev/null 2>&1 </dev/null
	same "$(find "$DEST" -type f -o -type l)" "" "what is left"
}

@test "every file that git knows is part of a release" {
	git -C "$SRC" rev-parse --git-dir >/dev/null 2>&1 || skip "not a git checkout"
	local file files dir
	files=$(make -C "$GPUTOPO_BUILDDIR" -s distfiles | sed "s|^$SRC/||; s|^\(\.\./\)*||")
	for file in $(git -C "$SRC" ls-files | grep -v '^\.git\|^\.ci/'); do
		dir=$file
		while ! grep -qxF "$dir" <<<"$files"; do
			[[ $dir == */* ]] || { echo "$file is not in EXTRA_DIST"; return 1; }
			dir=${dir%/*}
		done
	done
}
