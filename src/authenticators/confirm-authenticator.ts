// Enrolling an authenticator, second half: one valid code makes it active. Top to bottom:
//   1. take an attempt of the account's budget, before the code is looked at;
//   2. match the code against the pending secret;
//   3. in one transaction: count it, activate it, burn its time step, and make recovery codes with the first;
//   4. before that commits, end what is pending, and open the session of who signs in by enrolling.
//
// Decision: 4 stands inside the transaction. Where Redis is away, or the enrollment has been used or ended
// meanwhile, everything is rolled back and nobody has recovery codes that were never shown. Where a crash or
// PostgreSQL prevents the commit, the enrollment token is spent and a session is open whose tokens nobody was
// given: the user signs in again, and no factor was skipped. `pass` comes before `endAll`, which would end
// this enrollment with all others; should one outlive a crash between, the count it is held against
// (`enrolled_authenticators = 0`) is in PostgreSQL.
import { authenticatorConfirmed, recoveryCodesGenerated } from '../audit/account-events.ts'
import { enrollmentPassed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Deps } from '../deps.ts'
import type { NewSession } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import type { Client } from '../oauth/client.ts'
import type { Sql } from '../postgres.ts'
import { newSession } from '../sessions/new-session.ts'
import { mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import type { Enrollee } from './authenticate-enrollee.ts'
import { type Authenticator, MAX_ENROLLED } from './authenticator.ts'
import { CODE_FACTOR } from './code.ts'
import { raiseEnrolled } from './enrolled-count-store.ts'
import { activateAuthenticator, findPendingTotp } from './enrollment-store.ts'
import { newRecoveryCodes } from './recovery-code.ts'
import { replaceRecoveryCodes } from './recovery-code-store.ts'
import { requireFreshSecondFactor } from './require-fresh-second-factor.ts'
import { takeCodeAttempt } from './take-code-attempt.ts'
import { isTotpCode, matchTimeStep } from './totp.ts'

/** `recoveryCodes` with the first authenticator, `tokens` where an enrollment token was used; else null. */
export type ConfirmedAuthenticator = {
  authenticator: Authenticator
  recoveryCodes: string[] | null
  tokens: Tokens | null
}

/** What an enrollment token leads to. */
type SignIn = { token: string; client: Client; session: NewSession; refreshToken: RefreshToken }

type ConfirmDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'sealer' | 'randomBytes' | 'clients'
>

/**
 * Confirms a pending authenticator.
 * @throws {AuthError} insufficient_user_authentication, not_found, invalid_request, invalid_code,
 *   account_locked, conflict, invalid_enrollment
 */
export const confirmAuthenticator = async (
  deps: ConfirmDeps,
  origin: Origin,
  enrollee: Enrollee,
  { authenticatorId, code }: { authenticatorId: string; code: string },
): Promise<ConfirmedAuthenticator> => {
  const { account } = enrollee
  const below = await limitFor(deps, origin, enrollee)
  const pending = await findPendingTotp(deps, account.id, authenticatorId, origin.now)
  if (!pending) throw nothingPending()
  if (!isTotpCode(code, pending.digits)) {
    throw new AuthError('invalid_request', `The code must have ${pending.digits} digits.`, {
      fields: ['code'],
    })
  }
  const signIn = enrollee.by === 'enrollment' ? await prepareSignIn(deps, origin, enrollee) : null
  const sessionId = enrollee.by === 'session' ? enrollee.session.sid : null
  const attempted = { accountId: account.id, sessionId, purpose: 'confirm' }
  return takeCodeAttempt(deps, origin, attempted, async ({ sessionEpoch, refuse }) => {
    const timeStep = matchTimeStep(pending.secret, pending, code, origin.now)
    if (timeStep === null) return refuse('wrong_code')
    const confirmed = await deps.postgres.transaction(async (postgres) => {
      const matched = { accountId: account.id, sessionId, authenticatorId, timeStep, below, signIn }
      const stored = await storeConfirmed({ ...deps, postgres }, origin, matched)
      if (signIn) await passEnrollment(deps, signIn, sessionEpoch, origin.now)
      else await deps.ephemeral.budgets.clear(account.id)
      if (enrollee.by === 'session') await elevateSession(deps, enrollee.session, origin.now)
      await deps.ephemeral.challenges.endAll(account.id)
      return stored
    })
    const tokens = signIn && mintTokens(deps, signIn.session, { account, ...signIn }, origin.now)
    return { ...confirmed, tokens }
  })
}

/**
 * Who enrolls a first authenticator has just passed it. Without this, the session would count as one that has
 * yet to show a second factor, and its next renewal would sign the account out.
 */
const elevateSession = async (
  deps: ConfirmDeps,
  session: Extract<Enrollee, { by: 'session' }>['session'],
  now: Date,
): Promise<void> => {
  if (session.secondFactorAt !== null) return
  const amr = [...new Set([...session.amr, ...CODE_FACTOR.amr])]
  const secondFactorAt = Math.floor(now.getTime() / 1000)
  await deps.ephemeral.sessions.elevate(
    { ...session, amr, acr: CODE_FACTOR.acr, secondFactorAt },
    now.getTime(),
  )
}

const nothingPending = () =>
  new AuthError('not_found', 'No authenticator by that id waits to be confirmed; it may have expired.')

/** Who has shown no second factor may add the first one, and only the first. */
const limitFor = async (deps: ConfirmDeps, origin: Origin, enrollee: Enrollee): Promise<number> => {
  if (enrollee.by === 'enrollment') return 1
  const proof = await requireFreshSecondFactor(deps, origin, enrollee.session, enrollee.account)
  return proof === 'second_factor' ? MAX_ENROLLED : 1
}

const prepareSignIn = async (
  deps: ConfirmDeps,
  origin: Origin,
  { token, record }: Extract<Enrollee, { by: 'enrollment' }>,
): Promise<SignIn> => {
  const client = await deps.clients.find(record.clientId)
  if (!client) throw new AuthError('invalid_enrollment', 'Its client is no longer registered.')
  const grounds = {
    ...record,
    secondFactor: CODE_FACTOR,
    ip: record.ip ?? origin.ip,
    userAgent: record.userAgent ?? origin.userAgent,
    replaces: null,
  }
  return { token, client, ...newSession(deps, deps.policy.current(), grounds, origin.now) }
}

const storeConfirmed = async (
  deps: Omit<ConfirmDeps, 'postgres'> & { postgres: Sql },
  origin: Origin,
  matched: {
    accountId: string
    sessionId: string | null
    authenticatorId: string
    timeStep: number
    below: number
    signIn: SignIn | null
  },
): Promise<Pick<ConfirmedAuthenticator, 'authenticator' | 'recoveryCodes'>> => {
  const { now } = origin
  const { accountId, authenticatorId, timeStep, below, signIn } = matched
  const enrolled = await raiseEnrolled(deps, accountId, { below, signedInAt: signIn && now })
  if (enrolled === null) throw signIn ? new AuthError('invalid_enrollment') : new AuthError('conflict')

  const sessionId = signIn?.session.sid ?? matched.sessionId
  const about = { accountId, sessionId, authenticatorId, type: 'totp' }
  const step = { accountId, authenticatorId, timeStep, now }
  const authenticator = await activateAuthenticator(deps, step, authenticatorConfirmed(origin, about))
  if (!authenticator) throw nothingPending()
  if (signIn)
    await recordEvent(deps, enrollmentPassed(origin, { ...signIn.session, sessionId: signIn.session.sid }))
  if (enrolled > 1) return { authenticator, recoveryCodes: null }

  const count = deps.policy.current().recovery_code_count
  const { codes, stored } = newRecoveryCodes(deps.randomBytes, count)
  const event = recoveryCodesGenerated(origin, { accountId, sessionId, count })
  await replaceRecoveryCodes(deps, accountId, { codes: stored, now }, event)
  return { authenticator, recoveryCodes: codes }
}

const passEnrollment = async (
  deps: ConfirmDeps,
  { token, session }: SignIn,
  sessionEpoch: number,
  now: Date,
): Promise<void> => {
  const won = await deps.ephemeral.enrollments.pass(token, session, sessionEpoch, now.getTime())
  if (!won) throw new AuthError('invalid_enrollment')
}
