import t from 'tap'
import { formatTable } from '../../src/command-line/commands/table.ts'
import { describeFailure } from '../../src/command-line/describe-failure.ts'
import { runProgram } from '../../src/command-line/run-program.ts'
import { ConfigError, VARIABLES } from '../../src/config.ts'
import { DependencyError } from '../../src/errors.ts'
import { VERSION } from '../../src/server/version.ts'
import { openTestApp } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const open = async (t: Parameters<typeof openTestApp>[0]) => {
  const postern = await openTestApp(t)
  return { postern, run: (...commandArguments: string[]) => runCommand(postern, commandArguments) }
}

t.test('a client is created with a secret that works, or without one', { skip }, async (t) => {
  const { postern, run } = await open(t)
  const ran = await run('client', 'create', 'Web Shop', '--scope', 'openid', '--scope', 'challenges')
  t.equal(ran.code, 0, ran.err)
  const [, clientId = '', secret = ''] = /client_id +(\S+)\nclient_secret +(\S+)/.exec(ran.out) ?? []
  t.match(ran.out, /scopes +openid challenges\nThe secret is shown this once/)
  const token = await postern.request('POST', '/oauth2/token', {
    basic: { clientId, secret },
    form: { grant_type: 'client_credentials' },
  })
  t.equal(token.status, 200, token.text)
  t.match(await postern.auditEvents({ event: 'client.created' }), [
    { actor_type: 'command_line', actor_id: 'operator', client_id: clientId },
  ])

  const kind = ['--auth-method', 'none', '--first-party', '--id', 'mobile']
  const uris = ['--redirect-uri', 'https://app.example/cb', '--audience', 'https://api.example']
  const publicOne = await run('client', 'create', 'Mobile', ...kind, ...uris, '--json')
  t.match(JSON.parse(publicOne.out), {
    client_id: 'mobile',
    client_secret: null,
    first_party: true,
    redirect_uris: ['https://app.example/cb'],
    audience: ['https://api.example'],
  })
  t.match(
    (await run('client', 'create', 'Other', '--auth-method', 'none')).out,
    /A public client: it has no secret/,
  )
})

t.test('an impossible client is refused in one line', { skip }, async (t) => {
  const { run } = await open(t)
  for (const [options, message] of [
    [['--scope', 'root'], /scopes\/0/],
    [['--id', 'postern'], /client id is taken/],
    [['--redirect-uri', 'http://app.example'], /redirect_uris\/0 is http; use https/],
    [['--auth-method', 'magic'], /Allowed choices/],
    [['--auth-method', 'none', '--scope', 'challenges'], /public client/],
  ] as const) {
    const ran = await run('client', 'create', 'X', ...options)
    t.equal(ran.code, 1)
    t.match(ran.err, message)
    t.notMatch(ran.err, /\n {4}at /)
  }
})

t.test('clients are listed as a table and as JSON', { skip }, async (t) => {
  const { postern, run } = await open(t)
  t.match((await run('client', 'list')).out, /^CLIENT ID .*\npostern +Postern +none +yes +openid /)
  for (let n = 0; n < 201; n += 1) await postern.createClient()
  const all = JSON.parse((await run('client', 'list', '--json')).out)
  t.equal(all.length, 202, 'all pages')
  t.notMatch(JSON.stringify(all), /secret_hash/)
})

t.test('the signing key is rotated once at a time', { skip }, async (t) => {
  const { postern, run } = await open(t)
  t.match(await run('key', 'rotate'), { code: 0, out: /^Published ES256 key \S+; it signs from / })
  t.match(await run('key', 'rotate'), { code: 1, err: /still waiting for its turn/ })
  postern.advance(601)
  t.match(JSON.parse((await run('key', 'rotate', '--json')).out), { algorithm: 'ES256' })
  t.equal((await postern.auditEvents({ event: 'signing_key.created' })).at(-1)?.actor_type, 'command_line')
})

t.test(
  'resealing reports its progress, and does nothing under other keys than the server has',
  { skip },
  async (t) => {
    const { postern, run } = await open(t)
    t.match(await run('key', 'reseal'), {
      code: 0,
      out: 'Sealed 0 secrets again with encryption key "test".',
    })
    const other = await runCommand(postern, ['key', 'reseal'], { encryptionKeyId: 'k2' })
    t.match(other, { code: 1, err: /seals with "test", not with "k2"\. Restart it with the new keys first/ })
    const same = await runCommand(postern, ['key', 'reseal'], { encryptionKeyId: 'test' })
    t.equal(same.code, 0)
  },
)

