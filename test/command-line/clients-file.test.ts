import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { changeClient } from '../../src/administration/clients/change-client.ts'
import { deleteClient } from '../../src/administration/clients/delete-client.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { findClient } from '../../src/clients/store.ts'
import { applyClientsFile } from '../../src/command-line/apply-clients-file.ts'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { eventually } from '../support/eventually.ts'
import { runPostern, startPostern } from '../support/postern-process.ts'
import { openReplicas } from '../support/replicas.ts'
import { missingServer } from '../support/servers.ts'

const skip = onBothEngines()
const SECRET = 'a-secret-of-more-than-32-characters-of-hex'

const SHOP = `clients:
  - client_id: shop
    name: Shop
    scopes: [openid, challenges]
    redirect_uris:
      - https://shop.example/cb
    policy: { session_idle: 300, required_for_all: true }
    client_secret_hash: ${hashToken(SECRET)}
  - client_id: app
    name: App
    token_endpoint_auth_method: none
    redirect_uris: ["com.example.app:/cb"]
`

const openFolder = async (t: Test) => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-clients-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'clients.yaml')
  return { folder, path, write: (text: string) => writeFile(path, text) }
}

const open = async (t: Test) => {
  const lines: string[] = []
  const postern = await openTestApp(t, {
    environment: { LOG_LEVEL: 'info' },
    logTo: { write: (line) => lines.push(line) },
  })
  const { path, write, folder } = await openFolder(t)
  return {
    postern,
    folder,
    path,
    lines,
    apply: async (text: string) => {
      await write(text)
      await applyClientsFile(postern.deps, path)
    },
    origin: systemOrigin(postern.now()),
    find: (clientId: string) => findClient(postern.deps, clientId),
  }
}

const authenticates = async (postern: TestApp, clientId: string, secret: string) => {
  const form = { grant_type: 'client_credentials' }
  const answer = await postern.request('POST', '/oauth2/token', { basic: { clientId, secret }, form })
  return answer.status === 200
}

t.test('what the file declares is registered once, and stays as it is', { skip }, async (t) => {
  const { postern, apply, find, lines } = await open(t)
  await apply(SHOP)
  t.ok(await authenticates(postern, 'shop', SECRET))
  const shop = await find('shop')
  t.match(shop, { scopes: ['openid', 'challenges'], policy: { session_idle: 300 } })
  t.match(await find('app'), { grantTypes: ['authorization_code', 'refresh_token'], secretHash: null })
  const events = (await postern.auditEvents()).length
  await apply(SHOP)
  t.same(await find('shop'), shop)
  t.equal((await postern.auditEvents()).length, events, 'nothing was written')
  t.notMatch(lines.join(''), /changed otherwise/)
  t.notMatch(lines.join(''), SECRET)
})

t.test('a change of the file changes what it changes', { skip }, async (t) => {
  const { apply, find, lines, postern } = await open(t)
  await apply(SHOP)
  const before = await find('shop')
  await apply(SHOP.replace('name: Shop', 'name: Store'))
  t.same({ ...(await find('shop')), name: 'Shop', declared: before?.declared }, before)
  const [event] = await postern.auditEvents({ event: 'client.changed' })
  t.match(event, { client_id: 'shop', actor_type: 'postern', details: { changed: ['name', 'declared'] } })
  t.notMatch(lines.join(''), /changed otherwise/)
})

t.test('what somebody else changes is logged, and the file wins', { skip }, async (t) => {
  const { apply, find, lines, postern, origin } = await open(t)
  await apply(SHOP)
  await changeClient(postern.deps, origin, 'shop', { name: 'Mine', disabled: true })
  t.match(lines.at(-1), /"members":\["name","disabled"\].*the file wins when it is next applied/)
  await apply(SHOP)
  t.match(await find('shop'), { name: 'Shop', disabled: false })
  t.ok(lines.some((line) => /"members":\["name","disabled"\].*what the clients file says again/.test(line)))

  await deleteClient(postern.deps, origin, 'app')
  t.match(lines.at(-1), /"clientId":"app".*the file wins/)
  await apply(SHOP)
  t.ok(await find('app'))
})

t.test('a client that is taken out is disabled, and comes back as it was', { skip }, async (t) => {
  const { apply, find, lines, postern, origin } = await open(t)
  await apply(SHOP)
  const before = await find('shop')
  const without = SHOP.replace(/ {2}- client_id: shop[\s\S]*(?= {2}- client_id: app)/, '')
  await apply(without)
  t.notOk(await authenticates(postern, 'shop', SECRET))
  t.ok(lines.some((line) => /"clientId":"shop".*no longer in the clients file, and is disabled/.test(line)))
  await changeClient(postern.deps, origin, 'shop', { disabled: false })
  await apply(without)
  t.ok(await authenticates(postern, 'shop', SECRET), 'whoever enables it keeps it')
  await apply(SHOP)
  t.same(await find('shop'), before)
  t.equal((await find('postern'))?.disabled, false)
})

t.test('a client of administrators is taken over', { skip }, async (t) => {
  const { apply, find, postern } = await open(t)
  const { secret } = await postern.createClient({ clientId: 'shop' })
  await apply(SHOP)
  t.notOk(await authenticates(postern, 'shop', secret))
  t.ok(await authenticates(postern, 'shop', SECRET))
  t.equal((await find('shop'))?.name, 'Shop')
})

