// The guides' examples, run: every block marked `<!-- tested -->`, against a real Postern, with the answer that is
// printed under it. Its variables ($CODE, $ADMIN_TOKEN, …) are made for it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { forge } from '../scripts/demo/gateway.ts'
import { signInAdministrator } from './support/administrator.ts'
import { openTestApp, PASSWORD, TEST_ENCRYPTION_KEY, type TestApp } from './support/app.ts'
import { begin, confirm } from './support/enrollment.ts'
import { type Example, examplesOf, folderWithModule, readGuides } from './support/markdown.ts'
import { MAIN } from './support/postern-process.ts'
import { freePort } from './support/server-process.ts'
import { missingServer } from './support/servers.ts'
import { decodeBase32, totpCode } from './support/totp-code.ts'

const run = promisify(execFile)
const skip = missingServer('postgres') || missingServer('redis')

type Variables = Record<string, () => string | Promise<string>>
// biome-ignore lint/suspicious/noExplicitAny: an answer of any route
type Json = any

/** What the examples name. `last` is the answer of the example before. */
const prepare = async (postern: TestApp, url: string, last: () => Json): Promise<Variables> => {
  const client = await postern.createClient({ scopes: ['openid', 'profile', 'challenges', 'postern:me'] })
  const subject = 'your-user-42'
  const open = async () =>
    (await postern.request('POST', '/v1/challenges', { basic: client, body: { subject } })).body
  const forPostern = async (refreshToken: string): Promise<string> => {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, resource: url }
    return (await postern.request('POST', '/oauth2/token', { basic: client, form })).body.access_token
  }
  const bearer = await forPostern((await open()).refresh_token)
  const totp = await begin(postern, bearer)
  await confirm(postern, bearer, totp.id, totp.code())
  const account = await postern.createAccount()
  const portal = await postern.createClient({ scopes: ['openid'], firstParty: true })
  // Every code in a time step of its own.
  const nextCode = () => {
    postern.advance(30)
    return totp.code()
  }
  const tokensOfClient = async () => {
    const body = { challenge_token: (await open()).challenge_token, method: 'totp', code: nextCode() }
    return (await postern.request('POST', '/v1/challenges/verify', { basic: client, body })).body
  }
  let enrollmentToken: string | null = null
  return {
    POSTERN: () => url,
    CLIENT_ID: () => client.clientId,
    CLIENT_SECRET: () => client.secret,
    PORTAL_ID: () => portal.clientId,
    PORTAL_SECRET: () => portal.secret,
    AUDIENCE: () => client.clientId,
    SUBJECT: () => subject,
    CHALLENGE_TOKEN: async () => (await open()).challenge_token,
    CODE: nextCode,
    ACCESS_TOKEN: async () => (await tokensOfClient()).access_token,
    TOKEN_FOR_POSTERN: async () => forPostern((await tokensOfClient()).refresh_token),
    REFRESH_TOKEN: async () => (await tokensOfClient()).refresh_token,
    ADMIN_TOKEN: async () => (await signInAdministrator(postern)).bearer,
    USERNAME: () => account.username,
    PASSWORD: () => PASSWORD,
    ENROLLMENT_TOKEN: async () => {
      const newcomer = () => postern.createAccount({ roles: ['admin'] })
      enrollmentToken ??= (await postern.logIn(await newcomer())).body.enrollment_token as string
      return enrollmentToken
    },
    AUTHENTICATOR_ID: () => last().id,
    ENROLLMENT_CODE: () => totpCode(decodeBase32(last().secret), postern.now()),
  }
}

const environmentOf = async (names: Iterable<string>, variables: Variables) => {
  const environment: Record<string, string> = {}
  for (const name of names) {
    const make = variables[name]
    if (!make) throw new Error(`nobody makes $${name}`)
    environment[name] = await make()
  }
  return { ...process.env, ...environment }
}

const VARIABLE = /\$([A-Z_]+)/g
const MADE_UP = /…|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$|-[\da-f]{8}$|^[A-Z2-7]{32}$|^\d{4}-\d\d-\d\dT/

/** The members that an example shows are there, and those that are not made up have the very value. */
const assertAsShown = (t: Test, shown: Json, actual: Json, path: string): void => {
  if (shown === null || typeof shown !== 'object') {
    const isMadeUp = typeof shown === 'string' ? MADE_UP.test(shown) : Number(shown) > 1_000_000
    t.equal(isMadeUp ? typeof actual : actual, isMadeUp ? typeof shown : shown, path)
    return
  }
  for (const [name, value] of Object.entries(shown))
    assertAsShown(t, value, actual?.[name], `${path}.${name}`)
}

const STRICT = `set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@"; }
postern() { '${process.execPath}' '${MAIN}' "$@"; }
`

/** What the `postern` command needs to work on the database of a test app. */
const settingsOf = ({ config }: TestApp): Record<string, string> => ({
  DATABASE_URL: config.databaseUrl ?? '',
  REDIS_URL: config.redisUrl ?? '',
  POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
})

