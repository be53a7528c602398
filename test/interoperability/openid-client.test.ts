// openid-client, which server-side applications in Node use: https://github.com/panva/openid-client
import * as oidc from 'openid-client'
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

const REDIRECT_URI = 'http://127.0.0.1:3000/callback'
const SIGNED_OUT_URI = 'http://127.0.0.1:3000/signed-out'

const CLIENT = {
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  redirect_uris: [REDIRECT_URI],
  post_logout_redirect_uris: [SIGNED_OUT_URI],
} satisfies Parameters<RunningPostern['registerClient']>[0]

const discover = async (postern: RunningPostern): Promise<oidc.Configuration> => {
  // How the library authenticates where it is given a secret and nothing else.
  const method = { token_endpoint_auth_method: 'client_secret_post' } as const
  const { clientId, secret } = await postern.registerClient({ ...CLIENT, ...method })
  return oidc.discovery(new URL(postern.issuer), clientId, secret, undefined, {
    execute: [oidc.allowInsecureRequests],
  })
}

/** A request as the library's documentation shows it, and what its answer is checked against. */
const ask = async (config: oidc.Configuration, changed: Record<string, string> = {}) => {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() }
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...changed,
  })
  return { url: url.href, checks: { ...checks, idTokenExpected: true } }
}

test('openid-client signs in, renews, steps up and signs out', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const config = await discover(postern)
  t.equal(config.serverMetadata().supportsPKCE(), true)
  const user = await createUser(postern)

  const first = await ask(config)
  const signedIn = await user.signIn(await user.browser.visit(first.url))
  const tokens = await oidc.authorizationCodeGrant(config, returnedTo(signedIn), first.checks)
  const claims = tokens.claims()
  t.match(claims, { sub: user.id, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, user.id)
  t.equal(userinfo.preferred_username, user.username)

  const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
  t.match(renewed.claims(), { sub: user.id, sid: claims?.sid })
  t.not(renewed.refresh_token, tokens.refresh_token)
  t.equal((await oidc.tokenIntrospection(config, renewed.access_token)).active, true)

  const again = await ask(config, { acr_values: 'aal2', max_age: '0' })
  const page = await user.browser.visit(again.url)
  t.equal(page.left, null, 'a session that is there does not do')
  const returned = returnedTo(await user.signIn(page))
  const steppedUp = await oidc.authorizationCodeGrant(config, returned, { ...again.checks, maxAge: 0 })
  t.match(steppedUp.claims(), { sub: user.id, acr: 'aal2', sid: claims?.sid })

  const { href } = oidc.buildEndSessionUrl(config, {
    id_token_hint: steppedUp.id_token ?? '',
    post_logout_redirect_uri: SIGNED_OUT_URI,
    state: 'of the application',
  })
  const signedOut = returnedTo(await user.browser.visit(href))
  t.equal(signedOut.origin + signedOut.pathname, SIGNED_OUT_URI)
  t.equal(signedOut.searchParams.get('state'), 'of the application')
  t.match(await refusalOf(oidc.refreshTokenGrant(config, renewed.refresh_token ?? '')), {
    error: 'invalid_grant',
  })
  t.match(await refusalOf(oidc.fetchUserInfo(config, steppedUp.access_token, user.id)), { status: 401 })
})

test('openid-client refuses what is not the answer to its request, and says what Postern says', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const config = await discover(postern)
  const user = await createUser(postern)

  const silent = await ask(config, { prompt: 'none' })
  const refused = returnedTo(await user.browser.visit(silent.url))
  t.match(await refusalOf(oidc.authorizationCodeGrant(config, refused, silent.checks)), {
    error: 'login_required',
  })

  const { url, checks } = await ask(config)
  const answer = returnedTo(await user.signIn(await user.browser.visit(url)))
  const altered = new URL(answer)
  altered.searchParams.set('state', 'another')
  t.match(await refusalOf(oidc.authorizationCodeGrant(config, altered, checks)), {
    code: 'OAUTH_INVALID_RESPONSE',
  })
  const foreign = new URL(answer)
  foreign.searchParams.set('iss', 'https://another.example')
  t.match(await refusalOf(oidc.authorizationCodeGrant(config, foreign, checks)), {
    code: 'OAUTH_INVALID_RESPONSE',
  })
  const otherNonce = { ...checks, expectedNonce: oidc.randomNonce() }
  t.match(await refusalOf(oidc.authorizationCodeGrant(config, answer, otherNonce)), {
    code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  })
  t.match(
    await refusalOf(oidc.authorizationCodeGrant(config, answer, checks)),
    { error: 'invalid_grant' },
    'it is good once',
  )
})

test('openid-client with a pushed request, a key of its own, DPoP and signed userinfo', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const { privateKey, publicKey } = await oidc.randomDPoPKeyPair('ES256', { extractable: true })
  const { x = '', y = '' } = await crypto.subtle.exportKey('jwk', publicKey)
  const jwk = { kty: 'EC', crv: 'P-256', x, y, kid: 'of-the-client', alg: 'ES256' } as const
  const metadata = {
    id_token_signed_response_alg: 'RS256',
    userinfo_signed_response_alg: 'RS256',
    dpop_bound_access_tokens: true,
    require_pushed_authorization_requests: true,
  } as const
  const { clientId } = await postern.registerClient({
    ...CLIENT,
    ...metadata,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
  })
  const config = await oidc.discovery(
    new URL(postern.issuer),
    clientId,
    metadata,
    oidc.PrivateKeyJwt({ key: privateKey, kid: 'of-the-client' }),
    { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
  )
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
  const user = await createUser(postern)
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const url = await oidc.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    },
    { DPoP },
  )
  t.match(url.searchParams.get('request_uri'), /^urn:/)
  const answer = returnedTo(await user.signIn(await user.browser.visit(url.href)))
  const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier }, undefined, { DPoP })
  t.equal(tokens.token_type, 'dpop')
  t.equal((await oidc.fetchUserInfo(config, tokens.access_token, user.id, { DPoP })).sub, user.id)
  const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP })
  t.equal(renewed.token_type, 'dpop')
  await oidc.tokenRevocation(config, renewed.refresh_token ?? '')
  t.match(await refusalOf(oidc.fetchUserInfo(config, renewed.access_token, user.id, { DPoP })), {
    status: 401,
  })
})

test('openid-client says how a client that authenticates another way has to', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const { clientId, secret } = await postern.registerClient({ ...CLIENT, scopes: ['challenges'] })
  const execute = [oidc.allowInsecureRequests]
  const config = await oidc.discovery(new URL(postern.issuer), clientId, secret, undefined, { execute })
  t.match(await refusalOf(oidc.clientCredentialsGrant(config)), {
    error: 'invalid_client',
    error_description: 'This client is registered for client_secret_basic, and used client_secret_post.',
  })
  const basic = oidc.ClientSecretBasic(secret)
  const mended = await oidc.discovery(new URL(postern.issuer), clientId, secret, basic, { execute })
  t.ok((await oidc.clientCredentialsGrant(mended)).access_token)
})
