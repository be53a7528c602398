// What APIs and gateways verify Postern's tokens with: its JWKS, and a library for JWTs.
import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createVerifier } from 'fast-jwt'
import { createRemoteJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import { test } from 'tap'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../src/clients/members.ts'
import { missingPython, PYTHON } from '../support/programs.ts'
import {
  createUser,
  type RunningPostern,
  refusalOf,
  returnedTo,
  runPosternFor,
  type User,
} from '../support/running-postern.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis') || missingPython('jwt', 'cryptography')

const API = 'https://api.example'
const REDIRECT_URI = 'http://127.0.0.1:3000/callback'
const PYTHON_VERIFIER = fileURLToPath(new URL('verify-tokens.py', import.meta.url))

type Case = { token: string; audience: string; algorithm: SigningAlgorithm }
type Claims = Record<string, unknown>
/** Rejects where the library does. */
type Verify = (about: Case) => Promise<Claims>

/** Tokens of a client whose ID tokens are signed so; its access tokens are for `API`. */
const signIn = async (postern: RunningPostern, user: User, algorithm: SigningAlgorithm) => {
  const { clientId, secret } = await postern.registerClient({
    redirect_uris: [REDIRECT_URI],
    scopes: ['openid'],
    audience: [API],
    id_token_signed_response_alg: algorithm,
  })
  const metadata = { id_token_signed_response_alg: algorithm }
  const execute = [oidc.allowInsecureRequests]
  const server = new URL(postern.issuer)
  const config = await oidc.discovery(server, clientId, metadata, oidc.ClientSecretBasic(secret), { execute })
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  const page = await user.browser.visit(url.href)
  const answer = page.left ?? returnedTo(await user.signIn(page))
  const tokens = await oidc.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier,
    idTokenExpected: true,
  })
  return { clientId, accessToken: tokens.access_token, idToken: tokens.id_token ?? '' }
}

const verifyWithJose = (issuer: string, jwksUri: string): Verify => {
  const keys = createRemoteJWKSet(new URL(jwksUri))
  return async ({ token, audience, algorithm }) =>
    (await jwtVerify(token, keys, { issuer, audience, algorithms: [algorithm] })).payload
}

const verifyWithFastJwt = (issuer: string, jwksUri: string): Verify => {
  const publicKey = async (kid: unknown): Promise<string> => {
    const { keys } = (await (await fetch(jwksUri)).json()) as { keys: JWK[] }
    const key = keys.find((one) => one.kid === kid)
    if (!key) throw new Error(`there is no key "${kid}"`)
    return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
  }
  return ({ token, audience, algorithm }) =>
    createVerifier({
      key: ({ header }: { header: { kid?: string } }) => publicKey(header.kid),
      algorithms: [algorithm],
      allowedIss: issuer,
      allowedAud: audience,
    })(token)
}

const verifyWithPyJwt =
  (issuer: string, jwksUri: string): Verify =>
  (about) =>
    new Promise((resolve, reject) => {
      const child = execFile(PYTHON, [PYTHON_VERIFIER, issuer, jwksUri], (error, stdout, stderr) => {
        if (error) return reject(new Error(stderr, { cause: error }))
        const { claims, refused } = JSON.parse(stdout)
        return claims ? resolve(claims) : reject(new Error(refused))
      })
      child.stdin?.end(`${JSON.stringify(about)}\n`)
    })

/** The token with one bit of its signature changed. */
const damaged = (token: string): string => {
  const [header, payload, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(7) ^ 1, 7)
  return [header, payload, bytes.toString('base64url')].join('.')
}

test('jose, fast-jwt and PyJWT verify tokens of every algorithm, and refuse what is wrong', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const user = await createUser(postern)
  const jwksUri = `${postern.issuer}/.well-known/jwks.json`
  const libraries = {
    jose: verifyWithJose(postern.issuer, jwksUri),
    'fast-jwt': verifyWithFastJwt(postern.issuer, jwksUri),
    PyJWT: verifyWithPyJwt(postern.issuer, jwksUri),
  }
  // All of them first: a verifier keeps the keys that it has seen for a while.
  const signedIn = []
  for (const algorithm of SIGNING_ALGORITHMS)
    signedIn.push({ algorithm, ...(await signIn(postern, user, algorithm)) })
  for (const { algorithm, clientId, accessToken, idToken } of signedIn) {
    t.equal(decodeProtectedHeader(idToken).alg, algorithm)
    const idCase: Case = { token: idToken, audience: clientId, algorithm }
    const accessCase: Case = { token: accessToken, audience: API, algorithm: 'ES256' }
    for (const [name, verify] of Object.entries(libraries)) {
      t.match(await verify(idCase), { sub: user.id, acr: 'aal2' }, `${name}, an ID token in ${algorithm}`)
      t.match(
        await verify(accessCase),
        { sub: user.id, client_id: clientId, scope: 'openid' },
        `${name}, an access token`,
      )
      for (const [what, wrong] of Object.entries({
        'for another audience': { ...idCase, audience: 'another' },
        damaged: { ...idCase, token: damaged(idToken) },
        'an ID token at an API': { ...idCase, audience: API },
        'a damaged access token': { ...accessCase, token: damaged(accessToken) },
      }))
        t.type(await refusalOf(verify(wrong)), Error, `${name} refuses: ${what}`)
    }
  }
})

test('oauth4webapi, at an API, takes the access token of RFC 9068 and no ID token', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const user = await createUser(postern)
  const { clientId, accessToken, idToken } = await signIn(postern, user, 'ES256')
  const plainHttp = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(postern.issuer)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plainHttp))
  const askWith = (token: string, audience = API) =>
    oauth.validateJwtAccessToken(
      as,
      new Request(`${API}/orders`, { headers: { authorization: `Bearer ${token}` } }),
      audience,
      plainHttp,
    )
  t.match(await askWith(accessToken), { sub: user.id, client_id: clientId, acr: 'aal2', scope: 'openid' })
  t.match(await refusalOf(askWith(idToken, clientId)), { code: oauth.INVALID_RESPONSE })
  t.match(await refusalOf(askWith(accessToken, 'https://another.example')), {
    code: oauth.JWT_CLAIM_COMPARISON,
  })
})
