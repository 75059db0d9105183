#!/bin/sh
# Builds a Debian package of what is here into the folder $1; `make deb` runs this. The
# same commit and the same Go make the same bytes.
set -eu
umask 022
to=$(realpath "${1:-.}")
cd "$(dirname "$0")/.."

stage=$(mktemp -d)
trap 'rm -r "$stage"' EXIT
chmod 755 "$stage"
doc=$stage/usr/share/doc/knockc
commit=$(git log -1 --format=%h)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

DATE=$(git log -1 --format=%cs) DESTDIR=$stage PREFIX=/usr \
	ZSH_FUNCTIONS=/usr/share/zsh/vendor-completions packaging/install.sh
install -d -m 700 "$stage/etc/knockc" # policies are secret
gzip -9n "$stage"/usr/share/man/man?/*

# A version such as 0.2.1-0.20261124180910-12a1bc1f3f4e comes before 0.2.1.
version=$("$stage/usr/bin/knockc" version | cut -d ' ' -f 2 | sed 's/-/~/; s/-/./g')
architecture=$(dpkg --print-architecture)
maintainer=${MAINTAINER:-$(git log -1 --format='%an <%ae>')}

gzip -9n >"$doc/changelog.gz" <<END
knockc ($version) unstable; urgency=medium

  * Built from commit $commit.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

# Debian has the text of this licence itself.
apache_in_short() {
	awk '{ text = text $0 "\n" } END {
		printf "%s", text ~ /Apache License/ ? "The Apache License, Version 2.0.\n" : text
	}'
}

# The licences of knockc and of everything in the command.
{
	cat packaging/deb/copyright
	for module in $(go version -m "$stage/usr/bin/knockc" | awk '$1 == "dep" { print $2 }'); do
		printf '\n%s\n\n' "$module"
		cat "$(go list -m -f '{{.Dir}}' "$module")"/[LC][IO][CP][EY]* | apache_in_short
	done
	printf '\nThe Go standard library\n\n'
	cat "$(go env GOROOT)/LICENSE"
} >"$doc/copyright"

mkdir -p "$stage/usr/share/lintian/overrides"
cp packaging/deb/lintian-overrides "$stage/usr/share/lintian/overrides/knockc"

mkdir "$stage/DEBIAN"
(cd "$stage" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$stage/DEBIAN"
sed "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@MAINTAINER@|$maintainer|
	s|@SIZE@|$(du -sk --apparent-size "$stage/usr" | cut -f 1)|" packaging/deb/control >"$stage/DEBIAN/control"

dpkg-deb --root-owner-group -Zxz --build "$stage" "$to/knockc_${version}_$architecture.deb"
