import t from 'tap'
import { listAccountEvents } from '../../src/audit/list-events.ts'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const open = async (t: Parameters<typeof openTestApp>[0]) => {
  const postern = await openTestApp(t)
  const { bearer, accountId } = await signInAdministrator(postern)
  const list = (query: Record<string, string> = {}) =>
    postern.request('GET', `/v1/admin/audit?${new URLSearchParams(query)}`, { bearer })
  return { postern, bearer, accountId, list }
}

const eventsOf = (answer: { body: { items: { event: string }[] } }) =>
  answer.body.items.map(({ event }) => event)

t.test('the log is listed newest first, with who did what from where', { skip }, async (t) => {
  const { postern, list, accountId } = await open(t)
  const answer = await list({ event: 'challenge.passed' })
  t.equal(answer.status, 200, answer.text)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.body.items.length, 1)
  t.match(answer.body.items[0], {
    event: 'challenge.passed',
    outcome: 'success',
    account_id: accountId,
    actor: { type: 'account', id: accountId },
    client_id: 'postern',
    ip: '127.0.0.1',
    details: { method: 'totp' },
  })
  const times = (await list()).body.items.map((item: { occurred_at: string }) => item.occurred_at)
  t.same(times, times.toSorted().toReversed())
  t.equal(times[0], postern.now().toISOString())
})

t.test(
  'pages follow one another without gap or overlap, also within one millisecond',
  { skip },
  async (t) => {
    const { postern, list } = await open(t)
    const account = await postern.createAccount()
    // The clock does not move: all of these happen at the same time.
    for (let n = 0; n < 7; n += 1) await postern.logIn({ ...account, password: 'wrong' })
    const all = (await list({ account_id: account.id })).body.items.map((item: { id: string }) => item.id)
    t.equal(all.length, 8)

    const paged: string[] = []
    let cursor: string | null = null
    do {
      const answer = await list({ account_id: account.id, limit: '3', ...(cursor && { cursor }) })
      paged.push(...answer.body.items.map((item: { id: string }) => item.id))
      cursor = answer.body.next_cursor
    } while (cursor)
    t.same(paged, all)
  },
)

t.test('the log is filtered by account, event, kind of event, outcome and time', { skip }, async (t) => {
  const { postern, list } = await open(t)
  const account = await postern.createAccount()
  const start = postern.now().toISOString()
  postern.advance(60)
  await postern.logIn({ ...account, password: 'wrong' })
  const failedAt = postern.now().toISOString()
  postern.advance(60)
  await postern.logIn(account)
  const by = { account_id: account.id }

  t.same(eventsOf(await list(by)), [
    'primary_authentication.passed',
    'primary_authentication.failed',
    'account.created',
  ])
  t.same(eventsOf(await list({ ...by, event: 'account.created' })), ['account.created'])
  t.equal(eventsOf(await list({ ...by, event: 'primary_authentication.*' })).length, 2)
  t.same(eventsOf(await list({ ...by, event: 'primary.*' })), [], 'a kind is a whole word')
  t.same(eventsOf(await list({ ...by, outcome: 'failure' })), ['primary_authentication.failed'])
  t.same(eventsOf(await list({ ...by, from: failedAt })), [
    'primary_authentication.passed',
    'primary_authentication.failed',
  ])
  t.same(eventsOf(await list({ ...by, to: failedAt })), ['account.created'])
  t.same(eventsOf(await list({ ...by, from: start, to: failedAt })), ['account.created'])
})

const REFUSED: [Record<string, string>, field: string][] = [
  [{ cursor: 'nonsense' }, 'cursor'],
  [{ cursor: Buffer.from('["1"]').toString('base64url') }, 'cursor'],
  [{ cursor: Buffer.from('["1","x"]').toString('base64url') }, 'cursor'],
  [{ cursor: Buffer.from('{"a":1}').toString('base64url') }, 'cursor'],
  [{ cursor: Buffer.from('[1,2]').toString('base64url') }, 'cursor'],
  [{ limit: '0' }, 'limit'],
  [{ limit: '201' }, 'limit'],
  [{ account_id: '17' }, 'account_id'],
  [{ event: "x' OR 1=1" }, 'event'],
  [{ outcome: 'maybe' }, 'outcome'],
  [{ from: 'yesterday' }, 'from'],
  [{ page: '2' }, 'page'],
]

t.test('a question that no log can answer is refused and named', { skip }, async (t) => {
  const { list } = await open(t)
  for (const [query, field] of REFUSED) {
    const answer = await list(query)
    t.equal(answer.status, 400, JSON.stringify(query))
    t.same(answer.body.fields, [field])
  }
})

t.test('only administrators read the log', { skip }, async (t) => {
  const { postern } = await open(t)
  const { access_token: bearer } = await postern.signIn(await postern.createAccount())
  t.equal((await postern.request('GET', '/v1/admin/audit', { bearer })).status, 403)
  t.equal((await postern.request('GET', '/v1/admin/audit')).status, 401)
})

t.test('an account sees its own events, and not who the administrator was', { skip }, async (t) => {
  const { postern } = await open(t)
  const account = await postern.createAccount()
  await postern.logIn(account)
  await postern.logIn(await postern.createAccount())

  const { items, next_cursor } = await listAccountEvents(postern.deps, account.id, { limit: 1 })
  t.match(items, [{ event: 'primary_authentication.passed', actor_type: 'account', ip: '127.0.0.1' }])
  const rest = await listAccountEvents(postern.deps, account.id, { limit: 5, cursor: next_cursor ?? '' })
  t.match(rest, { items: [{ event: 'account.created', actor_type: 'postern' }], next_cursor: null })
  t.equal(rest.items.length, 1)
})

t.test(
  'what is not a time is refused, naming the member; every time can be asked for',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const administrator = await postern.createAccount({ roles: ['admin'] })
    const { access_token: bearer } = await postern.signIn(
      administrator,
      await postern.enrollTotp(administrator),
    )
    const ask = (member: string, time: string) =>
      postern.request('GET', `/v1/admin/audit?${new URLSearchParams({ [member]: time })}`, { bearer })
    for (const time of [
      '2026-11-21T23:59:60Z',
      '2026-11-21T12:30:60Z',
      '2026-11-21T00:00:00+01',
      '2026-11-21T00:00:00+0100',
      '2026-11-21T00:00:00+24:00',
      '2026-11-21T24:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-02-30T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-11-21 00:00:00Z',
      '2026-11-21T00:00:00',
      '2026-11-21T00:00Z',
      '2026-11-21',
      '+012026-11-21T00:00:00Z',
      `2026-11-21T00:00:00.${'1'.repeat(60)}Z`,
      'now',
      '',
    ]) {
      for (const member of ['from', 'to']) {
        const refused = await ask(member, time)
        t.match(refused, { status: 400, body: { error: 'invalid_request', fields: [member] } }, time)
      }
    }
    for (const time of [
      '2028-02-29T23:59:59.999999999Z',
      '0000-01-01T00:00:00+23:59',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59-23:59',
      '2026-11-21T00:00:00+01:00',
    ]) {
      for (const member of ['from', 'to']) t.equal((await ask(member, time)).status, 200, `${member} ${time}`)
    }
  },
)
