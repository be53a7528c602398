// What a run wants of a provider, whichever it is: Postern, or the peer by which a red module is known to be Postern's.
import type { JWK } from 'jose'
import type { Page } from 'playwright-core'
import type { Running } from './processes.ts'

/** RFC 7591's names, which both take. */
export type WantedClient = {
  client_id: string
  token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  redirect_uris: string[]
  grant_types: string[]
  post_logout_redirect_uris?: string[]
  backchannel_logout_uri?: string
  backchannel_logout_session_required?: boolean
  id_token_signed_response_alg?: string
  token_endpoint_auth_signing_alg?: string
  jwks?: { keys: JWK[] }
  require_pushed_authorization_requests?: boolean
  dpop_bound_access_tokens?: boolean
}

/** Who signs in: one of their own for each module, so that no code is used twice. */
export type Person = {
  username: string
  password: string
  nextCode: () => Promise<string>
  /** Refuses what the client asks for, where there is a page to do so. */
  declines: boolean
}

export type Provider = Running & {
  name: string
  version: string
  issuer: string
  discoveryUrl: string
  /** By client id. */
  secrets: Map<string, string>
  newPerson: () => Promise<Person>
  /** Does the one thing that the page asks for; false where it asks for nothing that a person can give. */
  answerPage: (page: Page, person: Person) => Promise<boolean>
}
