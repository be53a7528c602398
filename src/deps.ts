// Every connection, key and cache: opened and closed here, and passed on from here. Nothing else opens one.
import { type Accounts, openAccounts } from './accounts/account-cache.ts'
import { systemOrigin } from './audit/event.ts'
import { keepAuditPartitions } from './audit/keep-partitions.ts'
import { clearExpiredEnrollments } from './authenticators/clear-expired-enrollments.ts'
import { type Clients, openClients } from './clients/client-cache.ts'
import { type ClientKeys, openClientKeys } from './clients/client-keys-cache.ts'
import type { Config } from './config.ts'
import { checkEncryptionKeys } from './encryption/check-encryption-keys.ts'
import { loadEncryptionKeys } from './encryption/load-encryption-keys.ts'
import { createRandomPool } from './encryption/random-pool.ts'
import { createSealer, type RandomBytes, type Sealer } from './encryption/sealer.ts'
import type { ChangedTopic, Ephemeral } from './ephemeral/ephemeral.ts'
import { openEphemeral } from './ephemeral/open-ephemeral.ts'
import { clearSettledNotices } from './notices/clear-settled-notices.ts'
import { startMailer } from './notices/start-mailer.ts'
import type { Outbox } from './notices/start-outbox.ts'
import { type NoticeSender, startSender } from './notices/start-sender.ts'
import { createOutbound, type Outbound } from './outbound/outbound.ts'
import { type OpenSite, openSite } from './pages/open-site.ts'
import { createPasswordHasher, type PasswordHasher } from './passwords/password-hasher.ts'
import { openPolicyCache, type PolicyCache } from './policy/policy-cache.ts'
import { openEmbeddedPostgres } from './postgres/embedded.ts'
import { migrate } from './postgres/migrate.ts'
import { openPostgres, type Postgres } from './postgres/pool.ts'
import { waitFor } from './postgres/wait-for.ts'
import type { Log } from './server/log.ts'
import { clearExpiredRegistrations } from './sign-in/registration/clear-expired-registrations.ts'
import { ensureSigningKey } from './tokens/create-signing-key.ts'
import { createDpopNonces, type DpopNonces } from './tokens/dpop-nonces.ts'
import { ensurePairwiseSalt } from './tokens/ensure-pairwise-salt.ts'
import { openSigningKeys, type SigningKeys } from './tokens/signing-key-cache.ts'
import {
  type AccessTokenVerifier,
  createAccessTokenVerifier,
  forAudience,
} from './tokens/verify-access-token.ts'

/** What use cases are given. Each names the members that it needs. */
export type Deps = {
  config: Readonly<Config>
  log: Log
  clock: () => Date
  randomBytes: RandomBytes
  postgres: Postgres
  ephemeral: Ephemeral
  sealer: Sealer
  passwords: PasswordHasher
  policy: PolicyCache
  signingKeys: SigningKeys
  clients: Clients
  clientKeys: ClientKeys
  accounts: Accounts
  outbound: Outbound
  /** Sends logout notices. */
  notices: NoticeSender
  /** Sends mail, where the operator has named a mail server. */
  mailer: Outbox
  /** Of tokens for Postern's own routes. */
  verifyAccessToken: AccessTokenVerifier
  /** Of the subjects of pairwise clients (`tokens/subject.ts`). */
  pairwiseSalt: Buffer
  /** Of all tokens that Postern has issued, whomever they are for. */
  verifyIssuedToken: AccessTokenVerifier
  dpopNonces: DpopNonces
  site: OpenSite
  /** Names of the migrations that this start has applied. */
  migrated: string[]
  close(): Promise<void>
}

/** What tests replace. */
export type Overrides = { clock?: () => Date; randomBytes?: RandomBytes; redisKeyPrefix?: string }

const REREAD_MS = 30_000
const CLEARING_MS = 5 * 60_000

/** The PostgreSQL that `config` names, or the embedded one. The schema may be missing or old. */
export const openDatabase = (config: Config): Promise<Postgres> =>
  config.databaseUrl
    ? Promise.resolve(openPostgres(config.databaseUrl, config.databasePoolSize))
    : openEmbeddedPostgres(config.dataDir)

/**
 * Reads again what this replica holds in memory when another one has changed it, and deletes expired enrollments and
 * old notices from time to time. Returns a function that stops it.
 */
