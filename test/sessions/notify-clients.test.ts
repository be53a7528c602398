import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { systemOrigin } from '../../src/audit/event.ts'
import { DependencyError } from '../../src/errors.ts'
import { addNotices, findNotices } from '../../src/notices/store.ts'
import { setPassword } from '../../src/passwords/set-password.ts'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { LOOPBACK_ALLOWED, openLogoutReceiver } from '../support/logout-receiver.ts'

const skip = onBothEngines()

/** A client with its own sign-in form that wants to know of logouts, and an account. */
const prepare = async (t: Test) => {
  const postern = await openTestApp(t, { environment: LOOPBACK_ALLOWED })
  const receiver = await openLogoutReceiver(t)
  const { clientId } = await postern.createClient({
    tokenEndpointAuthMethod: 'none',
    firstParty: true,
    scopes: ['openid', 'postern:me', 'offline_access'],
    backchannelLogoutUri: receiver.uri(),
  })
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const signIn = async () => {
    const { username, password } = account
    const login = await postern.request('POST', '/v1/login', {
      body: { username, password, client_id: clientId },
    })
    if (login.body.status === 'authenticated') return login.body
    postern.advance(30)
    const { challenge_token } = login.body
    const body = { challenge_token, method: 'totp', code: totp.code() }
    const passed = await postern.request('POST', '/v1/challenges/verify', { body })
    if (passed.status !== 200) throw new Error(passed.text)
    return passed.body
  }
  return { postern, receiver, clientId, account, totp, signIn }
}

type Prepared = Awaited<ReturnType<typeof prepare>>
type Ending = {
  /** Ends `ended`, asked by `asking` where the account does it itself. */
  end: (prepared: Prepared, sessions: { ended: Tokens; asking: Tokens }) => Promise<{ status: number }>
  /** The session that asks stays. */
  keepsAsking?: true
}
type Tokens = { access_token: string; refresh_token: string; sid: string }

const ADMIN = async (
  { postern, account }: Prepared,
  method: 'POST' | 'DELETE' | 'PATCH',
  path: string,
  body?: object,
) => {
  const { bearer } = await signInAdministrator(postern)
  return postern.request(method, `/v1/admin/accounts/${account.id}${path}`, { bearer, ...(body && { body }) })
}

const ENDINGS: Record<string, Ending> = {
  'a logout': {
    end: ({ postern }, { ended }) => postern.request('POST', '/v1/logout', { bearer: ended.access_token }),
    keepsAsking: true,
  },
  'the account, from its list': {
    end: ({ postern }, { ended, asking }) =>
      postern.request('DELETE', `/v1/me/sessions/${ended.sid}`, { bearer: asking.access_token }),
    keepsAsking: true,
  },
  'the account, all others': {
    end: ({ postern }, { asking }) =>
      postern.request('DELETE', '/v1/me/sessions', { bearer: asking.access_token }),
    keepsAsking: true,
  },
  'a changed password': {
    end: ({ postern }, { asking }) =>
      postern.request('PUT', '/v1/me/password', {
        bearer: asking.access_token,
        body: { current_password: PASSWORD, new_password: 'quod erat demonstrandum' },
      }),
    keepsAsking: true,
  },
  'new recovery codes': {
    end: ({ postern }, { asking }) =>
      postern.request('POST', '/v1/me/recovery-codes', { bearer: asking.access_token, body: {} }),
    keepsAsking: true,
  },
  'a second factor that is removed': {
    end: async ({ postern, totp }, { asking }) =>
      postern.request('DELETE', `/v1/me/authenticators/${totp.authenticatorId}`, {
        bearer: asking.access_token,
      }),
    keepsAsking: true,
  },
  'a second factor that is given up': {
    end: async ({ postern, totp }, { asking }) => {
      postern.advance(30)
      return postern.request('POST', '/v1/me/second-factor/disable', {
        bearer: asking.access_token,
        body: { password: PASSWORD, method: 'totp', code: totp.code() },
      })
    },
    keepsAsking: true,
  },
  'an administrator': { end: (prepared) => ADMIN(prepared, 'DELETE', '/sessions') },
  'an administrator who disables the account': {
    end: (prepared) => ADMIN(prepared, 'PATCH', '', { status: 'disabled' }),
  },
  'an administrator who deletes the account': { end: (prepared) => ADMIN(prepared, 'DELETE', '') },
  'an administrator who resets the second factor': {
    end: (prepared) => ADMIN(prepared, 'POST', '/reset-second-factor'),
  },
  'a password set on the command line': {
    async end({ postern, account }) {
      await setPassword(postern.deps, systemOrigin(postern.now()), account.id, 'quod erat demonstrandum')
      return { status: 204 }
    },
  },
  'the limit of sessions': {
    async end({ postern, signIn }) {
      await postern.setPolicy({ max_sessions_per_account: 2 })
      await signIn()
      return { status: 200 }
    },
    keepsAsking: true,
  },
  'a refresh token that is used twice': {
    async end({ postern, clientId }, { ended }) {
      const form = { grant_type: 'refresh_token', refresh_token: ended.refresh_token, client_id: clientId }
      await postern.request('POST', '/oauth2/token', { form })
      postern.advance(60)
      const reused = await postern.request('POST', '/oauth2/token', { form })
      return { status: reused.body.error === 'invalid_grant' ? 200 : 500 }
    },
    keepsAsking: true,
  },
}

