// The metadata documents (RFC 8414, OpenID Connect Discovery 1.0). Pure. They name only what is built.
import { SCOPES } from '../clients/client.ts'
import { ASSERTION_ALGORITHMS, AUTH_METHODS, GRANT_TYPES, SIGNING_ALGORITHMS } from '../clients/members.ts'
import { DPOP_ALGORITHMS } from '../errors.ts'
import { ACCOUNT_CLAIMS } from '../tokens/claims-for.ts'
import { PROMPTS } from './authorization/authorization-request.ts'
import { RESPONSE_MODES } from './authorization/response-target.ts'

/** The metadata document; every URL comes from the configured issuer (docs/security.md 33). */
export const discoveryDocument = (issuer: string, languages: readonly string[]) => ({
  issuer,
  authorization_endpoint: `${issuer}/oauth2/authorize`,
  pushed_authorization_request_endpoint: `${issuer}/oauth2/par`,
  token_endpoint: `${issuer}/oauth2/token`,
  userinfo_endpoint: `${issuer}/oauth2/userinfo`,
  introspection_endpoint: `${issuer}/oauth2/introspect`,
  revocation_endpoint: `${issuer}/oauth2/revoke`,
  end_session_endpoint: `${issuer}/oauth2/logout`,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  service_documentation: `${issuer}/docs`,
  scopes_supported: [...SCOPES],
  response_types_supported: ['code'],
  response_modes_supported: [...RESPONSE_MODES],
  grant_types_supported: [...GRANT_TYPES],
  prompt_values_supported: [...PROMPTS],
  code_challenge_methods_supported: ['S256'],
  subject_types_supported: ['public', 'pairwise'],
  id_token_signing_alg_values_supported: [...SIGNING_ALGORITHMS],
  userinfo_signing_alg_values_supported: [...SIGNING_ALGORITHMS],
  introspection_signing_alg_values_supported: [...SIGNING_ALGORITHMS],
  dpop_signing_alg_values_supported: [...DPOP_ALGORITHMS],
  token_endpoint_auth_methods_supported: [...AUTH_METHODS],
  token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  introspection_endpoint_auth_methods_supported: AUTH_METHODS.filter((method) => method !== 'none'),
  introspection_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  revocation_endpoint_auth_methods_supported: [...AUTH_METHODS],
  revocation_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  authorization_response_iss_parameter_supported: true,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
  claims_parameter_supported: true,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  require_pushed_authorization_requests: false,
  claim_types_supported: ['normal'],
  ui_locales_supported: [...languages],
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
    'nonce',
    'at_hash',
    ...ACCOUNT_CLAIMS,
  ],
})
