// What a plugin serves, and how it fails, without what carries it: that is loaded when Terraform has been told where to connect.

/** Answers one call with one message or with a stream of them; the signal fires when the caller gives up. */
export type Method = (request: Buffer, signal: AbortSignal) => Promise<Uint8Array | AsyncIterable<Uint8Array>>;
/** By path: "/tfplugin6.Provider/ReadResource". */
export interface Methods {
  get(path: string): Method | undefined;
}

export const status = { ok: 0, cancelled: 1, unknown: 2, invalidArgument: 3, unimplemented: 12, internal: 13 } as const;

/** A failure with its gRPC status. */
export class GrpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
