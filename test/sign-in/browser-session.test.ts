// A session of a browser at Postern's JSON routes: its key changes where the browser sees it, and nowhere else.
import t from 'tap'
import { findAccount } from '../../src/accounts/store.ts'
import { accountTag, hashToken, newAccountToken } from '../../src/encryption/opaque-token.ts'
import { newSession } from '../../src/sessions/new-session.ts'
import { mintTokens } from '../../src/tokens/mint-tokens.ts'
import { formatRefreshToken, newRefreshToken, refreshHashes } from '../../src/tokens/refresh-token.ts'
import { openTestApp, type TestAccount, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, confirm } from '../support/enrollment.ts'

const skip = onBothEngines()

const CLIENT_ID = 'postern'

/** Signs an account in by a browser, and gives the client a grant; what is given is the client's. */
const signInByBrowser = async (postern: TestApp, { id }: TestAccount) => {
  const { deps } = postern
  const now = postern.now()
  const [account, client] = [await findAccount(deps, id), await deps.clients.find(CLIENT_ID)]
  if (!account || !client) throw new Error('there are both')
  const scope = 'openid offline_access postern:me'
  const grounds = {
    account,
    clientId: CLIENT_ID,
    clientRegisteredAt: client.createdAt.getTime(),
    scope,
    amr: ['pwd'],
    authTime: Math.floor(now.getTime() / 1000),
    vouched: false,
    secondFactor: null,
    ip: null,
    userAgent: null,
    replaces: null,
  }
  const { session } = newSession(deps, deps.policy.current(), grounds, now)
  const opened = { ...session, browserKeyHash: hashToken('key'), grant: null }
  await deps.ephemeral.sessions.open(opened, { sessionEpoch: 0 }, now.getTime())
  const refreshToken = newRefreshToken(id, session.sid, deps.randomBytes)
  const { acr, authTime, amr, clientRegisteredAt } = session
  const terms = { clientId: CLIENT_ID, clientRegisteredAt, scope, acr, authTime, amr, secondFactorAt: null }
  const code = newAccountToken('code', id, deps.randomBytes)
  const record = {
    accountId: id,
    sid: session.sid,
    grant: { ...terms, audience: null, claims: null },
    isRenewable: true,
    nonce: null,
    redirectUri: 'https://app.example.com/callback',
    codeChallenge: null,
    binding: hashToken('binding'),
    jkt: null,
    issuedAt: authTime,
  }
  await deps.ephemeral.codes.open(code, { record, ttlSeconds: 60, nowMs: now.getTime() })
  const grant = { ...refreshHashes(refreshToken), jkt: null }
  await deps.ephemeral.codes.redeem(code, { binding: hashToken('binding'), jkt: null }, grant, now.getTime())
  const { accessToken } = mintTokens(deps, session, { account, client, refreshToken }, now)
  return { accessToken, refreshToken: formatRefreshToken(refreshToken), sid: session.sid }
}

t.test('a session of a browser', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const renew = (token: string) =>
    postern.request('POST', '/oauth2/token', {
      form: { grant_type: 'refresh_token', refresh_token: token, client_id: CLIENT_ID },
    })
  const isSignedIn = async ({ id }: TestAccount, sid: string) => {
    const place = { accountTag: accountTag(id), sid }
    const { findByBrowser } = postern.deps.ephemeral.sessions
    return (await findByBrowser(place, hashToken('key'), postern.now().getTime())) !== null
  }
  const refused = { error: 'insufficient_user_authentication', acr_values: 'aal2' }

  t.test('is used and renewed as any other, by its grant', async (t) => {
    const account = await postern.createAccount()
    const first = await signInByBrowser(postern, account)
    t.equal((await postern.request('GET', '/v1/me', { bearer: first.accessToken })).status, 200)
    const renewed = await renew(first.refreshToken)
    t.match(renewed, { status: 200, body: { sid: first.sid } })
    t.equal((await postern.request('GET', '/v1/me', { bearer: renewed.body.access_token })).status, 200)
  })

  t.test('a second use of a refresh token ends that grant, and the browser stays signed in', async (t) => {
    const account = await postern.createAccount()
    const [first, refresh] = [
      await signInByBrowser(postern, account),
      await signInByBrowser(postern, account),
    ]
    await renew(first.refreshToken)
    postern.advance(10)
    t.equal((await renew(first.refreshToken)).body.error, 'invalid_grant')
    t.equal((await postern.request('GET', '/v1/me', { bearer: first.accessToken })).status, 401)
    t.ok(await isSignedIn(account, first.sid))
    t.equal((await renew(refresh.refreshToken)).status, 200, 'nor does another session end')
  })

  t.test('is not stepped up where the browser does not see it', async (t) => {
    const account = await postern.createAccount()
    await postern.enrollTotp(account)
    const { accessToken } = await signInByBrowser(postern, account)
    const answer = await postern.request('POST', '/v1/me/step-up', {
      bearer: accessToken,
      body: { acr: 'aal2' },
    })
    t.match(answer, { status: 401, body: refused })
    t.notOk('challenge_token' in answer.body)
    t.match(answer.body.error_description, /authorization endpoint/)
    const [event] = await postern.auditEvents({ event: 'access.refused', accountId: account.id })
    t.match(event, { details: { reason: 'browser_session' } })
  })

  t.test('a renewal that needs a second factor sends to the browser, and uses no token up', async (t) => {
    const account = await postern.createAccount()
    await postern.enrollTotp(account)
    const { refreshToken, sid } = await signInByBrowser(postern, account)
    for (const time of ['first', 'second']) {
      const answer = await renew(refreshToken)
      t.match(answer, { status: 401, body: refused }, time)
      t.notOk('challenge_token' in answer.body)
    }
    t.ok(await isSignedIn(account, sid))
    const [event] = await postern.auditEvents({ event: 'refresh_token.refused', accountId: account.id })
    t.match(event, { details: { reason: 'second_factor_needed' } })
  })

  t.test('is kept as it is when a first authenticator is confirmed in it', async (t) => {
    const account = await postern.createAccount()
    const { accessToken: bearer, sid } = await signInByBrowser(postern, account)
    const pending = await begin(postern, bearer)
    const confirmed = await confirm(postern, bearer, pending.id, pending.code())
    t.equal(confirmed.status, 200)
    t.notOk('access_token' in confirmed.body)
    t.ok(await isSignedIn(account, sid))
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200)
  })
})
