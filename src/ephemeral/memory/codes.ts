// Authorization codes in memory; the counterpart of `fragment-code.lua` and the scripts that use it.
import type { CodeRecord, CodeRedeemed, CodeStore } from '../protocol.ts'
import { type PackedCode, packCode, unpackCode } from '../protocol-records.ts'
import { grantIdOf, newPlace, placeOf } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'
import { newStoredGrant, openGrant } from './grants.ts'
import { type MemorySessions, usedThrough } from './sessions.ts'

const REDEEMED_TTL_MS = 10 * 60 * 1000

/** `redeemedAs`: the grant that it has opened; null while it waits. */
type StoredCode = PackedCode & { expiresAtMs: number; withdrawn: number; redeemedAs: string | null }

export const memoryCodes = (clock: MonotonicClock, accounts: MemoryAccounts, sessions: MemorySessions) => {
  const codes = createExpiringMap<StoredCode>(clock)
  const redeemedBefore = (tag: string, code: StoredCode, record: CodeRecord, nowMs: number): CodeRedeemed => {
    const { accountId, sid, grant } = record
    const session = sessions.live(tag, sid, nowMs)
    if (session && code.redeemedAs !== null) sessions.endGrant(session, code.redeemedAs)
    return { kind: 'reused', accountId, sid, clientId: grant.clientId }
  }
  const store: CodeStore = {
    async open(token, { record, ttlSeconds, nowMs }) {
      const { tag, hash } = newPlace('code', token, record.accountId)
      const session = sessions.live(tag, record.sid, nowMs)
      if (!session) return false
      const ttlMs = ttlSeconds * 1000
      const waiting = { expiresAtMs: nowMs + ttlMs, withdrawn: session.withdrawn, redeemedAs: null }
      codes.set(hash, { ...packCode(record), ...waiting }, ttlMs)
      return true
    },
    async redeem(token, shown, grant, nowMs) {
      const place = placeOf('code', token)
      const code = place && codes.get(place.hash)
      const record = code && unpackCode(code)
      if (!place || !code || !record || code.expiresAtMs <= nowMs) return { kind: 'unknown' }
      // Whoever shows something else than the code's own client had is not told whether it was used, and ends nothing.
      if (record.binding !== shown.binding) return { kind: 'mismatch', record }
      if (code.redeemedAs !== null) return redeemedBefore(place.tag, code, record, nowMs)
      const session = sessions.live(place.tag, record.sid, nowMs)
      if (!session || session.withdrawn !== code.withdrawn) {
        codes.delete(place.hash)
        return { kind: 'unknown' }
      }
      if (record.jkt !== null && record.jkt !== shown.jkt) return { kind: 'mismatch', record }
      const { lockedUntilMs } = accounts.read(place.tag)
      if (lockedUntilMs !== null && lockedUntilMs > nowMs)
        return { kind: 'locked', record, untilMs: lockedUntilMs }
      const id = grantIdOf(grant.familyHash)
      const refresh = record.isRenewable ? grant : { refreshHash: null }
      const opened = newStoredGrant(refresh, { jkt: grant.jkt ?? '', own: code.own }, nowMs)
      openGrant(session, id, opened, record.grant.clientId)
      sessions.use(session, nowMs)
      codes.set(
        place.hash,
        { ...code, expiresAtMs: nowMs + REDEEMED_TTL_MS, redeemedAs: id },
        REDEEMED_TTL_MS,
      )
      const used = usedThrough(session, id, accounts.versionOf(place.tag, nowMs))
      return used ? { kind: 'redeemed', record, session: used } : { kind: 'unknown' }
    },
  }
  return { store, sweep: codes.sweep }
}
