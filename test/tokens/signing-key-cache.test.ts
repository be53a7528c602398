import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { rotateSigningKeys } from '../../src/tokens/create-signing-key.ts'
import { signingKeyAt } from '../../src/tokens/select-signing-keys.ts'
import { openSigningKeys } from '../../src/tokens/signing-key-cache.ts'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('of two readings the later one is kept, whichever is answered first', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { deps } = postern
  let hold: Promise<void> | null = null
  const slow: typeof deps.postgres.query = async (statement, values) => {
    const held = hold
    const rows = await deps.postgres.query(statement, values)
    await held
    return rows as never
  }
  const keys = await openSigningKeys({ ...deps, postgres: { ...deps.postgres, query: slow } })
  const answered = Promise.withResolvers<void>()
  hold = answered.promise
  const first = keys.reload()
  hold = null
  const [next] = await rotateSigningKeys(deps, systemOrigin(postern.now()))
  await keys.reload()
  t.equal(keys.published(postern.now()).length, 2)
  answered.resolve()
  await first
  t.equal(keys.published(postern.now()).at(-1)?.kid, next?.kid, 'the older set has not come back')
})

t.test('where a clock is behind the first start, the oldest key signs', { skip }, async (t) => {
  const postern = await openTestApp(t)
  postern.advance(-3600)
  const account = await postern.createAccount()
  const tokens = await postern.signIn(account)
  t.equal((await postern.request('GET', '/v1/me', { bearer: tokens.access_token })).status, 200)

  const at = (seconds: number) => ({ signsFrom: new Date(seconds * 1000) })
  const keys = [at(300), at(100), at(200)]
  t.same(
    [0, 99, 100, 199, 250, 1_000].map((now) => signingKeyAt(keys, new Date(now * 1000))),
    [at(100), at(100), at(100), at(100), at(200), at(300)],
  )
  t.throws(() => signingKeyAt([], new Date(0)))
})
