import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { systemOrigin } from '../../src/audit/event.ts'
import type { SigningAlgorithm } from '../../src/clients/members.ts'
import { addNotices, findNotices, type ListedNotice } from '../../src/notices/store.ts'
import { prepareSigning } from '../../src/tokens/create-signing-key.ts'
import { subjectOf } from '../../src/tokens/subject.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { LOOPBACK_ALLOWED, openLogoutReceiver } from '../support/logout-receiver.ts'

const skip = onBothEngines()

const open = (t: Test, environment: Record<string, string> = LOOPBACK_ALLOWED) =>
  openTestApp(t, { environment })

const registered = async (postern: TestApp, backchannelLogoutUri: string | null) =>
  (await postern.createClient({ backchannelLogoutUri })).clientId

/** Writes notices of ended sessions, in this order, and wakes the sender. Returns them. */
const enqueue = async ({ deps, now }: TestApp, clientIds: string[]) => {
  const notices = clientIds.map((clientId) => ({
    id: uuidv7(),
    clientId,
    accountId: uuidv7(),
    sid: uuidv7(),
  }))
  await addNotices(deps, notices, { now: now(), sendFrom: now() })
  deps.notices.wake()
  return notices
}

const listed = ({ deps }: TestApp): Promise<ListedNotice[]> =>
  findNotices(deps, { clientId: null, status: null }, { beforeId: null, limit: 1_000 })

/** Waits until all of them are as `test` says. */
const until = async (postern: TestApp, test: (notice: ListedNotice) => boolean): Promise<ListedNotice[]> => {
  for (let tries = 0; ; tries += 1) {
    const notices = await listed(postern)
    if (notices.every(test)) return notices
    if (tries > 500) throw new Error(`still ${JSON.stringify(notices.filter((notice) => !test(notice)))}`)
    await sleep(20)
  }
}

const isDelivered = ({ deliveredAt }: ListedNotice) => deliveredAt !== null
const isFailed = ({ failedAt }: ListedNotice) => failedAt !== null
const hasFailedOnce = ({ lastError }: ListedNotice) => lastError !== null

t.test('a client is sent a logout token within a second, and it is recorded', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t)
  const clientId = await registered(postern, receiver.uri())
  const began = performance.now()
  const [notice] = await enqueue(postern, [clientId])
  const [sent] = await receiver.atLeast(1)
  t.ok(performance.now() - began < 1_000)

  const jwks = (await postern.request('GET', '/.well-known/jwks.json')).body
  const { payload } = await jwtVerify(sent?.token ?? '', createLocalJWKSet(jwks), {
    typ: 'logout+jwt',
    issuer: postern.config.issuer,
    audience: clientId,
    currentDate: postern.now(),
    algorithms: ['ES256'],
  })
  const iat = Math.floor(postern.now().getTime() / 1000)
  t.same(payload, {
    iss: postern.config.issuer,
    aud: clientId,
    sub: notice?.accountId,
    sid: notice?.sid,
    jti: notice?.id,
    iat,
    exp: iat + 120,
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  await until(postern, isDelivered)
  t.match(await postern.auditEvents({ event: 'logout_notice.delivered' }), [
    {
      actor_type: 'postern',
      client_id: clientId,
      account_id: notice?.accountId,
      session_id: notice?.sid,
      details: { notice_id: notice?.id, attempts: 1 },
    },
  ])
})

