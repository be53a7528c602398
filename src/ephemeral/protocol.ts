// What OAuth's protocol keeps for a short time: the part of the contract (`ephemeral.ts`) that is about requests, not
// about accounts.

import type { GrantRecord, NewGrant, UsedSession } from './sessions.ts'

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

/** What an authorization code is bound to (RFC 6749 4.1.2, RFC 9700 2.1), and what it grants. */
export type CodeRecord = {
  accountId: string
  sid: string
  grant: GrantRecord
  /** Whether the client gets a refresh token. */
  isRenewable: boolean
  nonce: string | null
  redirectUri: string
  codeChallenge: string | null
  /** A hash of what its redeemer has to show: client, registration, redirect URI, code verifier. */
  binding: string
  /** The thumbprint of the only key that redeems it (RFC 9449 10); null for any or none. */
  jkt: string | null
  /** Epoch seconds. */
  issuedAt: number
}

export type CodeRedeemed =
  /** `session`: seen through the grant that was opened. */
  | { kind: 'redeemed'; record: CodeRecord; session: UsedSession }
  /** Another binding or key than the code's: nothing has changed. */
  | { kind: 'mismatch'; record: CodeRecord }
  /** The account is locked (docs/security.md 8): nothing has changed. */
  | { kind: 'locked'; record: CodeRecord; untilMs: number }
  /** It was redeemed before, by the same client, in the last ten minutes: what it gave has been ended in the same step. */
  | ({ kind: 'reused'; clientId: string } & Pick<CodeRecord, 'accountId' | 'sid'>)
  | { kind: 'unknown' }

/** Authorization codes: `pst_ac_` + the account's tag + a secret; only a hash is stored. */
export type CodeStore = {
  /** False, and nothing is stored, where the record's session has ended. */
  open(code: string, opening: { record: CodeRecord; ttlSeconds: number; nowMs: number }): Promise<boolean>
  /**
   * Opens the grant in the live session; exactly one caller wins. `grant.jkt`: the key that its refresh tokens are bound
   * to, or null. Beyond 50 grants of a session, the one unused for longest is ended, of the same client where it has any.
   */
  redeem(
    code: string,
    shown: { binding: string; jkt: string | null },
    grant: NewGrant & { jkt: string | null },
    nowMs: number,
  ): Promise<CodeRedeemed>
}
