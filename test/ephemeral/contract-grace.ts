import type { Test } from 'tap'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import type { NewSession, PresentedRefresh } from '../../src/ephemeral/sessions.ts'
import {
  grantPlace,
  lock,
  NOW,
  NOW_MS,
  newAccountId,
  openCode,
  openGrant,
  openInBrowser,
  openSession,
  parallel,
  placeOfSession,
  presented,
  refreshOf,
} from './fixtures.ts'

type Asked = { from: string; to: string; nowMs?: number; graceMs?: number; secondFactorSince?: number }

/** Of a grant's refresh tokens one is live at any time; the one before it is good for one more, for a while. */
export const graceContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const renew = (session: NewSession, asked: Asked, hashes: PresentedRefresh = presented(asked.from)) => {
    const { to, nowMs = NOW_MS, graceMs = 10_000, secondFactorSince = 0 } = asked
    const next = { refreshHash: hashToken(to), secondFactorSince, ip: null, graceMs }
    return ephemeral().sessions.rotateRefresh(placeOfSession(session), hashes, next, nowMs)
  }

  t.test('the token before renews once more while its successor is unused, which is dead then', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    t.match(await renew(session, { from: 'first', to: 'lost' }), { kind: 'rotated', graced: false })
    t.match(await renew(session, { from: 'first', to: 'third', nowMs: NOW_MS + 9999 }), {
      kind: 'rotated',
      graced: true,
      isToBeRecorded: false,
    })
    t.match(await renew(session, { from: 'third', to: 'fourth' }), { kind: 'rotated', graced: false })
    t.match(await renew(session, { from: 'lost', to: 'x' }), { kind: 'reused' })
  })

  t.test(
    'it does not where its successor was used, where it was late, a third time, or without grace',
    async (t) => {
      const rows: [name: string, steps: Asked[], last: Asked][] = [
        ['its successor was used', [{ from: 'second', to: 'third' }], { from: 'first', to: 'x' }],
        ['late', [], { from: 'first', to: 'x', nowMs: NOW_MS + 10_000 }],
        ['a third time', [{ from: 'first', to: 'third' }], { from: 'first', to: 'x' }],
        ['its dead successor', [{ from: 'first', to: 'third' }], { from: 'second', to: 'x' }],
        ['no grace', [], { from: 'first', to: 'x', graceMs: 0 }],
        ['never issued', [], { from: '', to: 'x' }],
      ]
      for (const [name, steps, last] of rows) {
        const session = await openSession(ephemeral(), newAccountId())
        for (const step of [{ from: 'first', to: 'second' }, ...steps]) {
          t.match(await renew(session, step), { kind: 'rotated' }, name)
        }
        t.match(await renew(session, last), { kind: 'reused', endedSession: { sid: session.sid } }, name)
        t.same(await ephemeral().sessions.list(session.accountId, NOW_MS), [], name)
      }
    },
  )

  t.test('in a browser’s session reuse ends that grant alone', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const [a, b] = [await openGrant(ephemeral(), session, 'a'), await openGrant(ephemeral(), session, 'b')]
    const next = { to: 'next', graceMs: 0 }
    await renew(session, { from: 'first', ...next }, refreshOf('a'))
    t.match(await renew(session, { from: 'first', ...next }, refreshOf('a')), {
      kind: 'reused',
      session: { clientId: 'app', sid: session.sid },
      endedSession: null,
    })
    t.same(await renew(session, { from: 'next', to: 'x' }, refreshOf('a', 'next')), { kind: 'unknown' })
    const { accountId, sid } = session
    t.equal(await ephemeral().sessions.touch(grantPlace(accountId, sid, a.grantId), NOW_MS), null)
    t.ok(await ephemeral().sessions.touch(grantPlace(accountId, sid, b.grantId), NOW_MS))
    t.match(await renew(session, { from: 'first', ...next }, refreshOf('b')), { kind: 'rotated' })
  })

  t.test('two uses of one refresh token at once leave one live token', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    await openGrant(ephemeral(), session, 'a')
    const ask = (i: number) => renew(session, { from: 'first', to: `next-${i}` }, refreshOf('a'))
    const both = await parallel(2, ask)
    t.same(both.map((one) => one.kind === 'rotated' && one.graced).toSorted(), [false, true])
    const live = both.findIndex((one) => one.kind === 'rotated' && one.graced)
    t.match(await renew(session, { from: '', to: 'later' }, refreshOf('a', `next-${live}`)), {
      kind: 'rotated',
    })
  })

  t.test('of fifty uses at once two renew, and the third ends the grant', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const { grantId } = await openGrant(ephemeral(), session, 'a')
    const results = await parallel(50, (i) =>
      renew(session, { from: 'first', to: `next-${i}` }, refreshOf('a')),
    )
    const count = (kind: string) => results.filter((result) => result.kind === kind).length
    t.same([count('rotated'), count('reused'), count('unknown')], [2, 1, 47])
    const place = grantPlace(session.accountId, session.sid, grantId)
    t.equal(await ephemeral().sessions.touch(place, NOW_MS), null)
    t.ok(await ephemeral().sessions.findByBrowser(placeOfSession(session), hashToken('key'), NOW_MS))
  })

  t.test('the token before is held to what the current one is: a lock, and a second factor', async (t) => {
    const accountId = newAccountId()
    const session = await openSession(ephemeral(), accountId)
    await renew(session, { from: 'first', to: 'second' })
    const stale = { from: 'first', to: 'x', secondFactorSince: NOW + 1 }
    t.match(await renew(session, stale), { kind: 'stale' })
    await lock(ephemeral(), accountId)
    t.match(await renew(session, { from: 'first', to: 'x' }), { kind: 'locked' })
    await ephemeral().budgets.clear(accountId)
    t.match(await renew(session, { from: 'first', to: 'third' }), { kind: 'rotated', graced: true })
  })

  t.test('a grant of a key is renewed and ended by whoever has proven that key', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const hashes = { ...refreshOf('bound'), jkt: 'a-thumbprint' }
    const code = await openCode(ephemeral(), session)
    await ephemeral().codes.redeem(code, { binding: hashToken('binding'), jkt: null }, hashes, NOW_MS)
    const asked = { from: 'first', to: 'second' }
    for (const jkt of [null, '', 'another']) {
      const refused = await renew(session, asked, { ...hashes, jkt })
      t.match(refused, { kind: 'wrong_key', session: { sid: session.sid, clientId: 'app' } })
      const unknown = { ...hashes, refreshHash: hashToken('unknown') }
      t.match(await renew(session, asked, { ...unknown, jkt }), { kind: 'wrong_key' })
    }
    t.match(await renew(session, asked, hashes), {
      kind: 'rotated',
      session: { grant: { jkt: 'a-thumbprint' } },
    })
    t.match(await renew(session, { ...asked, graceMs: 0 }, hashes), { kind: 'reused' })
    const free = await openSession(ephemeral(), newAccountId())
    t.match(await renew(free, asked, { ...presented('first'), jkt: 'any' }), { kind: 'rotated' })
  })

  t.test('a grant’s own second factor decides whether it is stale', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId(), { secondFactorAt: NOW - 1000 })
    await openGrant(ephemeral(), session, 'without')
    const asked = { from: 'first', to: 'second', secondFactorSince: NOW }
    t.match(await renew(session, asked, refreshOf('without')), { kind: 'rotated', session: { acr: 'aal1' } })
  })

  t.test('a renewal that is undone leaves what was presented as the one live token', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const restore = (from: string, to: string) =>
      ephemeral().sessions.restoreRefresh(placeOfSession(session), presented(from), hashToken(to))
    await renew(session, { from: 'first', to: 'second' })
    await renew(session, { from: 'first', to: 'third' })
    await restore('first', 'third')
    t.match(await renew(session, { from: 'first', to: 'fourth' }), { graced: false, isToBeRecorded: true })
    t.match(await renew(session, { from: 'fourth', to: 'fifth' }), { kind: 'rotated' })
    await restore('fourth', 'fifth')
    t.match(await renew(session, { from: 'first', to: 'x' }), { kind: 'reused' }, 'none is before it')
  })
}
