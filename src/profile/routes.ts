// The account’s own profile. Its password, authenticators, sessions and activity have routes of their own beside this file.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DisplayName } from '../accounts/schemas.ts'
import { accountCallerOf, ownRoute, settingsCallerOf } from '../callers/guard-account.ts'
import type { Deps } from '../deps.ts'
import { errorResponses, Nullable, Strict } from '../wire/schemas.ts'
import { changeProfile } from './change-profile.ts'
import { ProfileItem, toProfileItem } from './schemas.ts'
import { showProfile } from './show-profile.ts'

const ProfileBody = Strict(
  { display_name: Nullable(DisplayName) },
  { examples: [{ display_name: 'Ada Lovelace' }] },
)

export const profileRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me',
    {
      schema: {
        ...ownRoute('Who you are, and your second factor'),
        response: { 200: ProfileItem, ...errorResponses('invalid_token') },
      },
    },
    async (request) => toProfileItem(accountCallerOf(request).details, deps.policy.current()),
  )
}

export const profileChangeRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.patch(
    '/v1/me',
    {
      schema: {
        ...ownRoute('Change your display name'),
        description: 'That of a client’s external subject is its client’s to change.',
        body: ProfileBody,
        response: { 200: ProfileItem, ...errorResponses('invalid_token', 'access_denied', 'account_locked') },
      },
    },
    async (request) => {
      const { account, origin } = settingsCallerOf(request)
      await changeProfile(deps, origin, account, request.body.display_name)
      return showProfile(deps, account.id)
    },
  )
}
