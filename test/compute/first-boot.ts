// What guests of tests do when they boot: they tell on their consoles what they see of the cloud. The tiny image's busybox has no PUT but nc.

/** Asks the metadata service with a token. */
const metadata = `metadata=169.254.169.254
token() {
  printf 'PUT /latest/api/token HTTP/1.1\\r\\nHost: %s\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\nConnection: close\\r\\n\\r\\n' $metadata |
    timeout 5 nc $metadata 80 | tr -d '\\r' | sed -n '/^$/,$p' | tail -n 1
}
ask() { timeout 5 wget -q -O - --header "X-aws-ec2-metadata-token: $t" http://$metadata/latest/meta-data/$1; }
`;

interface Peer {
  readonly address: string;
  readonly name: string;
}

/** Tells what metadata, names and a peer's page say: "metadata: …", "name: …", "page: …". */
export const tellsItsCloud = (peer: Peer) => `#!/bin/sh
${metadata}(
  until t=$(token) && [ -n "$t" ] && id=$(ask instance-id); do sleep 1; done
  echo "metadata: $id $(ask local-hostname)"
  until found=$(timeout 5 nslookup ${peer.name} | grep -F ${peer.address}); do sleep 1; done
  echo "name: ${peer.name} $found"
  until page=$(timeout 5 wget -q -O - http://${peer.address}/); do sleep 1; done
  echo "page: $page"
) > /dev/console 2>/dev/null &
`;

/**
 * The same again and again, with a number that grows: "round 7: metadata=vm-1 name=10.0.0.5 page=hello from peer". What fails is left empty. And it
 * reads numbers from its peer on one connection that lasts: "count 7".
 */
export const keepsTelling = (peer: Peer) => `#!/bin/sh
mkdir -p /www/cgi-bin
cat > /www/cgi-bin/count << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
n=0
while echo $n; do n=$((n + 1)); sleep 1; done
END
chmod +x /www/cgi-bin/count
${metadata}(
  until wget -q -O - http://${peer.address}/cgi-bin/count | while read n; do echo "count $n"; done && false; do sleep 1; done
) > /dev/console 2>/dev/null &
(
  n=0
  while true; do
    n=$((n + 1))
    page=$(timeout 5 wget -q -O - http://${peer.address}/)
    name=$(timeout 5 nslookup ${peer.name} | grep -oF ${peer.address} | head -n 1)
    t=$(token)
    echo "round $n: metadata=$(ask instance-id) name=$name page=$page"
    sleep 1
  done
) > /dev/console 2>/dev/null &
`;
