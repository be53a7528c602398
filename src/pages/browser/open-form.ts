// A form that a page has sent: whose it is, and that it is from here (docs/security.md 24).
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Deps } from '../../deps.ts'
import { Strict } from '../../wire/schemas.ts'
import { type Flow, openFlow, restartedFlow } from '../flow/flow.ts'
import { formProblem, type PageProblem } from '../flow/problem-of-error.ts'
import { isFormTokenOf } from './form-token.ts'
import { openVisit, type Visit } from './open-visit.ts'

const MAX_SEALED = 24_000

/** The members that every form has. What is missing or too long is said on the page, as far as it can be. */
export const FORM_MEMBERS = {
  csrf: Type.Optional(Type.String({ maxLength: 512 })),
  flow: Type.Optional(Type.String({ maxLength: MAX_SEALED })),
}

export const FormBody = Strict(FORM_MEMBERS)

/** `problem`: why it cannot be taken; the page is then shown again, with the flow that could be read. */
export type OpenedForm = { visit: Visit; flow: Flow; problem: PageProblem | null }

type FormDeps = Pick<Deps, 'config' | 'ephemeral' | 'sealer' | 'randomBytes' | 'clock'>

/** A browser says with each form which site it is from; other callers do not, and have no cookies to be robbed of. */
const isFromElsewhere = ({ config }: FormDeps, { headers: { origin } }: FastifyRequest): boolean =>
  origin !== undefined && origin !== new URL(config.issuer).origin

const problemOf = (
  deps: FormDeps,
  request: FastifyRequest,
  visit: Visit,
  csrf: string,
): PageProblem | null => {
  if (isFromElsewhere(deps, request)) return formProblem('foreign_origin')
  if (visit.newBrowserId !== null) return formProblem('cookies_missing')
  return isFormTokenOf(deps.sealer, csrf, visit.browser) ? null : formProblem('form_expired')
}

/** A form outside of a flow. */
export const openPlainForm = async (
  deps: FormDeps,
  request: FastifyRequest,
  { csrf = '' }: { csrf?: string | undefined },
): Promise<Omit<OpenedForm, 'flow'>> => {
  const visit = await openVisit(deps, request)
  return { visit, problem: problemOf(deps, request, visit, csrf) }
}

export const openForm = async (
  deps: FormDeps,
  request: FastifyRequest,
  { csrf, flow: sealed = '' }: Static<typeof FormBody>,
): Promise<OpenedForm> => {
  const { visit, problem } = await openPlainForm(deps, request, { csrf })
  const flow = openFlow(deps.sealer, sealed, visit.browser, visit.origin.now)
  return {
    visit,
    flow: flow ?? restartedFlow(deps.sealer, sealed, visit.browser, visit.origin.now),
    problem: problem ?? (flow ? null : formProblem('form_expired')),
  }
}
