// The rules of a client's own keys and of how it authenticates. Pure.
import { createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import { type Client, isPublic } from '../../clients/client.ts'
import { AuthError } from '../../errors.ts'

const refuse = (description: string, ...fields: string[]): never => {
  throw new AuthError('invalid_request', description, { fields })
}

/** Members of a private key (RFC 7518 6.2.2, 6.3.2; RFC 8037 2). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi']

const MIN_RSA_BITS = 2048

const keyFault = (key: JWK): string | null => {
  const secret = PRIVATE_MEMBERS.find((member) => member in key)
  if (secret !== undefined)
    return `has the private member "${secret}"; register the public key alone, and take this one out of use`
  try {
    const { modulusLength } = createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails ?? {}
    if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS)
      return `has ${modulusLength} bits; an RSA key needs ${MIN_RSA_BITS} or more`
  } catch {
    return 'is no public key that can be read; export it as a JWK (RFC 7517)'
  }
  return null
}

const refuseUnfitJwks = ({ jwks, jwksUri }: Client): void => {
  if (jwks !== null && jwksUri !== null)
    refuse('Give jwks or jwks_uri, not both; set the other to null.', 'jwks', 'jwks_uri')
  for (const [index, key] of (jwks?.keys ?? []).entries()) {
    const fault = keyFault(key)
    if (fault !== null) refuse(`jwks/keys/${index} ${fault}.`, `jwks/keys/${index}`)
  }
}

/**
 * What holds for how a client proves who it is.
 * @throws {AuthError} invalid_request, naming the members at fault.
 */
export const refuseUnfitKeys = (client: Client): void => {
  refuseUnfitJwks(client)
  const byKey = client.tokenEndpointAuthMethod === 'private_key_jwt'
  if (byKey && client.jwks === null && client.jwksUri === null)
    refuse(
      'private_key_jwt needs the public keys of the client: add jwks, or jwks_uri where it serves them.',
      'jwks',
      'jwks_uri',
    )
  if (!byKey && client.tokenEndpointAuthSigningAlg !== null)
    refuse(
      'token_endpoint_auth_signing_alg is for private_key_jwt; set it to null, or choose that token_endpoint_auth_method.',
      'token_endpoint_auth_signing_alg',
    )
  if (isPublic(client) && client.codeProtection === 'nonce')
    refuse(
      'A public client needs PKCE, because whoever catches its code can use it: set code_protection to "pkce".',
      'code_protection',
    )
}
