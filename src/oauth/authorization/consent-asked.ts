// What a client needs its user's consent for. Pure.
import type { ConsentGiven } from '../../clients/consent.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

/** Claims that say how the user has authenticated, and who they are to the client, are part of every sign-in. */
const PART_OF_SIGN_IN = ['sub', 'acr', 'auth_time', 'amr', 'sid']

export const consentAsked = ({
  scope,
  claims,
}: Pick<AuthorizationRequest, 'scope' | 'claims'>): ConsentGiven => {
  const names = [...Object.keys(claims.idToken), ...Object.keys(claims.userinfo)]
  return {
    scopes: scope.split(' '),
    claims: [...new Set(names)].filter((name) => !PART_OF_SIGN_IN.includes(name)),
  }
}
