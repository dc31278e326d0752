// What this cloud says of itself as an issuer (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
import { algorithm } from "../../tokens/signing-keys.ts";
import { grantTypes } from "./token-endpoint.ts";

/** @param endpoint The address of the cloud: its issuer identifier for everything that it says to others. */
export function metadata(endpoint: string): Readonly<Record<string, unknown>> {
  return {
    issuer: endpoint,
    jwks_uri: `${endpoint}/.well-known/jwks.json`,
    authorization_endpoint: `${endpoint}/oauth2/authorize`,
    token_endpoint: `${endpoint}/oauth2/token`,
    device_authorization_endpoint: `${endpoint}/oauth2/device_authorization`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: Object.values(grantTypes),
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [algorithm],
    token_endpoint_auth_methods_supported: ["none"],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
    claims_supported: [
      "iss",
      "sub",
      "aud",
      "exp",
      "iat",
      "jti",
      "org_id",
      "project_id",
      "principal_kind",
      "principal_id",
    ],
  };
}
