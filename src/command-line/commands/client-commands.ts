// postern client …: the applications, services and gateways that use Postern.
import type { Command } from 'commander'
import { changeClient } from '../../administration/clients/change-client.ts'
import { createClient } from '../../administration/clients/create-client.ts'
import { deleteClient } from '../../administration/clients/delete-client.ts'
import { toMembers } from '../../administration/clients/member-schemas.ts'
import { rotateClientSecret } from '../../administration/clients/rotate-client-secret.ts'
import {
  type ClientItem,
  ClientPatch,
  type ClientWithSecret,
  NewClient,
  toClientItem,
  toClientWithSecret,
  toWantedClient,
  type WantedClient,
} from '../../administration/clients/schemas.ts'
import { findClient, findClients } from '../../clients/store.ts'
import { validated } from '../../wire/validation.ts'
import { CommandError, type Context, type Host } from '../host.ts'
import { addMemberOptions, givenMembers, type MemberOptions } from './client-members.ts'
import { formatTable } from './table.ts'

type CreateOptions = MemberOptions & { id?: string; json?: true }

/** What the options say, checked as a request's body is. */
const wantedClient = (name: string, options: CreateOptions): WantedClient =>
  toWantedClient(
    validated(NewClient, {
      ...givenMembers(options),
      name,
      ...(options.id !== undefined && { client_id: options.id }),
    }),
  )

const describeCreated = ({ client_id: id, client_secret: secret, scopes }: ClientWithSecret): string =>
  [
    `client_id      ${id}`,
    ...(secret === null ? [] : [`client_secret  ${secret}`]),
    `scopes         ${scopes.join(' ')}`,
    secret === null ? 'A public client: it has no secret.' : 'The secret is shown this once; keep it safe.',
  ].join('\n')

const HEADINGS = ['CLIENT ID', 'NAME', 'AUTHENTICATION', 'FIRST PARTY', 'SCOPES']

const toRow = (client: ClientItem) => [
  client.client_id,
  client.name,
  client.token_endpoint_auth_method,
  client.first_party ? 'yes' : 'no',
  client.scopes.join(' '),
]

const PAGE = 200

const collect = async ({ deps }: Context): Promise<ClientItem[]> => {
  const items: ClientItem[] = []
  for (let more = true; more; ) {
    const afterClientId = items.at(-1)?.client_id ?? ''
    const clients = await findClients(deps, { afterClientId, limit: PAGE })
    items.push(...clients.map(toClientItem))
    more = clients.length === PAGE
  }
  return items
}

/** All members of a client, one a line. */
const describeClient = (item: ClientItem): string =>
  formatTable(
    ['MEMBER', 'VALUE'],
    Object.entries(item).map(([member, value]) => [
      member,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )

const describeSecret = ({ client_id: id, client_secret: secret }: ClientWithSecret): string[] =>
  secret === null
    ? []
    : [`client_id      ${id}`, `client_secret  ${secret}`, 'The secret is shown this once; keep it safe.']

const addCreate = (client: Command, host: Host): void => {
  addMemberOptions(client.command('create <name>'))
    .summary('register a client')
    .description(
      'Registers a client and prints its secret, this once. A backend that checks passwords itself and asks Postern ' +
        'for the second factor needs the scope "challenges".',
    )
    .option('--id <client id>', 'its id (default: made of the name)')
    .option('--json', 'print the client as JSON')
    .action(async (name: string, options: CreateOptions) =>
      host.perform(async ({ deps, origin }) => {
        const created = toClientWithSecret(await createClient(deps, origin, wantedClient(name, options)))
        host.out(options.json ? JSON.stringify(created) : describeCreated(created))
      }),
    )
}

type ChangeOptions = MemberOptions & { name?: string; json?: true }

const addChange = (client: Command, host: Host): void => {
  addMemberOptions(client.command('change <client-id>'))
    .summary('change members of a client')
    .description(
      'Changes the members that are named, and no others; a list is replaced as a whole. A client that becomes ' +
        'confidential gets a secret, printed this once.',
    )
    .option('--name <name>', 'what people are shown')
    .option('--json', 'print the client as JSON')
    .action(async (clientId: string, options: ChangeOptions) =>
      host.perform(async ({ deps, origin }) => {
        const { name } = options
        const given = validated(ClientPatch, {
          ...givenMembers(options),
          ...(name !== undefined && { name }),
        })
        const changed = toClientWithSecret(await changeClient(deps, origin, clientId, toMembers(given)))
        if (options.json) return host.out(JSON.stringify(changed))
        host.out([`Changed client ${clientId}.`, ...describeSecret(changed)].join('\n'))
      }),
    )
}

const addShow = (client: Command, host: Host): void => {
  client
    .command('show <client-id>')
    .summary('show all members of a client')
    .description('Shows a client with all members. Its secret is not kept, so it is not shown.')
    .option('--json', 'print the client as JSON')
    .action(async (clientId: string, options: { json?: true }) =>
      host.perform(async ({ deps }) => {
        const found = await findClient(deps, clientId)
        if (!found) throw new CommandError(`There is no client "${clientId}".`)
        const item = toClientItem(found)
        host.out(options.json ? JSON.stringify(item, null, 2) : describeClient(item))
      }),
    )
}

const addRotateAndDelete = (client: Command, host: Host): void => {
  client
    .command('rotate-secret <client-id>')
    .summary('give a client a new secret')
    .description('Gives a client a new secret and prints it, this once. The old one is refused from then on.')
    .option('--json', 'print the client as JSON')
    .action(async (clientId: string, options: { json?: true }) =>
      host.perform(async ({ deps, origin }) => {
        const rotated = toClientWithSecret(await rotateClientSecret(deps, origin, clientId))
        host.out(options.json ? JSON.stringify(rotated) : describeSecret(rotated).join('\n'))
      }),
    )
  client
    .command('delete <client-id>')
    .summary('delete a client')
    .description(
      'Deletes a client: nobody signs in through it or renews from then on. Refused while there are accounts that it ' +
        'names by its own subject; such a client is shut out by: client change <client-id> --members \'{"disabled": true}\'',
    )
    .action(async (clientId: string) =>
      host.perform(async ({ deps, origin }) => {
        await deleteClient(deps, origin, clientId)
        host.out(`Deleted client ${clientId}.`)
      }),
    )
}

const addList = (client: Command, host: Host): void => {
  client
    .command('list')
    .summary('list clients')
    .description('Lists clients by id. Secrets are not kept, so they are not shown.')
    .option('--json', 'print JSON, one array')
    .action(async (options: { json?: true }) =>
      host.perform(async (context) => {
        const items = await collect(context)
        host.out(options.json ? JSON.stringify(items, null, 2) : formatTable(HEADINGS, items.map(toRow)))
      }),
    )
}

export const addClientCommands = (program: Command, host: Host): void => {
  const client = program.command('client').summary('clients: create, change, list, show, delete')
  client.description('Clients: the applications, services and gateways that use Postern.')
  for (const add of [addCreate, addChange, addList, addShow, addRotateAndDelete]) add(client, host)
}
