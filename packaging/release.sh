#!/bin/sh
# Builds a release of the last commit into the folder $1, or dist: an archive for each of
# $PLATFORMS, Debian packages for those of amd64 and arm64, the extension for VS Code, and
# SHA256SUMS. `make release` runs this. The same commit and the same Go make the same bytes.
set -eu
umask 022
to=$(realpath -m "${1:-dist}")
cd "$(dirname "$0")/.."
: "${PLATFORMS:?must list platforms, such as linux/amd64}"

changes=$(git status --short)
if [ -n "$changes" ]; then
	printf 'release.sh: a release is made of a commit; commit or remove what has changed:\n%s\n' "$changes" >&2
	exit 1
fi

time=$(git log -1 --format=%ct)
DATE=$(git log -1 --format=%cs)
export DATE LC_ALL=C TZ=UTC GOAMD64=v1
export GOARM=6 # every Raspberry Pi

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
made=$work/made
mkdir "$made"

# files FOLDER writes what goes into an archive, and sets $command to the command in it.
# bin, lib and share belong below /usr/local, where the unit looks for the command.
files() {
	if [ "$GOOS" = windows ]; then
		command=$1/knockc.exe
		CGO_ENABLED=0 go build -trimpath -buildvcs=true -ldflags='-s -w' -o "$command" ./cmd/knockc
	else
		command=$1/bin/knockc
		DESTDIR=$work/root PREFIX=/usr/local packaging/install.sh
		mv "$work"/root/usr/local/* "$1"
		rm -r "$work/root"
	fi
	install -m 644 LICENSE README.md CHANGELOG.md "$1"
	packaging/licences.sh ./cmd/knockc >"$1/THIRD_PARTY_LICENSES"
}

# archive PLATFORM
archive() {
	export GOOS="${1%/*}" GOARCH="${1#*/}"
	mkdir "$work/files"
	files "$work/files"
	version=$(go version -m "$command" | awk '$1 == "mod" { print substr($3, 2) }')
	name=knockc_${version}_${GOOS}_$GOARCH
	mv "$work/files" "$work/$name"
	find "$work/$name" -exec touch -h -d "@$time" {} +
	cd "$work"
	if [ "$GOOS" = windows ]; then
		find "$name" -type f | sort | zip -q -X -9 "$made/$name.zip" -@
	else
		tar --sort=name --owner=0 --group=0 --numeric-owner -I 'gzip -9n' -cf "$made/$name.tar.gz" "$name"
	fi
}

packaging/vsix.sh "$made" >/dev/null
for platform in $PLATFORMS; do
	(archive "$platform")
	case $platform in
	linux/amd64 | linux/arm64) packaging/deb.sh "$made" "${platform#*/}" >/dev/null ;;
	esac
done

(cd "$made" && sha256sum -- * >SHA256SUMS)
mkdir -p "$to"
mv "$made"/* "$to"
cat "$to/SHA256SUMS"
