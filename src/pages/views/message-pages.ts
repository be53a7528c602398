// Pages without a question: what went wrong, and the one that carries an answer back by form post.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { hiddenInput, icon, wordsFor } from './parts.ts'
import type { Problem } from './problem.ts'

export type ErrorModel = {
  problem: Problem
  /** For the integrator: what was wrong with the request, in English, as error descriptions are. */
  details: { label: string; value: string }[]
  requestId: string | null
  backHref: string | null
}

export const errorPage = (ctx: PageContext, model: ErrorModel): Page => {
  const { error, common } = ctx.language
  const { title, text } = wordsFor(ctx, model.problem)
  const rows = model.details.map(({ label, value }) => html`<dt>${label}</dt><dd>${value}</dd>`)
  const id =
    model.requestId === null ? '' : html`<dt>${common.requestId}</dt><dd><code>${model.requestId}</code></dd>`
  const details =
    rows.length === 0
      ? id && html`<dl class="facts">!${id}</dl>`
      : html`<details open><summary>${error.details}</summary><dl class="facts" lang="en">!${rows}</dl><dl class="facts">!${id}</dl></details>`
  const back =
    model.backHref === null
      ? ''
      : html`<div class="buttons"><a class="primary" href="${model.backHref}">${error.back}</a></div>`
  return renderPage(ctx, {
    title,
    problem: model.problem,
    body: html`<div class="emblem bad">!${icon('alert')}</div><div role="alert"><h1>${title}</h1><p class="lead">${text}</p></div>!${back}!${details}`,
  })
}

/** OAuth 2.0 Form Post Response Mode: sent by script, or by the button. */
export type FormPostModel = { action: string; params: Record<string, string> }

export const formPostPage = (ctx: PageContext, { action, params }: FormPostModel): Page => {
  const { formPost } = ctx.language
  const text = ctx.client === null ? formPost.text : formPost.textTo(ctx.client.name)
  const fields = Object.entries(params).map(([name, value]) => hiddenInput(name, value))
  return renderPage(ctx, {
    title: formPost.title,
    problem: null,
    formTargets: [action],
    body: html`<h1>${formPost.title}</h1><p class="lead">${text}</p><form method="post" action="${action}" data-send>!${fields}<noscript><p>${formPost.noScript}</p></noscript><button class="primary" type="submit">${formPost.submit}</button></form>`,
  })
}
