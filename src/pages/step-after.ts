// The step that a sign-in goes on with, where what its user has shown is not enough. Pure.
import type { BrowserSignIn } from '../sign-in/sign-in-browser.ts'
import { challengeStep, type Step } from './flow/flow.ts'

export const stepAfter = (result: Exclude<BrowserSignIn, { status: 'authenticated' }>, now: Date): Step => {
  const { token, username, expiresInSeconds } = result
  if (result.status === 'challenge_required')
    return challengeStep(result, { purpose: 'sign_in', username, now })
  return { kind: 'enrollment', token, expiresAtMs: now.getTime() + expiresInSeconds * 1000, username }
}
