// What `npm run bench` is asked for.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const PATHS = ['P1', 'P2', 'P2c', 'P3', 'P3r', 'P4']
const REDIRECT_FLOW = ['O1', 'O2', 'O3', 'O4', 'O5', 'O6']
const PAGES = ['S1', 'S2']
const PARTS = [...PATHS, ...REDIRECT_FLOW, ...PAGES, 'matrix', 'start', 'redis', 'flood']
/** What others do too. */
const SHARED = ['P2', ...REDIRECT_FLOW]

const HELP = `Usage: npm run bench -- [options]

  A quarter of an hour on a machine that does nothing else; --peers alone, six minutes.

  --quick             half a minute, to see that it works; its figures mean nothing
  --only <names>      some of ${PARTS.join(',')}
  --before <folder>   also the Postern of that checkout, with its dependencies installed, in the same rounds
  --peers             also oidc-provider, in the same rounds; without --only, what it does too: ${SHARED.join(',')}
  --better-auth <folder>  with --peers: session check of the better-auth that is installed there, too
  --connections <n>   those of the matrix (1,8,32,256)
  --rounds <n>        rounds of each server (5)
  --profile <dir>     leaves CPU profiles of every server there
  --help              this text`

const refuse = (problem: string): never => {
  console.error(`${problem}\nnpm run bench -- --help says what there is.`)
  process.exit(2)
}

const isCount = (text: string): boolean => /^[1-9]\d*$/.test(text)

const parse = () => {
  const options = {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    before: { type: 'string' },
    'better-auth': { type: 'string' },
    peers: { type: 'boolean', default: false },
    connections: { type: 'string', default: '1,8,32,256' },
    rounds: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuse((error as Error).message)
  }
}

/** Ends the process with 2 where something is asked for that there is not. */
const requireSense = (values: ReturnType<typeof parse>): void => {
  const unknown = (values.only ?? '').split(',').filter((name) => name !== '' && !PARTS.includes(name))
  if (unknown.length > 0) refuse(`--only: there is no ${unknown.join(', ')}.`)
  if (!values.connections.split(',').every(isCount))
    refuse('--connections: numbers from 1 on, with commas between.')
  if (values.rounds !== undefined && !isCount(values.rounds)) refuse('--rounds: a number from 1 on.')
  const before = values.before ?? '.'
  if (!existsSync(join(before, 'bench/prepare.ts'))) refuse(`--before: ${before} is no checkout of Postern.`)
  if (!existsSync(join(before, 'node_modules'))) refuse(`--before: npm ci has not been run in ${before}.`)
  if (values['better-auth'] !== undefined && !values.peers) refuse('--better-auth goes with --peers.')
}

export const readOptions = () => {
  const values = parse()
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  requireSense(values)
  return {
    size: values.quick ? ('quick' as const) : ('full' as const),
    wanted: new Set(values.only?.split(',') ?? (values.peers ? SHARED : PARTS)),
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
