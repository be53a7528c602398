import type { Test } from 'tap'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import type { ListedSession, NewSession } from '../../src/ephemeral/sessions.ts'
import {
  grantPlace,
  LIMITS,
  LOCKED_UNTIL_MS,
  lock,
  NOW,
  NOW_MS,
  newAccountId,
  openSession,
  parallel,
  placeOfSession,
  presented,
  sessionOf,
  shown,
} from './fixtures.ts'

export const sessionContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const sids = async (accountId: string, nowMs = NOW_MS) =>
    (await ephemeral().sessions.list(accountId, nowMs)).map(({ sid }) => sid)
  const rotate = (session: NewSession, name: string, next: string, nowMs = NOW_MS) =>
    ephemeral().sessions.rotateRefresh(
      placeOfSession(session),
      presented(name),
      { refreshHash: hashToken(next), secondFactorSince: 0, ip: null, graceMs: 0 },
      nowMs,
    )

  t.test('a renewal leaves a session as it is whose second factor is too old', async (t) => {
    const session = await openSession(ephemeral(), newAccountId(), { secondFactorAt: NOW })
    const renew = (to: string, secondFactorSince: number, from = 'first') => {
      const next = { refreshHash: hashToken(to), secondFactorSince, ip: null, graceMs: 0 }
      return ephemeral().sessions.rotateRefresh(placeOfSession(session), presented(from), next, NOW_MS)
    }
    for (const to of ['a', 'b'])
      t.match(await renew(to, NOW + 1), { kind: 'stale', session: { sid: session.sid } })
    t.match(await renew('second', NOW), { kind: 'rotated' }, 'as old as it may be')
    t.match(await renew('c', NOW + 1), { kind: 'reused' })

    const without = await openSession(ephemeral(), newAccountId(), { secondFactorAt: null })
    const next = { refreshHash: hashToken('second'), secondFactorSince: NOW + 1, ip: null, graceMs: 0 }
    const place = placeOfSession(without)
    const rotated = await ephemeral().sessions.rotateRefresh(place, presented('first'), next, NOW_MS)
    t.match(rotated, { kind: 'rotated' }, 'one without a second factor')
  })

  t.test('a session shows what it was opened with', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId, { secondFactorAt: null, acr: 'aal1' })
    const { accountVersion, ...touched } =
      (await ephemeral().sessions.touch(grantPlace(accountId, session.sid), NOW_MS)) ?? {}
    t.same(touched, { ...shown(session), grant: null })
    t.ok(accountVersion, 'and the version of its account')
    t.same(await ephemeral().sessions.list(accountId, NOW_MS), [shown(session)])
    t.equal(
      await ephemeral().sessions.touch(grantPlace(newAccountId(), session.sid), NOW_MS),
      null,
      'to its account only',
    )
    t.equal(await ephemeral().sessions.touch(grantPlace(accountId, 'no-such-sid'), NOW_MS), null)
  })

  t.test(
    'of many that replace one session exactly one is opened; one that has ended is not replaced',
    async (t) => {
      const accountId = newAccountId()
      const replaced = await openSession(ephemeral(), accountId)
      const sessions = Array.from({ length: 20 }, () => sessionOf(accountId, { replacesSid: replaced.sid }))
      const opened = await Promise.all(
        sessions.map((session) => ephemeral().sessions.open(session, { sessionEpoch: 0 }, NOW_MS)),
      )
      t.equal(opened.filter(Boolean).length, 1)
      t.same(await sids(accountId), [sessions[opened.findIndex(Boolean)]?.sid])
      t.same(await rotate(replaced, 'first', 'second'), { kind: 'unknown' }, 'its refresh token has ended')
    },
  )

  t.test('sessions are listed newest first', async (t) => {
    const accountId = newAccountId()
    const ages = [200, 0, 100]
    const [old, young, middle] = await Promise.all(
      ages.map((age) => openSession(ephemeral(), accountId, { createdAt: NOW - age })),
    )
    t.same(await sids(accountId), [young?.sid, middle?.sid, old?.sid])
  })

  t.test('use begins the idle time anew, and the absolute limit stays', async (t) => {
    const accountId = newAccountId()
    const changes = { idleSeconds: 600, absoluteAt: NOW + 1500 }
    const session = await openSession(ephemeral(), accountId, changes)
    const touch = (seconds: number) =>
      ephemeral().sessions.touch(grantPlace(accountId, session.sid), NOW_MS + seconds * 1000)
    t.equal((await touch(599))?.lastSeenAt, NOW + 599)
    t.equal((await touch(599 + 599))?.lastSeenAt, NOW + 1198)
    t.ok(await touch(1499 - 1))
    t.equal(await touch(1500), null, 'absolute')
    t.same(await sids(accountId, NOW_MS + 1500_000), [])

    const other = newAccountId()
    const { sid } = await openSession(ephemeral(), other, changes)
    const idle = NOW_MS + 600_000
    t.equal(await ephemeral().sessions.touch(grantPlace(other, sid), idle), null, 'idle')
    t.same(await sids(other, idle), [])
    t.equal(await ephemeral().sessions.end(other, sid, idle), null)
  })

  t.test('a session that is used often is written at most once a second', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId)
    const touch = (ms: number) => ephemeral().sessions.touch(grantPlace(accountId, session.sid), NOW_MS + ms)
    t.equal((await touch(999))?.lastSeenAt, NOW)
    t.equal((await touch(1000))?.lastSeenAt, NOW + 1)
    t.equal((await touch(500))?.lastSeenAt, NOW + 1, 'a clock that is behind takes nothing back')
  })

  t.test('a session is refused where all were ended since the epoch was read', async (t) => {
    const accountId = newAccountId()
    const { sessionEpoch } = await ephemeral().budgets.read(accountId, NOW_MS)
    await ephemeral().sessions.endAll(accountId, null, NOW_MS)
    t.equal(await ephemeral().sessions.open(sessionOf(accountId), { sessionEpoch }, NOW_MS), null)
    t.same(await sids(accountId), [])
    t.equal((await ephemeral().budgets.read(accountId, NOW_MS)).sessionEpoch, sessionEpoch + 1)
    t.ok(await openSession(ephemeral(), accountId))
  })

  t.test('sessions opened while all are being ended are ended too', async (t) => {
    const accountId = newAccountId()
    const sessions = Array.from({ length: 40 }, () => sessionOf(accountId))
    const endAll = () => ephemeral().sessions.endAll(accountId, null, NOW_MS)
    await Promise.all(
      sessions.map((session, i) =>
        i === 20
          ? endAll()
          : ephemeral()
              .sessions.open(session, { sessionEpoch: 0 }, NOW_MS)
              .then(() => 0),
      ),
    )
    t.same(await sids(accountId), [])
  })

  t.test('beyond the limit the sessions that were idle longest are ended, not the oldest', async (t) => {
    const accountId = newAccountId()
    const opened: NewSession[] = []
    for (const age of [50, 40, 30, 20, 10]) {
      opened.push(await openSession(ephemeral(), accountId, { createdAt: NOW - age }))
    }
    const [oldest, older, , young, youngest] = opened
    for (const [index, session] of [young, oldest, youngest, older].entries()) {
      await ephemeral().sessions.touch(grantPlace(accountId, session?.sid ?? ''), NOW_MS + 1000 * (index + 1))
    }
    const later = NOW_MS + 10_000
    const next = sessionOf(accountId, { createdAt: NOW + 10, maxSessions: 4 })
    t.ok(await ephemeral().sessions.open(next, { sessionEpoch: 0 }, later))
    t.same(await sids(accountId, later), [next.sid, youngest?.sid, older?.sid, oldest?.sid])
    await ephemeral().sessions.rotateRefresh(
      placeOfSession(oldest ?? next),
      presented('first'),
      { refreshHash: hashToken('second'), secondFactorSince: 0, ip: null, graceMs: 0 },
      later + 500,
    )
    const only = sessionOf(accountId, { createdAt: NOW + 11, maxSessions: 2 })
    t.ok(await ephemeral().sessions.open(only, { sessionEpoch: 0 }, later + 1000))
    t.same(await sids(accountId, later + 1000), [only.sid, oldest?.sid], 'renewing is a use')
  })

  t.test('of 300 sign-ins at once a hundred sessions stay', async (t) => {
    const accountId = newAccountId()
    await parallel(300, () => openSession(ephemeral(), accountId))
    t.equal((await sids(accountId)).length, 100)
    t.equal((await ephemeral().sessions.endAll(accountId, null, NOW_MS)).length, 100)
    t.same(await sids(accountId), [])
  })

  t.test('a session that has ended by itself is none of the counted', async (t) => {
    const accountId = newAccountId()
    await openSession(ephemeral(), accountId, { idleSeconds: 60, createdAt: NOW })
    await openSession(ephemeral(), accountId, { absoluteAt: NOW + 60, createdAt: NOW })
    const older = await openSession(ephemeral(), accountId, { createdAt: NOW - 1000 })
    const later = NOW_MS + 60_000
    const third = sessionOf(accountId, { maxSessions: 2, createdAt: NOW + 60 })
    t.ok(await ephemeral().sessions.open(third, { sessionEpoch: 0 }, later))
    t.same(await sids(accountId, later), [third.sid, older.sid])
  })

  t.test('a session that another replica takes for ended is not used on one that is behind', async (t) => {
    const accountId = newAccountId()
    const idle = await openSession(ephemeral(), accountId, { idleSeconds: 60 })
    const next = sessionOf(accountId)
    t.ok(await ephemeral().sessions.open(next, { sessionEpoch: 0 }, NOW_MS + 60_000))
    t.equal(await ephemeral().sessions.touch(grantPlace(accountId, idle.sid), NOW_MS + 59_000), null)
  })

  t.test(
    'a session that had ended by itself as all were ended stays so where a clock is behind',
    async (t) => {
      const accountId = newAccountId()
      const idle = await openSession(ephemeral(), accountId, { idleSeconds: 60 })
      await ephemeral().sessions.endAll(accountId, null, NOW_MS + 60_000)
      t.equal(await ephemeral().sessions.touch(grantPlace(accountId, idle.sid), NOW_MS + 59_000), null)
    },
  )

  t.test('a clock that is behind takes no idle time back when a session is renewed', async (t) => {
    const session = await openSession(ephemeral(), newAccountId(), { idleSeconds: 60 })
    await rotate(session, 'first', 'second', NOW_MS + 50_000)
    await rotate(session, 'second', 'third', NOW_MS + 49_000)
    t.equal((await rotate(session, 'third', 'fourth', NOW_MS + 109_999)).kind, 'rotated')
  })

  t.test('sessions are listed by page, each of them once', async (t) => {
    const accountId = newAccountId()
    // Some of the same second: their ids, which have an order in time, decide.
    const opened = await parallel(25, (i) =>
      openSession(ephemeral(), accountId, { createdAt: NOW - Math.floor(i / 3) }),
    )
    const all = await ephemeral().sessions.list(accountId, NOW_MS)
    const newestFirst = opened.toSorted((a, b) => b.createdAt - a.createdAt || (a.sid < b.sid ? 1 : -1))
    t.same(
      all.map(({ sid }) => sid),
      newestFirst.map(({ sid }) => sid),
    )
    const seen: string[] = []
    for (let after: { createdAt: number; sid: string } | null = null; ; ) {
      const page: ListedSession[] = await ephemeral().sessions.list(accountId, NOW_MS, { limit: 7, after })
      t.ok(page.length <= 7)
      seen.push(...page.map(({ sid }) => sid))
      const last = page.at(-1)
      if (!last) break
      after = last
      // What ends between two pages moves none of the others.
      await ephemeral().sessions.end(accountId, last.sid, NOW_MS)
    }
    t.same(
      seen,
      all.map(({ sid }) => sid),
    )
  })

  t.test('a page begins after the session that the one before ended with', async (t) => {
    const accountId = newAccountId()
    await parallel(5, () => openSession(ephemeral(), accountId))
    const [, two, three, four, five] = await ephemeral().sessions.list(accountId, NOW_MS)
    for (const [after, rest] of [
      [two, [three, four, five]],
      [five, []],
    ] as const) {
      const next = { limit: 7, after: after ?? null }
      t.same(await ephemeral().sessions.list(accountId, NOW_MS, next), rest)
    }
  })

  t.test('a session takes the place of another in the same step', async (t) => {
    const accountId = newAccountId()
    const before = await openSession(ephemeral(), accountId)
    const after = await openSession(ephemeral(), accountId, { replacesSid: before.sid })
    t.same(await sids(accountId), [after.sid])
    t.equal(await ephemeral().sessions.touch(grantPlace(accountId, before.sid), NOW_MS), null)
  })

  t.test('a session is ended once', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId)
    const kept = await openSession(ephemeral(), accountId)
    const ended = await parallel(20, () => ephemeral().sessions.end(accountId, session.sid, NOW_MS))
    t.equal(ended.filter(Boolean).length, 1)
    t.equal(await ephemeral().sessions.touch(grantPlace(accountId, session.sid), NOW_MS), null)
    t.same(await rotate(session, 'first', 'second'), { kind: 'unknown' })
    t.same(await sids(accountId), [kept.sid])
  })

  t.test('all sessions but one are ended, and counted', async (t) => {
    const accountId = newAccountId()
    const kept = await openSession(ephemeral(), accountId)
    const others = await parallel(3, () => openSession(ephemeral(), accountId))
    await openSession(ephemeral(), accountId, { absoluteAt: NOW + 60, idleSeconds: 60 })
    const later = NOW_MS + 60_000
    t.equal(
      (await ephemeral().sessions.endAll(accountId, kept.sid, later)).length,
      3,
      'ended ones do not count',
    )
    t.same(await sids(accountId, later), [kept.sid])
    t.ok(await ephemeral().sessions.touch(grantPlace(accountId, kept.sid), later))
    t.equal((await rotate(kept, 'first', 'second', later)).kind, 'rotated')
    for (const { sid } of others)
      t.equal(await ephemeral().sessions.touch(grantPlace(accountId, sid), later), null)
    t.equal((await ephemeral().sessions.endAll(accountId, null, later)).length, 1)
    t.equal((await ephemeral().sessions.endAll(accountId, 'no-such-sid', later)).length, 0)
    t.same(await sids(accountId, later), [])
  })

  t.test('50 parallel uses of one refresh token: one rotates, and the family is ended', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId)
    const results = await parallel(50, (i) => rotate(session, 'first', `next-${i}`))
    const count = (kind: string) => results.filter((result) => result.kind === kind).length
    t.same([count('rotated'), count('reused'), count('unknown')], [1, 1, 48])
    t.same(await sids(accountId), [])
  })

  t.test('a refresh token rotates and is a use of its session', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const later = NOW_MS + 1800_000
    t.match(await rotate(session, 'first', 'second', later), {
      kind: 'rotated',
      session: shown(session, NOW + 1800),
      graced: false,
    })
    t.equal(
      (await rotate(session, 'second', 'third', later + 1800_000)).kind,
      'rotated',
      'idle time begun anew',
    )
  })

  t.test('of a session’s renewals the first is to be recorded, one an hour, one an address', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const later = (minutes: number) => NOW_MS + minutes * 60_000
    let tokens = 0
    const renew = async (ip: string | null, nowMs: number) => {
      const names = tokens === 0 ? ['first', '1'] : [`${tokens}`, `${tokens + 1}`]
      tokens += 1
      const next = { refreshHash: hashToken(names[1] ?? ''), secondFactorSince: 0, ip, graceMs: 0 }
      const place = placeOfSession(session)
      const rotated = await ephemeral().sessions.rotateRefresh(place, presented(names[0] ?? ''), next, nowMs)
      return rotated.kind === 'rotated' && rotated.isToBeRecorded
    }
    t.equal(await renew('192.0.2.1', later(0)), true, 'the first')
    t.equal(await renew('192.0.2.1', later(59)), false)
    t.equal(await renew('192.0.2.1', later(60)), true, 'after an hour')
    t.equal(await renew('192.0.2.2', later(61)), true, 'from another address')
    t.equal(await renew('192.0.2.2', later(62)), false)
    t.equal(await renew('192.0.2.1', later(63)), true, 'and back')
    t.equal(await renew(null, later(64)), true, 'from nowhere')
    t.equal(await renew(null, later(65)), false)
  })

  t.test('a renewal that is undone leaves the next one to be recorded', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    t.match(await rotate(session, 'first', 'second'), { isToBeRecorded: true })
    await ephemeral().sessions.restoreRefresh(
      placeOfSession(session),
      presented('first'),
      hashToken('second'),
    )
    t.match(await rotate(session, 'first', 'third'), { isToBeRecorded: true })
    t.match(await rotate(session, 'third', 'fourth'), { isToBeRecorded: false })
    await ephemeral().sessions.restoreRefresh(placeOfSession(session), presented('first'), hashToken('third'))
    t.match(await rotate(session, 'fourth', 'fifth'), { isToBeRecorded: false }, 'overtaken: not undone')
  })

  t.test('a refresh token used before ends its session in the same step', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    await rotate(session, 'first', 'second')
    t.same(await rotate(session, 'first', 'third'), {
      kind: 'reused',
      session: shown(session),
      endedSession: { sid: session.sid, clientIds: ['shop'] },
    })
    t.same(await rotate(session, 'second', 'third'), { kind: 'unknown' })
    t.same(await sids(session.accountId), [])
  })

  t.test('a wrong family is unknown and ends nothing', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const guess = { familyHash: hashToken('guess'), refreshHash: hashToken('first'), jkt: null }
    const guessed = (place: { accountTag: string; sid: string }) =>
      ephemeral().sessions.rotateRefresh(
        place,
        guess,
        { refreshHash: hashToken('next'), secondFactorSince: 0, ip: null, graceMs: 0 },
        NOW_MS,
      )
    t.same(await guessed(placeOfSession(session)), { kind: 'unknown' })
    t.same(await guessed({ accountTag: '', sid: session.sid }), { kind: 'unknown' })
    t.same(await guessed({ accountTag: 'abcdefghijkl', sid: session.sid }), { kind: 'unknown' })
    t.equal((await rotate(session, 'first', 'second')).kind, 'rotated')
  })

  t.test('a locked account renews nothing, and a stolen token is noticed all the same', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId)
    await lock(ephemeral(), accountId)
    t.same(await rotate(session, 'first', 'second'), { kind: 'locked', accountId, untilMs: LOCKED_UNTIL_MS })
    t.equal((await rotate(session, 'first', 'second', LOCKED_UNTIL_MS)).kind, 'rotated')
    await ephemeral().budgets.take(accountId, { ...LIMITS, maxFailedAttempts: 1 }, LOCKED_UNTIL_MS)
    t.equal((await rotate(session, 'first', 'third', LOCKED_UNTIL_MS)).kind, 'reused')
  })

  t.test('a session that has expired renews nothing', async (t) => {
    const session = await openSession(ephemeral(), newAccountId(), { absoluteAt: NOW + 60 })
    t.same(await rotate(session, 'first', 'second', NOW_MS + 60_000), { kind: 'unknown' })
  })

  t.test('a renewal that could not be completed is undone, unless it was overtaken', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const restore = (current: string, previous: string) =>
      ephemeral().sessions.restoreRefresh(placeOfSession(session), presented(previous), hashToken(current))
    await rotate(session, 'first', 'second')
    await restore('second', 'first')
    t.equal((await rotate(session, 'first', 'third')).kind, 'rotated')
    await restore('second', 'first')
    t.equal((await rotate(session, 'third', 'fourth')).kind, 'rotated')
    await ephemeral().sessions.end(session.accountId, session.sid, NOW_MS)
    await restore('fourth', 'third')
    t.same(await rotate(session, 'third', 'fifth'), { kind: 'unknown' })
  })
}
