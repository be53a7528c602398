// The members of a client as options: the common ones by name, and every one as JSON.
import { type Command, Option } from 'commander'
import { SCOPES } from '../../clients/client.ts'
import { AUTH_METHODS, GRANT_TYPES, SIGNING_ALGORITHMS } from '../../clients/members.ts'
import { CommandError, collected } from '../host.ts'

export type MemberOptions = {
  firstParty?: true
  scope?: string[]
  grantType?: string[]
  redirectUri?: string[]
  postLogoutRedirectUri?: string[]
  webOrigin?: string[]
  audience?: string[]
  authMethod?: string
  jwksUri?: string
  idTokenAlg?: string
  backchannelLogoutUri?: string
  members?: string
}

const WIRE_NAMES: Record<Exclude<keyof MemberOptions, 'members'>, string> = {
  firstParty: 'first_party',
  scope: 'scopes',
  grantType: 'grant_types',
  redirectUri: 'redirect_uris',
  postLogoutRedirectUri: 'post_logout_redirect_uris',
  webOrigin: 'web_origins',
  audience: 'audience',
  authMethod: 'token_endpoint_auth_method',
  jwksUri: 'jwks_uri',
  idTokenAlg: 'id_token_signed_response_alg',
  backchannelLogoutUri: 'backchannel_logout_uri',
}

/** Adds the options; those that may be repeated make up the whole list. */
export const addMemberOptions = (command: Command): Command =>
  command
    .option('--first-party', 'trusted with passwords: it may use POST /v1/login')
    .option('--scope <scope>', `what it may ask for, repeatable, of: ${SCOPES.join(', ')}`, collected)
    .option('--grant-type <grant>', `repeatable, of: ${GRANT_TYPES.join(', ')}`, collected)
    .option(
      '--redirect-uri <uri>',
      'https, http on loopback, or a scheme of a public client; repeatable',
      collected,
    )
    .option(
      '--post-logout-redirect-uri <uri>',
      'where people may go after signing out; repeatable',
      collected,
    )
    .option('--web-origin <origin>', 'from where its scripts may call (CORS); repeatable', collected)
    .option('--audience <resource>', 'a resource its access tokens are for; repeatable', collected)
    .addOption(
      new Option('--auth-method <method>', 'how it authenticates; none for a public client').choices(
        AUTH_METHODS,
      ),
    )
    .option('--jwks-uri <uri>', 'where its public keys are, for private_key_jwt')
    .addOption(
      new Option('--id-token-alg <algorithm>', 'what signs its ID tokens').choices(SIGNING_ALGORITHMS),
    )
    .option('--backchannel-logout-uri <uri>', 'gets a logout token when a session ends')
    .option(
      '--members <json>',
      'any members as JSON, by the names of POST /v1/admin/clients, such as \'{"refresh_grace": 0}\'; ' +
        'from a file: "$(cat client.json)"',
    )

const parseMembers = (text: string): object => {
  try {
    const members: unknown = JSON.parse(text)
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) return members
  } catch {
    // Said below.
  }
  throw new CommandError('--members takes a JSON object, such as \'{"refresh_grace": 0}\'.')
}

/** What the options say, by the names of the wire, unchecked; an option wins over the JSON. */
export const givenMembers = ({ members, ...options }: MemberOptions): object => ({
  ...(members !== undefined && parseMembers(members)),
  ...Object.fromEntries(
    Object.entries(WIRE_NAMES).flatMap(([option, name]) => {
      const value = options[option as keyof typeof WIRE_NAMES]
      return value === undefined ? [] : [[name, value]]
    }),
  ),
})
