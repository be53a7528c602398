// Short-lived state: the contract that Redis and the one-process memory both serve.
// This folder owns atomicity and expiry. It does not know what the records mean.
//
// Every operation is atomic: any number of callers may run at once, and each sees the state before or after another
// call, never in between. Where a method says "exactly one caller wins", that holds across all replicas. All keys of
// one account carry the hash tag {tag} (`accountTag`), so that a script touches one slot of a Redis Cluster. The caller
// gives the time (`nowMs`), so that the application's clock decides, in tests too; key TTLs only remove what has
// expired.
//
// Redis outlives a release, and replicas of two releases may use it at once. A format that changes, that of a record or
// of a score too, therefore gets a new key name (`se:` became `se2:`): what another release has written is absent, never
// misread. A hash may get another field, if the releases before neither read nor miss it (`ac:` got `n:<hash>`, `v`, `u`).
//
// | key                   | value                                                        | TTL                     |
// | --------------------- | ------------------------------------------------------------ | ----------------------- |
// | ch3:{tag}:<hash>      | one pending challenge: counters, methods, record             | the challenge's         |
// | en2:{tag}:<hash>      | one open enrollment at login: record                         | the enrollment's        |
// | ac:{tag}              | hash: f failures, l locked until, e session epoch, c challenge epoch, n:<hash> networks signed in from, v version, u until when (ms) no version is answered | 30 days from last write; a day where it holds a version alone |
// | se3:{tag}:<sid>       | hash: one session, its grants (g:<grant id>, each with its refresh family) and clients; fields in `fragment-session.lua` | idle, absolute at most  |
// | sx3:{tag}             | sorted set: at most 100 sids, by when (ms) each ends if unused | the latest absolute one |
// | co1:{tag}:<hash>      | one authorization code: what it is bound to and grants; redeemed, its grant | the code's; ten minutes from its use |
// | pw:{tag}              | hash of one field a lane: wrong passwords of an account, or of a name that was typed | six hours a failure |
// | ct:{<hash of name>}   | a counter (wrong passwords by network)         | its window              |
// | pr1:{<hash>}          | one pushed request: when it ends, the browser that has it, record | the request's        |
// | ju1:{<hash of name>}  | a name that was used, until when (ms)                        | the caller's            |
// | channel changed       | a topic that replicas have to read again                     | -                       |

import type { CodeStore, PushedRequestStore, Replays } from './protocol.ts'
import type { NewSession, SessionClients, SessionStore } from './sessions.ts'

/**
 * `vouched`: a sign-in of an account of Postern's own; a client's backend has checked the first factor. `step_up`: its
 * account has asked for it. `renewal`: its client has, by renewing a session whose second factor is too old. `browser`: a
 * sign-in on Postern's own pages, which alone answer it.
 */
export type ChallengePurpose = 'login' | 'vouched' | 'step_up' | 'renewal' | 'browser'

/**
 * Where the end user is, as a client's backend says, or as the session shows; a member is null where that is not
 * known. Null as a whole where there is no backend between: the end user is whoever sends the request.
 */
export type EndUser = { ip: string | null; userAgent: string | null }

/** What a challenge is bound to. Kept short: one pending challenge takes less than 700 bytes of Redis. */
export type ChallengeRecord = {
  accountId: string
  clientId: string
  clientRegisteredAt: number
  purpose: ChallengePurpose
  scope: string
  /** How the account has proven itself so far (RFC 8176), and when, in epoch seconds. */
  amr: string[]
  authTime: number
  /** The session that a step-up or a renewal replaces; null at login. */
  sid: string | null
  endUser: EndUser | null
  /** Opened by the backend of a client with a secret, which alone answers it (docs/security.md 43). */
  byBackend: boolean
}

/** The client whose backend answers a challenge, and when it was registered; null for whoever proves to be none. */
export type Answerer = Pick<ChallengeRecord, 'clientId' | 'clientRegisteredAt'> | null

/** What an enrollment at login is bound to. */
export type EnrollmentRecord = {
  accountId: string
  clientId: string
  clientRegisteredAt: number
  scope: string
  amr: string[]
  authTime: number
  endUser: EndUser | null
}

