// The command line as it is typed: in a process of its own, beside a running server or without one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newDataFolder } from '../support/embedded.ts'
import { eventually } from '../support/eventually.ts'
import { MAIN, type PosternProcess, runPostern, startPostern } from '../support/postern-process.ts'
import { freePort } from '../support/server-process.ts'
import { createDatabase, missingServer, sharedPostgres, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')
const PASSWORD = 'walnut drawer over the canal'
const KEYS = `k1:${Buffer.alloc(32, 5).toString('base64')}`

const dataDirOf = (t: Test): string => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

const serving = async (t: Test, environment: Record<string, string>): Promise<PosternProcess> => {
  const postern = await startPostern({ LOG_LEVEL: 'warn', ...environment })
  t.teardown(() => {
    if (postern.process.exitCode === null && postern.process.signalCode === null) return postern.kill()
  })
  return postern
}

const logIn = async ({ url }: PosternProcess, username: string) => {
  const response = await fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  })
  return (await response.json()) as { access_token: string; status?: string; error?: string }
}

const isSignedIn = async ({ url }: PosternProcess, token: string): Promise<boolean> =>
  (await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).ok

t.test('on embedded defaults, commands work beside the server and without it', async (t) => {
  const environment = { POSTERN_DATA_DIR: await newDataFolder() }
  const run = (commandArguments: string[], input = '') => runPostern(commandArguments, environment, input)
  const server = await serving(t, environment)

  const created = await run(['account', 'create', 'ada'], `${PASSWORD}\n`)
  t.match(created, { code: 0, output: /^Created account ada / })
  const { access_token: token } = await logIn(server, 'ada')
  t.ok(await isSignedIn(server, token))
  t.match(await run(['account', 'disable', 'ada']), { code: 0, output: 'Disabled ada.\n' })
  t.notOk(await isSignedIn(server, token), 'the sessions in the memory of the server have ended')
  t.match(await run(['account', 'disable', 'nobody']), { code: 1, output: /no account named/ })
  t.same(await run(['migrate']), { code: 0, output: 'The database is up to date.\n' }, 'printed once')

  const second = await run(['serve'])
  t.equal(second.code, 1)
  t.match(second.output, /Another Postern has the data folder .* open/)
  t.notMatch(second.output, /\n {4}at /)
  t.ok((await fetch(`${server.url}/healthz`)).ok, 'the first goes on')

  t.equal(await server.stop(), 0)
  t.same(readdirSync(environment.POSTERN_DATA_DIR).sort(), ['encryption.key', 'postgres'])
  t.match(await run(['account', 'enable', 'ada']), { code: 0, output: 'Enabled ada.\n' })

  const again = await serving(t, environment)
  t.equal((await logIn(again, 'ada')).status, 'authenticated')
  await again.kill()
  t.ok(existsSync(join(environment.POSTERN_DATA_DIR, 'control.sock')), 'a crash leaves its socket')
  const both = await Promise.all([run(['account', 'list']), run(['client', 'list'])])
  for (const { code, output } of both) {
    t.ok(code === 0 || /Another postern command has|Another Postern has/.test(output), output)
  }
  t.ok(both.some(({ code }) => code === 0))
})

t.test(
  'a command on a fresh folder makes it whole, and the administrator it made is the first',
  async (t) => {
    const environment = { POSTERN_DATA_DIR: dataDirOf(t) }
    const created = await runPostern(
      ['account', 'create', 'root', '--role', 'admin', '--json'],
      environment,
      PASSWORD,
    )
    t.match(JSON.parse(created.output), { username: 'root', roles: ['admin'] })
    const server = await serving(t, environment)
    t.notMatch(server.output(), /The first administrator was made/)
    t.equal((await logIn(server, 'root')).status, 'enrollment_required')
  },
)

t.test(
  'with PostgreSQL and no Redis, a command reaches the state in the memory of the server',
  { skip },
  async (t) => {
    const environment = {
      POSTERN_DATA_DIR: dataDirOf(t),
      DATABASE_URL: await createDatabase(await sharedPostgres()),
      POSTERN_ENCRYPTION_KEYS: KEYS,
    }
    const server = await serving(t, environment)
    await runPostern(['account', 'create', 'ada'], environment, PASSWORD)
    const { access_token: token } = await logIn(server, 'ada')
    t.equal((await runPostern(['account', 'set-password', 'ada'], environment, `${PASSWORD}!`)).code, 0)
    t.notOk(await isSignedIn(server, token))

    const otherKeys = {
      ...environment,
      POSTERN_ENCRYPTION_KEYS: `k2:${Buffer.alloc(32, 6).toString('base64')},${KEYS}`,
    }
    t.match(await runPostern(['key', 'reseal'], otherKeys), {
      code: 1,
      output: /seals with "k1", not with "k2"/,
    })
  },
)

t.test('with both servers, a command works by itself and every replica sees it', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const environment = {
    POSTERN_DATA_DIR: dataDirOf(t),
    DATABASE_URL: await createDatabase(await sharedPostgres()),
    REDIS_URL: redis.url,
    POSTERN_ENCRYPTION_KEYS: KEYS,
  }
  t.match(
    await runPostern(['migrate'], { ...environment, REDIS_URL: `redis://127.0.0.1:${await freePort()}` }),
    {
      code: 0,
      output: /^Applied 0001_foundation/,
    },
  )
  const server = await serving(t, environment)
  await runPostern(['account', 'create', 'ada'], environment, PASSWORD)
  const { access_token: token } = await logIn(server, 'ada')
  t.equal((await runPostern(['account', 'disable', 'ada'], environment)).code, 0)
  t.notOk(await isSignedIn(server, token))
  await runPostern(['account', 'enable', 'ada'], environment)
  await runPostern(['policy', 'change', '{"required_for_all":true}'], environment)
  t.ok(await eventually(1000, async () => (await logIn(server, 'ada')).status === 'enrollment_required'))
  t.notOk(existsSync(environment.POSTERN_DATA_DIR), 'nothing is kept in a folder')
})

t.test('a command that cannot begin says why in plain words', async (t) => {
  const wrong = await runPostern(['account', 'list'], { PORT: 'many', POSTERN_ISSUER: 'ftp://x' })
  t.equal(wrong.code, 1)
  t.match(wrong.output, /PORT: got "many"/)
  t.match(wrong.output, /POSTERN_ISSUER: got "ftp:\/\/x"/)
  t.notMatch(wrong.output, /\n {4}at /)

  const folder = { POSTERN_DATA_DIR: await newDataFolder() }
  const without = await runPostern(['account', 'create', 'ada'], folder)
  t.match(without, { code: 1, output: 'No password was given on standard input.\n' })
})

t.test('a command whose output nobody reads on ends quietly', async (t) => {
  for (const commandArguments of [['--help'], ['serve', '--help']]) {
    const child = spawn(process.execPath, [MAIN, ...commandArguments], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // As `head` closes it once it has read its lines.
    child.stdout.destroy()
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const [code] = await once(child, 'close')
    t.same({ code, errors }, { code: 0, errors: '' }, commandArguments.join(' '))
  }
})

t.test('a refusal by PostgreSQL is reported in its own words', { skip }, async (t) => {
  const url = (await createDatabase(await sharedPostgres())).replace(/[^/]*$/, 'nowhere')
  const environment = { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1', POSTERN_ENCRYPTION_KEYS: KEYS }
  t.match(await runPostern(['migrate'], environment), {
    code: 1,
    output: 'PostgreSQL refuses: database "nowhere" does not exist (3D000).\n',
  })
})
