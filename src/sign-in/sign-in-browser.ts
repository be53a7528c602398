// Signing in on Postern's own pages: the same engine as for clients (`continue-sign-in.ts`, `attempt-challenge.ts`), and
// what comes of it is a session of the browser, in which clients get grants later.
import { findAccount } from '../accounts/store.ts'
import type { Origin } from '../audit/event.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { NewSession, UsedSession } from '../ephemeral/sessions.ts'
import { DependencyError } from '../errors.ts'
import type { Method } from '../policy/policy.ts'
import type { BrowserKey } from '../sessions/browser-key.ts'
import { endSession } from '../sessions/end-session.ts'
import { newBrowserSession } from '../sessions/new-browser-session.ts'
import { attemptChallenge } from './attempt-challenge.ts'
import {
  type ChallengeOpened,
  continueSignIn,
  type EnrollmentOpened,
  type PrimaryAuthentication,
} from './continue-sign-in.ts'
import { checkPassword } from './log-in.ts'

/** The browser's session from now on, and what opens it. */
export type BrowserSession = { session: UsedSession; key: BrowserKey }

/** `username`: of the account that is signing in, for the next page. */
export type BrowserSignIn =
  | ({ status: 'authenticated' } & BrowserSession)
  | ((ChallengeOpened | EnrollmentOpened) & { username: string })

type BrowserDeps = Pick<
  Deps,
  | 'notices'
  | 'accounts'
  | 'clients'
  | 'clock'
  | 'config'
  | 'ephemeral'
  | 'log'
  | 'passwords'
  | 'policy'
  | 'postgres'
  | 'randomBytes'
  | 'sealer'
>

/** A session that was opened just now; what PostgreSQL has of its account is read anew. */
export const usedSession = (session: NewSession): UsedSession => ({
  ...session,
  lastSeenAt: session.createdAt,
  inBrowser: true,
  accountVersion: '',
  grant: null,
})

/**
 * The browser's session is another account's now: the one before ends, and its clients are told. Where that cannot be
 * done, it is logged, and the sign-in goes on: its key is in no browser any more, and it ends by being idle.
 */
export const endReplaced = async (
  deps: BrowserDeps,
  origin: Origin,
  before: UsedSession | null,
  session: UsedSession,
): Promise<void> => {
  if (!before || before.sid === session.sid) return
  const { accountId, sid, clientId } = before
  try {
    await endSession(deps, origin, { accountId, sid, clientId, reason: 'another_account' })
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error
    deps.log.warn(
      { session: sid, reason: error.message },
      'could not end the session that a sign-in has replaced',
    )
  }
}

/**
 * Signs an account in with its password. `session`: the browser's, until now. `needs`: what the application asks for
 * besides what the policy does.
 * @throws {AuthError} as `logIn`, but for the scope
 */
export const signInBrowser = async (
  deps: BrowserDeps,
  request: Origin,
  {
    client,
    session: before,
    needs,
    ...given
  }: {
    client: Client
    session: UsedSession | null
    needs: 'second_factor' | null
    username: string
    password: string
  },
): Promise<BrowserSignIn> => {
  const { origin, ...passed } = await checkPassword(deps, request, client, given)
  return goThroughGate(deps, origin, { ...passed, client, needs }, before)
}

type InBrowser = Pick<PrimaryAuthentication, 'account' | 'passwordHash' | 'state' | 'client' | 'needs'>

const goThroughGate = async (
  deps: BrowserDeps,
  origin: Origin,
  passed: InBrowser,
  before: UsedSession | null,
): Promise<BrowserSignIn> => {
  const how = { scope: '', amr: ['pwd'], endUser: null, purpose: 'browser' as const }
  const result = await continueSignIn(
    deps,
    origin,
    { ...passed, ...how },
    newBrowserSession(before, deps.policy.current()),
  )
  if (result.status !== 'authenticated') return { ...result, username: passed.account.username ?? '' }
  const session = usedSession(result.opened.session)
  await endReplaced(deps, origin, before, session)
  return { status: result.status, session, key: result.opened.credentials }
}

/**
 * Signs in the account of a registration that its page has just confirmed: the password was chosen there, within the hour.
 * Null where the account is gone again.
 * @throws {AuthError} as `continueSignIn`
 */
export const signInRegistered = async (
  deps: BrowserDeps,
  request: Origin,
  {
    accountId,
    passwordHash,
    client,
    session: before,
    needs,
  }: {
    accountId: string
    passwordHash: string
    client: Client
    session: UsedSession | null
    needs: 'second_factor' | null
  },
): Promise<BrowserSignIn | null> => {
  const state = await deps.ephemeral.budgets.read(accountId, request.now.getTime())
  const account = await findAccount(deps, accountId)
  if (!account) return null
  const origin: Origin = { ...request, actor: { type: 'account', id: accountId } }
  return goThroughGate(deps, origin, { account, passwordHash, state, client, needs }, before)
}

/**
 * Answers the challenge of a sign-in or a step-up in the browser.
 * @throws {AuthError} as `attemptChallenge`
 */
export const attemptInBrowser = async (
  deps: BrowserDeps,
  origin: Origin,
  answer: { challengeToken: string; method: Method; code: string; session: UsedSession | null },
): Promise<BrowserSession> => {
  const { session: before, ...given } = answer
  const { opened } = await attemptChallenge(
    deps,
    { backend: null, origin },
    given,
    newBrowserSession(before, deps.policy.current()),
  )
  const session = usedSession(opened.session)
  await endReplaced(deps, origin, before, session)
  return { session, key: opened.credentials }
}
