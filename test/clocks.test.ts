// Two replicas on the same servers, the clock of one ahead or behind: what one has noted, the other compares.
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { findAccount } from '../src/accounts/store.ts'
import { systemOrigin } from '../src/audit/event.ts'
import { requireFreshSecondFactor } from '../src/callers/require-fresh-second-factor.ts'
import { openTestApp, type TestApp } from './support/app.ts'
import { createDatabase, missingServer, newKeyPrefix, sharedPostgres } from './support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

/** What one replica sees of another's, by the seconds its clock is ahead; beyond the skew it trusts nothing. */
const CLOCKS = [
  { seconds: -3600, near: false },
  { seconds: -60, near: false },
  { seconds: -1, near: true },
  { seconds: 0, near: true },
  { seconds: 1, near: true },
]

const replicas = async (t: Test, seconds: number): Promise<[here: TestApp, there: TestApp]> => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  const servers = { databaseUrl, redisKeyPrefix: newKeyPrefix() }
  const here = await openTestApp(t, servers)
  const there = await openTestApp(t, servers)
  there.advance((here.now().getTime() - there.now().getTime()) / 1000 + seconds)
  return [here, there]
}

const setPolicy = async (apps: TestApp[], changed: Parameters<TestApp['setPolicy']>[0]) => {
  await apps[0]?.setPolicy(changed)
  for (const { deps } of apps) await deps.policy.reload()
}

const step = (apps: TestApp[]) => {
  for (const app of apps) app.advance(30)
}

for (const { seconds, near } of CLOCKS) {
  t.test(`a replica whose clock is ${seconds} s ahead`, { skip }, async (t) => {
    const apps = await replicas(t, seconds)
    const [here, there] = apps
    // The signing key that the first one made signs on the second one too by then.
    step(apps)

    t.test('lets nobody in without the second factor that they must enroll', async (t) => {
      const account = await here.createAccount({ roles: ['admin'] })
      t.equal((await there.logIn(account)).body.status, 'enrollment_required')
    })

    t.test('grants the days of grace to a new account', async (t) => {
      await setPolicy(apps, { enrollment_grace_days: 1 })
      const account = await here.createAccount({ roles: ['admin'] })
      const { body } = await there.logIn(account)
      t.equal(body.status, near ? 'authenticated' : 'enrollment_required')
      await setPolicy(apps, { enrollment_grace_days: 0 })
    })

    t.test('takes the access token, and the second factor as fresh', async (t) => {
      const account = await here.createAccount({ roles: ['admin'] })
      const totp = await here.enrollTotp(account)
      const tokens = await here.signIn(account, totp)
      there.advance(30)
      const bearer = tokens.access_token
      const administrate = await there.request('GET', '/v1/admin/policy', { bearer })
      t.equal(administrate.status, near ? 200 : 401, administrate.text)
      const stepUp = await there.request('POST', '/v1/me/step-up', { bearer })
      t.equal(stepUp.body.status ?? stepUp.body.error, near ? 'authenticated' : 'invalid_token')
      const codes = await there.request('POST', '/v1/me/recovery-codes', { bearer })
      t.equal(codes.status, near ? 201 : 401)
    })

    t.test('renews the session, where its second factor has an age', async (t) => {
      const account = await here.createAccount()
      const totp = await here.enrollTotp(account)
      const tokens = await here.signIn(account, totp)
      there.advance(30)
      const renewed = await there.request('POST', '/oauth2/token', {
        form: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' },
      })
      t.equal(renewed.status === 200, near, renewed.text)
    })

    t.test('lets a proof count for changing factors', async (t) => {
      const account = await findAccount(here.deps, (await here.createAccount()).id)
      if (!account) throw new Error('no account')
      const origin = systemOrigin(there.now())
      const noted = here.now().getTime() / 1000
      const session = {
        ...{
          sid: randomUUID(),
          accountId: randomUUID(),
          clientId: 'postern',
          clientRegisteredAt: 0,
          scope: 'openid',
          amr: ['pwd'],
        },
        ...{ acr: 'aal2' as const, ip: null, userAgent: null, createdAt: noted },
        ...{ authTime: noted, secondFactorAt: noted, vouched: false },
      }
      for (const enrolledAuthenticators of [0, 1]) {
        const asked = () =>
          requireFreshSecondFactor(there.deps, {
            origin,
            session,
            account: { ...account, enrolledAuthenticators },
          })
        if (near) await t.resolves(asked())
        else await t.rejects(asked(), { code: 'insufficient_user_authentication' })
      }
    })

    t.test('passes a challenge that the other has opened, while it is pending', async (t) => {
      const account = await here.createAccount()
      const totp = await here.enrollTotp(account)
      const { challenge_token } = (await here.logIn(account)).body
      step(apps)
      // The code of whoever verifies: a phone's clock is right, so beyond a step none fits.
      const body = { challenge_token, method: 'totp', code: totp.code() }
      const passed = await there.request('POST', '/v1/challenges/verify', { body })
      t.equal(passed.status === 200, near, passed.text)
    })
  })
}
