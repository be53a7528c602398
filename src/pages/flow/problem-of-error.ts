// What a page says of an error. Pure.
import { type RenderedError, renderError } from '../../errors.ts'
import type { Problem } from '../views/problem.ts'

/** A problem, with the status of the answer that shows it. */
export type PageProblem = {
  problem: Problem
  status: number
  attemptsRemaining: number | null
  retryAfterSeconds: number | null
}

const kindOf = ({ status, body }: RenderedError, now: Date): Problem => {
  const { error, retry_after: retryAfterSeconds = 1 } = body
  if (error === 'invalid_credentials' || error === 'invalid_code' || error === 'account_disabled')
    return { kind: error }
  if (error === 'account_locked')
    return { kind: error, until: new Date(now.getTime() + retryAfterSeconds * 1000) }
  if (error === 'too_many_attempts' || error === 'rate_limited')
    return { kind: 'too_many_attempts', retryAfterSeconds }
  if (error === 'invalid_challenge' || error === 'invalid_enrollment' || error === 'conflict')
    return { kind: 'timed_out' }
  if (error === 'policy_violation' || error === 'access_denied') return { kind: 'access_denied' }
  if (status === 404) return { kind: 'not_found' }
  if (status === 503) return { kind: 'temporarily_unavailable' }
  return { kind: status < 500 ? 'invalid_request' : 'unexpected' }
}

export const problemOfError = (error: unknown, now: Date): PageProblem => {
  const rendered = renderError(error)
  const { attempts_remaining: attemptsRemaining = null, retry_after: retryAfterSeconds = null } =
    rendered.body
  return { problem: kindOf(rendered, now), status: rendered.status, attemptsRemaining, retryAfterSeconds }
}

/**
 * What a page says where its user can do something about it, or wait.
 * @throws any other error as it is: the page of errors is shown, and it is logged
 */
export const expectedProblem = (error: unknown, now: Date): PageProblem => {
  const problem = problemOfError(error, now)
  if (problem.status >= 500 && problem.status !== 503) throw error
  return problem
}

/** A problem of the form itself, found before anything was asked of the engine. */
export const formProblem = (
  kind:
    | 'form_expired'
    | 'cookies_missing'
    | 'foreign_origin'
    | 'username_missing'
    | 'password_missing'
    | 'code_missing'
    | 'malformed_code'
    | 'not_saved'
    | 'choice_missing'
    | 'timed_out'
    | 'wrong_mail_code'
    | 'registration_over'
    | 'registration_taken',
): PageProblem => ({
  problem: { kind },
  status: kind === 'form_expired' || kind === 'cookies_missing' || kind === 'foreign_origin' ? 403 : 400,
  attemptsRemaining: null,
  retryAfterSeconds: null,
})
