// Clients, for administrators: register, list, change, rotate the secret, delete. A secret is shown once.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import { findClient, findClients } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError, type ErrorCode } from '../../errors.ts'
import { decodeCursor, toPage } from '../../wire/page-cursor.ts'
import { errorResponses, PageQuery, PlainText, Strict } from '../../wire/schemas.ts'
import { changeClient } from './change-client.ts'
import { createClient } from './create-client.ts'
import { deleteClient } from './delete-client.ts'
import { toMembers } from './member-schemas.ts'
import { rotateClientSecret } from './rotate-client-secret.ts'
import {
  ClientItem,
  ClientPage,
  ClientPatch,
  ClientWithSecret,
  NewClient,
  toClientItem,
  toClientWithSecret,
  toWantedClient,
} from './schemas.ts'

/** Of a list: the last client's id. */
const CURSOR = [/^[A-Za-z0-9._-]{1,64}$/]

const ClientParams = Strict({ client_id: PlainText({ minLength: 1, maxLength: 128 }) })

const errors = (...codes: ErrorCode[]) => errorResponses(...ADMINISTRATOR_ERRORS, ...codes)

const common = { tags: ['Administrators'], security: [{ bearer: [] }] }

export const clientAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/admin/clients',
    {
      schema: {
        ...common,
        summary: 'Clients, by id',
        querystring: Strict(PageQuery),
        response: { 200: ClientPage, ...errors() },
      },
    },
    async (request) => {
      const { limit = 50, cursor } = request.query
      const [afterClientId = ''] = cursor === undefined ? [] : decodeCursor(cursor, CURSOR)
      const clients = await findClients(deps, { afterClientId, limit: limit + 1 })
      return toPage(clients.map(toClientItem), limit, ({ client_id: clientId }) => [clientId])
    },
  )

  app.post(
    '/v1/admin/clients',
    {
      schema: {
        ...common,
        summary: 'Register a client',
        description:
          'The secret is in this answer and nowhere else. Scope `challenges` lets a backend that has checked ' +
          'the password itself open challenges, so only a confidential client may have it.',
        body: NewClient,
        response: { 201: ClientWithSecret, ...errors('conflict') },
      },
    },
    async (request, reply) => {
      const { origin } = administratorOf(request)
      const created = await createClient(deps, origin, toWantedClient(request.body))
      return reply.code(201).send(toClientWithSecret(created))
    },
  )

  app.get(
    '/v1/admin/clients/:client_id',
    {
      schema: {
        ...common,
        summary: 'One client',
        params: ClientParams,
        response: { 200: ClientItem, ...errors('not_found') },
      },
    },
    async (request) => {
      const client = await findClient(deps, request.params.client_id)
      if (!client) throw new AuthError('not_found')
      return toClientItem(client)
    },
  )

  app.patch(
    '/v1/admin/clients/:client_id',
    {
      schema: {
        ...common,
        summary: 'Change a client',
        description: 'One that becomes confidential gets a secret, shown this once.',
        params: ClientParams,
        body: ClientPatch,
        response: { 200: ClientWithSecret, ...errors('not_found', 'conflict') },
      },
    },
    async (request) => {
      const { origin } = administratorOf(request)
      const change = toMembers(request.body)
      return toClientWithSecret(await changeClient(deps, origin, request.params.client_id, change))
    },
  )

  app.post(
    '/v1/admin/clients/:client_id/rotate-secret',
    {
      schema: {
        ...common,
        summary: 'Give a client a new secret',
        description: 'The old one is refused from then on.',
        params: ClientParams,
        response: { 200: ClientWithSecret, ...errors('not_found', 'conflict') },
      },
    },
    async (request) => {
      const { origin } = administratorOf(request)
      return toClientWithSecret(await rotateClientSecret(deps, origin, request.params.client_id))
    },
  )

  app.delete(
    '/v1/admin/clients/:client_id',
    {
      schema: {
        ...common,
        summary: 'Delete a client',
        description: '409 while accounts are its external subjects.',
        params: ClientParams,
        response: { 204: Type.Null(), ...errors('not_found', 'conflict') },
      },
    },
    async (request, reply) => {
      const { origin } = administratorOf(request)
      await deleteClient(deps, origin, request.params.client_id)
      return reply.code(204).send(null)
    },
  )
}
