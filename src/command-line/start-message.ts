// What a start prints for its operator, in plain text on standard output. Pure. The one-time password is printed here
// only, and never logged.
import type { FirstAdministrator } from '../administration/accounts/create-first-administrator.ts'
import type { Config } from '../config.ts'

export type StartFacts = {
  version: string
  /** Where it listens. */
  address: { host: string; port: number }
  postgres: 'postgres' | 'embedded'
  ephemeral: 'redis' | 'memory'
  /** Null on every start but the first. */
  firstAdministrator: FirstAdministrator | null
  /** Whether it runs from a clone, where there is `npm run demo`. */
  fromSource: boolean
}

type Settings = Pick<Config, 'issuer' | 'dataDir'>

const ANYWHERE = ['127.0.0.1', '0.0.0.0', '::1', '::', 'localhost']

const urlOf = ({ host, port }: StartFacts['address']): string => {
  if (ANYWHERE.includes(host)) return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const administrator = ({ username, password }: FirstAdministrator): string[] => [
  '',
  password === null
    ? 'The first administrator was made:'
    : 'The first administrator was made; the password is shown this once:',
  '',
  `  user name   ${username}`,
  `  password    ${password ?? '(as POSTERN_ADMIN_PASSWORD says)'}`,
]

const links = (url: string): string[] => [
  '',
  `  ${url}/docs                              the API, browsable`,
  `  ${url}/healthz                           whether it runs (readiness: /readyz)`,
  `  ${url}/.well-known/jwks.json             the keys to verify tokens with`,
  `  ${url}/.well-known/openid-configuration  discovery`,
]

/** At the issuer, because forms and cookies of the pages are its alone. */
const signIn = ({ issuer }: Settings): string => `Sign in by browser: ${issuer}/sign-in`

const storage = ({ postgres, ephemeral }: StartFacts, { dataDir }: Settings): string[] => [
  '',
  postgres === 'embedded'
    ? `Data: embedded PostgreSQL in ${dataDir}, for one process. Set DATABASE_URL in production.`
    : 'Data: PostgreSQL.',
  ephemeral === 'memory'
    ? 'Short-lived state: in the memory of this one process; a restart signs everybody out. Set REDIS_URL in production.'
    : 'Short-lived state: Redis.',
]

const warnings = ({ address }: StartFacts, { issuer }: Settings): string[] => {
  const { hostname, port } = new URL(issuer)
  if (hostname !== 'localhost' || Number(port || 80) === address.port) return []
  return [
    `Warning: POSTERN_ISSUER is ${issuer}, but it listens on port ${address.port}: tokens will name the wrong address.`,
  ]
}

const nextSteps = (
  url: string,
  { username, password }: FirstAdministrator,
  fromSource: boolean,
): string[] => [
  '',
  'Next:',
  ...(fromSource
    ? [
        '  npm run demo -- --browser               starts another Postern with an example application, to click through',
        '  npm run demo                            walks through enrolling, signing in and verifying tokens, over HTTP',
        '  npx node src/main.ts serve --help       every setting; in production DATABASE_URL, REDIS_URL,',
      ]
    : ['  postern serve --help                    every setting; in production DATABASE_URL, REDIS_URL,']),
  '                                          POSTERN_ISSUER and POSTERN_ENCRYPTION_KEYS',
  '  Sign in at the link above: its pages enroll an authenticator app. Or over HTTP, with the token that this answers:',
  `  curl ${url}/v1/login -H 'content-type: application/json' \\`,
  `    -d '${JSON.stringify({ username, password: password ?? '…' })}'`,
]

/** The block that a start prints: long the first time, short from then on. */
export const startMessage = (facts: StartFacts, settings: Settings): string => {
  const { version, address, firstAdministrator, fromSource } = facts
  const url = urlOf(address)
  return [
    '',
    `Postern ${version} is ready on ${url}`,
    signIn(settings),
    ...(firstAdministrator ? administrator(firstAdministrator) : []),
    ...(firstAdministrator ? links(url) : []),
    ...storage(facts, settings),
    ...warnings(facts, settings),
    ...(firstAdministrator ? nextSteps(url, firstAdministrator, fromSource) : []),
    '',
  ].join('\n')
}

/** The part that has to be printed even if the start fails after the administrator was made. */
export const administratorMessage = (firstAdministrator: FirstAdministrator): string =>
  [...administrator(firstAdministrator), ''].join('\n')
