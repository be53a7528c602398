// What a code is bound to besides its session: one text, so that one comparison in the store's script is enough. Pure.
import type { Registration } from '../../clients/client.ts'
import { hashToken } from '../../encryption/opaque-token.ts'

/** `codeChallenge` (S256) null where the request had none: a verifier is refused then (docs/security.md 27). */
export const codeBinding = ({
  clientId,
  clientRegisteredAt,
  redirectUri,
  codeChallenge,
}: Registration & { redirectUri: string; codeChallenge: string | null }): string =>
  hashToken(JSON.stringify([clientId, clientRegisteredAt, redirectUri, codeChallenge]))
