# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Root folders of fresh Debians for the scripts beside this file: made once by debootstrap
# from the mirror that apt is configured for and kept in the cache (GPUTOPO_CACHE, as for
# tools/slurm-headers); used through an overlay, so that they stay as they were.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${GPUTOPO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gputopo}

say() {
	echo "==> $*"
}

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# What the head of the script says.
usage() {
	sed -n '3,/^set /s/^# //p' "$0" >&2
	exit 2
}

# The Slurm release of a Debian suite.
root_release() {
	case $1 in
	bookworm) echo 22.05.8 ;;
	trixie) echo 24.11.5 ;;
	*) die "no Debian '$1' is known here (known: bookworm, trixie)" ;;
	esac
}

# Start over in namespaces of our own, so that every mount ends with the script.
root_unshare() {
	[ "$(id -u)" = 0 ] || die "needs root"
	command -v debootstrap >/dev/null || die "debootstrap is needed (apt-get install debootstrap)"
	[ -n "${ROOT_UNSHARED:-}" ] ||
		ROOT_UNSHARED=yes exec unshare --mount --propagation private bash "$0" "$@"
}

# root_base NAME SUITE [PACKAGE]...: print the folder of a SUITE with these packages.
root_base() {
	local name=$1 suite=$2 dir=$CACHE/$1 mirror work
	shift 2
	if [ ! -d "$dir" ]; then
		mirror=$(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' \
			'Created-By: Packages' | sed -n 's/^Debian|main|//p' | head -n 1)
		[ -n "$mirror" ] || die "apt knows no Debian archive with a main component"
		mkdir -p "$CACHE"
		work=$(mktemp -d "$CACHE/base.XXXXXX")
		say "$name: debootstrap of $suite" >&2
		{
			debootstrap --variant=minbase "$suite" "$work/root" "$mirror" &&
			printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d" &&
			chmod 755 "$work/root" "$work/root/usr/sbin/policy-rc.d" &&
			root_mounts "$work/root" &&
			root_run "$work/root" apt-get -q update &&
			{ [ $# -eq 0 ] || root_install "$work/root" "$@"; }
		} >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; rm -rf "$work/log"; die "$name could not be made"; }
		umount -R "$work/root/proc" "$work/root/dev"
		mv -T "$work/root" "$dir" || die "could not write $dir"
		rm -rf "$work"
	fi
	echo "$dir"
}

root_mounts() {
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	cp -L /etc/resolv.conf "$1/etc/resolv.conf"
}

# root_open BASE DIR: DIR/root is BASE, and what is written there is thrown away.
root_open() {
	mkdir -p "$2/root" "$2/upper" "$2/work"
	mount -t overlay overlay \
		-o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" ||
		die "no overlay of $1 (is $2 on a file system that can hold one?)"
	root_mounts "$2/root"
}

# root_run ROOT COMMAND...
root_run() {
	local root=$1
	shift
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

root_install() {
	local root=$1
	shift
	root_run "$root" apt-get -q -y --no-install-recommends install "$@"
}

# Run a command quietly; show what it said if it fails.
quiet() {
	local log
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		die "failed: $*"
	fi
	rm -f "$log"
}

# The sources as committed, or as unpacked from a release, into folder $1.
root_sources() {
	mkdir -p "$1"
	if [ -e "$TOP/.git" ]; then
		git -C "$TOP" archive HEAD | tar -xf - -C "$1"
	else
		(cd "$TOP" && tar -cf - --exclude=./build --exclude=./.cache .) | tar -xf - -C "$1"
	fi
}
