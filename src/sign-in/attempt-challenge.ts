// The only place where a second factor is checked at sign-in and step-up. Top to bottom:
//   1. take an attempt: counted on the challenge and on the account, before anything is checked;
//   2. compare the answer with what the account has enrolled, and ask the gate once more;
//   3. burn the time step, or use the recovery code up, with its audit event: durable, and once;
//   4. pass the challenge and open the session, in one step that exactly one caller wins.
// The tokens are signed after that (`issue-tokens.ts`).
// A crash after 3 costs the user one code. No code is ever accepted twice.
import { type Account, isAdministrator } from '../accounts/account.ts'
import { changingAccount } from '../accounts/change-under-version.ts'
import { challengePassed, challengeRefused } from '../audit/authentication-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { checkCode, orGiveBack, refuseCode, takeChallengeAttempt } from '../authenticators/attempt-code.ts'
import { CODE_FACTOR } from '../authenticators/code.ts'
import type { Answer, Match } from '../authenticators/match-answer.ts'
import { useRecoveryCode } from '../authenticators/recovery-codes/store.ts'
import { burnTimeStep } from '../authenticators/store.ts'
import type { Answering } from '../callers/authenticate-backend.ts'
import { isRegisteredAs, registrationOf } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTag } from '../encryption/opaque-token.ts'
import type { ChallengeRecord } from '../ephemeral/ephemeral.ts'
import type { NewSession } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import { decide } from '../policy/decide.ts'
import type { Method, Policy } from '../policy/policy.ts'
import { tightenPolicy } from '../policy/tighten-policy.ts'
import type { SessionGrounds, SessionMaker } from '../sessions/new-session.ts'
import { notifyOfEnded } from '../sessions/notify-clients.ts'
import type { OpenedSession } from './issue-tokens.ts'

export type PassedChallenge<Credentials> = {
  opened: OpenedSession<Credentials>
  /** How many are left, where one of them was the answer; else null. */
  recoveryCodesRemaining: number | null
  /** Whose challenge it was, for a backend that opened it for an account of Postern's own; else null. */
  username: string | null
}

type AttemptDeps = Pick<
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

/** What answers a challenge. */
type ChallengeAnswer = Answer & { challengeToken: string }

/**
 * Answers a challenge, as the backend that has opened it, or as whoever holds it.
 * @throws {AuthError} invalid_challenge, invalid_client (another one answers it), invalid_request (a method that is
 *   not offered), invalid_code, account_locked, account_disabled
 */
export const attemptChallenge = async <Credentials>(
  deps: AttemptDeps,
  { backend, origin: request }: Answering,
  { challengeToken, ...answer }: ChallengeAnswer,
  makeSession: SessionMaker<Credentials>,
): Promise<PassedChallenge<Credentials>> => {
  const at = { challengeToken, answerer: backend && registrationOf(backend.client) }
  const attempt = await takeChallengeAttempt(deps, request, at, answer)
  const { record, sessionEpoch } = attempt
  const origin: Origin = { ...request, actor: { type: 'account', id: record.accountId } }
  const { account, match } = await checkCode(deps, origin, attempt, answer)
  const client = await clientOf(deps, record)
  const policy = tightenPolicy(deps.policy.current(), client)
  await askGate(deps, origin, record, { account, policy })
  if (record.purpose === 'vouched' && isAdministrator(account)) return refuseVouched(deps, origin, record)

  const grounds = await sessionGrounds(deps, origin, record, account)
  const { session, credentials } = makeSession(deps, policy, grounds, origin.now)
  const event = passedEvent(origin, record, { method: answer.method, match, session })
  // What replaces a session is not a sign-in.
  const signedInAt = record.sid === null ? origin.now : null
  const burning = burn(deps, { accountId: account.id, match, now: origin.now, signedInAt }, event)
  const burned = await orGiveBack(deps, origin, attempt, burning)
  if (!burned) {
    return refuseCode(deps, origin, attempt, { method: answer.method, reason: 'replayed_code' })
  }
  const { challenges } = deps.ephemeral
  const won = await challenges.pass(challengeToken, session, sessionEpoch, origin.now.getTime())
  if (!won) throw new AuthError('invalid_challenge')
  await notifyOfEnded(deps, account.id, won)
  return {
    opened: { session, account, client, credentials },
    recoveryCodesRemaining: match.kind === 'recovery_code' ? match.remaining : null,
    username: session.vouched ? account.username : null,
  }
}

