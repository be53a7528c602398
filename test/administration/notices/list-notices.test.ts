import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { addNotices } from '../../../src/notices/store.ts'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { eventually } from '../../support/eventually.ts'
import { LOOPBACK_ALLOWED, openLogoutReceiver } from '../../support/logout-receiver.ts'

const skip = onBothEngines()

type Item = { id: string; client_id: string; status: string }

const metric = async (postern: TestApp, name: string): Promise<number> => {
  const { text } = await postern.request('GET', '/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

t.test('administrators see what clients were told, and what is still to be sent', { skip }, async (t) => {
  const postern = await openTestApp(t, { environment: LOOPBACK_ALLOWED })
  const receiver = await openLogoutReceiver(t, (response, _, path) => {
    response.writeHead({ '/there': 200, '/away': 503 }[path] ?? 400).end()
  })
  const { bearer } = await signInAdministrator(postern)
  const list = async (query: string) =>
    (await postern.request('GET', `/v1/admin/logout-notices${query}`, { bearer })).body
  const ids = async (query: string) => (await list(query)).items.map(({ id }: Item) => id)
  t.same(await list(''), { items: [], next_cursor: null })
  t.equal(await metric(postern, 'postern_logout_notices_pending'), 0)
  t.equal(await metric(postern, 'postern_logout_notice_oldest_seconds'), 0)

  const newest: string[] = []
  const sids: string[] = []
  for (const path of ['/there', '/away', '/refuses']) {
    await postern.createClient({ clientId: path.slice(1), backchannelLogoutUri: receiver.uri(path) })
    const notice = { id: uuidv7(), clientId: path.slice(1), accountId: uuidv7(), sid: uuidv7() }
    await addNotices(postern.deps, [notice], { now: postern.now(), sendFrom: postern.now() })
    newest.unshift(notice.id)
    sids.unshift(notice.sid)
  }
  postern.deps.notices.wake()
  t.ok(
    await eventually(5_000, async () => {
      const { items } = await list('')
      return items.every(({ status, last_error }: { status: string; last_error: string | null }) =>
        status === 'pending' ? last_error !== null : true,
      )
    }),
  )

  const { items } = await list('')
  t.same(
    items.map(({ id, status }: Item) => [id, status]),
    [
      [newest[0], 'failed'],
      [newest[1], 'pending'],
      [newest[2], 'delivered'],
    ],
  )
  t.match(items[0], {
    client_id: 'refuses',
    session_id: sids[0],
    attempts: 1,
    last_error: 'status 400',
    created_at: postern.now().toISOString(),
    next_attempt_at: null,
    settled_at: postern.now().toISOString(),
  })
  t.match(items[1], { last_error: 'status 503', settled_at: null })
  t.ok(Date.parse(items[1].next_attempt_at) > postern.now().getTime())
  t.match(items[2], { last_error: null, next_attempt_at: null })

  for (const [query, found] of [
    ['?status=pending', [newest[1]]],
    ['?status=delivered', [newest[2]]],
    ['?status=failed', [newest[0]]],
    ['?client_id=away', [newest[1]]],
    ['?client_id=away&status=failed', []],
    ['?client_id=unknown', []],
  ] as const)
    t.same(await ids(query), found, query)

  const first = await list('?limit=2')
  t.same(
    [...first.items, ...(await list(`?limit=2&cursor=${first.next_cursor}`)).items].map(({ id }) => id),
    newest,
  )
  for (const query of ['?status=lost', '?cursor=nonsense', '?limit=0', '?client_id=', '?page=1'])
    t.equal((await list(query)).error, 'invalid_request', query)

  postern.advance(0.25)
  t.equal(await metric(postern, 'postern_logout_notices_pending'), 1)
  t.equal(await metric(postern, 'postern_logout_notice_oldest_seconds'), 0.25)
})
