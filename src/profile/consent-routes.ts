// What the account has allowed clients, over HTTP: list it and take it back. It is given on a page, at sign-in.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { accountCallerOf, ownRoute, settingsCallerOf } from '../callers/guard-account.ts'
import { type ListedConsent, listConsents } from '../clients/consent-store.ts'
import type { Deps } from '../deps.ts'
import { decodeCursor, toPage } from '../wire/page-cursor.ts'
import { errorResponses, Page, PageQuery, PlainText, Strict, Timestamp } from '../wire/schemas.ts'
import { revokeConsent } from './revoke-consent.ts'

const ConsentItem = Type.Object({
  client_id: Type.String({ examples: ['photo-prints'] }),
  client_name: Type.String({ examples: ['Photo Prints'] }),
  scopes: Type.Array(Type.String(), { examples: [['openid', 'profile']] }),
  claims: Type.Array(Type.String(), { description: 'Claims that were asked for one by one.' }),
  granted_at: Timestamp,
})

const toItem = ({ clientId, clientName, scopes, claims, grantedAt }: ListedConsent) => ({
  client_id: clientId,
  client_name: clientName,
  scopes,
  claims,
  granted_at: grantedAt.toISOString(),
})

/** Of a list: the last client's id. */
const CURSOR = [/^[A-Za-z0-9._-]{1,64}$/]

export const consentRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me/consents',
    {
      schema: {
        ...ownRoute('List what clients have been allowed, by client'),
        querystring: Strict(PageQuery),
        response: { 200: Page(ConsentItem), ...errorResponses('invalid_token') },
      },
    },
    async (request) => {
      const { session } = accountCallerOf(request)
      const { limit = 50, cursor } = request.query
      const [afterClientId = ''] = cursor === undefined ? [] : decodeCursor(cursor, CURSOR)
      const found = await listConsents(deps, session.accountId, { afterClientId, limit: limit + 1 })
      return toPage(found.map(toItem), limit, (item) => [item.client_id])
    },
  )
}

export const consentChangeRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.delete(
    '/v1/me/consents/:client_id',
    {
      schema: {
        ...ownRoute('Take back what a client has been allowed'),
        description:
          'Ends the client’s tokens. It is asked for again when the account next signs in at that client.',
        params: Strict({ client_id: PlainText({ minLength: 1, maxLength: 128 }) }),
        response: {
          204: Type.Null(),
          ...errorResponses('invalid_token', 'access_denied', 'account_locked', 'not_found'),
        },
      },
    },
    async (request, reply) => {
      const { session, origin } = settingsCallerOf(request)
      const about = { accountId: session.accountId, clientId: request.params.client_id }
      await revokeConsent(deps, origin, about)
      return reply.code(204).send(null)
    },
  )
}
