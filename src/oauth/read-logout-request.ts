// What a client asks for when it signs its user out (OpenID Connect RP-Initiated Logout 1.0 2).
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type IdTokenHint, readIdTokenHint } from '../tokens/read-id-token-hint.ts'

export const LOGOUT_PARAMETERS = [
  'id_token_hint',
  'logout_hint',
  'client_id',
  'post_logout_redirect_uri',
  'state',
  'ui_locales',
] as const

export type LogoutParameters = Partial<Record<(typeof LOGOUT_PARAMETERS)[number], unknown>>

export type LogoutRequest = {
  /** Null where nobody says. */
  client: Client | null
  /** The session that the hint proves; null where there is no hint, or it names none. */
  sid: string | null
  /** Registered for the client; with `state`. Null: a page says that its user is signed out. */
  continueAt: string | null
}

const textOf = (parameters: LogoutParameters, name: keyof LogoutParameters): string | null => {
  const value = parameters[name]
  if (value === undefined || value === '') return null
  if (typeof value === 'string') return value
  throw new AuthError('invalid_request', `${name} is there more than once.`, { fields: [name] })
}

const hintOf = (
  deps: Pick<Deps, 'config' | 'signingKeys'>,
  parameters: LogoutParameters,
  now: Date,
): IdTokenHint | null => {
  const token = textOf(parameters, 'id_token_hint')
  if (token === null) return null
  const hint = readIdTokenHint(deps, token, now)
  if (hint) return hint
  throw new AuthError('invalid_request', 'id_token_hint is no ID token of this issuer.', {
    fields: ['id_token_hint'],
  })
}

const clientOf = async (
  deps: Pick<Deps, 'clients'>,
  clientId: string | null,
  hint: IdTokenHint | null,
): Promise<Client | null> => {
  if (clientId !== null && hint !== null && hint.clientId !== clientId)
    throw new AuthError('invalid_request', 'id_token_hint is another client’s.', { fields: ['client_id'] })
  const id = clientId ?? hint?.clientId ?? null
  if (id === null) return null
  const client = id.includes('\0') ? null : await deps.clients.find(id)
  if (client) return client
  throw new AuthError('invalid_request', 'No application is registered under this client_id.', {
    fields: ['client_id'],
  })
}

const continueAt = (client: Client | null, uri: string | null, state: string | null): string | null => {
  if (uri === null) return null
  const fields = ['post_logout_redirect_uri']
  if (!client)
    throw new AuthError(
      'invalid_request',
      'post_logout_redirect_uri takes an id_token_hint or a client_id.',
      {
        fields,
      },
    )
  if (!client.postLogoutRedirectUris.includes(uri))
    throw new AuthError(
      'invalid_request',
      'This post_logout_redirect_uri is not registered for the application. It has to be the same as a registered one, character by character.',
      { fields },
    )
  if (state === null) return uri
  return uri + (uri.includes('?') ? '&' : '?') + new URLSearchParams({ state }).toString()
}

/** @throws {AuthError} invalid_request, which a page says, and nothing is redirected to */
export const readLogoutRequest = async (
  deps: Pick<Deps, 'config' | 'signingKeys' | 'clients'>,
  parameters: LogoutParameters,
  now: Date,
): Promise<LogoutRequest> => {
  const hint = hintOf(deps, parameters, now)
  const client = await clientOf(deps, textOf(parameters, 'client_id'), hint)
  const uri = textOf(parameters, 'post_logout_redirect_uri')
  return {
    client,
    sid: hint?.sid ?? null,
    continueAt: continueAt(client, uri, textOf(parameters, 'state')),
  }
}
