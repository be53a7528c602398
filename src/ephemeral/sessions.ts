// Signed-in sessions: the part of the contract (`ephemeral.ts`) that is about what an account has signed in to.
//
// A session is one sign-in. Clients have grants in it: whatever a client got of it (its refresh tokens, what its access
// tokens say) hangs on its grant, and everything ends with the session, in one step. A session that was opened for one
// client has one grant, whose end ends it too. A session that was opened in a browser has a key of the browser's, and any
// number of grants.
import type { Epochs } from './ephemeral.ts'

/** What a session says of its authentication in every token. Times in epoch seconds. */
export type SessionRecord = {
  /** The public id of the session, a UUID; it is the `sid` claim. */
  sid: string
  accountId: string
  /** The client that it was opened for, or through which the browser came to sign in. */
  clientId: string
  /** When that client was registered, in epoch milliseconds: it may be deleted and made anew under its id. */
  clientRegisteredAt: number
  /** Space-separated, as in RFC 6749. */
  scope: string
  /** When primary authentication passed (`auth_time`). */
  authTime: number
  /**
   * A client vouched for this account of Postern's own, and sees its codes: the session changes and administrates nothing
   * (docs/security.md 41), however it is renewed.
   */
  vouched: boolean
  /** When a second factor last passed in this session, or null if none has. */
  secondFactorAt: number | null
  acr: 'aal1' | 'aal2' | 'phr'
  amr: string[]
  ip: string | null
  userAgent: string | null
  createdAt: number
}

/**
 * What a client was granted, and what the session had shown at that moment: a later step-up for one client raises no
 * other's tokens.
 */
export type GrantRecord = Pick<
  SessionRecord,
  'clientId' | 'clientRegisteredAt' | 'scope' | 'authTime' | 'secondFactorAt' | 'acr' | 'amr'
> & {
  /** The resources that were granted (RFC 8707); null where none was asked for. */
  audience: string[] | null
  /** The `claims` parameter (OpenID Connect Core 5.5), as compact JSON; null where there was none. */
  claims: string | null
}

/** A grant to open. Its id is made from `familyHash` (`grantIdOf`). */
export type NewGrant = {
  /** SHA-256 (base64url) of the refresh token's constant family part and of its rotating part. */
  familyHash: string
  /** Null for a client that gets no refresh token. */
  refreshHash: string | null
}

/** A session to open. `idleSeconds` slides with use; `absoluteAt` (epoch seconds) does not. */
export type NewSession = SessionRecord & {
  idleSeconds: number
  absoluteAt: number
  /** SHA-256 (base64url) of the secret in the browser's cookie; null where it is opened for a client. */
  browserKeyHash: string | null
  /** The grant of the client that it is opened for, which has what the session has; null in a browser. */
  grant: NewGrant | null
  /** Beyond this many, the sessions that were idle for longest are ended. At most 100, so that scripts stay short. */
  maxSessions: number
  /** The network to remember that the account has signed in from; null for none. */
  network: string | null
  /**
   * The session that this one replaces (step-up, a first authenticator), ended in the same step. Null: none. Its own
   * `sid`: it is this session, which becomes what is given here; its grants stay, and only the new browser key opens it.
   */
  replacesSid: string | null
}

/** Times in epoch seconds; `lastSeenAt` is at most a second old. */
export type ListedSession = SessionRecord & {
  lastSeenAt: number
  absoluteAt: number
  /** It has a browser's key, and is stepped up there alone. */
  inBrowser: boolean
}

/** The grant through which a session is used; `jkt`: the thumbprint of the key that its refresh tokens are bound to. */
export type UsedGrant = { id: string; jkt: string | null } & Pick<GrantRecord, 'audience' | 'claims'>

/**
 * A session at its use, as the grant has it (`GrantRecord`) through which it is used. `accountVersion` names what
 * PostgreSQL holds of its account at this moment (`AccountVersions`); '' where that is being changed.
 */
export type UsedSession = ListedSession & { accountVersion: string; grant: UsedGrant | null }

/** `after`: the last session of the page before (`createdAt` in epoch seconds); null for the first page. */
export type SessionPage = { limit: number; after: { createdAt: number; sid: string } | null }

/** A session, and the clients that have had a grant in it, also where that has ended: whom its end concerns. */
export type SessionClients = { sid: string; clientIds: string[] }

/** Where a session is; where a grant is, or the session as a whole. */
export type SessionPlace = { accountTag: string; sid: string }
export type GrantPlace = SessionPlace & { grantId: string | null }

/** A grant that was ended; `endedSession`: the session, where it has ended with it. */
export type EndedGrant = Pick<GrantRecord, 'clientId' | 'clientRegisteredAt'> & {
  endedSession: SessionClients | null
}

