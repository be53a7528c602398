import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test('an account reads its own activity, page by page, and nobody else’s', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const other = await postern.createAccount()
  await postern.signIn(other)
  for (let count = 0; count < 3; count += 1) {
    await postern.logIn({ ...account, password: 'wrong' })
    postern.advance(1)
  }
  const { access_token: bearer } = await postern.signIn(account)
  const read = (query: string) => postern.request('GET', `/v1/me/activity${query}`, { bearer })

  const first = await read('?limit=2')
  t.equal(first.status, 200, first.text)
  t.equal(first.headers['cache-control'], 'no-store')
  t.match(first.body.items, [
    { event: 'primary_authentication.passed', outcome: 'success' },
    { event: 'primary_authentication.failed', outcome: 'failure', details: { reason: 'wrong_password' } },
  ])
  const second = await read(`?limit=2&cursor=${first.body.next_cursor}`)
  const third = await read(`?limit=2&cursor=${second.body.next_cursor}`)
  t.match(third.body, { items: [{ event: 'account.created' }], next_cursor: null })

  const all = await read('')
  t.equal(all.body.items.length, 5)
  t.notOk(all.text.includes(other.id))
  for (const query of ['?limit=0', '?limit=201', '?cursor=abc', `?account_id=${other.id}`]) {
    t.equal((await read(query)).status, 400, query)
  }
})
