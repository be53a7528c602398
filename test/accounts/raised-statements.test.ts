// Whoever writes what replicas keep of an account raises its version: a store function that runs such a statement takes
// a connection that only `changingAccount` hands out, or is named here with the reason why it need not.
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { raiseEnrolled } from '../../src/authenticators/enrolled-count-store.ts'
import type { Sql } from '../../src/postgres/pool.ts'

const WRITES = /(?:INSERT INTO|UPDATE|DELETE FROM) (?:accounts|authenticators|recovery_codes|\$\{)/
const RAISES = /postgres: Changing(?:Sql|Postgres)\b/

/** Why nothing of these is kept. */
const NEED_NOT: Record<string, string> = {
  insertAccount: 'a new account, which nobody has read',
  insertSubject: 'a new account, which nobody has read',
  recordSignIn: 'notes a sign-in, which only administrators are shown',
  burnTimeStep: 'notes a sign-in and a time step',
  storePassword: 'a password',
  renewPasswordHash: 'a password',
  replaceSealed: 'a secret, sealed anew',
  saveAuthenticatorName: 'a name of an authenticator, which is listed from PostgreSQL',
  insertPendingTotp: 'an authenticator that is no factor yet',
  limitPending: 'authenticators that are no factors yet',
  deleteExpiredEnrollments: 'authenticators that are no factors yet',
}

type Block = { name: string; isExported: boolean; text: string }

/** The top-level constants of a file, each with its text, without comments. */
const blocksOf = (file: string): Block[] =>
  readFileSync(file, 'utf8')
    .replaceAll(/^ *\/\*\*[\s\S]*?\*\/|^ *\/\/.*$/gm, '')
    .split(/^(?=(?:export )?const )/m)
    .flatMap((text) => {
      const [, exported, name] = /^(export )?const (\w+)/.exec(text) ?? []
      return name === undefined ? [] : [{ name, isExported: exported !== undefined, text }]
    })

const FILES = globSync('src/**/*.ts').toSorted()

/** Parts of statements that several files share. */
const SHARED = FILES.filter((file) => /-sql[.]ts$/.test(file)).flatMap(blocksOf)

/** The exported functions of a file that run a statement which writes: their own, or one that they refer to. */
const writersOf = (file: string): Block[] => {
  const blocks = [...blocksOf(file), ...SHARED]
  const writes = (block: Block, above: readonly Block[] = []): boolean =>
    WRITES.test(block.text) ||
    blocks.some(
      (other) =>
        !above.includes(other) &&
        other !== block &&
        new RegExp(`\\b${other.name}\\b`).test(block.text) &&
        writes(other, [...above, block]),
    )
  return blocksOf(file).filter(
    (block) => block.isExported && /\bpostgres\b/.test(block.text) && writes(block),
  )
}

t.test('every statement that writes what replicas keep of an account raises its version', async (t) => {
  const writers = FILES.filter((file) => /store[.]ts$/.test(file)).flatMap(writersOf)
  t.ok(writers.length > 15, `${writers.length} functions write`)
  for (const { name, text } of writers) {
    t.not(RAISES.test(text), name in NEED_NOT, `${name}: ${NEED_NOT[name] ?? 'takes a ChangingSql'}`)
  }
  const names = new Set(writers.map(({ name }) => name))
  for (const name of Object.keys(NEED_NOT)) t.ok(names.has(name), `${name} is there`)
})

t.test('SQL that writes is in stores alone', async (t) => {
  const others = FILES.filter((file) => !/(?:store|-sql)[.]ts$/.test(file))
  for (const file of others) t.notMatch(readFileSync(file, 'utf8'), WRITES, file)
})

t.test('no other connection passes for one that raises', async (t) => {
  const attempt = (postgres: Sql) =>
    // @ts-expect-error: the checker refuses it; nothing is run.
    raiseEnrolled({ postgres }, '', { below: 1 })
  t.type(attempt, 'function')
})
