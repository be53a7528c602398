// What the requests need: a client, its accounts with TOTP, pending challenges, sessions. Made in bulk by
// Postern's own code, straight in PostgreSQL and Redis.
import PQueue from 'p-queue'
import { v7 as uuidv7 } from 'uuid'
import { clientCreated } from '../src/audit/administration-events.ts'
import { systemOrigin } from '../src/audit/event.ts'
import { sealSecret } from '../src/authenticators/authenticator.ts'
import { type Client, registrationOf } from '../src/clients/client.ts'
import { DEFAULT_MEMBERS } from '../src/clients/members.ts'
import { insertClient } from '../src/clients/store.ts'
import { readConfig } from '../src/config.ts'
import { type Deps, openDeps } from '../src/deps.ts'
import { hashToken, newAccountToken, newClientSecret } from '../src/encryption/opaque-token.ts'
import type { ListedSession } from '../src/ephemeral/sessions.ts'
import { createLog } from '../src/server/log.ts'
import { newSession, type SessionGrounds } from '../src/sessions/new-session.ts'
import { nextRefreshToken, type RefreshToken, refreshHashes } from '../src/tokens/refresh-token.ts'
import { totpCode } from '../test/support/totp-code.ts'

export const CLIENT_ID = 'bench'
export const SCOPE = 'openid profile email offline_access postern:me'
export const REDIRECT_URI = 'https://app.example.org/callback'

export const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

export type BenchAccount = { id: string; subject: string; authenticatorId: string; secret: Buffer }

export type Bench = { deps: Deps; client: Client; basic: string; accounts: BenchAccount[] }

const INSERT_ACCOUNTS = {
  name: 'bench_insert_accounts',
  text: `
    INSERT INTO accounts (id, client_id, subject, roles, enrolled_authenticators, created_at, updated_at)
    SELECT id, $3, subject, '{user}', 1, now(), now()
      FROM unnest($1::uuid[], $2::text[]) AS new (id, subject)`,
}

const INSERT_AUTHENTICATORS = {
  name: 'bench_insert_authenticators',
  text: `
    INSERT INTO authenticators (id, account_id, type, name, status, secret_sealed, algorithm, digits, step_seconds,
                                created_at, confirmed_at)
    SELECT id, account_id, 'totp', 'Phone', 'active', secret_sealed, 'SHA1', 6, 30, now(), now()
      FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS new (id, account_id, secret_sealed)`,
}

const FORGET_TIME_STEPS = {
  name: 'bench_forget_time_steps',
  text: 'UPDATE authenticators SET last_time_step = 0 WHERE last_time_step > 0',
}

const createAccounts = async (deps: Deps, count: number): Promise<BenchAccount[]> => {
  const accounts = Array.from({ length: count }, (_, i) => ({
    id: uuidv7(),
    subject: `subject-${i}`,
    authenticatorId: uuidv7(),
    secret: deps.randomBytes(20),
  }))
  const ids = accounts.map(({ id }) => id)
  const subjects = accounts.map(({ subject }) => subject)
  const sealed = accounts.map(({ id, authenticatorId, secret }) =>
    sealSecret(deps.sealer, secret, { accountId: id, authenticatorId }),
  )
  await deps.postgres.query(INSERT_ACCOUNTS, [ids, subjects, CLIENT_ID])
  const authenticatorIds = accounts.map(({ authenticatorId }) => authenticatorId)
  await deps.postgres.query(INSERT_AUTHENTICATORS, [authenticatorIds, ids, sealed])
  await deps.postgres.query({ name: 'bench_analyze', text: 'ANALYZE accounts, authenticators' })
  return accounts
}

