// Fills a database like years of use: accounts of every sort, and their events, in bulk and in SQL.
import pg from 'pg'

export type Size = { accounts: number; events: number }

export const PASSWORD = 'a password of some length'
/** The first tenth of the accounts has addresses of this domain: many accounts match, and none of the newest. */
export const OLD_DOMAIN = 'old.example'
/** A role that twenty have, and one of the first hundredth. */
export const RARE_ROLE = 'auditor'
export const OLD_ROLE = 'founder'

const CHUNK = 50_000

const FIRST_NAMES = `{Ada,Grace,Alan,Edsger,Barbara,Donald,Linus,Margaret,Ken,Dennis,Radia,Leslie,Frances,John,Tim,Katherine,
  Hedy,Annie,Özgür,Søren,Joan,Claude,Norbert,Stephen,Shafi,Silvio,Whitfield,Martin,Ronald,Leonard,Adi,Ralph,Vint,Robert,
  Jon,Karen,Sophie,Steve,Anita,Lynn}`
const LAST_NAMES = `{Lovelace,Hopper,Turing,Dijkstra,Liskov,Knuth,Torvalds,Hamilton,Thompson,Ritchie,Perlman,Lamport,Allen,
  Backus,Lee,Johnson,Lamarr,Easley,Şahin,Nygaard,Kay,Engelbart,Minsky,McCarthy,Shannon,Clarke,Wiener,Cook,Goldwasser,
  Micali,Diffie,Hellman,Rivest,Adleman,Shamir,Merkle,Cerf,Kahn,Postel,Jones,Wilson,Furber,Borg,Conway,Bartik,Holberton,
  Goldstine,Wozniak,Kernighan}`

// One second apart, up to now, so that ids are in the order of creation (UUIDv7). Every fifth is an external subject.
const INSERT_ACCOUNTS = `
  INSERT INTO accounts (id, client_id, subject, username, username_key, email, email_key, display_name, roles, status,
                        password_hash, enrolled_authenticators, created_at, updated_at)
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || left(md5('a' || i), 3)
            || 'a' || left(md5('b' || i), 15))::uuid,
         CASE WHEN external THEN 'client-1' END,
         CASE WHEN external THEN 'Subject-' || i END,
         CASE WHEN external THEN NULL ELSE first || '.' || last || i END,
         CASE WHEN external THEN NULL ELSE lower_name(first || '.' || last || i) END,
         first || '.' || last || i || '@' || domain,
         lower_name(first || '.' || last || i || '@' || domain),
         first || ' ' || last,
         ARRAY['user'] || CASE WHEN i <= total / 100 THEN ARRAY['${OLD_ROLE}'] ELSE '{}' END
                       || CASE WHEN i % GREATEST(1, total / 20) = 3 THEN ARRAY['${RARE_ROLE}'] ELSE '{}' END,
         CASE WHEN i % 1000 = 7 THEN 'disabled' ELSE 'active' END,
         $4, CASE WHEN i % 10 < 6 THEN 1 ELSE 0 END, at, at
    FROM (SELECT i, $3::bigint AS total, i % 5 = 0 AS external, now() - ($3 - i) * interval '1 second' AS at,
                 first_names[1 + abs(hashint8(i)::bigint) % cardinality(first_names)] AS first,
                 last_names[1 + abs(hashint8(i * 7)::bigint) % cardinality(last_names)] AS last,
                 CASE WHEN i <= $3 / 10 THEN '${OLD_DOMAIN}'
                      ELSE (ARRAY['example.org', 'example.com', 'mail.example.net'])[1 + i % 3] END AS domain
            FROM generate_series($1::bigint, $2::bigint) AS i,
                 (SELECT '${FIRST_NAMES}'::text[] AS first_names, '${LAST_NAMES}'::text[] AS last_names) AS names) AS new`

const INSERT_FACTORS = `
  WITH enrolled AS (
    SELECT id, created_at FROM accounts WHERE enrolled_authenticators = 1 AND client_id IS DISTINCT FROM 'bench'
  ), authenticators AS (
    INSERT INTO authenticators (id, account_id, type, name, status, secret_sealed, algorithm, digits, step_seconds,
                                created_at, confirmed_at)
    SELECT gen_random_uuid(), id, 'totp', 'Phone', 'active', repeat('x', 80), 'SHA1', 6, 30, created_at, created_at
      FROM enrolled
  )
  INSERT INTO recovery_codes (id, account_id, salt, code_hash, generated_at)
  SELECT gen_random_uuid(), id, '\\x00', '\\x00', created_at FROM enrolled`

