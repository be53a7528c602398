// The pages about the session of this browser: which account, and signing out.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { form, icon, problemMessage, submit } from './parts.ts'
import type { Problem } from './problem.ts'

export type SelectAccountModel = {
  action: string
  /** The value is sent as `account`; another account is chosen with an empty one. */
  accounts: { value: string; name: string; detail: string | null }[]
  problem: Problem | null
}

export const selectAccountPage = (ctx: PageContext, model: SelectAccountModel): Page => {
  const { selectAccount, common } = ctx.language
  const choices = model.accounts.map(
    ({ value, name, detail }) =>
      html`<button class="choice" type="submit" name="account" value="${value}">!${icon('user')}<span><strong>${name}</strong><small>${detail ?? selectAccount.current}</small></span>!${icon('next')}</button>`,
  )
  const other = html`<button class="choice" type="submit" name="account" value="">!${icon('plus')}<span><strong>${selectAccount.other}</strong></span>!${icon('next')}</button>`
  const client = ctx.client === null ? '' : html`<p class="lead">${common.continueTo(ctx.client.name)}</p>`
  return renderPage(ctx, {
    title: selectAccount.title,
    problem: model.problem,
    body: html`<h1>${selectAccount.title}</h1>!${client}!${problemMessage(ctx, model.problem)}!${form(ctx, model.action, choices.join('') + other)}`,
  })
}

export type ConfirmSignOutModel = { action: string; cancelHref: string | null; problem: Problem | null }

export const confirmSignOutPage = (ctx: PageContext, model: ConfirmSignOutModel): Page => {
  const { signOut } = ctx.language
  const who = ctx.signedInAs === null ? '' : html`<p class="lead">${signOut.text(ctx.signedInAs)}</p>`
  const what = ctx.client === null ? signOut.everywhere : signOut.textFor(ctx.client.name)
  const cancel =
    model.cancelHref === null
      ? ''
      : html`<a class="secondary" href="${model.cancelHref}">${signOut.cancel}</a>`
  const buttons = html`<div class="buttons">!${submit(signOut.submit)}!${cancel}</div>`
  return renderPage(ctx, {
    title: signOut.title,
    problem: model.problem,
    body: html`<h1>${signOut.title}</h1>!${who}<p>${what}</p>!${problemMessage(ctx, model.problem)}!${form(ctx, model.action, buttons)}`,
  })
}

export type SignedOutModel = {
  /** The application's registered page to go on at. */
  continueHref: string | null
  signInHref: string | null
}

export const signedOutPage = (ctx: PageContext, model: SignedOutModel): Page => {
  const { signOut, common } = ctx.language
  const back = ctx.client === null ? common.continue : signOut.backTo(ctx.client.name)
  const links = [
    model.continueHref && html`<a class="primary" href="${model.continueHref}">${back}</a>`,
    model.signInHref && html`<a class="secondary" href="${model.signInHref}">${signOut.again}</a>`,
  ].filter((link) => link !== null)
  return renderPage(ctx, {
    title: signOut.doneTitle,
    problem: null,
    body: html`<div class="emblem good">!${icon('check')}</div><h1>${signOut.doneTitle}</h1><p class="lead">${signOut.doneText}</p><div class="buttons">!${links}</div>`,
  })
}
