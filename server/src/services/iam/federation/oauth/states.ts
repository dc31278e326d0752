// What is kept of logins that are under way.
import type { ResourceKey } from "../../../../store/store.ts";

/** Who a provider said that someone is, and what the login brings. */
export interface Proved {
  readonly org: string;
  readonly userId: string;
  readonly groups: readonly string[];
  /** Milliseconds since 1970. */
  readonly mfaAt?: number;
  /** The identity provider. */
  readonly through: ResourceKey;
}

/** For whom a login is done: a command on the same machine, or a device that shows a code. */
export type Purpose =
  | {
      readonly for: "loopback";
      readonly redirectUri: string;
      readonly state: string;
      readonly challenge: string;
      readonly project: string;
    }
  | { readonly for: "device"; readonly userCode: string };

/** A browser is at the provider. Found by the `state` that it comes back with. */
export interface Away {
  readonly org: string;
  readonly provider: string;
  readonly verifier: string;
  readonly nonce: string;
  /** Of the cookie that the same browser holds. */
  readonly browser: string;
  readonly purpose: Purpose;
}

/** A code that the command exchanges (RFC 6749, section 4.1.2). */
export interface Granted {
  readonly proved: Proved;
  readonly project: string;
  readonly redirectUri: string;
  readonly challenge: string;
}

/** A device that waits (RFC 8628). Found by its device code. */
export interface Waiting {
  readonly org: string;
  readonly provider: string;
  readonly project: string;
  readonly sourceIp: string;
  readonly userCode: string;
  readonly intervalMs: number;
  /** When it may ask again, in milliseconds since 1970. */
  readonly nextAt: number;
}

/** What a user code stands for. Found by it. */
export interface Shown {
  readonly org: string;
  readonly provider: string;
  readonly sourceIp: string;
  readonly decision: "open" | "denied" | Proved;
}

/** A person has proved who they are and is asked whether the device may in. Found by the ticket in the form. */
export interface Asked {
  readonly userCode: string;
  readonly browser: string;
  readonly proved: Proved;
}
