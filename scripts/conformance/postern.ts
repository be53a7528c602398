// Postern as the provider of a run: started from here, over https, with a folder of its own that is removed.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { callPostern, enrollTotp, signInAdministrator } from './postern-administrator.ts'
import { answerPage } from './postern-pages.ts'
import { answers, freePort, start } from './processes.ts'
import type { Person, Provider, WantedClient } from './provider.ts'
import { type Certificate, startTlsProxy } from './tls.ts'

type Administrator = Awaited<ReturnType<typeof signInAdministrator>>

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PACKAGE = new URL('../../package.json', import.meta.url)
const SCOPES = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access']
const ADMINISTRATOR = 'admin'

const readVersion = (): string => {
  const { version }: { version: string } = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  return version
}

const registerClients = async (
  administrator: Administrator,
  wanted: WantedClient[],
): Promise<Map<string, string>> => {
  const secrets = new Map<string, string>()
  for (const client of wanted) {
    const isFapi = client.token_endpoint_auth_method === 'private_key_jwt'
    const { client_secret: secret } = await administrator<{ client_secret: string | null }>(
      'POST /v1/admin/clients',
      {
        ...client,
        name: `Conformance suite (${client.client_id})`,
        scopes: SCOPES,
        // Of a third party, whose users are asked: a module wants them to say no.
        first_party: !isFapi,
        code_protection: isFapi ? 'pkce' : 'nonce',
        // A module loses an answer, and tries the token before 30 seconds later.
        ...(isFapi && { refresh_grace: 60 }),
      },
    )
    if (secret !== null) secrets.set(client.client_id, secret)
  }
  return secrets
}

/** With a value for every claim of the standard scopes: the suite warns of those that are missing at userinfo. */
const CLAIMS = {
  given_name: 'Ada',
  family_name: 'Lovelace',
  middle_name: 'King',
  nickname: 'Ada',
  profile: 'https://ada.example/',
  picture: 'https://ada.example/picture',
  website: 'https://ada.example/',
  gender: 'female',
  // The suite believes nobody who was born before 1850.
  birthdate: '1990-12-10',
  zoneinfo: 'Europe/London',
  locale: 'en-GB',
  phone_number: '+442071234567',
  phone_number_verified: true,
  email_verified: true,
  address: { street_address: '12 St James’s Square', locality: 'London', country: 'United Kingdom' },
}

/** With an authenticator app. */
const createPerson = async (url: string, administrator: Administrator): Promise<Person> => {
  const username = `ada-${randomBytes(4).toString('hex')}`
  const password = randomBytes(15).toString('base64url')
  await administrator('POST /v1/admin/accounts', {
    username,
    password,
    email: `${username}@example.org`,
    display_name: 'Ada Lovelace',
    claims: CLAIMS,
  })
  const { access_token: bearer } = await callPostern<{ access_token: string }>(url, 'POST /v1/login', {
    json: { username, password },
  })
  const { nextCode } = await enrollTotp<unknown>(url, bearer)
  return { username, password, nextCode, declines: false }
}

const settings = (
  folder: string,
  port: number,
  issuer: string,
  password: string,
  { certificateFile }: Certificate,
) => ({
  PORT: String(port),
  POSTERN_ISSUER: issuer,
  POSTERN_DATA_DIR: join(folder, 'data'),
  POSTERN_ADMIN_USERNAME: ADMINISTRATOR,
  POSTERN_ADMIN_PASSWORD: password,
  POSTERN_TRUSTED_PROXIES: '127.0.0.1',
  POSTERN_RATE_LIMIT: '0',
  // The suite, which is told of logouts, is on loopback.
  POSTERN_ALLOW_PRIVATE_ADDRESSES: '127.0.0.0/8',
  NODE_EXTRA_CA_CERTS: certificateFile,
  NODE_TLS_REJECT_UNAUTHORIZED: '1',
  DATABASE_URL: '',
  REDIS_URL: '',
})

export const startPostern = async (
  folder: string,
  certificate: Certificate,
  wanted: WantedClient[],
): Promise<Provider> => {
  const [port, publicPort] = [await freePort(), await freePort()]
  const issuer = `https://localhost:${publicPort}`
  const url = `http://127.0.0.1:${port}`
  const password = randomBytes(18).toString('base64url')
  mkdirSync(join(folder, 'data'), { mode: 0o700 })
  const running = await start({
    name: 'Postern',
    command: process.execPath,
    options: [MAIN, 'serve'],
    env: settings(folder, port, issuer, password, certificate),
    log: join(folder, 'postern.log'),
    isReady: () => answers(`${url}/readyz`),
  })
  const proxy = await startTlsProxy(certificate, publicPort, port)
  const stop = async (): Promise<void> => {
    await running.stop()
    await proxy.stop()
  }
  try {
    const administrator = await signInAdministrator(url, ADMINISTRATOR, password)
    const secrets = await registerClients(administrator, wanted)
    const discoveryUrl = `${issuer}/.well-known/openid-configuration`
    const newPerson = () => createPerson(url, administrator)
    return {
      name: 'Postern',
      version: readVersion(),
      issuer,
      discoveryUrl,
      secrets,
      newPerson,
      answerPage,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
