// Retiring an encryption key: everything that it has sealed is sealed again with the first key configured.
// Before this is run, every replica has to be restarted with the new key first in POSTERN_ENCRYPTION_KEYS; otherwise it
// goes on sealing with the old one.
import { encryptionKeysResealed } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { openSecret, sealSecret } from '../../authenticators/authenticator.ts'
import type { Deps } from '../../deps.ts'
import type { Sealer } from '../../encryption/sealer.ts'
import { mailContext } from '../../notices/mail.ts'
import { registrationContext } from '../../sign-in/registration/registration.ts'
import { sealedSecretContext } from '../../tokens/sealed-secret-store.ts'
import { signingKeyContext } from '../../tokens/store.ts'
import {
  BEFORE_ALL,
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
  'sealed_secrets.sealed': (sealer, { id, sealed }) =>
    sealer.seal(sealer.open(sealed, sealedSecretContext(id)), sealedSecretContext(id)),
  'mails.sealed': (sealer, { id, sealed }) =>
    sealer.seal(sealer.open(sealed, mailContext(id)), mailContext(id)),
  'registrations.sealed': (sealer, { id, sealed }) =>
    sealer.seal(sealer.open(sealed, registrationContext(id)), registrationContext(id)),
}

type ResealDeps = Pick<Deps, 'postgres' | 'sealer'>

/** `retired`: ids of the keys that a start no longer needs. */
export type Resealed = { keyId: string; values: number; retired: string[] }

/** Walks once through the column, page by page; returns how many values were found to seal again. */
const resealColumn = async (
  { postgres, sealer }: ResealDeps,
  column: SealedColumn,
  keyId: string,
  onReplaced: (values: number) => void,
): Promise<number> => {
  let total = 0
  for (let after: string | null = BEFORE_ALL[column]; after !== null; ) {
    const { found, next } = await findOtherwiseSealed({ postgres }, column, keyId, { after, limit: BATCH })
    after = next
    if (found.length === 0) continue
    const values = found.map((value) => ({ ...value, next: RESEAL[column](sealer, value) }))
    onReplaced(await replaceSealed({ postgres }, column, values))
    total += found.length
  }
  return total
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
  const count = (replaced: number) => {
    values += replaced
    report(values)
  }
  for (const column of Object.keys(RESEAL) as SealedColumn[]) {
    // Until a walk finds none, so that values which another process seals with the old key meanwhile are included.
    while ((await resealColumn(deps, column, keyId, count)) > 0);
  }
  const event = encryptionKeysResealed(origin, { keyId, values })
  return { keyId, values, retired: await forgetRetiredKeys(deps, keyId, event) }
}
