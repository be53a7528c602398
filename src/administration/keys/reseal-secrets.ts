// Retiring an encryption key: everything that it has sealed is sealed again with the first key configured.
// Before this is run, every replica has to be restarted with the new key first in POSTERN_ENCRYPTION_KEYS; otherwise it
// goes on sealing with the old one.
import { encryptionKeysResealed } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { openSecret, sealSecret } from '../../authenticators/authenticator.ts'
import type { Deps } from '../../deps.ts'
import type { Sealer } from '../../encryption/sealer.ts'
import { signingKeyContext } from '../../tokens/store.ts'
import {
  findOtherwiseSealed,
  forgetRetiredKeys,
  replaceSealed,
  type SealedColumn,
  type SealedValue,
} from './sealed-store.ts'

const BATCH = 500

/** How the values of each column are sealed again. */
const RESEAL: Record<SealedColumn, (sealer: Sealer, value: SealedValue) => string> = {
  'authenticators.secret_sealed': (sealer, { id: authenticatorId, accountId, sealed }) => {
    const owner = { accountId: accountId ?? '', authenticatorId }
    return sealSecret(sealer, openSecret(sealer, sealed, owner), owner)
  },
  'signing_keys.private_sealed': (sealer, { id, sealed }) =>
    sealer.seal(sealer.open(sealed, signingKeyContext(id)), signingKeyContext(id)),
}

type ResealDeps = Pick<Deps, 'postgres' | 'sealer'>

/** `retired`: ids of the keys that a start no longer needs. */
export type Resealed = { keyId: string; values: number; retired: string[] }

const resealBatch = async ({ postgres, sealer }: ResealDeps, column: SealedColumn, keyId: string) => {
  const found = await findOtherwiseSealed({ postgres }, column, keyId, BATCH)
  const values = found.map((value) => ({ ...value, next: RESEAL[column](sealer, value) }))
  const replaced = values.length === 0 ? 0 : await replaceSealed({ postgres }, column, values)
  return { found: found.length, replaced }
}

/**
 * Seals everything again with the first key, and binds account secrets to their accounts. It can be interrupted and run
 * again at any time. `report` is called after each batch with the number of values so far.
 * @throws {UnsealError} a value was altered, or sealed with a key that is not configured
 */
export const resealSecrets = async (
  deps: ResealDeps,
  origin: Origin,
  report: (values: number) => void,
): Promise<Resealed> => {
  const [keyId = ''] = deps.sealer.keyIds
  let values = 0
  for (const column of Object.keys(RESEAL) as SealedColumn[]) {
    // Until none is found, so that values which another process seals with the old key meanwhile are included.
    for (let found = BATCH; found > 0; ) {
      const batch = await resealBatch(deps, column, keyId)
      found = batch.found
      values += batch.replaced
      if (found > 0) report(values)
    }
  }
  const event = encryptionKeysResealed(origin, { keyId, values })
  return { keyId, values, retired: await forgetRetiredKeys(deps, keyId, event) }
}
