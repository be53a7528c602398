// postern account …: the accounts of Postern's own, and the way back in for an administrator who is locked out.
import { type Command, Option } from 'commander'
import type { AccountStatus } from '../../accounts/account.ts'
import { ClaimChanges } from '../../accounts/claims.ts'
import { findAccountByName } from '../../accounts/store.ts'
import { changeAccount } from '../../administration/accounts/change-account.ts'
import { createAccount } from '../../administration/accounts/create-account.ts'
import { getAccount } from '../../administration/accounts/get-account.ts'
import { listAccounts } from '../../administration/accounts/list-accounts.ts'
import { resetSecondFactor } from '../../administration/accounts/reset-second-factor.ts'
import { type AccountItem, NewAccountNames, toWantedAccount } from '../../administration/accounts/schemas.ts'
import { unlockAccount } from '../../administration/accounts/unlock-account.ts'
import { setPassword } from '../../passwords/set-password.ts'
import { UUID } from '../../wire/schemas.ts'
import { validated } from '../../wire/validation.ts'
import { CommandError, type Context, collected, type Host } from '../host.ts'
import { formatTable } from './table.ts'

const accountIdOf = async ({ deps }: Context, name: string): Promise<string> => {
  if (UUID.test(name)) return name
  const found = await findAccountByName(deps, name)
  if (!found) throw new CommandError(`There is no account named "${name}".`)
  return found.account.id
}

const HEADINGS = ['ID', 'USER NAME', 'EMAIL', 'ROLES', 'STATUS', 'SECOND FACTOR', 'LAST LOGIN']

const toRow = (account: AccountItem) => [
  account.id,
  account.username ?? account.subject,
  account.email,
  account.roles.join(','),
  account.second_factor.locked_until ? `${account.status}, locked` : account.status,
  account.second_factor.enabled ? account.second_factor.methods.join(',') : 'none',
  account.last_login_at,
]

type ListOptions = { search?: string; role?: string; status?: AccountStatus; limit: number; json?: true }

const PAGE = 200

const collect = async ({ deps }: Context, options: ListOptions): Promise<AccountItem[]> => {
  const { search, role = null, status = null, limit } = options
  const filter = { search: search ?? null, role, status, enrolled: null }
  const items: AccountItem[] = []
  for (let cursor: string | null | undefined; items.length < limit && cursor !== null; ) {
    const page = await listAccounts(deps, filter, {
      limit: Math.min(PAGE, limit - items.length),
      ...(cursor && { cursor }),
    })
    items.push(...page.items)
    cursor = page.next_cursor
  }
  return items
}

const addCreate = (account: Command, host: Host): void => {
  type Options = { email?: string; displayName?: string; role?: string[]; password: boolean; json?: true }
  account
    .command('create <username>')
    .summary('create an account')
    .description(
      'Creates an account. Its password is asked for at a terminal, else read from standard input, never taken as an argument.',
    )
    .option('--email <address>', 'email address, with which it can sign in too')
    .option('--display-name <name>', 'name that people read')
    .option(
      '--role <role>',
      'a role it has, repeatable (default: user); "admin" administers Postern',
      collected,
    )
    .option('--no-password', 'without a password: it cannot sign in with one')
    .option('--json', 'print the account as JSON')
    .action(async (username: string, options: Options) => {
      const initial = options.password ? { password: await host.readPassword() } : null
      await host.perform(async ({ deps, origin }) => {
        const wanted = validated(NewAccountNames, {
          username,
          ...(options.email !== undefined && { email: options.email }),
          ...(options.displayName !== undefined && { display_name: options.displayName }),
          ...(options.role !== undefined && { roles: options.role }),
        })
        const id = await createAccount(deps, origin, toWantedAccount(wanted), initial)
        const created = await getAccount(deps, id)
        if (options.json) return host.out(JSON.stringify(created))
        host.out(`Created account ${username} (${id}) with role ${created.roles.join(', ')}.`)
      })
    })
}

