// The modules of docs/integrate/, run against a real Postern as an application would run them. What they are about:
// signing in and out, tokens of a program's own, and what stands before an API.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { JSONWebKeySet } from 'jose'
import { type Test, test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from './support/app.ts'
import { openBrowser } from './support/form-browser.ts'
import { LOOPBACK_ALLOWED, openLogoutReceiver } from './support/logout-receiver.ts'
import { examplesOf, folderWithModule, ROOT, readGuides } from './support/markdown.ts'
import { findProgram, freePort } from './support/server-process.ts'
import { missingServer } from './support/servers.ts'

const run = promisify(execFile)
const skip = missingServer('postgres') || missingServer('redis')

type Environment = Record<string, string>

/** A test app that listens at its own issuer's URL. */
const openListening = async (t: Test, environment: Environment = {}) => {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const postern = await openTestApp(t, { environment: { POSTERN_ISSUER: issuer, ...environment } })
  await postern.app.listen({ host: '127.0.0.1', port })
  return { postern, issuer }
}

const folderWith = (t: Test, file: string): string => {
  const { folder, remove } = folderWithModule(file)
  t.teardown(remove)
  return folder
}

/** Talks to a module that runs in a process of its own: each call is one expression, and what it comes to. */
const runModule = (t: Test, file: string, env: Environment) => {
  const folder = folderWith(t, file)
  const loop = `
    import * as guide from ${JSON.stringify(pathToFileURL(join(folder, file)).href)}
    process.on('message', async (expression) => {
      const call = new Function('guide', 'send', 'return ' + expression)
      try { process.send({ result: (await call(guide, (text) => process.send({ said: text }))) ?? null }) }
      catch (error) { process.send({ error: error.code ?? error.error ?? error.message }) }
    })
    process.send({ said: 'ready' })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', loop], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return {
    said: async (): Promise<string> => ((await once(child, 'message'))[0] as { said: string }).said,
    // biome-ignore lint/suspicious/noExplicitAny: tests assert on what came, whatever it is
    async call(expression: string): Promise<any> {
      child.send(expression)
      return (await once(child, 'message'))[0]
    },
    send: (expression: string): boolean => child.send(expression),
    message: async () => (await once(child, 'message'))[0],
  }
}

const signIn = async (postern: TestApp, url: string) => {
  const account = await postern.createAccount()
  const browser = openBrowser(postern)
  const asked = await browser.visit(url)
  const back = await browser.submit(asked, { username: account.username, password: PASSWORD })
  return { account, browser, back: back.left?.href ?? '' }
}

const CALLBACK = 'http://localhost:3000/callback'
const HOME = 'http://localhost:3000/'

test('postern-sign-in.mjs signs in, asks for a step-up and signs out', { skip }, async (t) => {
  const { postern, issuer } = await openListening(t)
  const client = await postern.createClient({
    redirectUris: [CALLBACK],
    postLogoutRedirectUris: [HOME],
    scopes: ['openid', 'profile', 'email'],
    firstParty: true,
  })
  const env = { POSTERN: issuer, CLIENT_ID: client.clientId, CLIENT_SECRET: client.secret }
  const guide = runModule(t, 'postern-sign-in.mjs', env)
  await guide.said()
  const { result: begun } = await guide.call(`guide.beginSignIn('${CALLBACK}')`)
  const { account, browser, back } = await signIn(postern, begun.url)
  const finish = (url: string, pending: object) =>
    guide.call(`guide.finishSignIn(${JSON.stringify(url)}, ${JSON.stringify(pending)})`)
  const { result: user } = await finish(back, begun.pending)
  t.equal(user.claims.sub, account.id)
  t.ok(user.refreshToken)
  t.ok((await finish(back, { ...begun.pending, state: 'another' })).error, 'a callback of another browser')

  const asked = { acr_values: 'aal2', max_age: '300' }
  const again = await guide.call(`guide.beginSignIn('${CALLBACK}', ${JSON.stringify(asked)})`)
  const totp = await postern.enrollTotp(account)
  const page = await browser.visit(again.result.url)
  const stepped = await browser.submit(page, { code: totp.code() })
  const { result: fresh } = await finish(stepped.left?.href ?? '', again.result.pending)
  t.equal(fresh.claims.acr, 'aal2')

  const { result: signOut } = await guide.call(`guide.signOutUrl('${user.idToken}', '${HOME}')`)
  t.equal((await browser.visit(signOut)).left?.href, HOME)
})

test('backchannel-logout.mjs reads the logout tokens of its client, and no ID token', { skip }, async (t) => {
  const { postern, issuer } = await openListening(t, LOOPBACK_ALLOWED)
  const receiver = await openLogoutReceiver(t)
  const client = await postern.createClient({
    redirectUris: [CALLBACK],
    postLogoutRedirectUris: [HOME],
    scopes: ['openid', 'profile', 'email'],
    firstParty: true,
    backchannelLogoutUri: receiver.uri(),
  })
  const env = { POSTERN: issuer, CLIENT_ID: client.clientId, CLIENT_SECRET: client.secret }
  const application = runModule(t, 'postern-sign-in.mjs', env)
  await application.said()
  const { result: begun } = await application.call(`guide.beginSignIn('${CALLBACK}')`)
  const { browser, back } = await signIn(postern, begun.url)
  const pending = JSON.stringify(begun.pending)
  const { result: user } = await application.call(`guide.finishSignIn(${JSON.stringify(back)}, ${pending})`)
  const { result: signOut } = await application.call(`guide.signOutUrl('${user.idToken}', '${HOME}')`)
  await browser.visit(signOut)
  const [received] = await receiver.atLeast(1)

  const guide = runModule(t, 'backchannel-logout.mjs', env)
  await guide.said()
  t.equal((await guide.call(`guide.readLogoutToken('${received?.token}')`)).result, user.claims.sid)
  t.ok((await guide.call(`guide.readLogoutToken('${user.idToken}')`)).error)
})

test('native.mjs signs in through the system’s browser', { skip }, async (t) => {
  const { postern, issuer } = await openListening(t)
  const client = await postern.createClient({
    tokenEndpointAuthMethod: 'none',
    secretHash: null,
    redirectUris: ['http://127.0.0.1/callback'],
    scopes: ['openid', 'profile', 'offline_access'],
    firstParty: true,
  })
  const guide = runModule(t, 'native.mjs', {})
  await guide.said()
  const settings = `{ issuer: '${issuer}', clientId: '${client.clientId}', open: send }`
  guide.send(`guide.signIn(${settings}).then((tokens) => ({ ...tokens, claims: tokens.claims() }))`)
  const { account, back } = await signIn(postern, await guide.said())
  const [answer] = await Promise.all([guide.message(), fetch(back)])
  t.equal(answer.result.claims.sub, account.id)
  t.match(answer.result.refresh_token, /^pst_rt_/)
})

test('service.mjs gets a token by its key, and gives the same one until it ends', { skip }, async (t) => {
  const { postern, issuer } = await openListening(t)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyFile = join(t.testdir({}), 'key.pem')
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'reports-1', alg: 'ES256', use: 'sig' }
  const client = await postern.createClient({
    tokenEndpointAuthMethod: 'private_key_jwt',
    secretHash: null,
    jwks: { keys: [key] } as JSONWebKeySet,
    grantTypes: ['client_credentials'],
    scopes: [],
    audience: ['https://api.example'],
  })
  const guide = runModule(t, 'service.mjs', {
    POSTERN: issuer,
    CLIENT_ID: client.clientId,
    KEY_FILE: keyFile,
  })
  await guide.said()
  const { result: token } = await guide.call('guide.accessToken()')
  const [, payload = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  t.match(claims, { sub: client.clientId, client_id: client.clientId })
  t.same([claims.aud].flat(), ['https://api.example'])
  t.equal((await guide.call('guide.accessToken()')).result, token)
})

const untilReady = async (t: Test, child: ChildProcess): Promise<void> => {
  t.teardown(() => child.kill('SIGKILL'))
  if (child.stdout) await once(child.stdout, 'data')
}

/** nginx, with the configuration of the guide, whose ports are this test's. */
const startNginx = async (t: Test, ports: Record<string, number>): Promise<string> => {
  const listen = await freePort()
  const guide = readGuides().find(({ path }) => path === 'docs/integrate/gateway.md')
  const shown = guide && examplesOf(guide).find(({ language, tested }) => tested && language === 'nginx')
  const locations = (shown?.code ?? '').replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port) => {
    return `127.0.0.1:${ports[port]}`
  })
  const folder = t.testdir({})
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr error; events {}
     http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
       uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; server { listen 127.0.0.1:${listen}; ${locations} } }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${listen}/`
  while (
    await fetch(url).then(
      () => false,
      () => child.exitCode === null,
    )
  )
    await new Promise(setImmediate)
  return url
}

test('verifier.mjs behind nginx lets two factors in, and no other token', {
  skip: skip || (findProgram('nginx') === null && 'nginx is not installed'),
}, async (t) => {
  const { postern, issuer } = await openListening(t)
  const [verifierPort, apiPort] = [await freePort(), await freePort()]
  const audience = 'https://api.example'
  const env = { ...process.env, POSTERN: issuer, AUDIENCE: audience, PORT: `${verifierPort}` }
  const folder = folderWith(t, 'verifier.mjs')
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  await untilReady(t, spawn(process.execPath, ['verifier.mjs'], { cwd: folder, env, stdio }))
  const api = createServer(({ headers }, response) => response.end(`user ${headers['x-user']}`))
  api.listen(apiPort, '127.0.0.1')
  await once(api, 'listening')
  t.teardown(() => api.closeAllConnections())
  t.teardown(() => api.close())
  const url = await startNginx(t, { 9000: verifierPort, 8080: apiPort })

  const client = await postern.createClient({ scopes: ['openid'], firstParty: true, audience: [audience] })
  const other = await postern.createClient({ scopes: ['openid'], firstParty: true })
  const [one, two] = [await postern.createAccount(), await postern.createAccount()]
  const totp = await postern.enrollTotp(two)
  const tokensOf = async (through: typeof client, account: typeof one) => {
    const body = { username: account.username, password: PASSWORD }
    const answer = (await postern.request('POST', '/v1/login', { basic: through, body })).body
    if (answer.status === 'authenticated') return answer
    postern.advance(30)
    const passed = { challenge_token: answer.challenge_token, method: 'totp', code: totp.code() }
    return (await postern.request('POST', '/v1/challenges/verify', { basic: through, body: passed })).body
  }
  const call = async (token: string | null) => {
    const headers: Environment = { 'x-user': 'forged', ...(token && { authorization: `Bearer ${token}` }) }
    const response = await fetch(url, { headers })
    return [response.status, response.headers.get('www-authenticate') ?? (await response.text())]
  }
  const passed = await tokensOf(client, two)
  t.same(await call(passed.access_token), [200, `user ${two.id}`])
  const weak = 'Bearer error="insufficient_user_authentication", acr_values="aal2"'
  t.same(await call((await tokensOf(client, one)).access_token), [401, weak])
  const invalid = [401, 'Bearer error="invalid_token"']
  t.same(await call(passed.id_token), invalid, 'an ID token')
  t.same(await call((await tokensOf(other, two)).access_token), invalid, 'a token for another party')
  t.same(await call(null), invalid, 'none')
})

test('The TypeScript of the guides is right', async (t) => {
  const folder = folderWith(t, 'sign-in.ts')
  const options = ['--strict', '--noEmit', '--skipLibCheck', '--lib', 'es2024,dom', '--target', 'es2024']
  const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--types', '', '--ignoreConfig']
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const result = await run(tsc, [...options, ...modules, join(folder, 'sign-in.ts')], { cwd: folder }).catch(
    ({ stdout }) => ({ stdout }),
  )
  t.equal(result.stdout, '')
})

/** Debian's, where apt has installed Flask and Authlib; they are not needed for anything else, so they may be missing. */
const hasFlask = await run('/usr/bin/python3', ['-c', 'import authlib, flask, requests']).then(
  () => true,
  () => false,
)

test('flask_app.py signs in, asks for a step-up and signs out', {
  skip: skip || (!hasFlask && 'Python with flask, authlib and requests is not installed'),
}, async (t) => {
  const { postern, issuer } = await openListening(t)
  const port = await freePort()
  const url = `http://localhost:${port}`
  const client = await postern.createClient({
    redirectUris: [`${url}/callback`],
    postLogoutRedirectUris: [`${url}/`],
    scopes: ['openid', 'profile', 'email'],
    firstParty: true,
  })
  const env = {
    ...process.env,
    POSTERN: issuer,
    CLIENT_ID: client.clientId,
    CLIENT_SECRET: client.secret,
    SECRET_KEY: 'a secret of this test',
    FLASK_APP: 'flask_app.py',
  }
  const folder = folderWith(t, 'flask_app.py')
  const args = ['-B', '-m', 'flask', 'run', '--host', '127.0.0.1', '--port', `${port}`]
  await untilReady(
    t,
    spawn('/usr/bin/python3', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  let cookie = ''
  const send = async (path: string, method = 'GET') => {
    const init: RequestInit = { method, headers: { cookie, host: `localhost:${port}` }, redirect: 'manual' }
    let response = await fetch(url + path, init).catch(() => null)
    // It says that it runs a moment before it listens.
    while (!response) response = await fetch(url + path, init).catch(() => null)
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return { location: response.headers.get('location') ?? '', text: await response.text() }
  }
  const pathOf = (href: string): string => href.slice(url.length)
  const { account, browser, back } = await signIn(postern, (await send('/sign-in')).location)
  t.equal((await send(pathOf(back))).location, '/')
  t.match((await send('/')).text, `Hello, ${account.id} (aal1)`)

  const totp = await postern.enrollTotp(account)
  const asked = await browser.visit((await send('/delete-everything')).location)
  const stepped = await browser.submit(asked, { code: totp.code() })
  t.equal((await send(pathOf(stepped.left?.href ?? ''))).location, '/delete-everything')
  t.match((await send('/delete-everything')).text, 'Here your application goes on.')

  const { location } = await send('/sign-out', 'POST')
  t.equal((await browser.visit(location)).left?.href, `${url}/`)
  t.match((await send('/')).text, 'Sign in')
})
