// Accounts, for administrators: create, list, change, reset, unlock. `requireAdministrator` decides who may use these
// routes; `authenticators/` owns what a second factor is.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RoleName } from '../../accounts/schemas.ts'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import type { ErrorCode } from '../../errors.ts'
import { SessionItem } from '../../sessions/schemas.ts'
import { errorResponses, Page, PageQuery, PlainText, Strict, Uuid } from '../../wire/schemas.ts'
import { changeAccount } from './change-account.ts'
import { createAccount } from './create-account.ts'
import { deleteAccount } from './delete-account.ts'
import { endAccountSessions } from './end-account-sessions.ts'
import { getAccount } from './get-account.ts'
import { listAccountSessions } from './list-account-sessions.ts'
import { listAccounts } from './list-accounts.ts'
import { resetSecondFactor } from './reset-second-factor.ts'
import { AccountItem, AccountPatch, NewAccountMembers, toAccountChanges, toWantedAccount } from './schemas.ts'
import { unlockAccount } from './unlock-account.ts'

const ListQuery = Strict({
  search: Type.Optional(
    PlainText({
      minLength: 1,
      maxLength: 254,
      description:
        'Part of a user name, email address, display name or subject; of one or two characters, its beginning. ' +
        'The account of exactly this user name or address comes first.',
    }),
  ),
  second_factor: Type.Optional(Type.Union([Type.Literal('enrolled'), Type.Literal('none')])),
  role: Type.Optional(RoleName),
  status: Type.Optional(AccountItem.properties.status),
  ...PageQuery,
})

const CreateBody = Strict(
  {
    ...NewAccountMembers,
    password: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1024, description: 'Without it, no sign-in with a password.' }),
    ),
  },
  { examples: [{ username: 'ada', password: 'correct horse battery staple', email: 'ada@example.org' }] },
)

const ById = Strict({ id: Uuid })

const DEFAULT_PAGE = 50

const about = (summary: string) => ({ tags: ['Administrators'], security: [{ bearer: [] }], summary })

/** How every route here refuses, and those `codes` besides. */
const refusals = (...codes: ErrorCode[]) => errorResponses(...ADMINISTRATOR_ERRORS, ...codes)

const listAndCreateRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/admin/accounts',
    {
      schema: {
        ...about('List accounts, the newest first'),
        querystring: ListQuery,
        response: { 200: Page(AccountItem), ...refusals() },
      },
    },
    async (request) => {
      const { search, second_factor: secondFactor, role, status, limit, cursor } = request.query
      const filter = {
        search: search ?? null,
        enrolled: secondFactor === undefined ? null : secondFactor === 'enrolled',
        role: role ?? null,
        status: status ?? null,
      }
      return listAccounts(deps, filter, { limit: limit ?? DEFAULT_PAGE, cursor })
    },
  )

  app.post(
    '/v1/admin/accounts',
    {
      schema: {
        ...about('Create an account'),
        body: CreateBody,
        response: { 201: AccountItem, ...refusals('weak_password', 'conflict') },
      },
    },
    async (request, reply) => {
      const { password, ...names } = request.body
      const initial = password === undefined ? null : { password }
      const id = await createAccount(deps, administratorOf(request).origin, toWantedAccount(names), initial)
      reply.header('location', `/v1/admin/accounts/${id}`)
      return reply.code(201).send(await getAccount(deps, id))
    },
  )
}

const accountRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/admin/accounts/:id',
    {
      schema: {
        ...about('One account, with its second-factor status'),
        params: ById,
        response: { 200: AccountItem, ...refusals('not_found') },
      },
    },
    async (request) => getAccount(deps, request.params.id),
  )

  app.patch(
    '/v1/admin/accounts/:id',
    {
      schema: {
        ...about('Change an account; disabling it ends its sessions at once'),
        params: ById,
        body: AccountPatch,
        response: { 200: AccountItem, ...refusals('not_found', 'conflict') },
      },
    },
    async (request) => {
      const { id } = request.params
      await changeAccount(deps, administratorOf(request).origin, id, toAccountChanges(request.body))
      return getAccount(deps, id)
    },
  )

  app.delete(
    '/v1/admin/accounts/:id',
    {
      schema: {
        ...about('Delete an account; its audit events stay'),
        params: ById,
        response: { 204: Type.Null(), ...refusals('not_found', 'conflict') },
      },
    },
    async (request, reply) => {
      await deleteAccount(deps, administratorOf(request).origin, request.params.id)
      return reply.code(204).send(null)
    },
  )
}

const helpRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/admin/accounts/:id/reset-second-factor',
    {
      schema: {
        ...about('Remove the second factor of a user who has lost it'),
        params: ById,
        response: { 204: Type.Null(), ...refusals('not_found') },
      },
    },
    async (request, reply) => {
      await resetSecondFactor(deps, administratorOf(request).origin, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/admin/accounts/:id/unlock',
    {
      schema: {
        ...about('Let a locked account try again'),
        params: ById,
        response: { 204: Type.Null(), ...refusals('not_found') },
      },
    },
    async (request, reply) => {
      await unlockAccount(deps, administratorOf(request).origin, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/admin/accounts/:id/sessions',
    {
      schema: {
        ...about('List the live sessions of an account, the newest first'),
        params: ById,
        querystring: Strict(PageQuery),
        response: { 200: Page(SessionItem), ...refusals('not_found') },
      },
    },
    async (request) => listAccountSessions(deps, request.params.id, request.query),
  )

  app.delete(
    '/v1/admin/accounts/:id/sessions',
    {
      schema: {
        ...about('End every session of an account'),
        params: ById,
        response: { 204: Type.Null(), ...refusals('not_found') },
      },
    },
    async (request, reply) => {
      await endAccountSessions(deps, administratorOf(request).origin, request.params.id)
      return reply.code(204).send(null)
    },
  )
}

export const accountAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  await app.register(listAndCreateRoutes, { deps })
  await app.register(accountRoutes, { deps })
  await app.register(helpRoutes, { deps })
}