/** In bash, where a refusal by Postern is a failure. `cwd` is where examples keep their answers. */
const runShell = async (
  { code }: Example,
  variables: Variables,
  { cwd, settings }: { cwd: string; settings: Record<string, string> },
): Promise<string> => {
  const names = new Set([...code.matchAll(VARIABLE)].map(([, name = '']) => name))
  for (const [, own = ''] of code.matchAll(/^([A-Z_]+)=/gm)) names.delete(own)
  const env = { ...(await environmentOf(names, variables)), ...settings }
  const { stdout } = await run('bash', ['-c', STRICT + code], { env, cwd }).catch((error) => {
    throw new Error(`${code}\n${error.stdout}\n${error.stderr}`)
  })
  return stdout
}

/** A test app that listens at its own issuer's URL. */
const openListening = async (t: Test): Promise<{ postern: TestApp; url: string }> => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const postern = await openTestApp(t, { environment: { POSTERN_ISSUER: url } })
  await postern.app.listen({ host: '127.0.0.1', port })
  return { postern, url }
}

t.test(
  'every example that is marked so runs as it is, with the answer that is shown',
  { skip },
  async (t) => {
    for (const guide of readGuides()) {
      const examples = examplesOf(guide).filter(({ language, tested }) => tested && language === 'sh')
      if (examples.length === 0) continue
      const { postern, url } = await openListening(t)
      const folder = t.testdir({})
      const settings = settingsOf(postern)
      let last: Json = null
      const variables = await prepare(postern, url, () => last)
      for (const example of examples) {
        const output = await runShell(example, variables, { cwd: folder, settings })
        t.pass(`${guide.path}: ${example.code.split('\n')[0]}`)
        if (example.answer === null) continue
        last = JSON.parse(output)
        assertAsShown(t, example.answer, last, guide.path)
      }
    }
  },
)

/** The first Python that has `requests`: another than Debian's, which apt installs it for, may come before on the PATH. */
const findPython = async (): Promise<string | null> => {
  for (const python of ['python3', '/usr/bin/python3']) {
    const found = await run(python, ['-c', 'import requests']).then(
      () => true,
      () => false,
    )
    if (found) return python
  }
  if (process.env.REQUIRE_SERVERS === '1') throw new Error('Python with requests is not installed')
  return null
}

const folderWith = (t: Test, file: string): string => {
  const { folder, remove } = folderWithModule(file)
  t.teardown(remove)
  return folder
}

t.test('the modules of the guides do what they say', { skip }, async (t) => {
  const { postern, url } = await openListening(t)
  const variables = await prepare(postern, url, () => null)
  const env = await environmentOf(
    ['POSTERN', 'CLIENT_ID', 'CLIENT_SECRET', 'AUDIENCE', 'SUBJECT', 'CODE'],
    variables,
  )
  /** Runs `code`, which sees the guide's module as `guide`; what it printed, by line. */
  const node = async (file: string, code: string, ...args: string[]): Promise<string[]> => {
    const program = `import * as guide from './${file}'\n${code}`
    const options = { cwd: folderWith(t, file), env }
    const { stdout } = await run(
      process.execPath,
      ['--input-type=module', '--eval', program, ...args],
      options,
    )
    return stdout.trim().split('\n')
  }

  await t.test('in Node, a challenge is opened and answered', async (t) => {
    const [passed = '', again = ''] = await node(
      'postern.mjs',
      `const { challenge_token: token } = await guide.openChallenge(process.env.SUBJECT)
       for (const _ of ['once', 'again'])
         console.log(JSON.stringify(await guide.answerChallenge(token, process.env.CODE)))`,
    )
    t.match(JSON.parse(passed), { status: 'authenticated', acr: 'aal2' })
    t.match(JSON.parse(again), { error: 'invalid_challenge' })
  })

  await t.test('a gateway lets two factors in, and neither one nor a forgery', async (t) => {
    const { body: oneFactor } = await postern.request('POST', '/v1/challenges', {
      basic: { clientId: env.CLIENT_ID ?? '', secret: env.CLIENT_SECRET ?? '' },
      body: { subject: 'one-factor' },
    })
    const twoFactors = `${await variables.ACCESS_TOKEN?.()}`
    const code = `
      for (const token of process.argv.slice(1))
        await guide.verify(token).then(({ acr }) => console.log(acr), ({ code, message }) => console.log(code ?? message))`
    const forged = forge(twoFactors, { roles: ['admin'] })
    const { access_token: passwordAlone, id_token: idToken } = oneFactor
    t.same(await node('gateway.mjs', code, twoFactors, passwordAlone, forged, idToken), [
      'aal2',
      'A second factor is needed.',
      'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      'ERR_JWT_CLAIM_VALIDATION_FAILED',
    ])
  })

  const python = await findPython()
  await t.test(
    'in Python, a challenge is opened and answered',
    { skip: python === null && 'Python with requests is not installed' },
    async (t) => {
      const program = `
import json, os, postern
opened = postern.open_challenge(os.environ["SUBJECT"], ip="203.0.113.9")
print(json.dumps(postern.answer_challenge(opened["challenge_token"], os.environ["CODE"])))`
      const options = {
        cwd: folderWith(t, 'postern.py'),
        env: { ...env, CODE: `${await variables.CODE?.()}` },
      }
      const { stdout } = await run(`${python}`, ['-B', '-c', program], options)
      t.match(JSON.parse(stdout), { status: 'authenticated', acr: 'aal2' })
    },
  )
})
