// Serving: takes the data folder, opens everything, makes the first administrator, listens, says so, and closes
// down in order.
import closeWithGrace from 'close-with-grace'
import { createFirstAdministrator } from '../administration/accounts/create-first-administrator.ts'
import type { Config } from '../config.ts'
import { type Deps, openDeps } from '../deps.ts'
import { markFirstStartComplete } from '../postgres/embedded.ts'
import { type App, buildApp } from '../server/app.ts'
import { createLog, type Log } from '../server/log.ts'
import { VERSION } from '../server/version.ts'
import { type ControlHandler, holdControlSocket, needsControlSocket, type Output } from './control-socket.ts'
import { shedStartUp } from './shed-start-up.ts'
import { administratorMessage, startMessage } from './start-message.ts'

const SHUTDOWN_MS = 10_000

/** Runs what `postern <command>` sends, over the dependencies of this process once they are open. */
const commandRunner = (openedDeps: () => Deps | null): ControlHandler => {
  return async (request, output) => {
    const deps = openedDeps()
    if (!deps) {
      output.err('Postern is still starting. Try again in a moment.')
      return 1
    }
    // Loaded when it is first needed, to keep an idle server small.
    const { runSentCommand } = await import('./run-sent-command.ts')
    return runSentCommand(deps, request, output)
  }
}

const listen = async (app: App, { host, port }: Config, log: Log): Promise<number> => {
  // Fastify would log its addresses before the start message; ours follows it.
  const { level } = log
  log.level = 'silent'
  await app.listen({ host, port }).finally(() => {
    log.level = level
  })
  const address = app.server.address()
  return typeof address === 'object' && address ? address.port : port
}

/**
 * On SIGTERM or SIGINT: stop accepting, finish what runs, close; within 10 s. A signal during the start is handled after
 * the start, so that a first start is not left half-written. A second signal changes nothing: npm passes on a Ctrl-C
 * that the process has already received from the terminal.
 */
const closeGracefully = (started: Promise<App>, { clientsFile }: Config, log: Log): void => {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const reread = clientsFile === null ? [] : (['SIGHUP'] as const)
  const options = { delay: SHUTDOWN_MS, logger: log, skip: [...signals, ...reread, 'beforeExit' as const] }
  const { close } = closeWithGrace(options, async ({ err }) => {
    if (err) log.error({ err }, 'closing after an error')
    await (await started).close()
  })
  let isClosing = false
  for (const signal of signals) {
    process.on(signal, () => {
      if (isClosing) return
      isClosing = true
      log.info({ signal }, 'closing')
      // A start that fails ends the process by itself.
      started.then(close, () => {})
    })
  }
}

/** Applies the clients file; its reader is loaded when there is one, to keep an idle server small. */
const applyDeclaredClients = async (deps: Deps): Promise<void> => {
  const { clientsFile } = deps.config
  if (clientsFile === null) return
  const { applyClientsFile } = await import('./apply-clients-file.ts')
  await applyClientsFile(deps, clientsFile)
}

/**
 * On SIGHUP the clients file is applied again, one time after the other; a wrong one changes nothing. During the start
 * nothing is done, because the start applies it. Returns a function that stops it.
 */
const applyOnSignal = (
  { clientsFile }: Config,
  log: Log,
  openedDeps: () => Deps | null,
): (() => Promise<void>) => {
  let applying = Promise.resolve()
  const applyAgain = async () => {
    const deps = openedDeps()
    if (!deps) return
    await applyDeclaredClients(deps).catch((error: Error) =>
      log.error({ reason: error.message }, 'the clients file is not applied; nothing has changed'),
    )
  }
  const apply = () => {
    applying = applying.then(applyAgain)
  }
  if (clientsFile !== null) process.on('SIGHUP', apply)
  return () => {
    process.off('SIGHUP', apply)
    return applying
  }
}

const start = async (config: Readonly<Config>, log: Log, output: Output): Promise<App> => {
  let deps: Deps | null = null
  const control = needsControlSocket(config)
    ? await holdControlSocket(
        config.dataDir,
        commandRunner(() => deps),
      )
    : null
  const stopApplying = applyOnSignal(config, log, () => deps)
  // The folder is released last: until then no other process may open it.
  const close = async () => {
    await stopApplying()
    await control?.drain()
    await deps?.close()
    await control?.close()
  }
  let app: App | null = null
  try {
    deps = await openDeps(config, log)
    await applyDeclaredClients(deps)
    app = await buildApp(deps)
    app.addHook('onClose', close)
    const firstAdministrator = await createFirstAdministrator(deps)
    await markFirstStartComplete(config.dataDir)
    // Requests are answered only once there is an administrator who can sign in.
    const port = await listen(app, config, log).catch((error) => {
      // The password is shown once only, so it is shown even if the start fails after this.
      if (firstAdministrator) output.out(administratorMessage(firstAdministrator))
      throw error
    })
    const facts = {
      version: VERSION,
      address: { host: config.host, port },
      postgres: deps.postgres.kind,
      ephemeral: deps.ephemeral.kind,
      firstAdministrator,
      fromSource: import.meta.url.endsWith('.ts'),
    }
    output.out(startMessage(facts, config))
    log.info({ host: config.host, port, migrated: deps.migrated }, 'listening')
    void shedStartUp(log)
    return app
  } catch (error) {
    await (app?.close() ?? close())
    // A start that fails without a crash, such as by a refused password, leaves a complete folder.
    if (deps) await markFirstStartComplete(config.dataDir)
    throw error
  }
}

/**
 * Serves until a signal stops it; returns once it listens.
 * @throws what `openDeps` does, and where the address cannot be listened on
 */
export const serve = async (config: Readonly<Config>, output: Output): Promise<void> => {
  const log = createLog(config.logLevel)
  const started = start(config, log, output)
  closeGracefully(started, config, log)
  await started
}
