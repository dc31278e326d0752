// prismnet.v1.NetworkService: what the operator asks of the network as a whole.
import { create } from "@bufbuild/protobuf";
import { CheckNetworkResponseSchema, NetworkService } from "@photoncloud/proto/gen/prismnet/v1/network_pb";
import { DriverError } from "../../backends/driver-error.ts";
import { Fault } from "../../fault.ts";
import type { ServiceHandlers } from "../call.ts";
import type { Finding, Findings } from "./comparison.ts";

/** The most findings of a sort in an answer: whole lists could be larger than a message may be. */
const mostNamed = 1_000;

export interface NetworkServiceOptions {
  /** The backend's name. */
  readonly backend: string;
  check(): Promise<Findings>;
}

export function networkService({ backend, check }: NetworkServiceOptions): ServiceHandlers {
  return {
    service: NetworkService,
    methods: { CheckNetwork: async () => answerOf(backend, await check().catch(inCallersWords)) },
  };
}

function answerOf(backend: string, { objects, drifted, strays, foreign }: Findings) {
  return create(CheckNetworkResponseSchema, {
    backend,
    objects: BigInt(objects),
    drifted: named(drifted),
    strays: named(strays),
    foreign: named(foreign),
    driftedTotal: BigInt(drifted.length),
    straysTotal: BigInt(strays.length),
    foreignTotal: BigInt(foreign.length),
  });
}

function named(findings: readonly Finding[]) {
  return findings.slice(0, mostNamed).map(({ type, id, detail }) => ({ type, id, detail }));
}

function inCallersWords(error: unknown): never {
  if (!(error instanceof DriverError)) throw error;
  throw new Fault("BACKEND_UNAVAILABLE", error.message, { cause: error });
}
