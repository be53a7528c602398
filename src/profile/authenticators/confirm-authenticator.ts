// Enrolling an authenticator, second half: one valid code makes it active. Top to bottom:
//   1. take an attempt of the account's budget, before the code is looked at;
//   2. match the code against the pending secret;
//   3. in one transaction: count it, activate it, burn its time step, and make recovery codes with the first;
//   4. before that commits, end what is pending, and open the session of who signs in by enrolling;
//   5. sign the tokens, or note in the session that asked that it has shown a second factor.
//
// Decision: 4 stands inside the transaction. Where Redis is away, or the enrollment has been used or ended
// meanwhile, everything is rolled back and nobody has recovery codes that were never shown. Where a crash or
// PostgreSQL prevents the commit, the enrollment token is spent and a session is open whose tokens nobody was
// given: the user signs in again, and no factor was skipped. `pass` comes before `endAll`, which would end
// this enrollment with all others; should one outlive a crash between, the count it is held against
// (`enrolled_authenticators = 0`) is in PostgreSQL.
import type { Origin } from '../../audit/event.ts'
import { MAX_ENROLLED } from '../../authenticators/authenticator.ts'
import { CODE_FACTOR } from '../../authenticators/code.ts'
import { findPendingTotp } from '../../authenticators/enrollment-store.ts'
import { takeCodeAttempt } from '../../authenticators/take-code-attempt.ts'
import { isTotpCode, matchTimeStep } from '../../authenticators/totp/totp.ts'
import type { Enrollee } from '../../callers/authenticate-enrollee.ts'
import { requireFreshSecondFactor } from '../../callers/require-fresh-second-factor.ts'
import type { Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import type { NewSession } from '../../ephemeral/ephemeral.ts'
import { AuthError } from '../../errors.ts'
import { newSession } from '../../sessions/new-session.ts'
import { mintTokens, type Tokens } from '../../tokens/mint-tokens.ts'
import type { RefreshToken } from '../../tokens/refresh-token.ts'
import { type EnrolledAuthenticator, enrollAuthenticator, nothingToConfirm } from './enroll-authenticator.ts'

/** `tokens` where an enrollment token was used, else null. */
export type ConfirmedAuthenticator = EnrolledAuthenticator & { tokens: Tokens | null }

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
  if (!pending) throw nothingToConfirm()
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
    // No other connection is asked for in here: those of the pool may all be waiting for this account's row.
    const confirmed = await deps.postgres.transaction(async (postgres) => {
      const matched = { accountId: account.id, sessionId, authenticatorId, timeStep, below }
      const enrolled = await enrollAuthenticator(
        { ...deps, postgres },
        origin,
        matched,
        signIn?.session ?? null,
      )
      if (signIn) await passEnrollment(deps, signIn, sessionEpoch, origin.now)
      else await deps.ephemeral.budgets.clear(account.id)
      await deps.ephemeral.challenges.endAll(account.id)
      return enrolled
    })
    if (enrollee.by === 'session') await elevateSession(deps, enrollee.session, origin.now)
    const tokens = signIn && mintTokens(deps, signIn.session, { account, ...signIn }, origin.now)
    return { ...confirmed, tokens }
  })
}

/**
 * Who enrolls a first authenticator has just passed it. Without this, the session would count as one that has
 * yet to show a second factor, and its next renewal would sign the account out. Only once the authenticator is
 * durable: no session vouches for one that is not there.
 */
const elevateSession = async (
  deps: ConfirmDeps,
  session: Extract<Enrollee, { by: 'session' }>['session'],
  now: Date,
): Promise<void> => {
  if (session.secondFactorAt !== null) return
  const amr = [...new Set([...session.amr, ...CODE_FACTOR.amr])]
  const secondFactorAt = Math.floor(now.getTime() / 1000)
  const elevated = { ...session, amr, acr: CODE_FACTOR.acr, secondFactorAt }
  // Redis away: the account signs in again, which is no reason to keep its recovery codes from it.
  await deps.ephemeral.sessions.elevate(elevated, now.getTime()).catch(() => false)
}

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

const passEnrollment = async (
  deps: ConfirmDeps,
  { token, session }: SignIn,
  sessionEpoch: number,
  now: Date,
): Promise<void> => {
  const won = await deps.ephemeral.enrollments.pass(token, session, sessionEpoch, now.getTime())
  if (!won) throw new AuthError('invalid_enrollment')
}
