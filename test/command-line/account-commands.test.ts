import t from 'tap'
import { findAccount } from '../../src/accounts/store.ts'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')
const NEW_PASSWORD = 'walnut drawer over the canal'

const open = async (t: Parameters<typeof openTestApp>[0]) => {
  const postern = await openTestApp(t)
  const run = (...commandArguments: string[]) =>
    runCommand(postern, ['account', ...commandArguments], { password: NEW_PASSWORD })
  return { postern, run }
}

t.test('an account is created with its password from outside of the arguments', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const ran = await run(
    'create',
    'ada',
    '--email',
    'ada@example.org',
    '--display-name',
    'Ada',
    '--role',
    'user',
    '--role',
    'viewer',
  )
  t.equal(ran.code, 0, ran.err)
  t.match(ran.out, /^Created account ada \([0-9a-f-]{36}\) with role user, viewer\.$/)
  t.equal((await postern.logIn({ id: '', username: 'ada@example.org', password: NEW_PASSWORD })).status, 200)
  t.match(await postern.auditEvents({ event: 'account.created' }), [
    { actor_type: 'command_line', actor_id: 'operator', details: { roles: ['user', 'viewer'] } },
  ])
  t.notMatch(ran.out + ran.err, NEW_PASSWORD)
})

t.test('an account is printed as JSON, and can do without a password', { skip }, async (t) => {
  const { run } = await open(t)
  const ran = await run('create', 'robot', '--no-password', '--json')
  t.match(JSON.parse(ran.out), { username: 'robot', roles: ['user'], status: 'active', email: null })
})

t.test('what cannot be created is refused in one line', { skip }, async (t) => {
  const { postern, run } = await open(t)
  await postern.createAccount({ username: 'taken' })
  const weak = await runCommand(postern, ['account', 'create', 'weak'], { password: 'password' })
  t.equal(weak.code, 1)
  for (const [ran, message] of [
    [weak, /password/i],
    [await run('create', 'taken'), /taken/],
    [await run('create', 'not a name'), /username/],
    [await run('create', 'ada', '--email', 'nowhere'), /email/],
    [await run('create', 'ada', '--role', 'no spaces'), /roles/],
    [await run('create'), /missing required argument 'username'/],
    [await run('create', 'ada', '--password', 'secret'), /unknown option '--password'/],
  ] as const) {
    t.equal(ran.code, 1)
    t.match(ran.err, message)
    t.notMatch(ran.err, /\n {4}at /, 'no stack')
    t.equal(ran.out, '')
  }
  t.equal((await postern.auditEvents({ event: 'account.created' })).length, 1)
})

t.test(
  'accounts are listed as a table and as JSON, filtered, as many as are asked for',
  { skip },
  async (t) => {
    const { postern, run } = await open(t)
    const ada = await postern.createAccount({ username: 'ada', roles: ['admin'], email: 'ada@example.org' })
    await postern.enrollTotp(ada)
    await postern.createAccount({ username: 'bob' })
    const table = (await run('list')).out.split('\n')
    t.match(table[0], /^ID +USER NAME +EMAIL +ROLES +STATUS +SECOND FACTOR +LAST LOGIN$/)
    t.match(table[1], /bob +- +user +active +none +-$/)
    t.match(table[2], /ada +ada@example.org +admin +active +totp +-$/)

    const namesOf = async (...options: string[]) =>
      JSON.parse((await run('list', '--json', ...options)).out).map(
        (one: { username: string }) => one.username,
      )
    t.same(await namesOf(), ['bob', 'ada'])
    t.same(await namesOf('--role', 'admin'), ['ada'])
    t.same(await namesOf('--search', 'ADA@'), ['ada'])
    t.same(await namesOf('--status', 'disabled'), [])
    t.same(await namesOf('--limit', '1'), ['bob'])
    for (let n = 0; n < 203; n += 1) await postern.createAccount()
    t.equal((await namesOf('--limit', '204')).length, 204, 'more than one page')
    t.equal((await namesOf('--limit', '1000')).length, 205)

    for (const limit of ['0', '-1', '1.5', 'many']) {
      t.match(await run('list', `--limit=${limit}`), { code: 1, err: /is not a whole number above 0/ })
    }
    t.match(await run('list', '--status', 'maybe'), { code: 1, err: /Allowed choices are active, disabled/ })
  },
)

