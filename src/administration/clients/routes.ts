// Clients, for administrators: register, list, change, rotate the secret, delete. A secret is shown once.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import type { ErrorCode } from '../../errors.ts'
import { errorResponses, PageQuery, PlainText, Strict } from '../../wire/schemas.ts'
import { changeClient } from './change-client.ts'
import { createClient } from './create-client.ts'
import { deleteClient } from './delete-client.ts'
import { getClient } from './get-client.ts'
import { listClients } from './list-clients.ts'
import { rotateClientSecret } from './rotate-client-secret.ts'
import { ClientItem, ClientPage, ClientPatch, ClientWithSecret, NewClient } from './schemas.ts'

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
      return listClients(deps, { limit, cursor })
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
      return reply.code(201).send(await createClient(deps, origin, request.body))
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
    async (request) => getClient(deps, request.params.client_id),
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
      return changeClient(deps, origin, request.params.client_id, request.body)
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
      return rotateClientSecret(deps, origin, request.params.client_id)
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
