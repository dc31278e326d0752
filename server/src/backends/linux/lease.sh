#!/bin/sh
# What busybox's udhcpc runs with a lease: takes address, MTU and routes, then prints what was offered.
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
[ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
# A client that knows option 121 leaves option 3 alone (RFC 3442).
if [ -n "$staticroutes" ]; then
  set -- $staticroutes
  while [ $# -ge 2 ]; do
    ip route replace "$1" via "$2" dev "$interface"
    shift 2
  done
elif [ -n "$router" ]; then
  ip route replace default via "${router%% *}" dev "$interface"
fi
env
