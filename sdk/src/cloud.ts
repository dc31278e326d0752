// The client of a whole cloud.
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { AxiosInstance } from "axios";
import { CatalogClients } from "./catalog-clients.ts";
import { fromEnvironment } from "./environment.ts";
import { EventClient } from "./events.ts";
import { exportVm, type VmExport, type VmExportOptions } from "./export-vm.ts";
import { inspectSymbol } from "./from-wire.ts";
import { createHttp } from "./http.ts";
import { transportOf } from "./login.ts";
import type { CallOptions, PhotonCloudOptions } from "./options.ts";
import { type RawCallOptions, rawUnary } from "./raw.ts";
import type { Transport } from "./transport.ts";

/** What an upload says of itself. */
export interface UploadOptions {
  /** "sha256:…" of the bytes. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** In place of the client's. */
  readonly org?: string | undefined;
  readonly project?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client for every kind of resource (`cloud.vpcs`, `cloud.vms`, …), for tokens, authorization and events.
 *
 * @example
 * const cloud = new PhotonCloud({
 *   endpoint: "https://cloud.example:50080",
 *   credentials: { principalId: "deployer", keySecret: process.env.PHOTON_KEY_SECRET ?? "" },
 *   org: "acme-corp",
 *   project: "project-alpha",
 * });
 * const vpc = await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/16" });
 */
export class PhotonCloud extends CatalogClients {
  /** The log of everything that was done or refused. */
  readonly events: EventClient;
  readonly #http: AxiosInstance;
  readonly #transport: Transport;
  readonly #options: PhotonCloudOptions;

  /** @throws PhotonError invalid_argument when the endpoint is no http or https URL. */
  constructor(options: PhotonCloudOptions) {
    const http = createHttp(options);
    const transport = transportOf(options, http);
    const context = { transport, org: options.org ?? "", project: options.project ?? "" };
    super(context);
    this.events = new EventClient(context);
    this.#http = http;
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * A client from PHOTON_ENDPOINT, PHOTON_ORG, PHOTON_PROJECT, PHOTON_CA_FILE and one of PHOTON_TOKEN, or PHOTON_PRINCIPAL with
   * PHOTON_KEY_SECRET, PHOTON_PASSWORD, or a pipeline's identity token in PHOTON_ID_TOKEN, PHOTON_ID_TOKEN_FILE or PHOTON_ID_TOKEN_COMMAND. Without PHOTON_ENDPOINT: from the CLI's context (PHOTON_CONTEXT, or the current one).
   *
   * @throws PhotonError invalid_argument when neither says where the cloud is.
   */
  static fromEnv(overrides: Partial<PhotonCloudOptions> = {}): PhotonCloud {
    return new PhotonCloud(fromEnvironment(process.env, overrides));
  }

  /** The axios instance under all calls: for interceptors. */
  get http(): AxiosInstance {
    return this.#http;
  }

  /** Calls any unary method with protobuf messages, for programs that work with the schema itself. @throws PhotonError */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions & RawCallOptions = {},
  ): Promise<MessageShape<O>> {
    return rawUnary(this.#transport, method, request, options);
  }

  /**
   * Uploads the bytes of an image to be. An image with this digest and without a `sourceUrl` is then made of them.
   *
   * @throws PhotonError invalid_argument when other bytes came than the digest says.
   */
  async uploadImage(bytes: AsyncIterable<Uint8Array>, options: UploadOptions): Promise<void> {
    const { digest, sizeBytes, org = this.#options.org ?? "", project = this.#options.project ?? "", signal } = options;
    const query = new URLSearchParams({ org_id: org, project_id: project });
    const headers = { "Content-Length": String(sizeBytes) };
    await this.#transport.put(`/uploads/${digest}?${query}`, bytes, headers, signal ?? new AbortController().signal);
  }

  /**
   * Reads a disk of a stopped machine, or of one of its snapshots, as a file that stands on no other: an image can be made of it.
   *
   * @throws PhotonError failed_precondition while the machine runs and no snapshot is named.
   */
  exportVm(vmId: string, options: VmExportOptions = {}): Promise<VmExport> {
    const { org, project } = this.#options;
    return exportVm(this.#transport, vmId, {
      ...options,
      org: options.org ?? org,
      project: options.project ?? project,
    });
  }

  /** The same cloud seen from another org or project. The login is shared no further than its credentials. */
  at(tenant: { readonly org?: string; readonly project?: string }): PhotonCloud {
    return new PhotonCloud({ ...this.#options, ...tenant });
  }

  /** What printing shows: where, for whom; never how it logs in. */
  [inspectSymbol](): string {
    const { endpoint, org = "", project = "" } = this.#options;
    return `PhotonCloud { endpoint: '${endpoint}', org: '${org}', project: '${project}' }`;
  }
}
