import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test('a client is created, shown, changed and deleted, with any member', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const run = (...args: string[]) => runCommand(postern, ['client', ...args])
  const created = await run(
    'create',
    'Shop',
    '--id',
    'shop',
    '--redirect-uri',
    'https://shop.example/cb',
    '--post-logout-redirect-uri',
    'https://shop.example/',
    '--web-origin',
    'https://shop.example',
    '--id-token-alg',
    'EdDSA',
    '--members',
    '{"refresh_grace": 0, "policy": {"required_for_all": true}}',
    '--json',
  )
  t.equal(created.code, 0, created.err)
  const { client_secret: secret, ...client } = JSON.parse(created.out)
  t.match(client, {
    redirect_uris: ['https://shop.example/cb'],
    post_logout_redirect_uris: ['https://shop.example/'],
    web_origins: ['https://shop.example'],
    id_token_signed_response_alg: 'EdDSA',
    refresh_grace: 0,
    policy: { required_for_all: true },
  })
  t.same(JSON.parse((await run('show', 'shop', '--json')).out), client)
  t.match((await run('show', 'shop')).out, /^refresh_grace +0$/m)

  const changed = await run('change', 'shop', '--name', 'Store', '--members', '{"disabled": true}')
  t.match(changed, { code: 0, out: /^Changed client shop\.$/m })
  t.notMatch(changed.out, /client_secret/)
  const after = JSON.parse((await run('show', 'shop', '--json')).out)
  t.same(after, { ...client, name: 'Store', disabled: true })

  const rotated = JSON.parse((await run('rotate-secret', 'shop', '--json')).out)
  t.match(rotated.client_secret, /^pst_cs_/)
  t.not(rotated.client_secret, secret)
  t.match(await run('delete', 'shop'), { code: 0, out: /Deleted client shop/ })
  t.match(await run('show', 'shop'), { code: 1, err: /There is no client "shop"/ })
})

t.test('what cannot be is refused as over HTTP, and nothing is changed', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const run = (...args: string[]) => runCommand(postern, ['client', ...args])
  for (const [args, says] of [
    [['create', 'X', '--redirect-uri', 'http://a.example/'], /redirect_uris\/0 is http; use https/],
    [['create', 'X', '--members', '[1]'], /--members takes a JSON object/],
    [['create', 'X', '--members', '{'], /--members takes a JSON object/],
    [['create', 'X', '--members', '{"colour": 1}'], /colour is not a known member/],
    [['change', 'nobody', '--name', 'Y'], /./],
    [['change', 'postern', '--auth-method', 'client_secret_basic'], /built-in client stays public/],
    [['delete', 'postern'], /cannot be deleted/],
    [['rotate-secret', 'postern'], /has no secret/],
  ] as const) {
    t.match(await run(...args), { code: 1, err: says }, args.join(' '))
  }
  t.match((await run('list', '--json')).out, /"client_id": "postern"/)
  t.equal(JSON.parse((await run('list', '--json')).out).length, 1)
})
