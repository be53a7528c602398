// The one gate (docs/architecture.md, "One gate"): every route and grant that can mint a session or a token, with the
// password alone, where the policy says that a second factor must pass. A route that begins to mint tokens
// fails the first test here until it is in the table.
import t from 'tap'
import { changeClient } from '../../src/administration/clients/change-client.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import type { ClientChange } from '../../src/clients/store.ts'
import {
  type Answer,
  openTestApp,
  type TestAccount,
  type TestApp,
  type TestClient,
  type TestTotp,
} from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

/** An account that must pass a second factor, by the policy or because it has one; and a backend's client. */
type Situation = {
  postern: TestApp
  account: TestAccount
  totp: TestTotp | null
  client: TestClient
  /** A session and its tokens from before the second factor was asked for. */
  earlier: { access_token: string; refresh_token: string }
}

type Attempt = (situation: Situation) => Promise<Answer[]>

const wrongCode = (totp: TestTotp | null): string => (totp?.code() === '000000' ? '000001' : '000000')

/** The token that a login with the password gives: of a challenge, or of an enrollment. */
const pendingToken = async ({ postern, account }: Situation): Promise<string> => {
  const { body } = await postern.logIn(account)
  return body.challenge_token ?? body.enrollment_token
}

const byForm = ({ postern }: Situation, form: Record<string, string>, basic?: TestClient): Promise<Answer> =>
  postern.request('POST', '/oauth2/token', { form, ...(basic && { basic }) })

/** Everything that can be tried with no more than the password, by the route that would mint. */
const TABLE: Record<string, Attempt> = {
  'POST /v1/login': async ({ postern, account, client }) => {
    const { username, password } = account
    const firstParty = await postern.createClient({ firstParty: true, scopes: ['openid'] })
    return Promise.all([
      postern.request('POST', '/v1/login', { body: { username, password } }),
      postern.request('POST', '/v1/login', { body: { username, password, scope: 'openid' } }),
      postern.request('POST', '/v1/login', { body: { username, password }, basic: firstParty }),
      postern.request('POST', '/v1/login', { body: { username, password }, basic: client }),
    ])
  },
  'POST /v1/challenges': async ({ postern, account, client }) =>
    Promise.all([
      postern.request('POST', '/v1/challenges', { basic: client, body: { username: account.username } }),
      postern.request('POST', '/v1/challenges', {
        basic: client,
        body: { username: account.username, amr: ['hwk', 'pin', 'pwd'] },
      }),
      postern.request('POST', '/v1/challenges', {
        basic: client,
        body: { subject: 'theirs', roles: ['admin'] },
      }),
    ]),
  'POST /v1/challenges/verify': async (situation) => {
    const { postern, totp, earlier } = situation
    const tokens = [await pendingToken(situation), earlier.refresh_token, 'pst_ch_guess']
    return Promise.all(
      tokens.map((challengeToken) =>
        postern.request('POST', '/v1/challenges/verify', {
          body: { challenge_token: challengeToken, method: 'totp', code: wrongCode(totp) },
        }),
      ),
    )
  },
  'POST /oauth2/token': async (situation) => {
    const { account, earlier } = situation
    const { username, password } = account
    const pending = await pendingToken(situation)
    return Promise.all([
      byForm(situation, {
        grant_type: 'refresh_token',
        refresh_token: earlier.refresh_token,
        client_id: 'postern',
      }),
      byForm(situation, { grant_type: 'refresh_token', refresh_token: pending, client_id: 'postern' }),
      byForm(situation, { grant_type: 'password', username, password, client_id: 'postern' }),
      byForm(situation, { grant_type: 'client_credentials', client_id: 'postern' }),
    ])
  },
  'POST /v1/me/authenticators/{id}/confirm': async (situation) => {
    const { postern, totp } = situation
    const bearer = await pendingToken(situation)
    const begun = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
    const id = begun.body.id ?? totp?.authenticatorId
    const url = `/v1/me/authenticators/${id}/confirm`
    return [begun, await postern.request('POST', url, { bearer, body: { code: wrongCode(totp) } })]
  },
  'POST /v1/me/step-up': async (situation) => {
    const { postern, earlier } = situation
    const bearers = [earlier.access_token, await pendingToken(situation)]
    return Promise.all(
      bearers.map((bearer) => postern.request('POST', '/v1/me/step-up', { bearer, body: { acr: 'aal2' } })),
    )
  },
}

/** Also by a schema that it refers to. */
const mintsTokens = (response: unknown, schemas: Record<string, unknown> = {}): boolean => {
  const text = JSON.stringify(response ?? '')
  const referred = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)]
  return (
    text.includes('"access_token"') || referred.some(([, name = '']) => mintsTokens(schemas[name], schemas))
  )
}

