// What `npm run bench` is asked for.
import { parseArgs } from 'node:util'

const PARTS = ['P1', 'P2', 'P2c', 'P3', 'P3r', 'P4', 'matrix', 'start', 'redis', 'flood']

const HELP = `Usage: npm run bench -- [options]

  Eight minutes on a machine that does nothing else, eleven with --before; --peers alone, two.

  --quick             half a minute, to see that it works; its figures mean nothing
  --only <names>      some of ${PARTS.join(',')}
  --before <folder>   also the Postern of that checkout, with its dependencies installed, in the same rounds
  --peers             instead: refresh, client_credentials and session check beside oidc-provider
  --better-auth <folder>  with --peers: session check of the better-auth that is installed there, too
  --connections <n>   those of the matrix (1,8,32,256)
  --rounds <n>        rounds of each server (5)
  --profile <dir>     leaves CPU profiles of every server there
  --help              this text`

export const readOptions = () => {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: PARTS.join(',') },
      before: { type: 'string' },
      'better-auth': { type: 'string' },
      peers: { type: 'boolean', default: false },
      connections: { type: 'string', default: '1,8,32,256' },
      rounds: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  return {
    size: values.quick ? ('quick' as const) : ('full' as const),
    wanted: new Set(values.only.split(',')),
    before: values.before ?? null,
    peers: values.peers,
    betterAuth: values['better-auth'] ?? null,
    connections: values.connections.split(',').map(Number),
    warmUps: values.quick ? 1 : 3,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    profile: values.profile ?? null,
  }
}

export type Options = ReturnType<typeof readOptions>
