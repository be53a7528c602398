import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const me = (postern: TestApp, bearer: string) => postern.request('GET', '/v1/me', { bearer })

t.test('an account’s own sessions', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('are listed, the newest first, with where they are from', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const first = await postern.signIn(account, totp)
    const { challenge_token } = (await postern.logIn(account)).body
    postern.advance(60)
    const second = await postern.request('POST', '/v1/challenges/verify', {
      body: { challenge_token, method: 'totp', code: totp.code() },
      headers: { 'user-agent': 'Firefox' },
      ip: '203.0.113.9',
    })
    postern.advance(60)
    const { body } = await postern.request('GET', '/v1/me/sessions', { bearer: first.access_token })
    t.equal(body.next_cursor, null)
    t.match(body.items, [
      {
        id: second.body.sid,
        client_id: 'postern',
        ip: '203.0.113.9',
        user_agent: 'Firefox',
        acr: 'aal2',
        amr: ['pwd', 'otp', 'mfa'],
        current: false,
        last_seen_at: new Date(postern.now().getTime() - 60_000).toISOString().replace(/\.\d+Z/, '.000Z'),
      },
      { id: first.sid, current: true },
    ])
    t.same(Object.keys(body.items[0]).toSorted(), [
      'acr',
      'amr',
      'client_id',
      'created_at',
      'current',
      'expires_at',
      'id',
      'ip',
      'last_seen_at',
      'second_factor_at',
      'user_agent',
    ])
  })

  t.test('come by page, for the account and for an administrator', async (t) => {
    const account = await postern.createAccount()
    const opened: string[] = []
    let bearer = ''
    for (let count = 0; count < 5; count += 1) {
      const tokens = await postern.signIn(account)
      opened.unshift(tokens.sid)
      bearer = tokens.access_token
      postern.advance(1)
    }
    const { bearer: administrator } = await signInAdministrator(postern)
    const lists = [
      { url: '/v1/me/sessions', bearer },
      { url: `/v1/admin/accounts/${account.id}/sessions`, bearer: administrator },
    ]
    for (const list of lists) {
      const seen: string[] = []
      for (let cursor = ''; ; ) {
        const url = `${list.url}?limit=2${cursor && `&cursor=${cursor}`}`
        const { status, body } = await postern.request('GET', url, list)
        t.equal(status, 200)
        seen.push(...body.items.map(({ id }: { id: string }) => id))
        if (body.next_cursor === null) break
        t.equal(body.items.length, 2)
        cursor = body.next_cursor
      }
      t.same(seen, opened)
      for (const query of ['limit=0', 'limit=201', 'cursor=nonsense', 'page=2']) {
        const refused = await postern.request('GET', `${list.url}?${query}`, list)
        t.equal(refused.body.error, 'invalid_request', query)
      }
    }
  })

  t.test('are a hundred at most: beyond that the one idle longest is ended', async (t) => {
    const account = await postern.createAccount()
    const oldest = await postern.signIn(account)
    postern.advance(1)
    const idle = await postern.signIn(account)
    for (let count = 0; count < 98; count += 1) {
      postern.advance(1)
      await postern.signIn(account)
    }
    t.equal((await me(postern, oldest.access_token)).status, 200, 'used')
    postern.advance(1)
    const last = await postern.signIn(account)
    t.equal((await me(postern, idle.access_token)).body.error, 'invalid_token')
    t.equal((await me(postern, oldest.access_token)).status, 200)
    const { items } = (
      await postern.request('GET', '/v1/me/sessions?limit=200', { bearer: last.access_token })
    ).body
    t.equal(items.length, 100)
  })

  t.test('are as many as the policy says, where that is fewer', async (t) => {
    await postern.setPolicy({ max_sessions_per_account: 1 })
    t.teardown(() => postern.setPolicy({ max_sessions_per_account: null }))
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const second = await postern.signIn(account)
    t.equal((await me(postern, first.access_token)).body.error, 'invalid_token')
    t.equal((await me(postern, second.access_token)).status, 200)
  })

  t.test('one is ended: its tokens are refused at once, and it is recorded', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const second = await postern.signIn(account)
    const end = (bearer: string, sid: string) =>
      postern.request('DELETE', `/v1/me/sessions/${sid}`, { bearer })
    t.equal((await end(first.access_token, second.sid)).status, 204)
    t.equal((await me(postern, second.access_token)).body.error, 'invalid_token')
    const form = { grant_type: 'refresh_token', refresh_token: second.refresh_token, client_id: 'postern' }
    t.equal((await postern.request('POST', '/oauth2/token', { form })).body.error, 'invalid_grant')
    t.equal((await me(postern, first.access_token)).status, 200)
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'session.ended' })
    t.match(event, { session_id: second.sid, details: { reason: 'ended_by_account' } })

    t.equal((await end(first.access_token, second.sid)).status, 404, 'it has ended')
    t.equal((await end(first.access_token, first.sid)).status, 204, 'one’s own')
    t.equal((await me(postern, first.access_token)).body.error, 'invalid_token')
  })

  t.test('nobody ends another account’s', async (t) => {
    const [mine, theirs] = [
      await postern.signIn(await postern.createAccount()),
      await postern.signIn(await postern.createAccount()),
    ]
    const refused = await postern.request('DELETE', `/v1/me/sessions/${theirs.sid}`, {
      bearer: mine.access_token,
    })
    t.equal(refused.status, 404)
    t.equal((await me(postern, theirs.access_token)).status, 200)
  })

  t.test('all others are ended, and every sign-in that is under way', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const others = [await postern.signIn(account, totp), await postern.signIn(account, totp)]
    const kept = await postern.signIn(account, totp)
    const challenge = { challenge_token: (await postern.logIn(account)).body.challenge_token }
    const ended = await postern.request('DELETE', '/v1/me/sessions', { bearer: kept.access_token })
    t.equal(ended.status, 204)
    for (const { access_token } of others) t.equal((await me(postern, access_token)).status, 401)
    t.equal((await me(postern, kept.access_token)).status, 200)
    const cancelled = await postern.request('POST', '/v1/challenges/cancel', { body: challenge })
    t.equal(cancelled.body.error, 'invalid_challenge')
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'sessions.ended' })
    t.match(event, { session_id: kept.sid, details: { reason: 'ended_by_account' } })
  })
})
