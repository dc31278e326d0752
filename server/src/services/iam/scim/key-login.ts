// Directories keep one bearer token for good. Theirs is a service account's key with the account's id before it, "directory.pck_…": it logs in by itself
// each quarter of an hour, so that it is counted, limited, logged and taken back like any key.
import { create } from "@bufbuild/protobuf";
import { IssueTokenRequestSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Call } from "../../call.ts";
import { RememberedTokens } from "../../remembered-tokens.ts";
import type { WebRequest } from "../../web.ts";
import { accessTokenMs } from "../tokens/access-token.ts";
import type { Login } from "../tokens/login.ts";
import type { SessionLife } from "../tokens/session-life.ts";

export interface KeyLoginParts {
  readonly clock: Clock;
  readonly login: Pick<Login, "check">;
  readonly life: Pick<SessionLife, "begin">;
}

const shape = /^([a-z0-9-]{1,63})\.(pck_[A-Za-z0-9_-]{43})$/;

export class KeyLogins {
  readonly #parts: KeyLoginParts;
  readonly #known: RememberedTokens;

  constructor(parts: KeyLoginParts) {
    this.#parts = parts;
    this.#known = new RememberedTokens(parts.clock);
  }

  /** Does some work for a request with an access token: its own, or that of the key that it came with. @throws Fault UNAUTHENTICATED, TOO_MANY_REQUESTS */
  async as<T>(org: string, request: WebRequest, work: (request: WebRequest) => Promise<T>): Promise<T> {
    const [, account, secret] = shape.exec(request.token) ?? [];
    if (account === undefined || secret === undefined) return work(request);
    const given: Given = [org, account, secret];
    const enter = () => this.#enter(given, request);
    const known = this.#known.find(given);
    if (known === undefined) return work(request.as(await enter()));
    return work(request.as(known)).catch(async (error: unknown) => {
      if (!(error instanceof Fault) || error.reason !== "UNAUTHENTICATED") throw error;
      this.#known.forget(given);
      // Its session was ended; where the key is still good it begins another.
      return work(request.as(await enter()));
    });
  }

  async #enter(given: Given, request: WebRequest): Promise<string> {
    const [org, account, secret] = given;
    const { login, life } = this.#parts;
    const { sourceIp, requestId, signal } = request;
    const from = { sourceIp, requestId, signal, method: "scim" };
    const call: Call = { ...from, principal: undefined, token: "", idempotencyKey: "", waitMs: 0 };
    const credential = { case: "keySecret", value: secret } as const;
    const asked = create(IssueTokenRequestSchema, { orgId: org, principalId: account, credential });
    const logged = await login.check(asked, call).catch(inOneWord);
    const terms = { project: "", refreshable: false, ttlMs: accessTokenMs };
    const issued = await life.begin({ ...logged, ...terms }, call);
    this.#known.keep(given, issued);
    return issued.token;
  }
}

type Given = readonly [org: string, account: string, secret: string];

/** A directory is told what it would be told of any token that is not good. */
function inOneWord(error: unknown): never {
  if (error instanceof Fault && error.reason === "BAD_CREDENTIALS")
    throw new Fault("UNAUTHENTICATED", "the token is not valid or no longer valid", { cause: error });
  throw error;
}
