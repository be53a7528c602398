// A change of an account, and those who read it meanwhile on another replica.
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { changingAccount } from '../../src/accounts/change-under-version.ts'
import { changeAccountRow } from '../../src/accounts/changes-store.ts'
import { accountChanged } from '../../src/audit/account-events.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { DependencyError } from '../../src/errors.ts'
import { type Sql, TRANSACTION_WITHIN_MS } from '../../src/postgres/pool.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { openReplicas } from '../support/replicas.ts'
import { startRedis } from '../support/servers.ts'

const skip = onBothEngines()

const SETTLED_SECONDS = 30

/** How long a change may take: it waits for a connection, and then for the answer to its commit. */
const LONGEST_SECONDS = 1 + TRANSACTION_WITHIN_MS / 1000 + 1.5

const UPDATE = /UPDATE accounts AS a/

/** Renames the account, and does nothing else. */
const rename = ({ deps, now }: TestApp, accountId: string, displayName: string) => {
  const event = accountChanged(systemOrigin(now()), { accountId, changed: { display_name: true } })
  const change = { accountId, changes: { displayName }, now: now() }
  return changingAccount(deps, accountId, (postgres) => changeAccountRow({ postgres }, change, event))
}

const nameAt = async (postern: TestApp, bearer: string): Promise<string | null> =>
  (await postern.request('GET', '/v1/me', { bearer })).body.display_name

/** As if the process were killed, or Redis were away, from the `nth` raise on. */
const loseRaises = ({ deps: { ephemeral } }: TestApp, from: 1 | 2) => {
  const { raise } = ephemeral.versions
  let raised = 0
  ephemeral.versions.raise = (accountId, untilMs) => {
    raised += 1
    if (raised >= from) return Promise.reject(new DependencyError('redis', 'away'))
    return raise(accountId, untilMs)
  }
  return () => {
    ephemeral.versions.raise = raise
  }
}

t.test('a change of an account', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const signIn = async () => postern.signIn(await postern.createAccount())
  const patch = (bearer: string, name: string) =>
    postern.request('PATCH', '/v1/me', { bearer, body: { display_name: name } })

  t.test('is not made where its version cannot be raised', async (t) => {
    const { sub, access_token: bearer } = await signIn()
    const restore = loseRaises(postern, 1)
    t.match(await patch(bearer, 'Ada'), { status: 503, body: { error: 'temporarily_unavailable' } })
    restore()
    t.equal(await nameAt(postern, bearer), null)
    t.same(await postern.auditEvents({ event: 'account.changed', accountId: sub }), [])
    t.equal((await patch(bearer, 'Ada')).status, 200)
  })

  t.test('is answered, and in force, where only the second raise is lost', async (t) => {
    const { access_token: bearer } = await signIn()
    t.equal(await nameAt(postern, bearer), null)
    const restore = loseRaises(postern, 2)
    t.equal((await patch(bearer, 'Ada')).status, 200)
    restore()
    t.equal(await nameAt(postern, bearer), 'Ada')
    postern.advance(SETTLED_SECONDS)
    t.equal(await nameAt(postern, bearer), 'Ada')
  })

  t.test('that PostgreSQL made, and did not answer, is in force all the same', async (t) => {
    const { sub, access_token: bearer } = await signIn()
    t.equal(await nameAt(postern, bearer), null)
    const { transaction } = postern.deps.postgres
    postern.deps.postgres.transaction = async (run) => {
      await transaction(run)
      throw new DependencyError('postgres', 'no answer')
    }
    await t.rejects(rename(postern, sub, 'Ada'), DependencyError)
    postern.deps.postgres.transaction = transaction
    t.equal(await nameAt(postern, bearer), 'Ada')
    postern.advance(SETTLED_SECONDS)
    t.equal(await nameAt(postern, bearer), 'Ada')
  })

  t.test('that is refused changes nothing that is seen', async (t) => {
    const { access_token: bearer } = await signIn()
    const { transaction } = postern.deps.postgres
    postern.deps.postgres.transaction = <T>(run: (sql: Sql) => Promise<T>) =>
      transaction<T>(async (sql) => {
        await run(sql)
        throw new DependencyError('postgres', 'away before the commit')
      })
    t.equal((await patch(bearer, 'Ada')).status, 503)
    postern.deps.postgres.transaction = transaction
    t.equal(await nameAt(postern, bearer), null)
  })
})

