import type { Test } from 'tap'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import type { NewSession } from '../../src/ephemeral/sessions.ts'
import { grantIdOf } from '../../src/ephemeral/stored-names.ts'
import {
  grantPlace,
  NOW_MS,
  newAccountId,
  openGrant,
  openInBrowser,
  openSession,
  parallel,
  placeOfSession,
  presented,
  refreshOf,
  sessionOf,
} from './fixtures.ts'

export const grantContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const FIRST = grantIdOf(presented('first').familyHash)
  const touch = ({ accountId, sid }: NewSession, grantId: string | null, nowMs = NOW_MS) =>
    ephemeral().sessions.touch(grantPlace(accountId, sid, grantId), nowMs)
  const endGrant = (session: NewSession, grantId: string, nowMs = NOW_MS) =>
    ephemeral().sessions.endGrant({ ...placeOfSession(session), grantId }, nowMs)
  const participants = (accountId: string, sid: string | null = null, nowMs = NOW_MS) =>
    ephemeral().sessions.participants(accountId, sid, nowMs)

  t.test('a session is seen through the grants that it has', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const none = { audience: null, claims: null, jkt: null }
    t.match(await touch(session, FIRST), { clientId: 'shop', acr: 'aal2', grant: { id: FIRST, ...none } })
    for (const stranger of ['', FIRST.slice(1), grantIdOf(hashToken('other'))]) {
      t.equal(await touch(session, stranger), null)
    }
    for (const tag of ['', 'abcdefghijkl', 'a}b{cdefghijk']) {
      const place = { accountTag: tag, sid: session.sid, grantId: FIRST }
      t.equal(await ephemeral().sessions.touch(place, NOW_MS), null)
      t.equal(await ephemeral().sessions.endGrant(place, NOW_MS), null)
    }
  })

  t.test('a session is found by the refresh token that is the current one', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const { findByRefresh } = ephemeral().sessions
    const place = placeOfSession(session)
    t.match(await findByRefresh(place, presented('first'), NOW_MS), {
      clientId: 'shop',
      grant: { id: FIRST },
    })
    const other = { ...presented('first'), refreshHash: hashToken('other') }
    t.equal(await findByRefresh(place, other, NOW_MS), null)
    t.equal(await findByRefresh({ ...place, accountTag: 'abcdefghijkl' }, presented('first'), NOW_MS), null)
    await endGrant(session, FIRST)
    t.equal(await findByRefresh(place, presented('first'), NOW_MS), null)
  })

  t.test('ending a grant ends that one alone in a browser’s session', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const [a, b] = [await openGrant(ephemeral(), session, 'a'), await openGrant(ephemeral(), session, 'b')]
    const ended = await parallel(20, () => endGrant(session, a.grantId))
    t.same(ended.filter(Boolean), [{ clientId: 'app', clientRegisteredAt: NOW_MS - 2, endedSession: null }])
    t.equal(await touch(session, a.grantId), null)
    t.ok(await touch(session, b.grantId))
    t.ok(await endGrant(session, b.grantId))
    t.ok(await touch(session, null), 'it goes on without any')
  })

  t.test('a session that was opened for a client ends with its grant', async (t) => {
    const { accountId, ...rest } = await openSession(ephemeral(), newAccountId())
    const session = { accountId, ...rest }
    t.equal(await endGrant(session, grantIdOf(hashToken('other'))), null)
    t.same(await endGrant(session, FIRST), {
      clientId: 'shop',
      clientRegisteredAt: NOW_MS - 1,
      endedSession: { sid: session.sid, clientIds: ['shop'] },
    })
    t.same(await ephemeral().sessions.list(accountId, NOW_MS), [])
  })

  t.test('whom the end of a session concerns is known when a grant has ended before', async (t) => {
    const accountId = newAccountId()
    const session = await openInBrowser(ephemeral(), accountId)
    const { sid } = session
    t.same(await participants(accountId), [{ sid, clientIds: [] }])
    for (const clientId of ['a', 'b', 'a', 'c']) {
      const { grantId } = await openGrant(ephemeral(), session, `of ${clientId}`, { clientId })
      if (clientId === 'b') await endGrant(session, grantId)
    }
    const concerned = { sid, clientIds: ['a', 'b', 'c'] }
    const other = await openSession(ephemeral(), accountId)
    const both = (await participants(accountId)).toSorted((one) => (one.sid === sid ? -1 : 1))
    t.same(both, [concerned, { sid: other.sid, clientIds: ['shop'] }])
    t.same(await participants(accountId, sid), [concerned])
    t.same(await participants(accountId, 'no-such-sid'), [])
    t.same(await participants(accountId, sid, NOW_MS + 86_400_000), [], 'nor when it has ended')
    t.same(await ephemeral().sessions.end(accountId, sid, NOW_MS), concerned)
    t.equal(await ephemeral().sessions.end(accountId, sid, NOW_MS), null)
    t.same(await ephemeral().sessions.endAll(accountId, null, NOW_MS), [
      { sid: other.sid, clientIds: ['shop'] },
    ])
  })

  t.test(
    'what opening a session ends is answered: the replaced one, and those beyond the limit',
    async (t) => {
      const accountId = newAccountId()
      const idle = await openSession(ephemeral(), accountId)
      const gone = await openSession(ephemeral(), accountId, { idleSeconds: 1 })
      const replaced = await openSession(ephemeral(), accountId)
      const later = NOW_MS + 2000
      await touch(replaced, null, later)
      const kept = sessionOf(accountId, { clientId: 'other' })
      t.same(
        await ephemeral().sessions.open(kept, { sessionEpoch: 0 }, later),
        [],
        'not what had ended by itself',
      )
      t.equal(await touch(gone, null, later), null)
      const next = sessionOf(accountId, { replacesSid: replaced.sid, maxSessions: 2 })
      t.same(await ephemeral().sessions.open(next, { sessionEpoch: 0 }, later), [
        { sid: replaced.sid, clientIds: ['shop'] },
        { sid: idle.sid, clientIds: ['shop'] },
      ])
      const last = sessionOf(accountId, { maxSessions: 1 })
      const ended = (await ephemeral().sessions.open(last, { sessionEpoch: 0 }, later)) ?? []
      t.same(ended.map(({ clientIds }) => clientIds[0]).toSorted(), ['other', 'shop'])
    },
  )

  t.test('a client’s grants end in all sessions of the account, and no other’s', async (t) => {
    const accountId = newAccountId()
    const browser = await openInBrowser(ephemeral(), accountId)
    const [a, b] = [
      await openGrant(ephemeral(), browser, 'a', { clientId: 'a' }),
      await openGrant(ephemeral(), browser, 'b', { clientId: 'b' }),
    ]
    const another = await openGrant(ephemeral(), browser, 'another', { clientId: 'a' })
    const own = await openSession(ephemeral(), accountId, { clientId: 'a' })
    const untouched = await openSession(ephemeral(), accountId)
    const ended = await ephemeral().sessions.endGrantsOf(accountId, 'a', NOW_MS)
    t.same(ended.toSorted(), [browser.sid, own.sid].toSorted())
    t.equal(await touch(browser, a.grantId), null)
    t.equal(await touch(browser, another.grantId), null)
    t.ok(await touch(browser, b.grantId))
    t.equal(await touch(own, null), null, 'and a session that was opened for it')
    t.ok(await touch(untouched, FIRST))
    t.same(await ephemeral().sessions.endGrantsOf(accountId, 'a', NOW_MS), [])
  })

  t.test('of 51 grants the one unused for longest gives way', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const opened: string[] = []
    for (let i = 0; i < 50; i += 1) {
      const { grantId } = await openGrant(ephemeral(), session, `family-${i}`, { nowMs: NOW_MS + i })
      opened.push(grantId)
    }
    const [first = '', second = '', third = ''] = opened
    const later = NOW_MS + 60_100
    t.ok(await touch(session, first, later), 'used')
    const next = { refreshHash: hashToken('second'), secondFactorSince: 0, ip: null, graceMs: 0 }
    const place = placeOfSession(session)
    t.match(await ephemeral().sessions.rotateRefresh(place, refreshOf('family-1'), next, later), {
      kind: 'rotated',
    })
    const more = await openGrant(ephemeral(), session, 'more')
    t.equal(await touch(session, third), null)
    for (const grantId of [first, second, opened[3] ?? '', more.grantId]) t.ok(await touch(session, grantId))
    t.match(await participants(session.accountId), [{ clientIds: ['app'] }])
  })

  t.test('a client with many grants ends its own, and not those of others', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const other = await openGrant(ephemeral(), session, 'other', { clientId: 'other' })
    const opened: string[] = []
    for (let i = 0; i < 51; i += 1) {
      const { grantId } = await openGrant(ephemeral(), session, `family-${i}`, { nowMs: NOW_MS + 1 + i })
      opened.push(grantId)
    }
    t.ok(await touch(session, other.grantId), 'though it is unused for longest')
    for (const grantId of opened.slice(0, 2)) t.equal(await touch(session, grantId), null)
    for (const grantId of opened.slice(2)) t.ok(await touch(session, grantId))
    const third = await openGrant(ephemeral(), session, 'third', { clientId: 'third' })
    t.ok(await touch(session, third.grantId))
    t.equal(await touch(session, other.grantId), null, 'a client without one takes the place of any')
  })

  t.test('of the clients of a session a hundred are known, those with a grant among them', async (t) => {
    const accountId = newAccountId()
    const session = await openInBrowser(ephemeral(), accountId)
    const names = Array.from({ length: 101 }, (_, i) => `client-${i}`)
    for (const clientId of names) {
      const opened = await openGrant(ephemeral(), session, clientId, { clientId })
      if (clientId !== 'client-0') await endGrant(session, opened.grantId)
    }
    t.same(await participants(accountId), [
      { sid: session.sid, clientIds: names.filter((name) => name !== 'client-1') },
    ])
  })

  t.test('a session that ends during renewals of its grants renews none after it', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    for (let i = 0; i < 20; i += 1) await openGrant(ephemeral(), session, `family-${i}`)
    const place = placeOfSession(session)
    const renew = (i: number, from: string, to: string) => {
      const next = { refreshHash: hashToken(to), secondFactorSince: 0, ip: null, graceMs: 10_000 }
      return ephemeral().sessions.rotateRefresh(place, refreshOf(`family-${i}`, from), next, NOW_MS)
    }
    const [ended] = await Promise.all([
      parallel(1, () => ephemeral().sessions.end(session.accountId, session.sid, NOW_MS)),
      parallel(20, (i) => renew(i, 'first', 'second')),
    ])
    t.match(ended, [{ sid: session.sid, clientIds: ['app'] }])
    const after = await Promise.all(
      Array.from({ length: 20 }, (_, i) => [renew(i, 'first', 'third'), renew(i, 'second', 'third')]).flat(),
    )
    t.same(after, Array(40).fill({ kind: 'unknown' }))
  })
}