t.test('it is signed, and names the user, as ID tokens of that client do', { skip }, async (t) => {
  const postern = await open(t)
  const { deps, now } = postern
  const receiver = await openLogoutReceiver(t)
  const algorithms: SigningAlgorithm[] = ['RS256', 'EdDSA']
  await prepareSigning(deps, systemOrigin(now()), { algorithms, tokenLifetimeSeconds: 600 })
  for (const idTokenSignedResponseAlg of algorithms) {
    const backchannelLogoutUri = receiver.uri(`/${idTokenSignedResponseAlg}`)
    const subjectType = 'pairwise'
    const { clientId } = await postern.createClient({
      idTokenSignedResponseAlg,
      backchannelLogoutUri,
      subjectType,
    })
    const client = await deps.clients.find(clientId)
    const [notice] = await enqueue(postern, [clientId])
    await until(postern, isDelivered)
    const sent = receiver.received.at(-1)
    t.match(decodeProtectedHeader(sent?.token ?? ''), { alg: idTokenSignedResponseAlg, typ: 'logout+jwt' })
    t.ok(client && notice && sent?.claims.sub === subjectOf(deps, client, notice.accountId))
    t.not(sent?.claims.sub, notice?.accountId)
    const jwks = (await postern.request('GET', '/.well-known/jwks.json')).body
    await jwtVerify(sent?.token ?? '', createLocalJWKSet(jwks), { currentDate: now() })
  }
})

t.test('204 is taken as well; a refusal is final, and says why', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t, (response, _, path) => {
    if (path === '/204') response.writeHead(204).end()
    else if (path === '/400') response.writeHead(400).end(`{"error":"invalid_request\\u0007<b>"}`)
    else response.writeHead(400).end('what?')
  })
  const clients: Record<string, string> = {}
  for (const path of ['/204', '/400', '/400-plain'])
    clients[path] = await registered(postern, receiver.uri(path))
  await enqueue(postern, Object.values(clients))
  const notices = await until(postern, (notice) => isDelivered(notice) || isFailed(notice))
  const errorOf = (path: string) => notices.find(({ clientId }) => clientId === clients[path])?.lastError
  t.equal(errorOf('/204'), null)
  t.equal(errorOf('/400'), 'status 400: invalid_request<b>')
  t.equal(errorOf('/400-plain'), 'status 400')
  t.equal(receiver.received.length, 3)
  t.match(await postern.auditEvents({ event: 'logout_notice.failed' }), [
    { outcome: 'failure', details: { attempts: 1, error: /^status 400/ } },
    { outcome: 'failure', details: { attempts: 1, error: /^status 400/ } },
  ])
})

t.test('a client that is away is tried again for a day, with the same jti', { skip }, async (t) => {
  const postern = await open(t)
  let isBack = false
  const receiver = await openLogoutReceiver(t, (response) => response.writeHead(isBack ? 200 : 503).end())
  const [notice] = await enqueue(postern, [await registered(postern, receiver.uri())])
  await until(postern, hasFailedOnce)
  const [waiting] = await listed(postern)
  t.match(waiting, { attempts: 1, lastError: 'status 503', deliveredAt: null, failedAt: null })
  const waitMs = (waiting?.nextAttemptAt.getTime() ?? 0) - postern.now().getTime()
  t.ok(waitMs >= 500 && waitMs <= 1_000, `${waitMs} ms`)

  for (let attempts = 2; attempts <= 4; attempts += 1) {
    postern.advance(10)
    postern.deps.notices.wake()
    await until(postern, (one) => one.attempts === attempts && one.nextAttemptAt > postern.now())
  }
  isBack = true
  postern.advance(23 * 3_600)
  postern.deps.notices.wake()
  const [delivered] = await until(postern, isDelivered)
  t.equal(delivered?.attempts, 5)
  t.same(
    receiver.received.map(({ claims }) => claims.jti),
    Array(5).fill(notice?.id),
  )
  const times = receiver.received.map(({ claims }) => claims.iat)
  t.equal(new Set(times).size, 5, 'each time it is signed anew')
})

t.test('after a day it is given up', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t, (response) => response.writeHead(500).end())
  await enqueue(postern, [await registered(postern, receiver.uri())])
  await until(postern, hasFailedOnce)
  postern.advance(24 * 3_600)
  postern.deps.notices.wake()
  t.match(await until(postern, isFailed), [{ attempts: 2, lastError: 'status 500' }])
  t.equal((await postern.auditEvents({ event: 'logout_notice.failed' })).length, 1)
})

