// What many callers ask in one moment is one statement, and each of them has its own outcome.
import { stat } from 'node:fs'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { findAccountWithFactors } from '../../src/accounts/details-store.ts'
import { recordSignIn } from '../../src/accounts/store.ts'
import { type AuditEvent, auditEvent, systemOrigin } from '../../src/audit/event.ts'
import { recordEvent } from '../../src/audit/store.ts'
import { burnTimeStep } from '../../src/authenticators/store.ts'
import { DependencyError } from '../../src/errors.ts'
import { collectOver } from '../../src/postgres/collected.ts'
import type { Sql, Statement } from '../../src/postgres/pool.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { holdAccount } from '../support/enrollment.ts'

const skip = onBothEngines()

const eventOf = (postern: TestApp, accountId: string): AuditEvent =>
  auditEvent('test.collected', 'success', systemOrigin(postern.now()), { accountId })

/** A pool's SQL, the names of the statements that it is sent, and what happens before each. */
const watched = (postern: TestApp, before: (statement: Statement) => Promise<void> | void = () => {}) => {
  const sent: string[] = []
  const query: Sql['query'] = async (statement, values) => {
    sent.push(statement.name ?? '')
    await before(statement)
    return postern.deps.postgres.query(statement, values)
  }
  return { sent, deps: { ...postern.deps, postgres: { query, collect: collectOver(query) } } }
}

const enrolled = async (postern: TestApp) => {
  const account = await postern.createAccount()
  return { account, totp: await postern.enrollTotp(account) }
}

const many = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

const settled = (attempts: Promise<unknown>[]) =>
  Promise.all(
    attempts.map((attempt) =>
      attempt.then(
        (value) => value,
        (error: Error) => error.constructor.name,
      ),
    ),
  )

