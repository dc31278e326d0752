// photoncloud_access_token: a token of the provider's own principal, in a session of its own that ends with the run.
import type { CatalogFacts as Catalog, MethodFacts as Method } from "@photoncloud/proto";
import type { Credentials } from "@photoncloud/sdk";
import { fromJson } from "../convert.ts";
import { attribute as attributeStep } from "../cty/path.ts";
import { Unknown, type ValueMap } from "../cty/value.ts";
import { Deadline } from "../deadline.ts";
import { type Diagnostic, errorAt, explain, Problem, plainError } from "../diagnostics.ts";
import { type JsonObject, textOf } from "../json-object.ts";
import { callMs, reading } from "../operation.ts";
import type { Configuration } from "../provider-config.ts";
import { outputsOf } from "../schema.ts";
import type { Session } from "../session.ts";
import {
  type Ephemeral,
  type EphemeralSchema,
  ended,
  isForPrograms,
  type Kept,
  type Opened,
  type Renewed,
} from "./ephemeral.ts";

type Verb = "ExchangeToken" | "IssueToken" | "RefreshToken" | "RevokeToken" | "WhoAmI";

/** Terraform waits for it at the end of a run (milliseconds). */
const closeMs = 10_000;

function methodOf(catalog: Catalog, verb: Verb): Method {
  const method = catalog.methods.get(`iam.v1.IamTokenService/${verb}`);
  if (method === undefined) throw new Error(`the catalog has no ${verb}`);
  return method;
}

export function accessTokenSchema(catalog: Catalog): EphemeralSchema {
  const { inputs, outputs } = methodOf(catalog, "IssueToken");
  const shown = outputsOf(outputs).filter(isForPrograms);
  const asked = outputsOf(inputs).filter((a) => a.name === "project_id");
  return {
    typeName: "photoncloud_access_token",
    component: "iam",
    description:
      "A short-lived bearer token of the principal that the provider logs in as. It is made in a session of its own, which is ended when Terraform no longer needs it. Where the provider was given a token and not a credential, it is that token, and nothing is ended.",
    attributes: [...asked.map((a) => ({ ...a, optional: true })), ...shown],
  };
}

type ByIdentityToken = Extract<Credentials, { readonly identityToken: unknown }>;

interface Where {
  readonly orgId: string;
  readonly projectId: string;
}

const told = (credentials: Configuration["credentials"]): Exclude<Credentials, (...args: never[]) => unknown> => {
  if (credentials !== undefined && !(credentials instanceof Unknown) && typeof credentials !== "function")
    return credentials;
  throw new Problem([plainError("The provider's configuration is not known yet", "There is nobody to log in as.")]);
};

export class AccessToken implements Ephemeral {
  readonly schema: EphemeralSchema;
  readonly #catalog: Catalog;
  readonly #session: Session;
  readonly #configuration: () => Configuration | undefined;

  constructor(catalog: Catalog, session: Session, configuration: () => Configuration | undefined) {
    this.schema = accessTokenSchema(catalog);
    this.#catalog = catalog;
    this.#session = session;
    this.#configuration = configuration;
  }

  validate(): readonly Diagnostic[] {
    return [];
  }

  async open(config: ValueMap, signal: AbortSignal): Promise<Opened> {
    const credentials = told(this.#configuration()?.credentials);
    const asked = config.get("project_id");
    if ("token" in credentials) return this.#given(credentials.token, asked ?? null, signal);
    const { org, project } = this.#session.tenant;
    const orgId = credentials.orgId ?? (typeof org === "string" ? org : "");
    const projectId = typeof asked === "string" ? asked : typeof project === "string" ? project : "";
    if ("identityToken" in credentials) return this.#exchanged(credentials, { orgId, projectId }, signal);
    const { principalId } = credentials;
    const secret =
      "password" in credentials ? { password: credentials.password } : { keySecret: credentials.keySecret };
    const answer = await this.#call("IssueToken", { principalId, ...secret, orgId, projectId }, signal);
    return { result: this.#result(answer, projectId), ...lease(answer) };
  }

  async renew(kept: Kept, signal: AbortSignal): Promise<Renewed> {
    const answer = await this.#call("RefreshToken", { refreshToken: textOf(kept, "refreshToken") }, signal);
    return { ...lease(answer), diagnostics: [ended("access token")] };
  }

  async close(kept: Kept, signal: AbortSignal): Promise<readonly Diagnostic[]> {
    const token = textOf(kept, "refreshToken");
    if (token === "") return [];
    try {
      // Also after Terraform was told to stop.
      const terms = reading(new Deadline(closeMs, signal));
      await this.#session.cloud.call(methodOf(this.#catalog, "RevokeToken"), { token }, terms);
      return [];
    } catch (error) {
      const problems = explain(error, [], "revoking an access token");
      return problems.map((problem) => ({
        ...problem,
        severity: "warning",
        summary: "The access token ends by itself",
      }));
    }
  }

  /** A token for a platform's identity token: it ends by itself after fifteen minutes, and nothing renews it. */
  async #exchanged(
    { principalId, identityToken }: ByIdentityToken,
    where: Where,
    signal: AbortSignal,
  ): Promise<Opened> {
    const subjectToken = await identityToken();
    const answer = await this.#call("ExchangeToken", { principalId, subjectToken, ...where }, signal);
    return { result: this.#result(answer, where.projectId), kept: { refreshToken: "" } };
  }

  /** The provider has no more than a token: it is that one, and its session is not ours to end. */
  async #given(token: string, asked: unknown, signal: AbortSignal): Promise<Opened> {
    const who = await this.#call("WhoAmI", {}, signal);
    const projectId = textOf(who.principal, "projectId");
    if (typeof asked === "string" && asked !== projectId)
      throw new Problem([
        errorAt(
          [attributeStep("project_id")],
          "Not without a credential",
          `The provider was given a token, which is for ${projectId === "" ? "no project" : projectId}. Give it principal_id with key_secret or password to make tokens for other projects.`,
        ),
      ]);
    return { result: this.#result({ ...who, token }, projectId), kept: {} };
  }

  #result(answer: JsonObject, projectId: string): ValueMap {
    return new Map([...fromJson(this.schema.attributes, answer), ["project_id", projectId]]);
  }

  async #call(verb: Verb, request: JsonObject, signal: AbortSignal): Promise<JsonObject> {
    try {
      const terms = reading(new Deadline(callMs, AbortSignal.any([signal, this.#session.stop.signal])));
      return await this.#session.cloud.call(methodOf(this.#catalog, verb), request, terms);
    } catch (error) {
      throw new Problem(explain(error, [], "getting an access token"));
    }
  }
}

/** What is kept of a login, and when the token that was handed out ends. */
function lease(answer: JsonObject): { readonly kept: Kept; readonly renewAt: Date } {
  return { kept: { refreshToken: textOf(answer, "refreshToken") }, renewAt: new Date(textOf(answer, "expireTime")) };
}
