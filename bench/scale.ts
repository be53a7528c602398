// npm run bench:scale: whether Postern is as fast with a million accounts and ten million events as with a hundredth
// of them. README.md says how to read its table.
import { parseArgs } from 'node:util'
import pg from 'pg'
import { createDatabase, startPostgres, startRedis } from '../test/support/servers.ts'
import { median } from './compare.ts'
import { each, load, refuseFailures } from './load.ts'
import { CASES, type Case, type Filled } from './scale-cases.ts'
import { type Measured, missesOf } from './scale-goals.ts'
import { openFilled } from './scale-open.ts'
import { table } from './tables.ts'

const HELP = `Usage: npm run bench:scale -- [options]

  --accounts <n>    accounts of the largest size (1000000); the others have a tenth and a hundredth
  --events <n>      audit events of the largest size (10000000)
  --requests <n>    requests of each case at each size (50)
  --only <text>     the cases with this in their names
  --limit-ms <n>    what no median may be above (50)
  --tolerance-ms <n>  by how much a case may grow besides the logarithm (5)
  --quick           2000 accounts and 20000 events, to see that it works; its figures mean nothing
  --help            this text

Ends with 1 where a goal is missed, and says which.`

const { values: options } = parseArgs({
  options: {
    accounts: { type: 'string' },
    events: { type: 'string' },
    requests: { type: 'string' },
    only: { type: 'string', default: '' },
    'limit-ms': { type: 'string', default: '50' },
    'tolerance-ms': { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}

const whole = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : Number(text)

const largest = {
  accounts: whole(options.accounts, options.quick ? 2_000 : 1_000_000),
  events: whole(options.events, options.quick ? 20_000 : 10_000_000),
}
const requests = whole(options.requests, options.quick ? 5 : 50)
const goal = { limitMs: Number(options['limit-ms']), toleranceMs: Number(options['tolerance-ms']) }
const sizes = [100, 10, 1].map((part) => ({
  accounts: Math.round(largest.accounts / part),
  events: Math.round(largest.events / part),
}))
/** A case goes round the sizes by turns, so that whatever else the machine does meets all of them. */
const ROUNDS = 5

const say = (what: string) => console.error(what)

const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])

const configure = async (...statements: string[]): Promise<void> => {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  for (const statement of [...statements, 'SELECT pg_reload_conf()', 'CHECKPOINT'])
    await client.query(statement)
  await client.end()
}

// Memory as is usual for a database of this size.
await configure("ALTER SYSTEM SET shared_buffers = '1GB'")
await postgres.stop()
await postgres.start()
// For filling alone: what a power failure would lose is filled again.
await configure('ALTER SYSTEM SET fsync = off', "ALTER SYSTEM SET max_wal_size = '8GB'")
const filled: Filled[] = []
for (const [i, size] of sizes.entries()) {
  say(`${size.accounts} accounts, ${size.events} events`)
  const urls = { databaseUrl: await createDatabase(postgres), redisUrl: `${redis.url}/${i}` }
  let saidAt = performance.now()
  const progress = (what: string, done: number, of: number) => {
    if (done < of && performance.now() - saidAt < 5_000) return
    saidAt = performance.now()
    say(`  ${what}: ${done} of ${of}`)
  }
  filled.push(await openFilled(urls, size, { requests, progress }))
}
await configure('ALTER SYSTEM RESET fsync', 'ALTER SYSTEM RESET max_wal_size')

const ask = async (one: Filled, name: string, prepared: Buffer[]): Promise<number[]> => {
  const answers = await load({ ports: [one.port], connections: 1, expected: [] }, each(prepared))
  refuseFailures(answers, `${name}, ${one.accounts} accounts`)
  return answers.latenciesMs
}

const measure = async ({ name, prepare }: Case): Promise<Measured> => {
  const perRound = Math.ceil(requests / ROUNDS)
  const latencies: number[][] = filled.map(() => [])
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [i, one] of filled.entries()) {
      await one.renew()
      const measured = await ask(one, name, await prepare(one, perRound))
      if (round > 0) latencies[i]?.push(...measured)
    }
  }
  return { name, medianMs: latencies.map(median) }
}

const misses: string[] = []
const rows: string[][] = []
for (const one of CASES.filter(({ name }) => name.includes(options.only))) {
  const measured = await measure(one)
  const missed = missesOf(
    sizes.map(({ accounts }) => accounts),
    measured,
    goal,
  )
  const cells = measured.medianMs.map((ms) => ms.toFixed(1))
  rows.push([one.name, ...cells])
  misses.push(...missed)
  say(`${one.name}: ${cells.join(', ')} ms${missed.length > 0 ? '  <- MISSED' : ''}`)
}
console.log(`\n${table(['median, ms', ...sizes.map(({ accounts }) => `${accounts} accounts`)], rows)}\n`)

for (const one of filled) await one.close()
await Promise.all([redis.stop(), postgres.stop()])
if (misses.length > 0) {
  console.error(`Missed:\n${misses.join('\n')}`)
  process.exitCode = 1
}
