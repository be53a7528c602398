// The environment, read once and validated into one frozen Config. Nothing else reads process.env.
// `VARIABLES` documents every variable; the README's table and `postern serve --help` are made from it.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Ajv } from 'ajv'
import { envSchema } from 'env-schema'
import { type Static, Type } from 'typebox'
import type { EncryptionKey } from './encryption/sealer.ts'
import { parseRedisUrl } from './ephemeral/redis/url.ts'
import { colorProblem } from './pages/branding/color.ts'
import { type BrandLink, parseLinks } from './pages/branding/links.ts'
import { isNetwork } from './wire/end-user.ts'

type Variable = {
  schema: ReturnType<typeof Type.Unsafe>
  description: string
  /** What a valid value is, for the error message. */
  expects: string
  /** The error message does not show the value. */
  secret?: true
}

const text = (options: object = {}) => Type.Unsafe<string>({ type: 'string', ...options })
const integer = (options: object) => Type.Unsafe<number>({ type: 'integer', ...options })

export const VARIABLES = {
  HOST: {
    schema: text({ default: '127.0.0.1', minLength: 1 }),
    description: 'Address to listen on; the container image sets 0.0.0.0.',
    expects: 'an IP address or host name',
  },
  PORT: {
    schema: integer({ default: 8400, minimum: 0, maximum: 65535 }),
    description: 'Port to listen on; 0 takes a free one.',
    expects: 'a whole number from 0 to 65535',
  },
  POSTERN_ISSUER: {
    schema: text({ default: 'http://localhost:8400', format: 'issuer' }),
    description:
      'The URL Postern is reached at: `iss` of every token, base of every link. https, or http on loopback.',
    expects: 'an https:// URL without query, fragment or trailing slash (http:// for localhost only)',
  },
  DATABASE_URL: {
    schema: text({ format: 'postgres-url' }),
    description: 'PostgreSQL. Unset: an embedded PostgreSQL in the data folder.',
    expects: 'postgres://user:password@host:5432/database',
    secret: true,
  },
  DATABASE_POOL_SIZE: {
    schema: integer({ default: 10, minimum: 2, maximum: 200 }),
    description: 'PostgreSQL connections of one process.',
    expects: 'a whole number from 2 to 200',
  },
  REDIS_URL: {
    schema: text({ format: 'redis-url' }),
    description:
      'Redis: `redis://`, `rediss://` (TLS), `redis+sentinel://host,host/name`, `redis+cluster://host,host`. Unset: short-lived state in the memory of this one process.',
    expects: 'redis://[user:password@]host:6379[/db], rediss://…, redis+sentinel://… or redis+cluster://…',
    secret: true,
  },
  POSTERN_DATA_DIR: {
    schema: text({ default: './data', minLength: 1 }),
    description: 'Where the embedded PostgreSQL and the generated encryption key live.',
    expects: 'a folder',
  },
  POSTERN_ADMIN_USERNAME: {
    schema: text({ default: 'admin', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }),
    description: 'User name of the administrator that the first start creates.',
    expects: 'a letter or digit, then letters, digits, dots, dashes or underscores',
  },
  POSTERN_ADMIN_PASSWORD: {
    schema: text({ minLength: 8, maxLength: 128 }),
    description: 'Its password. Unset: the first start makes one up and prints it once.',
    expects: '8 to 128 characters',
    secret: true,
  },
  POSTERN_ENCRYPTION_KEYS: {
    schema: text({ format: 'encryption-keys' }),
    description:
      'Seals secrets at rest: `<id>:<base64 of 32 bytes>[,…]`; the first seals, all of them open. Unset: one is made in the data folder.',
    expects:
      '<id>:<base64 of 32 bytes>[,<id>:<base64 of 32 bytes>…], made with: echo "k1:$(openssl rand -base64 32)"',
    secret: true,
  },
  POSTERN_TRUSTED_PROXIES: {
    schema: text({ default: '', format: 'networks' }),
    description: 'Proxies whose X-Forwarded-* headers are believed, as addresses or CIDR networks.',
    expects: 'a comma-separated list such as 10.0.0.0/8,192.168.1.10',
  },
  POSTERN_ALLOW_PRIVATE_ADDRESSES: {
    schema: text({ default: '', format: 'networks-or-all' }),
    description:
      'Networks that Postern may also fetch from where a client names a URL there, as addresses or CIDR networks; `all` for any. Unset: public addresses only.',
    expects: 'a comma-separated list such as 10.0.0.0/8,fd00::/8, or all',
  },
  POSTERN_CLIENTS_FILE: {
    schema: text({ minLength: 1 }),
    description:
      'A YAML file that declares clients; applied at start and on SIGHUP. Unset: clients are registered otherwise.',
    expects: 'a path',
  },
  POSTERN_SMTP_URL: {
    schema: text({ format: 'smtp-url' }),
    description:
      'Where mail is handed in: `smtp://user:password@host:587` (STARTTLS), `smtps://` (TLS). Without TLS on loopback only. Unset: no mail is sent.',
    expects: 'smtp://user:password@host:587 or smtps://user:password@host:465',
    secret: true,
  },
  POSTERN_MAIL_FROM: {
    schema: text({ format: 'mail-from', maxLength: 320 }),
    description: 'Whom mail is from: an address, or `Name <address>`. Needed with `POSTERN_SMTP_URL`.',
    expects: 'an address such as no-reply@example.org, or Example <no-reply@example.org>',
  },
  POSTERN_BRAND_NAME: {
    schema: text({ default: 'Postern', maxLength: 64, pattern: '^[^\\p{Cc}]*[^\\p{Cc}\\s][^\\p{Cc}]*$' }),
    description: 'The name on the hosted pages and in mail.',
    expects: 'a name of at most 64 characters',
  },
  POSTERN_BRAND_LOGO_FILE: {
    schema: text({ minLength: 1 }),
    description: 'An SVG or PNG file of at most 256 KB, shown on the hosted pages in place of the name.',
    expects: 'a path',
  },
  POSTERN_BRAND_COLOR: {
    schema: text({ format: 'brand-color' }),
    description:
      'Colour of buttons and links on the hosted pages, dark enough for white text; a lighter one is made of it where the device asks for dark pages.',
    expects: 'a colour such as #3347c2, on which white text has a contrast of 4.5:1 or more',
  },
  POSTERN_BRAND_LINKS: {
    schema: text({ default: '', format: 'brand-links' }),
    description: 'Links below the hosted pages: `Help=https://…;Privacy=https://…`.',
    expects: 'https or mailto links such as Help=https://help.example.org;Contact=mailto:help@example.org',
  },
  POSTERN_TEMPLATES_DIR: {
    schema: text({ minLength: 1 }),
    description:
      'A folder with `layout.html`, `header.html` or `footer.html`, the frame of the hosted pages. Unset: Postern’s own.',
    expects: 'a path',
  },
  POSTERN_RATE_LIMIT: {
    schema: integer({ default: 6000, minimum: 0, maximum: 10_000_000 }),
    description: 'Requests a minute from one network (IPv4 /32, IPv6 /64) to one process; 0 for no limit.',
    expects: 'a whole number, 0 or more',
  },
  LOG_LEVEL: {
    schema: text({ default: 'info', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] }),
    description: 'How much is logged.',
    expects: 'one of fatal, error, warn, info, debug, trace, silent',
  },
} as const satisfies Record<string, Variable>

