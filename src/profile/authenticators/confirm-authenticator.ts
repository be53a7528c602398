// Enrolling an authenticator, second half: one valid code makes it active. Top to bottom:
//   1. take an attempt of the account's budget, before the code is checked;
//   2. match the code against the pending secret;
//   3. in one transaction: count it, activate it, burn its time step, and make recovery codes with the first;
//   4. before that commits, end what is pending, and open a session: for an account that signs in by enrolling, or to
//      replace the session in which the first authenticator was confirmed (docs/security.md 21).
//
// Decision: 4 is inside the transaction. If Redis is away, or the enrollment or the session has been used or ended
// meanwhile, everything is rolled back, and no account has recovery codes that were never shown. If a crash or
// PostgreSQL prevents the commit, the enrollment token is spent, or the session is replaced by one whose tokens nobody
// has: the user signs in again, and no factor was skipped. Pending enrollments are ended last, because that ends this
// one too. If a crash lets one of them survive, it enrolls nothing: PostgreSQL requires `enrolled_authenticators = 0`.
import { changingAccount } from '../../accounts/change-under-version.ts'
import { sessionEnded } from '../../audit/authentication-events.ts'
import { recordEvent } from '../../audit/store.ts'
import { checkPendingCode, takeAccountAttempt } from '../../authenticators/attempt-code.ts'
import { MAX_ENROLLED } from '../../authenticators/authenticator.ts'
import { CODE_FACTOR } from '../../authenticators/code.ts'
import { findPendingTotp } from '../../authenticators/enrollment-store.ts'
import { nothingToConfirm } from '../../authenticators/match-answer.ts'
import { isTotpCode } from '../../authenticators/totp/totp.ts'
import type { FreshEnrollee } from '../../callers/authenticate-enrollee.ts'
import { isRegisteredAs } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import type { NewSession, SessionClients } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import { tightenPolicy } from '../../policy/tighten-policy.ts'
import type { Sql } from '../../postgres/pool.ts'
import { endOtherAccess, notifyingOfOthers } from '../../sessions/end-other-access.ts'
import type { SessionMaker } from '../../sessions/new-session.ts'
import type { OtherSessions } from '../../sessions/schemas.ts'
import type { OpenedSession } from '../../sign-in/issue-tokens.ts'
import { type EnrolledAuthenticator, enrollAuthenticator } from './enroll-authenticator.ts'

/** `opened` where a session was, else null. */
export type ConfirmedAuthenticator<Credentials> = EnrolledAuthenticator & {
  opened: OpenedSession<Credentials> | null
}

type ConfirmDeps = Pick<
  Deps,
  | 'accounts'
  | 'postgres'
  | 'ephemeral'
  | 'policy'
  | 'sealer'
  | 'randomBytes'
  | 'clients'
  | 'clock'
  | 'notices'
>

/**
 * Confirms a pending authenticator.
 * @throws {AuthError} not_found, invalid_request, invalid_code,
 *   account_locked, conflict, invalid_enrollment
 */
