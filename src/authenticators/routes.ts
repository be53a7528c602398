// The account's own second factors over HTTP. This folder owns authenticators and recovery codes: enrolled,
// confirmed, matched, renamed, removed. Whether one must be had is the policy's; the pending step, the
// challenges'.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { Method } from '../policy/policy.ts'
import { originOf } from '../request-origin.ts'
import { admitNoBody } from '../request-validation.ts'
import { errorResponses, Nullable, Page, PlainText, Strict, Timestamp, Uuid } from '../schemas.ts'
import { authenticateAccount } from '../sessions/authenticate-account.ts'
import { TOKEN_MEMBERS } from '../sign-in-schemas.ts'
import { authenticateEnrollee } from './authenticate-enrollee.ts'
import type { Authenticator } from './authenticator.ts'
import { beginTotpEnrollment } from './begin-totp-enrollment.ts'
import { Code, refuseMisshapen } from './code.ts'
import { confirmAuthenticator } from './confirm-authenticator.ts'
import { countRecoveryCodes } from './count-recovery-codes.ts'
import { disableSecondFactor } from './disable-second-factor.ts'
import { listAuthenticators } from './list-authenticators.ts'
import { regenerateRecoveryCodes } from './regenerate-recovery-codes.ts'
import { removeAuthenticator } from './remove-authenticator.ts'
import { renameAuthenticator } from './rename-authenticator.ts'

const TAG = 'The account’s own'
const BASE = '/v1/me/authenticators'

const Name = PlainText({ minLength: 1, maxLength: 64, description: 'What the account calls it.' })
const Id = Type.Object({ id: Uuid })

const AuthenticatorView = Type.Object({
  id: Uuid,
  type: Type.Literal('totp'),
  name: Type.String({ examples: ['Authenticator app'] }),
  status: Type.Union([Type.Literal('pending'), Type.Literal('active'), Type.Literal('disabled')], {
    description:
      'pending: begun, and not confirmed yet. disabled: after 100 wrong codes in a row; it counts as enrolled.',
  }),
  created_at: Timestamp,
  last_used_at: Nullable(Timestamp),
})

