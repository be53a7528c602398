// npm run bench: measures the hot paths and their floors, and the other limits of speed and size. README.md says how to
// read the tables.
import { parseArgs } from 'node:util'
import { createDatabase, startPostgres, startRedis } from '../test/support/servers.ts'
import { type Comparison, compare } from './compare.ts'
import { measureFlood } from './flood.ts'
import { measureChallengeBytes, measureStart } from './footprint.ts'
import { openBench } from './prepare.ts'
import { ALL_CORES, leaveServerCore, type Program, startUnderTest } from './processes.ts'
import { ACCOUNTS, CHALLENGE_VERIFICATION, SCENARIOS } from './scenarios.ts'
import {
  challengeFigure,
  comparisonTable,
  type Figure,
  figureTable,
  floodFigures,
  startFigures,
} from './tables.ts'

const HELP = `Usage: npm run bench -- [options]

  --quick           a few seconds, to see that it works; its figures mean nothing
  --only <names>    some of P1,P2,P3,P4,start,redis,flood
  --rounds <n>      rounds of each server (5)
  --profile <dir>   leaves CPU profiles of Postern and of the floor there
  --help            this text`

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'P1,P2,P3,P4,start,redis,flood' },
    rounds: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}

/** Few enough to be over while their codes are good, also on a machine that has much else to do. */
const FLOODED_REQUESTS = { full: 2_000, quick: 200 }

const size = options.quick ? 'quick' : 'full'
const warmUps = options.quick ? 1 : 3
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const wanted = options.only.split(',')

leaveServerCore()
const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
const environment = {
  DATABASE_URL: await createDatabase(postgres),
  REDIS_URL: redis.url,
  POSTERN_ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
  POSTERN_ADMIN_PASSWORD: 'a password of some length',
  POSTERN_RATE_LIMIT: '0',
  LOG_LEVEL: 'warn',
}
const bench = await openBench(environment, ACCOUNTS[size])
const start = (program: Program) => {
  const nodeOptions = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}/${program}`] : []
  return startUnderTest(program, environment, { nodeOptions })
}
const servers = { postern: await start('postern'), floor: await start('floor') }

const say = (what: string) => console.error(`${what} …`)

const comparisons: Comparison[] = []
for (const scenario of SCENARIOS.filter(({ name }) => wanted.includes(name))) {
  say(`${scenario.name} ${scenario.title}`)
  const plan = { warmUps, rounds, requests: scenario.requests[size] }
  comparisons.push(await compare(servers, { bench, redisUrl: redis.url }, scenario, plan))
}
if (comparisons.length > 0) console.log(`\n${comparisonTable(comparisons)}\n`)

const figures: Figure[] = []
if (wanted.includes('redis')) {
  say('Redis for a pending challenge')
  figures.push(challengeFigure(await measureChallengeBytes(servers.postern, { bench, redisUrl: redis.url })))
}
await Promise.all([servers.postern.stop(), servers.floor.stop()])
if (wanted.includes('start')) {
  say('start and idle memory')
  figures.push(...startFigures(await measureStart(environment, rounds)))
}
if (wanted.includes('flood')) {
  say('challenge verification in a flood of logins')
  // As in production: hashing has the core that the event loop leaves.
  const trusting = { ...environment, POSTERN_TRUSTED_PROXIES: '127.0.0.1' }
  const postern = await startUnderTest('postern', trusting, { cores: ALL_CORES })
  const plan = { rounds, requests: FLOODED_REQUESTS[size] }
  figures.push(...floodFigures(await measureFlood(postern, bench, CHALLENGE_VERIFICATION, plan)))
  await postern.stop()
}
if (figures.length > 0) console.log(`${figureTable(figures)}\n`)

await bench.deps.close()
await Promise.all([redis.stop(), postgres.stop()])
