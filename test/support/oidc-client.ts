// An application that signs its users in through Postern, as a test: it makes the request, and redeems the code.
import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Answer, TestApp, TestClient } from './app.ts'
import type { Visited } from './form-browser.ts'

export const REDIRECT_URI = 'https://app.example/callback'

export type AuthorizationRequest = { url: string; parameters: Record<string, string>; codeVerifier: string }

/** A request with PKCE, `state` and `nonce`; `undefined` leaves a parameter out. */
export const authorizationRequest = (
  { clientId }: Pick<TestClient, 'clientId'>,
  changed: Record<string, string | undefined> = {},
): AuthorizationRequest => {
  const codeVerifier = randomBytes(32).toString('base64url')
  const all: Record<string, string | undefined> = {
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid',
    state: randomBytes(8).toString('base64url'),
    nonce: randomBytes(8).toString('base64url'),
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changed,
  }
  const parameters: Record<string, string> = {}
  for (const [name, value] of Object.entries(all)) if (value !== undefined) parameters[name] = value
  return { url: `/oauth2/authorize?${new URLSearchParams(parameters)}`, parameters, codeVerifier }
}

/** The parameters that a browser has brought back. */
export const answerOf = ({ left }: Pick<Visited, 'left'>): Record<string, string> => {
  if (!left) throw new Error('the browser has not left Postern')
  return Object.fromEntries(left.searchParams)
}

/** Redeems a code as a confidential client. */
export const redeem = (
  { request }: Pick<TestApp, 'request'>,
  { clientId, secret }: TestClient,
  { code, codeVerifier, ...form }: { code: string; codeVerifier: string } & Record<string, string>,
): Promise<Answer> =>
  request('POST', '/oauth2/token', {
    basic: { clientId, secret },
    form: {
      grant_type: 'authorization_code',
      redirect_uri: REDIRECT_URI,
      code,
      code_verifier: codeVerifier,
      ...form,
    },
  })

// biome-ignore lint/suspicious/noExplicitAny: tests assert on what came, whatever it is
export const claimsOf = (token: string): any => decodeJwt(token)
