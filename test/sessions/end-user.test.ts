// Whose address and user agent a session shows: the end user's, by whatever way it was opened; none, where a backend
// names none. The backend's own never.
import t from 'tap'
import type { TestApp } from '../support/app.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { decodeBase32, totpCode } from '../support/totp-code.ts'

const skip = onBothEngines()

const BACKEND = { ip: '192.0.2.1', headers: { 'user-agent': 'backend/1' } }
const BROWSER = { ip: '203.0.113.9', headers: { 'user-agent': 'Firefox' } }
const PHONE = { ip: '203.0.113.77', headers: { 'user-agent': 'Phone' } }
const NAMED = { ip: '198.51.100.7', user_agent: 'Named' }

const shownOf = async (postern: TestApp, { sub }: { sub: string }) => {
  const [session] = await postern.deps.ephemeral.sessions.list(sub, postern.now().getTime())
  return { ip: session?.ip, userAgent: session?.userAgent }
}
const FROM_BROWSER = { ip: '203.0.113.9', userAgent: 'Firefox' }
const FROM_PHONE = { ip: '203.0.113.77', userAgent: 'Phone' }
const AS_NAMED = { ip: '198.51.100.7', userAgent: 'Named' }
const NOT_KNOWN = { ip: null, userAgent: null }