const followChanges = (deps: Omit<Deps, 'close' | 'notices' | 'mailer'>): (() => Promise<void>) => {
  const reload = {
    policy: () => deps.policy.reload(),
    signing_keys: () => deps.signingKeys.reload(),
    clients: async () => deps.clients.forgetAll(),
  }
  const reread = async (topic: ChangedTopic) => {
    const topics = topic === 'reconnected' ? Object.values(reload) : [reload[topic]]
    try {
      await Promise.all(topics.map((again) => again()))
    } catch (error) {
      // The next message, or the timer, tries again; until then this replica uses what it read last.
      deps.log.warn({ topic, reason: (error as Error).message }, 'could not read again what changed')
    }
  }
  deps.ephemeral.changes.subscribe((topic) => {
    if (topic === 'reconnected') deps.accounts.forgetAll()
    return reread(topic)
  })
  const timer = setInterval(() => reread('reconnected'), REREAD_MS).unref()
  const clear = async () => {
    try {
      await clearExpiredEnrollments(deps, deps.clock())
      await clearSettledNotices(deps, deps.clock())
      await clearExpiredRegistrations(deps, deps.clock())
    } catch (error) {
      deps.log.warn({ reason: (error as Error).message }, 'could not delete what has expired')
    }
  }
  let clearing = clear()
  const clearer = setInterval(() => {
    clearing = clear()
  }, CLEARING_MS).unref()
  return async () => {
    clearInterval(clearer)
    clearInterval(timer)
    await clearing
  }
}

/**
 * Opens everything that `config` names, waiting a while for servers that are still starting, and brings the
 * database up to date. What was opened is closed again where a later step fails.
 * @throws {ConfigError | DataFolderError | DatabaseNewerError | EncryptionKeyError | DependencyError}
 */
export const openDeps = async (
  config: Readonly<Config>,
  log: Log,
  overrides: Overrides = {},
): Promise<Deps> => {
  const clock = overrides.clock ?? (() => new Date())
  const random = overrides.randomBytes ?? createRandomPool()
  const closers: (() => Promise<void> | void)[] = []
  const close = async () => {
    for (const closer of closers.reverse().splice(0)) await closer()
  }
  try {
    const site = openSite(config)
    const postgres = await openDatabase(config)
    closers.push(() => postgres.close())
    const migrated = await waitFor('PostgreSQL', log, () => migrate(postgres))
    const sealer = createSealer(await loadEncryptionKeys(config, postgres, random), random)
    await checkEncryptionKeys({ postgres, sealer })
    const ephemeral = await waitFor('Redis', log, () =>
      openEphemeral({
        redisUrl: config.redisUrl,
        log,
        ...(overrides.redisKeyPrefix && { keyPrefix: overrides.redisKeyPrefix }),
      }),
    )
    closers.push(() => ephemeral.close())
    closers.push(await keepAuditPartitions({ postgres, log, clock }))
    await ensureSigningKey({ postgres, sealer }, systemOrigin(clock()))

    const passwords = createPasswordHasher()
    closers.push(() => passwords.close())
    const outbound = createOutbound(config)
    closers.push(() => outbound.close())
    const signingKeys = await openSigningKeys({ config, postgres, sealer })
    const verifyIssuedToken = createAccessTokenVerifier({ signingKeys })
    const opened = {
      config,
      log,
      clock,
      randomBytes: random,
      postgres,
      ephemeral,
      sealer,
      passwords,
      policy: await openPolicyCache({ postgres }),
      signingKeys,
      clients: openClients({ postgres }),
      clientKeys: openClientKeys({ outbound, clock }),
      accounts: openAccounts({ postgres }),
      outbound,
      verifyAccessToken: forAudience(verifyIssuedToken, config.issuer),
      verifyIssuedToken,
      dpopNonces: createDpopNonces({ sealer }),
      site,
      pairwiseSalt: await ensurePairwiseSalt({ postgres, sealer, randomBytes: random }),
      migrated,
    }
    closers.push(followChanges(opened))
    const notices = startSender(opened)
    closers.push(() => notices.close())
    const mailer = startMailer(opened)
    closers.push(() => mailer.close())
    return { ...opened, notices, mailer, close }
  } catch (error) {
    await close()
    throw error
  }
}
