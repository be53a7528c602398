// The pages that ask for a password: at sign-in, and again inside a session.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import {
  asideLink,
  checkbox,
  field,
  form,
  problemMessage,
  problemOf,
  stepUpReason,
  submit,
  whoIsSignedIn,
} from './parts.ts'
import type { Problem } from './problem.ts'

export type SignInModel = {
  action: string
  /** What was typed before, or is remembered. */
  username: string
  /** `username` comes from this device's memory: the password is what is asked for. */
  remembered: boolean
  /** Whether the box "remember my name" (`remember`) is ticked. */
  rememberName: boolean
  problem: Problem | null
  registerHref: string | null
  /** Why a person who is signed in is asked again. */
  reason: 'sign_in_again' | null
}

/** The page's message describes the field that is to be put right. */
const describedBy = (problem: Problem | null): string | null =>
  problem?.kind === 'invalid_credentials' ? 'problem' : null

const forClient = (ctx: PageContext): string =>
  ctx.client === null ? '' : html`<p class="lead">${ctx.language.common.continueTo(ctx.client.name)}</p>`

const passwordField = (ctx: PageContext, problem: Problem | null, focus: 'focused' | 'unfocused'): string =>
  field(ctx, {
    name: 'password',
    label: ctx.language.signIn.password,
    type: 'password',
    value: '',
    autocomplete: 'current-password',
    hint: null,
    problem: problemOf(ctx, problem, 'password'),
    describedBy: describedBy(problem),
    focus,
    required: 'required',
  })

export const signInPage = (ctx: PageContext, model: SignInModel): Page => {
  const { signIn } = ctx.language
  const { problem, username } = model
  const passwordFirst = username !== '' && problem?.kind !== 'username_missing'
  const name = field(ctx, {
    name: 'username',
    label: signIn.username,
    type: 'text',
    value: username,
    autocomplete: 'username',
    hint: null,
    problem: problemOf(ctx, problem, 'username'),
    describedBy: null,
    focus: passwordFirst ? 'unfocused' : 'focused',
    required: 'required',
  })
  const remember = checkbox({
    name: 'remember',
    label: signIn.remember,
    checked: model.rememberName || model.remembered ? 'checked' : 'unchecked',
    required: 'optional',
    problem: null,
  })
  const fields = [
    name,
    passwordField(ctx, problem, passwordFirst ? 'focused' : 'unfocused'),
    remember,
    submit(signIn.submit),
  ]
  const register =
    model.registerHref === null
      ? ''
      : html`<p class="aside">${signIn.noAccount} <a href="${model.registerHref}">${signIn.register}</a></p>`
  const asks = ctx.client === null ? signIn.againText : signIn.againFor(ctx.client.name)
  const lead = model.reason === 'sign_in_again' ? html`<p class="lead">${asks}</p>` : forClient(ctx)
  const title = model.reason === 'sign_in_again' ? signIn.again : signIn.title
  return renderPage(ctx, {
    title,
    problem,
    body: html`<h1>${title}</h1>!${lead}!${problemMessage(ctx, problem)}!${form(ctx, model.action, fields.join(''))}!${register}`,
  })
}

export type StepUpPasswordModel = {
  action: string
  /** What for, as it continues "To …", in the page's language; null where nobody says. */
  purpose: string | null
  problem: Problem | null
  cancelHref: string | null
}

export const stepUpPasswordPage = (ctx: PageContext, model: StepUpPasswordModel): Page => {
  const { stepUp, secondFactor } = ctx.language
  const { problem, purpose } = model
  const text = [...stepUpReason(ctx, purpose), stepUp.text].join(' ')
  // For password managers, which look for the name beside the password. Without a name it is not sent.
  const name =
    ctx.signedInAs === null
      ? ''
      : html`<input class="unseen" type="text" id="username" value="${ctx.signedInAs}" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>`
  const fields = name + passwordField(ctx, problem, 'focused') + submit(stepUp.submit)
  return renderPage(ctx, {
    title: stepUp.title,
    problem,
    body: html`<h1>${stepUp.title}</h1><p class="lead">${text}</p>!${whoIsSignedIn(ctx)}!${problemMessage(ctx, problem)}!${form(ctx, model.action, fields)}!${asideLink(model.cancelHref, secondFactor.cancel)}`,
  })
}
