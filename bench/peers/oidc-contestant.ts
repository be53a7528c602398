// oidc-provider as a contestant: the redirect flow, and its userinfo where Postern's sessions are checked.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import type { Contestant } from '../compare.ts'
import { httpRequest } from '../connection.ts'
import { forEach } from '../prepare.ts'
import { PROGRAMS } from '../processes.ts'
import {
  ASKED_AGAIN,
  authorizationQuery,
  BROWSER_HEADERS,
  codeForm,
  postForm,
  repeated,
} from '../redirect-scenarios.ts'
import type { Setting } from '../setting.ts'
import {
  COOKIE_KEY,
  issueOidcAccessToken,
  issueOidcCode,
  issueOidcRefreshToken,
  OIDC_CLIENT,
  openOidcProvider,
  openOidcSession,
} from './oidc-provider.ts'

type Opened = ReturnType<typeof openOidcProvider>

const newKey = () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' })
  return { ...jwk, kty: 'EC' as const, alg: 'ES256', use: 'sig', kid: 'bench' }
}

/** A cookie as it is signed by `cookies.keys` (the packages cookies and keygrip). */
const signedCookie = (name: string, value: string): string => {
  const signature = createHmac('sha1', COOKIE_KEY).update(`${name}=${value}`).digest('base64url')
  return `${name}=${value}; ${name}.sig=${signature}`
}

const preparing = (own: Opened, accounts: readonly string[]) => {
  const { id, secret } = OIDC_CLIENT
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const authorize = `GET /auth?${authorizationQuery('openid profile email api:read')}`
  const token = (form: Record<string, string>) => postForm('/token', basic, form)
  const ofEach = (count: number, make: (account: string) => Promise<Buffer>) =>
    forEach(accounts.slice(0, count), make)
  const ofSome = async (count: number, make: (account: string) => Promise<Buffer>) =>
    repeated(await ofEach(Math.min(count, ASKED_AGAIN), make), count)
  const userinfos = (count: number) =>
    ofSome(count, async (account) => {
      const bearer = await issueOidcAccessToken(own, account)
      return httpRequest('GET /me', { authorization: `Bearer ${bearer}` })
    })
  const prepared: Record<string, (count: number) => Promise<Buffer[]>> = {
    O1: (count) =>
      ofSome(count, async (account) => {
        const cookie = signedCookie('_session', await openOidcSession(own, account))
        return httpRequest(authorize, { ...BROWSER_HEADERS, cookie })
      }),
    O2: (count) => ofEach(count, async (account) => token(codeForm(await issueOidcCode(own, account)))),
    O3: (count) =>
      ofEach(count, async (account) =>
        token({ grant_type: 'refresh_token', refresh_token: await issueOidcRefreshToken(own, account) }),
      ),
    O4: (count) =>
      ofSome(count, async (account) =>
        postForm('/token/introspection', basic, { token: await issueOidcAccessToken(own, account) }),
      ),
    O5: userinfos,
    O6: async (count) => repeated([token({ grant_type: 'client_credentials', scope: 'api:read' })], count),
    P2: userinfos,
  }
  return prepared
}

export const startOidcProvider = async (
  setting: Setting,
  accounts: readonly string[],
): Promise<Contestant> => {
  const key = newKey()
  const environment = await setting.newEnvironment()
  const own = openOidcProvider('http://localhost:8400', environment.REDIS_URL, key)
  const server = await setting.start(PROGRAMS.oidcProvider, { ...environment, OIDC_KEY: JSON.stringify(key) })
  const prepared = preparing(own, accounts)
  return {
    name: 'oidc-provider',
    processes: [server],
    does: Object.keys(prepared),
    expected: { P2: ['"email":'] },
    prepare(name, count) {
      const prepare = prepared[name]
      if (!prepare) throw new Error(`oidc-provider does no ${name}`)
      return prepare(count)
    },
    async stop() {
      own.redis.disconnect()
      await server.stop()
    },
  }
}
