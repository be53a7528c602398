import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { DependencyError } from '../../src/errors.ts'
import { waitFor } from '../../src/postgres/wait-for.ts'
import { createLog } from '../../src/server/log.ts'
import { PASSWORD } from '../support/app.ts'
import { newDataFolder } from '../support/embedded.ts'
import { runPostern, startPostern } from '../support/postern-process.ts'
import { createDatabase, missingServer, sharedPostgres, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const key = (id: string, fill: number) => `${id}:${Buffer.alloc(32, fill).toString('base64')}`

const temporaryDataDir = (t: Test): string => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-start-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

const logIn = async (url: string, username: string, password: string) => {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  }
  const response = await fetch(`${url}/v1/login`, init)
  return { status: response.status, body: (await response.json()) as { status?: string } }
}

const rowsOf = async (databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows
}

t.test('with no set-up at all, the first start makes everything and the second finds it', async (t) => {
  const environment = { POSTERN_DATA_DIR: temporaryDataDir(t) }
  const first = await startPostern(environment)
  const [, password = ''] = /password {2,}([\w-]{27})/.exec(first.output()) ?? []
  t.match(first.output(), /user name\s+admin/)
  t.match(password, /^[\w-]{27}$/, 'a one-time password')
  t.match(first.output(), /embedded PostgreSQL/)
  t.match(first.output(), /in the memory of this one process/)
  t.equal((await logIn(first.url, 'admin', password)).body.status, 'enrollment_required')
  const kids = async (url: string) => (await fetch(`${url}/.well-known/jwks.json`)).text()
  const published = await kids(first.url)
  t.equal(statSync(join(environment.POSTERN_DATA_DIR, 'encryption.key')).mode & 0o777, 0o600)
  t.equal(statSync(environment.POSTERN_DATA_DIR).mode & 0o777, 0o700)

  const other = await runPostern(['serve'], environment)
  t.equal(other.code, 1, 'two processes do not open one data folder')
  t.match(other.output, /Another Postern has the data folder/)
  // As if the power had failed.
  await first.kill()

  const second = await startPostern(environment)
  t.notMatch(second.output(), password, 'the password is printed once')
  t.notMatch(second.output(), /administrator was made/)
  t.equal((await logIn(second.url, 'admin', password)).body.status, 'enrollment_required')
  t.equal(await kids(second.url), published, 'the same signing key')
  t.equal(await second.stop(), 0)
})

t.test(
  'a configured administrator is made with its own password, and nothing is printed of it',
  async (t) => {
    const environment = {
      POSTERN_DATA_DIR: await newDataFolder(),
      POSTERN_ADMIN_USERNAME: 'root',
      POSTERN_ADMIN_PASSWORD: PASSWORD,
    }
    const postern = await startPostern(environment)
    t.notMatch(postern.output(), PASSWORD)
    t.equal((await logIn(postern.url, 'root', PASSWORD)).status, 200)
    t.equal(await postern.stop(), 0)
  },
)

t.test('a start with a wrong setting stops, says why in plain words, and changes nothing', async (t) => {
  t.test('every wrong variable at once', async (t) => {
    const { code, output } = await runPostern(['serve'], {
      PORT: 'x',
      LOG_LEVEL: 'loud',
      POSTERN_ISSUER: 'nowhere',
    })
    t.equal(code, 1)
    for (const name of ['PORT', 'LOG_LEVEL', 'POSTERN_ISSUER'])
      t.match(output, new RegExp(`^ +${name}: got`, 'm'))
    t.notMatch(output, /\bat .*\.ts:/, 'no stack')
  })

  t.test('a password that is not acceptable', async (t) => {
    const { code, output } = await runPostern(['serve'], {
      POSTERN_DATA_DIR: await newDataFolder(),
      POSTERN_ADMIN_PASSWORD: 'password1',
    })
    t.equal(code, 1)
    t.match(output, /POSTERN_ADMIN_PASSWORD/)
    t.notMatch(output, /password1\b/)
  })

  t.test('a data folder whose first start did not finish', async (t) => {
    const dataDir = temporaryDataDir(t)
    mkdirSync(join(dataDir, 'postgres'), { recursive: true })
    writeFileSync(join(dataDir, 'first-start.unfinished'), '')
    const { code, output } = await runPostern(['serve'], { POSTERN_DATA_DIR: dataDir })
    t.equal(code, 1)
    t.match(output, /did not finish/)
    t.same(readdirSync(join(dataDir, 'postgres')), [], 'it is reported, not overwritten')
  })

  t.test('a data folder that is not whole', async (t) => {
    const dataDir = temporaryDataDir(t)
    mkdirSync(join(dataDir, 'postgres', 'base'), { recursive: true })
    const missing = await runPostern(['serve'], { POSTERN_DATA_DIR: dataDir })
    t.equal(missing.code, 1)
    t.match(missing.output, /PG_VERSION is missing/)
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '18')
    const broken = await runPostern(['serve'], { POSTERN_DATA_DIR: dataDir })
    t.equal(broken.code, 1)
    t.match(broken.output, /cannot be opened by the embedded PostgreSQL/)
  })
})

