#!/bin/sh
# Boots Debian's systemd as the first process of namespaces of its own, which share nothing
# with this host except the kernel:
#
#	unshare --mount boot.sh LAYER FOLDER UNIT...
#
# Its root is this host's, with the files in LAYER over it; what it writes stays in FOLDER,
# where a tmpfs is mounted that nobody else sees. Of all units only UNIT... are enabled.
# The id of the first process is printed. All ends when standard input does.
set -eu

# fill makes the root, and enables units.
fill() {
	cp -a "$layer/." "$folder/upper"
	mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" none "$root"
	mount -t proc none "$root/proc"
	mount --bind "$root/proc/sys" "$root/proc/sys"
	mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
	mount -o remount,bind,ro "$root/proc/sys"
	mount -t sysfs -o ro none "$root/sys"
	mount -t cgroup2 none "$root/sys/fs/cgroup"
	for place in run tmp dev; do
		mount -t tmpfs none "$root/$place"
	done
	for device in null zero full random urandom tty; do
		touch "$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
	mount -t devpts -o newinstance,ptmxmode=666 none "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"

	# Of this host's units it has only those that it is asked for.
	cd "$root"
	rm -rf etc/fstab etc/systemd/system/* usr/lib/systemd/system-generators usr/lib/systemd/system/*.wants
	: >etc/machine-id
	cat >etc/systemd/system/default.target <<-END
		[Unit]
		Requires=sysinit.target
		Wants=systemd-journald.service
	END
	systemctl --quiet --root="$root" enable "$@"
}

if [ "$1" = first ]; then # this is the first process
	layer=$2 folder=$3 root=$3/root
	shift 3
	read -r pid _ </proc/self/stat
	fill "$@"
	ip link set lo up
	pivot_root . mnt
	umount -l mnt
	echo "$pid"
	exec env -i container=knockc PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd >/dev/null 2>&1
fi

layer=$1 folder=$2 group=$2/groups/knockc-$$
shift 2
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root" "$folder/groups"
mount -t cgroup2 none "$folder/groups"
mkdir "$group"
exec 3<&0
sh -ec 'echo 0 >"$1/cgroup.procs"
	shift
	exec unshare --cgroup --ipc --mount --net --pid --uts --fork --kill-child "$@"' \
	sh "$group" "$0" first "$layer" "$folder" "$@" &
unshare=$!
{ cat; kill -KILL "$unshare"; } <&3 >/dev/null 2>&1 &
trap '' PIPE # nobody may read any more what is said
wait "$unshare" || true

# The kernel kills all other processes with the first.
for _ in $(seq 300); do
	find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && exit
	sleep 0.1
done
echo "control groups are left in $group" >&2
exit 1
