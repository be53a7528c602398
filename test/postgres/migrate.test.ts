import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import t, { type Test } from 'tap'
import { findAccounts } from '../../src/accounts/find-accounts.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { openPostgres } from '../../src/postgres/pool.ts'
import { createDatabase, missingServer, sharedPostgres } from '../support/servers.ts'

const skip = missingServer('postgres')
const MIGRATIONS_DIR = fileURLToPath(new URL('../../sql', import.meta.url))
const ANY = { search: null, role: null, status: null, enrolled: null }

const superuser = async (url: string, ...statements: string[]): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

const ADA = `
  INSERT INTO accounts (id, username, username_key, display_name, roles, status, created_at, updated_at)
  VALUES ('01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11', 'Ada', 'ada', 'Ada Lovelace', '{pilot}', 'disabled', now(), now())`

/** A database with the tables of the first release. */
const openFirstRelease = async (t: Test) => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  await runner({
    databaseUrl,
    dir: MIGRATIONS_DIR,
    direction: 'up',
    count: 1,
    migrationsTable: 'migrations',
    log: () => {},
  })
  const postgres = openPostgres(databaseUrl, 1)
  t.teardown(() => postgres.close())
  return { databaseUrl, postgres }
}

t.test('accounts of the release before are found after the migration', { skip }, async (t) => {
  const { databaseUrl, postgres } = await openFirstRelease(t)
  await superuser(databaseUrl, ADA)
  t.ok((await migrate(postgres)).length > 0)

  const first = { after: null, limit: 10 }
  for (const filter of [
    { search: 'lovelace' },
    { role: 'pilot' },
    { status: 'disabled' as const },
    { enrolled: false },
  ]) {
    const found = await findAccounts({ postgres }, { ...ANY, ...filter }, first)
    t.same(
      found.map(({ account }) => account.username),
      ['Ada'],
      JSON.stringify(filter),
    )
  }
})

t.test('while migrations make indexes, every table of the release before is read', { skip }, async (t) => {
  const { databaseUrl, postgres } = await openFirstRelease(t)
  await superuser(
    databaseUrl,
    `CREATE TABLE of_the_release_before AS
     SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`,
    'CREATE TABLE kept_from_readers (made integer NOT NULL, locked regclass)',
    `CREATE FUNCTION note_locks() RETURNS event_trigger LANGUAGE plpgsql AS $$
     BEGIN
       -- One on a table that the migrations have made has nothing to read.
       IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS c
                        JOIN pg_index AS i ON i.indexrelid = c.objid
                        JOIN of_the_release_before AS b ON b.oid = i.indrelid) THEN
         RETURN;
       END IF;
       INSERT INTO kept_from_readers SELECT 1, NULL;
       INSERT INTO kept_from_readers SELECT 0, l.relation FROM pg_locks AS l JOIN of_the_release_before AS b ON b.oid = l.relation
        WHERE l.pid = pg_backend_pid() AND l.mode = 'AccessExclusiveLock';
     END $$`,
    `CREATE EVENT TRIGGER note_locks ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION note_locks()`,
  )
  await migrate(postgres)
  const [noted] = await postgres.query<{ made: string; locked: string[] | null }>({
    text: `SELECT sum(made) AS made, array_agg(DISTINCT locked::text) FILTER (WHERE locked IS NOT NULL) AS locked
             FROM kept_from_readers`,
  })
  t.ok(Number(noted?.made) > 0, 'indexes are made')
  t.equal(noted?.locked, null)
})

t.test('an account that changes as the migration begins is found as it has become', { skip }, async (t) => {
  const { databaseUrl, postgres } = await openFirstRelease(t)
  await superuser(databaseUrl, ADA)
  const writer = new pg.Client({ connectionString: databaseUrl })
  await writer.connect()
  t.teardown(() => writer.end())
  await writer.query('BEGIN')
  await writer.query(`UPDATE accounts SET display_name = 'Ada Byron'`)
  const migrated = migrate(postgres)
  const waiting = `SELECT 1 FROM pg_locks WHERE relation = 'accounts'::regclass AND NOT granted`
  while ((await writer.query(waiting)).rowCount === 0) await setImmediate()
  await writer.query('COMMIT')
  await migrated
  const found = await findAccounts({ postgres }, { ...ANY, search: 'byron' }, { after: null, limit: 10 })
  t.equal(found.length, 1)
})

t.test('a role that may not install an extension is helped, and nothing is changed', { skip }, async (t) => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  const name = new URL(databaseUrl).pathname.slice(1)
  const role = `${name}_role`
  await superuser(databaseUrl, `CREATE ROLE ${role} LOGIN`, `GRANT CREATE ON SCHEMA public TO ${role}`)
  const postgres = openPostgres(databaseUrl.replace('postgres@', `${role}@`), 1)
  t.teardown(() => postgres.close())

  const refused = await migrate(postgres).then(
    () => '',
    (error: Error) => error.message,
  )
  t.match(refused, 'needs the extension pg_trgm')
  t.match(refused, `GRANT CREATE ON DATABASE ${name} TO ${role}`)
  const tables = { text: "SELECT 1 FROM pg_tables WHERE tablename IN ('accounts', 'account_search')" }
  t.same(await postgres.query(tables), [])

  // In a schema of its own, as some hosts install extensions.
  await superuser(
    databaseUrl,
    'CREATE SCHEMA extensions',
    'CREATE EXTENSION pg_trgm SCHEMA extensions',
    `GRANT USAGE ON SCHEMA extensions TO ${role}`,
  )
  t.ok((await migrate(postgres)).length > 1)
  t.same(await findAccounts({ postgres }, { ...ANY, search: 'nobody' }, { after: null, limit: 1 }), [])
})
