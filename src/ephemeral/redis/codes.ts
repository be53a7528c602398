import type { CodeRedeemed, CodeStore } from '../protocol.ts'
import { packCode, unpackCode } from '../protocol-records.ts'
import { grantIdOf, newPlace, placeOf } from '../stored-names.ts'
import type { RedisKeys, RunScript } from './scripts.ts'
import { type UsedReply, usedOf } from './sessions.ts'

type RedeemReply =
  | ['redeemed', own: string, record: string, ...UsedReply]
  | ['mismatch', own: string, record: string]
  | ['reused', own: string, record: string]
  | ['locked', own: string, record: string, untilMs: number]
  | ['unknown']

const redeemed = (grantId: string, reply: RedeemReply): CodeRedeemed => {
  if (reply[0] === 'unknown') return { kind: reply[0] }
  const [, own, packed] = reply
  const record = unpackCode({ own, record: packed })
  if (!record) return { kind: 'unknown' }
  if (reply[0] === 'mismatch') return { kind: reply[0], record }
  if (reply[0] === 'locked') return { kind: reply[0], record, untilMs: reply[3] }
  if (reply[0] === 'reused') {
    const { accountId, sid, grant } = record
    return { kind: reply[0], accountId, sid, clientId: grant.clientId }
  }
  const [kind, , , ...seen] = reply
  const session = usedOf(grantId, seen)
  return session ? { kind, record, session } : { kind: 'unknown' }
}

export const redisCodes = (run: RunScript, keys: RedisKeys, newVersion: () => string): CodeStore => ({
  async open(code, { record, ttlSeconds, nowMs }) {
    const place = newPlace('code', code, record.accountId)
    const at = [keys.code(place), keys.account(place.tag), keys.session(place.tag, record.sid)]
    const { own, record: packed } = packCode(record)
    const { sid, binding, jkt, isRenewable, grant } = record
    const head = [nowMs, ttlSeconds * 1000, sid, binding, jkt ?? '', isRenewable ? '1' : '']
    return (await run<number>('openCode', at, [...head, grant.clientId, own, packed])) === 1
  },
  async redeem(code, { binding, jkt }, grant, nowMs) {
    const place = placeOf('code', code)
    if (!place) return { kind: 'unknown' }
    const grantId = grantIdOf(grant.familyHash)
    const at = [keys.code(place), keys.account(place.tag), keys.sessionSet(place.tag)]
    const opening = [grantId, grant.refreshHash ?? '', binding, jkt ?? '', grant.jkt ?? '']
    const args = [nowMs, keys.sessionPrefix(place.tag), ...opening, newVersion()]
    return redeemed(grantId, await run<RedeemReply>('redeemCode', at, args))
  },
})
