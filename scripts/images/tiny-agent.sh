#!/bin/sh
# Answers the hypervisor's questions as QEMU's guest agent does, as far as the tiny guest can (QEMU, "Guest Agent Protocol").
for port in /sys/class/virtio-ports/*; do
  [ "$(cat "$port/name" 2>/dev/null)" = org.qemu.guest_agent.0 ] && mine=/dev/${port##*/}
done
[ -n "$mine" ] || exit 0
exec 3<>"$mine"
answer() { printf '%s\n' "$1" >&3; }
disks() { sed -n 's/^\/dev\/[^ ]* \([^ ]*\) ext[0-9] .*/\1/p' /proc/mounts; }
freeze() { # freeze or unfreeze
  n=0
  for disk in $(disks); do fsfreeze "--$1" "$disk" && n=$((n + 1)); done 2>/dev/null
  echo "agent: $1 $n" > /dev/console
  answer "{\"return\": $n}"
}
while :; do
  # Nobody is at the other end: the port says so by ending.
  read -r line <&3 || { sleep 0.2; continue; }
  case "$line" in
    *guest-sync-delimited*) printf '\377{"return": %s}\n' "$(echo "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/')" >&3 ;;
    *guest-get-host-name*) answer "{\"return\": {\"host-name\": \"$(hostname)\"}}" ;;
    *guest-get-osinfo*) answer "{\"return\": {\"name\": \"Tiny\", \"pretty-name\": \"Tiny guest, Linux $(uname -r)\"}}" ;;
    *guest-fsfreeze-freeze*) freeze freeze ;;
    *guest-fsfreeze-thaw*) freeze unfreeze ;;
    *guest-shutdown*) echo "agent: shutdown" > /dev/console; sync; poweroff -f ;;
    *) answer '{"error": {"class": "CommandNotFound", "desc": "the tiny guest knows no such command"}}' ;;
  esac
done
