// postern client …: the applications, services and gateways that use Postern.
import { type Command, Option } from 'commander'
import { createClient } from '../../administration/clients/create-client.ts'
import {
  type ClientItem,
  type ClientWithSecret,
  NewClient,
  toClientItem,
  toClientWithSecret,
  toWantedClient,
  type WantedClient,
} from '../../administration/clients/schemas.ts'
import { SCOPES } from '../../clients/client.ts'
import { AUTH_METHODS } from '../../clients/members.ts'
import { findClients } from '../../clients/store.ts'
import { validated } from '../../wire/validation.ts'
import { type Context, collected, type Host } from '../host.ts'
import { formatTable } from './table.ts'

type CreateOptions = {
  id?: string
  firstParty?: true
  scope?: string[]
  redirectUri?: string[]
  audience?: string[]
  authMethod?: string
  json?: true
}

/** What the options say, checked as a request's body is. */
const wantedClient = (name: string, options: CreateOptions): WantedClient =>
  toWantedClient(
    validated(NewClient, {
      name,
      ...(options.id !== undefined && { client_id: options.id }),
      ...(options.firstParty && { first_party: true }),
      ...(options.scope && { scopes: options.scope }),
      ...(options.redirectUri && { redirect_uris: options.redirectUri }),
      ...(options.audience && { audience: options.audience }),
      ...(options.authMethod !== undefined && { token_endpoint_auth_method: options.authMethod }),
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

export const addClientCommands = (program: Command, host: Host): void => {
  const client = program.command('client').summary('clients: create, list')
  client.description('Clients: the applications, services and gateways that use Postern.')
  client
    .command('create <name>')
    .summary('register a client')
    .description(
      'Registers a client and prints its secret, this once. A backend that checks passwords itself and asks Postern ' +
        'for the second factor needs the scope "challenges".',
    )
    .option('--id <client id>', 'its id (default: made of the name)')
    .option('--first-party', 'trusted with passwords: it may use POST /v1/login')
    .option('--scope <scope>', `what it may ask for, repeatable, of: ${SCOPES.join(', ')}`, collected)
    .option('--redirect-uri <uri>', 'https, or http on loopback; repeatable', collected)
    .option('--audience <resource>', 'a resource its access tokens are for; repeatable', collected)
    .addOption(
      new Option('--auth-method <method>', 'how it authenticates; none for a public client').choices(
        AUTH_METHODS,
      ),
    )
    .option('--json', 'print the client as JSON')
    .action(async (name: string, options: CreateOptions) =>
      host.perform(async ({ deps, origin }) => {
        const created = toClientWithSecret(await createClient(deps, origin, wantedClient(name, options)))
        host.out(options.json ? JSON.stringify(created) : describeCreated(created))
      }),
    )
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
