import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const CONFIG = resolve('.dependency-cruiser.cjs')
const DEPCRUISE = resolve('node_modules/.bin/depcruise')

const config: { forbidden: { name: string; from: { path?: string } }[] } = createRequire(import.meta.url)(
  CONFIG,
)

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

type House = { [room: string]: Tree | string } & { sessions: Tree; tokens: Tree; server: Tree; wire: Tree }

/** A house in order: one call of each allowed kind. */
const house = (): House => ({
  'main.ts': uses('./server/app.ts', './deps.ts'),
  'deps.ts': uses('./postgres/pool.ts', './ephemeral/redis.ts'),
  server: { 'app.ts': uses('../sessions/routes.ts', '../tokens/key-routes.ts') },
  sessions: {
    'routes.ts': uses('./list-sessions.ts', './device.ts', './store.ts'),
    'list-sessions.ts': `import type { Deps } from '../deps.ts'\n${uses('./store.ts', '../tokens/claims.ts')}`,
    'store.ts': uses('./device.ts', 'pg'),
    'device.ts': "import type { Row } from './store.ts'\nimport '../wire/page.ts'",
  },
  tokens: {
    'key-routes.ts': uses('./mint-tokens.ts'),
    'claims.ts': '',
    'key-store.ts': '',
    'mint-tokens.ts': uses('./key-store.ts'),
  },
  ephemeral: { 'redis.ts': '' },
  postgres: { 'pool.ts': uses('pg', 'node:fs') },
  wire: { 'page.ts': uses('node:crypto') },
})

const houseWith = (change: (src: House) => void): Tree => {
  const src = house()
  change(src)
  return { 'package.json': MANIFEST, node_modules: PACKAGES, src }
}

const inPage =
  (imported: string) =>
  ({ wire }: House): void => {
    wire['page.ts'] = uses(imported)
  }

const broken: { rule: string; where: string; change: (src: House) => void }[] = [
  { rule: 'no-circular', where: 'src/wire/page.ts -> src/wire/page.ts', change: inPage('./page.ts') },
  {
    rule: 'no-circular',
    where: 'src/sessions/device.ts -> src/sessions/token.ts',
    change: ({ sessions }) => {
      sessions['device.ts'] = uses('./token.ts')
      sessions['token.ts'] = uses('./device.ts')
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
    rule: 'rooms-look-down',
    where: 'src/tokens/claims.ts -> src/sessions/device.ts',
    change: ({ tokens }) => {
      tokens['claims.ts'] = "import type { Device } from '../sessions/device.ts'"
    },
  },
  {
    rule: 'rooms-look-down',
    where: 'src/ephemeral/redis.ts -> src/tokens/claims.ts',
    change: (src) => {
      src.ephemeral = { 'redis.ts': uses('../tokens/claims.ts') }
    },
  },
  {
    rule: 'every-room-has-its-floor',
    where: 'src/helpers/text.ts -> src/wire/page.ts',
    change: (src) => {
      src['main.ts'] = uses('./server/app.ts', './deps.ts', './helpers/text.ts')
      src.helpers = { 'text.ts': uses('../wire/page.ts') }
    },
  },
  {
    rule: 'who-may-mint',
    where: 'src/sessions/list-sessions.ts -> src/tokens/mint-tokens.ts',
    change: ({ sessions }) => {
      sessions['list-sessions.ts'] = uses('./store.ts', '../tokens/claims.ts', '../tokens/mint-tokens.ts')
    },
  },
  {
    rule: 'routes-only-from-app',
    where: 'src/sessions/list-sessions.ts -> src/tokens/key-routes.ts',
    change: ({ sessions }) => {
      sessions['list-sessions.ts'] = uses('./store.ts', '../tokens/claims.ts', '../tokens/key-routes.ts')
    },
  },
  {
    rule: 'routes-call-use-cases',
    where: 'src/tokens/key-routes.ts -> src/postgres/pool.ts',
    change: ({ tokens }) => {
      tokens['key-routes.ts'] = uses('./mint-tokens.ts', '../postgres/pool.ts')
    },
  },
  {
    rule: 'stores-are-called-by-use-cases',
    where: 'src/server/app.ts -> src/sessions/store.ts',
    change: ({ server }) => {
      server['app.ts'] = uses('../sessions/routes.ts', '../tokens/key-routes.ts', '../sessions/store.ts')
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
  ...['../sessions/store.ts', './mint-tokens.ts', '../postgres/pool.ts', 'node:fs', 'node:http', 'pg'].map(
    (imported) => ({
      rule: 'pure-does-no-io',
      where: 'src/tokens/claims.ts -> ',
      change: ({ tokens }: House) => {
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
    where: 'src/wire/page.ts -> process',
    change: inPage('node:process'),
  },
  {
    rule: 'no-dev-dependencies',
    where: 'src/wire/page.ts -> node_modules/tap/index.js',
    change: inPage('tap'),
  },
  {
    rule: 'no-unlisted-dependencies',
    where: 'src/wire/page.ts -> node_modules/unlisted/index.js',
    change: inPage('unlisted'),
  },
  { rule: 'no-unresolvable', where: 'src/wire/page.ts -> ./gone.ts', change: inPage('./gone.ts') },
  {
    rule: 'src-is-not-tests',
    where: 'src/wire/page.ts -> test/clock.ts',
    change: inPage('../../test/clock.ts'),
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

t.test('docs/architecture.md shows the rooms of src/ in the order that the rules hold', async (t) => {
  const [, house = ''] = readFileSync('docs/architecture.md', 'utf8').split('\n## The house\n')
  const shown = [...house.matchAll(/^\| `([a-z-]+)\/`/gm)].map(([, room]) => room)
  const lower = config.forbidden.flatMap(({ name, from }) => {
    const [, room] = /^\^src\/([a-z-]+)\/$/.exec(from.path ?? '') ?? []
    return name === 'rooms-look-down' && room ? [room] : []
  })
  t.same(shown, ['command-line', ...lower])
  t.same(
    shown.toSorted(),
    globSync('*/', { cwd: 'src' })
      .map((room) => room.replace('/', ''))
      .toSorted(),
  )
})

t.test('the top level of src/ has no more than its four files', async (t) => {
  t.same(globSync('*.ts', { cwd: 'src' }).toSorted(), ['config.ts', 'deps.ts', 'errors.ts', 'main.ts'])
})

t.test('no room has more than eighteen files at one level', async (t) => {
  const rooms = new Map<string, number>()
  for (const file of globSync('**/*.ts', { cwd: 'src' })) {
    rooms.set(dirname(file), (rooms.get(dirname(file)) ?? 0) + 1)
  }
  t.same(
    [...rooms].filter(([, files]) => files > 18),
    [],
  )
})

t.test('SQL is in stores, and parts that they share in `…-sql.ts`', async (t) => {
  const elsewhere = globSync('**/*.ts', { cwd: 'src', exclude: ['postgres/**'] }).filter((file) => {
    if (/(^|[/-])(store|sql)\.ts$/.test(file)) return false
    const code = readFileSync(`src/${file}`, 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*\*).*$/gm, '')
    return /\b(SELECT [\w$(*]|INSERT INTO|UPDATE \w|DELETE FROM)/.test(code)
  })
  t.same(elsewhere, [])
})
