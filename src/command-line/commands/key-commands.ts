// postern key …: the keys that sign tokens, and the keys that seal secrets at rest.
import { type Command, Option } from 'commander'
import { resealSecrets } from '../../administration/keys/reseal-secrets.ts'
import { toRotatedKeys } from '../../administration/keys/schemas.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../clients/members.ts'
import { rotateSigningKeys } from '../../tokens/create-signing-key.ts'
import { withdrawSigningKey } from '../../tokens/withdraw-signing-key.ts'
import { CommandError, type Host } from '../host.ts'

const RESEAL = `Seals every secret in the database again with the first key of POSTERN_ENCRYPTION_KEYS (or of
encryption.key in the data folder), so that the old key can be retired:

  1. put the new key first, before the old one, and restart every replica;
  2. run "postern key reseal" with the same keys;
  3. take the old key away, and restart.

It can be broken off and run again at any time, while Postern serves.`

const WITHDRAW = `Withdraws a signing key that somebody else may have: from then on it is neither published nor accepted.
What it costs: every token that it has signed is refused at once. Users' sessions go on: a refresh token gives a token
of the new key. Gateways take tokens of the withdrawn key until they read the JWKS again, which they may keep for 300
seconds. The key that signs is not withdrawn; another takes its place first:

  postern key rotate --now
  postern key withdraw KID

KID is the "kid" in the header of its tokens, and in /.well-known/jwks.json.`

export const addKeyCommands = (program: Command, host: Host): void => {
  const key = program.command('key').summary('keys: rotate and withdraw signing keys, reseal secrets')
  key.description('Signing keys, and the encryption keys that seal secrets at rest.')
  key
    .command('rotate')
    .summary('publish the next signing key')
    .description(
      'Publishes the next signing key of each algorithm in use in the JWKS. It signs ten minutes later, when every gateway has had time to ' +
        'read it; the old one stays published until its last token has expired.',
    )
    .option(
      '--now',
      'sign with it at once; gateways refuse its tokens until they read the JWKS again (300 s)',
    )
    .addOption(
      new Option('--algorithm <algorithm>', 'the ring of keys to rotate (default: every ring)').choices(
        SIGNING_ALGORITHMS,
      ),
    )
    .option('--json', 'print the keys as JSON')
    .action(async (options: { now?: true; algorithm?: SigningAlgorithm; json?: true }) =>
      host.perform(async ({ deps, origin }) => {
        const turn = options.now ? 'now' : 'next'
        const rotated = toRotatedKeys(await rotateSigningKeys(deps, origin, turn, options.algorithm))
        if (options.json) return host.out(JSON.stringify(rotated))
        for (const { algorithm, kid, signs_from: signsFrom } of rotated.keys)
          host.out(`Published ${algorithm} key ${kid}; it signs from ${signsFrom}.`)
      }),
    )
  key
    .command('withdraw <kid>')
    .summary('withdraw a signing key that is no longer trusted')
    .description(WITHDRAW)
    .action(async (kid: string) =>
      host.perform(async ({ deps, origin }) => {
        await withdrawSigningKey(deps, origin, kid)
        host.out(`Withdrew key ${kid}. Every token that it has signed is refused.`)
      }),
    )
  key
    .command('reseal')
    .summary('seal all secrets with the first encryption key')
    .description(RESEAL)
    .action(async () =>
      host.perform(async ({ deps, origin, encryptionKeyId }) => {
        if (encryptionKeyId !== null && encryptionKeyId !== deps.sealer.keyIds[0]) {
          throw new CommandError(
            `The running Postern seals with "${deps.sealer.keyIds[0]}", not with "${encryptionKeyId}". Restart it with the new keys first.`,
          )
        }
        const report = (values: number) => host.err(`${values} sealed again …`)
        const { keyId, values, retired } = await resealSecrets(deps, origin, report)
        host.out(
          `Sealed ${values} ${values === 1 ? 'secret' : 'secrets'} again with encryption key "${keyId}".`,
        )
        if (retired.length > 0) host.out(`No longer needed: ${retired.map((id) => `"${id}"`).join(', ')}.`)
      }),
    )
}
