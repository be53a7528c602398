// The redirect flow: what a browser and a client ask of Postern as an OpenID Connect provider, and the pages before a
// sign-in. Postern, the floor and oidc-provider are asked for the same.
import { hashToken } from '../src/encryption/opaque-token.ts'
import { newFlow, sealFlow } from '../src/pages/flow/flow.ts'
import { formatRefreshToken } from '../src/tokens/refresh-token.ts'
import { httpRequest } from './connection.ts'
import { type Bench, CLIENT_ID, forEach, REDIRECT_URI, renewOnce, SCOPE, USER_AGENT } from './prepare.ts'
import {
  CODE_CHALLENGE,
  CODE_VERIFIER,
  mintAccessTokens,
  openCodes,
  openGrants,
  signInBrowsers,
} from './prepare-redirect.ts'
import type { Scenario } from './scenarios.ts'

/** Browsers and tokens that are asked about again and again. */
export const ASKED_AGAIN = 500

export const repeated = (requests: readonly Buffer[], count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => requests[i % requests.length] as Buffer)

/** What browsers send with a navigation. */
export const BROWSER_HEADERS = {
  'user-agent': USER_AGENT,
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-language': 'en-GB,en;q=0.9',
  'accept-encoding': 'gzip, deflate, br',
}

/** The authorization request of everyone who is measured; `scope` has what they call their own. */
export const authorizationQuery = (scope: string): URLSearchParams =>
  new URLSearchParams({
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope,
    state: 'a-state-of-the-bench',
    nonce: 'a-nonce-of-the-bench',
    code_challenge: CODE_CHALLENGE,
    code_challenge_method: 'S256',
  })

export const postForm = (path: string, basic: string, form: Record<string, string>): Buffer =>
  httpRequest(
    `POST ${path}`,
    { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
    `${new URLSearchParams(form)}`,
  )

export const codeForm = (code: string) => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: REDIRECT_URI,
  code_verifier: CODE_VERIFIER,
})

const AUTHORIZE = `GET /oauth2/authorize?${authorizationQuery(SCOPE)}`

const authorizations = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const browsers = await signInBrowsers(bench, Math.min(count, ASKED_AGAIN))
  const requests = browsers.map(({ cookie }) => httpRequest(AUTHORIZE, { ...BROWSER_HEADERS, cookie }))
  return repeated(requests, count)
}

const exchanges = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const codes = await openCodes(bench, await signInBrowsers(bench, count))
  return codes.map((code) => postForm('/oauth2/token', bench.basic, codeForm(code)))
}

const refreshes = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const grants = await openGrants(bench, count)
  const tokens = await forEach(grants, (grant) => renewOnce(bench, grant))
  return tokens.map((token) =>
    postForm('/oauth2/token', bench.basic, {
      grant_type: 'refresh_token',
      refresh_token: formatRefreshToken(token),
    }),
  )
}

const accessTokens = async (bench: Bench, count: number): Promise<string[]> =>
  mintAccessTokens(bench, await openGrants(bench, Math.min(count, ASKED_AGAIN)))

const introspections = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const tokens = await accessTokens(bench, count)
  return repeated(
    tokens.map((token) => postForm('/oauth2/introspect', bench.basic, { token })),
    count,
  )
}

const userinfos = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const tokens = await accessTokens(bench, count)
  return repeated(
    tokens.map((token) => httpRequest('GET /oauth2/userinfo', { authorization: `Bearer ${token}` })),
    count,
  )
}

const clientTokens = async ({ basic }: Bench, count: number): Promise<Buffer[]> =>
  repeated(
    [postForm('/oauth2/token', basic, { grant_type: 'client_credentials', scope: 'challenges' })],
    count,
  )

const strangers = async (_bench: Bench, count: number): Promise<Buffer[]> =>
  repeated([httpRequest(AUTHORIZE, BROWSER_HEADERS)], count)

/** A page that is asked for again, by its address: after a reload, or after a form. */
const returning = async ({ deps }: Bench, count: number): Promise<Buffer[]> => {
  const { browserId, browser } = newBrowser(deps)
  const parameters = Object.fromEntries(authorizationQuery(SCOPE))
  const flow = sealFlow(deps.sealer, newFlow({ parameters, pushed: null }, browser, deps.clock()))
  const headers = { ...BROWSER_HEADERS, cookie: `postern-browser=${browserId}` }
  return repeated([httpRequest(`GET /sign-in?flow=${encodeURIComponent(flow)}`, headers)], count)
}

const newBrowser = ({ randomBytes }: Bench['deps']) => {
  const browserId = randomBytes(32).toString('base64url')
  return { browserId, browser: hashToken(browserId) }
}

const TOKENS = ['"access_token":"ey', '"id_token":"ey', '"refresh_token":"'] as const
const ONCE = { full: 6_000, quick: 400 }
const AGAIN = { full: 12_000, quick: 1_000 }

export const REDIRECT_SCENARIOS: Scenario[] = [
  {
    name: 'O1',
    title: 'authorize, a code for a live session',
    requests: ONCE,
    status: 303,
    expected: [`ocation: ${REDIRECT_URI}?code=`],
    prepare: authorizations,
  },
  { name: 'O2', title: 'code exchange', requests: ONCE, expected: TOKENS, prepare: exchanges },
  {
    name: 'O3',
    title: 'refresh of a browser session’s grant',
    requests: ONCE,
    expected: TOKENS,
    prepare: refreshes,
  },
  {
    name: 'O4',
    title: 'introspection',
    requests: AGAIN,
    expected: ['"active":true'],
    prepare: introspections,
  },
  { name: 'O5', title: 'userinfo', requests: AGAIN, expected: ['"sub":"'], prepare: userinfos },
  {
    name: 'O6',
    title: 'client_credentials',
    requests: ONCE,
    expected: ['"access_token":"ey'],
    prepare: clientTokens,
  },
  {
    name: 'S1',
    title: 'sign-in page, by an authorization request',
    requests: ONCE,
    expected: ['</html>'],
    prepare: strangers,
  },
  {
    name: 'S2',
    title: 'sign-in page, of a flow',
    requests: ONCE,
    expected: ['</html>'],
    prepare: returning,
  },
]

/** Those whose floor sends the bytes that Postern has sent. */
export const PAGES: readonly string[] = ['S1', 'S2']
