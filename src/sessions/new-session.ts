// A session that is about to be opened: its lifetime by the policy, its refresh token, and what has been proven. Pure
// except for the randomness that it is given; opening it is one atomic step of the ephemeral store.
import { v7 as uuidv7 } from 'uuid'
import type { Account } from '../accounts/account.ts'
import type { RandomBytes } from '../encryption/sealer.ts'
import type { NewSession } from '../ephemeral/sessions.ts'
import { maxSessions, type Policy } from '../policy/policy.ts'
import { newRefreshToken, type RefreshToken, refreshHashes } from '../tokens/refresh-token.ts'
import { throttledNetwork } from '../wire/end-user.ts'

/** What has been proven, and for whom. Times in epoch seconds. */
export type SessionGrounds = {
  account: Pick<Account, 'id' | 'clientId'>
  clientId: string
  /** In epoch milliseconds. */
  clientRegisteredAt: number
  scope: string
  /** Primary authentication's methods (RFC 8176). */
  amr: string[]
  authTime: number
  /** A client vouched for this account of Postern's own. */
  vouched: boolean
  /** How a second factor passed just now; null where none did. */
  secondFactor: { amr: string[]; acr: 'aal1' | 'aal2' | 'phr' } | null
  ip: string | null
  userAgent: string | null
  /** The session that it replaces, and when that one ends in any case; null for a new sign-in. */
  replaces: { sid: string; absoluteAt: number; createdAt: number } | null
}

/** Makes a session, and what its holder is given for it: a client, or a browser (`new-browser-session.ts`). */
export type SessionMaker<Credentials> = (
  deps: { randomBytes: RandomBytes },
  policy: Policy,
  grounds: SessionGrounds,
  now: Date,
) => { session: NewSession; credentials: Credentials }

/** A session for a client, which has its first grant. */
export const newSession: SessionMaker<RefreshToken> = (deps, policy, grounds, now) => {
  const { account } = grounds
  const nowSeconds = Math.floor(now.getTime() / 1000)
  const sid = uuidv7({ msecs: now.getTime() })
  const refreshToken = newRefreshToken(account.id, sid, deps.randomBytes)
  const { familyHash, refreshHash } = refreshHashes(refreshToken)
  const { secondFactor, replaces, ip } = grounds
  return {
    credentials: refreshToken,
    session: {
      sid,
      accountId: account.id,
      clientId: grounds.clientId,
      clientRegisteredAt: grounds.clientRegisteredAt,
      scope: grounds.scope,
      authTime: grounds.authTime,
      vouched: grounds.vouched,
      secondFactorAt: secondFactor ? nowSeconds : null,
      acr: secondFactor?.acr ?? 'aal1',
      amr: secondFactor ? [...new Set([...grounds.amr, ...secondFactor.amr])] : grounds.amr,
      ip,
      userAgent: grounds.userAgent,
      createdAt: replaces?.createdAt ?? nowSeconds,
      idleSeconds: policy.session_idle,
      absoluteAt: replaces?.absoluteAt ?? nowSeconds + policy.session_absolute,
      browserKeyHash: null,
      grant: { familyHash, refreshHash },
      maxSessions: maxSessions(policy),
      // Only Postern's own accounts have passwords to guess.
      network: account.clientId === null && ip !== null ? throttledNetwork(ip) : null,
      replacesSid: replaces?.sid ?? null,
    },
  }
}
