// What the guides name exists: files, headings, routes, variables, commands, events, scripts and tests.
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { buildProgram } from '../src/command-line/program.ts'
import { VARIABLES } from '../src/config.ts'
import { openTestApp } from './support/app.ts'
import { examplesOf, type Guide, inlineCodeOf, ROOT, readGuides } from './support/markdown.ts'
import { missingServer } from './support/servers.ts'

const run = promisify(execFile)
const skip = missingServer('postgres') || missingServer('redis')
const guides = readGuides()
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

t.test('the tables are those of the code', async (t) => {
  await run(process.execPath, [join(ROOT, 'scripts/tables.ts'), '--check'])
  t.pass('scripts/tables.ts --check')
})

/** GitHub's anchors. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

t.test('every relative link leads somewhere', async (t) => {
  for (const { path, text } of guides) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const found = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file))
      if (!t.ok(existsSync(join(ROOT, found)), `${path}: ${target}`) || anchor === undefined) continue
      t.ok(anchorsOf(read(found)).includes(anchor), `${path}: ${target}`)
    }
  }
})

const METHOD = /^(GET|POST|PUT|PATCH|DELETE) /
const asTemplate = (path: string): string =>
  path.replaceAll(/\{[^}]+\}|\$[A-Z_]+/g, '{}').replace(/[?#].*/, '')

