// What a form's handler ends with: the flow goes on to its next page, or to the application; or the same page is shown
// again, with what is wrong.
import type { FastifyReply } from 'fastify'
import type { OpenedForm } from '../browser/open-form.ts'
import { type PageDeps, type Showing, sendNext } from './answer-page.ts'
import { type FollowDeps, followFlow } from './follow-flow.ts'

/** `consented`: its user has just allowed what the request asks for. */
export const continueFlow = async (
  deps: PageDeps & FollowDeps,
  reply: FastifyReply,
  { visit, flow }: Pick<OpenedForm, 'visit' | 'flow'>,
  { consented = null, ...showing }: Showing & { consented?: 'consented' | null } = {},
): Promise<FastifyReply> =>
  sendNext(deps, reply, visit, await followFlow(deps, visit, flow, consented), { way: 'form', ...showing })
