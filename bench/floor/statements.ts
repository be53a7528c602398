// The floor's PostgreSQL: tables of its own, and the two statements of what has to be durable before an answer.
import pg from 'pg'
import { grouping } from './group.ts'

export const FLOOR_TABLES = `
  CREATE SCHEMA floor;
  CREATE TABLE floor.authenticators (
    id uuid PRIMARY KEY,
    last_time_step bigint NOT NULL DEFAULT 0
  );
  CREATE TABLE floor.audit_events (
    id uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    event text NOT NULL,
    account_id uuid NOT NULL,
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
  account_id: string
  session_id: string | null
  client_id: string
  ip: string
  request_id: string
  details: { method: string; amr: string[] }
}
export type Burn = FloorEvent & { authenticator_id: string; time_step: number }

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

export const openFloorPostgres = (url: string) => {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const sending = (statement: { name: string; text: string }) => async (items: { id: string }[]) => {
    const { rows } = await pool.query<{ id: string }>({ ...statement, values: [JSON.stringify(items)] })
    return new Set(rows.map(({ id }) => id))
  }
  return {
    /** Durable when it returns. */
    record: grouping<FloorEvent>(sending(RECORD)),
    /** False where the step, or a later one, was burned before. */
    burn: grouping<Burn>(sending(BURN)),
  }
}