/** `METHOD /path`, or a path alone, as the guides write them in text and in curl commands. */
const routesOf = (guide: Guide): string[] => [
  ...inlineCodeOf(guide).filter((code) => /^([A-Z]+ )?\/(v1|oauth2|\.well-known|healthz|readyz)/.test(code)),
  ...examplesOf(guide).flatMap(({ code }) =>
    [...code.matchAll(/^curl (?<args>.*?(?:POSTERN|localhost:8400)(?<path>\/[^\s"']*)(?:.*\\\n)*.*)$/gm)].map(
      ({ groups: { args = '', path = '' } = {} }) => {
        const [, method = /--(json|data)/.test(args) ? 'POST' : 'GET'] = /--request ([A-Z]+)/.exec(args) ?? []
        return `${method} ${path}`
      },
    ),
  ),
]

t.test('every route is one of the API', { skip }, async (t) => {
  const { app } = await openTestApp(t)
  const { paths = {} } = app.swagger()
  const api = new Map(
    Object.entries(paths).map(([path, item]) => [asTemplate(path), Object.keys(item ?? {})]),
  )
  for (const guide of guides) {
    for (const route of routesOf(guide)) {
      const [, method] = METHOD.exec(route) ?? []
      const path = asTemplate(route.replace(METHOD, '').split(' ')[0] ?? '')
      if (method) t.ok(api.get(path)?.includes(method.toLowerCase()), `${guide.path}: ${route}`)
      else
        t.ok(
          [...api.keys()].some((known) => known.startsWith(path)),
          `${guide.path}: ${route}`,
        )
    }
  }
})

t.test('every variable is one that Postern or its demo reads', async (t) => {
  const demo = globSync('scripts/demo/*.ts', { cwd: ROOT }).map(read).join()
  for (const { path, text } of guides) {
    for (const [name] of text.matchAll(/\b(POSTERN|DATABASE|REDIS|LOG|DEMO)_[A-Z_]*[A-Z]\b/g)) {
      const isKnown = name in VARIABLES || name.replace(/_FILE$/, '') in VARIABLES
      t.ok(isKnown || demo.includes(name), `${path}: ${name}`)
    }
  }
})

/** The commands that a guide names, in text and in blocks, as words. */
const commandsOf = (guide: Guide): string[][] =>
  [
    ...inlineCodeOf(guide),
    ...examplesOf(guide).flatMap(({ code }) => code.replaceAll(/\\\n\s*/g, ' ').split('\n')),
  ]
    .filter((code) => /^(postern|npx node src\/main\.ts) /.test(code))
    .map((code) => code.replace(/^(postern|npx node src\/main\.ts) /, '').match(/'[^']*'|\S+/g) ?? [])

const unused = async (): Promise<never> => {
  throw new Error('nothing is run here')
}
const program = buildProgram({
  out() {},
  err() {},
  readPassword: unused,
  perform: unused,
  migrate: unused,
  serve: unused,
})

/** What is wrong with a command line; null where Postern would take it. */
const problemOf = (words: string[]): string | null => {
  let command = program
  let operands = 0
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? ''
    const subcommand = command.commands.find((one) => one.name() === word)
    const option = command.options.find(({ long }) => long === word)
    if (subcommand) command = subcommand
    else if (option) index += option.required ? 1 : 0
    else if (word.startsWith('-') && word !== '--help') return `${command.name()} has no ${word}`
    else if (word !== '--help') operands += 1
  }
  if (command.commands.length > 0 && words.at(-1) !== '--help') return `${command.name()} is no whole command`
  return operands > command.registeredArguments.length ? `${command.name()} takes fewer arguments` : null
}

t.test('every command is one that Postern takes', async (t) => {
  for (const guide of guides) {
    for (const words of commandsOf(guide))
      t.equal(problemOf(words), null, `${guide.path}: ${words.join(' ')}`)
  }
})

t.test('every npm script, and every script that is run, is there', async (t) => {
  const { scripts } = JSON.parse(read('package.json'))
  for (const { path, text } of guides) {
    for (const [, name = ''] of text.matchAll(/npm run ([a-z:]+)/g))
      t.ok(name in scripts, `${path}: npm run ${name}`)
    for (const [, file = ''] of text.matchAll(/npx node (\S+\.ts)/g))
      t.ok(existsSync(join(ROOT, file)), `${path}: ${file}`)
  }
})

t.test('every folder and file of the house is there, and none is left out', async (t) => {
  const [, house = ''] = read('docs/architecture.md').split('\n## The house\n')
  const named = [...house.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name),
  )
  for (const name of named) t.ok(existsSync(join(ROOT, 'src', name)), name)
  for (const folder of globSync('*/', { cwd: join(ROOT, 'src') }))
    t.ok(named.includes(`${folder}/`) || named.includes(folder), `src/${folder}`)
})

t.test('every audit event is explained, and no other', async (t) => {
  const sources = globSync('src/audit/*-events.ts', { cwd: ROOT }).map(read).join()
  const recorded = [...sources.matchAll(/(?:auditEvent|authenticatorEvent)\(\s*'([a-z_.]+)'/g)].map(
    ([, name]) => name,
  )
  const [, theLog = ''] = read('docs/administer.md').split('\n## The audit log\n')
  const explained = [...theLog.matchAll(/^\| `([a-z_]+\.[a-z_]+)` \|/gm)].map(([, name]) => name)
  t.same(explained.toSorted(), recorded.toSorted())
})

t.test('every test that is cited is there', async (t) => {
  const cited = /\]\(\.\.\/(?<file>test\/\S+\.ts)\)(?<names>[^[]*)/g
  for (const { groups: { file = '', names = '' } = {} } of read('docs/security.md').matchAll(cited)) {
    for (const [, name = ''] of names.matchAll(/\*([^*]+)\*(?:;|$|\n)/g))
      t.ok(read(file).includes(name.replaceAll(/\s+/g, ' ')), `${file}: ${name}`)
  }
})

t.test('every statement of docs/security.md has a test, or says that it is not built', async (t) => {
  const [text = ''] = read('docs/security.md').split('\n## Threats')
  const statements = text.split(/\n(?=\d+\. \*\*)/).slice(1)
  t.same(
    statements.map((statement) => Number.parseInt(statement, 10)),
    Array.from({ length: 50 }, (_, index) => index + 1),
  )
  for (const statement of statements)
    t.match(statement, /Tests: \[|Not\s+built\s+yet|No\s+pages\s+yet/, statement.slice(0, 40))

  const known = new Set(statements.map((statement) => Number.parseInt(statement, 10)))
  for (const file of globSync('{src,sql,test,bench,scripts}/**/*', {
    cwd: ROOT,
    exclude: ['**/node_modules'],
  })) {
    if (!/\.(ts|sql|lua)$/.test(file)) continue
    for (const [cited, numbers = ''] of read(file).matchAll(/docs\/security\.md (\d+(?:(?:, | and )\d+)*)/g))
      for (const [number] of numbers.matchAll(/\d+/g)) t.ok(known.has(Number(number)), `${file}: ${cited}`)
  }
})
