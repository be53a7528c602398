// The floor's PostgreSQL: tables of its own, the two statements of what has to be durable before an answer, and the one
// that reads accounts which are not known under their version.
import pg from 'pg'
import { grouping } from './group.ts'

export const FLOOR_TABLES = `
  CREATE SCHEMA floor;
  CREATE TABLE floor.accounts (
    id uuid PRIMARY KEY,
    username text,
    email text,
    display_name text,
    roles text[] NOT NULL DEFAULT '{user}',
    status text NOT NULL DEFAULT 'active',
    methods text[] NOT NULL DEFAULT '{totp}',
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE floor.authenticators (
    id uuid PRIMARY KEY,
    last_time_step bigint NOT NULL DEFAULT 0
  );
  CREATE TABLE floor.audit_events (
    id uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    event text NOT NULL,
    account_id uuid,
    session_id uuid,
    client_id text NOT NULL,
    ip inet NOT NULL,
    request_id text NOT NULL,
    details jsonb NOT NULL
  );
  CREATE INDEX audit_events_account ON floor.audit_events (account_id, occurred_at DESC)`

/** Members are named as the columns. */
export type FloorEvent = {
  id: string
  occurred_at: string
  event: string
  account_id: string | null
  session_id: string | null
  client_id: string
  ip: string
  request_id: string
  details: { method: string; amr: string[] }
}
export type Burn = FloorEvent & { authenticator_id: string; time_step: number }

/** Members are named as the columns. */
export type FloorProfile = {
  id: string
  username: string | null
  email: string | null
  display_name: string | null
  roles: string[]
  status: string
  methods: string[]
  created_at: Date
}

const COLUMNS = 'id, occurred_at, event, account_id, session_id, client_id, ip, request_id, details'
const TYPES = `id uuid, occurred_at timestamptz, event text, account_id uuid, session_id uuid, client_id text, ip inet,
               request_id text, details jsonb`

const RECORD = {
  name: 'floor_record',
  text: `
    INSERT INTO floor.audit_events (${COLUMNS})
    SELECT ${COLUMNS}
      FROM json_to_recordset($1) AS new (${TYPES})
    RETURNING id`,
}

// Of two uses of one step in a group, the update takes one; the other records nothing.
const BURN = {
  name: 'floor_burn',
  text: `
    WITH new AS (
      SELECT *
        FROM json_to_recordset($1) AS new (authenticator_id uuid, time_step bigint, ${TYPES})
    ), burned AS (
      UPDATE floor.authenticators AS t
         SET last_time_step = new.time_step
        FROM new
       WHERE t.id = new.authenticator_id AND t.last_time_step < new.time_step
      RETURNING new.*
    )
    INSERT INTO floor.audit_events (${COLUMNS})
    SELECT ${COLUMNS} FROM burned
    RETURNING id`,
}

const READ = {
  name: 'floor_read',
  text: `
    SELECT id, username, email, display_name, roles, status, methods, created_at
      FROM floor.accounts WHERE id = ANY ($1)`,
}

export const openFloorPostgres = (url: string) => {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const sending = (statement: { name: string; text: string }) => async (items: { id: string }[]) => {
    const { rows } = await pool.query<{ id: string }>({ ...statement, values: [JSON.stringify(items)] })
    return new Map(rows.map(({ id }) => [id, true as const]))
  }
  const read = async (items: { id: string }[]) => {
    const { rows } = await pool.query<FloorProfile>({ ...READ, values: [items.map(({ id }) => id)] })
    return new Map(rows.map((row) => [row.id, row]))
  }
  return {
    /** Durable when it returns. */
    record: grouping<FloorEvent, true>(sending(RECORD)),
    /** Nothing where the step, or a later one, was burned before. */
    burn: grouping<Burn, true>(sending(BURN)),
    read: grouping<{ id: string }, FloorProfile>(read),
  }
}
