// Self-registration: the form, and the wait for the mail that confirms the address.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { field, form, icon, noteMessage, problemMessage, submit } from './parts.ts'
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
  /** Null: no more can be sent now. */
  resendAction: string | null
  resent: boolean
  problem: Problem | null
}

export const checkMailPage = (ctx: PageContext, model: CheckMailModel): Page => {
  const { checkMail } = ctx.language
  const again =
    model.resendAction === null
      ? ''
      : form(
          ctx,
          model.resendAction,
          html`<button class="secondary" type="submit">${checkMail.resend}</button>`,
        )
  return renderPage(ctx, {
    title: checkMail.title,
    problem: model.problem,
    body: html`<div class="emblem">!${icon('mail')}</div><h1>${checkMail.title}</h1><p class="lead">${checkMail.text(model.email)}</p>!${model.resent ? noteMessage(checkMail.resent) : ''}!${problemMessage(ctx, model.problem)}<p class="hint">${checkMail.hint}</p>!${again}`,
  })
}
