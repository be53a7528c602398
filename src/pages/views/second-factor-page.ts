// The page that asks for the second factor, at sign-in and for a step-up.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import {
  asideLink,
  codeField,
  field,
  form,
  hiddenInput,
  icon,
  problemMessage,
  problemOf,
  stepUpReason,
  submit,
  timeLeft,
  wordsFor,
} from './parts.ts'
import type { Problem } from './problem.ts'

export type SecondFactorMethod = 'totp' | 'recovery_code'

export type SecondFactorModel = {
  action: string
  /** The one that is asked for now. */
  method: SecondFactorMethod
  /** Where the others are asked for, one step away. */
  switchHrefs: Partial<Record<SecondFactorMethod, string>>
  /** Of a code of an authenticator app. */
  digits: 6 | 8
  /** Null where it is not to be shown. */
  attemptsRemaining: number | null
  expiresAt: Date | null
  problem: Problem | null
  purpose: 'sign_in' | 'step_up'
  /** What a step-up is for, as it continues "To …", in the page's language. */
  reason: string | null
  cancelHref: string | null
}

const METHODS: SecondFactorMethod[] = ['totp', 'recovery_code']

/** A wrong recovery code has words of its own, so that flows need not tell the methods apart. */
const problemOfMethod = ({ method, problem }: SecondFactorModel): Problem | null =>
  method === 'recovery_code' && problem?.kind === 'invalid_code' ? { kind: 'invalid_recovery_code' } : problem

const answerField = (
  ctx: PageContext,
  { method, digits, problem, attemptsRemaining }: SecondFactorModel,
): string => {
  const { secondFactor } = ctx.language
  const wrong = problemOf(ctx, problem, 'code')
  const describedBy = attemptsRemaining === null ? null : 'attempts'
  if (method === 'totp')
    return codeField({ label: secondFactor.totp.label(digits), digits, problem: wrong, describedBy })
  return field(ctx, {
    name: 'code',
    label: secondFactor.recovery_code.label,
    type: 'text',
    value: '',
    autocomplete: 'off',
    hint: null,
    problem: wrong,
    describedBy,
    focus: 'focused',
    required: 'required',
  })
}

const otherMethods = (ctx: PageContext, { method, switchHrefs }: SecondFactorModel): string => {
  const links = METHODS.filter((other) => other !== method).flatMap((other) => {
    const href = switchHrefs[other]
    const label = ctx.language.secondFactor[other].use
    return href === undefined
      ? []
      : [
          html`<li><a href="${href}">!${icon(other === 'totp' ? 'phone' : 'key')}<span>${label}</span></a></li>`,
        ]
  })
  return links.length === 0 ? '' : html`<ul class="others">!${links}</ul>`
}

const attempts = (ctx: PageContext, remaining: number | null): string =>
  remaining === null
    ? ''
    : html`<p class="hint" id="attempts">${ctx.language.secondFactor.attemptsRemaining(remaining)}</p>`

/** No code is asked for: none would be taken. */
const lockedPage = (ctx: PageContext, problem: Problem, cancel: string): Page => {
  const { title, text } = wordsFor(ctx, problem)
  return renderPage(ctx, {
    title,
    problem,
    body: html`<div class="emblem bad">!${icon('lock')}</div><div role="alert"><h1>${title}</h1><p class="lead">${text}</p></div>!${cancel}`,
  })
}

export const secondFactorPage = (ctx: PageContext, model: SecondFactorModel): Page => {
  const { secondFactor } = ctx.language
  const { method, digits, reason } = model
  const problem = problemOfMethod(model)
  const isStepUp = model.purpose === 'step_up'
  const title = isStepUp ? secondFactor.stepUpTitle : secondFactor[method].title
  const how = method === 'totp' ? secondFactor.totp.text(digits) : secondFactor.recovery_code.text
  const text = [...(isStepUp ? stepUpReason(ctx, reason) : []), how].join(' ')
  const fields = [
    hiddenInput('method', method),
    answerField(ctx, { ...model, problem }),
    attempts(ctx, model.attemptsRemaining),
    submit(secondFactor.submit),
  ]
  const cancel = asideLink(model.cancelHref, secondFactor.cancel)
  if (problem?.kind === 'account_locked') return lockedPage(ctx, problem, cancel)
  const answer = form(ctx, model.action, fields.join('')) + timeLeft(ctx, model.expiresAt)
  return renderPage(ctx, {
    title,
    problem,
    body: html`<h1>${title}</h1><p class="lead">${text}</p>!${problemMessage(ctx, problem)}!${answer}!${otherMethods(ctx, model)}!${cancel}`,
  })
}
