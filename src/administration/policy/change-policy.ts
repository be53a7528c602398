import type { Origin } from '../../audit/event.ts'
import type { Config } from '../../config.ts'
import type { Deps } from '../../deps.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import { mergePolicy, type PolicyPatch } from '../../policy/merge-policy.ts'
import type { Policy } from '../../policy/policy.ts'
import { findPolicy, savePolicy, type VersionedPolicy } from '../../policy/store.ts'
import { isInNetworks } from '../../wire/end-user.ts'

/** RFC 9110 13.1.1: strong comparison, so a weak tag never matches. */
const matches = (ifMatch: string, version: number): boolean =>
  ifMatch.split(',').some((tag) => [`"${version}"`, '*'].includes(tag.trim()))

/** The command line has no address, so a way back in remains. */
const refuseLockingOut = ({ admin_networks: networks }: Partial<Policy>, { ip }: Origin): void => {
  if (!networks || networks.length === 0 || ip === null || isInNetworks(ip, networks)) return
  throw new AuthError(
    'invalid_request',
    `admin_networks would lock you out: your address ${ip} is in none of them.`,
    { fields: ['admin_networks'] },
  )
}

/** An address is confirmed by mail, or not at all. */
const refuseWithoutMail = (
  { self_registration: wanted }: Partial<Policy>,
  { mail }: Pick<Config, 'mail'>,
): void => {
  if (!wanted || mail !== null) return
  throw new AuthError(
    'policy_violation',
    'self_registration needs mail, which confirms addresses: set POSTERN_SMTP_URL and POSTERN_MAIL_FROM, and restart.',
    { fields: ['self_registration'] },
  )
}

/**
 * Changes the policy, here at once and in every replica within a second. A change of nothing makes no new version.
 * `ifMatch` is the header `If-Match`: the version that the caller has read.
 * @throws {AuthError} invalid_request (contradicts itself, or would lock the caller out), policy_violation (needs what is
 *   not configured), precondition_failed
 */
export const changePolicy = async (
  deps: Pick<Deps, 'config' | 'postgres' | 'ephemeral' | 'policy' | 'log'>,
  origin: Origin,
  patch: PolicyPatch,
  ifMatch: string | undefined,
): Promise<VersionedPolicy> => {
  // Read from the database, because the cache may be a moment behind.
  const read = await findPolicy(deps)
  if (ifMatch !== undefined && !matches(ifMatch, read.version)) throw new AuthError('precondition_failed')
  const next = mergePolicy(read.policy, patch)
  refuseLockingOut(next.changed, origin)
  refuseWithoutMail(next.changed, deps.config)
  if (Object.keys(next.changed).length === 0) return read

  const saved = await savePolicy(deps, read.version, next, origin)
  if (!saved) throw new AuthError('precondition_failed')
  await deps.policy.reload()
  await announceChange(deps, 'policy')
  return { policy: next.policy, version: read.version + 1 }
}
