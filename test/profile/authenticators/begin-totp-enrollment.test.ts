import { spawnSync } from 'node:child_process'
import t from 'tap'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { begin, confirm, countByStatus, storedFactors } from '../../support/enrollment.ts'
import { race } from '../../support/race.ts'
import { findProgram } from '../../support/server-process.ts'
import { decodeBase32 } from '../../support/totp-code.ts'

const skip = onBothEngines()

const signedIn = async (postern: TestApp, account: { username?: string; email?: string } = {}) => {
  const created = await postern.createAccount(account)
  return { account: created, bearer: (await postern.signIn(created)).access_token }
}

t.test('beginning to enroll an authenticator app', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('shows a secret of 160 bits, its otpauth URI and its QR code', async (t) => {
    const { account, bearer } = await signedIn(postern, { username: 'ada' })
    const answer = await postern.request('POST', '/v1/me/authenticators/totp', { bearer, body: {} })
    t.equal(answer.status, 201, answer.text)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.equal(answer.body.expires_in, 900)
    t.equal(decodeBase32(answer.body.secret).length, 20)
    t.equal(answer.body.otpauth_uri, `otpauth://totp/Postern:ada?secret=${answer.body.secret}&issuer=Postern`)
    const [type, encoded] = answer.body.qr_code.split(',')
    t.equal(type, 'data:image/svg+xml;base64')
    t.match(Buffer.from(encoded, 'base64').toString(), /^<svg [^>]*>.*<\/svg>\s*$/s)

    const stored = await storedFactors(postern, account)
    t.match(stored, {
      enrolled: 0,
      recoveryCodes: 0,
      authenticators: [{ id: answer.body.id, status: 'pending' }],
    })
    const [event] = await postern.auditEvents({
      accountId: account.id,
      event: 'authenticator.enrollment_begun',
    })
    t.match(event, { outcome: 'success', details: { authenticator_id: answer.body.id, type: 'totp' } })
  })

  t.test('needs no body', async (t) => {
    const { bearer } = await signedIn(postern)
    t.equal((await postern.request('POST', '/v1/me/authenticators/totp', { bearer })).status, 201)
  })

  t.test('follows the policy in issuer, algorithm and digits, for new ones alone', async (t) => {
    const { account, bearer } = await signedIn(postern)
    const before = await begin(postern, bearer)
    await postern.setPolicy({ totp: { issuer: 'Acme & Söhne', algorithm: 'SHA256', digits: 8 } })
    t.teardown(() => postern.setPolicy({ totp: { issuer: 'Postern', algorithm: 'SHA1', digits: 6 } }))
    const answer = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
    const uri = new URL(answer.body.otpauth_uri)
    t.equal(decodeURIComponent(uri.pathname), `/Acme & Söhne:${account.username}`)
    t.match(Object.fromEntries(uri.searchParams), {
      algorithm: 'SHA256',
      digits: '8',
      issuer: 'Acme & Söhne',
    })

    const short = await confirm(postern, bearer, answer.body.id, '123456')
    t.match(short.body, { error: 'invalid_request', fields: ['code'] })
    t.match(short.body.error_description, /8 digits/)
    t.equal((await confirm(postern, bearer, before.id, before.code())).status, 200, 'six digits, as begun')
  })

  const oathtool = findProgram('oathtool') ? false : 'oathtool is not installed'
  if (oathtool && process.env.REQUIRE_SERVERS === '1') throw new Error(oathtool)
  t.test(
    'gives a secret of which oathtool makes the codes that confirm it',
    { skip: oathtool },
    async (t) => {
      const { bearer } = await signedIn(postern)
      const begun = await begin(postern, bearer)
      const args = [
        '--totp',
        '-b',
        begun.encodedSecret,
        '--now',
        `@${Math.floor(postern.now().getTime() / 1000)}`,
      ]
      const code = spawnSync('oathtool', args, { encoding: 'utf8' }).stdout.trim()
      t.equal((await confirm(postern, bearer, begun.id, code)).status, 200)
    },
  )

  t.test('names what was not named, each name once', async (t) => {
    const { account, bearer } = await signedIn(postern)
    const first = await begin(postern, bearer)
    await confirm(postern, bearer, first.id, first.code())
    const signIn = async () => {
      const totp = { authenticatorId: first.id, secret: first.secret, code: first.code }
      return (await postern.signIn(account, totp)).access_token
    }
    const fresh = await signIn()
    for (const name of [undefined, 'Work phone', undefined]) {
      const next = await begin(postern, fresh, name)
      await confirm(postern, fresh, next.id, next.code())
      postern.advance(1)
    }
    const { body } = await postern.request('GET', '/v1/me/authenticators', { bearer: fresh })
    t.same(
      body.items.map(({ name }: { name: string }) => name),
      ['Authenticator app', 'Authenticator app 2', 'Work phone', 'Authenticator app 3'],
    )
  })

  t.test('keeps the newest three that are not confirmed', async (t) => {
    const { account, bearer } = await signedIn(postern)
    const begun = []
    for (let count = 0; count < 5; count += 1) {
      begun.push(await begin(postern, bearer, `Phone ${count}`))
      postern.advance(1)
    }
    const { authenticators } = await storedFactors(postern, account)
    t.same(
      authenticators.map(({ name }) => name),
      ['Phone 2', 'Phone 3', 'Phone 4'],
    )
    const [oldest] = begun
    t.equal((await confirm(postern, bearer, oldest?.id ?? '', oldest?.code() ?? '')).status, 404)
  })

  t.test('does so too where fifty begin at once', async (t) => {
    const { subject, outcomes } = await race(postern, 50, {
      prepare: () => signedIn(postern),
      attempt: ({ bearer }) => postern.request('POST', '/v1/me/authenticators/totp', { bearer }),
    })
    const { account } = subject
    // One waits for the other, and on a slow machine the last ones for longer than anyone is kept waiting.
    const { 201: begun = 0, 503: late = 0 } = countByStatus(outcomes)
    t.ok(begun >= 3)
    t.equal(begun + late, 50)
    t.equal((await storedFactors(postern, account)).authenticators.length, 3)
  })

  t.test('is refused where the account has ten', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    for (let count = 1; count < 10; count += 1) await postern.enrollTotp(account)
    const bearer = (await postern.signIn(account, totp)).access_token
    const refused = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
    t.equal(refused.status, 409)
    t.equal(refused.body.error, 'conflict')
    t.equal((await storedFactors(postern, account)).authenticators.length, 10)
  })

  t.test('refuses malformed members, and stores nothing', async (t) => {
    const { account, bearer } = await signedIn(postern)
    for (const body of [
      { name: '' },
      { name: 'a'.repeat(65) },
      { name: 7 },
      { name: null },
      { name: 'line\nbreak' },
      { secret: 'JBSWY3DPEHPK3PXP' },
      [],
      'text',
    ]) {
      const refused = await postern.request('POST', '/v1/me/authenticators/totp', { bearer, body })
      t.equal(refused.status, 400, JSON.stringify(body))
    }
    t.same((await storedFactors(postern, account)).authenticators, [])
  })

  t.test('shows the secret and the QR code in that one answer and in no other', async (t) => {
    const { account, bearer } = await signedIn(postern)
    const begun = await begin(postern, bearer)
    const confirmed = await confirm(postern, bearer, begun.id, begun.code())
    const totp = { authenticatorId: begun.id, secret: begun.secret, code: begun.code }
    const fresh = (await postern.signIn(account, totp)).access_token
    const later = [confirmed]
    for (const path of ['authenticators', 'recovery-codes', 'sessions']) {
      later.push(await postern.request('GET', `/v1/me/${path}`, { bearer: fresh }))
    }
    const renamed = { bearer: fresh, body: { name: 'Phone' } }
    later.push(await postern.request('PATCH', `/v1/me/authenticators/${begun.id}`, renamed))
    const kept = JSON.stringify([
      await storedFactors(postern, account),
      await postern.auditEvents({ accountId: account.id }),
    ])
    const canaries = [begun.encodedSecret, begun.secret.toString('hex'), begun.secret.toString('base64url')]
    for (const canary of canaries) {
      for (const { text } of later) t.notOk(text.includes(canary))
      t.notOk(kept.includes(canary))
    }
    for (const { text } of later) t.notMatch(text, /otpauth|svg/)
    for (const code of confirmed.body.recovery_codes) t.notOk(kept.includes(code))
  })
})
