// Brings the clients to what the clients file declares, in one transaction: all of it, or nothing.
//
// Decision: the file wins. What administrators changed of a declared client is written over, and logged, because a file
// under version control is what its operators read. A client that is no longer in the file is disabled and not deleted:
// its users' subjects and consents stay, so that a line taken out by mistake can be put back.
import { isDeepStrictEqual } from 'node:util'
import { clientChanged, clientCreated } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { BUILT_IN_CLIENT, type Client, isDeclared, REMOVED_FROM_FILE } from '../../clients/client.ts'
import {
  type ClientChange,
  findClient,
  insertClient,
  lockForDeclarations,
  type ReadClient,
  updateClient,
} from '../../clients/store.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import type { Sql } from '../../postgres/pool.ts'
import { prepareSigning } from '../../tokens/create-signing-key.ts'
import { signingOf } from '../../tokens/select-signing-keys.ts'
import { checkSector } from './check-sector.ts'
import type { ClientDeps } from './create-client.ts'
import { WIRE_NAMES } from './member-schemas.ts'
import { type Declared, toDeclarationError } from './parse-clients-file.ts'
import { refuseUnfit } from './refuse-unfit.ts'
import { fingerprintOf } from './registered-client.ts'
import { namesOf } from './schemas.ts'

/** A client as the file declares it. */
export type Declaration = { client: Client; lines: Declared['lines'] }

/** Ids of the clients that changed; `drifted`: members that somebody else had changed. */
export type Applied = {
  created: string[]
  changed: string[]
  disabled: string[]
  drifted: { clientId: string; members: string[] }[]
}

const MEMBERS = [...(Object.keys(WIRE_NAMES) as (keyof typeof WIRE_NAMES)[]), 'secretHash'] as const

const differences = (current: Client, wanted: Client): ClientChange =>
  Object.fromEntries(
    MEMBERS.flatMap((member) =>
      isDeepStrictEqual(current[member], wanted[member]) ? [] : [[member, wanted[member]]],
    ),
  )

/** What one client alone can be refused for, before anything is written. */
const checkDeclaration = async (deps: ClientDeps, { client, lines }: Declaration): Promise<void> => {
  try {
    if (client.clientId === BUILT_IN_CLIENT)
      throw new AuthError(
        'invalid_request',
        'The built-in client is not declared; choose another client_id.',
        {
          fields: ['client_id'],
        },
      )
    refuseUnfit(client)
    const known = await findClient(deps, client.clientId)
    const isChecked =
      known?.sectorIdentifierUri === client.sectorIdentifierUri &&
      isDeepStrictEqual(known.redirectUris, client.redirectUris)
    // Of what was checked when it was declared, a start does not ask another host again.
    if (!isChecked) await checkSector(deps, client)
  } catch (error) {
    throw error instanceof AuthError ? toDeclarationError(error, client.clientId, lines) : error
  }
}

const applyOne = async (
  sql: Sql,
  origin: Origin,
  wanted: Client,
  { read, applied }: { read: ReadClient | undefined; applied: Applied },
): Promise<void> => {
  const { clientId } = wanted
  if (!read) {
    await insertClient({ postgres: sql }, wanted, clientCreated(origin, wanted))
    applied.created.push(clientId)
    return
  }
  const change = differences(read.client, wanted)
  const members = namesOf(change)
  const isDrift = isDeclared(read.client) && read.client.declared !== fingerprintOf(read.client)
  if (isDrift) applied.drifted.push({ clientId, members })
  if (members.length === 0 && read.client.declared === wanted.declared) return
  const event = clientChanged(origin, { clientId, changed: [...members, 'declared'] })
  await updateClient({ postgres: sql }, read, { ...change, declared: wanted.declared }, event)
  applied.changed.push(clientId)
}

const disableRemoved = async (
  sql: Sql,
  origin: Origin,
  removed: readonly ReadClient[],
  applied: Applied,
): Promise<void> => {
  for (const read of removed) {
    const { clientId } = read.client
    const event = clientChanged(origin, { clientId, changed: ['disabled', 'declared'] })
    const change = { disabled: true, declared: REMOVED_FROM_FILE }
    await updateClient({ postgres: sql }, read, change, event)
    applied.disabled.push(clientId)
  }
}

/**
 * Applies the declarations. Replicas that do it at once do it one after another, and the later ones find nothing to do.
 * @throws {DeclarationError} naming the client and the line; nothing is changed then
 */
export const applyDeclarations = async (
  deps: ClientDeps,
  origin: Origin,
  declarations: readonly Declaration[],
): Promise<Applied> => {
  for (const declaration of declarations) await checkDeclaration(deps, declaration)
  const signing = declarations.map(({ client }) => signingOf(client))
  await prepareSigning(deps, origin, {
    algorithms: signing.flatMap(({ algorithms }) => algorithms),
    tokenLifetimeSeconds: Math.max(0, ...signing.map(({ tokenLifetimeSeconds }) => tokenLifetimeSeconds)),
  })
  const clientIds = declarations.map(({ client }) => client.clientId)
  const applied = await deps.postgres.transaction(async (sql) => {
    const applied: Applied = { created: [], changed: [], disabled: [], drifted: [] }
    const known = await lockForDeclarations({ postgres: sql }, clientIds)
    for (const { client } of declarations) {
      const read = known.find((one) => one.client.clientId === client.clientId)
      await applyOne(sql, origin, client, { read, applied })
    }
    const removed = known.filter(({ client }) => isDeclared(client) && !clientIds.includes(client.clientId))
    await disableRemoved(sql, origin, removed, applied)
    return applied
  })
  if (applied.created.length + applied.changed.length + applied.disabled.length > 0) {
    deps.clients.forgetAll()
    await announceChange(deps, 'clients')
  }
  return applied
}