testOnServers(t, 'two replicas', async (t) => {
  const prepare = async (t: Test, aheadSeconds = 0) => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const [here, there] = await openReplicas(t, { redisUrl: redis.url })
    const keys = new Redis(redis.url)
    t.teardown(() => keys.quit())
    there.advance((here.now().getTime() - there.now().getTime()) / 1000)
    // A signing key signs on the second replica a moment after the first has made it.
    for (const replica of [here, there]) replica.advance(SETTLED_SECONDS)
    const account = await here.createAccount()
    const { sub, access_token: bearer } = await here.signIn(account)
    there.advance(aheadSeconds)
    t.equal(await nameAt(there, bearer), null, 'kept there')
    const settle = () => {
      for (const replica of [here, there]) replica.advance(SETTLED_SECONDS)
    }
    return { here, there, keys, account, sub, bearer, settle }
  }

  /** Changes the name here, and reads it there before the change is committed. */
  const readMeanwhile = async (t: Test, prepared: Awaited<ReturnType<typeof prepare>>) => {
    const { here, there, sub, bearer } = prepared
    const held = holdStatement(here, 'answer', UPDATE)
    const changing = rename(here, sub, 'Ada')
    await held.reached
    t.equal(await nameAt(there, bearer), null, 'not committed yet')
    held.release()
    await changing
  }

  t.test('what was read there before the commit is not kept there after it', async (t) => {
    const prepared = await prepare(t)
    await readMeanwhile(t, prepared)
    t.equal(await nameAt(prepared.there, prepared.bearer), 'Ada')
    prepared.settle()
    t.equal(await nameAt(prepared.there, prepared.bearer), 'Ada')
  })

  t.test('nor where this replica is killed between the commit and its second raise', async (t) => {
    const prepared = await prepare(t)
    loseRaises(prepared.here, 2)
    await readMeanwhile(t, prepared)
    t.equal(await nameAt(prepared.there, prepared.bearer), 'Ada')
    prepared.settle()
    t.equal(await nameAt(prepared.there, prepared.bearer), 'Ada')
  })

  t.test('nor where that change has taken as long as a transaction may', async (t) => {
    const { here, there, sub, bearer, settle } = await prepare(t)
    const held = holdStatement(here, 'answer', UPDATE)
    loseRaises(here, 2)
    const changing = rename(here, sub, 'Ada')
    await held.reached
    for (const replica of [here, there]) replica.advance(LONGEST_SECONDS)
    t.equal(await nameAt(there, bearer), null, 'not committed yet')
    held.release()
    await changing
    t.equal(await nameAt(there, bearer), 'Ada')
    settle()
    t.equal(await nameAt(there, bearer), 'Ada')
  })

  t.test('nor where the clock there is a minute ahead', async (t) => {
    const prepared = await prepare(t, 60)
    await readMeanwhile(t, prepared)
    t.equal(await nameAt(prepared.there, prepared.bearer), 'Ada')
  })

  t.test('what is still being read there while this replica changes it is of no use after', async (t) => {
    const { here, there, sub, bearer, settle } = await prepare(t)
    there.deps.accounts.forgetAll()
    const held = holdStatement(there, 'answer', /DISTINCT t.type/)
    const reading = nameAt(there, bearer)
    await held.reached
    await rename(here, sub, 'Ada')
    const next = nameAt(there, bearer)
    held.release()
    t.equal(await reading, null, 'it began before')
    t.equal(await next, 'Ada')
    settle()
    t.equal(await nameAt(there, bearer), 'Ada')
  })

  t.test('of two changes at once, the end of one does not end the other', async (t) => {
    const { here, there, sub, bearer, settle } = await prepare(t)
    const held = holdStatement(here, 'answer', UPDATE)
    const first = rename(here, sub, 'Ada')
    await held.reached
    // It has an error of its own, and raises twice meanwhile.
    const second = changingAccount(there.deps, sub, () => Promise.reject(new Error('refused')))
    await t.rejects(second, /refused/)
    loseRaises(here, 1)
    t.equal(await nameAt(there, bearer), null, 'not committed yet')
    held.release()
    await first
    settle()
    t.equal(await nameAt(there, bearer), 'Ada')
  })

  t.test('an emptied Redis brings no earlier account back, to who signs in again', async (t) => {
    for (const order of ['emptied first', 'changed first']) {
      const { here, there, keys, account, sub } = await prepare(t)
      if (order === 'changed first') await rename(here, sub, 'Ada')
      await keys.flushall()
      if (order === 'emptied first') await rename(here, sub, 'Ada')
      const { access_token: bearer } = await there.signIn(account)
      t.equal(await nameAt(there, bearer), 'Ada', order)
      await keys.flushall()
      const again = await there.signIn(account)
      t.equal(await nameAt(there, again.access_token), 'Ada', order)
    }
  })

  t.test('nor does the key of an account that was lost alone', async (t) => {
    const { here, there, keys, sub, bearer, settle } = await prepare(t)
    const lose = async () => keys.del(...(await keys.keys('*ac:*')))
    await lose()
    t.equal(await nameAt(there, bearer), null)
    await rename(here, sub, 'Ada')
    await lose()
    t.equal(await nameAt(there, bearer), 'Ada')
    settle()
    t.equal(await nameAt(there, bearer), 'Ada')
  })

  t.test('a Redis that was away is trusted again from when it is back', async (t) => {
    const { there, keys, sub, bearer } = await prepare(t)
    const text = { name: 'lost_rename', text: `UPDATE accounts SET display_name = 'Ada' WHERE id = $1` }
    await there.deps.postgres.query(text, [sub])
    t.equal(await nameAt(there, bearer), null, 'a change whose raise was lost')
    const { promise: back, resolve } = Promise.withResolvers<void>()
    there.deps.ephemeral.changes.subscribe((topic) => topic === 'reconnected' && resolve())
    await keys.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await back
    t.equal(await nameAt(there, bearer), 'Ada')
  })
})
