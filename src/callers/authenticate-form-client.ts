// The client of a form: at the token endpoint, and wherever else OAuth lets a client say who it is in one of several ways
// (RFC 6749 2.3). Each client has one way, which it is registered for, and a request uses one.
import { type Static, Type } from 'typebox'
import { clientAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Client } from '../clients/client.ts'
import type { AuthMethod } from '../clients/members.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { PlainText } from '../wire/schemas.ts'
import { authenticateClient } from './authenticate-client.ts'
import { ASSERTION_TYPE, verifyClientAssertion } from './verify-client-assertion.ts'

/** The members of a form by which a client says who it is. */
export const CLIENT_MEMBERS = {
  client_id: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
  client_secret: Type.Optional(PlainText({ minLength: 1, maxLength: 256 })),
  client_assertion_type: Type.Optional(
    PlainText({ maxLength: 128, description: `\`${ASSERTION_TYPE}\`, with \`client_assertion\`.` }),
  ),
  client_assertion: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 8192,
      pattern: '^[\\w.-]+$',
      description: 'A JWT that the client has signed (RFC 7523), for `private_key_jwt`.',
    }),
  ),
}
const ClientMembers = Type.Object(CLIENT_MEMBERS)
type FormClient = Static<typeof ClientMembers>

type FormDeps = Pick<Deps, 'config' | 'postgres' | 'clients' | 'clientKeys' | 'ephemeral'>

/** RFC 6749 2.3: one way of authentication a request. @throws {AuthError} invalid_request */
const refuseTwoWays = (presented: Client | null, body: FormClient): void => {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion } = body
  const ways = [presented, secret, assertion].filter((way) => way !== undefined && way !== null)
  const isOther = presented !== null && clientId !== undefined && clientId !== presented.clientId
  if (ways.length <= 1 && !isOther) return
  throw new AuthError('invalid_request', 'Authenticate the client one way, not two.', {
    fields: ['client_id'],
  })
}

/** @throws {AuthError} invalid_request */
const refuseHalfAssertion = ({
  client_assertion: assertion,
  client_assertion_type: type,
}: FormClient): void => {
  if (assertion === undefined && type === undefined) return
  if (assertion !== undefined && type === ASSERTION_TYPE) return
  const text = `client_assertion comes with client_assertion_type, which is ${ASSERTION_TYPE}.`
  throw new AuthError('invalid_request', text, { fields: ['client_assertion_type'] })
}

/** @throws {AuthError} invalid_client, recorded, for a way that the client is not registered for */
const requireRegisteredWay = async (
  deps: FormDeps,
  client: Client,
  way: AuthMethod,
  origin: Origin,
): Promise<Client> => {
  const { tokenEndpointAuthMethod: registered, clientId } = client
  // A public client proves nothing, in whichever place it names itself.
  if (registered === way || registered === 'none') return client
  await recordEvent(deps, clientAuthenticationFailed(origin, { clientId, reason: 'wrong_method' }))
  throw new AuthError('invalid_client', `This client is registered for ${registered}, and used ${way}.`)
}

/**
 * The client of a form. `presented` is the one that its `Authorization` header has proven (`presentedClientOf`).
 * @throws {AuthError} invalid_request, invalid_client
 */
export const authenticateFormClient = async (
  deps: FormDeps,
  presented: Client | null,
  body: FormClient,
  origin: Origin,
): Promise<Client> => {
  refuseTwoWays(presented, body)
  refuseHalfAssertion(body)
  if (presented) return requireRegisteredWay(deps, presented, 'client_secret_basic', origin)
  const { client_id: clientId, client_secret: secret = null, client_assertion: assertion } = body
  if (assertion !== undefined) return verifyClientAssertion(deps, { assertion, clientId }, origin)
  if (clientId === undefined) throw new AuthError('invalid_client')
  const client = await authenticateClient(deps, { clientId, secret }, origin)
  return requireRegisteredWay(deps, client, 'client_secret_post', origin)
}
