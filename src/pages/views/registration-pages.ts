// Self-registration: the form, and the wait for the mail that confirms the address.
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
  noteMessage,
  problemMessage,
  problemOf,
  submit,
  timeLeft,
} from './parts.ts'
import type { Problem } from './problem.ts'

export type RegisterField = 'display_name' | 'username' | 'email' | 'password'

/** What is wrong with a field, as the languages name it. */
export type FieldProblem = keyof PageContext['language']['register']['problems']

export type RegisterModel = {
  action: string
  values: Record<Exclude<RegisterField, 'password'>, string>
  problem: Problem | null
  problems: Partial<Record<RegisterField, FieldProblem>>
  passwordRules: { minLength: number }
  signInHref: string | null
}

const FIELDS: RegisterField[] = ['display_name', 'username', 'email', 'password']

export const registerPage = (ctx: PageContext, model: RegisterModel): Page => {
  const { register, common } = ctx.language
  const { problems, values, passwordRules } = model
  const wrong = FIELDS.filter((name) => problems[name] !== undefined)
  const [first = model.problem === null ? 'display_name' : null] = wrong
  const text = (name: RegisterField) => {
    const problem = problems[name]
    return problem === undefined ? null : register.problems[problem]
  }
  const common_ = (name: RegisterField) => ({
    name,
    problem: text(name),
    describedBy: null,
    focus: first === name ? ('focused' as const) : ('unfocused' as const),
  })
  const fields = [
    field(ctx, {
      ...common_('display_name'),
      label: register.displayName,
      type: 'text',
      value: values.display_name,
      autocomplete: 'name',
      hint: null,
      required: 'optional',
    }),
    field(ctx, {
      ...common_('username'),
      label: register.username,
      type: 'text',
      value: values.username,
      autocomplete: 'username',
      hint: null,
      required: 'required',
    }),
    field(ctx, {
      ...common_('email'),
      label: register.email,
      type: 'email',
      value: values.email,
      autocomplete: 'email',
      hint: register.emailHint,
      required: 'required',
    }),
    field(ctx, {
      ...common_('password'),
      label: register.password,
      type: 'password',
      value: '',
      autocomplete: 'new-password',
      hint: register.passwordHint(passwordRules.minLength),
      required: 'required',
    }),
    submit(register.submit),
  ]
  const signIn =
    model.signInHref === null
      ? ''
      : html`<p class="aside">${register.haveAccount} <a href="${model.signInHref}">${register.signIn}</a></p>`
  const client = ctx.client === null ? '' : html`<p class="lead">${common.continueTo(ctx.client.name)}</p>`
  return renderPage(ctx, {
    title:
      wrong.length > 0 ? `${common.error}: ${register.problemTitle} – ${register.title}` : register.title,
    problem: model.problem,
    body: html`<h1>${register.title}</h1>!${client}!${problemMessage(ctx, model.problem)}!${form(ctx, model.action, fields.join(''))}!${signIn}`,
  })
}

export type CheckMailModel = {
  email: string
  codeAction: string
  digits: number
  expiresAt: Date | null
  signInHref: string | null
  /** Null: no more can be sent now. */
  resendAction: string | null
  resent: boolean
  problem: Problem | null
}

export const checkMailPage = (ctx: PageContext, model: CheckMailModel): Page => {
  const { checkMail, register } = ctx.language
  const { digits, problem } = model
  const again =
    model.resendAction === null
      ? ''
      : form(
          ctx,
          model.resendAction,
          html`<button class="secondary" type="submit">${checkMail.resend}</button>`,
        )
  const fields = [
    codeField({
      label: checkMail.code(digits),
      digits,
      problem: problemOf(ctx, problem, 'code'),
      describedBy: null,
    }),
    submit(checkMail.submit),
  ]
  const answer = form(ctx, model.codeAction, fields.join('')) + timeLeft(ctx, model.expiresAt)
  return renderPage(ctx, {
    title: checkMail.title,
    problem,
    body: html`<div class="emblem">!${icon('mail')}</div><h1>${checkMail.title}</h1><p class="lead">${checkMail.text(model.email)}</p>!${model.resent ? noteMessage(checkMail.resent) : ''}!${problemMessage(ctx, problem)}!${answer}<p class="hint">${checkMail.hint}</p>!${again}!${asideLink(model.signInHref, register.signIn)}`,
  })
}

/** Where the link of a mail leads: a press of a button confirms, and not the visit, which mail scanners make too. */
export type ConfirmAddressModel = { action: string; token: string; username: string; email: string }

export const confirmAddressPage = (ctx: PageContext, model: ConfirmAddressModel): Page => {
  const { confirmAddress } = ctx.language
  const fields = hiddenInput('token', model.token) + submit(confirmAddress.submit)
  return renderPage(ctx, {
    title: confirmAddress.title,
    problem: null,
    body: html`<div class="emblem">!${icon('mail')}</div><h1>${confirmAddress.title}</h1><p class="lead">${confirmAddress.text(model.username, model.email)}</p>!${form(ctx, model.action, fields)}<p class="hint">${confirmAddress.notYou}</p>`,
  })
}

export const addressConfirmedPage = (ctx: PageContext, { signInHref }: { signInHref: string }): Page => {
  const { addressConfirmed, register } = ctx.language
  return renderPage(ctx, {
    title: addressConfirmed.title,
    problem: null,
    body: html`<div class="emblem good">!${icon('check')}</div><h1>${addressConfirmed.title}</h1><p class="lead">${addressConfirmed.text}</p><div class="buttons"><a class="primary" href="${signInHref}">${register.signIn}</a></div>`,
  })
}
