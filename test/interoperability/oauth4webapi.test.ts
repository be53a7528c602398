// oauth4webapi, in place of a native app (RFC 8252): public, with a redirect URI of a scheme of its own.
import * as oauth from 'oauth4webapi'
import { test } from 'tap'
import {
  createUser,
  type RunningPostern,
  refusalOf,
  returnedTo,
  runPosternFor,
} from '../support/running-postern.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const REDIRECT_URI = 'com.example.app:/signed-in'
const SIGNED_OUT_URI = 'com.example.app:/signed-out'
const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true }

const discover = async (postern: RunningPostern) => {
  const { clientId: client_id } = await postern.registerClient({
    token_endpoint_auth_method: 'none',
    redirect_uris: [REDIRECT_URI],
    post_logout_redirect_uris: [SIGNED_OUT_URI],
    scopes: ['openid', 'profile'],
  })
  const issuer = new URL(postern.issuer)
  const found = await oauth.discoveryRequest(issuer, PLAIN_HTTP)
  return { as: await oauth.processDiscoveryResponse(issuer, found), client: { client_id } }
}
type App = Awaited<ReturnType<typeof discover>>

/** A request as the library's examples make it. */
const ask = async ({ as, client }: App, changed: Record<string, string> = {}) => {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(as.authorization_endpoint ?? '')
  for (const [name, value] of Object.entries({
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid profile',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...changed,
  }))
    url.searchParams.set(name, value)
  return { url: url.href, verifier, state, nonce }
}

const redeem = async (
  { as, client }: App,
  answer: URL,
  { verifier, state, nonce, maxAge }: { verifier: string; state: string; nonce: string; maxAge?: number },
) => {
  const parameters = oauth.validateAuthResponse(as, client, answer, state)
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    oauth.None(),
    parameters,
    REDIRECT_URI,
    verifier,
    PLAIN_HTTP,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
    ...(maxAge !== undefined && { maxAge }),
  })
  // The signature as well, which an application need not check of a token that comes over TLS.
  await oauth.validateApplicationLevelSignature(as, response, PLAIN_HTTP)
  return { tokens, claims: oauth.getValidatedIdTokenClaims(tokens) }
}

const renew = async ({ as, client }: App, refreshToken = '') => {
  const answer = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, PLAIN_HTTP)
  return oauth.processRefreshTokenResponse(as, client, answer)
}

const readUser = async ({ as, client }: App, accessToken: string, subject: string) => {
  const answer = await oauth.userInfoRequest(as, client, accessToken, PLAIN_HTTP)
  return oauth.processUserInfoResponse(as, client, subject, answer)
}

test('oauth4webapi signs in, renews, steps up and signs out', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const app = await discover(postern)
  const user = await createUser(postern)

  const first = await ask(app)
  const signedIn = await user.signIn(await user.browser.visit(first.url))
  const { tokens, claims } = await redeem(app, returnedTo(signedIn), first)
  t.match(claims, { sub: user.id, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  t.equal((await readUser(app, tokens.access_token, user.id)).preferred_username, user.username)

  const renewed = await renew(app, tokens.refresh_token)
  t.match(oauth.getValidatedIdTokenClaims(renewed), { sub: user.id, sid: claims?.sid })

  const again = await ask(app, { acr_values: 'aal2', max_age: '0' })
  const page = await user.browser.visit(again.url)
  t.equal(page.left, null, 'a session that is there does not do')
  const steppedUp = await redeem(app, returnedTo(await user.signIn(page)), { ...again, maxAge: 0 })
  t.match(steppedUp.claims, { sub: user.id, acr: 'aal2', sid: claims?.sid })

  const logout = new URL(app.as.end_session_endpoint ?? '')
  logout.searchParams.set('id_token_hint', steppedUp.tokens.id_token ?? '')
  logout.searchParams.set('post_logout_redirect_uri', SIGNED_OUT_URI)
  t.equal(returnedTo(await user.browser.visit(logout.href)).href, SIGNED_OUT_URI)
  t.match(await refusalOf(renew(app, renewed.refresh_token)), { error: 'invalid_grant' })
  t.match(await refusalOf(readUser(app, steppedUp.tokens.access_token, user.id)), {
    code: oauth.WWW_AUTHENTICATE_CHALLENGE,
  })
})

test('oauth4webapi refuses what is not the answer to its request, and says what Postern says', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const app = await discover(postern)
  const user = await createUser(postern)

  const silent = await ask(app, { prompt: 'none' })
  const refused = returnedTo(await user.browser.visit(silent.url))
  t.match(await refusalOf(redeem(app, refused, silent)), { error: 'login_required' })

  const asked = await ask(app)
  const answer = returnedTo(await user.signIn(await user.browser.visit(asked.url)))
  t.match(await refusalOf(redeem(app, answer, { ...asked, state: 'another' })), {
    code: oauth.INVALID_RESPONSE,
  })
  const verifier = oauth.generateRandomCodeVerifier()
  t.match(await refusalOf(redeem(app, answer, { ...asked, verifier })), { error: 'invalid_grant' })
  t.match(await refusalOf(redeem(app, answer, { ...asked, nonce: 'another' })), {
    code: oauth.JWT_CLAIM_COMPARISON,
  })
})
