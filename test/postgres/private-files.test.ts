// docs/security.md 45: under a umask that forbids nothing, in a folder that is open to all.
import { chmodSync, globSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { markFirstStartComplete, openEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startPostern } from '../support/postern-process.ts'
import { temporaryFolder } from '../support/server-process.ts'

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

/** What in a folder, and the folder's own folders, has another mode than its user's alone. */
const openToOthers = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .map((entry) => ({ path: join(entry.parentPath, entry.name), mode: entry.isDirectory() ? '700' : '600' }))
    .filter(({ path, mode }) => modeOf(path) !== mode)
    .map(({ path }) => `${path} ${modeOf(path)}`)

const openFolder = (): string => {
  const folder = temporaryFolder('private')
  chmodSync(folder, 0o777)
  return folder
}

const umask = process.umask(0)
t.teardown(() => process.umask(umask))

t.test('every file of the embedded PostgreSQL is its user’s alone', async (t) => {
  const dataDir = openFolder()
  const postgres = await openEmbeddedPostgres(dataDir)
  await migrate(postgres)
  const client = await postgres.connect()
  t.equal(modeOf(client.host), '700')
  t.equal(modeOf(join(client.host, '.s.PGSQL.5432')), '600', 'its socket too')
  await client.end()
  await markFirstStartComplete(dataDir)
  await postgres.close()
  t.same(openToOthers(dataDir), [])
  t.ok(globSync(join(dataDir, 'postgres/base/*/*')).length > 500, 'and there are some')

  t.test('also where others were let in', async (t) => {
    for (const path of globSync(join(dataDir, 'postgres/**/*'))) chmodSync(path, 0o777)
    await (await openEmbeddedPostgres(dataDir)).close()
    t.same(openToOthers(dataDir), [])
  })
})

t.test('what a whole Postern makes is its user’s alone', async (t) => {
  const dataDir = openFolder()
  const postern = await startPostern({ POSTERN_DATA_DIR: dataDir })
  t.teardown(() => postern.stop())
  t.same(openToOthers(dataDir), [])
  for (const file of ['encryption.key', 'control.sock', 'postgres/PG_VERSION'])
    t.equal(modeOf(join(dataDir, file)), '600', file)
})
