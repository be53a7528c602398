// What an account has allowed a client. Pure.

/** Scopes, and names of claims that were asked for one by one (OpenID Connect Core 5.5). */
export type ConsentGiven = { scopes: string[]; claims: string[] }

export type Consent = ConsentGiven & { grantedAt: Date }

/** What of `asked` the account has not allowed yet; null where it has allowed everything. */
export const missingConsent = (consent: ConsentGiven | null, asked: ConsentGiven): ConsentGiven | null => {
  const missing = {
    scopes: asked.scopes.filter((scope) => !consent?.scopes.includes(scope)),
    claims: asked.claims.filter((claim) => !consent?.claims.includes(claim)),
  }
  return consent !== null && missing.scopes.length === 0 && missing.claims.length === 0 ? null : missing
}
