// The recovery codes, shown once: copied, downloaded, printed, and confirmed as saved.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { checkbox, form, hiddenInput, icon, problemMessage, problemOf, submit } from './parts.ts'
import type { Problem } from './problem.ts'

export type RecoveryCodesModel = {
  action: string
  codes: string[]
  /** Takes a form POST with each of the codes as `codes`, and answers the file; null: with script alone. */
  downloadAction: string | null
  downloadName: string
  problem: Problem | null
}

/** What is downloaded, with and without script. */
export const recoveryCodesText = (ctx: PageContext, codes: string[]): string => {
  const { recoveryCodes } = ctx.language
  const head = [recoveryCodes.printedFor(ctx.site.brand.name)]
  if (ctx.signedInAs !== null) head.push(recoveryCodes.printedAccount(ctx.signedInAs))
  head.push(recoveryCodes.printedDate(ctx.now), recoveryCodes.printedText)
  return `${head.join('\n')}\n\n${codes.join('\n')}\n`
}

const download = (ctx: PageContext, { downloadAction, downloadName, codes }: RecoveryCodesModel): string => {
  const label = html`!${icon('download')}<span>${ctx.language.recoveryCodes.download}</span>`
  const text = recoveryCodesText(ctx, codes)
  if (downloadAction === null)
    return html`<button class="secondary" type="button" hidden data-download="${downloadName}" data-text="${text}">!${label}</button>`
  // A form of its own, after the main one, which its button belongs to by id.
  return html`<button class="secondary" type="submit" form="download" data-download="${downloadName}" data-text="${text}">!${label}</button>`
}

const downloadForm = (ctx: PageContext, { downloadAction, codes }: RecoveryCodesModel): string => {
  if (downloadAction === null) return ''
  const fields = codes.map((code) => hiddenInput('codes', code)).join('')
  return form(ctx, downloadAction, fields).replace('<form ', '<form id="download" ')
}

export const recoveryCodesPage = (ctx: PageContext, model: RecoveryCodesModel): Page => {
  const { recoveryCodes, enrollment } = ctx.language
  const { codes, problem } = model
  const list = html`<ol class="codes" aria-label="${recoveryCodes.listLabel}">!${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>`
  const copy = html`<button class="secondary" type="button" hidden data-copy="${codes.join('\n')}" data-done="${recoveryCodes.copied}">!${icon('copy')}<span>${recoveryCodes.copy}</span></button>`
  const print = html`<button class="secondary" type="button" hidden data-print>!${icon('print')}<span>${recoveryCodes.print}</span></button>`
  const [heading = '', ...rest] = recoveryCodesText(ctx, []).trim().split('\n')
  const printed = html`<div class="printed"><p><strong>${heading}</strong></p>!${rest.map((line) => html`<p>${line}</p>`)}</div>`
  const saved = checkbox({
    name: 'saved',
    label: recoveryCodes.saved,
    checked: 'unchecked',
    required: 'required',
    problem: problemOf(ctx, problem, 'saved'),
  })
  return renderPage(ctx, {
    title: recoveryCodes.title,
    problem,
    body: html`<p class="step">${enrollment.step(3, 3)}</p><h1>${recoveryCodes.title}</h1><p class="lead">${recoveryCodes.text}</p>!${problemMessage(ctx, problem)}!${printed}!${list}<div class="tools">!${copy}!${download(ctx, model)}!${print}</div>!${form(ctx, model.action, saved + submit(recoveryCodes.submit))}!${downloadForm(ctx, model)}`,
  })
}
