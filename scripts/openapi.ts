// Writes openapi.yaml from the routes (`npm run openapi`), or checks that it is current and valid
// (`npm run openapi -- --check`). Needs no server.
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { readConfig } from '../src/config.ts'
import type { Deps } from '../src/deps.ts'
import { openSite } from '../src/pages/open-site.ts'
import { buildApp } from '../src/server/app.ts'
import { createLog } from '../src/server/log.ts'

const FILE = fileURLToPath(new URL('../openapi.yaml', import.meta.url))
const REDOCLY = fileURLToPath(new URL('../node_modules/.bin/redocly', import.meta.url))

/** The document of the routes as they are now, as text. */
export const describeRoutes = async (): Promise<string> => {
  // Describing the routes needs no other dependency.
  const config = readConfig({})
  const deps = { config, log: createLog('silent'), clock: () => new Date(), site: openSite(config) } as Deps
  const app = await buildApp(deps)
  await app.ready()
  const document = app.swagger()
  await app.close()
  const text = stringify(document, { aliasDuplicateObjects: false, lineWidth: 110 })
  return `# Made from the routes by \`npm run openapi\`; not edited by hand.\n${text}`
}

const lint = (): boolean => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  return spawnSync(REDOCLY, ['lint', FILE], { env, stdio: 'inherit' }).status === 0
}

const check = async (): Promise<void> => {
  const isCurrent = (await readFile(FILE, 'utf8').catch(() => '')) === (await describeRoutes())
  if (!isCurrent) console.error('openapi.yaml is not what the routes say: run "npm run openapi".')
  process.exitCode = isCurrent && lint() ? 0 : 1
}

if (import.meta.main) {
  if (process.argv.includes('--check')) await check()
  else await writeFile(FILE, await describeRoutes())
}
