// The answer to an authorization request (RFC 6749 4.1.2, RFC 9207). Pure.
import type { ErrorCode } from '../../errors.ts'
import type { ResponseTarget } from './response-target.ts'

export type Answer = { code: string } | { error: ErrorCode; error_description: string }

export type AuthorizationResponse = ResponseTarget & { parameters: Record<string, string> }

/** RFC 6749 4.1.2.1: printable ASCII without quotation mark and backslash. */
const plain = (text: string): string => text.replaceAll(/[^\x20-\x7E]|[\\"]/g, "'")

/** Every answer names its issuer, so that a client of several is not confused (RFC 9207). */
export const authorizationResponse = (
  issuer: string,
  target: ResponseTarget,
  answer: Answer,
): AuthorizationResponse => ({
  ...target,
  parameters: {
    ...('code' in answer ? answer : { ...answer, error_description: plain(answer.error_description) }),
    ...(target.state !== null && { state: target.state }),
    iss: issuer,
  },
})

/** Where a browser goes with an answer in the query. What the redirect URI has in its query stays (RFC 6749 3.1.2). */
export const responseLocation = ({ redirectUri, parameters }: AuthorizationResponse): string => {
  const query = new URLSearchParams(parameters).toString()
  return redirectUri + (redirectUri.includes('?') ? '&' : '?') + query
}
