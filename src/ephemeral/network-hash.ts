import { hashToken } from '../encryption/opaque-token.ts'

/** 66 bits of base64url. */
const LENGTH = 11

/** An account's network as it is stored: hashed with the account's id, so that a dump has to be searched account by account. */
export const networkHash = (accountId: string, network: string | null): string =>
  network === null ? '' : hashToken(`${accountId} ${network}`).slice(0, LENGTH)
