// The gRPC health protocol: load balancers and orchestrators ask it.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Catalog } from "@photoncloud/proto";
import {
  Health,
  type HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "@photoncloud/proto/gen/grpc/health/v1/health_pb";
import { systemClock } from "../clock.ts";
import { shortened } from "./brevity.ts";
import type { LimitStrangers } from "./streams.ts";

type Answer = MessageInitShape<typeof HealthCheckResponseSchema>;

/** How often a watcher's answer is looked at again. Milliseconds. */
const lookAgainMs = 1_000;

export function createHealth(
  catalog: Catalog,
  notReady: () => Promise<string>,
  limit: LimitStrangers,
  stopping: AbortSignal,
) {
  const known = new Set(["", ...catalog.services.map((service) => service.typeName)]);
  const status = async (service: string): Promise<Status> => {
    if (!known.has(service)) return Status.SERVICE_UNKNOWN;
    if (stopping.aborted) return Status.NOT_SERVING;
    return (await notReady()) === "" ? Status.SERVING : Status.NOT_SERVING;
  };

  async function* watch(service: string, signal: AbortSignal): AsyncGenerator<Answer> {
    let last: Status | undefined;
    while (!signal.aborted) {
      const now = await status(service);
      if (now !== last) yield { status: now };
      last = now;
      if (stopping.aborted) return;
      await systemClock.sleep(lookAgainMs, AbortSignal.any([signal, stopping]));
    }
  }

  return {
    add(router: ConnectRouter): void {
      router.service(Health, {
        async check({ service }) {
          const now = await status(service);
          if (now === Status.SERVICE_UNKNOWN)
            throw new ConnectError(`no service "${shortened(service, 200)}"`, Code.NotFound);
          return { status: now };
        },
        watch: ({ service }, context) => limit(context, watch(service, context.signal)),
      });
    },
  };
}
