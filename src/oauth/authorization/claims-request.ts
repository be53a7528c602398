// The `claims` parameter (OpenID Connect Core 5.5). Pure.
import { AuthError } from '../../errors.ts'

/** A claim that is asked for by name. `values`: those that are accepted; empty for any. */
type ClaimRequest = { isEssential: boolean; values: unknown[] }

export type ClaimsRequest = {
  idToken: Record<string, ClaimRequest>
  userinfo: Record<string, ClaimRequest>
}

const NOTHING: ClaimsRequest = { idToken: {}, userinfo: {} }
const MAX_CLAIMS = 100

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const malformed = (text: string): AuthError =>
  new AuthError('invalid_request', `claims: ${text} (OpenID Connect Core 5.5).`, { fields: ['claims'] })

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('it is not JSON')
  }
}

const claimRequest = (name: string, asked: unknown): ClaimRequest => {
  if (asked === null) return { isEssential: false, values: [] }
  if (!isObject(asked)) throw malformed(`${name} has to be null or an object`)
  const { essential = false, value, values = value === undefined ? [] : [value] } = asked
  if (typeof essential !== 'boolean') throw malformed(`essential of ${name} has to be true or false`)
  if (!Array.isArray(values)) throw malformed(`values of ${name} has to be a list`)
  return { isEssential: essential, values }
}

const memberOf = (asked: unknown, member: string): Record<string, ClaimRequest> => {
  if (asked === undefined || asked === null) return {}
  if (!isObject(asked)) throw malformed(`${member} has to be an object`)
  const entries = Object.entries(asked)
  if (entries.length > MAX_CLAIMS) throw malformed(`${member} has more than ${MAX_CLAIMS} claims`)
  return Object.fromEntries(entries.map(([name, one]) => [name, claimRequest(name, one)]))
}

/** @throws {AuthError} invalid_request */
export const parseClaimsRequest = (text: string | null): ClaimsRequest => {
  if (text === null) return NOTHING
  const asked = parse(text)
  if (!isObject(asked)) throw malformed('it has to be an object')
  return { idToken: memberOf(asked.id_token, 'id_token'), userinfo: memberOf(asked.userinfo, 'userinfo') }
}

/** What is asked for, as a grant keeps it: names alone, for the ID token and for userinfo; null where there are none. */
export const packClaims = ({ idToken, userinfo }: ClaimsRequest): string | null => {
  const names = { id_token: Object.keys(idToken), userinfo: Object.keys(userinfo) }
  return names.id_token.length + names.userinfo.length === 0 ? null : JSON.stringify(names)
}
