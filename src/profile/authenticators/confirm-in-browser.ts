import type { ByEnrollment } from '../../callers/authenticate-enrollee.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { newBrowserSession } from '../../sessions/new-browser-session.ts'
import { type BrowserSession, endReplaced, usedSession } from '../../sign-in/sign-in-browser.ts'
import { confirmAuthenticator } from './confirm-authenticator.ts'

/** `recoveryCodes`: made with the first authenticator; null where there were some. */
type ConfirmedInBrowser = BrowserSession & { recoveryCodes: string[] | null }

/**
 * Confirms the authenticator that a sign-in in the browser has begun to enroll, which completes the sign-in. `session`: the
 * browser's, until now.
 * @throws {AuthError} as `confirmAuthenticator`
 */
export const confirmInBrowser = async (
  deps: Parameters<typeof confirmAuthenticator>[0] & Parameters<typeof endReplaced>[0],
  enrollee: ByEnrollment,
  asked: { authenticatorId: string; code: string; session: UsedSession | null },
): Promise<ConfirmedInBrowser> => {
  const { session: before, ...given } = asked
  const confirmed = await confirmAuthenticator(
    deps,
    enrollee,
    { ...given, others: 'end' },
    newBrowserSession(before, deps.policy.current()),
  )
  const { opened } = confirmed
  if (!opened) throw new Error('a sign-in that enrolls opens a session')
  const session = usedSession(opened.session)
  await endReplaced(deps, enrollee.origin, before, session)
  return { session, key: opened.credentials, recoveryCodes: confirmed.recoveryCodes }
}
