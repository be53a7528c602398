// The refresh_token grant (RFC 6749 6, RFC 9700 4.14): every token is used once, and a second use ends its grant, and its
// session, where that is no browser's. Browsers and phones lose answers: for some seconds (`refreshGrace` of the client) the token before the current one
// renews once more, as long as the current one is unused. That one is dead then: one token is live at any time.
// Rotation is the first step, because exactly one caller may win it. If PostgreSQL is away after that, the old token is
// put back, so that an outage signs nobody out.
//
// Decision: a renewal is no authentication, and a million sessions renew a thousand times a second. So of a session's
// renewals one an hour is recorded, and the first from another address. The script that rotates decides which, and each
// of those is durable before its answer. Refusals and reuse are recorded always.
//
// Decision: a session whose second factor is too old, or is now required, is not ended but asked for one (RFC 9470). Its
// access token has mostly expired by then, and may not have been for Postern, so that it does not open
// `/v1/me/step-up`. So the refusal itself opens the challenge of a step-up, and the old token stays. The answer to
// the challenge gives new tokens, and a new session that replaces this one; before it, nothing is given out. A browser's
// session is stepped up in the browser: the refusal has no challenge, and the client sends the user there.

import type { Account } from '../accounts/account.ts'
import { refuseLocked } from '../accounts/refuse-locked.ts'
import { refreshTokenRefused, sessionRenewed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { AccountCaller } from '../callers/authenticate-account.ts'
import { type Client, grantedAudience, isRegisteredAs, keptScope } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTag } from '../encryption/opaque-token.ts'
import type { ListedSession, UsedSession } from '../ephemeral/sessions.ts'
import { AuthError, DependencyError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import { decide } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import { tightenPolicy } from '../policy/tighten-policy.ts'
import { notifyOfEnded } from '../sessions/notify-clients.ts'
import { type GrantTokens, mintGrantTokens, mintTokens } from '../tokens/mint-tokens.ts'
import {
  nextRefreshToken,
  parseRefreshToken,
  type RefreshToken,
  refreshHashes,
} from '../tokens/refresh-token.ts'
import { beginStepUp, STEP_UP_IN_BROWSER } from './begin-step-up.ts'
import { toChallengeMembers } from './schemas.ts'

type RenewDeps = Pick<
  Deps,
  | 'config'
  | 'postgres'
  | 'ephemeral'
  | 'policy'
  | 'signingKeys'
  | 'pairwiseSalt'
  | 'randomBytes'
  | 'accounts'
  | 'clients'
  | 'notices'
>

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
 * The token that was presented, with the key of its sender, and the one that replaces it. For `graceMs` the token before
 * the current one is good for one more.
 */
type Rotation = { presented: RefreshToken; next: RefreshToken; jkt: string | null; graceMs: number }

/**
 * Renews a session's tokens; the access token for `audience`, where one is asked for.
 * @throws {AuthError} invalid_grant (unknown, expired, used before, another client's, no longer allowed),
 *   insufficient_user_authentication, policy_violation where none can be shown, account_locked
 */
export const renewSession = async (
  deps: RenewDeps,
  request: Origin,
  client: Client,
  { token, ...bound }: { token: string; audience: string | null; jkt: string | null },
): Promise<GrantTokens> => {
  const presented = parseRefreshToken(token)
  if (!presented) return refuse(deps, request, null, 'unknown')

  const graceMs = client.refreshGrace * 1000
  const next = nextRefreshToken(presented, deps.randomBytes)
  const rotation = { presented, next, jkt: bound.jkt, graceMs }
  const policy = tightenPolicy(deps.policy.current(), client)
  const oldest = Math.floor(request.now.getTime() / 1000) - policy.second_factor_max_age
  const first = await rotate(deps, request, rotation, policy.enabled ? oldest : 0)
  const origin: Origin = { ...request, actor: { type: 'account', id: first.session.accountId } }
  // Nothing is rotated yet, so that of parallel renewals of one token none takes it from the others.
  if (first.kind === 'stale') await requireRenewable(deps, origin, first.session, client)
  const rotated = first.kind === 'stale' ? await rotate(deps, request, rotation, 0) : first
  const { session } = rotated
  try {
    const account = await requireRenewable(deps, origin, session, client)
    const { accountId, clientId, sid: sessionId } = session
    if (rotated.isToBeRecorded) {
      await recordEvent(deps, sessionRenewed(origin, { accountId, clientId, sessionId }))
    }
    const audience = grantedAudience(session.grant?.audience ?? null, bound.audience)
    const holder = { account, client, refreshToken: rotation.next, jkt: bound.jkt, audience }
    return session.inBrowser
      ? mintGrantTokens(
          deps,
          session,
          { ...holder, nonce: null, claims: session.grant?.claims ?? null, isRenewable: true },
          origin.now,
        )
      : mintTokens(deps, session, holder, origin.now)
  } catch (error) {
    if (keepsToken(error)) await putBack(deps, rotation)
    throw error
  }
}

/** A dependency is away, or a second factor is needed after all: the session has not ended. */
const keepsToken = (error: unknown): boolean =>
  error instanceof DependencyError || (error instanceof AuthError && error.code !== 'invalid_grant')

const rotate = async (
  deps: RenewDeps,
  origin: Origin,
  { presented, next, jkt, graceMs }: Rotation,
  secondFactorSince: number,
): Promise<{ kind: 'rotated' | 'stale'; session: UsedSession; isToBeRecorded: boolean }> => {
  const { refreshHash } = refreshHashes(next)
  const rotated = await deps.ephemeral.sessions.rotateRefresh(
    presented,
    { ...refreshHashes(presented), jkt },
    { refreshHash, secondFactorSince, ip: origin.ip, graceMs },
    origin.now.getTime(),
  )
  if (rotated.kind === 'rotated') return rotated
  if (rotated.kind === 'stale') return { ...rotated, isToBeRecorded: false }
  if (rotated.kind === 'reused') {
    const { session, endedSession } = rotated
    await notifyOfEnded(deps, session.accountId, endedSession ? [endedSession] : [])
    return refuse(deps, origin, session, 'reused')
  }
  if (rotated.kind === 'wrong_key') return refuse(deps, origin, rotated.session, 'wrong_key')
  if (rotated.kind === 'unknown') return refuse(deps, origin, null, 'unknown')
  const about = { accountId: rotated.accountId, sessionId: presented.sid, reason: 'locked' as const }
  const lock = { untilMs: rotated.untilMs, now: origin.now }
  return refuseLocked(deps, refreshTokenRefused(origin, about), lock)
}

const putBack = (deps: RenewDeps, { presented, next }: Rotation): Promise<void> =>
  deps.ephemeral.sessions
    .restoreRefresh(presented, refreshHashes(presented), refreshHashes(next).refreshHash)
    // Where Redis is away too, the user signs in again: the safe side.
    .catch(() => {})

/**
 * A browser's session has grants of many clients, and one with shorter limits has them for its own grant. Counted from
 * the sign-in, as the grant has it.
 */
const isRenewableYet = (
  { session_absolute: absolute }: Policy,
  { refreshTokenLifetime: lifetime, policy: own }: Client,
  { authTime, createdAt }: UsedSession,
  now: Date,
): boolean => {
  const isTightened = own.session_absolute !== undefined
  if (isTightened && !isWithin(absolute, createdAt, now)) return false
  return lifetime === null || isWithin(lifetime, authTime, now)
}

/** The session's account, where both still may have tokens. Ends the grant where they may not. */
const requireRenewable = async (
  deps: RenewDeps,
  origin: Origin,
  session: UsedSession,
  client: Client,
): Promise<Account> => {
  const end = async (reason: Refusal): Promise<never> => {
    const at = {
      accountTag: accountTag(session.accountId),
      sid: session.sid,
      grantId: session.grant?.id ?? '',
    }
    const ended = await deps.ephemeral.sessions.endGrant(at, origin.now.getTime())
    await notifyOfEnded(deps, session.accountId, ended?.endedSession ? [ended.endedSession] : [])
    return refuse(deps, origin, session, reason)
  }
  // Another client presents it: the token has leaked, so its grant is ended (RFC 9700 4.14.2).
  if (session.clientId !== client.clientId) return end('wrong_client')
  if (!isRegisteredAs(client, session)) return end('client_replaced')
  if (keptScope(client, session.scope) === '') return end('scope')
  const policy = tightenPolicy(deps.policy.current(), client)
  if (!isRenewableYet(policy, client, session, origin.now)) return end('expired')
  const details = await deps.accounts.find(session.accountId, session.accountVersion)
  if (!details) return end('disabled')
  const { account } = details
  const decision = decide(policy, account, session, origin.now)
  if (decision.kind === 'deny') return end('disabled')
  if (decision.kind === 'challenge') return askForStepUp(deps, { session, account, details, origin }, client)
  return decision.kind === 'allow' ? account : end('policy')
}

const askForStepUp = async (deps: RenewDeps, caller: AccountCaller, client: Client): Promise<never> => {
  const { session, origin } = caller
  // With zero seconds a second factor is asked for in any case: the policy has just required it.
  const step = session.inBrowser
    ? null
    : await beginStepUp(deps, caller, { acr: 'aal2', maxAgeSeconds: 0, client })
  if (step?.status === 'authenticated') return refuse(deps, origin, session, 'policy')
  const { accountId, clientId, sid: sessionId } = session
  const about = { accountId, clientId, sessionId, reason: 'second_factor_needed' } as const
  await recordEvent(deps, refreshTokenRefused(origin, about))
  const text = step ? 'Answer the challenge with a second factor.' : STEP_UP_IN_BROWSER
  throw new AuthError('insufficient_user_authentication', text, {
    acr_values: 'aal2',
    max_age: tightenPolicy(deps.policy.current(), client).second_factor_max_age,
    ...(step && toChallengeMembers(step)),
  })
}