const NUMBER_ACCOUNTS = `
  CREATE TEMPORARY TABLE numbered AS SELECT row_number() OVER (ORDER BY id) AS n, id FROM accounts;
  CREATE UNIQUE INDEX ON numbered (n);
  ANALYZE numbered`

// Over the last year. An event is of one of the accounts by chance, and one of a thousand is of the first of them.
const INSERT_EVENTS = `
  INSERT INTO audit_events (id, occurred_at, event, outcome, account_id, actor_type, actor_id, client_id, session_id, ip,
                            user_agent, request_id, details)
  SELECT gen_random_uuid(), date_trunc('milliseconds', now() - ($3 - i) * (interval '360 days' / $3::bigint)), kind[1],
         kind[2], numbered.id, 'account', numbered.id::text, 'postern', gen_random_uuid(), '192.0.2.7',
         'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'request-' || i, '{"method": "totp"}'
    FROM (SELECT i, abs(hashint8(i)::bigint) AS chance, abs(hashint8(i * 31)::bigint) % 100 AS share
            FROM generate_series($1::bigint, $2::bigint) AS i) AS new
    JOIN numbered ON n = CASE WHEN chance % 1000 = 0 THEN 1 ELSE 1 + chance % $4::bigint END,
         LATERAL (SELECT CASE WHEN share < 30 THEN '{primary_authentication.passed,success}'::text[]
                              WHEN share < 55 THEN '{challenge.passed,success}'
                              WHEN share < 90 THEN '{session.renewed,success}'
                              WHEN share < 94 THEN '{session.ended,success}'
                              WHEN share < 97 THEN '{primary_authentication.failed,failure}'
                              WHEN share < 98 THEN '{challenge.failed,failure}'
                              WHEN share < 99 THEN '{authenticator.confirmed,success}'
                              ELSE '{account.created,success}' END AS kind) AS what`

const INSERT_CLIENTS = `
  INSERT INTO clients (client_id, name, token_endpoint_auth_method, secret_hash, scopes)
  SELECT 'client-' || i, 'Client ' || i, 'client_secret_basic', 'x', '{challenges}' FROM generate_series(1, 1000) AS i`

/** Indexes that no constraint has made; a bulk is faster without them. */
const INDEXES = `
  SELECT i.indexrelid::regclass::text AS name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition
    FROM pg_index AS i
   WHERE i.indrelid IN ('audit_events'::regclass, 'account_search'::regclass)
     AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)`

export type Progress = (what: string, done: number, of: number) => void

const inChunks = async (count: number, run: (from: number, to: number) => Promise<void>): Promise<void> => {
  for (let from = 1; from <= count; from += CHUNK) await run(from, Math.min(count, from + CHUNK - 1))
}

/** Fills a migrated database. `passwordHash` is of `PASSWORD`, which all accounts have. */
export const fill = async (
  databaseUrl: string,
  { accounts, events }: Size,
  { passwordHash, progress }: { passwordHash: string; progress: Progress },
): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query("SET maintenance_work_mem = '512MB'")
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(INDEXES)
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`)

  await client.query(INSERT_CLIENTS)
  await inChunks(accounts, async (from, to) => {
    await client.query(INSERT_ACCOUNTS, [from, to, accounts, passwordHash])
    progress('accounts', to, accounts)
  })
  // Every reference below is valid, so foreign keys are not checked a million times.
  await client.query('SET session_replication_role = replica')
  await client.query(INSERT_FACTORS)
  for (let month = 0; month <= 12; month += 1) {
    await client.query("SELECT ensure_audit_partition(now() - $1 * interval '1 month')", [month])
  }
  await client.query(NUMBER_ACCOUNTS)
  await inChunks(events, async (from, to) => {
    await client.query(INSERT_EVENTS, [from, to, events, accounts])
    progress('events', to, events)
  })
  for (const [i, { definition }] of indexes.entries()) {
    await client.query(definition)
    progress('indexes', i + 1, indexes.length)
  }
  // As autovacuum would do in time.
  await client.query('VACUUM ANALYZE')
  await client.end()
}
