// Which user of the org a provider's words are about, and of which groups.
import { create, isMessage } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { catalog } from "@photoncloud/proto";
import type { IdentityProvider } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { UpdateUserRequestSchema, type User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { JWTPayload } from "jose";
import { Fault } from "../../../../fault.ts";
import type { Store } from "../../../../store/store.ts";
import type { Call, ResourceCalls } from "../../../call.ts";
import type { Caller } from "../../../kind.ts";
import { federatedClaim, userNameClaim } from "../user-link.ts";
import { OAuthError } from "./error.ts";
import { idOf } from "./user-id.ts";

const longestSubject = 255;
const longestName = 254;
/** Names that are tried for a new user whose own is taken. */
const tries = 5;

export interface PeopleParts {
  readonly store: Pick<Store, "holder">;
  readonly resources: ResourceCalls;
  readonly random: (bytes: number) => Uint8Array;
}

/** What ties a user to an issuer. */
interface Link {
  readonly userName: string;
  readonly federatedIssuer: string;
  readonly federatedSubject: string;
}

export class People {
  readonly #parts: PeopleParts;

  constructor(parts: PeopleParts) {
    this.#parts = parts;
  }

  /** The id of the user, who is tied to the issuer's subject from now on. @throws OAuthError access_denied */
  async find(org: string, provider: IdentityProvider, claims: JWTPayload, caller: Caller): Promise<string> {
    const subject = claims.sub ?? "";
    if (subject === "" || subject.length > longestSubject) throw denied("the provider names no subject");
    refuseDomain(provider, claims);
    const known = await this.#byClaim(org, federatedClaim(org, provider.issuer, subject));
    if (known !== undefined) return known.id;
    const userName = nameOf(provider, claims);
    const link = { userName, federatedIssuer: provider.issuer, federatedSubject: subject };
    const invited = await this.#byClaim(org, userNameClaim(org, userName));
    if (invited !== undefined) return this.#tie(org, invited, link, caller);
    if (provider.createUsers !== true)
      throw denied("nobody of that name is known in the org; ask an administrator to make a user with it as user_name");
    return this.#make(org, link, claims, caller);
  }

  async #byClaim(org: string, claim: { readonly space: string; readonly key: string }): Promise<User | undefined> {
    const key = await this.#parts.store.holder(claim.space, claim.key);
    if (key?.kind !== UserSchema.typeName || key.tenant.org !== org) return undefined;
    const request = create(GetRequestSchema, { orgId: org, id: key.id });
    const found = await this.#parts.resources.unary(userKind(), "get", request, cloudsOwn(undefined));
    return isMessage(found, UserSchema) ? found : undefined;
  }

  /** The first login of a user who was made beforehand. */
  async #tie(org: string, user: User, link: Link, caller: Caller): Promise<string> {
    if ((user.federatedSubject ?? "") !== "")
      throw denied("the user of that name is tied to someone else at a provider");
    const request = create(UpdateUserRequestSchema, {
      orgId: org,
      id: user.id,
      user: create(UserSchema, {
        federatedIssuer: link.federatedIssuer,
        federatedSubject: link.federatedSubject,
      }),
      updateMask: create(FieldMaskSchema, { paths: ["federated_issuer", "federated_subject"] }),
      etag: user.etag,
    });
    await this.#parts.resources.unary(userKind(), "update", request, cloudsOwn(caller));
    return user.id;
  }

  async #make(org: string, link: Link, claims: JWTPayload, caller: Caller): Promise<string> {
    const email = claims.email_verified === true && typeof claims.email === "string" ? { email: claims.email } : {};
    const name =
      typeof claims.name === "string" && claims.name !== "" ? claims.name.slice(0, 128) : link.userName.slice(0, 128);
    for (let left = tries; ; left--) {
      const id = idOf(link.userName, left === tries ? undefined : this.#parts.random(4));
      try {
        const made = await this.#parts.resources.unary(
          userKind(),
          "create",
          create(UserSchema, { ...link, ...email, orgId: org, id, name }),
          cloudsOwn(caller),
        );
        if (isMessage(made, UserSchema)) return made.id;
      } catch (error) {
        const isTaken = error instanceof Fault && (error.reason === "ALREADY_EXISTS" || isReserved(error));
        if (!isTaken || left === 1) throw error;
      }
    }
  }
}

function isReserved({ details }: Fault): boolean {
  return details.violations?.some(({ rule }) => rule === "reserved") ?? false;
}

function userKind() {
  const kind = catalog().byTypeName(UserSchema.typeName);
  if (kind === undefined) throw new Error("the catalog lacks users");
  return kind;
}

/** Only a verified address says who somebody is (OpenID Connect Core 1.0, section 5.7). */
function verifiedEmail(claims: JWTPayload): string | undefined {
  return claims.email_verified === true && typeof claims.email === "string" ? claims.email : undefined;
}

function refuseDomain({ allowedEmailDomains }: IdentityProvider, claims: JWTPayload): void {
  if (allowedEmailDomains.length === 0) return;
  const domain = verifiedEmail(claims)?.split("@").at(-1)?.toLowerCase() ?? "";
  if (!allowedEmailDomains.includes(domain)) throw denied("the org takes no verified e-mail address of that domain");
}

function nameOf(provider: IdentityProvider, claims: JWTPayload): string {
  const claim = provider.usernameClaim ?? "email";
  const name = claim === "email" ? verifiedEmail(claims) : claims[claim];
  if (typeof name === "string" && name !== "" && name.length <= longestName) return name;
  throw denied(
    `the provider says nothing that can be a name in the claim ${claim}${claim === "email" ? ", or has not verified it" : ""}`,
  );
}

function denied(why: string): OAuthError {
  return new OAuthError("access_denied", why);
}

/** The cloud itself ties and makes users: who logs in has no permission yet. */
function cloudsOwn(caller: Caller | undefined): Call {
  const from = caller ?? { sourceIp: "", requestId: "", method: "oauth2/callback" };
  const call = { ...from, principal: undefined, idempotencyKey: "", waitMs: 0, token: "" };
  return { ...call, signal: new AbortController().signal };
}
