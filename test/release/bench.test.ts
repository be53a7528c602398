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

t.test('the bench measures every path beside its floor', { skip, timeout: 90_000 }, async (t) => {
  const options = ['--quick', '--only', 'P1,P2,P3,P4,redis']
  const { stdout } = await run(process.execPath, ['bench/run.ts', ...options], { timeout: 80_000 })
  for (const path of [
    'P1 challenge verification',
    'P2 session check',
    'P3 refresh rotation',
    'P4 challenge opening',
  ]) {
    t.match(stdout, new RegExp(`^\\| ${path} +\\| +\\d+ \\| .* \\d+ % \\| +\\d+ % \\|$`, 'm'), path)
  }
  t.match(stdout, /^\| Redis for a pending challenge +\| +\d+ bytes \|/m)
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

t.test('the bench of scale explains itself', async (t) => {
  const { stdout } = await run(process.execPath, ['bench/scale.ts', '--help'])
  t.match(stdout, /^Usage: npm run bench:scale/)
})
