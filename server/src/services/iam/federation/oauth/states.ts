// What is kept of logins that are under way.
import type { TokenLimit } from "../../../kind.ts";
import type { Owner } from "../../account/factors.ts";
import type { Entered } from "../../tokens/login.ts";
import type { Credential } from "../../tokens/session-record.ts";

/** Who someone has proved to be, and what the login brings. */
export interface Proved {
  readonly org: string;
  readonly userId: string;
  readonly groups: readonly string[];
  /** Milliseconds since 1970. */
  readonly mfaAt?: number;
  /** What vouches for them: an identity provider, or their password. */
  readonly credential: Credential;
  /** All that the token is good for; undefined: everything. */
  readonly limits?: readonly TokenLimit[];
}

/** What a login is for: a command on the same machine, a device that shows a code, or a new passkey. */
export type Purpose =
  | {
      readonly for: "loopback";
      readonly redirectUri: string;
      readonly state: string;
      readonly challenge: string;
      readonly project: string;
    }
  | { readonly for: "device"; readonly userCode: string }
  | { readonly for: "passkey"; readonly name: string };

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

/** A browser is at the cloud's own page. Found by the ticket in its form. */
export interface Entering {
  readonly org: string;
  /** As of Away. */
  readonly browser: string;
  readonly purpose: Purpose;
  /** Whose password was right; the second factor is still to come. */
  readonly entered?: Entered;
}

/** A browser is asked for a new passkey. Found by the ticket in its form. */
export interface Enrolling {
  readonly owner: Owner;
  readonly factorId: string;
  /** As of Away. */
  readonly browser: string;
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
  /** "": none, but a password of the cloud's own. */
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
  /** As of Waiting. */
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
