// The account's own pages: the applications that it has given access to.
import { html } from 'ghtml'
import { scopeText } from './consent-page.ts'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { form, hiddenInput, noteMessage, outwardLink, problemMessage, whoIsSignedIn } from './parts.ts'
import type { Problem } from './problem.ts'

export type AccountConsentsModel = {
  /** Takes `client_id`. */
  action: string
  consents: { clientId: string; name: string; clientUri: string | null; scopes: string[]; grantedAt: Date }[]
  /** Name of the application whose access has just been taken back. */
  revoked: string | null
  problem: Problem | null
  signOutHref: string
}

export const accountConsentsPage = (ctx: PageContext, model: AccountConsentsModel): Page => {
  const { consents, signOut } = ctx.language
  const items = model.consents.map(({ clientId, name, clientUri, scopes, grantedAt }) => {
    const gains = scopes.map((scope) => html`<li>${scopeText(ctx, scope)}</li>`)
    const button = html`<button class="secondary" type="submit" aria-label="${consents.revokeFor(name)}">${consents.revoke}</button>`
    const revoke = form(ctx, model.action, hiddenInput('client_id', clientId) + button)
    return html`<li><div><h2>!${outwardLink(clientUri, name) || html`${name}`}</h2><p class="hint">${consents.since(grantedAt)}</p><ul>!${gains}</ul></div>!${revoke}</li>`
  })
  const list = items.length === 0 ? html`<p>${consents.none}</p>` : html`<ul class="consents">!${items}</ul>`
  const lead = items.length === 0 ? '' : html`<p class="lead">${consents.text}</p>`
  return renderPage(ctx, {
    title: consents.title,
    problem: model.problem,
    kind: 'wide',
    body: html`<h1>${consents.title}</h1>!${whoIsSignedIn(ctx)}!${lead}!${model.revoked === null ? '' : noteMessage(consents.revoked(model.revoked))}!${problemMessage(ctx, model.problem)}!${list}<div class="buttons"><a class="secondary" href="${model.signOutHref}">${signOut.submit}</a></div>`,
  })
}