/** Of these only a recovery code changes what replicas keep of the account: how many are left. */
const burn = (
  deps: AttemptDeps,
  { accountId, match, ...at }: { accountId: string; match: Match; now: Date; signedInAt: Date | null },
  event: AuditEvent,
): Promise<boolean> =>
  match.kind === 'totp'
    ? burnTimeStep(deps, { ...match, ...at }, event)
    : changingAccount(deps, accountId, (postgres) =>
        useRecoveryCode({ postgres }, { ...match, ...at }, event),
      )

const passedEvent = (
  origin: Origin,
  { accountId, clientId, purpose }: ChallengeRecord,
  { method, match, session }: { method: Method; match: Match; session: NewSession },
) =>
  challengePassed(origin, {
    accountId,
    clientId,
    sessionId: session.sid,
    purpose,
    method,
    amr: session.amr,
    ...(match.kind === 'totp' && { authenticatorId: match.authenticatorId }),
  })

/** No client vouches for an administrator, even one who became one meanwhile (docs/security.md 41). */
const refuseVouched = async (
  deps: AttemptDeps,
  origin: Origin,
  { accountId, clientId }: ChallengeRecord,
): Promise<never> => {
  await recordEvent(deps, challengeRefused(origin, { accountId, clientId, reason: 'administrator' }))
  throw new AuthError('access_denied')
}

const clientOf = async (deps: AttemptDeps, record: ChallengeRecord) => {
  const client = await deps.clients.find(record.clientId)
  if (!client || !isRegisteredAs(client, record))
    throw new AuthError('invalid_challenge', 'The client of this challenge is no longer registered.')
  return client
}

/** The gate once more, as if the code had passed: the account and the policy may have changed since the login. */
const askGate = async (
  deps: AttemptDeps,
  origin: Origin,
  { accountId, clientId }: ChallengeRecord,
  { account, policy }: { account: Account; policy: Policy },
): Promise<void> => {
  const proven = { secondFactorAt: Math.floor(origin.now.getTime() / 1000) }
  const decision = decide(policy, account, proven, origin.now)
  if (decision.kind === 'allow') return
  const [reason = decision.kind] = decision.reasons
  await recordEvent(deps, challengeRefused(origin, { accountId, clientId, reason }))
  throw new AuthError(decision.kind === 'deny' ? 'account_disabled' : 'invalid_challenge')
}

/** The session to open. At step-up it replaces the session that asked for it, and keeps its absolute end. */
const sessionGrounds = async (
  deps: AttemptDeps,
  origin: Origin,
  record: ChallengeRecord,
  account: Account,
): Promise<SessionGrounds> => {
  const { now } = origin
  const endUser = record.endUser ?? origin
  const replaced = record.sid
    ? await deps.ephemeral.sessions.touch(
        { accountTag: accountTag(account.id), sid: record.sid, grantId: null },
        now.getTime(),
      )
    : null
  if (record.sid && !replaced)
    throw new AuthError('invalid_challenge', 'The session of this step-up has ended.')
  return {
    account,
    clientId: record.clientId,
    clientRegisteredAt: record.clientRegisteredAt,
    scope: record.scope,
    amr: record.amr,
    // Decision: a step-up sets `auth_time` anew. RFC 9470 3 counts `max_age` from the last time that the user
    // authenticated, and the API that asked for the step-up reads that time there: with the old value it would ask
    // again and again. A step-up is not a sign-in: the session keeps its beginning and its end. A renewal does not
    // change `auth_time` (RFC 9068 2.2.1).
    authTime: replaced ? Math.floor(now.getTime() / 1000) : record.authTime,
    // Whoever saw the codes of a session may have passed this one on, too.
    vouched: replaced ? replaced.vouched : record.purpose === 'vouched',
    secondFactor: CODE_FACTOR,
    ip: endUser.ip,
    userAgent: endUser.userAgent,
    replaces: replaced,
  }
}
