import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { hashToken, newAccountToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import { grantIdOf } from '../../src/ephemeral/stored-names.ts'
import {
  codeOf,
  grantPlace,
  NOW,
  NOW_MS,
  newAccountId,
  openCode,
  openGrant,
  openInBrowser,
  openSession,
  parallel,
  placeOfSession,
  refreshOf,
  shown,
} from './fixtures.ts'

const SHOWN = { binding: hashToken('binding'), jkt: null }

export const codeContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const redeem = (code: string, family = 'a-family', changes: { jkt?: string; nowMs?: number } = {}) =>
    ephemeral().codes.redeem(
      code,
      { ...SHOWN, jkt: changes.jkt ?? null },
      { ...refreshOf(family), jkt: null },
      changes.nowMs ?? NOW_MS,
    )
  const seen = (accountId: string, sid: string, family = 'a-family', nowMs = NOW_MS) =>
    ephemeral().sessions.touch(grantPlace(accountId, sid, grantIdOf(hashToken(family))), nowMs)
  const renew = (session: { accountId: string; sid: string }, family: string, name: string, next: string) =>
    ephemeral().sessions.rotateRefresh(
      { accountTag: grantPlace(session.accountId, session.sid).accountTag, sid: session.sid },
      refreshOf(family, name),
      { refreshHash: hashToken(next), secondFactorSince: 0, ip: null, graceMs: 0 },
      NOW_MS,
    )

  t.test(
    'a code opens its grant, through which the session is seen as the client was granted it',
    async (t) => {
      const session = await openInBrowser(ephemeral(), newAccountId())
      const record = codeOf(session)
      const redeemed = await redeem(await openCode(ephemeral(), session))
      const { audience, claims, ...terms } = record.grant
      const grant = { id: grantIdOf(hashToken('a-family')), jkt: null, audience, claims }
      t.match(redeemed, { kind: 'redeemed', record })
      const through = redeemed.kind === 'redeemed' ? redeemed.session : null
      t.ok(through?.accountVersion)
      t.same(through, { ...shown(session), ...terms, grant, accountVersion: through?.accountVersion })
      t.same(await seen(session.accountId, session.sid), through)
      t.same(
        await ephemeral().sessions.list(session.accountId, NOW_MS),
        [shown(session)],
        'which is as it was',
      )
      t.match(await renew(session, 'a-family', 'first', 'second'), {
        kind: 'rotated',
        session: { clientId: 'app', grant, inBrowser: true },
        isToBeRecorded: true,
      })
    },
  )

  t.test('a grant may have no refresh token, and may be bound to a key', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    await redeem(await openCode(ephemeral(), session, { isRenewable: false }), 'unasked')
    t.same(await renew(session, 'unasked', 'first', 'second'), { kind: 'unknown' })
    t.same(await renew(session, 'unasked', '', 'second'), { kind: 'unknown' })
    t.ok(await seen(session.accountId, session.sid, 'unasked'), 'it has ended nothing')

    const none = { familyHash: hashToken('none'), refreshHash: null, jkt: 'a-thumbprint' }
    const code = await openCode(ephemeral(), session)
    t.match(await ephemeral().codes.redeem(code, SHOWN, none, NOW_MS), {
      kind: 'redeemed',
      session: { grant: { jkt: 'a-thumbprint' } },
    })
    t.same(await renew(session, 'none', '', 'second'), { kind: 'unknown' })
    t.match(await seen(session.accountId, session.sid, 'none'), { grant: { jkt: 'a-thumbprint' } })
  })

  t.test('of 50 that redeem a code at once one wins; the next one ends what it gave', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const other = await openGrant(ephemeral(), session, 'other')
    const code = await openCode(ephemeral(), session)
    const results = await parallel(50, (i) => redeem(code, `family-${i}`))
    const { accountId, sid } = session
    t.equal(results.filter(({ kind }) => kind === 'redeemed').length, 1)
    t.same(
      results.filter(({ kind }) => kind !== 'redeemed'),
      Array(49).fill({ kind: 'reused', accountId, sid, clientId: 'app' }),
    )
    const left = await Promise.all(results.map((_, i) => seen(accountId, sid, `family-${i}`)))
    t.same(left, Array(50).fill(null))
    t.ok(await ephemeral().sessions.touch(grantPlace(accountId, sid, other.grantId), NOW_MS), 'and no other')
    t.ok(await ephemeral().sessions.findByBrowser(placeOfSession(session), hashToken('key'), NOW_MS))
  })

  t.test('another binding or key redeems nothing, and learns what is wrong', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const record = codeOf(session, { jkt: 'a-thumbprint' })
    const code = await openCode(ephemeral(), session, { jkt: 'a-thumbprint' })
    const mismatch = { kind: 'mismatch', record }
    const grant = { ...refreshOf('a-family'), jkt: null }
    const wrong = { binding: hashToken('other'), jkt: 'a-thumbprint' }
    t.same(await ephemeral().codes.redeem(code, wrong, grant, NOW_MS), mismatch)
    t.same(await redeem(code), mismatch, 'no key')
    t.same(await redeem(code, 'a-family', { jkt: 'another' }), mismatch)
    t.equal(await seen(session.accountId, session.sid), null)
    t.match(
      await redeem(code, 'a-family', { jkt: 'a-thumbprint' }),
      { kind: 'redeemed' },
      'it is not used up',
    )
    const unbound = await openCode(ephemeral(), session)
    t.match(await redeem(unbound, 'b', { jkt: 'any' }), { kind: 'redeemed' }, 'one of no key takes any')
  })

  t.test('a code ends with its time, and its use is known for ten minutes', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const late = await openCode(ephemeral(), session)
    t.same(await redeem(late, 'a-family', { nowMs: NOW_MS + 60_000 }), { kind: 'unknown' })
    const code = await openCode(ephemeral(), session)
    t.match(await redeem(code, 'a-family', { nowMs: NOW_MS + 59_999 }), { kind: 'redeemed' })
    t.match(await redeem(code, 'b', { nowMs: NOW_MS + 659_998 }), { kind: 'reused' })
    t.same(await redeem(code, 'b', { nowMs: NOW_MS + 659_999 }), { kind: 'unknown' })
    const stranger = newAccountToken('code', session.accountId, randomBytes)
    for (const unknown of [stranger, '', 'pst_ac_', `${code}x`, stranger.replace('pst_ac_', 'pst_ch_')]) {
      t.same(await redeem(unknown), { kind: 'unknown' }, unknown)
    }
  })

  t.test('a code is opened and redeemed in a live session only', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const { accountId, sid } = session
    const code = await openCode(ephemeral(), session)
    await ephemeral().sessions.end(accountId, sid, NOW_MS)
    t.same(await redeem(code), { kind: 'unknown' })
    const next = newAccountToken('code', accountId, randomBytes)
    const opening = { record: codeOf(session), ttlSeconds: 60, nowMs: NOW_MS }
    t.equal(await ephemeral().codes.open(next, opening), false)
    t.same(await redeem(next), { kind: 'unknown' })

    const ended = await openInBrowser(ephemeral(), accountId)
    const waiting = await openCode(ephemeral(), ended)
    await ephemeral().sessions.endAll(accountId, null, NOW_MS)
    t.same(await redeem(waiting), { kind: 'unknown' }, 'ended with all')
    const idle = await openInBrowser(ephemeral(), accountId, { idleSeconds: 30 })
    const unused = await openCode(ephemeral(), idle)
    t.same(await redeem(unused, 'a-family', { nowMs: NOW_MS + 30_000 }), { kind: 'unknown' })
  })

  t.test(
    'redeeming is a use of the session, and a code survives that the session is stepped up',
    async (t) => {
      const session = await openInBrowser(ephemeral(), newAccountId(), { idleSeconds: 60 })
      const code = await openCode(ephemeral(), session)
      const { accountId, sid } = session
      await openInBrowser(ephemeral(), accountId, { ...session, replacesSid: sid, authTime: NOW })
      t.match(await redeem(code, 'a-family', { nowMs: NOW_MS + 50_000 }), {
        kind: 'redeemed',
        session: { authTime: NOW - 2, lastSeenAt: NOW + 50 },
      })
      t.ok(await seen(accountId, sid, 'a-family', NOW_MS + 109_000))
    },
  )

  t.test('a client whose grants were withdrawn redeems no code of before', async (t) => {
    const session = await openInBrowser(ephemeral(), newAccountId())
    const code = await openCode(ephemeral(), session)
    t.same(await ephemeral().sessions.endGrantsOf(session.accountId, 'app', NOW_MS), [])
    t.same(await redeem(code), { kind: 'unknown' })
    t.match(await redeem(await openCode(ephemeral(), session)), { kind: 'redeemed' }, 'but one of after')
  })

  t.test('a code of a session that is no browser’s is redeemed in it too', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    await redeem(await openCode(ephemeral(), session))
    t.same(await ephemeral().sessions.participants(session.accountId, session.sid, NOW_MS), [
      { sid: session.sid, clientIds: ['shop', 'app'] },
    ])
  })
}