t.test('notices of a client come one after the other, in their order', { skip }, async (t) => {
  const postern = await open(t)
  let open1 = 0
  let mostAtOnce = 0
  const receiver = await openLogoutReceiver(t, async (response) => {
    open1 += 1
    mostAtOnce = Math.max(mostAtOnce, open1)
    await sleep(5)
    open1 -= 1
    response.end()
  })
  const clientId = await registered(postern, receiver.uri())
  const notices = await enqueue(postern, Array(20).fill(clientId))
  await until(postern, isDelivered)
  t.same(
    receiver.received.map(({ claims }) => claims.jti),
    notices.map(({ id }) => id),
  )
  t.equal(mostAtOnce, 1)
})

t.test('one that is not delivered yet holds up its client, and nobody else', { skip }, async (t) => {
  const postern = await open(t)
  let isBack = false
  const receiver = await openLogoutReceiver(t, (response, _, path) =>
    response.writeHead(path === '/away' && !isBack ? 503 : 200).end(),
  )
  const [away, there] = [
    await registered(postern, receiver.uri('/away')),
    await registered(postern, receiver.uri('/there')),
  ]
  const [first, second, other] = await enqueue(postern, [away, away, there])
  await until(postern, (notice) => notice.id === second?.id || hasFailedOnce(notice) || isDelivered(notice))
  t.same(
    receiver.received.map(({ claims }) => claims.jti).toSorted(),
    [first?.id, other?.id].toSorted(),
    'the second one waits for the first',
  )
  isBack = true
  postern.advance(10)
  postern.deps.notices.wake()
  await until(postern, isDelivered)
  t.same(receiver.received.map(({ claims }) => claims.jti).slice(-2), [first?.id, second?.id])
})

t.test('a hundred clients are told at once, also while some of them hang', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t, (response, _, path) => {
    if (path !== '/hangs') response.end()
  })
  const clientIds = []
  for (let count = 0; count < 100; count += 1)
    clientIds.push(await registered(postern, receiver.uri(count < 10 ? '/hangs' : '/there')))
  const began = performance.now()
  await enqueue(postern, clientIds)
  const hanging = new Set(clientIds.slice(0, 10))
  await until(postern, (notice) => hanging.has(notice.clientId) || isDelivered(notice))
  t.ok(performance.now() - began < 4_000, 'before those that hang are given up')
  const notices = await until(postern, (notice) => isDelivered(notice) || hasFailedOnce(notice))
  t.equal(notices.filter(({ lastError }) => lastError?.startsWith('timed_out')).length, 10)
})

t.test('a client that redirects, or answers without end, is not believed', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t, (response, _, path) => {
    if (path === '/redirects') return response.writeHead(302, { location: '/there' }).end()
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
    }
    response.on('drain', write)
    write()
  })
  for (const path of ['/redirects', '/endless'])
    await enqueue(postern, [await registered(postern, receiver.uri(path))])
  const [endless, redirects] = await until(postern, hasFailedOnce)
  t.match(endless, { lastError: /^too_large/, deliveredAt: null })
  t.match(redirects, { lastError: /^redirected: status 302/, deliveredAt: null })
  t.same(receiver.received.map(({ path }) => path).toSorted(), ['/endless', '/redirects'])
})

t.test('private addresses are not connected to, unless they are allowed', { skip }, async (t) => {
  const postern = await open(t, {})
  const receiver = await openLogoutReceiver(t)
  const uris = [
    receiver.uri(),
    receiver.uri().replace('http://127.0.0.1', 'https://localhost'),
    'https://[::ffff:10.0.0.1]/logout',
    'https://169.254.169.254/latest',
  ]
  for (const uri of uris) await enqueue(postern, [await registered(postern, uri)])
  for (const { lastError } of await until(postern, hasFailedOnce))
    t.match(lastError, /^address_refused: .* POSTERN_ALLOW_PRIVATE_ADDRESSES/)
  t.equal(receiver.received.length, 0)
})

