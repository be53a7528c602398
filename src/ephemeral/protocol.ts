// What OAuth's protocol keeps for a short time: the part of the contract (`ephemeral.ts`) that is about requests, not
// about accounts.

/** An authorization request that a client has pushed (RFC 9126). */
export type PushedRequest = {
  clientId: string
  /** When that client was registered, in epoch milliseconds: it may be deleted and made anew under its id. */
  clientRegisteredAt: number
  params: Record<string, string>
  /** The thumbprint of the key that the client has proven as it pushed the request (RFC 9449 10.1); null for none. */
  jkt: string | null
}

/** Pushed authorization requests. `token` is the secret in their `request_uri`; only a hash of it is stored. */
export type PushedRequestStore = {
  open(token: string, request: { record: PushedRequest; ttlSeconds: number; nowMs: number }): Promise<void>
  /**
   * The request, or null where there is none (any more). The first `browser` (a hash of its id) that uses it has it from
   * then on, and for `keepSeconds` at least, so that a sign-in takes its time; for any other it is as if there were none.
   * Null, for whoever is no browser, reads what no browser has, and changes nothing.
   */
  find(
    token: string,
    browser: string | null,
    keepSeconds: number,
    nowMs: number,
  ): Promise<PushedRequest | null>
  /** Exactly one caller gets the request, and it is gone. */
  take(token: string, nowMs: number): Promise<PushedRequest | null>
}

/** Names that are used once: the `jti` of an assertion (RFC 7523 3) and of a DPoP proof (RFC 9449 11.1). */
export type Replays = {
  /** True for exactly one caller in `ttlMs`. Names are stored hashed. */
  firstUse(name: string, ttlMs: number, nowMs: number): Promise<boolean>
}
