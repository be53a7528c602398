// Serving: opens everything, makes the first administrator, listens, and closes down in order.
import closeWithGrace from 'close-with-grace'
import { createFirstAdministrator } from './accounts/create-first-administrator.ts'
import { type App, buildApp } from './app.ts'
import type { Config } from './config.ts'
import { type Deps, openDeps } from './deps.ts'
import { markFirstStartComplete } from './embedded-postgres.ts'
import type { Log } from './log.ts'

const SHUTDOWN_MS = 10_000

/** Starts listening; returns the app, its dependencies, and the first administrator if one was made. */
export const startServer = async (
  config: Readonly<Config>,
  log: Log,
): Promise<{
  app: App
  deps: Deps
  firstAdministrator: Awaited<ReturnType<typeof createFirstAdministrator>>
}> => {
  const deps = await openDeps(config, log)
  try {
    const firstAdministrator = await createFirstAdministrator(deps)
    await markFirstStartComplete(config.dataDir)
    const app = await buildApp(deps)
    app.addHook('onClose', () => deps.close())
    await app.listen({ host: config.host, port: config.port })
    return { app, deps, firstAdministrator }
  } catch (error) {
    await deps.close()
    throw error
  }
}

/** On SIGTERM or SIGINT: stop accepting, finish what runs, close; within 10 s. */
export const closeGracefully = (app: App, log: Log): void => {
  closeWithGrace({ delay: SHUTDOWN_MS, logger: log }, async ({ err, signal }) => {
    if (err) log.error({ err }, 'closing after an error')
    else log.info({ signal }, 'closing')
    await app.close()
  })
}