/** Opens the servers' own dependencies, and makes the client and its accounts. */
export const openBench = async (environment: Record<string, string>, accounts: number): Promise<Bench> => {
  const deps = await openDeps(readConfig(environment), createLog('silent'))
  const secret = newClientSecret(deps.randomBytes)
  const client: Client = {
    ...DEFAULT_MEMBERS,
    clientId: CLIENT_ID,
    name: CLIENT_ID,
    firstParty: true,
    tokenEndpointAuthMethod: 'client_secret_basic',
    secretHash: hashToken(secret),
    scopes: ['challenges', ...SCOPE.split(' ')],
    audience: [],
    redirectUris: [REDIRECT_URI],
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    webOrigins: [],
    declared: null,
    disabled: false,
    createdAt: deps.clock(),
  }
  const about = { clientId: CLIENT_ID, scopes: client.scopes, firstParty: true }
  await insertClient(deps, client, clientCreated(systemOrigin(deps.clock()), about))
  const basic = `Basic ${Buffer.from(`${CLIENT_ID}:${secret}`).toString('base64')}`
  return { deps, client, basic, accounts: await createAccounts(deps, accounts) }
}

/** Works on all of them, so many at a time that none waits too long for Redis or PostgreSQL. */
export const forEach = <Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> => new PQueue({ concurrency: 64 }).addAll(items.map((item) => () => work(item)))

/** The accounts, each with a pending challenge and the code that passes it now. */
export const openChallenges = async (
  { deps, client, accounts }: Bench,
  count: number,
): Promise<{ challengeToken: string; code: string }[]> => {
  await deps.postgres.query(FORGET_TIME_STEPS)
  const now = deps.clock()
  return forEach(accounts.slice(0, count), async ({ id, secret }) => {
    const challengeToken = newAccountToken('challenge', id, deps.randomBytes)
    const record = {
      accountId: id,
      ...registrationOf(client),
      purpose: 'login' as const,
      scope: SCOPE,
      amr: ['pwd'],
      authTime: Math.floor(now.getTime() / 1000),
      sid: null,
      endUser: {
        ip: '203.0.113.9',
        userAgent: USER_AGENT,
      },
      byBackend: true,
    }
    const challenge = { record, methods: ['totp:6'], ttlSeconds: 300, nowMs: now.getTime() }
    const epochs = await deps.ephemeral.budgets.read(id, now.getTime())
    await deps.ephemeral.challenges.open(challengeToken, { ...challenge, epochs })
    return { challengeToken, code: totpCode(secret, now) }
  })
}

/** Renews a session from the load's address: of the renewals of an hour, this one is recorded. */
export const renewOnce = async (
  { deps }: Bench,
  { refreshToken }: Pick<OpenSession, 'refreshToken'>,
): Promise<RefreshToken> => {
  const next = nextRefreshToken(refreshToken, deps.randomBytes)
  const { refreshHash } = refreshHashes(next)
  const from = { refreshHash, secondFactorSince: 0, ip: '127.0.0.1', graceMs: 0 }
  const now = deps.clock().getTime()
  await deps.ephemeral.sessions.rotateRefresh(
    refreshToken,
    { ...refreshHashes(refreshToken), jkt: null },
    from,
    now,
  )
  return next
}

/** A password and a second factor that have just passed. */
export const signInGrounds = ({ client }: Bench, { id }: BenchAccount, now: Date): SessionGrounds => ({
  account: { id, clientId: null },
  ...registrationOf(client),
  scope: SCOPE,
  amr: ['pwd'],
  authTime: Math.floor(now.getTime() / 1000),
  vouched: false,
  secondFactor: { amr: ['otp', 'mfa'], acr: 'aal2' },
  ip: '203.0.113.9',
  userAgent: USER_AGENT,
  replaces: null,
})

export type OpenSession = { account: BenchAccount; session: ListedSession; refreshToken: RefreshToken }

/** A session of each account, with a second factor just passed. */
export const openSessions = async (bench: Bench, count: number): Promise<OpenSession[]> => {
  const { deps, accounts } = bench
  const now = deps.clock()
  return forEach(accounts.slice(0, count), async (account) => {
    const grounds = signInGrounds(bench, account, now)
    const { session, credentials: refreshToken } = newSession(deps, deps.policy.current(), grounds, now)
    await deps.ephemeral.sessions.open(session, { sessionEpoch: 0 }, now.getTime())
    return { account, session: { ...session, lastSeenAt: session.createdAt, inBrowser: false }, refreshToken }
  })
}