/** The failed-attempt budget in force (policy `max_failed_attempts`, `lockout`). */
export type AttemptLimits = { maxFailedAttempts: number; lockoutSeconds: number }

/**
 * Read before the account is read, and passed on when something is opened for that account. If sessions or challenges
 * have been ended in between, the epochs differ and nothing is opened (docs/security.md 39).
 */
export type Epochs = {
  /** Raised when all sessions of the account are ended; a session opened under an older epoch has ended. */
  sessionEpoch: number
  /** Raised when the factors or the password change. Callers that hold the lock on the account's row leave it out. */
  challengeEpoch?: number
}

export type AccountState = Required<Epochs> & {
  /** Epoch milliseconds, or null if the account is not locked. */
  lockedUntilMs: number | null
}

/** `remaining` attempts after this one. `unknown`: no such challenge, or expired, or ended by a factor change. */
export type AttemptTaken =
  | {
      kind: 'taken'
      record: ChallengeRecord
      remaining: number
      sessionEpoch: number
      /** As in `UsedSession`. */
      accountVersion: string
    }
  | { kind: 'unknown' }
  /** Another one answers this challenge (`isAnsweredBy`). */
  | { kind: 'foreign'; record: ChallengeRecord }
  | { kind: 'method_not_offered'; methods: string[] }
  | { kind: 'locked'; accountId: string; clientId: string; untilMs: number }

export type BudgetTaken =
  | { kind: 'taken'; remaining: number; sessionEpoch: number }
  | { kind: 'locked'; untilMs: number }

/**
 * One pending second step. Tokens are `pst_ch_` + the account's tag + a secret; only a hash is stored.
 * `methods` are the answer shapes offered, e.g. `totp:6`, `recovery_code`; an attempt names one of them.
 */
export type ChallengeStore = {
  /** False, and nothing is stored, where `epochs` are no longer the account's. */
  open(
    token: string,
    challenge: {
      record: ChallengeRecord
      methods: string[]
      ttlSeconds: number
      epochs: Required<Epochs>
      nowMs: number
    },
  ): Promise<boolean>
  /**
   * Counts first, on the challenge and on the account, then answers with the record: of 200 parallel calls
   * no more than `maxFailedAttempts` are answered `taken`. The account is locked from the moment that the last attempt
   * is taken; passing the challenge unlocks it. `foreign` and `method_not_offered` count nothing.
   */
  takeAttempt(
    token: string,
    by: { method: string; answerer: Answerer },
    limits: AttemptLimits,
    nowMs: number,
  ): Promise<AttemptTaken>
  /**
   * Gives one counted attempt back, with the lock it caused: it could not be evaluated, because a dependency
   * was away. A challenge that has ended has nothing to give back.
   */
  giveBack(token: string, limits: AttemptLimits, nowMs: number): Promise<void>
  /**
   * Ends the challenge, clears the account's failures and opens the session, all in one step.
   * Exactly one caller wins, and gets the sessions that were ended for it (`SessionStore.open`); all others get null and
   * change nothing. So does a caller whose `sessionEpoch` is stale, and a step-up whose session (`replacesSid`) has ended:
   * that session must not come back.
   */
  pass(
    token: string,
    session: NewSession,
    sessionEpoch: number,
    nowMs: number,
  ): Promise<SessionClients[] | null>
  /** The record of a pending challenge, or null. Counts nothing. */
  find(token: string, nowMs: number): Promise<ChallengeRecord | null>
  /** Exactly one caller gets the record; null if it was not pending. */
  cancel(token: string, nowMs: number): Promise<ChallengeRecord | null>
  /** Ends every pending challenge and every open enrollment of the account (its factors changed). */
  endAll(accountId: string): Promise<void>
}

/** The account's second-factor budget, for the routes that check a code without a challenge. */
export type AttemptBudgets = {
  /** Counts first. At most `maxFailedAttempts` parallel callers are answered `taken`. */
  take(accountId: string, limits: AttemptLimits, nowMs: number): Promise<BudgetTaken>
  giveBack(accountId: string, limits: AttemptLimits): Promise<void>
  /** A second factor passed, or an administrator unlocked the account. */
  clear(accountId: string): Promise<void>
  /** With the account's version, as in `UsedSession`. */
  read(accountId: string, nowMs: number): Promise<AccountState & { accountVersion: string }>
}

