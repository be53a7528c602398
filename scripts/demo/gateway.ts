// What an API gateway does with an access token: all it needs is the JWKS, by URL, and what it insists on.
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { DemoError } from './postern.ts'

/** A gateway in front of an API whose users must have passed a second factor. */
export const createGateway = ({ issuer, jwksUrl }: { issuer: string; jwksUrl: string }) => {
  const jwks = createRemoteJWKSet(new URL(jwksUrl))
  const verify = async (accessToken: string): Promise<JWTPayload> => {
    const { payload } = await jwtVerify(accessToken, jwks, {
      issuer,
      audience: issuer,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    })
    if (payload.acr === 'aal1') throw new DemoError('The gateway wants a second factor, and none has passed.')
    return payload
  }
  return {
    verify,
    /** False where the signature does not fit. */
    async admits(accessToken: string): Promise<boolean> {
      try {
        await verify(accessToken)
        return true
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) return false
        throw error
      }
    },
  }
}

/** An access token with other claims under the same signature: what an attacker would try first. */
export const forge = (accessToken: string, claims: object): string => {
  const [header, payload = '', signature] = accessToken.split('.')
  const original = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const altered = Buffer.from(JSON.stringify({ ...original, ...claims })).toString('base64url')
  return `${header}.${altered}.${signature}`
}
