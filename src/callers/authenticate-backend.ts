// A client's backend, which vouches for the first factor of accounts and answers their challenges: HTTP Basic, or a
// Bearer token of `client_credentials` that was made for Postern. Every refusal is recorded.
import { clientAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type Client, isPublic, MACHINE_SCOPES, type MachineScope } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { CLOCK_SKEW_SECONDS } from '../policy/age.ts'
import { type Presented, requireBinding, requireToken } from './access-token.ts'
import { authenticateClient, presentedCredentials } from './authenticate-client.ts'
import { guardWith } from './guard.ts'
import { proveKey } from './verify-dpop.ts'

/** `scopes`: what it may vouch for, by its registration and its token. `origin` names it as the actor. */
export type Backend = { client: Client; scopes: readonly MachineScope[]; origin: Origin }

type BackendDeps = Pick<Deps, 'postgres' | 'clients' | 'verifyAccessToken'>

type Identified = { client: Client; tokenScopes: readonly string[] }

const refuse = async (
  deps: BackendDeps,
  origin: Origin,
  about: { clientId: string | null; reason: string },
  error: AuthError,
): Promise<never> => {
  await recordEvent(deps, clientAuthenticationFailed(origin, about))
  throw error
}

/** A token from before the client was registered belongs to an earlier client with the same id. */
const isOlderThan = ({ createdAt }: Client, issuedAt: number): boolean =>
  issuedAt + CLOCK_SKEW_SECONDS < createdAt.getTime() / 1000

const bearerClient = async (deps: BackendDeps, presented: Presented, now: Date): Promise<Identified> => {
  const token = requireToken(presented.authorization)
  const claims = await deps.verifyAccessToken(token.token, now)
  requireBinding(claims, token, presented.jkt)
  if (claims.of === 'account')
    throw new AuthError('invalid_token', 'This token belongs to an account, not to a client.')
  const client = await deps.clients.find(claims.clientId)
  if (!client || isOlderThan(client, claims.issuedAt))
    throw new AuthError('invalid_token', 'The client is no longer registered.')
  return { client, tokenScopes: claims.scope.split(' ') }
}

const identify = async (
  deps: BackendDeps,
  request: Origin,
  presented: Presented & { authorization: string },
): Promise<Identified> => {
  const { authorization } = presented
  if (!/^(?:Bearer|DPoP) /i.test(authorization)) {
    const credentials = await presentedCredentials(deps, request, authorization)
    return { client: await authenticateClient(deps, credentials, request), tokenScopes: MACHINE_SCOPES }
  }
  try {
    return await bearerClient(deps, presented, request.now)
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    return refuse(deps, request, { clientId: null, reason: error.code }, error)
  }
}

/**
 * The client that a request's `Authorization` proves.
 * @throws {AuthError} invalid_client, invalid_token, insufficient_scope (a token that may vouch for nobody)
 */
const authenticatePresented = async (
  deps: BackendDeps,
  request: Origin,
  presented: Presented & { authorization: string },
): Promise<Backend> => {
  const { client, tokenScopes } = await identify(deps, request, presented)
  const { clientId } = client
  const origin: Origin = { ...request, actor: { type: 'client', id: clientId } }
  const mayVouch = MACHINE_SCOPES.filter((scope) => tokenScopes.includes(scope))
  if (mayVouch.length === 0) {
    const about = { clientId, reason: 'insufficient_scope' }
    return refuse(deps, origin, about, new AuthError('insufficient_scope'))
  }
  return { client, scopes: mayVouch.filter((scope) => client.scopes.includes(scope)), origin }
}

/**
 * The backend that opens a challenge.
 * @throws {AuthError} invalid_client, invalid_token, insufficient_scope
 */
export const authenticateBackend = async (
  deps: BackendDeps,
  request: Origin,
  { authorization, jkt }: Presented,
): Promise<Backend> => {
  if (authorization === undefined) {
    const about = { clientId: null, reason: 'no_credentials' }
    return refuse(deps, request, about, new AuthError('invalid_client'))
  }
  const backend = await authenticatePresented(deps, request, { authorization, jkt })
  // A public client cannot prove who it is, so it cannot vouch for anyone's first factor.
  if (isPublic(backend.client) || backend.scopes.length === 0) {
    const about = { clientId: backend.client.clientId, reason: 'insufficient_scope' }
    return refuse(deps, backend.origin, about, new AuthError('insufficient_scope'))
  }
  return backend
}

/** Who answers a challenge: a backend, or null for a caller that does not say who it is. */
export type Answering = { backend: Backend | null; origin: Origin }

/**
 * Credentials that are presented must be right. Whether they are required depends on the challenge.
 * @throws {AuthError} invalid_client, invalid_token, insufficient_scope
 */
export const authenticateAnswering = async (
  deps: BackendDeps,
  request: Origin,
  { authorization, jkt }: Presented,
): Promise<Answering> => ({
  backend:
    authorization === undefined ? null : await authenticatePresented(deps, request, { authorization, jkt }),
  origin: request,
})

/** A client's backend that may vouch for accounts. */
export const { guard: guardBackend, callerOf: backendOf } = guardWith(
  'backend',
  authenticateBackend,
  proveKey,
)

/** Anyone, or a backend that proves to be one. */
export const { guard: guardAnswering, callerOf: answeringOf } = guardWith(
  'answering',
  authenticateAnswering,
  proveKey,
)