const BegunView = Type.Object({
  id: Uuid,
  secret: Type.String({ description: 'Base32, 160 bits.', examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'] }),
  otpauth_uri: Type.String({ examples: ['otpauth://totp/Postern:ada?secret=…&issuer=Postern'] }),
  qr_code: Type.String({ description: 'An SVG data URI.', examples: ['data:image/svg+xml;base64,…'] }),
  expires_in: Type.Integer({ examples: [900] }),
})

const RecoveryCodes = Type.Array(Type.String(), { examples: [['KX3F-9Q2M-0TZB-7HRW']] })

const ConfirmedView = Type.Object(
  {
    authenticator: AuthenticatorView,
    recovery_codes: Type.Optional(RecoveryCodes),
    status: Type.Optional(Type.Literal('authenticated')),
    ...Type.Partial(Type.Object(TOKEN_MEMBERS)).properties,
  },
  { description: 'With the tokens of a sign-in where an enrollment token was used.' },
)

const ConfirmBody = Strict(
  { code: Type.String({ pattern: '^[0-9]{6}$|^[0-9]{8}$', examples: ['492039'] }) },
  { examples: [{ code: '492039' }] },
)

const DisableBody = Strict(
  { password: Type.String({ minLength: 1, maxLength: 1024 }), method: Method, code: Code },
  { examples: [{ password: 'correct horse battery staple', method: 'totp', code: '492039' }] },
)

const viewOf = ({ id, type, name, status, createdAt, lastUsedAt }: Authenticator) => ({
  id,
  type,
  name,
  status,
  created_at: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
})

export const authenticatorRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  const eitherToken = [{ bearer: [] }, { enrollment: [] }]

  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get(
    BASE,
    {
      schema: {
        tags: [TAG],
        summary: 'List authenticators',
        description: 'Never a secret. With an enrollment token: what it has begun.',
        security: eitherToken,
        response: { 200: Page(AuthenticatorView), ...errorResponses('invalid_token', 'invalid_enrollment') },
      },
    },
    async (request) => {
      const now = deps.clock()
      const { account } = await authenticateEnrollee(deps, request.headers.authorization, now)
      const items = await listAuthenticators(deps, account.id, now)
      return { items: items.map(viewOf), next_cursor: null }
    },
  )

  app.post(
    `${BASE}/totp`,
    {
      preValidation: admitNoBody,
      schema: {
        tags: [TAG],
        summary: 'Begin to enroll an authenticator app',
        description:
          'The secret is shown by this answer and never again. It counts for nothing until it is confirmed, ' +
          'within 15 minutes.',
        security: eitherToken,
        body: Strict({ name: Type.Optional(Name) }, { examples: [{ name: 'Phone' }] }),
        response: {
          201: BegunView,
          ...errorResponses(
            'invalid_token',
            'invalid_enrollment',
            'insufficient_user_authentication',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const enrollee = await authenticateEnrollee(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: enrollee.account.id })
      const begun = await beginTotpEnrollment(deps, origin, enrollee, request.body.name)
      return reply.code(201).send(begun)
    },
  )

  app.post(
    `${BASE}/:id/confirm`,
    {
      schema: {
        tags: [TAG],
        summary: 'Confirm an authenticator with one of its codes',
        description:
          'With the first one come recovery codes, shown by this answer and never again. Where an enrollment ' +
          'token was used it signs in, and the token is spent. A malformed code spends no attempt.',
        security: eitherToken,
        params: Id,
        body: ConfirmBody,
        response: {
          200: ConfirmedView,
          ...errorResponses(
            'invalid_token',
            'invalid_enrollment',
            'insufficient_user_authentication',
            'invalid_code',
            'not_found',
            'conflict',
            'account_locked',
          ),
        },
      },
    },
    async (request) => {
      const now = deps.clock()
      const enrollee = await authenticateEnrollee(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: enrollee.account.id })
      const answer = { authenticatorId: request.params.id, code: request.body.code }
      const { authenticator, recoveryCodes, tokens } = await confirmAuthenticator(
        deps,
        origin,
        enrollee,
        answer,
      )
      return {
        authenticator: viewOf(authenticator),
        ...(recoveryCodes && { recovery_codes: recoveryCodes }),
        ...(tokens && { status: 'authenticated' as const, ...tokens }),
      }
    },
  )

  app.patch(
    `${BASE}/:id`,
    {
      schema: {
        tags: [TAG],
        summary: 'Rename an authenticator',
        security: [{ bearer: [] }],
        params: Id,
        body: Strict({ name: Name }, { examples: [{ name: 'Work phone' }] }),
        response: {
          200: AuthenticatorView,
          ...errorResponses('invalid_token', 'insufficient_user_authentication', 'not_found'),
        },
      },
    },
    async (request) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      const change = { authenticatorId: request.params.id, name: request.body.name }
      return viewOf(await renameAuthenticator(deps, origin, caller, change))
    },
  )

  app.delete(
    `${BASE}/:id`,
    {
      schema: {
        tags: [TAG],
        summary: 'Remove an authenticator',
        description:
          'Not the last one where the policy requires one. With the last one go the recovery codes. Ends ' +
          'pending challenges; `DELETE /v1/me/sessions` ends the other sessions too.',
        security: [{ bearer: [] }],
        params: Id,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'insufficient_user_authentication',
            'not_found',
            'policy_violation',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      await removeAuthenticator(deps, origin, caller, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/me/recovery-codes',
    {
      schema: {
        tags: [TAG],
        summary: 'Count the unused recovery codes',
        security: [{ bearer: [] }],
        response: {
          200: Type.Object({
            remaining: Type.Integer({ examples: [8] }),
            generated_at: Nullable(Timestamp),
          }),
          ...errorResponses('invalid_token'),
        },
      },
    },
    async (request) => {
      const { account } = await authenticateAccount(deps, request.headers.authorization, deps.clock())
      const { remaining, generatedAt } = await countRecoveryCodes(deps, account.id)
      return { remaining, generated_at: generatedAt?.toISOString() ?? null }
    },
  )

  app.post(
    '/v1/me/recovery-codes',
    {
      schema: {
        tags: [TAG],
        summary: 'Make a new set of recovery codes',
        description: 'Shown by this answer and never again; the old set is void.',
        security: [{ bearer: [] }],
        response: {
          201: Type.Object({ recovery_codes: RecoveryCodes }),
          ...errorResponses('invalid_token', 'insufficient_user_authentication', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      const codes = await regenerateRecoveryCodes(deps, origin, caller)
      return reply.code(201).send({ recovery_codes: codes })
    },
  )

  app.post(
    '/v1/me/second-factor/disable',
    {
      schema: {
        tags: [TAG],
        summary: 'Do without a second factor',
        description:
          'Where the policy allows it. Removes every authenticator and recovery code, and ends the other ' +
          'sessions. A malformed code spends no attempt.',
        security: [{ bearer: [] }],
        body: DisableBody,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'policy_violation',
            'conflict',
            'invalid_credentials',
            'invalid_code',
            'too_many_attempts',
            'account_locked',
          ),
        },
      },
    },
    async (request, reply) => {
      const { method, code } = request.body
      refuseMisshapen(method, code)
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      await disableSecondFactor(deps, origin, caller, request.body)
      return reply.code(204).send(null)
    },
  )
}