export type RefreshRotated =
  /**
   * `isToBeRecorded`: the grant's first renewal, its first in an hour, or its first from another address. `graced`: by the
   * token before the current one, which is dead now.
   */
  | { kind: 'rotated'; session: UsedSession; isToBeRecorded: boolean; graced: boolean }
  /** Its second factor is too old: nothing is replaced. */
  | { kind: 'stale'; session: UsedSession }
  /**
   * The refresh token was used before: the grant has been ended in the same step, and the session too where it is no
   * browser's (`endedSession`).
   */
  | { kind: 'reused'; session: ListedSession; endedSession: SessionClients | null }
  /** The grant is bound to another key: nothing has changed, whatever the token is. */
  | { kind: 'wrong_key'; session: ListedSession }
  | { kind: 'locked'; accountId: string; untilMs: number }
  | { kind: 'unknown' }

/** A refresh token that is used, by its hashes; `jkt`: the key that its sender has proven (RFC 9449 5), or null. */
export type PresentedRefresh = { familyHash: string; refreshHash: string; jkt: string | null }

/** What replaces a refresh token. */
export type NextRefresh = {
  refreshHash: string
  /** Epoch seconds. */
  secondFactorSince: number
  /** Where the renewal comes from. */
  ip: string | null
  /** For so long the token before the current one is used once more; 0 for never. */
  graceMs: number
}

export type SessionStore = {
  /**
   * The sessions that were ended for it: the one it replaces, unless that is itself, and those beyond the limit. Null, and
   * nothing is stored, if all sessions of the account were ended since `sessionEpoch` was read, or if the one to replace
   * (`replacesSid`) has ended: of many callers that replace one session by another exactly one wins.
   */
  open(session: NewSession, epochs: Epochs, nowMs: number): Promise<SessionClients[] | null>
  /**
   * The live session, seen through the grant, where one is named; null if either has ended. Its idle time begins anew.
   * Writes at most once a second a session.
   */
  touch(at: GrantPlace, nowMs: number): Promise<UsedSession | null>
  /** The same for a refresh token: null where it is not the current one of its grant. */
  findByRefresh(
    at: SessionPlace,
    presented: Omit<PresentedRefresh, 'jkt'>,
    nowMs: number,
  ): Promise<UsedSession | null>
  /** The same for a browser: null where it has another key. */
  findByBrowser(at: SessionPlace, browserKeyHash: string, nowMs: number): Promise<UsedSession | null>
  /**
   * Replaces the refresh token's hash if `refreshHash` is the current one; exactly one caller wins. For `graceMs` from then
   * on the one before is good for one more: a client may not have received its answer. The successor is dead then; so of
   * a grant's tokens one is live at any time. Any other token of this family ends the grant (`reused`), even while the
   * account is locked.
   * A wrong family hash is `unknown` and ends nothing. While the account is locked, a live token is refused.
   * A grant whose second factor passed before `secondFactorSince` is `stale`, as often as it is asked.
   * Of the renewals of an hour from one address exactly one is to be recorded.
   */
  rotateRefresh(
    at: SessionPlace,
    presented: PresentedRefresh,
    next: NextRefresh,
    nowMs: number,
  ): Promise<RefreshRotated>
  /**
   * Makes what was presented the current one again if `nextHash` still is: the renewal could not be completed. The next one
   * is to be recorded.
   */
  restoreRefresh(at: SessionPlace, presented: Omit<PresentedRefresh, 'jkt'>, nextHash: string): Promise<void>
  /** The live sessions, the newest first: a page of them, or all (at most 100). */
  list(accountId: string, nowMs: number, page?: SessionPage): Promise<ListedSession[]>
  /** The clients of a live session, or of all live ones, without ending any. */
  participants(accountId: string, sid: string | null, nowMs: number): Promise<SessionClients[]>
  /** Ends one session. Null if it was not live. */
  end(accountId: string, sid: string, nowMs: number): Promise<SessionClients | null>
  /**
   * Ends all sessions but `exceptSid`, and whatever is being opened at this moment under the old epoch:
   * pending challenges and enrollments too.
   * Returns those that were live.
   */
  endAll(accountId: string, exceptSid: string | null, nowMs: number): Promise<SessionClients[]>
  /** Ends one grant, and a session that is no browser's with its last grant. Null if it was not live. */
  endGrant(at: SessionPlace & { grantId: string }, nowMs: number): Promise<EndedGrant | null>
  /**
   * Ends a client's grants in all sessions of the account, as `endGrant` does, and every code that waits in them. Returns
   * the sids of the sessions in which it had one.
   */
  endGrantsOf(accountId: string, clientId: string, nowMs: number): Promise<string[]>
}
