import t from 'tap'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

const open = (postern: TestApp, client: TestClient, body: object) =>
  postern.request('POST', '/v1/challenges', { basic: client, body })

t.test('a client that has done primary authentication itself', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient()

  t.test('names a subject, which is known from then on as its own', async (t) => {
    const first = await open(postern, client, {
      subject: 'flask-1',
      roles: ['viewer'],
      email: 'One@Example.org',
      display_name: 'One',
      ip: '203.0.113.9',
      user_agent: 'Firefox',
    })
    t.match(first, { status: 200, body: { status: 'authenticated', acr: 'aal1', amr: ['pwd'] } }, first.text)
    const second = await open(postern, client, { subject: 'flask-1' })
    t.equal(second.body.sub, first.body.sub, 'the same account')
    const other = await open(postern, await postern.createClient(), { subject: 'flask-1' })
    t.not(other.body.sub, first.body.sub, "another client's subject is another account")

    const events = await postern.auditEvents({ accountId: first.body.sub })
    t.same(
      events.map(({ event, ip, actor_type: actor }) => [event, ip, actor]),
      [
        ['account.created', '127.0.0.1', 'client'],
        ['primary_authentication.passed', '127.0.0.1', 'client'],
        ['primary_authentication.passed', '127.0.0.1', 'client'],
      ],
    )
    const sessions = await postern.deps.ephemeral.sessions.list(first.body.sub, postern.now().getTime())
    const session = sessions.find(({ sid }) => sid === first.body.sid)
    t.match(session, { ip: '203.0.113.9', userAgent: 'Firefox' }, "the session shows the end user's own")
  })

  t.test('is asked for a second factor where a role it reports requires one', async (t) => {
    const enrolling = await open(postern, client, { subject: 'flask-2', roles: ['admin'] })
    t.match(enrolling.body, { status: 'enrollment_required', methods: ['totp'] })
    t.match(enrolling.body.enrollment_token, /^pst_en_/)
  })

  t.test('gets a challenge for a subject that is enrolled, and tokens for the code', async (t) => {
    const { body } = await open(postern, client, { subject: 'flask-3' })
    const totp = await postern.enrollTotp({ id: body.sub })
    const challenge = await open(postern, client, { subject: 'flask-3', amr: ['pwd', 'sc'] })
    t.match(challenge.body, { status: 'challenge_required', expires_in: 300, methods: [{ method: 'totp' }] })

    const passed = await postern.request('POST', '/v1/challenges/verify', {
      basic: client,
      body: { challenge_token: challenge.body.challenge_token, method: 'totp', code: totp.code() },
    })
    t.match(
      passed.body,
      { status: 'authenticated', acr: 'aal2', amr: ['pwd', 'sc', 'otp', 'mfa'] },
      passed.text,
    )
  })

  t.test('changes a subject only where its client reports something new', async (t) => {
    await open(postern, client, { subject: 'flask-5', roles: ['viewer'], display_name: 'Five' })
    const { body } = await open(postern, client, { subject: 'flask-5', roles: ['editor'] })
    const [changed, ...more] = await postern.auditEvents({ event: 'account.changed', accountId: body.sub })
    t.same(changed?.details, { changed: { roles: ['editor'] } })
    t.same(more, [])
    const find = { name: 'test_subject', text: 'SELECT display_name, roles FROM accounts WHERE id = $1' }
    t.same(await postern.deps.postgres.query(find, [body.sub]), [{ display_name: 'Five', roles: ['editor'] }])
  })

  t.test('fifty first challenges of one subject at once make one account', async (t) => {
    const { outcomes: answers } = await race(postern, 50, {
      prepare: async (run) => `flask-6-${run}`,
      attempt: (subject) => open(postern, client, { subject }),
    })
    t.same([...new Set(answers.map(({ status }) => status))], [200])
    const [sub, ...more] = new Set(answers.map(({ body }) => body.sub))
    t.same(more, [])
    const created = await postern.auditEvents({ event: 'account.created', accountId: sub })
    t.equal(created.length, 1, 'and that is recorded once')
  })

  t.test('makes a subject anew that is deleted while its client reports of it', async (t) => {
    const before = await open(postern, client, { subject: 'flask-9', roles: ['viewer'] })
    const held = holdStatement(postern, 'question', /SET email = COALESCE/)
    const reporting = open(postern, client, { subject: 'flask-9', roles: ['editor'] })
    await held.reached
    const remove = { name: 'test_remove', text: 'DELETE FROM accounts WHERE id = $1' }
    await postern.deps.postgres.query(remove, [before.body.sub])
    held.release()
    const { status, body } = await reporting
    t.equal(status, 200)
    t.not(body.sub, before.body.sub)
    t.equal((await open(postern, client, { subject: 'flask-9' })).body.sub, body.sub)
  })

  t.test('may use a token of client_credentials instead of its secret', async (t) => {
    const token = await postern.request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'client_credentials' },
    })
    t.match(token.body, { token_type: 'Bearer', expires_in: 600, scope: 'challenges' })
    const bearer = token.body.access_token
    const opened = await postern.request('POST', '/v1/challenges', { bearer, body: { subject: 'flask-7' } })
    t.equal(opened.status, 200, opened.text)
  })

  t.test('is refused where its credentials are wrong, or its scopes do not allow it', async (t) => {
    const person = await postern.signIn(await postern.createAccount())
    const plain = await postern.createClient({ scopes: ['openid'] })
    const body = { subject: 'flask-8' }
    for (const [options, status, error] of [
      [{}, 401, 'invalid_client'],
      [{ basic: { clientId: client.clientId, secret: 'wrong' } }, 401, 'invalid_client'],
      [{ basic: { clientId: 'nobody', secret: client.secret } }, 401, 'invalid_client'],
      [{ basic: { clientId: 'no\0body', secret: client.secret } }, 401, 'invalid_client'],
      [{ basic: { clientId: 'postern', secret: '' } }, 403, 'insufficient_scope'],
      [{ basic: { clientId: 'postern', secret: 'x' } }, 401, 'invalid_client'],
      [{ basic: plain }, 403, 'insufficient_scope'],
      [{ bearer: person.access_token }, 401, 'invalid_token'],
      [{ bearer: 'nonsense' }, 401, 'invalid_token'],
      [{ headers: { authorization: 'Basic !' } }, 401, 'invalid_client'],
      [{ headers: { authorization: 'Digest x' } }, 401, 'invalid_client'],
      [{ headers: { authorization: `Basic ${btoa('%:x')}` } }, 401, 'invalid_client'],
    ] as const) {
      const refused = await postern.request('POST', '/v1/challenges', { ...options, body })
      t.match(refused, { status, body: { error } }, JSON.stringify(options))
      t.type(refused.headers['www-authenticate'], 'string')
    }
    const none = { name: 'test_none', text: `SELECT id FROM accounts WHERE subject = 'flask-8'` }
    t.same(await postern.deps.postgres.query(none), [], 'nothing is stored')
  })

  t.test('must name one account, and nothing malformed', async (t) => {
    for (const [body, fields] of [
      [{}, ['subject', 'username']],
      [{ subject: 'a', username: 'b' }, ['subject', 'username']],
      [{ subject: '' }, ['subject']],
      [{ subject: 'a\u0000b' }, ['subject']],
      [{ subject: 'x'.repeat(256) }, ['subject']],
      [{ subject: 'a', amr: ['mfa'] }, ['amr/0']],
      [{ subject: 'a', amr: [] }, ['amr']],
      [{ subject: 'a', ip: 'localhost' }, ['ip']],
      [{ subject: 'a', email: 'nobody' }, ['email']],
      [{ subject: 'a', roles: ['a b'] }, ['roles/0']],
      [{ subject: 'a', user_agent: '\ud800' }, ['user_agent']],
      [{ subject: 'a', is_admin: true }, ['is_admin']],
    ] as const) {
      const refused = await open(postern, client, body)
      t.equal(refused.status, 400, JSON.stringify(body))
      t.same(refused.body.fields, fields)
    }
  })
})