for (const [name, { end, keepsAsking }] of Object.entries(ENDINGS)) {
  t.test(`the client is told of a session that is ended by ${name}`, { skip }, async (t) => {
    const prepared = await prepare(t)
    const { receiver, account, clientId } = prepared
    const ended = await prepared.signIn()
    prepared.postern.advance(1)
    const asking = await prepared.signIn()
    const answer = await end(prepared, { ended, asking })
    t.ok(answer.status >= 200 && answer.status < 300, `${answer.status}`)
    const sids = keepsAsking ? [ended.sid] : [ended.sid, asking.sid]
    const told = await receiver.atLeast(sids.length)
    t.same(told.map(({ claims }) => claims.sid).toSorted(), sids.toSorted())
    for (const { claims } of told) t.match(claims, { sub: account.id, aud: clientId })
    const all = { clientId: null, status: null }
    const written = await findNotices(prepared.postern.deps, all, { beforeId: null, limit: 10 })
    t.equal(written.length, sids.length, 'and of no other')
  })
}

t.test('the session that a step-up replaces is told of', { skip }, async (t) => {
  const { postern, receiver, totp, signIn } = await prepare(t)
  const session = await signIn()
  postern.advance(60)
  const opened = await postern.request('POST', '/v1/me/step-up', {
    bearer: session.access_token,
    body: { max_age: 1 },
  })
  t.equal(opened.status, 200, opened.text)
  postern.advance(30)
  const { challenge_token } = opened.body
  const passed = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token, method: 'totp', code: totp.code() },
  })
  t.equal(passed.status, 200, passed.text)
  const [told] = await receiver.atLeast(1)
  t.equal(told?.claims.sid, session.sid)
})

t.test('a change that is refused tells nobody', { skip }, async (t) => {
  const { postern, receiver, account, signIn } = await prepare(t)
  const asking = await signIn()
  await signIn()
  const refused = await postern.request('PUT', '/v1/me/password', {
    bearer: asking.access_token,
    body: { current_password: 'a wrong one, of some length', new_password: 'quod erat demonstrandum' },
  })
  t.equal(refused.status, 401)
  const unknown = await postern.request('DELETE', `/v1/me/sessions/${account.id}`, {
    bearer: asking.access_token,
  })
  t.equal(unknown.status, 404)
  const all = { clientId: null, status: null }
  t.same(await findNotices(postern.deps, all, { beforeId: null, limit: 10 }), [])
  t.equal(receiver.received.length, 0)
})

t.test(
  'where Redis is away, nothing ends; it is repeated, and the client is told once',
  { skip },
  async (t) => {
    const { postern, receiver, signIn } = await prepare(t)
    const session = await signIn()
    const { sessions } = postern.deps.ephemeral
    const end = sessions.end
    t.teardown(() => {
      sessions.end = end
    })
    sessions.end = () => Promise.reject(new DependencyError('redis', new Error('away')))
    const logOut = () => postern.request('POST', '/v1/logout', { bearer: session.access_token })
    t.equal((await logOut()).status, 503)
    const all = { clientId: null, status: null }
    t.same(await findNotices(postern.deps, all, { beforeId: null, limit: 10 }), [], 'the session is live')
    sessions.end = end
    t.equal((await logOut()).status, 204)
    await receiver.atLeast(1)
    t.equal((await findNotices(postern.deps, all, { beforeId: null, limit: 10 })).length, 1)
  },
)

t.test(
  'a notice that was written before a crash is sent, and once the session ends it is not written twice',
  { skip },
  async (t) => {
    const { postern, receiver, signIn, clientId, account } = await prepare(t)
    const { sid, access_token: bearer } = await signIn()
    const notice = { id: uuidv7(), clientId, accountId: account.id, sid }
    const sendFrom = new Date(postern.now().getTime() + 15_000)
    await addNotices(postern.deps, [notice], { now: postern.now(), sendFrom })
    postern.deps.notices.wake()
    t.equal((await postern.request('POST', '/v1/logout', { bearer })).status, 204)
    const [told] = await receiver.atLeast(1)
    t.equal(told?.claims.jti, notice.id, 'it was held back until then')
    const all = { clientId: null, status: null }
    t.equal((await findNotices(postern.deps, all, { beforeId: null, limit: 10 })).length, 1)
  },
)
