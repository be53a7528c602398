// The whole story against a running Postern, readable: a password, then a code, then signed JWTs. The steps are
// in `demo/story.ts`; they double as sample code.
//
// Exits with 1, after one clear line, if any step does not end as it should.
import { parseArgs } from 'node:util'
import { signInAdministrator } from './demo/administrator.ts'
import { playInBrowser } from './demo/browser.ts'
import { createNarrator, type Narrator } from './demo/narrator.ts'
import { createPosternCaller, DemoError } from './demo/postern.ts'
import { type DemoServer, findServer } from './demo/server.ts'
import { createAccount, tellStory, tidyUp } from './demo/story.ts'

const USAGE = `Usage: npm run demo -- [--url <url> | --own | --browser]

  --url <url>   a running Postern; else POSTERN_URL, POSTERN_ISSUER, http://localhost:8400
  --own         a server of the demo's own, in a temporary folder, removed at the end
  --browser     such a server and an example application, to click through, until Ctrl+C

For a running one: POSTERN_ADMIN_USERNAME (admin), POSTERN_ADMIN_PASSWORD, and where the administrator has a
second factor DEMO_ADMIN_CODE or DEMO_ADMIN_TOTP_SECRET. In a terminal the demo asks for what is missing.`

const play = async (server: DemoServer, narrator: Narrator): Promise<void> => {
  narrator.title(`Postern at ${server.url}${server.own ? ', a server of the demo’s own' : ''}`)
  const postern = createPosternCaller(server.url, narrator)
  const stage = { postern, narrator }
  narrator.step('The administrator signs in, with a second factor')
  const administrator = await signInAdministrator(postern, server, narrator)
  const user = await createAccount(stage, administrator)
  try {
    await tellStory(stage, user)
  } catch (error) {
    // The first failure is printed, and not what may fail after it.
    await tidyUp(stage, administrator, user).catch(() => {})
    throw error
  }
  await tidyUp(stage, administrator, user)
  narrator.title('\nEvery step ended as it should.')
}

const OPTIONS = {
  url: { type: 'string' },
  own: { type: 'boolean' },
  browser: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const readOptions = () => {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (error) {
    throw new DemoError(`${(error as Error).message}\n\n${USAGE}`)
  }
}

const main = async (narrator: Narrator): Promise<void> => {
  const options = readOptions()
  if (options.help) return console.log(USAGE)
  if (options.browser && options.url !== undefined)
    throw new DemoError(`--browser starts a server of its own; it takes no --url.\n\n${USAGE}`)
  const own = options.own || options.browser
  const server = await findServer({ url: options.url, own }, narrator)
  try {
    await (options.browser ? playInBrowser(server, narrator) : play(server, narrator))
  } finally {
    await server.stop()
  }
}

const narrator = createNarrator()
// What the demo has started is removed on exit; a signal alone would skip that.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
try {
  await main(narrator)
} catch (error) {
  narrator.failed(error instanceof DemoError ? error.message : String((error as Error).stack))
  process.exitCode = 1
}