t.test('what is asked in one moment', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const now = postern.now()
  const burnWith =
    (deps: TestApp['deps'] | ReturnType<typeof watched>['deps']) =>
    ({ account, totp }: Awaited<ReturnType<typeof enrolled>>, timeStep: number) =>
      burnTimeStep(
        deps,
        { authenticatorId: totp.authenticatorId, timeStep, now, signedInAt: now },
        eventOf(postern, account.id),
      )
  const recorded = async (accountId: string) =>
    (await postern.auditEvents({ event: 'test.collected', accountId })).length

  t.test('is one statement, and each caller has its own rows', async (t) => {
    const all = await many(20, () => enrolled(postern))
    const { sent, deps } = watched(postern)
    const found = await Promise.all(all.map(({ account }) => findAccountWithFactors(deps, account.id)))
    t.same(
      found.map((one) => [one?.account.id, ...(one?.totp ?? []).map(({ id }) => id)]),
      all.map(({ account, totp }) => [account.id, totp.authenticatorId]),
    )
    t.equal(await findAccountWithFactors(deps, uuidv7()), null)
    t.same(sent, ['find_account_with_factors', 'find_account_with_factors'], 'the second one alone')
  })

  t.test('is written by one statement, its audit events with it', async (t) => {
    const all = await many(20, () => enrolled(postern))
    const { sent, deps } = watched(postern)
    t.same(
      await Promise.all(all.map((one) => burnWith(deps)(one, 7))),
      all.map(() => true),
    )
    t.same(sent, ['burn_time_step'])
    for (const { account } of all) t.equal(await recorded(account.id), 1)
  })

  t.test('is in vain for those who are refused, and for them alone', async (t) => {
    const [used, free, disabled] = await many(3, () => enrolled(postern))
    if (!used || !free || !disabled) throw new Error('three accounts')
    t.equal(await burnWith(postern.deps)(used, 8), true)
    const disable = "UPDATE accounts SET status = 'disabled' WHERE id = $1"
    await postern.deps.postgres.query({ text: disable }, [disabled.account.id])
    const burn = burnWith(postern.deps)
    t.same(await Promise.all([burn(used, 8), burn(free, 8), burn(disabled, 8)]), [false, true, false])
    t.same(
      [await recorded(used.account.id), await recorded(free.account.id), await recorded(disabled.account.id)],
      [1, 1, 0],
    )
  })

  t.test('burns one time step once, and the next one too, whoever comes first', async (t) => {
    const one = await enrolled(postern)
    const outcomes = await many(50, (index) => burnWith(postern.deps)(one, 10 + (index % 2)))
    const wins = outcomes.filter((won) => won).length
    t.ok(wins === 1 || wins === 2, `${wins} of 50 have burned one of two steps`)
    t.equal(await recorded(one.account.id), wins)
    t.equal(await burnWith(postern.deps)(one, 11), false, 'none is left')
    t.equal(await burnWith(postern.deps)(one, 12), true)
  })

  t.test('notes the sign-ins of one account one after the other', async (t) => {
    const { id } = await postern.createAccount()
    const account = (await findAccountWithFactors(postern.deps, id))?.account
    if (!account) throw new Error('the account is gone')
    const signIn = (roles: string[]) => {
      const decided = { account: { ...account, roles }, passwordHash: null }
      return recordSignIn(postern.deps, decided, now, eventOf(postern, id))
    }
    t.same(await Promise.all([signIn(['user']), signIn(['admin']), signIn(['user'])]), [true, false, true])
    t.equal(await recorded(id), 2)
  })

  t.test('fails alone where PostgreSQL refuses what one caller gives', async (t) => {
    const accounts = await many(3, () => postern.createAccount())
    const events = accounts.map(({ id }, index) => ({
      ...eventOf(postern, id),
      ...(index === 1 && { ip: 'nowhere' }),
    }))
    const { sent, deps } = watched(postern)
    t.same(await settled(events.map((event) => recordEvent(deps, event))), [
      undefined,
      'DatabaseError',
      undefined,
    ])
    t.same(await Promise.all(accounts.map(({ id }) => recorded(id))), [1, 0, 1])
    t.equal(sent.length, 4, 'once together, and once each')
  })

  t.test('fails for all, and is not sent again, where PostgreSQL is away', async (t) => {
    const accounts = await many(3, () => postern.createAccount())
    let isAway = true
    const { sent, deps } = watched(postern, () => {
      if (isAway) throw new DependencyError('postgres', new Error('away'))
    })
    const record = () => accounts.map(({ id }) => recordEvent(deps, eventOf(postern, id)))
    t.same(await settled(record()), ['DependencyError', 'DependencyError', 'DependencyError'])
    t.equal(sent.length, 1)
    isAway = false
    t.same(await settled(record()), [undefined, undefined, undefined], 'and works when it is back')
    t.same(await Promise.all(accounts.map(({ id }) => recorded(id))), [1, 1, 1])
  })

  t.test('is one statement, whichever steps of one turn ask it', async (t) => {
    const { id } = await postern.createAccount()
    const { sent, deps } = watched(postern)
    const answers: Promise<void>[] = []
    const ask = () => answers.push(recordEvent(deps, eventOf(postern, id)))
    for (let step = 0; step < 10; step += 1) {
      ask()
      await null
    }
    for (let step = 0; step < 10; step += 1) {
      await new Promise<void>((resolve) => process.nextTick(resolve))
      ask()
    }
    await Promise.all(answers)
    t.same(sent, ['record_event'])
    t.equal(await recorded(id), 20)
  })

  t.test('is one statement of all whom the same poll of the event loop has woken', async (t) => {
    const { id } = await postern.createAccount()
    const { sent, deps } = watched(postern)
    const woken = Array.from({ length: 4 }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      stat('.', () => recordEvent(deps, eventOf(postern, id)).then(resolve, reject))
      return promise
    })
    // All four have their answer by the time that this thread looks again.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    await Promise.all(woken)
    t.same(sent, ['record_event'])
    t.equal(await recorded(id), 4)
  })

  t.test('goes in two statements at once, and waits together for the third', async (t) => {
    const { id } = await postern.createAccount()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { sent, deps } = watched(postern, () => released)
    const answers: Promise<void>[] = []
    for (let turn = 0; turn < 20; turn += 1) {
      answers.push(recordEvent(deps, eventOf(postern, id)))
      await setImmediate()
    }
    t.equal(sent.length, 2)
    release()
    await Promise.all(answers)
    t.equal(sent.length, 3)
    t.equal(await recorded(id), 20)
  })

  t.test('is not sent any more where it has waited for long', async (t) => {
    const { id } = await postern.createAccount()
    const away = new DependencyError('postgres', new Error('no answer'))
    let isSilent = true
    const { sent, deps } = watched(postern, async () => {
      if (!isSilent) return
      await sleep(1_200)
      throw away
    })
    const began = performance.now()
    const record = () => recordEvent(deps, eventOf(postern, id))
    const attempts: Promise<unknown>[] = []
    for (let turn = 0; turn < 2_000; turn += 1) {
      attempts.push(record().catch((error: Error) => error.constructor.name))
      if (turn % 100 === 0) await setImmediate()
    }
    t.same(new Set(await Promise.all(attempts)), new Set(['DependencyError']))
    const tookMs = performance.now() - began
    t.ok(tookMs < 1_900, `all are refused after ${tookMs} ms`)
    t.equal(sent.length, 2)
    t.equal(await recorded(id), 0)
    isSilent = false
    await record()
    t.equal(await recorded(id), 1, 'and what is asked then goes at once')
  })

  t.test('is at most 128 callers’ in one statement', async (t) => {
    const { id } = await postern.createAccount()
    const { sent, deps } = watched(postern)
    await many(300, () => recordEvent(deps, eventOf(postern, id)))
    t.equal(sent.length, 3)
    t.equal(await recorded(id), 300)
  })

  t.test('is asked at once, and rolled back, within a transaction', async (t) => {
    const { id } = await postern.createAccount()
    const attempt = postern.deps.postgres.transaction(async (sql) => {
      await recordEvent({ postgres: sql }, eventOf(postern, id))
      throw new Error('rolled back')
    })
    await t.rejects(attempt, { message: 'rolled back' })
    t.equal(await recorded(id), 0)
  })

  testOnServers(t, 'waits for nobody else’s account', async (t) => {
    const [busy, free] = await many(2, () => enrolled(postern))
    if (!busy || !free) throw new Error('two accounts')
    const held = await holdAccount(t, postern, busy.account)
    const burn = burnWith(postern.deps)
    const waiting = burn(busy, 7)
    t.equal(await burn(free, 7), true, 'is answered while the other one waits')
    await held.untilWaiting(1)
    await held.query("UPDATE accounts SET status = 'disabled' WHERE id = $1", [busy.account.id])
    await held.release()
    t.equal(await waiting, false, 'and the other one is refused by what it has waited for')
    t.equal(await recorded(busy.account.id), 0)
  })

  testOnServers(t, 'waits for nobody else’s authenticator', async (t) => {
    const [busy, free] = await many(2, () => enrolled(postern))
    if (!busy || !free) throw new Error('two accounts')
    const client = await postern.deps.postgres.connect()
    t.teardown(() => client.end())
    await client.query('BEGIN')
    await client.query('UPDATE authenticators SET name = $2 WHERE id = $1', [
      busy.totp.authenticatorId,
      'Renamed',
    ])
    const burn = burnWith(postern.deps)
    const waiting = burn(busy, 7)
    t.equal(await burn(free, 7), true, 'is answered while the other one waits')
    await client.query('COMMIT')
    t.equal(await waiting, true)
  })
})
