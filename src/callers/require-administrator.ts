// Who may act as an administrator. Every route under /v1/admin asks here first, whatever it then does.

import { type Account, isAdministrator } from '../accounts/account.ts'
import { requireUnlocked } from '../accounts/refuse-locked.ts'
import { findAccount } from '../accounts/store.ts'
import type { Origin } from '../audit/event.ts'
import { type Client, isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { ListedSession } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import type { Policy } from '../policy/policy.ts'
import { isInNetworks } from '../wire/end-user.ts'
import type { Presented } from './access-token.ts'
import { authenticateBearer, requireScope } from './authenticate-session.ts'
import { refuseSession, sessionRefused } from './refuse-session.ts'
import { requireOwnSignIn } from './require-own-sign-in.ts'

const NOT_HERE = 'This takes an administrator, from where administrators may act.'

/** A request's administrator; `origin` names them as the actor. */
type Administrator = { account: Account; session: ListedSession; origin: Origin }

type AdministratorDeps = Pick<
  Deps,
  'postgres' | 'ephemeral' | 'policy' | 'clients' | 'accounts' | 'verifyAccessToken'
>

/** Why `account` may not act, however it signs in; null where it may. */
const refusalOf = (
  policy: Policy,
  account: Account,
  client: Client | null,
  ip: string | null,
): string | null => {
  if (account.status !== 'active') return 'account_disabled'
  if (!isAdministrator(account)) return 'not_an_administrator'
  // A third party's application reaches nothing here with its users' tokens.
  if (!client?.firstParty) return 'third_party_client'
  const networks = policy.admin_networks
  return networks.length === 0 || isInNetworks(ip ?? '', networks) ? null : 'network_not_allowed'
}

// Decision: a second factor is asked for even while the policy is disabled; otherwise a stolen password alone could
// change the policy. An administrator without a second factor enrolls one and steps up, or uses the command line.
const hasFreshSecondFactor = ({ acr, secondFactorAt }: ListedSession, policy: Policy, now: Date): boolean =>
  acr !== 'aal1' && secondFactorAt !== null && isWithin(policy.second_factor_max_age, secondFactorAt, now)

/**
 * The administrator that a request comes from: an active account of Postern's own with role `admin`, as it is now and
 * not as the token says, with a second factor that still counts, from where the policy lets
 * administrators act. Every refusal is recorded.
 * @throws {AuthError} invalid_token, insufficient_scope, access_denied, account_locked, insufficient_user_authentication
 */
export const requireAdministrator = async (
  deps: AdministratorDeps,
  request: Origin,
  presented: Presented,
): Promise<Administrator> => {
  const { now, ip } = request
  const policy = deps.policy.current()
  const caller = await authenticateBearer(deps, request, presented)
  await requireScope(deps, caller, 'postern:admin')
  const { session } = caller
  const { accountId, clientId } = session
  const account = await findAccount(deps, accountId)
  const client = await deps.clients.find(clientId)
  if (!account)
    return refuseSession(deps, caller, 'account_deleted', new AuthError('access_denied', NOT_HERE))
  const reason = refusalOf(policy, account, client && isRegisteredAs(client, session) ? client : null, ip)
  if (reason !== null) return refuseSession(deps, caller, reason, new AuthError('access_denied', NOT_HERE))
  // Also where the account has become an administrator since.
  await requireOwnSignIn(deps, caller)
  // Whoever has guessed at this account's codes may have its session too (docs/security.md 8).
  await requireUnlocked(deps, sessionRefused(caller, 'account_locked'), { accountId, now })
  if (!hasFreshSecondFactor(session, policy, now)) {
    const details = { acr_values: 'aal2', max_age: policy.second_factor_max_age }
    const error = new AuthError('insufficient_user_authentication', undefined, details)
    return refuseSession(deps, caller, 'second_factor_needed', error)
  }
  const origin: Origin = { ...request, actor: { type: 'administrator', id: accountId } }
  return { account, session, origin }
}
