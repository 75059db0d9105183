#!/bin/sh
# Is a host with sshd, as the first process of namespaces of its own:
#
#	unshare --mount --pid --uts --fork host.sh FOLDER NAME PUBLIC-KEY KNOCKC
#
# Its root is this host's, with its own files over it in FOLDER, where a tmpfs is mounted that
# nobody else sees. Root gets in with the key. The id of the process and the key of the host
# are printed. All ends when standard input does.
set -eu
folder=$1 name=$2 public=$3 knockc=$4

read -r pid _ </proc/self/stat
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" none "$folder/root"
cd "$folder/root"
mount --rbind /dev dev
mount -t proc none proc
mount -t tmpfs none run
mount -t tmpfs none tmp
mkdir run/sshd
rm -rf etc/knockc var/lib/knockc usr/local/bin/knockc etc/ssh/ssh_host_*
cp "$public" etc/ssh/administrators
cp "$knockc" usr/bin/knockc
cat >etc/ssh/host_config <<END
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/administrators
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
END
hostname "$name"
pivot_root . mnt
umount -l mnt
ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
/usr/sbin/sshd -f /etc/ssh/host_config
echo "$pid $(cat /etc/ssh/ssh_host_ed25519_key.pub)"
exec cat
