#!/bin/sh
# Builds a Debian package of what is here into the folder $1, for the architecture $2, such
# as arm64, or for that of this machine; `make deb` runs this. The same commit and the same
# Go make the same bytes.
set -eu
umask 022
to=$(realpath "${1:-.}")
architecture=${2:-$(dpkg --print-architecture)}
if [ $# -ge 2 ]; then # a name that Go and Debian share
	export GOOS=linux GOARCH="$2"
fi
cd "$(dirname "$0")/.."

stage=$(mktemp -d)
trap 'rm -r "$stage"' EXIT
chmod 755 "$stage"
doc=$stage/usr/share/doc/knockc
commit=$(git log -1 --format=%H)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

DATE=$(git log -1 --format=%cs) DESTDIR=$stage PREFIX=/usr \
	ZSH_FUNCTIONS=/usr/share/zsh/vendor-completions packaging/install.sh
install -d -m 700 "$stage/etc/knockc" # policies are secret
gzip -9n "$stage"/usr/share/man/man?/*

# A version such as 0.2.1-0.20261124180910-12a1bc1f3f4e comes before 0.2.1.
version=$(go version -m "$stage/usr/bin/knockc" | awk '$1 == "mod" { print $3 }' | sed 's/^v//; s/-/~/; s/-/./g')
maintainer=${MAINTAINER:-$(git log -1 --format='%an <%ae>')}

gzip -9n >"$doc/changelog.gz" <<END
knockc ($version) unstable; urgency=medium

  * Built from commit $commit.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

# Debian has the text of the Apache License itself.
{
	cat packaging/deb/copyright
	packaging/licences.sh ./cmd/knockc
} >"$doc/copyright"

mkdir -p "$stage/usr/share/lintian/overrides"
install -m 644 packaging/deb/lintian-overrides "$stage/usr/share/lintian/overrides/knockc"

# As dpkg-gencontrol counts: files in whole KiB, and one for all else.
size=$(find "$stage" -mindepth 1 -printf '%y %s\n' | awk '{ n += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print n }')

mkdir "$stage/DEBIAN"
(cd "$stage" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$stage/DEBIAN"
sed "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@MAINTAINER@|$maintainer|
	s|@SIZE@|$size|" packaging/deb/control >"$stage/DEBIAN/control"

dpkg-deb --root-owner-group -Zxz --build "$stage" "$to/knockc_${version}_$architecture.deb"
