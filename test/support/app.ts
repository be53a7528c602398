// A Postern to test against: the real application over the run's PostgreSQL and Redis, in a database and
// under a key prefix of its own, with a clock that only the test moves.
//
// A test file runs on the embedded engines as well (docs/security.md 44) where it says
//
//   const skip = onBothEngines()
//
// from embedded.ts, instead of `missingServer(…)`; test/on-embedded/ runs all such files of every room. Nothing
// else is needed: there, `openTestApp` gives each test a data folder and a memory of its own.
// What a test asks for by `databaseUrl` or `redisUrl`, it gets in both runs; what needs a second connection is a
// `testOnServers`. One file alone: POSTERN_TEST_ENGINES=embedded npx tap test/sign-in/log-in.test.ts
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { insertAccount } from '../../src/accounts/changes-store.ts'
import type { ClaimChanges } from '../../src/accounts/claims.ts'
import { accountCreated } from '../../src/audit/account-events.ts'
import { clientCreated } from '../../src/audit/administration-events.ts'
import { type AuditEvent, systemOrigin } from '../../src/audit/event.ts'
import { sealSecret } from '../../src/authenticators/authenticator.ts'
import type { Client } from '../../src/clients/client.ts'
import { DEFAULT_MEMBERS, defaultGrantTypes, usesSecret } from '../../src/clients/members.ts'
import { insertClient } from '../../src/clients/store.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { type Deps, openDeps } from '../../src/deps.ts'
import { hashToken, newClientSecret } from '../../src/encryption/opaque-token.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { findPolicy, savePolicy } from '../../src/policy/store.ts'
import type { Statement } from '../../src/postgres/pool.ts'
import { type App, buildApp } from '../../src/server/app.ts'
import { createLog } from '../../src/server/log.ts'
import type { TokenAnswer } from '../../src/sign-in/schemas.ts'
import { requireDocumented } from './documented.ts'
import { currentEngines, type Engines, newDataFolder } from './embedded.ts'
import { createDatabase, newKeyPrefix, sharedPostgres, sharedRedis } from './servers.ts'
import { totpCode } from './totp-code.ts'

/** Test keys are the same in every run; nothing is secret about them. */
export const TEST_ENCRYPTION_KEY = `test:${Buffer.alloc(32, 7).toString('base64')}`
export const PASSWORD = 'a password of some length'

export type Answer = {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on what came, whatever it is
  body: any
  headers: Record<string, string | string[] | number | undefined>
  text: string
}

