// Postern and the example application together, to click through: an administrator registers the application, and makes
// an account with an authenticator app, whose codes are on a page of the demo's own.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { signInAdministrator } from './administrator.ts'
import { codeAt, STEP_SECONDS, serveCodes } from './codes-page.ts'
import type { Narrator } from './narrator.ts'
import { createPosternCaller, DemoError, type Postern } from './postern.ts'
import { type DemoServer, freePort, withoutSettings } from './server.ts'

const APP = fileURLToPath(new URL('../../examples/web-app/app.js', import.meta.url))

type Client = { client_id: string; client_secret: string }
type User = { username: string; password: string; secret: string }

const registerApplication = (postern: Postern, bearer: string, url: string): Promise<Client> => {
  const json = {
    name: 'Web app',
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [`${url}/`],
    scopes: ['openid', 'profile', 'email'],
  }
  return postern.ask<Client>('POST /v1/admin/clients', { bearer, json })
}

/** An account whose second factor is enrolled with the code of the time step before, so that the present one is unused. */
const createUser = async (postern: Postern, administrator: string): Promise<User> => {
  const username = 'ada'
  const password = randomBytes(15).toString('base64url')
  const json = { username, password, display_name: 'Ada Lovelace', email: 'ada@example.org' }
  await postern.ask('POST /v1/admin/accounts', { bearer: administrator, json })
  const { access_token: bearer } = await postern.ask<{ access_token: string }>('POST /v1/login', {
    json: { username, password },
  })
  const { id, secret } = await postern.ask<{ id: string; secret: string }>(
    'POST /v1/me/authenticators/totp',
    { bearer, json: {} },
  )
  const code = codeAt(secret, Math.floor(Date.now() / 1000 / STEP_SECONDS) - 1)
  await postern.ask(`POST /v1/me/authenticators/${id}/confirm`, { bearer, json: { code } })
  return { username, password, secret }
}

/** `STEP_UP_MAX_AGE=0`: the dangerous button asks at each press, also right after the sign-in. */
const startApplication = async (issuer: string, port: number, client: Client): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [APP], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...withoutSettings(),
      POSTERN_ISSUER: issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
      PORT: String(port),
      STEP_UP_MAX_AGE: '0',
    },
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(() => {
    throw new DemoError('The example application did not start.')
  })
  await Promise.race([once(child.stdout, 'data'), ended])
  ended.catch(() => {})
  return child
}

const sayWhatToClick = (
  narrator: Narrator,
  { url, codesUrl, issuer, user }: { url: string; codesUrl: string; issuer: string; user: User },
): void => {
  narrator.step('Now click')
  narrator.member('application', url)
  narrator.member('user name', user.username)
  narrator.member('password', user.password)
  narrator.member('code', `${codesUrl}  (or give an authenticator app ${user.secret})`)
  narrator.say('1. Open the application and sign in; the code is asked for after the password.')
  narrator.say('2. Allow the application to see who you are: it is asked once.')
  narrator.say('3. Press Renew, and then Delete everything: Postern asks who you are once more.')
  narrator.say(`4. See ${issuer}/account, and sign out.`)
  narrator.title('\nCtrl+C stops both, and removes what they have stored.')
}

/** In a terminal each process gets the signal, and npm passes it on besides: only the first one counts. */
const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.removeAllListeners(signal)
      process.on(signal, () => resolve())
    }
  })

/** Plays until Ctrl+C, on a server of the demo's own. */
export const playInBrowser = async (server: DemoServer, narrator: Narrator): Promise<void> => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  narrator.title(`Postern at ${server.url}, and an application at ${url}`)
  const postern = createPosternCaller(server.url, narrator)
  narrator.step('The administrator signs in, registers the application and makes an account')
  const administrator = await signInAdministrator(postern, server, narrator)
  const client = await registerApplication(postern, administrator, url)
  const user = await createUser(postern, administrator)
  const application = await startApplication(server.url, port, client)
  const codes = await serveCodes(user.secret)
  sayWhatToClick(narrator, { url, codesUrl: codes.url, issuer: server.url, user })
  const ended = Promise.race([once(application, 'exit'), server.ended()])
  const stopped = untilStopped()
  const cause = await Promise.race([stopped.then(() => 'stopped'), ended.then(() => 'ended')])
  application.kill('SIGTERM')
  codes.close()
  // A child may have ended by the same Ctrl+C, a moment before this process has got it.
  const grace = sleep(500, 'ended' as const)
  if (cause === 'ended' && (await Promise.race([stopped, grace])) === 'ended')
    throw new DemoError('The application or Postern has ended by itself.')
}
