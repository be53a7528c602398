// Writes those tables of the guides that come from the code, between their markers. With --check, exits with 1 where one
// is not current.
//
//   <!-- table: environment -->   …   <!-- end -->
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MEMBERS, toWireMembers } from '../src/administration/clients/member-schemas.ts'
import { registeredClient } from '../src/administration/clients/registered-client.ts'
import { VARIABLES } from '../src/config.ts'
import { ERROR_CODES } from '../src/errors.ts'
import { DEFAULT_POLICY, Policy } from '../src/policy/policy.ts'

const FILES = ['README.md', 'docs/integrate.md', 'docs/operate.md', 'docs/administer.md']
const BLOCK = /(<!-- table: (?<name>[a-z-]+) -->\n).*?(<!-- end -->)/gs

type Row = readonly string[]

const cell = (text: string): string => text.replaceAll('|', '\\|')
const markdown = (head: Row, rows: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('')

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``

/** The parts of a JSON schema that the tables show. */
type Schema = {
  type?: string
  default?: unknown
  description?: string
  const?: unknown
  anyOf?: Schema[]
  enum?: unknown[]
  items?: Schema
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
}

const environment = (): string =>
  markdown(
    ['variable', 'default', 'what'],
    Object.entries(VARIABLES).map(([name, { schema, description }]) => {
      const standard = 'default' in schema ? String(schema.default) : ''
      const shown = standard === '' ? '' : code(standard)
      return [code(name), shown, description]
    }),
  )

const kindOf = ({ type, const: constant, enum: values, anyOf, items, minimum, maximum }: Schema): string => {
  if (values) return values.map(code).join(', ')
  if (constant !== undefined) return code(constant)
  if (anyOf) return anyOf.map(kindOf).join(', ')
  if (items) return items.anyOf || items.enum ? `list of ${kindOf(items)}` : 'list'
  if (type === 'integer') return minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`
  return { boolean: '`true`, `false`', string: 'text', null: '`null`', object: 'object' }[type ?? ''] ?? ''
}

const policyRows = (schema: Schema, standards: Record<string, unknown>, prefix = ''): Row[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const standard = standards[name]
    if (member.properties) {
      const rows = policyRows(member, standard as Record<string, unknown>, `${prefix}${name}.`)
      return rows.map((row, index) =>
        index === 0 || row[3] ? row : [...row.slice(0, 3), member.description ?? ''],
      )
    }
    return [[code(prefix + name), kindOf(member), code(standard), member.description ?? '']]
  })

const policy = (): string =>
  markdown(['member', 'value', 'default', 'what'], policyRows(Policy, DEFAULT_POLICY))

const errors = (): string =>
  markdown(
    ['`error`', 'status', 'what it says'],
    Object.entries(ERROR_CODES).map(([name, [status, description]]) => [
      code(name),
      `${status}`,
      description,
    ]),
  )

/** What a client that names nothing is registered with; its id and its scopes depend on what it names. */
const UNNAMED = toWireMembers(
  registeredClient({ name: '' }, { clientId: '', secretHash: null, createdAt: new Date(0), declared: null }),
)

const clients = (): string =>
  markdown(
    ['member', 'value', 'default', 'what'],
    Object.entries(MEMBERS).map(([name, schema]) => {
      const member: Schema = schema
      const description = member.description ?? member.anyOf?.[0]?.description ?? ''
      const standard = name === 'name' ? '' : code(UNNAMED[name as keyof typeof MEMBERS])
      return [code(name), kindOf(member), standard, description]
    }),
  )

const TABLES: Record<string, () => string> = { environment, policy, errors, clients }

const current = (text: string): string =>
  text.replaceAll(BLOCK, (block, ...rest) => {
    const { name } = rest.at(-1)
    const table = TABLES[name]
    if (!table) throw new Error(`there is no table ${name}: ${block.slice(0, 80)}`)
    return `<!-- table: ${name} -->\n${table()}<!-- end -->`
  })

const check = process.argv.includes('--check')
for (const file of FILES) {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const text = readFileSync(path, 'utf8')
  if (current(text) === text) continue
  if (check) {
    console.error(`${file} is not current; run: npx node scripts/tables.ts`)
    process.exitCode = 1
  } else {
    writeFileSync(path, current(text))
    console.log(`${file} is written`)
  }
}
