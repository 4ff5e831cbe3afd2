# SPDX-License-Identifier: GPL-2.0
# Shared by the shell scripts of dev/ and dev/lib/; sourced, never run.

REPO=$(cd "$(dirname "$0")" && pwd)
REPO=${REPO%/dev*}
GUP_CACHE=${GUP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gup}
JOBS=${JOBS:-$(nproc)}

export GUP_CACHE JOBS
export CCACHE_DIR="${CCACHE_DIR:-$GUP_CACHE/ccache}"
export CCACHE_NOHASHDIR=1
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-8G}"
# Linux 7.3 wants 17 or later; Debian 12 has this one beside its default.
CLANG_VERSION=19
# Make objects depend on the sources alone, so that ccache can reuse them.
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=gup KBUILD_BUILD_HOST=gup

say()
{
	echo "${0##*/}: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# kernel_make TREE CONFIG ARGUMENT...: run make for the directory o-CONFIG of a tree. LLVM
# builds the configuration "clang", GNU all others.
kernel_make()
(
	tree=$1 config=$2
	shift 2
	if [ "$config" = clang ]; then
		set -- LLVM="-$CLANG_VERSION" CC="ccache clang-$CLANG_VERSION" HOSTCC="ccache clang-$CLANG_VERSION" "$@"
	else
		set -- CC="ccache gcc" HOSTCC="ccache gcc" "$@"
	fi
	make -C "$tree" O="o-$config" ARCH=x86_64 "$@"
)

make_cache()
{
	mkdir -p "$GUP_CACHE/lock" 2>/dev/null ||
		die "cannot write to $GUP_CACHE; set GUP_CACHE to a directory you can write to"
}

# Hold a lock until this script ends, because several may run at once.
lock()
{
	make_cache
	exec 9>"$GUP_CACHE/lock/$1"
	flock 9
}

need_space()
{
	make_cache
	free_mb=$(df -Pm "$GUP_CACHE" | awk 'NR == 2 { print $4 }')
	[ "$free_mb" -ge "$1" ] ||
		die "the disk is full: $GUP_CACHE has $free_mb MB free and needs $1 MB; free some space or set GUP_CACHE"
}
