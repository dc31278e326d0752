// The signatures that tokens of other issuers may have: those whose keys can be published (RFC 8725, section 3.1).
export const asymmetric: ReadonlySet<string> = new Set([
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
]);