t.test('the address and the user agent of a session are the end user’s', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_roles: ['must'] })

  const logIn = async (roles: string[] = ['user']) => {
    const account = await postern.createAccount({ roles })
    const { username, password } = account
    const answer = () =>
      postern.request('POST', '/v1/login', { ...BROWSER, body: { username, password } }).then((a) => a.body)
    return { account, answer }
  }
  const verify = async (challengeToken: string, code: string, from: object) => {
    const body = { challenge_token: challengeToken, method: 'totp', code }
    const answer = await postern.request('POST', '/v1/challenges/verify', { ...from, body })
    if (answer.status !== 200) throw new Error(answer.text)
    return answer.body
  }
  const enroll = async (bearer: string, from: object) => {
    const begun = await postern.request('POST', '/v1/me/authenticators/totp', { ...from, bearer })
    const code = totpCode(decodeBase32(begun.body.secret), postern.now())
    const url = `/v1/me/authenticators/${begun.body.id}/confirm`
    const confirmed = await postern.request('POST', url, { ...from, bearer, body: { code } })
    if (!confirmed.body.access_token) throw new Error(confirmed.text)
    return confirmed.body
  }

  t.test('after a password alone: of whoever gave it', async (t) => {
    const { answer } = await logIn()
    t.same(await shownOf(postern, await answer()), FROM_BROWSER)
  })

  t.test('after a challenge: of whoever answered it', async (t) => {
    const { account, answer } = await logIn()
    const totp = await postern.enrollTotp(account)
    const { challenge_token } = await answer()
    t.same(await shownOf(postern, await verify(challenge_token, totp.code(), PHONE)), FROM_PHONE)
  })

  t.test('after an enrollment at sign-in: of whoever enrolled', async (t) => {
    const { answer } = await logIn(['must'])
    const { enrollment_token } = await answer()
    t.same(await shownOf(postern, await enroll(enrollment_token, PHONE)), FROM_PHONE)
  })

  t.test('after a first authenticator, a step-up and a renewal: as they were', async (t) => {
    const { account, answer } = await logIn()
    const first = await answer()
    const confirmed = await enroll(first.access_token, PHONE)
    t.same(await shownOf(postern, confirmed), FROM_BROWSER)
    postern.advance(30)
    const totp = await postern.enrollTotp(account)
    const stepUp = await postern.request('POST', '/v1/me/step-up', {
      ...PHONE,
      bearer: confirmed.access_token,
      body: { max_age: 0 },
    })
    const stepped = await verify(stepUp.body.challenge_token, totp.code(), PHONE)
    t.same(await shownOf(postern, stepped), FROM_BROWSER)
    const form = { grant_type: 'refresh_token', refresh_token: stepped.refresh_token, client_id: 'postern' }
    const renewed = await postern.request('POST', '/oauth2/token', { ...BACKEND, form })
    t.same(await shownOf(postern, renewed.body), FROM_BROWSER)
  })

  for (const [named, shown] of [
    [NAMED, AS_NAMED],
    [{}, NOT_KNOWN],
  ] as const) {
    const which = 'ip' in named ? 'as the backend names them' : 'where the backend names none: not its own'

    t.test(`${which}: at once, and after a first authenticator`, async (t) => {
      const basic = await postern.createClient({
        scopes: ['challenges', 'openid', 'postern:me'],
        firstParty: true,
      })
      const body = { subject: 'subject-1', ...named }
      const first = await postern.request('POST', '/v1/challenges', { ...BACKEND, basic, body })
      t.same(await shownOf(postern, first.body), shown)
      t.same(await shownOf(postern, await enroll(first.body.access_token, BACKEND)), shown)
    })

    t.test(`${which}: at a sign-in with a password, and after its challenge`, async (t) => {
      const basic = await postern.createClient({ scopes: ['openid'], firstParty: true })
      const account = await postern.createAccount()
      const body = { username: account.username, password: account.password, ...named }
      const logIn = () => postern.request('POST', '/v1/login', { ...BACKEND, basic, body })
      t.same(await shownOf(postern, (await logIn()).body), shown)
      await postern.deps.ephemeral.sessions.endAll(account.id, null, postern.now().getTime())
      const totp = await postern.enrollTotp(account)
      const { challenge_token } = (await logIn()).body
      const passed = await verify(challenge_token, totp.code(), { ...BACKEND, basic })
      t.same(await shownOf(postern, passed), shown)
    })

    t.test(`${which}: after a challenge, and after the step-up of a renewal`, async (t) => {
      const basic = await postern.createClient({ scopes: ['challenges', 'openid'] })
      const body = { subject: 'subject-2', ...named }
      const open = () => postern.request('POST', '/v1/challenges', { ...BACKEND, basic, body })
      const known = await open()
      await postern.deps.ephemeral.sessions.endAll(known.body.sub, null, postern.now().getTime())
      const totp = await postern.enrollTotp({ id: known.body.sub })
      const opened = await open()
      const passed = await verify(opened.body.challenge_token, totp.code(), { ...BACKEND, basic })
      t.same(await shownOf(postern, passed), shown)

      await postern.setPolicy({ second_factor_max_age: 60 })
      postern.advance(61)
      const form = { grant_type: 'refresh_token', refresh_token: passed.refresh_token }
      const asked = await postern.request('POST', '/oauth2/token', { ...BACKEND, basic, form })
      const stepped = await verify(asked.body.challenge_token, totp.code(), { ...BACKEND, basic })
      t.same(await shownOf(postern, stepped), shown)
      await postern.setPolicy({ second_factor_max_age: 28_800 })
    })

    t.test(`${which}: after an enrollment at sign-in`, async (t) => {
      const basic = await postern.createClient({ scopes: ['challenges', 'openid'] })
      const body = { subject: 'subject-3', roles: ['must'], ...named }
      const opened = await postern.request('POST', '/v1/challenges', { ...BACKEND, basic, body })
      t.same(await shownOf(postern, await enroll(opened.body.enrollment_token, BACKEND)), shown)
    })
  }

  t.test('a long user agent is cut, between two characters', async (t) => {
    const long = `${'x'.repeat(255)}😀${'y'.repeat(600)}`
    const { account } = await logIn()
    const { username, password } = account
    const header = await postern.request('POST', '/v1/login', {
      headers: { 'user-agent': 'z'.repeat(9_000) },
      body: { username, password },
    })
    t.equal((await shownOf(postern, header.body)).userAgent, 'z'.repeat(256))
    const [event] = await postern.auditEvents({
      accountId: account.id,
      event: 'primary_authentication.passed',
    })
    t.equal(event?.user_agent, 'z'.repeat(256))

    const basic = await postern.createClient({ scopes: ['challenges', 'openid'] })
    const body = { subject: 'subject-4', user_agent: long }
    const named = await postern.request('POST', '/v1/challenges', { basic, body })
    t.equal(named.status, 200, named.text)
    t.equal((await shownOf(postern, named.body)).userAgent, `${'x'.repeat(255)}😀`)
  })
})