t.test('the table names every route that can mint a token', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const minting: string[] = []
  const { paths, components }: { paths?: object; components?: { schemas?: Record<string, unknown> } } =
    postern.app.swagger()
  for (const [path, operations] of Object.entries(paths ?? {})) {
    for (const [method, operation] of Object.entries(operations ?? {})) {
      const { responses } = operation as { responses?: Record<string, unknown> }
      if (mintsTokens([responses?.['200'], responses?.['201']], components?.schemas))
        minting.push(`${method.toUpperCase()} ${path}`)
    }
  }
  // What the step-up challenge of a session mints is minted by answering it; its own answer holds no token.
  t.same(
    minting.toSorted(),
    Object.keys(TABLE)
      .filter((route) => route !== 'POST /v1/me/step-up')
      .toSorted(),
  )
})

const SITUATIONS: Record<string, (postern: TestApp) => Promise<Situation>> = {
  'an account whose role requires what it has enrolled': async (postern) => {
    const account = await postern.createAccount()
    const earlier = await postern.signIn(account)
    const totp = await postern.enrollTotp(account)
    await setRoles(postern, account, ['admin'])
    return {
      postern,
      account,
      totp,
      client: await postern.createClient({ scopes: ['challenges', 'challenges:accounts'] }),
      earlier,
    }
  },
  'an account that enrolled of its own accord': async (postern) => {
    const account = await postern.createAccount()
    const earlier = await postern.signIn(account)
    const totp = await postern.enrollTotp(account)
    return {
      postern,
      account,
      totp,
      client: await postern.createClient({ scopes: ['challenges', 'challenges:accounts'] }),
      earlier,
    }
  },
  'an account whose role requires what it has not': async (postern) => {
    const account = await postern.createAccount()
    const earlier = await postern.signIn(account)
    await setRoles(postern, account, ['admin'])
    return {
      postern,
      account,
      totp: null,
      client: await postern.createClient({ scopes: ['challenges', 'challenges:accounts'] }),
      earlier,
    }
  },
  'an account whose authenticator was disabled by too many wrong codes': async (postern) => {
    const account = await postern.createAccount()
    const earlier = await postern.signIn(account)
    const totp = await postern.enrollTotp(account)
    const disable = {
      name: 'test_disable_totp',
      text: `UPDATE authenticators SET status = 'disabled' WHERE id = $1`,
    }
    await postern.deps.postgres.query(disable, [totp.authenticatorId])
    return {
      postern,
      account,
      totp,
      client: await postern.createClient({ scopes: ['challenges', 'challenges:accounts'] }),
      earlier,
    }
  },
  'any account, where the policy requires it of all': async (postern) => {
    const account = await postern.createAccount()
    const earlier = await postern.signIn(account)
    await postern.setPolicy({ required_for_all: true })
    return {
      postern,
      account,
      totp: null,
      client: await postern.createClient({ scopes: ['challenges', 'challenges:accounts'] }),
      earlier,
    }
  },
}

const setRoles = (postern: TestApp, account: TestAccount, roles: string[]) =>
  postern.deps.postgres.query({ name: 'test_roles', text: 'UPDATE accounts SET roles = $2 WHERE id = $1' }, [
    account.id,
    roles,
  ])

for (const [situationName, arrange] of Object.entries(SITUATIONS)) {
  t.test(`${situationName}: the password alone opens nothing`, { skip }, async (t) => {
    const postern = await openTestApp(t)
    for (const [route, attempt] of Object.entries(TABLE)) {
      await postern.setPolicy({ required_for_all: false })
      const situation = await arrange(postern)
      const sessionsBefore = await postern.deps.ephemeral.sessions.list(
        situation.account.id,
        postern.now().getTime(),
      )
      const answers = await attempt(situation)
      t.ok(answers.length > 0)
      for (const answer of answers) {
        t.notOk(mintsTokens(answer.body), `${route}: ${answer.status} ${answer.text.slice(0, 120)}`)
        t.not(answer.body?.status, 'authenticated', route)
        t.not(answer.status, 500, route)
      }
      const sessions = await postern.deps.ephemeral.sessions.list(
        situation.account.id,
        postern.now().getTime(),
      )
      t.ok(sessions.length <= sessionsBefore.length, `${route} opened no session`)
      t.ok(
        sessions.every(({ acr }) => acr === 'aal1'),
        `${route} raised no session`,
      )
      t.same(
        await postern.auditEvents({ event: 'challenge.passed', accountId: situation.account.id }),
        [],
        `${route} passed nothing`,
      )
    }
  })
}