t.test('an administrator shut out by networks opens them from the command line', { skip }, async (t) => {
  const { postern, run } = await open(t)
  await postern.setPolicy({ admin_networks: ['192.0.2.0/24'] })
  const ran = await run('policy', 'change', '{"admin_networks":[]}')
  t.equal(ran.code, 0, ran.err)
  t.same(JSON.parse(ran.out).admin_networks, [])
  t.same(JSON.parse((await run('policy', 'show')).out), postern.deps.policy.current())
  t.equal((await postern.auditEvents({ event: 'policy.changed' })).at(-1)?.actor_type, 'command_line')

  t.match(await run('policy', 'change', '{"admin_networks"'), { code: 1, err: /^The change is not JSON/ })
  t.match(await run('policy', 'change', '{"lockout":0}'), { code: 1, err: /lockout/ })
  t.match(await run('policy', 'change', '[]'), { code: 1, err: /object/ })
})

t.test('migrate says what it applied', { skip }, async (t) => {
  const { postern, run } = await open(t)
  t.match(await run('migrate'), { code: 0, out: /^Applied 0001_foundation/ })
  postern.deps.migrated.length = 0
  t.match(await run('migrate'), { code: 0, out: 'The database is up to date.' })
})

const withoutState = async (...commandArguments: string[]) => {
  const written = { out: '', err: '' }
  const fail = async (): Promise<never> => {
    throw new Error('not reached')
  }
  const host = {
    out: (text: string) => {
      written.out += `${text}\n`
    },
    err: (text: string) => {
      written.err += `${text}\n`
    },
    readPassword: fail,
    perform: fail,
    migrate: fail,
    serve: fail,
  }
  return { code: await runProgram(host, commandArguments), ...written }
}

t.test('help and version need nothing', async (t) => {
  t.match(await withoutState('--version'), { code: 0, out: `${VERSION}\n` })
  for (const path of [[], ['account'], ['client'], ['key'], ['policy']]) {
    t.match(await withoutState(...path, '--help'), { code: 0, out: /^Usage: postern/, err: '' })
  }
  for (const command of [
    'account create',
    'account list',
    'client create',
    'key rotate',
    'key reseal',
    'policy change',
    'migrate',
  ]) {
    const { code, out } = await withoutState(...command.split(' '), '--help')
    t.equal(code, 0)
    t.match(out, new RegExp(`^Usage: postern ${command}`))
    t.ok(Math.max(...out.split('\n').map((line) => line.length)) <= 110, `${command}: lines fit`)
  }
})

t.test('postern serve --help has every variable, with its default and what it expects', async (t) => {
  const { out } = await withoutState('serve', '--help')
  for (const [name, { schema }] of Object.entries(VARIABLES)) {
    const { default: preset } = schema as { default?: string | number }
    t.ok(
      out.includes(`\n  ${name}${preset === undefined || preset === '' ? '' : ` (default: ${preset})`}\n`),
      name,
    )
  }
  t.match(out, /<name>_FILE/)
})

t.test('what is not a command is refused, and nothing is done', async (t) => {
  t.match(await withoutState('nonsense'), { code: 1, err: /unknown command 'nonsense'/ })
  t.match(await withoutState('account', 'nonsense'), { code: 1, err: /unknown command/ })
  t.match(await withoutState('serve', 'now'), { code: 1, err: /too many arguments/ })
  t.match(await withoutState(), { code: 1, err: /^Usage: postern/ })
})

t.test('only a defect is reported with its stack', async (t) => {
  t.equal(describeFailure(new ConfigError('The configuration is wrong')), 'The configuration is wrong')
  t.equal(describeFailure(new DependencyError('redis', 'gone')), 'redis is away: gone')
  t.match(describeFailure(new Error('a defect')), /Error: a defect\n +at /)
  t.equal(describeFailure(Object.assign(new Error('no stack'), { stack: undefined })), 'no stack')
  t.equal(describeFailure('thrown text'), 'thrown text')
  const listen = (code: string) =>
    describeFailure(
      Object.assign(new Error(code), { code, syscall: 'listen', address: '127.0.0.1', port: 80 }),
    )
  t.equal(listen('EADDRINUSE'), '127.0.0.1:80 is in use. Stop what listens there, or set PORT.')
  t.match(listen('EACCES'), /^127\.0\.0\.1:80 may not be listened on by this user/)
  const lookup = { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'nowhere.example' }
  t.match(describeFailure(Object.assign(new Error('x'), lookup)), /^nowhere\.example is not an address/)
  t.match(describeFailure(Object.assign(new Error('x'), { code: 'EMFILE', syscall: 'listen' })), /\n +at /)
})

t.test('a table is aligned, and shows what is missing as a dash', async (t) => {
  t.equal(
    formatTable(
      ['A', 'LONG'],
      [
        ['a longer cell', null],
        ['b', 2],
      ],
    ),
    'A              LONG\na longer cell  -\nb              2',
  )
  t.equal(formatTable(['A', 'B'], []), 'A  B')
})
