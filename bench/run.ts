// npm run bench: measures the hot paths and their floors, and the other limits of speed and size. README.md says how to
// read the tables.
import { CONNECTIONS, type Contestant, compare, measureHalfLoad } from './compare.ts'
import { postern, type Subject, startFloor, startOther } from './contestants.ts'
import { measureFlood } from './flood.ts'
import { measureChallengeBytes, measureStart } from './footprint.ts'
import { measureMatrix } from './matrix.ts'
import { readOptions } from './options.ts'
import { type Bench, openBench } from './prepare.ts'
import { ALL_CORES, PROGRAMS, startUnderTest } from './processes.ts'
import { ACCOUNTS, CHALLENGE_VERIFICATION, SCENARIOS } from './scenarios.ts'
import { openSetting, type Setting } from './setting.ts'
import {
  challengeFigure,
  type Figure,
  figureTable,
  floodFigures,
  matrixTable,
  type PathResult,
  pathTable,
  startFigures,
} from './tables.ts'

/** Few enough to be over while their codes are good, also on a machine that has much else to do. */
const FLOODED_REQUESTS = { full: 2_000, quick: 200 }

const say = (what: string) => console.error(`${what} …`)
const show = (table: string) => console.log(`\n${table}\n`)

const startBefore = async ({ options, newEnvironment, start }: Setting): Promise<Contestant | null> => {
  if (options.before === null) return null
  const its = { environment: await newEnvironment(), accounts: ACCOUNTS[options.size], start }
  return startOther(options.before, its)
}

/** Loaded where they are asked for alone: they say things when they are loaded. */
const startPeers = async (setting: Setting, { accounts }: Bench): Promise<Contestant[]> => {
  const { peers, betterAuth } = setting.options
  if (!peers) return []
  const { startOidcProvider } = await import('./peers/oidc-contestant.ts')
  const started = [
    await startOidcProvider(
      setting,
      accounts.map(({ id }) => id),
    ),
  ]
  if (betterAuth === null) return started
  const { startBetterAuth } = await import('./peers/better-auth.ts')
  return [...started, await startBetterAuth(setting, betterAuth)]
}

const measurePaths = async (setting: Setting, subject: Subject, before: Contestant | null): Promise<void> => {
  const { bench, server } = subject
  const { size, wanted, warmUps, rounds } = setting.options
  const scenarios = SCENARIOS.filter(({ name }) => wanted.has(name))
  if (scenarios.length === 0) return
  const floor = await startFloor(subject, setting.start)
  const peers = await startPeers(setting, bench)
  const contestants = [postern(bench, [server]), floor, ...(before ? [before] : []), ...peers]
  const results: PathResult[] = []
  for (const scenario of scenarios) {
    say(`${scenario.name} ${scenario.title}`)
    await setting.emptyRedis()
    const plan = { warmUps, rounds, requests: scenario.requests[size], connections: CONNECTIONS }
    const measured = await compare(contestants, scenario, plan)
    const halfLoadP99Ms: number[] = []
    for (const one of measured) halfLoadP99Ms.push(await measureHalfLoad(one, scenario, plan))
    results.push({ scenario, measured, halfLoadP99Ms })
  }
  show(pathTable(results))
  await Promise.all([floor, ...peers].map((one) => one.stop()))
}

const measureFigures = async (
  { options }: Setting,
  { bench, environment, server }: Subject,
): Promise<void> => {
  const { size, wanted, rounds } = options
  const figures: Figure[] = []
  if (wanted.has('redis')) {
    say('Redis for a pending challenge')
    const redisUrl = environment.REDIS_URL
    figures.push(challengeFigure(await measureChallengeBytes(server, { bench, redisUrl })))
  }
  await server.stop()
  if (wanted.has('start')) {
    say('start and idle memory')
    figures.push(...startFigures(await measureStart(environment, rounds)))
  }
  if (wanted.has('flood')) {
    say('challenge verification in a flood of logins')
    // As in production: hashing has the core that the event loop leaves.
    const trusting = { ...environment, POSTERN_TRUSTED_PROXIES: '127.0.0.1' }
    const flooded = await startUnderTest(PROGRAMS.postern, trusting, { cores: ALL_CORES })
    const plan = { rounds, requests: FLOODED_REQUESTS[size] }
    figures.push(...floodFigures(await measureFlood(flooded, bench, CHALLENGE_VERIFICATION, plan)))
    await flooded.stop()
  }
  if (figures.length > 0) show(figureTable(figures))
}

const measureAll = async (setting: Setting): Promise<void> => {
  const { size, wanted } = setting.options
  const environment = await setting.newEnvironment()
  const bench = await openBench(environment, ACCOUNTS[size])
  const subject = { bench, environment, server: await setting.start(PROGRAMS.postern, environment) }
  const before = await startBefore(setting)
  await measurePaths(setting, subject, before)
  if (wanted.has('matrix')) show(matrixTable(await measureMatrix(setting, subject, { before, say })))
  await before?.stop()
  await measureFigures(setting, subject)
  await bench.deps.close()
}

const setting = await openSetting(readOptions())
await measureAll(setting)
await setting.close()