type RequestOptions = {
  body?: unknown
  form?: Record<string, string>
  bearer?: string
  basic?: { clientId: string; secret: string }
  headers?: Record<string, string>
  ip?: string
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type TestAccount = { id: string; username: string; password: string }
export type TestTotp = { authenticatorId: string; secret: Buffer; code: () => string }
export type TestClient = { clientId: string; secret: string }

export type TestApp = {
  app: App
  deps: Deps
  config: Readonly<Config>
  /** The clock: starts at the real time, and does not move until it is moved. */
  now: () => Date
  advance: (seconds: number) => void
  request: (method: Method, url: string, options?: RequestOptions) => Promise<Answer>
  /** An account of Postern's own with `PASSWORD`, stored directly. */
  createAccount: (account?: {
    username?: string
    roles?: string[]
    email?: string
    claims?: ClaimChanges
  }) => Promise<TestAccount>
  /** An active TOTP authenticator, stored directly. Its `code` is that of the test's clock. */
  enrollTotp: (account: { id: string }) => Promise<TestTotp>
  /** A client with the members that are named, stored directly; confidential where they do not say otherwise. */
  createClient: (client?: Partial<Client>) => Promise<TestClient>
  setPolicy: (changed: Partial<Policy>) => Promise<void>
  logIn: (account: TestAccount) => Promise<Answer>
  /** Logs in and, where a challenge is asked for, passes it with TOTP a step later. */
  signIn: (account: TestAccount, totp?: TestTotp) => Promise<TokenAnswer>
  /**
   * Changes an account by SQL, behind the back of Postern, which would notice in a quarter of an hour
   * (`account-cache.ts`): here at once, and at another replica not.
   */
  changeByHand: (statement: Statement, values: readonly unknown[]) => Promise<void>
  auditEvents: (filter?: { event?: string; accountId?: string }) => Promise<AuditEvent[]>
}

export type TestAppOptions = {
  /** Further variables for `readConfig`, besides the servers' URLs. */
  environment?: Record<string, string>
  /** Where they are not those of this process. */
  engines?: Engines
  databaseUrl?: string
  /** Null: short-lived state in memory. */
  redisUrl?: string | null
  redisKeyPrefix?: string
  /** Where it logs, by `LOG_LEVEL`; standard output without it. */
  logTo?: { write: (line: string) => void }
}

let passwordHash: Promise<string> | null = null

const AUDIT = {
  name: 'test_audit_events',
  text: `
    SELECT id, occurred_at, event, outcome, account_id, actor_type, actor_id, client_id, session_id,
           host(ip) AS ip, user_agent, request_id, details
      FROM audit_events
     WHERE ($1::text IS NULL OR event = $1) AND ($2::uuid IS NULL OR account_id = $2)
     ORDER BY occurred_at, id`,
}
const ENROLL = {
  name: 'test_enroll',
  text: `
    WITH enrolled AS (
      UPDATE accounts SET enrolled_authenticators = enrolled_authenticators + 1 WHERE id = $2 RETURNING id
    )
    INSERT INTO authenticators (id, account_id, type, name, status, secret_sealed, algorithm, digits,
                                step_seconds, created_at, confirmed_at)
    SELECT $1, id, 'totp', 'Phone', 'active', $3, 'SHA1', 6, 30, $4, $4 FROM enrolled`,
}

/** The variables of the servers that a test names by URL, and of this process's engines for the rest. */
const enginesOf = async ({ engines = currentEngines(), databaseUrl, redisUrl }: TestAppOptions) => {
  const isEmbedded = engines === 'embedded'
  const postgres = async () =>
    isEmbedded
      ? { POSTERN_DATA_DIR: await newDataFolder() }
      : { DATABASE_URL: await createDatabase(await sharedPostgres()) }
  const redis = async () => (isEmbedded ? {} : { REDIS_URL: (await sharedRedis()).url })
  return {
    ...(databaseUrl === undefined ? await postgres() : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? await redis() : { REDIS_URL: redisUrl ?? '' }),
  }
}

/** Opens a test app and closes it when `t` ends. */
export const openTestApp = async (t: Test, options: TestAppOptions = {}): Promise<TestApp> => {
  let time = Date.now()
  const now = () => new Date(time)
  const config = readConfig({
    ...(await enginesOf(options)),
    POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
    POSTERN_RATE_LIMIT: '0',
    LOG_LEVEL: 'silent',
    ...options.environment,
  })
  const redisKeyPrefix = options.redisKeyPrefix ?? newKeyPrefix()
  const deps = await openDeps(config, createLog(config.logLevel, options.logTo), {
    clock: now,
    redisKeyPrefix,
  })
  const app = await buildApp(deps)
  app.addHook('onClose', () => deps.close())
  await app.ready()
  t.teardown(async () => {
    await app.close()
    if (config.databaseUrl === null) await rm(config.dataDir, { recursive: true, force: true })
  })
  // Starting the embedded PostgreSQL may have kept this thread busy.
  while (app.isUnderPressure()) await sleep(50)

  const request: TestApp['request'] = async (
    method,
    url,
    { body, form, bearer, basic, headers = {}, ip } = {},
  ) => {
    const credentials = basic && Buffer.from(`${basic.clientId}:${basic.secret}`).toString('base64')
    const response = await app.inject({
      method,
      url,
      ...(ip && { remoteAddress: ip }),
      headers: {
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(credentials && { authorization: `Basic ${credentials}` }),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(body !== undefined && { payload: body as object }),
      ...(form && { payload: new URLSearchParams(form).toString() }),
    })
    const isJson = response.headers['content-type']?.toString().includes('json') && response.body !== ''
    const answer = isJson ? response.json() : null
    requireDocumented(app, method, url, answer?.error)
    return {
      status: response.statusCode,
      body: answer,
      headers: response.headers,
      text: response.body,
    }
  }

  const createAccount: TestApp['createAccount'] = async ({
    username,
    roles = ['user'],
    email,
    claims = {},
  } = {}) => {
    passwordHash ??= deps.passwords.hash(PASSWORD)
    const id = uuidv7()
    const name = username ?? `user-${id.slice(-12)}`
    const account = {
      id,
      username: name,
      email: email ?? null,
      displayName: null,
      roles,
      claims,
      createdAt: now(),
    }
    const event = accountCreated(systemOrigin(now()), { accountId: id, clientId: null, roles })
    const stored = { ...account, passwordHash: await passwordHash, passwordIsLong: true }
    await insertAccount(deps, stored, event)
    return { id, username: name, password: PASSWORD }
  }

  const enrollTotp: TestApp['enrollTotp'] = async ({ id }) => {
    const authenticatorId = uuidv7()
    const secret = deps.randomBytes(20)
    const sealed = sealSecret(deps.sealer, secret, { accountId: id, authenticatorId })
    await deps.postgres.query(ENROLL, [authenticatorId, id, sealed, now()])
    await deps.ephemeral.versions.raise(id, null)
    return { authenticatorId, secret, code: () => totpCode(secret, now()) }
  }

  const createClient: TestApp['createClient'] = async (named = {}) => {
    const { clientId = `client-${uuidv7().slice(-12)}`, scopes = ['challenges'], firstParty = false } = named
    const { tokenEndpointAuthMethod = 'client_secret_basic', redirectUris = [] } = named
    const secret = newClientSecret(deps.randomBytes)
    const client: Client = {
      ...DEFAULT_MEMBERS,
      name: clientId,
      secretHash: usesSecret(tokenEndpointAuthMethod) ? hashToken(secret) : null,
      grantTypes: defaultGrantTypes({ tokenEndpointAuthMethod, redirectUris }),
      audience: [],
      webOrigins: [],
      declared: null,
      disabled: false,
      createdAt: now(),
      ...named,
      clientId,
      scopes,
      firstParty,
      tokenEndpointAuthMethod,
      redirectUris,
    }
    await insertClient(deps, client, clientCreated(systemOrigin(now()), { clientId, scopes, firstParty }))
    return { clientId, secret }
  }

  const logIn: TestApp['logIn'] = ({ username, password }) =>
    request('POST', '/v1/login', { body: { username, password } })

  const signIn: TestApp['signIn'] = async (account, totp) => {
    const { body } = await logIn(account)
    if (body.status === 'authenticated') return body
    if (!totp || body.status !== 'challenge_required')
      throw new Error(`cannot sign in: ${JSON.stringify(body)}`)
    // A step later, because the code of this step may have been used.
    time += 30_000
    const passed = await request('POST', '/v1/challenges/verify', {
      body: { challenge_token: body.challenge_token, method: 'totp', code: totp.code() },
    })
    if (passed.status !== 200) throw new Error(`cannot sign in: ${passed.text}`)
    return passed.body
  }

  return {
    app,
    deps,
    config,
    now,
    advance(seconds) {
      time += seconds * 1000
    },
    request,
    createAccount,
    enrollTotp,
    createClient,
    async setPolicy(changed) {
      const { policy, version } = await findPolicy(deps)
      await savePolicy(deps, version, { policy: { ...policy, ...changed }, changed }, systemOrigin(now()))
      await deps.policy.reload()
    },
    logIn,
    signIn,
    async changeByHand(statement, values) {
      await deps.postgres.query(statement, values)
      deps.accounts.forgetAll()
    },
    auditEvents: ({ event, accountId } = {}) =>
      deps.postgres.query<AuditEvent>(AUDIT, [event ?? null, accountId ?? null]),
  }
}