export const confirmAuthenticator = async <Credentials>(
  deps: ConfirmDeps,
  enrollee: FreshEnrollee,
  { authenticatorId, code, others }: { authenticatorId: string; code: string; others: OtherSessions },
  makeSession: SessionMaker<Credentials>,
): Promise<ConfirmedAuthenticator<Credentials>> => {
  const { account, origin } = enrollee
  const below = limitFor(enrollee)
  const pending = await findPendingTotp(deps, account.id, authenticatorId, origin.now)
  if (!pending) throw nothingToConfirm()
  if (!isTotpCode(code, pending.digits)) {
    throw new AuthError('invalid_request', `The code must have ${pending.digits} digits.`, {
      fields: ['code'],
    })
  }
  const opening = await prepareSession(deps, enrollee, { below, makeSession })
  const sessionId = enrollee.by === 'session' ? enrollee.session.sid : null
  const asked = { accountId: account.id, sessionId, purpose: 'confirm' } as const
  const attempt = await takeAccountAttempt(deps, origin, asked, { method: 'totp', code })
  const { timeStep } = await checkPendingCode(deps, origin, attempt, { authenticatorId, code })
  const kept = { accountId: account.id, keptSessionId: opening?.session.sid ?? sessionId, others }
  const { enrolled } = await notifyingOfOthers(deps, origin, kept, () =>
    changingAccount(deps, account.id, ({ transaction }) =>
      // Nothing in here takes another connection: all those of the pool may be waiting for this account's row.
      transaction(async (postgres) => {
        const within = { ...deps, postgres }
        const matched = { account, sessionId, authenticatorId, timeStep, below }
        const signingIn = enrollee.by === 'enrollment' && opening ? opening.session : null
        const enrolled = await enrollAuthenticator(within, origin, matched, signingIn)
        const { sessionEpoch } = attempt
        const replaced = opening
          ? await openSession(within, enrollee, { session: opening.session, sessionEpoch })
          : []
        if (enrollee.by === 'session') await deps.ephemeral.budgets.clear(account.id)
        const ended = await endOtherAccess(within, origin, kept, 'authenticator_confirmed')
        return { enrolled, ended: [...replaced, ...ended] }
      }),
    ),
  )
  return { ...enrolled, opened: opening }
}

/** A caller who has shown no second factor may add the first one only. */
const limitFor = (enrollee: FreshEnrollee): number =>
  enrollee.by === 'session' && enrollee.proof === 'second_factor' ? MAX_ENROLLED : 1

/**
 * Null where the caller's session is kept: it has shown a second factor before, or it is a browser's, and whoever asks
 * makes none with a new key for the browser.
 */
const prepareSession = async <Credentials>(
  deps: ConfirmDeps,
  enrollee: FreshEnrollee,
  { below, makeSession }: { below: number; makeSession: SessionMaker<Credentials> },
): Promise<OpenedSession<Credentials> | null> => {
  if (enrollee.by === 'session' && below > 1) return null
  const { origin } = enrollee
  const grounds = enrollee.by === 'session' ? enrollee.session : enrollee.record
  const endUser = enrollee.by === 'session' ? enrollee.session : (enrollee.record.endUser ?? origin)
  const client = await deps.clients.find(grounds.clientId)
  if (!client || !isRegisteredAs(client, grounds)) {
    throw new AuthError(
      enrollee.by === 'session' ? 'invalid_token' : 'invalid_enrollment',
      'Its client is no longer registered.',
    )
  }
  const { account } = enrollee
  const opened = {
    ...grounds,
    account,
    vouched: enrollee.by === 'session' && enrollee.session.vouched,
    // `authTime` does not change: the code proves the authenticator that was just enrolled, and not the user.
    secondFactor: CODE_FACTOR,
    ip: endUser.ip,
    userAgent: endUser.userAgent,
    replaces: enrollee.by === 'session' ? enrollee.session : null,
  }
  const policy = tightenPolicy(deps.policy.current(), client)
  const made = makeSession(deps, policy, opened, origin.now)
  const isKept =
    enrollee.by === 'session' && enrollee.session.inBrowser && made.session.browserKeyHash === null
  return isKept ? null : { account, client, ...made }
}

const openSession = async (
  deps: Pick<ConfirmDeps, 'ephemeral'> & { postgres: Sql },
  enrollee: FreshEnrollee,
  { session, sessionEpoch }: { session: NewSession; sessionEpoch: number },
): Promise<readonly SessionClients[]> => {
  const { enrollments, sessions } = deps.ephemeral
  const { origin } = enrollee
  const nowMs = origin.now.getTime()
  if (enrollee.by === 'enrollment') {
    const won = await enrollments.pass(enrollee.token, session, sessionEpoch, nowMs)
    if (!won) throw new AuthError('invalid_enrollment')
    return won
  }
  const { accountId, clientId, sid } = enrollee.session
  const about = { accountId, clientId, sessionId: sid, reason: 'second_factor_enrolled' }
  await recordEvent(deps, sessionEnded(origin, about))
  const replaced = await sessions.open(session, { sessionEpoch }, nowMs)
  if (!replaced) throw new AuthError('conflict', 'Sessions of the account were ended meanwhile; try again.')
  return replaced
}
