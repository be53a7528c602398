// oidc-provider as the provider of a run. Where a module is red with it too, the run is at fault, or the suite.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { leavePage } from './leave-page.ts'
import { answers, freePort, start } from './processes.ts'
import type { Person, Provider, WantedClient } from './provider.ts'
import { type Certificate, startTlsProxy } from './tls.ts'

const SERVER = fileURLToPath(new URL('../../bench/peers/serve-oidc-conformance.ts', import.meta.url))
const PACKAGE = new URL('../../node_modules/oidc-provider/package.json', import.meta.url)

const readVersion = (): string => {
  const { version }: { version: string } = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  return version
}

const secretsFor = (wanted: WantedClient[]): Map<string, string> =>
  new Map(
    wanted
      .filter((client) => client.token_endpoint_auth_method !== 'private_key_jwt')
      .map((client) => [client.client_id, randomBytes(32).toString('base64url')]),
  )

const actionFor = async (page: Page, person: Person): Promise<(() => Promise<void>) | null> => {
  if ((await page.locator('[name="login"]').count()) > 0) {
    await page.fill('[name="login"]', person.username)
    await page.fill('[name="password"]', person.password)
    return () => page.click('.login-submit')
  }
  const abort = page.locator('a[href$="/abort"]')
  if (person.declines && (await abort.count()) > 0) return () => abort.click()
  const button = page.locator('button.login-submit, button[value="yes"]').first()
  return (await button.count()) > 0 ? () => button.click() : null
}

const answerPage = async (page: Page, person: Person): Promise<boolean> => {
  const action = await actionFor(page, person)
  if (action === null) return false
  await leavePage(page, action)
  return true
}

export const startPeer = async (
  folder: string,
  certificate: Certificate,
  wanted: WantedClient[],
): Promise<Provider> => {
  const [port, publicPort] = [await freePort(), await freePort()]
  const issuer = `https://localhost:${publicPort}`
  const secrets = secretsFor(wanted)
  const clients = wanted.map((client) => ({ ...client, client_secret: secrets.get(client.client_id) }))
  const proxy = await startTlsProxy(certificate, publicPort, port)
  const running = await start({
    name: 'oidc-provider',
    command: process.execPath,
    options: [SERVER],
    env: {
      PORT: String(port),
      ISSUER: issuer,
      CLIENTS: JSON.stringify(clients),
      NODE_EXTRA_CA_CERTS: certificate.certificateFile,
    },
    log: join(folder, 'oidc-provider.log'),
    isReady: () => answers(`http://127.0.0.1:${port}/.well-known/openid-configuration`),
  })
  return {
    name: 'oidc-provider',
    version: readVersion(),
    issuer,
    discoveryUrl: `${issuer}/.well-known/openid-configuration`,
    secrets,
    newPerson: async () => ({ username: 'ada', password: 'any', nextCode: async () => '', declines: false }),
    answerPage,
    async stop() {
      await running.stop()
      await proxy.stop()
    },
  }
}
