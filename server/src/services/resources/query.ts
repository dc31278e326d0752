// The methods of kinds that change nothing: they read one resource, ask drivers, and answer a message of their own.
import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { fieldsOf, type Method, validate } from "@photoncloud/proto";
import { DriverError } from "../../backends/driver-error.ts";
import type { Drivers } from "../../backends/drivers.ts";
import type { FlowSource } from "../../backends/network/flow-source.ts";
import { Fault } from "../../fault.ts";
import type { Store, Tenant } from "../../store/store.ts";
import type { Call } from "../call.ts";
import type { Caller, QueryContext } from "../kind.ts";
import { notFound } from "./errors.ts";
import { refuse } from "./mutate.ts";
import { idIn, tenantIn } from "./requests.ts";
import { loadedOf } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import { findRow } from "./work.ts";

export interface QueryOptions {
  readonly store: Store;
  readonly slices: Slices;
  readonly drivers: Drivers;
  readonly flows: FlowSource;
}

/** @throws Fault NOT_FOUND, INVALID_FIELDS, WRONG_STATE, BACKEND_UNAVAILABLE, UNIMPLEMENTED */
export async function query(
  options: QueryOptions,
  slice: Slice,
  method: Method,
  request: Message,
  call: Call,
): Promise<Message> {
  const { kind, definition } = slice;
  const { name, input, output } = method.desc;
  const tenant = tenantIn(kind, request);
  const id = idIn(request);
  refuse(validate(fieldsOf(input), request));
  const row = await findRow(options.store, kind, id, tenant);
  if (row === undefined) throw notFound(kind, id);
  const asked = definition.queries?.[name];
  if (asked === undefined) throw new Fault("UNIMPLEMENTED", `this server does not serve ${name}`);
  const loaded = loadedOf<DescMessage>(slice, kind.desc, row);
  const answer = await asked.answer(loaded, request, contextOf(options, tenant, call)).catch(inCallersWords);
  if (isMessage(answer, output)) return answer;
  throw new Error(`${name} did not answer ${output.typeName}`);
}

/** What a query of a tenant may ask. */
export function contextOf(
  { store, slices, drivers, flows }: QueryOptions,
  tenant: Tenant,
  call: Caller & Pick<Call, "signal">,
): QueryContext {
  return {
    caller: call,
    drivers,
    flows,
    signal: call.signal,
    async get(schema, id) {
      const slice = slices.of(schema.typeName);
      const row = await findRow(store, slice.kind, id, tenant);
      return row === undefined ? undefined : loadedOf(slice, schema, row);
    },
  };
}

/** @throws Fault in the place of what a driver threw. */
export function inCallersWords(error: unknown): never {
  if (!(error instanceof DriverError)) throw error;
  if (error.reason === "unavailable") throw new Fault("BACKEND_UNAVAILABLE", error.message, { cause: error });
  throw new Fault("WRONG_STATE", error.message, { cause: error });
}