const addList = (account: Command, host: Host): void => {
  account
    .command('list')
    .summary('list accounts, the newest first')
    .description('Lists accounts, the newest first, with the state of their second factor.')
    .option(
      '--search <text>',
      'part of a user name, email address, display name or subject (under 3 characters: its beginning)',
    )
    .option('--role <role>', 'only those with this role')
    .addOption(new Option('--status <status>', 'only those').choices(['active', 'disabled']))
    .option('--limit <number>', 'how many at most', parseCount, 50)
    .option('--json', 'print JSON, one array')
    .action(async (options: ListOptions) =>
      host.perform(async (context) => {
        const items = await collect(context, options)
        host.out(options.json ? JSON.stringify(items, null, 2) : formatTable(HEADINGS, items.map(toRow)))
      }),
    )
}

const parseCount = (text: string): number => {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new CommandError(`--limit: "${text}" is not a whole number above 0.`)
  return count
}

type Change = {
  name: string
  summary: string
  description: string
  done: string
  run: (context: Context, id: string) => Promise<void>
}

const CHANGES: Change[] = [
  {
    name: 'disable',
    summary: 'disable an account, and end its sessions',
    description: 'Disables an account: all its sessions, challenges and tokens end at once.',
    done: 'Disabled',
    run: ({ deps, origin }, id) => changeAccount(deps, origin, id, { status: 'disabled' }),
  },
  {
    name: 'enable',
    summary: 'enable a disabled account',
    description: 'Enables a disabled account. Its password and its second factor are as they were.',
    done: 'Enabled',
    run: ({ deps, origin }, id) => changeAccount(deps, origin, id, { status: 'active' }),
  },
  {
    name: 'reset-second-factor',
    summary: 'remove authenticators and recovery codes',
    description:
      'For a user who has lost them: removes all authenticators and recovery codes, ends all sessions, and any ' +
      'lock. Where the policy requires a second factor, the next sign-in enrolls a new one.',
    done: 'Reset the second factor of',
    run: ({ deps, origin }, id) => resetSecondFactor(deps, origin, id),
  },
  {
    name: 'unlock',
    summary: 'let a locked account try again',
    description: 'Clears the failed codes and failed passwords of an account.',
    done: 'Unlocked',
    run: ({ deps, origin }, id) => unlockAccount(deps, origin, id),
  },
]

const addSetPassword = (account: Command, host: Host): void => {
  account
    .command('set-password <account>')
    .summary('give an account a new password')
    .description(
      'Gives an account a new password, asked for at a terminal, else read from standard input, and ends all its ' +
        'sessions. Its second factor stays. <account> is a user name, an email address or an id.',
    )
    .action(async (name: string) => {
      const password = await host.readPassword()
      await host.perform(async (context) => {
        await setPassword(context.deps, context.origin, await accountIdOf(context, name), password)
        host.out(`Set the password of ${name}.`)
      })
    })
}

const parseClaims = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandError(`The claims are not JSON: ${text}`)
  }
}

const addSetClaims = (account: Command, host: Host): void => {
  account
    .command('set-claims <account> <claims>')
    .summary('set standard claims of an account')
    .description(
      'Sets standard claims of an account (OpenID Connect Core 5.1), as JSON: \'{"given_name":"Ada","locale":"en-GB"}\'. ' +
        'null takes one away; what is left out stays. <account> is a user name, an email address or an id.',
    )
    .action(async (name: string, text: string) =>
      host.perform(async (context) => {
        const claims = validated(ClaimChanges, parseClaims(text))
        await changeAccount(context.deps, context.origin, await accountIdOf(context, name), { claims })
        host.out(`Set the claims of ${name}.`)
      }),
    )
}

export const addAccountCommands = (program: Command, host: Host): void => {
  const account = program.command('account').summary('accounts: create, list, disable, reset, unlock')
  account.description('Accounts: who signs in.')
  addCreate(account, host)
  addList(account, host)
  for (const { name, summary, description, done, run } of CHANGES) {
    account
      .command(`${name} <account>`)
      .summary(summary)
      .description(`${description} <account> is a user name, an email address or an id.`)
      .action(async (named: string) =>
        host.perform(async (context) => {
          await run(context, await accountIdOf(context, named))
          host.out(`${done} ${named}.`)
        }),
      )
  }
  addSetPassword(account, host)
  addSetClaims(account, host)
}
