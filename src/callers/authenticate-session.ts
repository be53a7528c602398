// Whose request this is: a valid access token whose session is live. The session is looked up every time, so that a
// token whose session has ended is refused at once.

import type { Origin } from '../audit/event.ts'
import { type AccountScope, isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { ListedSession, UsedSession } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import { type Presented, requireBinding, requireToken } from './access-token.ts'
import { refuseSession } from './refuse-session.ts'

/** The caller: a live session. `origin` names its account as the actor. */
export type SessionCaller = { session: ListedSession; origin: Origin }

/** The same at its use, which names the version of its account. */
export type UsingCaller = SessionCaller & { session: UsedSession }

/** The same, with the scopes of its token. */
type BearerCaller = UsingCaller & { scopes: readonly string[] }

/**
 * The session of a token that was made for Postern, whatever it may do.
 * @throws {AuthError} invalid_token: not such a token of a person, or its session has ended.
 */
export const authenticateBearer = async (
  deps: Pick<Deps, 'verifyAccessToken' | 'ephemeral'>,
  request: Origin,
  { authorization, jkt }: Presented,
): Promise<BearerCaller> => {
  const { now } = request
  const presented = requireToken(authorization)
  const claims = await deps.verifyAccessToken(presented.token, now)
  requireBinding(claims, presented, jkt)
  if (claims.of === 'client')
    throw new AuthError('invalid_token', 'This token belongs to a client, not to an account.')
  const session = await deps.ephemeral.sessions.touch(claims, now.getTime())
  if (!session) throw new AuthError('invalid_token', 'The session has ended.')
  const origin: Origin = { ...request, actor: { type: 'account', id: session.accountId } }
  return { session, origin, scopes: claims.scope.split(' ') }
}

/**
 * Postern's own routes take only tokens of a scope that names what they do, and that the client still has
 * (docs/security.md 42).
 * @throws {AuthError} insufficient_scope, recorded
 */
export const requireScope = async (
  deps: Pick<Deps, 'postgres' | 'clients'>,
  caller: BearerCaller,
  scope: AccountScope,
): Promise<void> => {
  const { session, scopes } = caller
  const client = await deps.clients.find(session.clientId)
  const isLost = client !== null && isRegisteredAs(client, session) && !client.scopes.includes(scope)
  if (!isLost && scopes.includes(scope)) return
  const error = new AuthError('insufficient_scope', `This takes a token of the scope ${scope}.`)
  await refuseSession(deps, caller, 'insufficient_scope', error)
}

/** @throws {AuthError} invalid_token, insufficient_scope */
export const authenticateSession = async (
  deps: Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres' | 'clients'>,
  request: Origin,
  presented: Presented,
): Promise<UsingCaller> => {
  const caller = await authenticateBearer(deps, request, presented)
  await requireScope(deps, caller, 'postern:me')
  return { session: caller.session, origin: caller.origin }
}
