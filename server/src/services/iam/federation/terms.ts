// What the operator allows of other issuers.

export interface FederationTerms {
  /** Whether issuers may be at private and loopback addresses: tenants can then reach the operator's own network through the server. */
  readonly privateIssuers: boolean;
}
