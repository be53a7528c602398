// The metadata documents (RFC 8414, OpenID Connect Discovery 1.0). Pure. They name only what is built.
import { SCOPES } from '../clients/client.ts'

export const GRANT_TYPES = ['refresh_token', 'client_credentials'] as const

/** The metadata document; every URL comes from the configured issuer (docs/security.md 33). */
export const discoveryDocument = (issuer: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  token_endpoint: `${issuer}/oauth2/token`,
  service_documentation: `${issuer}/docs`,
  scopes_supported: [...SCOPES],
  response_types_supported: [] as string[],
  grant_types_supported: [...GRANT_TYPES],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
  acr_values_supported: ['aal1', 'aal2'],
  claims_supported: [
    'iss',
    'sub',
    'aud',
    'exp',
    'iat',
    'auth_time',
    'acr',
    'amr',
    'sid',
    'at_hash',
    'preferred_username',
    'name',
    'email',
    'email_verified',
  ],
})