t.test('a secret is read from a file beside it', { skip }, async (t) => {
  const { apply, postern, folder } = await open(t)
  await writeFile(join(folder, 'secret'), `${SECRET}\n`)
  await apply('clients: [{ client_id: shop, name: Shop, client_secret_file: secret }]')
  t.ok(await authenticates(postern, 'shop', SECRET))
})

const one = (members: string) => `clients:\n  - client_id: shop\n    name: Shop\n${members}`
const HASH = `    client_secret_hash: ${'a'.repeat(43)}\n`

const WRONG: [what: string, text: string, says: RegExp][] = [
  ['no YAML', 'clients: [', /:1: /],
  ['no list', 'client: []', /:1: the file is one member "clients"/],
  ['more members', 'clients: []\nusers: []', /one member "clients"/],
  ['no map', 'clients:\n  - shop', /:2: each client is a map/],
  ['no id', 'clients:\n  - name: Shop', /:2: client "\?": client_id is missing/],
  ['an unknown member', one(`${HASH}    colour: red\n`), /:5: client "shop": colour is not a known member/],
  [
    'a wrong URI',
    one(`${HASH}    redirect_uris:\n      - https://a.example/*\n`),
    /:5: client "shop": redirect_uris\/0 has a wildcard/,
  ],
  ['no secret', one(''), /:2: client "shop": client_secret_basic needs a secret: add client_secret_file/],
  ['a secret in it', one('    client_secret: x\n'), /:4: client "shop": client_secret is not a known member/],
  ['two secrets', one(`${HASH}    client_secret_file: x\n`), /:5: .*not both/],
  ['a secret too many', one(`${HASH}    token_endpoint_auth_method: none\n`), /:4: .*by none has no secret/],
  [
    'no such file',
    one('    client_secret_file: nowhere\n'),
    /:4: client "shop": ".*nowhere" cannot be read \(ENOENT\)/,
  ],
  ['twice', `${one(HASH)}${one(HASH).replace('clients:\n', '')}`, /:5: client "shop": it is declared twice/],
  ['the built-in client', one(HASH).replace('shop', 'postern'), /:2: client "postern": The built-in client/],
  ['an alias bomb', 'a: &a [x,x]\nclients: []', /one member "clients"/],
]

t.test('a wrong file is refused by client and line, and changes nothing', { skip }, async (t) => {
  const { apply, find, path, postern } = await open(t)
  await apply(SHOP)
  const before = await find('shop')
  for (const [what, text, says] of WRONG) {
    await t.rejects(apply(text), { name: 'ConfigError', message: says }, what)
    await t.rejects(apply(text), { message: new RegExp(`^${path}:\\d+: `) }, what)
  }
  // The first is right, the second is not.
  const half = SHOP.replace('name: Shop', 'name: Changed').replace('com.example.app:/cb', 'http://a.example')
  await t.rejects(apply(half), { message: /client "app": redirect_uris\/0 is http/ })
  t.same(await find('shop'), before)
  t.same(await postern.auditEvents({ event: 'client.changed' }), [])
  await t.rejects(applyClientsFile(postern.deps, '/nowhere.yaml'), { message: /ENOENT/ })
})

t.test(
  'replicas that apply it at once do it once',
  { skip: missingServer('postgres') || missingServer('redis') },
  async (t) => {
    const replicas = await openReplicas(t)
    const { path, write } = await openFolder(t)
    const many = Array.from(
      { length: 20 },
      (_, n) =>
        `  - { client_id: client-${n}, name: N, token_endpoint_auth_method: none, id_token_signed_response_alg: EdDSA }`,
    )
    await write(`clients:\n${many.join('\n')}\n`)
    await Promise.all([...replicas, ...replicas].map(({ deps }) => applyClientsFile(deps, path)))
    const [postern] = replicas
    t.equal((await postern.auditEvents({ event: 'client.created' })).length, 20)
    t.same(await postern.auditEvents({ event: 'client.changed' }), [])
    t.equal((await postern.auditEvents({ event: 'signing_key.created' })).length, 2)
  },
)

t.test('it is applied at start and on SIGHUP; a wrong one stops a start, and no server', async (t) => {
  const { folder, path, write } = await openFolder(t)
  const environment = {
    POSTERN_DATA_DIR: join(folder, 'data'),
    POSTERN_CLIENTS_FILE: path,
    DATABASE_URL: '',
    REDIS_URL: '',
    LOG_LEVEL: 'info',
  }
  await write('clients:\n  - name: Shop\n')
  const refused = await runPostern(['serve'], { ...environment, PORT: '0' })
  t.equal(refused.code, 1)
  t.match(refused.output, new RegExp(`^${path}:2: client "\\?": client_id is missing`, 'm'))

  await write(SHOP)
  const postern = await startPostern(environment)
  t.teardown(() => postern.kill())
  const ask = async (secret: string) => {
    const headers = { authorization: `Basic ${Buffer.from(`shop:${secret}`).toString('base64')}` }
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    return (await fetch(`${postern.url}/oauth2/token`, { method: 'POST', headers, body })).status
  }
  t.equal(await ask(SECRET), 200)
  await write('clients: [')
  postern.process.kill('SIGHUP')
  t.ok(await eventually(5000, async () => postern.output().includes('nothing has changed')))
  t.equal(await ask(SECRET), 200)
  const next = SECRET.toUpperCase()
  await write(SHOP.replace(hashToken(SECRET), hashToken(next)))
  postern.process.kill('SIGHUP')
  t.ok(await eventually(5000, async () => (await ask(next)) === 200))
  t.equal(await ask(SECRET), 401)
  t.equal(await postern.stop(), 0)
})
