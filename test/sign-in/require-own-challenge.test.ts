import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test("an answer to another client's challenge is recorded, and spends no attempt", { skip }, async (t) => {
  const postern = await openTestApp(t)
  const [client, stranger] = [await postern.createClient(), await postern.createClient()]
  const open = async () =>
    (await postern.request('POST', '/v1/challenges', { basic: client, body: { subject: 'flask-1' } })).body
  const { sub: accountId } = await open()
  const totp = await postern.enrollTotp({ id: accountId })
  const { challenge_token: challengeToken } = await open()
  const verify = (basic: typeof client, code: string) =>
    postern.request('POST', '/v1/challenges/verify', {
      basic,
      body: { challenge_token: challengeToken, method: 'totp', code },
    })

  for (let count = 0; count < 6; count += 1) {
    t.match(await verify(stranger, totp.code()), { status: 401, body: { error: 'invalid_challenge' } })
  }
  const refused = await postern.auditEvents({ event: 'challenge.refused', accountId })
  t.equal(refused.length, 6)
  t.match(refused[0], {
    outcome: 'failure',
    client_id: stranger.clientId,
    details: { reason: 'another_client' },
  })
  const wrong = totp.code() === '000000' ? '000001' : '000000'
  t.match((await verify(client, wrong)).body, { error: 'invalid_code', attempts_remaining: 4 })
  t.equal((await verify(client, totp.code())).status, 200)
})
