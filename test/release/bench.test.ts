import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import t from 'tap'
import { findProgram } from '../support/server-process.ts'
import { missingServer } from '../support/servers.ts'

const run = promisify(execFile)

const unpinnable = availableParallelism() < 2 || findProgram('taskset') === null
const skip =
  missingServer('redis') ||
  missingServer('postgres') ||
  (unpinnable && 'skipped: the bench needs two cores, and taskset to keep them apart')

const PATHS = ['P1 challenge verification', 'P2 session check', 'P3 refresh rotation', 'P4 challenge opening']
const VARIANTS = ['P2c session check, account read anew', 'P3r refresh rotation, one of six recorded']

const measured = async (...options: string[]): Promise<string> => {
  const args = ['bench/run.ts', '--quick', ...options]
  return (await run(process.execPath, args, { timeout: 110_000 })).stdout
}

/** A row of a table: figures to measure are numbers above zero. */
const row = (...cells: string[]) => new RegExp(`^\\| ${cells.join(' +\\| +')} +\\|$`, 'm')
const MEASURED = '(?!0[.0]* )[\\d.]+'
const ROUND = Array<string>(5).fill(MEASURED)
// The kernel counts CPU in steps of ten milliseconds.
const SHORT_ROUND = [...ROUND.slice(0, 3), '[\\d.]+', MEASURED]

// Of a round in which the kernel has counted nothing for Postern, it is no number.
const SHARE = '(?:\\d+|Infinity|NaN) %'
const TIMES = '(?:[\\d.]+|Infinity|NaN) times'

t.test('the bench measures every path beside its floor', { skip, timeout: 120_000 }, async (t) => {
  const stdout = await measured('--only', 'P1,P2,P2c,P3,P3r,P4,redis')
  for (const path of [...PATHS, ...VARIANTS]) {
    t.match(stdout, row(path, ...ROUND, `${MEASURED} +\\| +\\|`), path)
    const [name] = path.split(' ')
    const shares = ['\\d+ %', name === 'P2c' ? '\\d+ %' : '\\d+ %, goal 60 %(?: MISSED)?']
    t.match(stdout, row(`${name} floor`, ...ROUND, MEASURED, ...shares), path)
  }
  t.match(stdout, /^\| Redis for a pending challenge +\| +\d+ bytes \|/m)
})

t.test('the bench measures another version beside this one', { skip, timeout: 120_000 }, async (t) => {
  const stdout = await measured('--only', 'P2', '--before', '.')
  const shares = ['\\d+ %', '\\d+ %, goal 33 %(?: MISSED)?']
  t.match(stdout, row('P2 before', ...ROUND, MEASURED, ...shares))
})

t.test('the bench measures one process and two', { skip, timeout: 120_000 }, async (t) => {
  const stdout = await measured('--only', 'matrix', '--connections', '1,8')
  for (const path of PATHS)
    for (const connections of ['1', '8'])
      for (const processes of ['1', '2']) t.match(stdout, row(path, connections, processes, ...SHORT_ROUND))
})

t.test(
  'the bench measures another version with one connection, in the matrix',
  { skip, timeout: 120_000 },
  async (t) => {
    const stdout = await measured('--only', 'matrix', '--connections', '1,8', '--before', '.')
    for (const path of PATHS) {
      t.match(stdout, row(path, '1', '1', ...SHORT_ROUND, MEASURED, MEASURED))
      t.match(stdout, row(path, '1', '2', ...SHORT_ROUND, '', ''))
      t.match(stdout, row(path, '8', '1', ...SHORT_ROUND, '', ''))
    }
  },
)

t.test('the bench measures the redirect flow beside oidc-provider', { skip, timeout: 120_000 }, async (t) => {
  const stdout = await measured('--peers')
  for (const name of ['P2', 'O1', 'O2', 'O3', 'O4', 'O5', 'O6']) {
    t.match(
      stdout,
      row(`${name} floor`, ...SHORT_ROUND, MEASURED, '\\d+ %', `${SHARE}, goal 60 %(?: MISSED)?`),
    )
    const goal = `${TIMES}, goal [\\d.]+(?: MISSED)?`
    t.match(stdout, row(`${name} oidc-provider`, ...SHORT_ROUND, MEASURED, '\\d+ %', goal), name)
  }
})

t.test(
  'the bench measures the sign-in pages beside the same bytes',
  { skip, timeout: 120_000 },
  async (t) => {
    const stdout = await measured('--only', 'S1,S2')
    for (const name of ['S1', 'S2'])
      t.match(
        stdout,
        row(`${name} floor`, ...SHORT_ROUND, MEASURED, '\\d+ %', `${SHARE}, goal 60 %(?: MISSED)?`),
      )
  },
)

t.test('the bench measures what has a limit', { skip, timeout: 120_000 }, async (t) => {
  const stdout = await measured('--only', 'start,flood')
  t.match(stdout, row('start, until it listens', '\\d+ ms', '1000 ms'))
  t.match(stdout, row('P1 p99 in a flood of logins', '[\\d.]+ ms', ''))
})

t.test('the bench explains itself', async (t) => {
  const { stdout } = await run(process.execPath, ['bench/run.ts', '--help'])
  t.match(stdout, /^Usage: npm run bench/)
})

t.test(
  'the bench of scale fills, measures, and names every goal that is missed',
  { skip, timeout: 120_000 },
  async (t) => {
    const options = ['--quick', '--only', 'audit: a kind', '--limit-ms', '0']
    const failed = await run(process.execPath, ['bench/scale.ts', ...options], { timeout: 110_000 }).then(
      () => ({ code: 0, stdout: '', stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
    t.equal(failed.code, 1)
    t.match(failed.stdout, /^\| median, ms +\| 20 accounts \| 200 accounts \| 2000 accounts \|$/m)
    for (const name of ['audit: a kind', 'audit: a kind that nothing is of']) {
      t.match(failed.stdout, new RegExp(`^\\| ${name} +\\| +[\\d.]+ \\| +[\\d.]+ \\| +[\\d.]+ \\|$`, 'm'))
      t.match(failed.stderr, new RegExp(`^${name}, 2000 accounts: [\\d.]+ ms, of 0 at most$`, 'm'))
    }
    t.match(failed.stderr, /^ {2}events: 20000 of 20000$/m)
  },
)

t.test('the bench refuses what there is not, in a line', async (t) => {
  for (const [asked, named] of [
    [['--only', 'P9'], /^--only: there is no P9\.$/m],
    [['--connections', 'many'], /^--connections: numbers/m],
    [['--rounds', '0'], /^--rounds: a number/m],
    [['--before', '/nowhere'], /^--before: \/nowhere is no checkout/m],
    [['--better-auth', 'x'], /^--better-auth goes with --peers/m],
    [['--nonsense'], /^Unknown option '--nonsense'/m],
  ] as const) {
    const refused = await run(process.execPath, ['bench/run.ts', ...asked]).then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    )
    t.equal(refused.code, 2, asked.join(' '))
    t.match(refused.stderr, named)
    t.notMatch(refused.stderr, / at /, 'without a stack')
  }
})

t.test('the bench of scale explains itself', async (t) => {
  const { stdout } = await run(process.execPath, ['bench/scale.ts', '--help'])
  t.match(stdout, /^Usage: npm run bench:scale/)
})
