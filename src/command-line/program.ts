// The command line: every command, with its help. What a command does is its use case's; where it runs, its host's.
import { Command, Help } from 'commander'
import { VARIABLES } from '../config.ts'
import { VERSION } from '../server/version.ts'
import { addAccountCommands } from './commands/account-commands.ts'
import { addClientCommands } from './commands/client-commands.ts'
import { addKeyCommands } from './commands/key-commands.ts'
import { addPolicyCommands } from './commands/policy-commands.ts'
import type { Host } from './host.ts'

const WIDTH = 100
const INDENT = '      '

const describeVariables = (): string => {
  const help = new Help()
  const paragraph = (text: string) => help.boxWrap(text, WIDTH - INDENT.length).replaceAll(/^/gm, INDENT)
  const entries = Object.entries(VARIABLES).map(([name, { schema, description, expects }]) => {
    const { default: preset } = schema as { default?: string | number }
    const shown = preset === undefined || preset === '' ? '' : ` (default: ${preset})`
    return `  ${name}${shown}\n${paragraph(description)}\n${paragraph(`Expects ${expects}.`)}`
  })
  return `
Settings are read from the environment. Each can also be given as <name>_FILE, the path of a file that
holds the value. With none of them set, Postern serves on http://localhost:8400 with its data in ./data.

${entries.join('\n\n')}
`
}

const addServe = (program: Command, host: Host): void => {
  program
    .command('serve')
    .summary('run the service')
    .description(
      'Runs the service until SIGTERM or SIGINT, and then finishes what runs. Applies missing migrations first; the ' +
        'first start makes an administrator.',
    )
    .addHelpText('after', describeVariables)
    .action(() => host.serve())
}

const addMigrate = (program: Command, host: Host): void => {
  program
    .command('migrate')
    .summary('bring the database up to date')
    .description(
      'Applies the migrations that the database lacks, and ends. "serve" does the same when it starts; several ' +
        'processes at once wait for one another.',
    )
    .action(async () => {
      const applied = await host.migrate()
      if (applied === null) return
      host.out(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.')
    })
}

/** The program over a host. Parsing throws `CommanderError`, once it has written what is wrong. */
export const buildProgram = (host: Host): Command => {
  const program = new Command('postern')
    .description('A standalone authentication service: adds a second factor to any system.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(add --help for what it takes)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.out(text.trimEnd()),
      writeErr: (text) => host.err(text.trimEnd()),
      getOutHelpWidth: () => WIDTH,
      getErrHelpWidth: () => WIDTH,
    })
    .addHelpText('after', '\nSettings are read from the environment: see "postern serve --help".')
  addServe(program, host)
  addMigrate(program, host)
  addAccountCommands(program, host)
  addClientCommands(program, host)
  addKeyCommands(program, host)
  addPolicyCommands(program, host)
  return program
}