/**
 * The version of what PostgreSQL holds of an account, as its sessions answer it at their use. An account that was read
 * under a version is as it was read for as long as that version is answered. A version is a name that no account ever
 * has twice: where Redis has lost it, the next use of a session makes another. `accounts/change-under-version.ts` says
 * when it is raised, and why in that order.
 */
export type AccountVersions = {
  /**
   * Makes the version another. Before `unsettledUntilMs`, where it is given, none is answered: what is read then may be
   * changed in the next moment. A later such time stays.
   */
  raise(accountId: string, unsettledUntilMs: number | null): Promise<void>
}

/** Enrollment tokens (`pst_en_`): for an account that must have a second factor, and has none, at login. */
export type EnrollmentStore = {
  /** False, and nothing is stored, where `epochs` are no longer the account's. */
  open(
    token: string,
    enrollment: {
      record: EnrollmentRecord
      ttlSeconds: number
      epochs: Required<Epochs>
      nowMs: number
    },
  ): Promise<boolean>
  find(token: string, nowMs: number): Promise<EnrollmentRecord | null>
  /** Like `ChallengeStore.pass`: exactly one caller wins, and has its session opened. */
  pass(
    token: string,
    session: NewSession,
    sessionEpoch: number,
    nowMs: number,
  ): Promise<SessionClients[] | null>
}

/** `limit` wrong passwords, then a wait of `firstWaitMs` that doubles with every quarter of the limit. */
export type PasswordLimits = { limit: number; firstWaitMs: number }

/**
 * `closedUntilMs` null: the guess is counted in `lane`, and may be checked. `closesUntilMs`: until when this guess has
 * closed the lane; null where it has not.
 */
export type GuessTaken = {
  lane: string
  closedUntilMs: number | null
  closesUntilMs: number | null
  state: AccountState
}

/**
 * Wrong passwords of a subject: an account's id, or a name that was typed. Networks from which the account has
 * signed in have a lane each; all others share one. A failure is forgiven every six hours; a wait is at most a day.
 */
export type PasswordGuesses = {
  /**
   * Counts first: of any number of parallel callers, `limit` are counted in a lane. Before `othersClosedUntilMs`,
   * nothing is counted in the lane that the other networks share.
   */
  take(
    subject: string,
    from: { network: string | null; othersClosedUntilMs: number | null },
    limits: PasswordLimits,
    nowMs: number,
  ): Promise<GuessTaken>
  /**
   * Takes up to `count` back. A lane that is closed until `closesUntilMs` opens again: what another guess has closed
   * stays closed. Returns how many had been counted.
   */
  giveBack(
    subject: string,
    from: { lane: string; count: number; closesUntilMs: number | null },
    nowMs: number,
  ): Promise<number>
  /** Clears every lane. */
  forget(subject: string): Promise<void>
}

/** Counters with a window: the first increment starts it. */
export type Counters = {
  /** The count with this one, and the milliseconds until the window ends. */
  increment(name: string, windowMs: number, nowMs: number): Promise<{ count: number; resetsInMs: number }>
  /** Takes one back, never below zero. */
  decrement(name: string, nowMs: number): Promise<void>
  reset(name: string): Promise<void>
}

/** `reconnected`: messages may have been missed, so everything has to be read again. */
export type ChangedTopic = 'policy' | 'clients' | 'signing_keys' | 'reconnected'

export type Changes = {
  publish(topic: Exclude<ChangedTopic, 'reconnected'>): Promise<void>
  /** Listeners are also called for what their own process publishes. */
  subscribe(listener: (topic: ChangedTopic) => void): void
}

/** All operations throw `DependencyError('redis', …)` where the store is away or too slow. */
export type Ephemeral = {
  challenges: ChallengeStore
  budgets: AttemptBudgets
  versions: AccountVersions
  enrollments: EnrollmentStore
  sessions: SessionStore
  guesses: PasswordGuesses
  counters: Counters
  codes: CodeStore
  pushedRequests: PushedRequestStore
  replays: Replays
  changes: Changes
  /** What stores this state, for `/readyz` and the start message. */
  kind: 'redis' | 'memory'
  ping(): Promise<void>
  close(): Promise<void>
}