type Name = keyof typeof VARIABLES
const NAMES = Object.keys(VARIABLES) as Name[]

export type Config = {
  host: string
  port: number
  issuer: string
  databaseUrl: string | null
  databasePoolSize: number
  redisUrl: string | null
  dataDir: string
  adminUsername: string
  adminPassword: string | null
  /** Null: the generated key in `dataDir` is used. */
  encryptionKeys: EncryptionKey[] | null
  trustedProxies: string[]
  /** Networks that are fetched from besides the public internet. */
  allowedPrivateNetworks: string[]
  /** Null: no clients are declared. */
  clientsFile: string | null
  /** Null: no mail is sent. */
  mail: { smtpUrl: string; from: string } | null
  brand: BrandSettings
  rateLimitPerMinute: number
  logLevel: string
}

/** What the hosted pages show of the operator; null: Postern's own. */
type BrandSettings = {
  name: string
  logoFile: string | null
  color: string | null
  links: BrandLink[]
  templatesDir: string | null
}

/** Names every wrong variable at once, one a line: what was given and what is expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

const isIssuer = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  const schemeFits = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  return schemeFits && !/[?#]|\/$/.test(value) && url.username === ''
}

const isPostgresUrl = (value: string): boolean => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)

const isRedisUrl = (value: string): boolean => {
  try {
    parseRedisUrl(value)
    return true
  } catch {
    return false
  }
}

const isSmtpUrl = (value: string): boolean => {
  if (!/^smtps?:\/\//.test(value) || !URL.canParse(value)) return false
  const { hostname, pathname, search, hash } = new URL(value)
  return hostname !== '' && ['', '/'].includes(pathname) && search === '' && hash === ''
}

/** One line, so that it is one header. */
const isMailFrom = (value: string): boolean =>
  /^(?:[^<>\p{Cc}]*<([^<>@\s]+@[^<>@\s]+)>|[^<>@\s]+@[^<>@\s]+)$/u.test(value)

