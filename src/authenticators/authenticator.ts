// What an account has enrolled. Pure: authenticators, how their rows read, what they are called.

import type { StoredTotp } from '../accounts/details.ts'
import type { Sealer } from '../encryption/sealer.ts'
import type { TotpParameters } from './totp/totp.ts'

/** How many an account may have enrolled; disabled ones count. */
export const MAX_ENROLLED = 10

/** How many it may have begun and not confirmed; beyond that the oldest is deleted. */
export const MAX_PENDING = 3

/** NIST SP 800-63B 3.2.2: after this many consecutive failures an authenticator is disabled. */
export const MAX_CONSECUTIVE_FAILURES = 100

/** An authenticator as its account sees it: never its secret. */
export type Authenticator = {
  id: string
  type: 'totp'
  name: string
  status: 'pending' | 'active' | 'disabled'
  createdAt: Date
  lastUsedAt: Date | null
}

export const AUTHENTICATOR_COLUMNS = 'id, type, name, status, created_at, last_used_at'

export type AuthenticatorRow = {
  id: string
  type: 'totp'
  name: string
  status: Authenticator['status']
  created_at: Date
  last_used_at: Date | null
}

export const toAuthenticator = (row: AuthenticatorRow): Authenticator => ({
  id: row.id,
  type: row.type,
  name: row.name,
  status: row.status,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})

/** An authenticator as its codes are matched. */
export type TotpAuthenticator = TotpParameters & { id: string; secret: Buffer }

/** Whose secret it is, and in which row. */
export type SecretOwner = { accountId: string; authenticatorId: string }

/**
 * Marks a secret that is bound to its account; it is between the key id and the rest. Secrets without it were sealed
 * by an earlier version. They are bound only to their row and column until `postern key reseal` seals them again.
 */
export const BOUND_TO_ACCOUNT = 'account.'

const boundContext = ({ accountId, authenticatorId }: SecretOwner): string =>
  `authenticators.secret:${accountId}:${authenticatorId}`

/** Seals a secret for one row of one account: copied to another row, it cannot be opened. */
export const sealSecret = (sealer: Sealer, secret: Buffer, owner: SecretOwner): string =>
  sealer.seal(secret, boundContext(owner)).replace(':', `:${BOUND_TO_ACCOUNT}`)

/** @throws {UnsealError} also where the secret is another account's */
export const openSecret = (sealer: Sealer, sealed: string, owner: SecretOwner): Buffer =>
  sealed.includes(`:${BOUND_TO_ACCOUNT}`)
    ? sealer.open(sealed.replace(`:${BOUND_TO_ACCOUNT}`, ':'), boundContext(owner))
    : sealer.open(sealed, `authenticators.secret:${owner.authenticatorId}`)

/** @throws {UnsealError} as `openSecret` */
export const openTotp = (
  { secretSealed, ...totp }: StoredTotp,
  accountId: string,
  sealer: Sealer,
): TotpAuthenticator => ({
  ...totp,
  secret: openSecret(sealer, secretSealed, { accountId, authenticatorId: totp.id }),
})

const DEFAULT_NAME = 'Authenticator app'

/** A name that none of `taken` has: "Authenticator app", "Authenticator app 2", … */
export const defaultName = (taken: readonly string[]): string => {
  if (!taken.includes(DEFAULT_NAME)) return DEFAULT_NAME
  let number = 2
  while (taken.includes(`${DEFAULT_NAME} ${number}`)) number += 1
  return `${DEFAULT_NAME} ${number}`
}
