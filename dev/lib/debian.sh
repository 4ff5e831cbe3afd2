# SPDX-License-Identifier: GPL-2.0
# Packages of other Debian suites, unpacked in the cache; sourced after lib.sh.
# Neither the system nor its lists of packages change. The caller sets apt_dir.

# Print the URIs of the Debian archive that apt uses on this system.
mirrors()
{
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk '
	$1 == "deb" {
		for (i = 2; $i ~ /^\[/ && $i !~ /\]$/; i++)
			;
		if ($i ~ /^\[|\]$/)
			i++
		print $i
	}
	$1 == "URIs:" {
		for (i = 2; i <= NF; i++)
			print $i
	}' |
	grep -E '/debian/?$' | awk '!seen[$0]++'
}

apt_private()
{
	tool=$1
	shift
	"$tool" -q -q \
		-o Dir::Etc::SourceList="$apt_dir/sources.list" \
		-o Dir::Etc::SourceParts="$apt_dir/none" \
		-o Dir::State::Lists="$apt_dir/lists" \
		-o Dir::Cache="$apt_dir/cache" \
		-o Dir::State::Status="$apt_dir/status" \
		-o APT::Sandbox::User=root \
		-o Acquire::Languages=none \
		"$@"
}

# download_packages MIRROR SUITE PACKAGE...: download packages and unpack them below
# $apt_dir/root. They need not be installable on this system. If with_dependencies is
# set, what they depend on is unpacked, too.
download_packages()
{
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	origin=$1 suite=$2
	shift 2
	rm -rf "$apt_dir/lists" "$apt_dir/root"
	mkdir -p "$apt_dir/none" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/root"
	: >"$apt_dir/status"
	echo "deb [signed-by=$keyring] $origin $suite main" >"$apt_dir/sources.list"

	apt_private apt-get update >"$apt_dir/log" 2>&1 || return 1
	for name; do
		apt_private apt-cache show "$name" >/dev/null 2>&1 || return 1
	done
	say "downloading $* from $suite"
	if [ -n "${with_dependencies:-}" ]; then
		# shellcheck disable=SC2046 # a list of words
		set -- $(apt_private apt-get -s --no-install-recommends install "$@" | awk '$1 == "Inst" { print $2 }')
	fi
	(cd "$apt_dir" && rm -f ./*.deb && apt_private apt-get download "$@") >>"$apt_dir/log" 2>&1 || return 1
	for deb in "$apt_dir"/*.deb; do
		dpkg -x "$deb" "$apt_dir/root" || return 1
	done
	rm -f "$apt_dir"/*.deb
}
