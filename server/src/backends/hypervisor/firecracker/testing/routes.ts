// Firecracker's API as it is published, as far as machines of ours could use it: which request is allowed when, and what its body must be.
// Members that are not known are refused, as Firecracker does.

/** What a member must be; a list: one of these words; a range: a whole number in it; a rule: an object of that shape. */
export type MemberType =
  | "string"
  | "boolean"
  | "integer"
  | "strings"
  | readonly string[]
  | { readonly min: number; readonly max?: number }
  | BodyRule;

export interface Route {
  readonly method: "GET" | "PUT" | "PATCH";
  /** Segments; "{id}" stands for a name. */
  readonly path: string;
  /** Relative to the start of the microVM. */
  readonly when: "before" | "after" | "always";
  /** Undefined: it has no body, or any. */
  readonly body?: BodyRule;
}

export interface BodyRule {
  readonly required: Readonly<Record<string, MemberType>>;
  readonly optional: Readonly<Record<string, MemberType>>;
}

const natural = { min: 0 };
const bucket: BodyRule = {
  required: { refill_time: natural, size: natural },
  optional: { one_time_burst: natural },
};
const limiter: BodyRule = { required: {}, optional: { bandwidth: bucket, ops: bucket } };
const machine = {
  smt: "boolean",
  cpu_template: ["C3", "T2", "T2S", "T2CL", "T2A", "V1N1", "None"],
  track_dirty_pages: "boolean",
  huge_pages: ["None", "Transparent", "2M"],
} as const;
const size = { vcpu_count: "integer", mem_size_mib: "integer" } as const;
const log = {
  log_path: "string",
  level: ["Error", "Warning", "Info", "Debug", "Trace", "Off"],
  show_level: "boolean",
  show_log_origin: "boolean",
  module: "string",
} as const;

export const routes: readonly Route[] = [
  { method: "GET", path: "/", when: "always" },
  { method: "GET", path: "/version", when: "always" },
  { method: "GET", path: "/machine-config", when: "always" },
  { method: "GET", path: "/mmds", when: "always" },
  put("/actions", "always", { action_type: ["FlushMetrics", "InstanceStart", "SendCtrlAltDel"] }),
  put("/boot-source", "before", { kernel_image_path: "string" }, { boot_args: "string", initrd_path: "string" }),
  put(
    "/drives/{id}",
    "before",
    { drive_id: "string", is_root_device: "boolean" },
    {
      path_on_host: "string",
      is_read_only: "boolean",
      partuuid: "string",
      socket: "string",
      cache_type: ["Unsafe", "Writeback"],
      io_engine: ["Sync", "Async"],
      rate_limiter: limiter,
    },
  ),
  patch("/drives/{id}", "after", { drive_id: "string" }, { path_on_host: "string", rate_limiter: limiter }),
  put("/machine-config", "before", size, machine),
  patch("/machine-config", "before", {}, { ...size, ...machine }),
  put(
    "/network-interfaces/{id}",
    "before",
    { iface_id: "string", host_dev_name: "string" },
    { guest_mac: "string", mtu: { min: 68, max: 65_535 }, rx_rate_limiter: limiter, tx_rate_limiter: limiter },
  ),
  patch(
    "/network-interfaces/{id}",
    "after",
    { iface_id: "string" },
    { rx_rate_limiter: limiter, tx_rate_limiter: limiter },
  ),
  put("/entropy", "before", {}, { rate_limiter: limiter }),
  put("/logger", "before", {}, log),
  put("/metrics", "before", { metrics_path: "string" }),
  put("/serial", "before", {}, { serial_out_path: "string", rate_limiter: bucket }),
  put("/vsock", "before", { guest_cid: { min: 3 }, uds_path: "string" }, { vsock_id: "string" }),
  put(
    "/mmds/config",
    "before",
    { network_interfaces: "strings" },
    { version: ["V1", "V2"], ipv4_address: "string", imds_compat: "boolean" },
  ),
  { method: "PUT", path: "/mmds", when: "always" },
  { method: "PATCH", path: "/mmds", when: "always" },
  patch("/vm", "after", { state: ["Paused", "Resumed"] }),
  put(
    "/snapshot/create",
    "after",
    { mem_file_path: "string", snapshot_path: "string" },
    { snapshot_type: ["Full", "Diff"] },
  ),
  put("/snapshot/load", "before", { snapshot_path: "string" }, { mem_file_path: "string", resume_vm: "boolean" }),
];

function put(path: string, when: Route["when"], required: BodyRule["required"], optional = {}): Route {
  return { method: "PUT", path, when, body: { required, optional } };
}

function patch(path: string, when: Route["when"], required: BodyRule["required"], optional = {}): Route {
  return { method: "PATCH", path, when, body: { required, optional } };
}

export function findRoute(method: string, path: string): { readonly route: Route; readonly id: string } | undefined {
  const segments = path.split("/");
  for (const route of routes) {
    const wanted = route.path.split("/");
    const fits =
      wanted.length === segments.length && wanted.every((word, i) => word === "{id}" || word === segments[i]);
    if (fits && route.method === method) return { route, id: segments[wanted.indexOf("{id}")] ?? "" };
  }
  return undefined;
}

/** What is wrong with a body; undefined: nothing. */
export function bodyFault(
  { required, optional }: BodyRule,
  body: Readonly<Record<string, unknown>>,
): string | undefined {
  const known: Readonly<Record<string, MemberType>> = { ...optional, ...required };
  for (const [name, value] of Object.entries(body)) {
    const type = known[name];
    if (type === undefined) return `unknown field \`${name}\``;
    if (!isOf(type, value)) return `invalid value for \`${name}\`: ${JSON.stringify(value)}`;
  }
  const missing = Object.keys(required).find((name) => body[name] === undefined);
  return missing === undefined ? undefined : `missing field \`${missing}\``;
}

function isOf(type: MemberType, value: unknown): boolean {
  if (type === "integer") return isOf({ min: 0 }, value);
  if (type === "strings") return Array.isArray(value) && value.every((one) => typeof one === "string");
  if (typeof type === "string") return typeof value === type;
  if ("min" in type)
    return Number.isInteger(value) && Number(value) >= type.min && Number(value) <= (type.max ?? Infinity);
  if ("required" in type)
    return typeof value === "object" && value !== null && bodyFault(type, { ...value }) === undefined;
  return typeof value === "string" && type.includes(value);
}
