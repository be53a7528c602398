// The refresh_token grant (RFC 6749 6, RFC 9700 4.14): every token is used once. A second use of one ends
// its session. Rotation comes first, because exactly one caller may win it; where PostgreSQL then turns out
// to be away, the old token is put back, so that an outage signs nobody out.
import { refuseLocked } from '../accounts/refuse-locked.ts'
import { findAccount } from '../accounts/store.ts'
import { refreshTokenRefused, refreshTokenRotated } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { ListedSession } from '../ephemeral/ephemeral.ts'
import { AuthError, DependencyError } from '../errors.ts'
import { decide } from '../policy/decide.ts'
import { type Holder, mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import {
  nextRefreshToken,
  parseRefreshToken,
  type RefreshToken,
  refreshHashes,
} from '../tokens/refresh-token.ts'

type RenewDeps = Pick<Deps, 'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'randomBytes'>

type Refusal = Parameters<typeof refreshTokenRefused>[1]['reason']

const refuse = async (
  deps: RenewDeps,
  origin: Origin,
  session: Pick<ListedSession, 'accountId' | 'clientId' | 'sid'> | null,
  reason: Refusal,
): Promise<never> => {
  const about = { accountId: session?.accountId ?? null, clientId: session?.clientId ?? null }
  await recordEvent(deps, refreshTokenRefused(origin, { ...about, sessionId: session?.sid ?? null, reason }))
  throw new AuthError('invalid_grant')
}

/**
 * Renews a session's tokens; the access token for `audience`, where one is asked for.
 * @throws {AuthError} invalid_grant (unknown, expired, used before, another client's, no longer allowed),
 *   account_locked
 */
export const renewSession = async (
  deps: RenewDeps,
  request: Origin,
  client: Client,
  { token, audience }: { token: string; audience: string | null },
): Promise<Tokens> => {
  const presented = parseRefreshToken(token)
  if (!presented) return refuse(deps, request, null, 'unknown')

  const next = nextRefreshToken(presented, deps.randomBytes)
  const session = await rotate(deps, request, presented, next)
  const origin: Origin = { ...request, actor: { type: 'account', id: session.accountId } }
  try {
    return await mintForSession(deps, origin, session, { client, refreshToken: next, audience })
  } catch (error) {
    if (error instanceof DependencyError) await putBack(deps, presented, next)
    throw error
  }
}

const rotate = async (
  deps: RenewDeps,
  origin: Origin,
  presented: RefreshToken,
  next: RefreshToken,
): Promise<ListedSession> => {
  const hashes = refreshHashes(presented)
  const rotated = await deps.ephemeral.sessions.rotateRefresh(
    presented,
    hashes,
    refreshHashes(next).refreshHash,
    origin.now.getTime(),
  )
  if (rotated.kind === 'rotated') return rotated.session
  if (rotated.kind === 'reused') return refuse(deps, origin, rotated.session, 'reused')
  if (rotated.kind === 'unknown') return refuse(deps, origin, null, 'unknown')
  const about = { accountId: rotated.accountId, sessionId: presented.sid, reason: 'locked' as const }
  const lock = { untilMs: rotated.untilMs, now: origin.now }
  return refuseLocked(deps, refreshTokenRefused(origin, about), lock)
}

const putBack = (deps: RenewDeps, presented: RefreshToken, next: RefreshToken): Promise<void> =>
  deps.ephemeral.sessions
    .restoreRefresh(presented, refreshHashes(next).refreshHash, refreshHashes(presented).refreshHash)
    // Where Redis is away too, the user signs in again: the safe side.
    .catch(() => {})

const mintForSession = async (
  deps: RenewDeps,
  origin: Origin,
  session: ListedSession,
  holder: Omit<Holder, 'account'>,
): Promise<Tokens> => {
  const end = async (reason: Refusal): Promise<never> => {
    await deps.ephemeral.sessions.end(session.accountId, session.sid, origin.now.getTime())
    return refuse(deps, origin, session, reason)
  }
  // Someone else's client shows it: the token has leaked, so what it opens is closed (RFC 9700 4.14.2).
  if (session.clientId !== holder.client.clientId) return end('wrong_client')
  const account = await findAccount(deps, session.accountId)
  if (!account) return end('disabled')
  const decision = decide(deps.policy.current(), account, session, origin.now)
  if (decision.kind === 'deny') return end('disabled')
  if (decision.kind !== 'allow') return end('policy')

  const { accountId, clientId, sid: sessionId } = session
  await recordEvent(deps, refreshTokenRotated(origin, { accountId, clientId, sessionId }))
  return mintTokens(deps, session, { account, ...holder }, origin.now)
}
