import { hash } from 'node:crypto'

/** OpenID Connect Core 3.1.3.6: the left half of the access token's hash, for ES256 SHA-256. */
export const atHash = (accessToken: string): string =>
  hash('sha256', accessToken, 'buffer').subarray(0, 16).toString('base64url')
