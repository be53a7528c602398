// Which PostgreSQL and which store of short-lived state a test file runs on: the run's servers, or the embedded
// engines, which run inside of the test's process. A file that opts in runs on both.
import { hash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { markFirstStartComplete, openEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { temporaryFolder } from './server-process.ts'
import { missingServer } from './servers.ts'

export type Engines = 'servers' | 'embedded'

const VARIABLE = 'POSTERN_TEST_ENGINES'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What `openTestApp` opens in this process, where the test names nothing else. */
export const currentEngines = (): Engines => (process.env[VARIABLE] === 'embedded' ? 'embedded' : 'servers')

/**
 * Marks a test file as one that `runOnEmbedded` runs as well. Returns tap's `skip` for its tests: why they cannot run
 * here, or false.
 */
export const onBothEngines = (): string | false =>
  currentEngines() === 'servers' && (missingServer('postgres') || missingServer('redis'))

/**
 * Runs on the embedded engines those of the test files that are marked by `onBothEngines`. All run in this one process,
 * because loading the program takes longer than most of them; so this file may take longer than others.
 */
export const runOnEmbedded = async (t: Test, pattern: string): Promise<void> => {
  process.env[VARIABLE] = 'embedded'
  t.setTimeout(600_000)
  const files = globSync(pattern, { cwd: ROOT }).map((file) => join(ROOT, file))
  const marked = files.filter((file) => readFileSync(file, 'utf8').includes(`= ${onBothEngines.name}()`))
  if (marked.length === 0) throw new Error(`no file of ${pattern} is marked`)
  for (const file of marked.toSorted()) {
    t.comment(relative(ROOT, file))
    await import(file)
  }
}

/** A test that holds a row by a second connection: the embedded PostgreSQL has one. */
export const testOnServers = (t: Test, name: string, run: (t: Test) => Promise<void>): void => {
  if (currentEngines() === 'servers') t.test(name, { skip: onBothEngines() }, run)
}

/** A hash of everything that an empty data folder depends on. */
const templateName = (): string => {
  const sources = [
    ...globSync('sql/*.sql', { cwd: ROOT }).toSorted(),
    'src/postgres/embedded.ts',
    'node_modules/@electric-sql/pglite/package.json',
  ]
  return hash('sha256', sources.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\0')).slice(0, 16)
}

/** A migrated data folder, made once and kept between runs: making one takes PGlite seconds, a copy a moment. */
const template = async (): Promise<string> => {
  const parent = join(ROOT, '.tap', 'embedded')
  const folder = join(parent, templateName())
  if (existsSync(folder)) return folder
  const draft = `${folder}.${randomBytes(6).toString('hex')}`
  mkdirSync(parent, { recursive: true })
  const postgres = await openEmbeddedPostgres(draft)
  await migrate(postgres)
  await markFirstStartComplete(draft)
  await postgres.close()
  try {
    renameSync(draft, folder)
  } catch {
    // Another test file was first.
    rmSync(draft, { recursive: true })
  }
  return folder
}

/** A data folder of the embedded PostgreSQL with the schema and nothing else in it; its maker removes it. */
export const newDataFolder = async (): Promise<string> => {
  const folder = temporaryFolder('embedded')
  cpSync(await template(), folder, { recursive: true })
  return folder
}
