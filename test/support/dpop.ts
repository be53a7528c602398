// A client that holds a key, and proves it (RFC 9449).
import { hash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Answer, TestApp } from './app.ts'

type Asked = { method: string; path: string; accessToken?: string; nonce?: string; claims?: object }

export type DpopKey = {
  jkt: string
  /** A proof for a request; `claims` replace its own. */
  proof: (postern: TestApp, asked: Asked) => Promise<string>
}

export const newDpopKey = async (alg = 'ES256'): Promise<DpopKey> => {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    async proof(postern, { method, path, accessToken, nonce, claims }) {
      const payload = {
        jti: randomUUID(),
        htm: method,
        htu: `${postern.config.issuer}${path}`,
        iat: Math.floor(postern.now().getTime() / 1000),
        nonce: nonce ?? postern.deps.dpopNonces.current(postern.now()),
        ...(accessToken !== undefined && { ath: hash('sha256', accessToken, 'base64url') }),
        ...claims,
      }
      return new SignJWT(payload).setProtectedHeader({ alg, typ: 'dpop+jwt', jwk }).sign(privateKey)
    },
  }
}

/** Sends a request with a bound access token and its proof. */
export const requestWithProof = async (
  postern: TestApp,
  key: DpopKey,
  asked: Asked & { accessToken: string; body?: unknown },
): Promise<Answer> => {
  const dpop = await key.proof(postern, asked)
  const headers = { authorization: `DPoP ${asked.accessToken}`, dpop }
  return postern.request(asked.method as 'GET', asked.path, {
    headers,
    ...(asked.body !== undefined && { body: asked.body }),
  })
}

/** A token request with a proof; the nonce is fetched as a client would, from the answer without one. */
export const tokenWithProof = async (
  postern: TestApp,
  key: DpopKey,
  options: Parameters<TestApp['request']>[2],
): Promise<Answer> => {
  const asked = { method: 'POST', path: '/oauth2/token' }
  const send = async (nonce: string | undefined) => {
    const dpop = await key.proof(postern, { ...asked, claims: { nonce } })
    return postern.request('POST', '/oauth2/token', { ...options, headers: { dpop } })
  }
  const { headers } = await send(undefined)
  return send(String(headers['dpop-nonce']))
}
