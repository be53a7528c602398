import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openTestApp } from '../support/app.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

/** An app whose PostgreSQL says nothing until `end` is called, and what that app logs. */
const openHeld = async (t: Test) => {
  const lines: string[] = []
  const postern = await openTestApp(t, {
    environment: { LOG_LEVEL: 'debug' },
    logTo: { write: (line) => lines.push(line) },
  })
  const held = Promise.withResolvers<never[]>()
  for (const ask of ['query', 'ping'] as const)
    t.intercept(postern.deps.postgres, ask, { value: () => held.promise })
  lines.length = 0
  // What Postern does by itself is held, too, and waited for when it is closed.
  t.teardown(() => held.resolve([]))
  return { postern, held, lines }
}

const LATE = { status: 503, body: { error: 'temporarily_unavailable', retry_after: 1 } }

t.test(
  'a late answer is a 503, and is logged once, also where the route answers after all',
  { skip },
  async (t) => {
    const { postern, held, lines } = await openHeld(t)
    const answer = await postern.app.inject('/readyz')
    t.match({ status: answer.statusCode, body: answer.json() }, LATE)
    held.resolve([])
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(lines.length, 1, lines.join(''))
    t.match(JSON.parse(lines[0] ?? '{}'), { level: 'error', request_id: answer.json().request_id })
  },
)

t.test('a late answer is not logged twice where the route then fails', { skip }, async (t) => {
  const { postern, held, lines } = await openHeld(t)
  const answer = await postern.request('POST', '/v1/login', {
    body: { username: 'ada', password: 'some password' },
  })
  t.match(answer, LATE)
  held.reject(new Error('too late to matter'))
  await new Promise((resolve) => setImmediate(resolve))
  // What Postern does by itself meets the same outage.
  const ofRequest = lines.filter((line) => line.includes('request_id'))
  t.equal(ofRequest.length, 1, lines.join(''))
  t.match(JSON.parse(ofRequest[0] ?? '{}'), { level: 'error', request_id: answer.body.request_id })
})

t.test('the times before and after a body are counted together', { skip }, async (t) => {
  const { postern } = await openHeld(t)
  const startedAt = performance.now()
  // The client is looked for before the body is read, and never found.
  const answer = await postern.request('POST', '/v1/login', {
    basic: { clientId: 'a-client', secret: 'a secret' },
    body: { username: 'ada', password: 'some password' },
  })
  t.match(answer, LATE)
  t.ok(performance.now() - startedAt < 2_500)
})

t.test('a route has only the time that a slow guard leaves', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const basic = await postern.createClient({ firstParty: true })
  const guard = holdStatement(postern, 'answer', /FROM clients/)
  const route = holdStatement(postern, 'answer', /FROM accounts/)
  const startedAt = performance.now()
  const answer = postern.request('POST', '/v1/login', {
    basic,
    body: { username: 'ada', password: 'some password' },
  })
  await guard.reached
  await sleep(1_400)
  guard.release()
  t.match(await answer, LATE)
  t.ok(performance.now() - startedAt < 2_700)
  route.release()
})

t.test('a moment in which the loop is blocked does not make the process too busy', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const end = performance.now() + 1_200; performance.now() < end; );
  for (let i = 0; i < 12; i += 1) {
    t.equal((await postern.app.inject('/healthz')).statusCode, 200)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})

t.test('a process that is too busy refuses requests, and still says that it lives', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const end = performance.now() + 4_000; performance.now() < end; );
  // The delay is sampled behind what has filled the loop.
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.match(await postern.request('GET', '/v1/me'), LATE)
  t.equal((await postern.request('GET', '/healthz')).status, 200)
})
