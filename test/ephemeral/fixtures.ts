// Data for the tests of the ephemeral contract: each call makes its own.
import { randomBytes, randomUUID } from 'node:crypto'
import { accountTag, hashToken, newAccountToken } from '../../src/encryption/opaque-token.ts'
import type { ChallengeRecord, EnrollmentRecord, Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import type { CodeRecord, PushedRequest } from '../../src/ephemeral/protocol.ts'
import type { GrantPlace, GrantRecord, ListedSession, NewSession } from '../../src/ephemeral/sessions.ts'
import { grantIdOf } from '../../src/ephemeral/stored-names.ts'

/** The time of the tests' clock, which does not move: years from the servers' own. */
export const NOW_MS = 1_700_000_000_123
export const NOW = Math.floor(NOW_MS / 1000)
export const LIMITS = { maxFailedAttempts: 5, lockoutSeconds: 900 }
/** An attempt by whoever holds the challenge. */
export const TOTP = { method: 'totp:6', answerer: null }
export const LOCKED_UNTIL_MS = NOW_MS + 900_000

export const quiet = { info: () => {}, warn: () => {} }

export const newAccountId = (): string => randomUUID()

export const challengeOf = (accountId: string, changes: Partial<ChallengeRecord> = {}): ChallengeRecord => ({
  accountId,
  clientId: 'shop',
  clientRegisteredAt: NOW_MS - 1,
  purpose: 'login',
  scope: 'openid profile',
  amr: ['pwd'],
  authTime: NOW - 3,
  sid: null,
  endUser: { ip: '203.0.113.7', userAgent: 'Mozilla/5.0 | “quoted”, 😀\nand a second line' },
  byBackend: false,
  ...changes,
})

export const openChallenge = async (
  ephemeral: Ephemeral,
  accountId: string,
  {
    record = challengeOf(accountId),
    methods = ['totp:6', 'recovery_code'],
    ttlSeconds = 300,
    nowMs = NOW_MS,
  } = {},
): Promise<string> => {
  const token = newAccountToken('challenge', accountId, randomBytes)
  const opening = { record, methods, ttlSeconds, nowMs }
  const state = await ephemeral.budgets.read(accountId, nowMs)
  if (!(await ephemeral.challenges.open(token, { ...opening, epochs: state }))) throw new Error('not opened')
  return token
}

export const enrollmentOf = (accountId: string): EnrollmentRecord => ({
  accountId,
  clientId: 'shop',
  clientRegisteredAt: NOW_MS - 1,
  scope: 'openid',
  amr: ['pwd'],
  authTime: NOW - 3,
  endUser: null,
})

export const openEnrollment = async (ephemeral: Ephemeral, accountId: string): Promise<string> => {
  const token = newAccountToken('enrollment', accountId, randomBytes)
  const record = enrollmentOf(accountId)
  const epochs = await ephemeral.budgets.read(accountId, NOW_MS)
  await ephemeral.enrollments.open(token, { record, ttlSeconds: 900, epochs, nowMs: NOW_MS })
  return token
}

export const pushedOf = (changes: Partial<PushedRequest> = {}): PushedRequest => ({
  clientId: 'shop',
  clientRegisteredAt: NOW_MS - 1,
  params: { scope: 'openid', state: 'a|b “quoted”, 😀\nand a second line' },
  jkt: null,
  ...changes,
})

export const sessionOf = (accountId: string, changes: Partial<NewSession> = {}): NewSession => ({
  sid: randomUUID(),
  accountId,
  clientId: 'shop',
  clientRegisteredAt: NOW_MS - 1,
  scope: 'openid profile',
  authTime: NOW - 3,
  vouched: false,
  secondFactorAt: NOW,
  acr: 'aal2',
  amr: ['pwd', 'otp', 'mfa'],
  ip: '203.0.113.7',
  userAgent: null,
  createdAt: NOW,
  idleSeconds: 3600,
  absoluteAt: NOW + 86_400,
  browserKeyHash: null,
  grant: { familyHash: hashToken('family'), refreshHash: hashToken('first') },
  maxSessions: 100,
  network: null,
  replacesSid: null,
  ...changes,
})

export const openSession = async (
  ephemeral: Ephemeral,
  accountId: string,
  changes: Partial<NewSession> = {},
): Promise<NewSession> => {
  const session = sessionOf(accountId, changes)
  const epochs = await ephemeral.budgets.read(accountId, NOW_MS)
  if (!(await ephemeral.sessions.open(session, epochs, NOW_MS))) throw new Error('not opened')
  return session
}

/** What `list` and `touch` show of a session that was just opened. */
export const shown = (session: NewSession, lastSeenAt = NOW): ListedSession => {
  const { idleSeconds, browserKeyHash, grant, maxSessions, network, replacesSid, ...rest } = session
  return { ...rest, lastSeenAt, inBrowser: browserKeyHash !== null }
}

/** Where a session is, seen through a grant or as a whole. */
export const grantPlace = (accountId: string, sid: string, grantId: string | null = null): GrantPlace => ({
  accountTag: accountTag(accountId),
  sid,
  grantId,
})

export const placeOfSession = ({ accountId, sid }: NewSession) => ({ accountTag: accountTag(accountId), sid })

/** Presents a refresh token of the family by the name of its rotating part. */
export const presented = (name: string) => refreshOf('family', name)

/** A session of a browser: the hash of its key is that of 'key'. */
export const openInBrowser = (
  ephemeral: Ephemeral,
  accountId: string,
  changes: Partial<NewSession> = {},
): Promise<NewSession> =>
  openSession(ephemeral, accountId, { browserKeyHash: hashToken('key'), grant: null, scope: '', ...changes })

/** Hashes of a refresh token: of a family of its own, by the name of its rotating part. */
export const refreshOf = (family: string, name = 'first') => ({
  familyHash: hashToken(family),
  refreshHash: hashToken(name),
  jkt: null,
})

export const codeOf = (session: NewSession, changes: Partial<CodeRecord> = {}): CodeRecord => ({
  accountId: session.accountId,
  sid: session.sid,
  grant: grantOf(),
  isRenewable: true,
  nonce: 'a|nonce\n',
  redirectUri: 'https://app.example.com/callback?a|b',
  codeChallenge: 'a-challenge',
  binding: hashToken('binding'),
  jkt: null,
  issuedAt: NOW,
  ...changes,
})

export const grantOf = (changes: Partial<GrantRecord> = {}): GrantRecord => ({
  clientId: 'app',
  clientRegisteredAt: NOW_MS - 2,
  scope: 'openid offline_access',
  authTime: NOW - 2,
  secondFactorAt: null,
  acr: 'aal1',
  amr: ['pwd'],
  audience: ['https://api.example.com'],
  claims: '{"id_token":{"acr":null}}',
  ...changes,
})

export const openCode = async (
  ephemeral: Ephemeral,
  session: NewSession,
  changes: Partial<CodeRecord> = {},
): Promise<string> => {
  const code = newAccountToken('code', session.accountId, randomBytes)
  const record = codeOf(session, changes)
  if (!(await ephemeral.codes.open(code, { record, ttlSeconds: 60, nowMs: NOW_MS })))
    throw new Error('not opened')
  return code
}

/** Opens a grant of a client in a session, by a code. */
export const openGrant = async (
  ephemeral: Ephemeral,
  session: NewSession,
  family: string,
  { clientId = 'app', nowMs = NOW_MS }: { clientId?: string; nowMs?: number } = {},
) => {
  const code = await openCode(ephemeral, session, { grant: grantOf({ clientId }) })
  const grant = { ...refreshOf(family), jkt: null }
  const redeemed = await ephemeral.codes.redeem(
    code,
    { binding: hashToken('binding'), jkt: null },
    grant,
    nowMs,
  )
  if (redeemed.kind !== 'redeemed') throw new Error(redeemed.kind)
  return { code, grantId: grantIdOf(grant.familyHash), session: redeemed.session }
}

export const parallel = <Result>(count: number, run: (i: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => run(i)))

/** Spends the whole budget of the account. */
export const lock = async (ephemeral: Ephemeral, accountId: string): Promise<void> => {
  await parallel(LIMITS.maxFailedAttempts, () => ephemeral.budgets.take(accountId, LIMITS, NOW_MS))
}
