import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin } from '../support/enrollment.ts'
import { eventually } from '../support/eventually.ts'
import { lockAccount } from '../support/lock.ts'
import { openSocket, parseAnswer } from '../support/raw-http.ts'

const skip = onBothEngines()

type Held = { method: string; url: string; authorization: string; body: object }

/** Sends all of a request but the end of its body, and waits until the guard has let it in; `finish` sends the rest. */
const hold = async (t: Test, postern: TestApp, { method, url, authorization, body }: Held) => {
  const { port } = postern.app.server.address() as AddressInfo
  const { sessions } = postern.deps.ephemeral
  const { clients } = postern.deps
  const touched = t.capture(sessions, 'touch', sessions.touch)
  const found = t.capture(clients, 'find', clients.find)
  const { socket, received, closed } = await openSocket(port)
  const text = JSON.stringify(body)
  socket.write(
    `${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 1)}`,
  )
  t.ok(await eventually(2_000, () => touched.args().length + found.args().length > 0))
  // What else the guard reads: were it not over, the change that follows would be seen by it.
  await sleep(100)
  return async () => {
    socket.write(text.slice(1))
    await closed
    const answer = parseAnswer(received())
    return { status: answer.status, body: JSON.parse(answer.text) }
  }
}

const openListening = async (t: Test): Promise<TestApp> => {
  const postern = await openTestApp(t)
  await postern.app.listen({ host: '127.0.0.1', port: 0 })
  return postern
}

const signedIn = async (postern: TestApp, roles: string[] = []) => {
  const account = await postern.createAccount({ roles })
  const { access_token: bearer, sid } = await postern.signIn(account, await postern.enrollTotp(account))
  return { account, bearer, sid, authorization: `Bearer ${bearer}` }
}

t.test('an administrator who is disabled while the body comes does nothing', { skip }, async (t) => {
  const postern = await openListening(t)
  const { account, authorization } = await signedIn(postern, ['admin'])
  const body = { username: 'backdoor', password: PASSWORD, roles: ['admin'] }
  const finish = await hold(t, postern, { method: 'POST', url: '/v1/admin/accounts', authorization, body })
  const { bearer } = await signedIn(postern, ['admin'])
  const disable = { bearer, body: { status: 'disabled' } }
  t.equal((await postern.request('PATCH', `/v1/admin/accounts/${account.id}`, disable)).status, 200)
  t.match(await finish(), { status: 401, body: { error: 'invalid_token' } })
  const { body: found } = await postern.request('GET', '/v1/admin/accounts?search=backdoor', { bearer })
  t.same(found.items, [])
})

t.test('a session that ends while the body comes enrolls nothing', { skip }, async (t) => {
  const postern = await openListening(t)
  const { account, bearer, sid, authorization } = await signedIn(postern)
  const { id, code } = await begin(postern, bearer)
  const url = `/v1/me/authenticators/${id}/confirm`
  const finish = await hold(t, postern, { method: 'POST', url, authorization, body: { code: code() } })
  await postern.deps.ephemeral.sessions.end(account.id, sid, postern.now().getTime())
  t.match(await finish(), { status: 401, body: { error: 'invalid_token' } })
})

t.test('an account that is locked while the body comes changes no password', { skip }, async (t) => {
  const postern = await openListening(t)
  const { account, authorization } = await signedIn(postern)
  const body = { current_password: PASSWORD, new_password: 'another one of some length' }
  const finish = await hold(t, postern, { method: 'PUT', url: '/v1/me/password', authorization, body })
  await lockAccount(postern, account.id)
  t.match(await finish(), { status: 429, body: { error: 'account_locked' } })
})

t.test('a backend whose secret is changed while the body comes opens nothing', { skip }, async (t) => {
  const postern = await openListening(t)
  const { clientId, secret } = await postern.createClient({ scopes: ['challenges'] })
  const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  const body = { subject: 'late' }
  const finish = await hold(t, postern, { method: 'POST', url: '/v1/challenges', authorization, body })
  const { bearer } = await signedIn(postern, ['admin'])
  const rotated = await postern.request('POST', `/v1/admin/clients/${clientId}/rotate-secret`, { bearer })
  t.equal(rotated.status, 200)
  t.match(await finish(), { status: 401, body: { error: 'invalid_client' } })
})

t.test('a scope that the client has lost is lost to the tokens that it has', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signedIn(postern, ['admin'])
  const { clientId, secret } = await postern.createClient({
    firstParty: true,
    scopes: ['postern:admin', 'postern:me'],
  })
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)
  const basic = { clientId, secret }
  const { body: opened } = await postern.request('POST', '/v1/login', {
    basic,
    body: { username: account.username, password: PASSWORD },
  })
  const answer = { challenge_token: opened.challenge_token, method: 'totp', code: totp.code() }
  const { body: tokens } = await postern.request('POST', '/v1/challenges/verify', { basic, body: answer })
  const policy = () => postern.request('GET', '/v1/admin/policy', { bearer: tokens.access_token })
  t.equal((await policy()).status, 200)
  const change = { bearer, body: { scopes: ['postern:me'] } }
  t.equal((await postern.request('PATCH', `/v1/admin/clients/${clientId}`, change)).status, 200)
  t.match(await policy(), { status: 403, body: { error: 'insufficient_scope' } })
})