t.test('a locked account is listed as locked', { skip }, async (t) => {
  const { postern, run } = await open(t)
  await postern.setPolicy({ max_failed_attempts: 1 })
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { body } = await postern.logIn(account)
  const wrong = totp.code() === '000000' ? '111111' : '000000'
  await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: body.challenge_token, method: 'totp', code: wrong },
  })
  t.match((await run('list')).out, /active, locked/)
  t.match(await run('unlock', account.username), { code: 0, out: `Unlocked ${account.username}.` })
  t.notMatch((await run('list')).out, /locked/)
})

t.test('an account is disabled and enabled, by name, address or id', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const account = await postern.createAccount({ email: 'bob@example.org' })
  const { access_token: bearer } = await postern.signIn(account)
  t.match(await run('disable', account.username), { code: 0, out: `Disabled ${account.username}.` })
  t.equal((await postern.logIn(account)).body.error, 'account_disabled')
  t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 401, 'its sessions have ended')

  t.equal((await run('enable', account.id)).code, 0)
  t.equal((await postern.logIn(account)).status, 200)
  t.equal((await run('disable', 'BOB@example.org')).code, 0)
  t.equal((await postern.logIn(account)).status, 403)
  const [first] = await postern.auditEvents({ event: 'account.changed' })
  t.match(first, { actor_type: 'command_line', actor_id: 'operator', account_id: account.id })
})

t.test('an administrator who lost the second factor gets back in', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const admin = await postern.createAccount({ roles: ['admin'] })
  await postern.enrollTotp(admin)
  t.equal((await postern.logIn(admin)).body.status, 'challenge_required')
  t.match(await run('reset-second-factor', admin.username), { code: 0, out: /^Reset the second factor of / })
  t.equal((await postern.logIn(admin)).body.status, 'enrollment_required')
  t.match(await postern.auditEvents({ event: 'second_factor.reset' }), [{ actor_type: 'command_line' }])
})

t.test('a new password takes the place of the old one, and ends every session', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const account = await postern.createAccount()
  const { access_token: bearer } = await postern.signIn(account)
  const ran = await run('set-password', account.username)
  t.match(ran, { code: 0, out: `Set the password of ${account.username}.`, err: '' })
  t.equal((await postern.logIn(account)).status, 401)
  t.equal((await postern.logIn({ ...account, password: NEW_PASSWORD })).status, 200)
  t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 401)
  t.match(await postern.auditEvents({ event: 'password.changed' }), [
    { actor_type: 'command_line', actor_id: 'operator', account_id: account.id },
  ])
})

t.test('an account without a password can be given one', { skip }, async (t) => {
  const { postern, run } = await open(t)
  await run('create', 'robot', '--no-password')
  t.equal((await run('set-password', 'robot')).code, 0)
  t.equal((await postern.logIn({ id: '', username: 'robot', password: NEW_PASSWORD })).status, 200)
})

t.test('a password that cannot be set leaves the old one', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const account = await postern.createAccount()
  const weak = await runCommand(postern, ['account', 'set-password', account.username], {
    password: '12345678',
  })
  t.equal(weak.code, 1)
  t.equal((await postern.logIn({ ...account, password: PASSWORD })).status, 200)

  const client = await postern.createClient()
  await postern.request('POST', '/v1/challenges', { basic: client, body: { subject: 'u-1' } })
  const [subject] = (await postern.auditEvents({ event: 'account.created' })).slice(-1)
  t.match(await run('set-password', subject?.account_id ?? ''), { code: 1, err: /no such account/ })
  await run('disable', account.username)
  t.match(await run('set-password', account.username), { code: 1, err: /disabled/ })
})

t.test('an account that is not there is named', { skip }, async (t) => {
  const { run } = await open(t)
  for (const command of ['disable', 'enable', 'reset-second-factor', 'unlock', 'set-password']) {
    t.match(await run(command, 'nobody'), { code: 1, err: 'There is no account named "nobody".' })
    t.match(await run(command, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'), { code: 1, err: /no such account/ })
  }
})

t.test('standard claims are set, and checked, as an administrator sets them', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const { id, username } = await postern.createAccount({ claims: { nickname: 'Countess' } })
  const set = await run('set-claims', username, '{"given_name":"Ada","nickname":null}')
  t.equal(set.code, 0, set.err)
  t.same((await findAccount(postern.deps, id))?.claims, { given_name: 'Ada' })
  for (const [claims, message] of [
    ['given_name=Ada', /not JSON/],
    ['{"birthdate":"long ago"}', /birthdate/],
    ['{"sub":"x"}', /sub/],
  ] as const) {
    const refused = await run('set-claims', username, claims)
    t.equal(refused.code, 1)
    t.match(refused.err, message)
  }
})
