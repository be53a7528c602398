// A client that authenticates by a key of its own (RFC 7523).
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { TestApp } from './app.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export type AssertionKey = {
  jwk: JWK
  /** An assertion of `clientId`; `claims` and `header` replace its own. */
  assertion: (
    postern: TestApp,
    clientId: string,
    other?: { claims?: object; header?: object },
  ) => Promise<string>
}

export const newAssertionKey = async (alg = 'ES256', kid: string = randomUUID()): Promise<AssertionKey> => {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg },
    async assertion(postern, clientId, { claims, header } = {}) {
      const now = Math.floor(postern.now().getTime() / 1000)
      const standard = { iss: clientId, sub: clientId, aud: postern.config.issuer, jti: randomUUID() }
      return new SignJWT({ ...standard, iat: now, exp: now + 60, ...claims })
        .setProtectedHeader({ alg, kid, ...header })
        .sign(privateKey)
    },
  }
}

/** The members of a form that authenticate a client by `assertion`. */
export const byAssertion = (assertion: string) => ({
  client_assertion_type: ASSERTION_TYPE,
  client_assertion: assertion,
})
