#!/bin/sh
# What udhcpc calls when it got an address.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
[ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
if [ -n "$staticroutes" ]; then
  set -- $staticroutes
  while [ -n "$2" ]; do ip route replace "$1" via "$2" dev "$interface"; shift 2; done
else
  for r in $router; do ip route replace default via "$r" dev "$interface"; done
fi
: > /etc/resolv.conf
[ -n "$domain" ] && echo "search $domain" >> /etc/resolv.conf
for d in $dns; do echo "nameserver $d" >> /etc/resolv.conf; done
echo "$ip" > /run/address
echo "address $interface $ip" > /dev/console
