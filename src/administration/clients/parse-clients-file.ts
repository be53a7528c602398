// The clients file (docs/operate.md): YAML, a list of clients by the names of the wire. Pure: reads the text, and says
// on which line a mistake is.
import { type Static, Type } from 'typebox'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { AuthError } from '../../errors.ts'
import { PlainText, Strict } from '../../wire/schemas.ts'
import { validated } from '../../wire/validation.ts'
import { ClientId, NewClient } from './schemas.ts'

const DeclaredClient = Strict({
  ...NewClient.properties,
  client_id: ClientId,
  client_secret_file: Type.Optional(PlainText({ minLength: 1, maxLength: 4096 })),
  client_secret_hash: Type.Optional(
    Type.String({ maxLength: 43, pattern: '^[\\w-]{43}$', description: 'SHA-256 in base64url.' }),
  ),
})

/** One client of the file. `lines`: where it begins, and where each of its members is. */
export type Declared = {
  given: Static<typeof DeclaredClient>
  lines: { client: number; members: Record<string, number> }
}

/** A mistake in the file: its line, and the client, where it is one client's. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError'
  readonly line: number

  constructor(line: number, clientId: string | null, message: string) {
    super(clientId === null ? message : `client "${clientId}": ${message}`)
    this.line = line
  }
}

/** The error of a rule, where the member that broke it is. */
export const toDeclarationError = (
  error: AuthError,
  clientId: string,
  { client, members }: Declared['lines'],
): DeclarationError => {
  const [field = ''] = error.details.fields ?? []
  const [member = ''] = field.split('/')
  return new DeclarationError(members[member] ?? client, clientId, error.message)
}

const MAX_CLIENTS = 1_000

/**
 * The clients that the text declares.
 * @throws {DeclarationError}
 */
export const parseClientsFile = (text: string): Declared[] => {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const lineOf = (node: Node | null | undefined): number => counter.linePos(node?.range?.[0] ?? 0).line
  const [fault] = document.errors
  if (fault) throw new DeclarationError(counter.linePos(fault.pos[0]).line, null, fault.message)
  const { contents } = document
  const list = isMap(contents) ? contents.get('clients', true) : undefined
  const other = isMap(contents)
    ? contents.items.find(({ key }) => !isScalar(key) || key.value !== 'clients')
    : null
  if (!isSeq(list) || other)
    throw new DeclarationError(
      1,
      null,
      'the file is one member "clients", a list of clients, and nothing else',
    )
  if (list.items.length > MAX_CLIENTS)
    throw new DeclarationError(lineOf(list), null, `no more than ${MAX_CLIENTS} clients fit in the file`)
  const declared = list.items.map((item): Declared => {
    if (!isMap(item))
      throw new DeclarationError(lineOf(item as Node), null, 'each client is a map of members')
    return readClient(item, lineOf)
  })
  refuseTwice(declared)
  return declared
}

const readClient = (item: YAMLMap, lineOf: (node: Node | null | undefined) => number): Declared => {
  const members = Object.fromEntries(
    item.items.map(({ key }) => [isScalar(key) ? String(key.value) : '', lineOf(key as Node)]),
  )
  const lines = { client: lineOf(item), members }
  try {
    return { given: validated(DeclaredClient, item.toJSON()), lines }
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    const id = item.get('client_id')
    throw toDeclarationError(error, typeof id === 'string' ? id : '?', lines)
  }
}

const refuseTwice = (declared: readonly Declared[]): void => {
  const seen = new Set<string>()
  for (const { given, lines } of declared) {
    if (seen.has(given.client_id))
      throw new DeclarationError(lines.client, given.client_id, 'it is declared twice; keep one')
    seen.add(given.client_id)
  }
}