t.test('a client that was disabled, or wants no notices any more, gets none', { skip }, async (t) => {
  const postern = await open(t)
  const receiver = await openLogoutReceiver(t)
  const disabled = await postern.createClient({ backchannelLogoutUri: receiver.uri(), disabled: true })
  const without = await registered(postern, null)
  await enqueue(postern, [disabled.clientId, without])
  const notices = await until(postern, isFailed)
  t.same(
    notices.map(({ lastError }) => lastError),
    ['the client has no backchannel_logout_uri any more', 'the client is disabled'],
  )
  t.equal(receiver.received.length, 0)
})

t.test(
  'a notice that was being sent when its sender died is sent again when its lease ends',
  { skip },
  async (t) => {
    const postern = await open(t)
    const receiver = await openLogoutReceiver(t)
    const clientId = await registered(postern, receiver.uri())
    const notice = { id: uuidv7(), clientId, accountId: uuidv7(), sid: uuidv7() }
    await addNotices(postern.deps, [notice], { now: postern.now(), sendFrom: postern.now() })
    await postern.changeByHand(
      { text: 'UPDATE logout_notices SET leased_until = $2, attempts = 1 WHERE id = $1' },
      [notice.id, new Date(postern.now().getTime() + 30_000)],
    )
    postern.deps.notices.wake()
    const [other] = await enqueue(postern, [await registered(postern, receiver.uri('/other'))])
    await until(postern, (one) => one.id === notice.id || isDelivered(one))
    t.equal(receiver.received[0]?.claims.jti, other?.id, 'nobody else sends what is leased')
    postern.advance(31)
    postern.deps.notices.wake()
    await until(postern, isDelivered)
    t.equal(receiver.received[1]?.claims.jti, notice.id)
  },
)

t.test('a session that is ended twice before its client is told is told of once', { skip }, async (t) => {
  const postern = await open(t)
  let isBack = false
  const receiver = await openLogoutReceiver(t, (response) => response.writeHead(isBack ? 200 : 503).end())
  const clientId = await registered(postern, receiver.uri())
  const about = { clientId, accountId: uuidv7(), sid: uuidv7() }
  for (let count = 0; count < 3; count += 1)
    await addNotices(postern.deps, [{ id: uuidv7(), ...about }], {
      now: postern.now(),
      sendFrom: postern.now(),
    })
  t.equal((await listed(postern)).length, 1)
  isBack = true
  postern.advance(10)
  postern.deps.notices.wake()
  await until(postern, isDelivered)
})

t.test('of a client that was deleted nothing is left, and nothing is written', { skip }, async (t) => {
  const postern = await open(t)
  const clientId = await registered(postern, 'https://[::ffff:10.0.0.1]/')
  await enqueue(postern, [clientId])
  await postern.changeByHand({ text: 'DELETE FROM clients WHERE client_id = $1' }, [clientId])
  await enqueue(postern, [clientId])
  t.same(await listed(postern), [])
})

t.test('one that a client cannot handle keeps the others from it for five tries', { skip }, async (t) => {
  const postern = await open(t)
  let poison: unknown = null
  const receiver = await openLogoutReceiver(t, (response) => {
    const { jti } = receiver.received.at(-1)?.claims ?? {}
    poison ??= jti
    response.writeHead(jti === poison ? 500 : 200).end()
  })
  const clientId = await registered(postern, receiver.uri())
  const [first, second] = await enqueue(postern, [clientId, clientId])
  for (let tries = 1; tries <= 5; tries += 1) {
    await until(postern, ({ id, attempts }) => id !== first?.id || attempts >= tries)
    await until(postern, ({ id, lastError }) => id !== first?.id || lastError !== null)
    postern.advance(3_600)
    postern.deps.notices.wake()
  }
  await until(postern, ({ id, deliveredAt }) => id !== second?.id || deliveredAt !== null)
  t.equal((await listed(postern)).find(({ id }) => id === first?.id)?.deliveredAt, null)
})
