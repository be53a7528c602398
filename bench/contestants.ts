// Who is measured on the four paths: Postern, its floor, and another version of Postern.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../test/support/server-process.ts'
import type { Contestant } from './compare.ts'
import { writeAccounts } from './floor/accounts.ts'
import { writePages } from './floor/pages.ts'
import { createFloorTables, forgetFloorBurns, seedFloor } from './floor/seed.ts'
import type { Bench } from './prepare.ts'
import { PROGRAMS, type UnderTest } from './processes.ts'
import { PAGES } from './redirect-scenarios.ts'
import { SCENARIOS } from './scenarios.ts'

export type Environment = Record<string, string> & { DATABASE_URL: string; REDIS_URL: string }

/** A Postern on the first core, and what its requests are made of. */
export type Subject = { bench: Bench; environment: Environment; server: UnderTest }

/** Starts one server under test; `program` as `PROGRAMS` has them. */
export type Start = (program: readonly string[], environment: Environment) => Promise<UnderTest>

const prepareOwn = (bench: Bench) => (name: string, count: number) => {
  const scenario = SCENARIOS.find((one) => one.name === name)
  if (!scenario) throw new Error(`there is no scenario ${name}`)
  return scenario.prepare(bench, count)
}

const stopAll = async (processes: readonly UnderTest[]): Promise<void> => {
  await Promise.all(processes.map((server) => server.stop()))
}

export const postern = (bench: Bench, processes: readonly UnderTest[]): Contestant => ({
  name: 'Postern',
  processes,
  prepare: prepareOwn(bench),
  stop: () => stopAll(processes),
})

/** Its requests are Postern's. What they need it keeps beside Postern's, in keys and tables of its own. */
export const startFloor = async (
  { bench, environment, server }: Subject,
  start: Start,
): Promise<Contestant> => {
  const folder = temporaryFolder('floor')
  const [accounts, pages] = [join(folder, 'accounts.json'), join(folder, 'pages.json')]
  writeAccounts(accounts, bench.accounts)
  const asked = PAGES.map(async (name) => [name, (await prepareOwn(bench)(name, 1))[0] as Buffer] as const)
  await writePages(pages, server.port, await Promise.all(asked))
  await createFloorTables(environment.DATABASE_URL, bench.accounts)
  const files = { FLOOR_ACCOUNTS: accounts, FLOOR_PAGES: pages }
  const processes = [await start(PROGRAMS.floor, { ...environment, ...files })]
  return {
    name: 'floor',
    processes,
    stop: () => stopAll(processes),
    async prepare(name, count) {
      const requests = await prepareOwn(bench)(name, count)
      await seedFloor(environment.REDIS_URL, bench.accounts, { name, requests })
      await forgetFloorBurns(environment.DATABASE_URL)
      return requests
    },
  }
}

/**
 * The Postern of another checkout, with its dependencies installed. Its own code prepares its requests, in a process of
 * its own: formats of what is stored may differ.
 */
export const startOther = async (
  checkout: string,
  { environment, accounts, start }: { environment: Environment; accounts: number; start: Start },
): Promise<Contestant> => {
  const folder = resolve(checkout)
  const preparer = fork(
    fileURLToPath(new URL('prepare-other.ts', import.meta.url)),
    [folder, `${accounts}`, SCENARIOS.map(({ name }) => name).join(',')],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, ...environment },
      serialization: 'advanced',
    },
  )
  const ended = once(preparer, 'exit')
  const answer = async () => {
    const failed = ended.then(([code]) => Promise.reject(new Error(`no requests of ${folder}: exit ${code}`)))
    const [message] = await Promise.race([once(preparer, 'message'), failed])
    return message
  }
  const does: string[] = await answer()
  const processes = [await start([join(folder, 'src/main.ts'), 'serve'], environment)]
  return {
    name: 'before',
    processes,
    does,
    async prepare(name, count) {
      preparer.send({ name, count })
      return await answer()
    },
    async stop() {
      preparer.disconnect()
      await Promise.all([ended, stopAll(processes)])
    },
  }
}
