// What an application asks for, and whether it gets it.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { form, icon, outwardLink, problemMessage, whoIsSignedIn } from './parts.ts'
import type { Problem } from './problem.ts'

export type ConsentModel = {
  action: string
  scopes: string[]
  /** Names of single claims that are asked for besides. */
  claims: string[]
  problem: Problem | null
}

/** What a scope gives, in words; the scope itself where the language has none. */
export const scopeText = ({ language }: PageContext, scope: string): string => {
  const known = Object.entries(language.consent.scopes).find(([name]) => name === scope)
  return known === undefined ? language.consent.otherScope(scope) : known[1]
}

const clientLogo = ({ client }: PageContext): string => {
  if (client === null) return ''
  if (client.logoUri !== null && /^https:/.test(client.logoUri))
    return html`<img class="client-logo" src="${client.logoUri}" alt="" referrerpolicy="no-referrer" width="56" height="56">`
  return html`<span class="client-logo" aria-hidden="true">${[...client.name][0] ?? ''}</span>`
}

export const consentPage = (ctx: PageContext, model: ConsentModel): Page => {
  const { consent } = ctx.language
  const { problem, scopes, claims } = model
  const client = ctx.client?.name ?? ''
  const title = consent.title(client)
  const gains = scopes.map((scope) => html`<li>!${icon('check')}<span>${scopeText(ctx, scope)}</span></li>`)
  const details =
    claims.length === 0
      ? ''
      : html`<p>${consent.claims}</p><ul class="claims">!${claims.map((claim) => html`<li><code>${claim}</code></li>`)}</ul>`
  const buttons = html`<div class="buttons"><button class="primary" type="submit" name="decision" value="allow">${consent.allow}</button><button class="secondary" type="submit" name="decision" value="deny">${consent.deny}</button></div>`
  const site = outwardLink(ctx.client?.clientUri ?? null, consent.about(client))
  return renderPage(ctx, {
    title,
    problem,
    imgSrc: ctx.client?.logoUri ? [ctx.client.logoUri] : [],
    body: html`!${clientLogo(ctx)}<h1>${title}</h1>!${whoIsSignedIn(ctx)}!${problemMessage(ctx, problem)}<p>${consent.text(client)}</p><ul class="gains">!${gains}</ul>!${details}!${form(ctx, model.action, buttons)}<p class="hint">${consent.revocable}</p>!${site && html`<p class="aside">!${site}</p>`}`,
  })
}
