// Grants of a session in memory; the counterpart of `fragment-grant.lua`.
import { unpackGrant, unpackSession } from '../records.ts'
import type { EndedGrant, NewGrant } from '../sessions.ts'

/** `own`: what it has of its own, packed; '' for what the session has. `refreshHash` '' for none. */
export type StoredGrant = {
  refreshHash: string
  /** The hash before it, while that may be used once more; else ''. */
  beforeHash: string
  replacedMs: number
  /** When a renewal was last to be recorded; null for never, or where that has failed. */
  recordedMs: number | null
  /** From which address the last renewal came. */
  renewedFrom: string | null
  usedMs: number
  jkt: string
  own: string
}

export type Granting = {
  record: string
  grants: Map<string, StoredGrant>
  /** Those that have had a grant in it. */
  clients: string[]
}

const GRANTS_AT_ONCE = 50
const CLIENTS_KEPT = 100
const USE_NOTED_EVERY_MS = 60 * 1000
/** Of the renewals of so long from one address, one is to be recorded. */
const RECORDED_EVERY_MS = 60 * 60 * 1000

export const newStoredGrant = (
  { refreshHash }: Pick<NewGrant, 'refreshHash'>,
  { jkt, own }: { jkt: string; own: string },
  nowMs: number,
): StoredGrant => ({
  refreshHash: refreshHash ?? '',
  beforeHash: '',
  replacedMs: 0,
  recordedMs: null,
  renewedFrom: null,
  usedMs: nowMs,
  jkt,
  own,
})

/** What a grant says: its own, or what the session has. */
export const termsOf = (
  { record }: Pick<Granting, 'record'>,
  { own }: StoredGrant,
): (Omit<EndedGrant, 'endedSession'> & { secondFactorAt: number | null }) | null =>
  own === '' ? unpackSession({ record, lastSeenMs: 0, absoluteAt: 0, inBrowser: false }) : unpackGrant(own)

/** Keeps so many clients; beyond that the first one gives way that has no grant any more. */
const rememberClient = (session: Granting, client: string) => {
  if (session.clients.includes(client)) return
  const holders = new Set([...session.grants.values()].map((grant) => termsOf(session, grant)?.clientId))
  const given =
    session.clients.length < CLIENTS_KEPT ? -1 : session.clients.findIndex((one) => !holders.has(one))
  session.clients = [...session.clients.filter((_, i) => i !== given), client]
}

/** Beyond the limit the one unused for longest gives way: of its client, so that no client ends those of others. */
export const openGrant = (session: Granting, id: string, grant: StoredGrant, client: string): void => {
  const { grants } = session
  if (grants.size >= GRANTS_AT_ONCE) {
    const byUse = [...grants].sort(([a, one], [b, other]) => one.usedMs - other.usedMs || (a < b ? -1 : 1))
    const own = byUse.find(([, one]) => termsOf(session, one)?.clientId === client)
    grants.delete((own ?? byUse[0])?.[0] ?? '')
  }
  grants.set(id, grant)
  rememberClient(session, client)
}

/** The use of a grant decides which one gives way to a new one; it is noted by the minute. */
export const useGrant = (grant: StoredGrant, nowMs: number): void => {
  if (nowMs - grant.usedMs >= USE_NOTED_EVERY_MS) grant.usedMs = nowMs
}

export const isToBeRecorded = (
  { recordedMs, renewedFrom }: StoredGrant,
  ip: string | null,
  nowMs: number,
): boolean => {
  if (recordedMs === null || renewedFrom !== ip) return true
  // Below zero, the clock that noted it was ahead.
  const sinceMs = nowMs - recordedMs
  return sinceMs < 0 || sinceMs >= RECORDED_EVERY_MS
}
