import { v7 as uuidv7 } from 'uuid'
import type { TestApp } from './app.ts'

const INSERT_CLIENT = {
  text: `
    INSERT INTO clients (client_id, name, token_endpoint_auth_method, secret_hash, scopes)
    VALUES ('school', 'School', 'client_secret_basic', 'x', '{challenges}')
        ON CONFLICT DO NOTHING`,
}
const INSERT_SUBJECTS = {
  text: `
    INSERT INTO accounts (id, client_id, subject, display_name, roles, created_at, updated_at)
    SELECT id, 'school', id::text, display_name, '{pupil}', now(), now()
      FROM unnest($1::uuid[], $2::text[]) AS new (id, display_name)`,
}

/** External subjects with the role `pupil` and these display names, stored directly, in this order. */
export const createSubjects = async (postern: TestApp, displayNames: string[]): Promise<void> => {
  await postern.deps.postgres.query(INSERT_CLIENT)
  await postern.deps.postgres.query(INSERT_SUBJECTS, [displayNames.map(() => uuidv7()), displayNames])
}