t.test('encryption keys are checked at start', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const environment = (extra: Record<string, string>) => ({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    POSTERN_DATA_DIR: temporaryDataDir(t),
    LOG_LEVEL: 'silent',
    ...extra,
  })
  const refused = async (extra: Record<string, string>) => {
    const { code, output } = await runPostern(['serve'], environment(extra))
    t.equal(code, 1)
    return output
  }
  const postern = await startPostern(environment({ POSTERN_ENCRYPTION_KEYS: key('k1', 1) }))
  t.equal(await postern.stop(), 0)
  const before = await rowsOf(databaseUrl, 'SELECT kid, private_sealed FROM signing_keys')

  t.match(
    await refused({ POSTERN_ENCRYPTION_KEYS: key('k1', 2) }),
    /Encryption key "k1" is not the key it was/,
  )
  t.match(await refused({ POSTERN_ENCRYPTION_KEYS: key('k2', 1) }), /Encryption key "k1" is missing/)
  t.match(await refused({}), /sealed with encryption key "k1", and there is no key/)
  const folder = temporaryDataDir(t)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'encryption.key'), 'k1:too short')
  t.match(await refused({ POSTERN_DATA_DIR: folder }), /encryption\.key cannot be used: key "k1"/)
  t.equal(readFileSync(join(folder, 'encryption.key'), 'utf8'), 'k1:too short')
  t.same(await rowsOf(databaseUrl, 'SELECT kid, private_sealed FROM signing_keys'), before, 'nothing is lost')

  const both = await startPostern(environment({ POSTERN_ENCRYPTION_KEYS: `${key('k2', 2)},${key('k1', 1)}` }))
  t.equal(await both.stop(), 0, 'a new key beside the old one starts')
})

t.test('a database newer than the program stops the start', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    POSTERN_ENCRYPTION_KEYS: key('k1', 1),
  }
  const migrated = await runPostern(['migrate'], environment)
  t.equal(migrated.code, 0, migrated.output)
  await rowsOf(databaseUrl, `INSERT INTO migrations (name, run_on) VALUES ('9999_from_the_future', now())`)
  const { code, output } = await runPostern(['serve'], environment)
  t.equal(code, 1)
  t.match(output, /database is newer than this program.*9999_from_the_future/)
})

t.test('replicas that start together migrate once and make one of everything', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    POSTERN_ENCRYPTION_KEYS: key('k1', 1),
    POSTERN_DATA_DIR: temporaryDataDir(t),
  }
  const replicas = await Promise.all([1, 2, 3].map(() => startPostern(environment)))
  t.teardown(() => Promise.all(replicas.map((replica) => replica.kill())))
  const showing = replicas.filter((replica) => /password {2,}[\w-]{27}/.test(replica.output()))
  t.equal(showing.length, 1, 'one of them shows the password')
  const counts = `
    SELECT (SELECT count(*)::int FROM accounts) AS accounts, (SELECT count(*)::int FROM signing_keys) AS signing_keys,
           (SELECT count(*)::int FROM migrations) AS migrations`
  const [row] = await rowsOf(databaseUrl, counts)
  t.match(row, { accounts: 1, signing_keys: 1 })
  t.equal(row?.migrations, readdirSync(new URL('../../sql', import.meta.url)).length)
  t.notOk(existsSync(environment.POSTERN_DATA_DIR), 'with servers and a key given, nothing is written here')
})

t.test('what is running is finished before the process ends', { skip }, async (t) => {
  const postern = await startPostern({
    POSTERN_DATA_DIR: temporaryDataDir(t),
    POSTERN_ADMIN_PASSWORD: PASSWORD,
  })
  const logins = Array.from({ length: 8 }, () => logIn(postern.url, 'admin', PASSWORD))
  await Promise.race(logins)
  const began = performance.now()
  const code = await postern.stop()
  t.equal(code, 0)
  t.ok(performance.now() - began < 10_000)
  // None was cut off. On a busy machine, one may have been answered that it waited too long.
  const statuses = (await Promise.all(logins)).map(({ status }) => status)
  t.ok(statuses.includes(200))
  t.ok(statuses.every((status) => status === 200 || status === 503))
})

t.test('a dependency that is still starting is waited for; anything else is not', async (t) => {
  const log = createLog('silent')
  let calls = 0
  const result = await waitFor('a server', log, async () => {
    calls += 1
    if (calls < 3) throw new DependencyError('postgres', new Error('not yet'))
    return 'there'
  })
  t.equal(result, 'there')
  t.equal(calls, 3)
  await t.rejects(
    waitFor('a server', log, async () => {
      throw new Error('broken')
    }),
    /broken/,
  )
})
