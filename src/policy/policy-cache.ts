// The policy of this replica: read at start, and again when any replica announces that it changed.
import type { Sql } from '../postgres/pool.ts'
import type { Policy } from './policy.ts'
import { findPolicy, type VersionedPolicy } from './store.ts'

export type PolicyCache = {
  current(): Policy
  versioned(): VersionedPolicy
  reload(): Promise<void>
}

export const openPolicyCache = async (deps: { postgres: Sql }): Promise<PolicyCache> => {
  let held = await findPolicy(deps)
  return {
    current: () => held.policy,
    versioned: () => held,
    async reload() {
      const read = await findPolicy(deps)
      // Two reloads at once may finish in the other order.
      if (read.version >= held.version) held = read
    },
  }
}
