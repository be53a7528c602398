// Signed-in sessions: the part of the contract (`ephemeral.ts`) that is about what an account has signed in to.
import type { Epochs } from './ephemeral.ts'

/** What a session says of its authentication in every token. Times in epoch seconds. */
export type SessionRecord = {
  /** The public id of the session, a UUID; it is the `sid` claim. */
  sid: string
  accountId: string
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

/** A session to open. `idleSeconds` slides with use; `absoluteAt` (epoch seconds) does not. */
export type NewSession = SessionRecord & {
  idleSeconds: number
  absoluteAt: number
  /** SHA-256 (base64url) of the refresh token's constant family part and of its rotating part. */
  refreshFamilyHash: string
  refreshHash: string
  /** Beyond this many, the sessions that were idle for longest are ended. At most 100, so that scripts stay short. */
  maxSessions: number
  /** The network to remember that the account has signed in from; null for none. */
  network: string | null
  /** The session that this one replaces (step-up, a first authenticator), ended in the same step. Null: none. */
  replacesSid: string | null
}

/** Times in epoch seconds; `lastSeenAt` is at most a second old. */
export type ListedSession = SessionRecord & { lastSeenAt: number; absoluteAt: number }

/**
 * A session at its use. `accountVersion` names what PostgreSQL holds of its account at this moment (`AccountVersions`);
 * '' where that is being changed.
 */
export type UsedSession = ListedSession & { accountVersion: string }

/** `after`: the last session of the page before (`createdAt` in epoch seconds); null for the first page. */
export type SessionPage = { limit: number; after: { createdAt: number; sid: string } | null }

export type RefreshRotated =
  /** `isToBeRecorded`: the session's first renewal, its first in an hour, or its first from another address. */
  | { kind: 'rotated'; session: UsedSession; isToBeRecorded: boolean }
  /** Its second factor is too old: nothing is replaced. */
  | { kind: 'stale'; session: UsedSession }
  /** The refresh token was used before: the session has been ended in the same step. */
  | { kind: 'reused'; session: ListedSession }
  | { kind: 'locked'; accountId: string; untilMs: number }
  | { kind: 'unknown' }

export type SessionStore = {
  /**
   * False, and nothing is stored, if all sessions of the account were ended since `sessionEpoch` was read, or if
   * the one to replace (`replacesSid`) has ended: of many callers that replace one session exactly one wins.
   */
  open(session: NewSession, epochs: Epochs, nowMs: number): Promise<boolean>
  /** The live session, or null if it has ended. Its idle time begins anew. Writes at most once a second a session. */
  touch(accountId: string, sid: string, nowMs: number): Promise<UsedSession | null>
  /**
   * Replaces the refresh token's hash if `refreshHash` is the current one; exactly one caller wins.
   * A token of this family that is not the current one ends the session (`reused`), even while the account is locked.
   * A wrong family hash is `unknown` and ends nothing. While the account is locked, the current token is refused.
   * A session whose second factor passed before `secondFactorSince` (epoch seconds) is `stale`, as often as it is asked.
   * `ip` is where the renewal comes from. Of the renewals of an hour from one address exactly one is to be recorded.
   */
  rotateRefresh(
    at: { accountTag: string; sid: string },
    presented: { familyHash: string; refreshHash: string },
    next: { refreshHash: string; secondFactorSince: number; ip: string | null },
    nowMs: number,
  ): Promise<RefreshRotated>
  /**
   * Puts `previousHash` back if `currentHash` is still the current one: the renewal could not be completed. The next one
   * is to be recorded.
   */
  restoreRefresh(
    at: { accountTag: string; sid: string },
    currentHash: string,
    previousHash: string,
  ): Promise<void>
  /** The live sessions, the newest first: a page of them, or all (at most 100). */
  list(accountId: string, nowMs: number, page?: SessionPage): Promise<ListedSession[]>
  /** True if the session was live. */
  end(accountId: string, sid: string, nowMs: number): Promise<boolean>
  /**
   * Ends all sessions but `exceptSid`, and whatever is being opened at this moment under the old epoch:
   * pending challenges and enrollments too.
   * Returns how many were live.
   */
  endAll(accountId: string, exceptSid: string | null, nowMs: number): Promise<number>
}
