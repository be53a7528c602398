// Where the answer to an authorization request goes. Until this is known to be the client's own, nothing is sent there:
// the browser gets a page that says what the integrator has to mend (RFC 6749 4.1.2.1, RFC 9700 4.11). Pure.
import { decodeJwt } from 'jose/jwt/decode'
import type { Client } from '../../clients/client.ts'
import { type AuthorizationParameters, oneOf } from './parameters.ts'

export type ResponseMode = 'query' | 'form_post'

export type ResponseTarget = { redirectUri: string; responseMode: ResponseMode; state: string | null }

/** What an integrator reads on the error page: what is wrong, and what was given. */
export type TargetProblem = {
  error: 'invalid_request' | 'invalid_client'
  text: string
  given: [string, string][]
}

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?=[/?]|$)/

const withoutPort = (uri: string): string =>
  uri.replace(LOOPBACK, (origin) => origin.replace(/:\d{1,5}$/, ''))

/**
 * Exactly a registered one (RFC 9700 2.1). Decision: on a loopback address any port is the registered one, as RFC 8252
 * 7.3 asks: a native application takes whichever is free.
 */
export const isRegisteredRedirect = ({ redirectUris }: Pick<Client, 'redirectUris'>, uri: string): boolean =>
  redirectUris.includes(uri) ||
  (LOOPBACK.test(uri) && redirectUris.some((registered) => withoutPort(registered) === withoutPort(uri)))

export const RESPONSE_MODES = ['query', 'form_post'] as const satisfies readonly ResponseMode[]

/**
 * The mode that a request object names. Request objects are refused; this only decides how the refusal travels, to a
 * redirect URI that is registered, so that nothing depends on who has written it.
 */
const modeInRequestObject = (request: string | null | undefined): unknown => {
  if (!request) return null
  try {
    return decodeJwt(request).response_mode
  } catch {
    return null
  }
}

/** `form_post` only where it is asked for, so that an error about the mode itself can be answered too. */
const responseModeOf = (parameters: AuthorizationParameters): ResponseMode => {
  const mode = oneOf(parameters, 'response_mode') ?? modeInRequestObject(oneOf(parameters, 'request'))
  return mode === 'form_post' ? 'form_post' : 'query'
}

export const unknownClient = (clientId: string | null | undefined): TargetProblem =>
  clientId
    ? {
        error: 'invalid_client',
        text: 'No application is registered under this client_id.',
        given: [['client_id', clientId]],
      }
    : {
        error: 'invalid_request',
        text: 'The request has to name one client_id: the id that the application is registered under.',
        given: [],
      }

/** Where the answer goes, or why it goes nowhere. */
export const responseTarget = (
  client: Client,
  parameters: AuthorizationParameters,
): ResponseTarget | TargetProblem => {
  const { clientId } = client
  const redirectUri = oneOf(parameters, 'redirect_uri')
  if (!redirectUri) {
    return {
      error: 'invalid_request',
      text: 'The request has to name one redirect_uri: where the application is answered.',
      given: [['client_id', clientId]],
    }
  }
  if (!isRegisteredRedirect(client, redirectUri)) {
    return {
      error: 'invalid_request',
      text:
        'This redirect_uri is not registered for the application. It has to be the same as a registered one, ' +
        'character by character; an administrator can register it.',
      given: [
        ['client_id', clientId],
        ['redirect_uri', redirectUri],
      ],
    }
  }
  return {
    redirectUri,
    responseMode: responseModeOf(parameters),
    state: oneOf(parameters, 'state') ?? null,
  }
}
