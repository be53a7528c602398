import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const CONFIG = resolve('.dependency-cruiser.cjs')
const DEPCRUISE = resolve('node_modules/.bin/depcruise')

const config: { forbidden: { name: string }[] } = createRequire(import.meta.url)(CONFIG)

type Tree = { [name: string]: string | Tree }

const PACKAGES = {
  pg: { 'package.json': '{"name":"pg","main":"index.js"}', 'index.js': '' },
  tap: { 'package.json': '{"name":"tap","main":"index.js"}', 'index.js': '' },
  unlisted: { 'package.json': '{"name":"unlisted","main":"index.js"}', 'index.js': '' },
}
const MANIFEST = '{"type":"module","dependencies":{"pg":"1"},"devDependencies":{"tap":"1"}}'

/** The rules that a source tree breaks, each with where. */
const violations = async (dir: string): Promise<string[]> => {
  const run = promisify(execFile)(process.execPath, [DEPCRUISE, 'src', '--config', CONFIG, '-T', 'json'], {
    cwd: dir,
  })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { from: string; to: string; rule: { name: string } }[] }
  }
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)
}

const uses = (...files: string[]): string => files.map((file) => `import '${file}'\n`).join('')

/** A house in order: one call of each allowed kind. */
const house = (): { [name: string]: Tree | string } & { sessions: Tree; tokens: Tree } => ({
  'main.ts': uses('./app.ts', './deps.ts'),
  'app.ts': uses('./sessions/routes.ts'),
  'deps.ts': uses('./postgres.ts', './ephemeral/redis.ts'),
  'postgres.ts': uses('pg', 'node:fs'),
  'crypto.ts': uses('node:crypto'),
  ephemeral: { 'redis.ts': '' },
  sessions: {
    'routes.ts': uses('./list-sessions.ts', './device.ts'),
    'list-sessions.ts': `import type { Deps } from '../deps.ts'\n${uses('./store.ts', '../tokens/claims.ts')}`,
    'store.ts': uses('./device.ts', 'pg'),
    'device.ts': "import type { Row } from './store.ts'\nimport '../crypto.ts'",
  },
  tokens: { 'claims.ts': '', 'key-store.ts': '', 'routes.ts': '', 'mint-tokens.ts': uses('./key-store.ts') },
})

const houseWith = (change: (src: ReturnType<typeof house>) => void): Tree => {
  const src = house()
  src['app.ts'] = uses('./sessions/routes.ts', './tokens/routes.ts')
  src.tokens['routes.ts'] = uses('./mint-tokens.ts')
  change(src)
  return { 'package.json': MANIFEST, node_modules: PACKAGES, src }
}

const broken: { rule: string; where: string; change: (src: ReturnType<typeof house>) => void }[] = [
  {
    rule: 'no-circular',
    where: 'src/crypto.ts -> src/crypto.ts',
    change: (src) => {
      src['crypto.ts'] = uses('./crypto.ts')
    },
  },
  {
    rule: 'no-circular',
    where: 'src/sessions/device.ts -> src/tokens/claims.ts',
    change: ({ sessions, tokens }) => {
      sessions['device.ts'] = uses('../tokens/claims.ts')
      tokens['claims.ts'] = uses('../sessions/device.ts')
    },
  },
  {
    rule: 'no-orphans',
    where: 'src/sessions/unused.ts',
    change: ({ sessions }) => {
      sessions['unused.ts'] = uses('./device.ts')
    },
  },
  {
    rule: 'routes-only-from-app',
    where: 'src/sessions/list-sessions.ts -> src/tokens/routes.ts',
    change: ({ sessions }) => {
      sessions['list-sessions.ts'] = uses('./store.ts', '../tokens/claims.ts', '../tokens/routes.ts')
    },
  },
  {
    rule: 'routes-call-use-cases',
    where: 'src/tokens/routes.ts -> src/tokens/key-store.ts',
    change: ({ tokens }) => {
      tokens['routes.ts'] = uses('./mint-tokens.ts', './key-store.ts')
    },
  },
  {
    rule: 'stores-stand-alone',
    where: 'src/sessions/store.ts -> src/tokens/key-store.ts',
    change: ({ sessions }) => {
      sessions['store.ts'] = "import type { Key } from '../tokens/key-store.ts'"
    },
  },
  {
    rule: 'stores-call-nothing-above',
    where: 'src/sessions/store.ts -> src/tokens/mint-tokens.ts',
    change: ({ sessions }) => {
      sessions['store.ts'] = uses('../tokens/mint-tokens.ts')
    },
  },
  ...['../sessions/store.ts', './mint-tokens.ts', '../postgres.ts', 'node:fs', 'node:http', 'pg'].map(
    (imported) => ({
      rule: 'pure-does-no-io',
      where: 'src/tokens/claims.ts -> ',
      change: ({ tokens }: ReturnType<typeof house>) => {
        tokens['claims.ts'] = uses(imported)
      },
    }),
  ),
  {
    rule: 'dependencies-are-passed',
    where: 'src/tokens/mint-tokens.ts -> src/deps.ts',
    change: ({ tokens }) => {
      tokens['mint-tokens.ts'] = uses('./key-store.ts', '../deps.ts')
    },
  },
  {
    rule: 'config-reads-the-environment',
    where: 'src/crypto.ts -> process',
    change: (src) => {
      src['crypto.ts'] = uses('node:process')
    },
  },
  {
    rule: 'ephemeral-knows-no-domain',
    where: 'src/ephemeral/redis.ts -> src/sessions/device.ts',
    change: (src) => {
      src.ephemeral = { 'redis.ts': "import type { Device } from '../sessions/device.ts'" }
    },
  },
  {
    rule: 'no-dev-dependencies',
    where: 'src/crypto.ts -> node_modules/tap/index.js',
    change: (src) => {
      src['crypto.ts'] = uses('tap')
    },
  },
  {
    rule: 'no-unlisted-dependencies',
    where: 'src/crypto.ts -> node_modules/unlisted/index.js',
    change: (src) => {
      src['crypto.ts'] = uses('unlisted')
    },
  },
  {
    rule: 'no-unresolvable',
    where: 'src/crypto.ts -> ./gone.ts',
    change: (src) => {
      src['crypto.ts'] = uses('./gone.ts')
    },
  },
  {
    rule: 'src-is-not-tests',
    where: 'src/crypto.ts -> test/clock.ts',
    change: (src) => {
      src['crypto.ts'] = uses('../test/clock.ts')
    },
  },
]

t.test('a house in order passes', async (t) => {
  t.same(await violations(t.testdir(houseWith(() => {}))), [])
})

for (const { rule, where, change } of broken) {
  t.test(`${rule} is found: ${where}`, async (t) => {
    const found = await violations(t.testdir({ ...houseWith(change), test: { 'clock.ts': '' } }))
    t.ok(
      found.some((line) => line.startsWith(`${rule}: ${where}`)),
      `found ${found.join(', ')}`,
    )
  })
}

t.test('every rule is broken once above', async (t) => {
  t.same(new Set(broken.map(({ rule }) => rule)), new Set(config.forbidden.map(({ name }) => name)))
})
