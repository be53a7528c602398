// The OAuth 2.0 token endpoint. `callers/` authenticates the client, `token/` redeems codes, `sign-in/` renews sessions, and
// `tokens/` mints what a grant gives.

import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { presentedClientOf } from '../callers/authenticate-client.ts'
import { authenticateFormClient, CLIENT_MEMBERS } from '../callers/authenticate-form-client.ts'
import { originOf } from '../callers/guard.ts'
import { verifyDpop } from '../callers/verify-dpop.ts'
import { requireGrantType, requireResource } from '../clients/client.ts'
import { GRANT_TYPES } from '../clients/members.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { renewSession } from '../sign-in/renew-session.ts'
import { ScopeText, TOKEN_MEMBERS, toAccessTokenAnswer, toGrantAnswer } from '../sign-in/schemas.ts'
import { errorResponses, PlainText, Strict } from '../wire/schemas.ts'
import { issueClientToken } from './issue-client-token.ts'
import { redeemCode } from './token/redeem-code.ts'

const TokenBody = Strict(
  {
    grant_type: PlainText({
      minLength: 1,
      maxLength: 64,
      description: '`authorization_code`, `refresh_token` or `client_credentials`.',
    }),
    code: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    redirect_uri: Type.Optional(PlainText({ minLength: 1, maxLength: 2048 })),
    code_verifier: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: 'PKCE (RFC 7636).' }),
    ),
    refresh_token: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    scope: Type.Optional(ScopeText),
    resource: Type.Optional(
      PlainText({
        minLength: 1,
        maxLength: 512,
        description:
          'Whom the access token is for (RFC 8707): Postern’s issuer, or one of the client’s `audience`. By default ' +
          'the first of these; for a first-party client that has none, Postern.',
      }),
    ),
    ...CLIENT_MEMBERS,
  },
  { examples: [{ grant_type: 'refresh_token', refresh_token: 'pst_rt_…', client_id: 'postern' }] },
)

/** @throws {AuthError} invalid_request, for a member that this grant needs. */
const requireMember = (value: string | undefined, name: string): string => {
  if (value !== undefined) return value
  throw new AuthError('invalid_request', `${name} is missing.`, { fields: [name] })
}

export const oauthRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  // RFC 6749 4: token requests are forms, and nothing else.
  app.removeContentTypeParser('application/json')
  await app.register(formbody)

  app.post(
    '/oauth2/token',
    {
      schema: {
        tags: ['Protocol'],
        summary: 'Redeem a code, renew tokens, or get a token for a client itself',
        consumes: ['application/x-www-form-urlencoded'],
        description:
          '`authorization_code`: a code of `/oauth2/authorize`, within a minute and once; a second use ends what the first ' +
          'has given. ' +
          '`refresh_token` rotates: the old one is void, and its use ends the grant, and the session of a `/v1/login` ' +
          '(RFC 9700), but for one more use within the client’s `refresh_grace`, whose answer may have been lost. ' +
          'A public client names itself by `client_id`; a confidential one authenticates as it is registered: ' +
          'HTTP Basic, `client_secret`, or `client_assertion`. ' +
          'Where a second factor is needed, `insufficient_user_authentication` has a `challenge_token`: its answer ' +
          'at `/v1/challenges/verify` renews the session, and the refresh token is not used up. ' +
          'With a `DPoP` header (RFC 9449) the access token is bound to the key of the proof. A proof has a nonce: ' +
          '`use_dpop_nonce` answers the first without one, and `DPoP-Nonce` names it.',
        body: TokenBody,
        response: {
          200: Type.Object({
            access_token: TOKEN_MEMBERS.access_token,
            token_type: TOKEN_MEMBERS.token_type,
            expires_in: TOKEN_MEMBERS.expires_in,
            scope: TOKEN_MEMBERS.scope,
            id_token: Type.Optional(TOKEN_MEMBERS.id_token),
            refresh_token: Type.Optional(TOKEN_MEMBERS.refresh_token),
            sub: Type.Optional(TOKEN_MEMBERS.sub),
            subject: TOKEN_MEMBERS.subject,
            sid: Type.Optional(TOKEN_MEMBERS.sid),
            acr: Type.Optional(TOKEN_MEMBERS.acr),
            amr: Type.Optional(TOKEN_MEMBERS.amr),
            auth_time: Type.Optional(TOKEN_MEMBERS.auth_time),
          }),
          ...errorResponses(
            'invalid_client',
            'invalid_dpop_proof',
            'use_dpop_nonce',
            'invalid_grant',
            'unsupported_grant_type',
            'unauthorized_client',
            'invalid_scope',
            'invalid_target',
            'account_locked',
            'insufficient_user_authentication',
            'policy_violation',
            'conflict',
          ),
        },
      },
    },
    async (request) => {
      const { body } = request
      const now = deps.clock()
      const presented = presentedClientOf(request)
      const client = await authenticateFormClient(deps, presented, body, originOf(request, now))
      const origin = originOf(request, now, { type: 'client', id: client.clientId })
      const grantType = GRANT_TYPES.find((one) => one === body.grant_type)
      if (grantType === undefined) throw new AuthError('unsupported_grant_type')
      requireGrantType(client, grantType)
      const jkt = (await verifyDpop(deps, request, client, now))?.jkt ?? null
      // Checked first, so that no refresh token is used up by a request that fails.
      const audience =
        body.resource === undefined ? null : requireResource(deps.config.issuer, client, body.resource)
      if (grantType === 'client_credentials')
        return toAccessTokenAnswer(
          await issueClientToken(deps, origin, client, { requested: body.scope, audience, jkt }),
        )
      if (grantType === 'authorization_code') {
        const { redirect_uri: redirectUri, code_verifier: codeVerifier } = body
        const code = requireMember(body.code, 'code')
        const redemption = {
          code,
          redirectUri: requireMember(redirectUri, 'redirect_uri'),
          codeVerifier,
          audience,
          jkt,
        }
        return toGrantAnswer(await redeemCode(deps, origin, client, redemption))
      }
      const renewal = { token: requireMember(body.refresh_token, 'refresh_token'), audience, jkt }
      return toGrantAnswer(await renewSession(deps, origin, client, renewal))
    },
  )
}
