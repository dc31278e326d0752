// creditservice.v1.UsageService: what there is in a scope, and what quotas may limit.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import {
  GetUsageRequestSchema,
  GetUsageResponseSchema,
  ListDimensionsResponseSchema,
  UsageService,
} from "@photoncloud/proto/gen/creditservice/v1/usage_pb";
import { invalidField } from "../../fault.ts";
import type { Store, Tenant } from "../../store/store.ts";
import type { ServiceHandlers } from "../call.ts";
import { noScope } from "../resources/errors.ts";
import type { Slices } from "../resources/slices.ts";
import { sameTenant, scopeReference } from "../resources/tenancy.ts";
import { dimensionsOf } from "./dimensions.ts";

export interface UsageServiceOptions {
  readonly store: Pick<Store, "get" | "usage" | "limits">;
  readonly slices: Slices;
}

export function usageService({ store, slices }: UsageServiceOptions): ServiceHandlers {
  return {
    service: UsageService,
    methods: {
      GetUsage: (request) => getUsage(store, slices, request),
      ListDimensions: async () => listDimensions(slices.catalog),
    },
  };
}

async function getUsage(store: UsageServiceOptions["store"], slices: Slices, request: Message): Promise<Message> {
  const scope = await scopeOf(store, slices, request);
  const dimensions = [...dimensionsOf(slices.catalog).values()];
  const [used, limits] = await Promise.all([
    store.usage(
      scope,
      dimensions.map(({ measure }) => measure),
    ),
    store.limits(scope),
  ]);
  const own = limits.filter((one) => sameTenant(one.scope, scope)).sort((a, b) => b.most - a.most);
  const lowest = new Map(own.map(({ measure, most }) => [measure, most]));
  const usage = dimensions.map(({ name, unit, measure }) => {
    const limit = lowest.get(measure);
    return {
      dimension: name,
      unit,
      used: BigInt(used[measure] ?? 0),
      ...(limit !== undefined && { limit: BigInt(limit) }),
    };
  });
  return create(GetUsageResponseSchema, { usage });
}

/** @throws Fault INVALID_FIELDS, NOT_FOUND */
async function scopeOf(store: UsageServiceOptions["store"], slices: Slices, request: Message): Promise<Tenant> {
  if (!isMessage(request, GetUsageRequestSchema)) throw new TypeError(`${request.$typeName} asks for no usage`);
  const scope = { org: request.orgId, project: request.projectId };
  if (scope.org === "") throw invalidField("org_id", "required", "it is missing; give the org");
  const reference = scopeReference(slices, scope);
  if (reference !== undefined && (await store.get(reference.target)) === undefined) throw noScope(reference);
  return scope;
}

function listDimensions(catalog: Catalog): Message {
  const dimensions = [...dimensionsOf(catalog).values()].map(({ name, unit, description, kinds }) => ({
    name,
    unit,
    description,
    kinds: kinds.map(({ noun }) => noun),
  }));
  return create(ListDimensionsResponseSchema, { dimensions });
}
