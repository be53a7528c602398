// postern policy …: show and change the policy, also for an administrator who is locked out over HTTP.
import type { Command } from 'commander'
import { changePolicy } from '../../administration/policy/change-policy.ts'
import { PolicyPatch } from '../../policy/merge-policy.ts'
import { validated } from '../../wire/validation.ts'
import { CommandError, type Host } from '../host.ts'

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CommandError(`The change is not JSON: ${(error as Error).message}`)
  }
}

export const addPolicyCommands = (program: Command, host: Host): void => {
  const policy = program.command('policy').summary('the policy: show, change')
  policy.description('The policy: who must pass a second factor, and what counts.')
  policy
    .command('show')
    .summary('print the policy as JSON')
    .description('Prints the policy as JSON.')
    .action(async () =>
      host.perform(async ({ deps }) => host.out(JSON.stringify(deps.policy.current(), null, 2))),
    )
  policy
    .command('change <json>')
    .summary('change members of the policy')
    .description(
      'Changes the members that <json> names, everywhere within a second, and prints the policy. ' +
        'A way back in where admin_networks shuts every administrator out: postern policy change \'{"admin_networks":[]}\'',
    )
    .action(async (json: string) =>
      host.perform(async ({ deps, origin }) => {
        const patch = validated(PolicyPatch, parse(json))
        const changed = await changePolicy(deps, origin, patch, undefined)
        host.out(JSON.stringify(changed.policy, null, 2))
      }),
    )
}