/** What makes a client ask for a second factor that the policy does not ask for. */
const REQUIRED_BY_CLIENT: Record<string, ClientChange> = {
  'by its policy': { policy: { required_for_all: true } },
  'of a role': { policy: { required_roles: ['user'] } },
  'by the acr that it requires': { requiredAcr: 'aal2' },
}

for (const [how, change] of Object.entries(REQUIRED_BY_CLIENT)) {
  for (const enabled of [true, false]) {
    t.test(
      `a client requires a second factor ${how}, the policy being ${enabled ? 'enabled' : 'disabled'}`,
      { skip },
      async (t) => {
        const postern = await openTestApp(t)
        await postern.setPolicy({ enabled })
        const account = await postern.createAccount({ roles: ['user'] })
        const basic = await postern.createClient({ firstParty: true, scopes: ['openid', 'challenges'] })
        const { username, password } = account
        const logIn = () => postern.request('POST', '/v1/login', { body: { username, password }, basic })
        const vouch = () =>
          postern.request('POST', '/v1/challenges', { body: { subject: 'theirs', roles: ['user'] }, basic })
        const earlier = (await logIn()).body
        t.equal(earlier.status, 'authenticated')

        await changeClient(postern.deps, systemOrigin(postern.now()), basic.clientId, change)
        t.equal((await logIn()).body.status, 'enrollment_required')
        t.equal((await vouch()).body.status, 'enrollment_required')
        const form = { grant_type: 'refresh_token', refresh_token: earlier.refresh_token }
        const renewed = await postern.request('POST', '/oauth2/token', { form, basic })
        t.match(renewed, { status: 400, body: { error: 'invalid_grant' } })
        t.equal((await postern.logIn(account)).body.status, 'authenticated', 'other clients do not')

        const totp = await postern.enrollTotp(account)
        const asked = await logIn()
        t.equal(asked.body.status, 'challenge_required')
        const passed = await postern.request('POST', '/v1/challenges/verify', {
          body: { challenge_token: asked.body.challenge_token, method: 'totp', code: totp.code() },
          basic,
        })
        t.match(passed, { status: 200, body: { acr: 'aal2' } })
      },
    )
  }
}

t.test('a client’s policy holds for its challenges, renewals and step-ups', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { clientId } = await postern.createClient({
    firstParty: true,
    scopes: ['openid', 'postern:me'],
    tokenEndpointAuthMethod: 'none',
    policy: { allowed_methods: ['totp'], second_factor_max_age: 300, session_absolute: 1200 },
  })
  const { username, password } = account
  const body = { username, password, client_id: clientId }
  const asked = await postern.request('POST', '/v1/login', { body })
  t.same(asked.body.methods, [{ method: 'totp' }])
  const passed = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: asked.body.challenge_token, method: 'totp', code: totp.code() },
  })
  const renew = (token: string) =>
    postern.request('POST', '/oauth2/token', {
      form: { grant_type: 'refresh_token', refresh_token: token, client_id: clientId },
    })
  postern.advance(299)
  const fresh = await renew(passed.body.refresh_token)
  t.equal(fresh.status, 200, fresh.text)
  postern.advance(61)
  const stale = await renew(fresh.body.refresh_token)
  t.match(stale, { status: 401, body: { error: 'insufficient_user_authentication', max_age: 300 } })
  t.same(stale.body.methods, [{ method: 'totp' }])
  const stepUp = await postern.request('POST', '/v1/me/step-up', {
    bearer: fresh.body.access_token,
    body: { acr: 'aal2' },
  })
  t.match(stepUp.body, { status: 'challenge_required', methods: [{ method: 'totp' }] })
  t.equal(stepUp.body.methods.length, 1)
  const again = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: stale.body.challenge_token, method: 'totp', code: totp.code() },
  })
  t.equal(again.status, 200, again.text)
  postern.advance(841)
  t.match(await renew(again.body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('a client’s refresh tokens are good for as long after the sign-in as it says', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { username, password } = await postern.createAccount()
  const basic = await postern.createClient({
    firstParty: true,
    scopes: ['openid'],
    refreshTokenLifetime: 600,
  })
  const signedIn = await postern.request('POST', '/v1/login', { body: { username, password }, basic })
  const renew = (token: string) =>
    postern.request('POST', '/oauth2/token', {
      form: { grant_type: 'refresh_token', refresh_token: token },
      basic,
    })
  postern.advance(599)
  const renewed = await renew(signedIn.body.refresh_token)
  t.equal(renewed.status, 200, renewed.text)
  postern.advance(1)
  t.match(await renew(renewed.body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  t.match((await postern.auditEvents({ event: 'refresh_token.refused' })).at(-1)?.details, {
    reason: 'expired',
  })
})