const list = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

const ALL = 'all'
const EVERY_ADDRESS = ['0.0.0.0/0', '::/0']

/**
 * Reads `<id>:<base64 of 32 bytes>[,…]`.
 * @throws {Error} naming the key id that is at fault, never the key.
 */
export const parseEncryptionKeys = (value: string): EncryptionKey[] => {
  const keys = list(value).map((entry, index) => {
    const [id = '', encoded = ''] = entry.split(/:(.*)/s)
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id))
      throw new Error(`key number ${index + 1} has no usable id before its ":"`)
    const key = Buffer.from(encoded, 'base64')
    if (!/^[A-Za-z0-9+/_-]+=*$/.test(encoded)) throw new Error(`key "${id}" is not base64`)
    if (key.length !== 32) throw new Error(`key "${id}" has ${key.length} bytes; 32 are needed`)
    return { id, key }
  })
  if (keys.length === 0) throw new Error('there is no key in it')
  const twice = keys.find((key, index) => keys.findIndex((other) => other.id === key.id) !== index)
  if (twice) throw new Error(`key id "${twice.id}" is there twice`)
  return keys
}

const encryptionKeysProblem = (value: string): string | null => {
  try {
    parseEncryptionKeys(value)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

const formats = {
  issuer: isIssuer,
  'postgres-url': isPostgresUrl,
  'redis-url': isRedisUrl,
  'smtp-url': isSmtpUrl,
  'mail-from': isMailFrom,
  'encryption-keys': (value: string) => encryptionKeysProblem(value) === null,
  'brand-color': (value: string) => colorProblem(value) === null,
  'brand-links': (value: string) => parseLinks(value) !== null,
  networks: (value: string) => list(value).every(isNetwork),
  'networks-or-all': (value: string) => value === ALL || list(value).every(isNetwork),
}

type Given = { values: Partial<Record<Name, string>>; problems: string[] }

/** The variables that are set, each also as `…_FILE`. An empty value counts as unset, as in compose files. */
const gather = (environment: NodeJS.ProcessEnv): Given => {
  const given: Given = { values: {}, problems: [] }
  for (const name of NAMES) {
    const value = environment[name]
    const file = environment[`${name}_FILE`]
    if (value && file) given.problems.push(`${name}: given twice, as ${name} and as ${name}_FILE; keep one`)
    else if (value) given.values[name] = value
    else if (file) readSecretFile(name, file, given)
  }
  return given
}

const readSecretFile = (name: Name, file: string, given: Given): void => {
  try {
    given.values[name] = readFileSync(file, 'utf8').trim()
  } catch (error) {
    given.problems.push(`${name}_FILE: "${file}" cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

const properties = Object.fromEntries(NAMES.map((name) => [name, VARIABLES[name].schema])) as {
  [N in Name]: (typeof VARIABLES)[N]['schema']
}
const Environment = Type.Object(properties)
type Environment = Static<typeof Environment>

/** For values of which more can be said than what is expected; it never shows a secret. */
const DETAILS: Partial<Record<Name, (given: string) => string | null>> = {
  POSTERN_ENCRYPTION_KEYS: encryptionKeysProblem,
  POSTERN_BRAND_COLOR: colorProblem,
}

const describeProblem = (name: Name, given: string): string => {
  const variable: Variable = VARIABLES[name]
  const detail = DETAILS[name]?.(given)
  const shown = variable.secret ? 'a value that is not shown' : `"${given}"`
  return `${name}: got ${shown}${detail ? `: ${detail}` : ''}; expected ${variable.expects}`
}

const validate = ({ values, problems }: Given): Partial<Environment> => {
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, formats, strict: false })
  let environment: Partial<Environment> = {}
  try {
    environment = envSchema<Environment>({
      schema: { ...Environment, required: [] },
      data: values,
      env: false,
      ajv,
    })
  } catch (error) {
    const errors = (error as { errors?: { instancePath: string }[] }).errors ?? []
    const names = new Set(errors.map(({ instancePath }) => instancePath.slice(1) as Name))
    problems.push(...[...names].map((name) => describeProblem(name, values[name] ?? '')))
  }
  if (problems.length > 0) {
    throw new ConfigError(
      `The configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
  }
  return environment
}

/** @throws {ConfigError} one of the two variables of mail is there without the other. */
const mailOf = (env: Partial<Environment>): Config['mail'] => {
  const { POSTERN_SMTP_URL: smtpUrl, POSTERN_MAIL_FROM: from } = env
  if (smtpUrl !== undefined && from !== undefined) return { smtpUrl, from }
  if (smtpUrl === undefined && from === undefined) return null
  const missing = smtpUrl === undefined ? 'POSTERN_SMTP_URL' : 'POSTERN_MAIL_FROM'
  throw new ConfigError(
    `The configuration is wrong:\n  ${missing}: is missing; expected ${VARIABLES[missing].expects}`,
  )
}

/**
 * Reads and validates the environment.
 * @throws {ConfigError} listing every wrong variable.
 */
export const readConfig = (environment: NodeJS.ProcessEnv = process.env): Readonly<Config> => {
  const env = validate(gather(environment)) as Environment & Partial<Environment>
  return Object.freeze({
    host: env.HOST,
    port: env.PORT,
    issuer: env.POSTERN_ISSUER,
    databaseUrl: env.DATABASE_URL ?? null,
    databasePoolSize: env.DATABASE_POOL_SIZE,
    redisUrl: env.REDIS_URL ?? null,
    dataDir: resolve(env.POSTERN_DATA_DIR),
    adminUsername: env.POSTERN_ADMIN_USERNAME,
    adminPassword: env.POSTERN_ADMIN_PASSWORD ?? null,
    encryptionKeys: env.POSTERN_ENCRYPTION_KEYS ? parseEncryptionKeys(env.POSTERN_ENCRYPTION_KEYS) : null,
    trustedProxies: list(env.POSTERN_TRUSTED_PROXIES),
    allowedPrivateNetworks:
      env.POSTERN_ALLOW_PRIVATE_ADDRESSES === ALL ? EVERY_ADDRESS : list(env.POSTERN_ALLOW_PRIVATE_ADDRESSES),
    clientsFile: env.POSTERN_CLIENTS_FILE ? resolve(env.POSTERN_CLIENTS_FILE) : null,
    mail: mailOf(env),
    brand: {
      name: env.POSTERN_BRAND_NAME.trim(),
      logoFile: env.POSTERN_BRAND_LOGO_FILE ? resolve(env.POSTERN_BRAND_LOGO_FILE) : null,
      color: env.POSTERN_BRAND_COLOR ?? null,
      links: parseLinks(env.POSTERN_BRAND_LINKS) ?? [],
      templatesDir: env.POSTERN_TEMPLATES_DIR ? resolve(env.POSTERN_TEMPLATES_DIR) : null,
    },
    rateLimitPerMinute: env.POSTERN_RATE_LIMIT,
    logLevel: env.LOG_LEVEL,
  })
}
