// Detects a wrong encryption key at start, before it can seal anything.

import type { Sql } from '../postgres/pool.ts'
import { EncryptionKeyError } from './load-encryption-keys.ts'
import { type Sealer, UnsealError } from './sealer.ts'
import { insertKeyCheck, listKeyChecks } from './store.ts'

const context = (keyId: string): string => `encryption_key_checks.sealed:${keyId}`
const KNOWN_PLAINTEXT = Buffer.from('postern')

/**
 * For every key that was ever in use, opens a value that it sealed, with the keys given. Then notes the sealing key.
 * @throws {EncryptionKeyError} naming the key id that is missing or is not what it was.
 */
export const checkEncryptionKeys = async (deps: { postgres: Sql; sealer: Sealer }): Promise<void> => {
  const { sealer } = deps
  for (const check of await listKeyChecks(deps)) {
    try {
      sealer.open(check.sealed, context(check.key_id))
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error
      throw new EncryptionKeyError(
        `Encryption key "${check.key_id}" is ${sealer.keyIds.includes(check.key_id) ? 'not the key it was' : 'missing'}: ` +
          'the database holds secrets sealed with it. Nothing has been changed; give the right key under that id. ' +
          'To retire a key, run "postern key reseal" with both keys first.',
      )
    }
  }
  const [sealing = ''] = sealer.keyIds
  await insertKeyCheck(deps, sealing, sealer.seal(KNOWN_PLAINTEXT, context(sealing)))
}
