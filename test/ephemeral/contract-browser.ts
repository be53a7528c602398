import type { Test } from 'tap'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import {
  grantPlace,
  NOW,
  NOW_MS,
  newAccountId,
  openChallenge,
  openGrant,
  openInBrowser,
  openSession,
  placeOfSession,
  refreshOf,
  sessionOf,
  shown,
} from './fixtures.ts'

export const browserContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const KEY = hashToken('key')

  t.test('a browser’s session is found by its key alone, which is a use of it', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId(), { idleSeconds: 60 })
    const place = placeOfSession(session)
    const { findByBrowser } = ephemeral().sessions
    const { accountVersion, ...found } = (await findByBrowser(place, KEY, NOW_MS)) ?? {}
    t.same(found, { ...shown(session), inBrowser: true, grant: null })
    t.ok(accountVersion)
    for (const other of [hashToken('other'), '', KEY.slice(1)]) {
      t.equal(await findByBrowser(place, other, NOW_MS), null)
    }
    t.equal(await findByBrowser({ ...place, accountTag: 'abcdefghijkl' }, KEY, NOW_MS), null)
    t.ok(await findByBrowser(place, KEY, NOW_MS + 59_000))
    t.ok(await findByBrowser(place, KEY, NOW_MS + 118_000), 'idle time begun anew')
    t.equal(await findByBrowser(place, KEY, NOW_MS + 178_000), null)

    const without = await openSession(ephemeral(), newAccountId())
    for (const key of [KEY, '']) t.equal(await findByBrowser(placeOfSession(without), key, NOW_MS), null)
  })

  t.test(
    'a session is stepped up in place: its key is another, its grants and its beginning stay',
    async (t) => {
      const accountId = newAccountId()
      const before = await openInBrowser(ephemeral(), accountId, {
        secondFactorAt: null,
        acr: 'aal1',
        createdAt: NOW - 100,
      })
      const older = await openSession(ephemeral(), accountId, { createdAt: NOW - 50 })
      const { grantId } = await openGrant(ephemeral(), before, 'a-family')
      const seenBefore = await ephemeral().sessions.touch(grantPlace(accountId, before.sid, grantId), NOW_MS)
      const changes = { browserKeyHash: hashToken('next'), secondFactorAt: NOW, acr: 'aal2' as const }
      const after = { ...before, ...changes, absoluteAt: NOW + 1000, replacesSid: before.sid }
      t.same(await ephemeral().sessions.open(after, { sessionEpoch: 0 }, NOW_MS), [], 'nothing has ended')

      t.same(await ephemeral().sessions.list(accountId, NOW_MS), [shown(older), shown(after)])
      const { findByBrowser, touch } = ephemeral().sessions
      t.equal(await findByBrowser(placeOfSession(before), KEY, NOW_MS), null)
      t.match(await findByBrowser(placeOfSession(before), hashToken('next'), NOW_MS), { acr: 'aal2' })
      const seen = await touch(grantPlace(accountId, before.sid, grantId), NOW_MS)
      t.same(seen, { ...seenBefore, absoluteAt: NOW + 1000 }, 'a grant has what was granted')
      t.same(await ephemeral().sessions.participants(accountId, before.sid, NOW_MS), [
        { sid: before.sid, clientIds: ['app'] },
      ])
      t.equal(
        await touch(grantPlace(accountId, before.sid), NOW_MS + 1_000_000),
        null,
        'its limits are the new ones',
      )
    },
  )

  t.test('a session in place takes no other’s place, and gives its own to none', async (t) => {
    const accountId = newAccountId()
    const session = await openInBrowser(ephemeral(), accountId)
    const other = await openSession(ephemeral(), accountId)
    await ephemeral().sessions.touch(grantPlace(accountId, other.sid), NOW_MS + 5000)
    const again = { ...session, replacesSid: session.sid, maxSessions: 2 }
    t.same(await ephemeral().sessions.open(again, { sessionEpoch: 0 }, NOW_MS + 6000), [])
    t.same(
      await ephemeral().sessions.open({ ...again, maxSessions: 1 }, { sessionEpoch: 0 }, NOW_MS + 6000),
      [{ sid: other.sid, clientIds: ['shop'] }],
    )
    t.ok(await ephemeral().sessions.touch(grantPlace(accountId, session.sid), NOW_MS + 6000))
  })

  t.test('a session that has ended is not stepped up in place, by a challenge or without', async (t) => {
    const accountId = newAccountId()
    const session = await openInBrowser(ephemeral(), accountId)
    const again = { ...session, replacesSid: session.sid }
    const passing = await openChallenge(ephemeral(), accountId)
    t.same(await ephemeral().challenges.pass(passing, again, 0, NOW_MS), [])
    const token = await openChallenge(ephemeral(), accountId)
    await ephemeral().sessions.end(accountId, session.sid, NOW_MS)
    t.equal(await ephemeral().challenges.pass(token, again, 0, NOW_MS), null)
    t.equal(await ephemeral().sessions.open(again, { sessionEpoch: 0 }, NOW_MS), null)
    t.same(await ephemeral().sessions.list(accountId, NOW_MS), [])
  })

  t.test('a session in place may get a grant for the client that it is opened for', async (t) => {
    const accountId = newAccountId()
    const session = await openInBrowser(ephemeral(), accountId)
    await openGrant(ephemeral(), session, 'a-family')
    const again = { ...session, grant: refreshOf('new'), replacesSid: session.sid, clientId: 'third' }
    t.ok(await ephemeral().sessions.open(again, { sessionEpoch: 0 }, NOW_MS))
    t.same(await ephemeral().sessions.participants(accountId, null, NOW_MS), [
      { sid: session.sid, clientIds: ['app', 'third'] },
    ])
  })

  t.test('a sign-in of another browser leaves this one as it is', async (t) => {
    const accountId = newAccountId()
    const [one, two] = [await openInBrowser(ephemeral(), accountId), sessionOf(accountId)]
    t.same(await ephemeral().sessions.open(two, { sessionEpoch: 0 }, NOW_MS), [])
    t.ok(await ephemeral().sessions.findByBrowser(placeOfSession(one), KEY, NOW_MS))
  })
}
