// The rules of the house: calls run one way, routes -> use case -> stores and pure modules.
// What a file is follows from its name; `test/dependency-rules.test.ts` breaks every rule once.
//
// Decision: sources are read by swc. TypeScript 7 has no JavaScript API that dependency-cruiser knows, and
// without a parser it leaves out .ts files silently. swc also distinguishes `import type` from a call.

// The rooms of the house, from the top floor down: whoever is in a room uses those below it, never one above.
const ROOMS = [
  'command-line',
  'server',
  'pages',
  'oauth',
  'administration',
  'profile',
  'sign-in',
  'callers',
  'authenticators',
  'passwords',
  'sessions',
  'notices',
  'tokens',
  'policy',
  'clients',
  'accounts',
  'audit',
  'ephemeral',
  'encryption',
  'postgres',
  'outbound',
  'wire',
]

// Rooms of the domain, as opposed to those that hold what carries it.
const DOMAIN = '^src/(?!(?:command-line|server|ephemeral|encryption|postgres|outbound|wire)/).+/'
const ROUTES = '^src/.+[/-]routes[.]ts$'
const STORE = '^src/.+[/-]store[.]ts$'
// Is asked before its room's store, and reads through it.
const CACHE = '^src/.+-cache[.]ts$'
const APP = '^src/server/app[.]ts$'
const ASSEMBLY = '^src/(?:main|deps|server/app)[.]ts$'
const CONNECTIONS = ['^src/postgres/', '^src/ephemeral/(open|redis|memory)']

// A use case is named `<verb>-<noun>.ts`. Any other file of a domain folder is a pure module; where this list
// lacks the verb of a new use case, its store import is reported, and the verb is added here.
const VERBS = `
  add allow answer apply attempt authenticate begin burn cancel change check claim clear close complete confirm
  continue count create delete disable enable end enroll ensure explain export find follow forget get guard hash
  import introspect issue keep know list load lock log match mint notify offer open pass prune publish purge read
  recognise record redeem refuse regenerate register remove rename renew require reseal reset resolve revoke rotate
  save seal seed send set show sign start stop take throttle touch trust unlock update use verify warn watch
  withdraw write
`
const USE_CASE = `${DOMAIN}(${VERBS.trim().split(/\s+/).join('|')})-[a-z0-9-]+[.]ts$`

const IO_OF_NODE =
  '^(node:)?(fs|net|tls|http|https|http2|dgram|dns|child_process|cluster|worker_threads|readline|repl)(/|$)'
const IO_PACKAGES =
  'node_modules/(pg|ioredis|fastify|fastify-plugin|@fastify|@electric-sql|node-pg-migrate|env-schema|close-with-grace|nodemailer|ldapts|undici|commander)/'

/** `import type` binds no one to a call; it is erased. */
const CALLS = { dependencyTypesNot: ['type-only'] }

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Modules that need each other are one module, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: CALLS },
    },
    {
      name: 'no-orphans',
      comment: 'Not reached from main.ts or client/: delete it, or use it.',
      severity: 'error',
      from: { path: ['^src/main[.]ts$', '^src/client/'] },
      // What is served to browsers is read as a file.
      to: {
        path: '^src/',
        pathNot: ['^src/main[.]ts$', '^src/client/', '^src/pages/assets/'],
        reachable: false,
      },
    },
    {
      name: 'routes-only-from-app',
      comment: 'app.ts registers the routes, by hand, in one list; nothing else imports them.',
      severity: 'error',
      from: { pathNot: APP },
      to: { path: ROUTES },
    },
    ...ROOMS.slice(1).map((room, index) => ({
      name: 'rooms-look-down',
      comment: `${room}/ uses the rooms below it; the order is ROOMS; docs/architecture.md says why.`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(?:${ROOMS.slice(0, index + 1).join('|')})/` },
    })),
    {
      name: 'every-room-has-its-floor',
      comment: 'A room that is not in ROOMS has no place in the order.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: `^src/(?:(?:${ROOMS.join('|')}|client)/|(?:main|config|deps|errors)[.]ts$)`,
      },
      to: {},
    },
    {
      name: 'who-may-mint',
      comment: 'Tokens come from signing in and from the OAuth endpoints.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(?:sign-in|oauth|tokens)/' },
      to: { path: '^src/tokens/mint-tokens[.]ts$', ...CALLS },
    },
    {
      name: 'routes-call-use-cases',
      comment: 'A route calls a use case, or the store for a plain read; connections are behind them.',
      severity: 'error',
      from: { path: ROUTES },
      to: { path: [...CONNECTIONS, 'node_modules/(pg|ioredis)/'], ...CALLS },
    },
    {
      name: 'stores-are-called-by-use-cases',
      comment: 'SQL is behind a use case, a route’s plain read or a cache.',
      severity: 'error',
      from: {
        path: '^src/[^/]+/',
        pathNot: [USE_CASE, ROUTES, CACHE, STORE, '^src/command-line/', '^src/encryption/(?:check|load)-'],
      },
      to: { path: STORE, ...CALLS },
    },
    {
      name: 'stores-stand-alone',
      comment: 'Stores do not import each other; a use case that needs two calls two.',
      severity: 'error',
      from: { path: STORE },
      to: { path: STORE },
    },
    {
      name: 'stores-call-nothing-above',
      comment: 'Calls run one way: a use case calls a store.',
      severity: 'error',
      from: { path: STORE },
      to: { path: [USE_CASE, CACHE, ASSEMBLY], ...CALLS },
    },
    {
      name: 'pure-does-no-io',
      comment:
        'A pure module imports nothing that does I/O. If it is a use case, name it <verb>-<noun>.ts, with a verb of .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: DOMAIN, pathNot: [ROUTES, STORE, CACHE, USE_CASE] },
      to: {
        path: [
          USE_CASE,
          STORE,
          CACHE,
          ASSEMBLY,
          ...CONNECTIONS,
          '^src/config[.]ts$',
          IO_OF_NODE,
          IO_PACKAGES,
        ],
        ...CALLS,
      },
    },
    {
      name: 'dependencies-are-passed',
      comment: 'What main.ts opens and wires is passed in as `deps`, never reached for.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: ['^src/command-line/', APP] },
      to: { path: ASSEMBLY, ...CALLS },
    },
    {
      name: 'config-reads-the-environment',
      comment: 'Nothing but config.ts reads the environment; Biome refuses `process.env`, this its module.',
      severity: 'error',
      from: { pathNot: '^src/config[.]ts$' },
      to: { path: '^(node:)?process$' },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'The installed package has no devDependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], ...CALLS },
    },
    {
      name: 'no-unlisted-dependencies',
      comment: 'Imported, and in package.json only by way of another package.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'src-is-not-tests',
      comment: 'src/ imports nothing that is not shipped.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
