#!/bin/busybox sh
# The first and only program of the tiny guest: network by DHCP, a first-boot reader (NoCloud seed), a web page, the power button, the agent (user
# data may put another into /run/agent). One line a second on the serial console tells what it has.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/pts /run /tmp /www /seed
mount -t devpts pts /dev/pts
echo 1 > /proc/sys/kernel/printk
for module in $(cat /modules/order); do insmod "/modules/$module" 2>/dev/null; done
for memory in /sys/devices/system/memory/auto_online_blocks; do [ -e $memory ] && echo online > $memory; done
hostname tiny

run_user_data() { # file
  [ -s "$1" ] || return
  case "$(head -n 1 "$1")" in
    '#!'*) chmod +x "$1"; "$1" >/dev/console 2>&1 ;;
    '#cloud-config'*)
      name=$(sed -n 's/^hostname: *//p' "$1"); [ -n "$name" ] && hostname "$name"
      sed -n '/^runcmd:/,/^[^ -]/{s/^ *- *//p}' "$1" | grep -v '^runcmd:' > /run/runcmd; sh /run/runcmd >/dev/console 2>&1 ;;
  esac
}
ssh_keys() { # as cloud-init reads them, without a parser of YAML
  cat /seed/meta-data /seed/user-data | sed -n '/^\(public-keys\|ssh_authorized_keys\):/,/^[^ ]*$/s/^ *- "\(.*\)"$/\1/p'
}
first_boot() {
  mkdir -p /root/.ssh
  for disk in /dev/vd? /dev/sd?; do
    [ -b "$disk" ] || continue
    mount -t vfat -o ro "$disk" /seed 2>/dev/null || continue
    [ -e /seed/meta-data ] && { sed -n 's/^local-hostname: *//p' /seed/meta-data > /run/name; cp /seed/user-data /run/user-data 2>/dev/null; ssh_keys > /root/.ssh/authorized_keys; echo nocloud > /run/source; }
    umount /seed
    [ -e /run/source ] && break
  done
  [ -s /run/name ] && hostname "$(cat /run/name)"
}
first_boot
for nic in /sys/class/net/eth*; do
  [ -e "$nic" ] || continue
  nic=${nic##*/}; ip link set "$nic" up
  udhcpc -i "$nic" -b -t 20 -T 1 -S -O staticroutes -O mtu -O hostname -s /bin/udhcpc-script -x "hostname:$(hostname)" >/dev/null 2>&1
done
ip link set lo up
run_user_data /run/user-data
echo "hello from $(hostname)" > /www/index.html
httpd -p 80 -h /www
[ -e /run/agent ] || cp /bin/agent /run/agent
/run/agent &
button=$(grep -l "Power Button" /sys/class/input/event*/device/name | head -n 1 | cut -d/ -f5)
(while :; do
  dd if="/dev/input/$button" bs=24 count=1 of=/run/key 2>/dev/null
  [ -s /run/key ] && { echo "power button" > /dev/console; sync; poweroff -f; }
  sleep 1
done) &
(n=0; while :; do
  for cpu in /sys/devices/system/cpu/cpu*/online; do [ "$(cat "$cpu")" = 0 ] && echo 1 > "$cpu"; done 2>/dev/null
  cpus=$(grep -c ^processor /proc/cpuinfo); memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
  disks=$(cd /sys/block; for d in vd* sd*; do [ -e "$d" ] && echo -n "$d:$(cat $d/size),"; done)
  addresses=$(ip -o addr show scope global | awk '{printf "%s:%s,", $2, $4}')
  echo "tick $n host=$(hostname) cpus=$cpus memory=$memory disks=$disks addresses=$addresses"; n=$((n + 1)); sleep 1
done > /dev/console) &
echo "READY $(hostname)" > /dev/console
while :; do setsid cttyhack sh </dev/ttyS0 >/dev/ttyS0 2>&1; sleep 1; done
