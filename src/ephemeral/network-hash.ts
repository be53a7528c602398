import { hashToken } from '../encryption/opaque-token.ts'

/** 66 bits of base64url. */
const LENGTH = 11

/** How an account's network is stored: with the account, so that a dump cannot be searched for all addresses. */
export const networkHash = (accountId: string, network: string | null): string =>
  network === null ? '' : hashToken(`${accountId} ${network}`).slice(0, LENGTH)
