// This machine, as a host of the cloud: it is certified like any other, and trades machines with them.
import { MovePort } from "./agent/machines/move-port.ts";
import { hostName } from "./backends/hypervisor/remote/names.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { ownIdOf } from "./hosts.ts";
import { masterKeyOf } from "./master-key.ts";
import type { Log } from "./rpc/index.ts";
import { createSealing } from "./services/iam/tokens/sealing.ts";
import { type Authority, lateAuthority } from "./services/plasmavmc/host/authority.ts";
import type { Store } from "./store/store.ts";
import { requestCertificate } from "./x509.ts";

export interface OwnHost {
  readonly id: string;
  authority(): Promise<Authority>;
  readonly moves: MovePort;
}

export function makeOwnHost(config: Config, store: Store, clock: Clock, log: Log): OwnHost {
  const id = ownIdOf(config.databaseUrl !== undefined);
  const authority = lateAuthority({ records: store.records, sealing: createSealing(masterKeyOf(config)), clock });
  const makeIdentity = async () => {
    const { key, request } = await requestCertificate(id);
    const { certificate, certifyHost } = await authority();
    return { key, certificate: (await certifyHost(hostName(id), request)).pem, authority: certificate };
  };
  const say = (message: string, err?: unknown) => log.info({ err }, message);
  return { id, authority, moves: new MovePort({ ...config.moves, makeIdentity, clock, log: say }) };
}
