// The authorization_code grant (RFC 6749 4.1.3): one script of the store compares what the code is bound to, opens the grant
// in its session, and remembers that the code was used, so that of any number of callers exactly one wins and a second use
// ends what the first has given (docs/security.md 26).
import { hash } from 'node:crypto'
import type { Account } from '../../accounts/account.ts'
import { refuseLocked } from '../../accounts/refuse-locked.ts'
import { codeRefused } from '../../audit/authentication-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import { type Client, grantedAudience, keptScope, registrationOf } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { accountTagOf } from '../../encryption/opaque-token.ts'
import type { CodeRecord, CodeRedeemed } from '../../ephemeral/protocol.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import { decide } from '../../policy/decide.ts'
import { tightenPolicy } from '../../policy/tighten-policy.ts'
import { type GrantTokens, mintGrantTokens } from '../../tokens/mint-tokens.ts'
import { grantOf, newFamily, refreshHashes } from '../../tokens/refresh-token.ts'
import { codeBinding } from '../authorization/code-binding.ts'

/** What a client redeems a code with. `audience`: the resource that it asks for now; null for the first granted one. */
export type Redemption = {
  code: string
  redirectUri: string
  codeVerifier: string | undefined
  audience: string | null
  /** The key that the request has proven (RFC 9449); null for none. */
  jkt: string | null
}

type RedeemDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'pairwiseSalt' | 'randomBytes' | 'accounts'
>

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** RFC 7636 4.6. */
const challengeOf = (codeVerifier: string | undefined): string | null => {
  if (codeVerifier === undefined) return null
  if (!VERIFIER.test(codeVerifier))
    throw new AuthError('invalid_request', 'code_verifier has 43 to 128 letters, digits and -._~.', {
      fields: ['code_verifier'],
    })
  return hash('sha256', codeVerifier, 'base64url')
}

/** What a code is shown with, and is compared with what it is bound to. */
type Shown = { redirectUri: string; codeChallenge: string | null; jkt: string | null }

type Family = ReturnType<typeof newFamily>

/** What of a mismatch the client can mend; whose code it is, is not answered to another client. */
const mismatchText = (client: Client, record: CodeRecord, shown: Shown): string => {
  if (record.grant.clientId !== client.clientId)
    return 'The code is invalid, expired, revoked or already used.'
  if (record.redirectUri !== shown.redirectUri)
    return 'redirect_uri is not that of the authorization request.'
  if (record.codeChallenge === null && shown.codeChallenge !== null)
    return 'There is a code_verifier, but the authorization request had no code_challenge.'
  if (record.codeChallenge !== null && shown.codeChallenge === null) return 'code_verifier is missing.'
  if (record.codeChallenge !== shown.codeChallenge) return 'code_verifier does not fit the code_challenge.'
  return 'The code is bound to another key; the DPoP proof has to be made with that one.'
}

type Redeemed = Extract<CodeRedeemed, { kind: 'redeemed' }>

/**
 * Opens the grant of a code in its session.
 * @throws {AuthError} invalid_grant, account_locked
 */
const openGrant = async (
  deps: RedeemDeps,
  origin: Origin,
  client: Client,
  { code, redirectUri, codeChallenge, family, jkt }: Shown & { code: string; family: Family },
): Promise<Redeemed> => {
  const { clientId } = client
  const isRenewable = client.grantTypes.includes('refresh_token')
  const { familyHash, refreshHash } = refreshHashes(family)
  const redeemed = await deps.ephemeral.codes.redeem(
    code,
    { binding: codeBinding({ ...registrationOf(client), redirectUri, codeChallenge }), jkt },
    {
      familyHash,
      refreshHash: isRenewable ? refreshHash : null,
      // RFC 9449 5: refresh tokens of clients that authenticate are bound to the client already.
      jkt: client.tokenEndpointAuthMethod === 'none' ? jkt : null,
    },
    origin.now.getTime(),
  )
  if (redeemed.kind === 'redeemed') return redeemed
  if (redeemed.kind === 'unknown') return refuse(deps, origin, { clientId, reason: 'unknown' })
  if (redeemed.kind === 'reused') {
    const { accountId, sid: sessionId } = redeemed
    return refuse(deps, origin, { accountId, sessionId, clientId: redeemed.clientId, reason: 'reused' })
  }
  const { accountId, sid: sessionId } = redeemed.record
  const about = { accountId, sessionId, clientId }
  if (redeemed.kind === 'locked') {
    const event = codeRefused(origin, { ...about, reason: 'locked' })
    return refuseLocked(deps, event, { untilMs: redeemed.untilMs, now: origin.now })
  }
  const text = mismatchText(client, redeemed.record, { redirectUri, codeChallenge, jkt })
  return refuse(deps, origin, { ...about, reason: 'mismatch' }, text)
}

/**
 * The tokens of a code.
 * @throws {AuthError} invalid_request, invalid_grant (unknown, expired, used before, or shown with something else than it is
 *   bound to), invalid_target, account_locked
 */
export const redeemCode = async (
  deps: RedeemDeps,
  origin: Origin,
  client: Client,
  { code, redirectUri, codeVerifier, audience, jkt }: Redemption,
): Promise<GrantTokens> => {
  const codeChallenge = challengeOf(codeVerifier)
  const accountTag = accountTagOf('code', code)
  if (accountTag === null) return refuse(deps, origin, { clientId: client.clientId, reason: 'unknown' })
  const family = newFamily(deps.randomBytes)
  const shown = { code, redirectUri, codeChallenge, family, jkt }
  const { session, record } = await openGrant(deps, origin, client, shown)
  const refreshToken = { accountTag, sid: session.sid, ...family }
  try {
    const account = await requireAllowed(deps, origin, client, session)
    const { nonce, grant } = record
    const holder = { account, client, refreshToken, audience: grantedAudience(grant.audience, audience), jkt }
    // As it was when the code was issued, and still is: the store has a refresh token where both hold.
    const isRenewable = record.isRenewable && client.grantTypes.includes('refresh_token')
    return mintGrantTokens(deps, session, { ...holder, nonce, claims: grant.claims, isRenewable }, origin.now)
  } catch (error) {
    // Nobody has a token of the grant that was opened.
    const at = { ...grantOf(refreshToken), sid: session.sid }
    await deps.ephemeral.sessions.endGrant(at, origin.now.getTime())
    throw error
  }
}

/** The account, the policy or the client may have changed since the code was issued. */
const requireAllowed = async (
  deps: RedeemDeps,
  origin: Origin,
  client: Client,
  session: UsedSession,
): Promise<Account> => {
  const details = await deps.accounts.find(session.accountId, session.accountVersion)
  const policy = tightenPolicy(deps.policy.current(), client)
  const decision = details && decide(policy, details.account, session, origin.now)
  if (details && decision?.kind === 'allow' && keptScope(client, session.scope) !== '') return details.account
  const { accountId, sid: sessionId } = session
  return refuse(deps, origin, { accountId, sessionId, clientId: client.clientId, reason: 'not_allowed' })
}

const refuse = async (
  deps: RedeemDeps,
  origin: Origin,
  about: Parameters<typeof codeRefused>[1],
  text = 'The code is invalid, expired, revoked or already used.',
): Promise<never> => {
  await recordEvent(deps, codeRefused(origin, about))
  throw new AuthError('invalid_grant', text)
}
