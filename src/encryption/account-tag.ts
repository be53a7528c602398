import { hash } from 'node:crypto'

/** Length of an account tag: 9 bytes in base64url. */
export const ACCOUNT_TAG_LENGTH = 12

/**
 * The Redis hash tag that all keys of one account share. Derived, so that a dump of the keys shows no
 * account id; a UUIDv7 has 74 random bits, so it cannot be searched for either.
 */
export const accountTag = (accountId: string): string =>
  hash('sha256', `postern account tag:${accountId}`, 'buffer').subarray(0, 9).toString('base64url')
