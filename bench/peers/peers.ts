// npm run bench -- --peers: what others do too, beside them.
import { generateKeyPairSync } from 'node:crypto'
import { CONNECTIONS, type Contestant, compare, type Measurable, type Measured } from '../compare.ts'
import { httpRequest } from '../connection.ts'
import { postern } from '../contestants.ts'
import { forEach, openBench } from '../prepare.ts'
import { PROGRAMS } from '../processes.ts'
import { ACCOUNTS } from '../scenarios.ts'
import type { Setting } from '../setting.ts'
import { startBetterAuth } from './better-auth.ts'
import {
  issueOidcRefreshToken,
  issueOidcUserinfoToken,
  OIDC_CLIENT,
  openOidcProvider,
} from './oidc-provider.ts'

type PeerScenario = Measurable & { goal: number; requests: { full: number; quick: number } }

/** `goal`: how many times the CPU of Postern the peer's has to be at least. */
const PEER_SCENARIOS: PeerScenario[] = [
  {
    name: 'P3',
    title: 'refresh (rotation, access and ID token)',
    expected: ['"access_token":"ey', '"id_token":"ey', '"refresh_token":"'],
    goal: 3,
    requests: { full: 6_000, quick: 300 },
  },
  {
    name: 'client_credentials',
    title: 'client_credentials (JWT)',
    expected: ['"access_token":"ey'],
    goal: 2,
    requests: { full: 6_000, quick: 300 },
  },
  {
    name: 'P2',
    title: 'session check',
    expected: ['"email":'],
    goal: 2,
    requests: { full: 12_000, quick: 600 },
  },
]

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const times = (count: number, request: Buffer): Buffer[] => Array.from({ length: count }, () => request)
const clientCredentials = (path: string, basic: string, parameters: string): Buffer =>
  httpRequest(`POST ${path}`, { authorization: basic, ...FORM }, `grant_type=client_credentials${parameters}`)

const withClientCredentials = (contestant: Contestant, basic: string): Contestant => ({
  ...contestant,
  prepare: async (name, count) =>
    name === 'client_credentials'
      ? times(count, clientCredentials('/oauth2/token', basic, '&scope=challenges'))
      : contestant.prepare(name, count),
})

/** As many sessions as Postern is asked about. */
const ASKED_TOKENS = 500

const startOidcProvider = async (setting: Setting, accounts: readonly string[]): Promise<Contestant> => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = {
    ...privateKey.export({ format: 'jwk' }),
    kty: 'EC' as const,
    alg: 'ES256',
    use: 'sig',
    kid: 'bench',
  }
  const environment = await setting.newEnvironment()
  const own = openOidcProvider('http://localhost:8400', environment.REDIS_URL, key)
  const server = await setting.start(PROGRAMS.oidcProvider, { ...environment, OIDC_KEY: JSON.stringify(key) })
  const { id, secret } = OIDC_CLIENT
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const refresh = (token: string) =>
    httpRequest(
      'POST /token',
      { authorization: basic, ...FORM },
      `grant_type=refresh_token&refresh_token=${token}`,
    )
  const userinfo = (token: string) => httpRequest('GET /me', { authorization: `Bearer ${token}` })
  const prepare = async (name: string, count: number): Promise<Buffer[]> => {
    if (name === 'client_credentials')
      return times(count, clientCredentials('/token', basic, '&scope=api:read'))
    if (name === 'P3')
      return forEach(accounts.slice(0, count), async (account) =>
        refresh(await issueOidcRefreshToken(own, account)),
      )
    const asked = await forEach(accounts.slice(0, ASKED_TOKENS), async (account) =>
      userinfo(await issueOidcUserinfoToken(own, account)),
    )
    return Array.from({ length: count }, (_, i) => asked[i % asked.length] as Buffer)
  }
  return {
    name: 'oidc-provider',
    processes: [server],
    prepare,
    async stop() {
      own.redis.disconnect()
      await server.stop()
    },
  }
}

export type PeerResult = { title: string; goal: number; measured: Measured[] }

export const measurePeers = async (setting: Setting, say: (what: string) => void): Promise<PeerResult[]> => {
  const { size, warmUps, rounds } = setting.options
  const environment = await setting.newEnvironment()
  const bench = await openBench(environment, ACCOUNTS[size])
  const own = postern(bench, [await setting.start(PROGRAMS.postern, environment)])
  const accounts = bench.accounts.map((account) => account.id)
  const contestants = [withClientCredentials(own, bench.basic), await startOidcProvider(setting, accounts)]
  const { betterAuth } = setting.options
  const sessionsOnly = betterAuth === null ? [] : [await startBetterAuth(setting, betterAuth)]
  const results: PeerResult[] = []
  for (const scenario of PEER_SCENARIOS) {
    say(scenario.title)
    await setting.emptyRedis()
    const competing = scenario.name === 'P2' ? [...contestants, ...sessionsOnly] : contestants
    const plan = { warmUps, rounds, requests: scenario.requests[size], connections: CONNECTIONS }
    results.push({ ...scenario, measured: await compare(competing, scenario, plan) })
  }
  await Promise.all([...contestants, ...sessionsOnly].map((one) => one.stop()))
  await bench.deps.close()
  return results
}
