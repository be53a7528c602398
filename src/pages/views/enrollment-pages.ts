// Enrolling an authenticator: choosing one, then connecting an authenticator app.
import { html } from 'ghtml'
import type { Page, PageContext } from './context.ts'
import { renderPage } from './layout.ts'
import { asideLink, codeField, form, icon, problemMessage, problemOf, submit, timeLeft } from './parts.ts'
import type { Problem } from './problem.ts'

export type EnrollmentMethod = 'totp'

export type EnrollmentModel = {
  action: string
  methods: EnrollmentMethod[]
  /** Whether a rule requires it, as opposed to a wish of the person. */
  required: boolean
  problem: Problem | null
  cancelHref: string | null
}

const choice = (ctx: PageContext, method: EnrollmentMethod, index: number): string => {
  const { name, text } = ctx.language.enrollment[method]
  const checked = index === 0 ? ' checked' : ''
  return html`<label class="choice" for="method-${method}"><input type="radio" id="method-${method}" name="method" value="${method}" required!${checked}>!${icon('phone')}<span><strong>${name}</strong><small>${text}</small></span></label>`
}

/** Chooses with what. Where there is only one way, the page says what will happen. */
export const enrollmentPage = (ctx: PageContext, model: EnrollmentModel): Page => {
  const { enrollment, common } = ctx.language
  const { problem, methods } = model
  const choices = methods.map((method, index) => choice(ctx, method, index))
  const required = model.required ? ` ${enrollment.required}` : ''
  const fields = html`<fieldset><legend>${enrollment.choose}</legend>!${choices}</fieldset>!${submit(enrollment.submit)}`
  return renderPage(ctx, {
    title: enrollment.title,
    problem,
    body: html`<p class="step">${enrollment.step(1, 3)}</p><h1>${enrollment.title}</h1><p class="lead">${enrollment.text}${required}</p>!${problemMessage(ctx, problem)}!${form(ctx, model.action, fields)}!${asideLink(model.cancelHref, common.cancel)}`,
  })
}

export type TotpEnrollmentModel = {
  action: string
  /** `data:image/svg+xml;…` */
  qrSvgDataUri: string
  /** In groups of four, separated by spaces. */
  secretGrouped: string
  otpauthUri: string
  accountLabel: string
  digits: 6 | 8
  problem: Problem | null
  expiresAt: Date | null
  backHref: string | null
}

const manualKey = (ctx: PageContext, { secretGrouped, accountLabel }: TotpEnrollmentModel): string => {
  const { enrollment } = ctx.language
  const plain = secretGrouped.replaceAll(' ', '')
  const copy = html`<button class="secondary" type="button" hidden data-copy="${plain}" data-done="${enrollment.copied}">!${icon('copy')}<span>${enrollment.copy}</span></button>`
  return html`<details><summary>${enrollment.cannotScan}</summary><p>${enrollment.keyText}</p><dl><dt>${enrollment.account}</dt><dd>${accountLabel}</dd><dt>${enrollment.key}</dt><dd><code class="key" id="setup-key">${secretGrouped}</code></dd></dl>!${copy}</details>`
}

export const totpEnrollmentPage = (ctx: PageContext, model: TotpEnrollmentModel): Page => {
  const { enrollment, common } = ctx.language
  const { problem, digits } = model
  const scan = html`<div class="qr"><img src="${model.qrSvgDataUri}" width="232" height="232" alt="${enrollment.qrAlt}"></div>`
  const open = html`<p class="open-app"><a class="secondary" href="${model.otpauthUri}">!${icon('phone')}<span>${enrollment.openApp}</span></a></p>`
  const code = codeField({
    label: enrollment.codeLabel(digits),
    digits,
    problem: problemOf(ctx, problem, 'code'),
    describedBy: null,
  })
  const confirm = form(ctx, model.action, code + submit(enrollment.confirm))
  return renderPage(ctx, {
    title: enrollment.totpTitle,
    problem,
    body: html`<p class="step">${enrollment.step(2, 3)}</p><h1>${enrollment.totpTitle}</h1><p class="lead">${enrollment.totpScan}</p>!${problemMessage(ctx, problem)}!${scan}!${open}!${manualKey(ctx, model)}!${confirm}!${timeLeft(ctx, model.expiresAt)}<details class="quiet"><summary>${enrollment.noApp}</summary><p>${enrollment.noAppText}</p></details>!${asideLink(model.backHref, common.back)}`,
  })
}

export type ConfirmationModel = {
  action: string
  digits: 6 | 8
  problem: Problem | null
  /** Begins anew, with another QR code. */
  againAction: string
}

/** Once more the code alone: the QR code and the key are shown once. */
export const confirmationPage = (ctx: PageContext, model: ConfirmationModel): Page => {
  const { enrollment } = ctx.language
  const { problem, digits } = model
  const code = codeField({
    label: enrollment.codeLabel(digits),
    digits,
    problem: problemOf(ctx, problem, 'code'),
    describedBy: null,
  })
  const confirm = form(ctx, model.action, code + submit(enrollment.confirm))
  const again = form(
    ctx,
    model.againAction,
    html`<button class="secondary" type="submit">${enrollment.again}</button>`,
  )
  return renderPage(ctx, {
    title: enrollment.totpTitle,
    problem,
    body: html`<h1>${enrollment.totpTitle}</h1>!${problemMessage(ctx, problem)}!${confirm}<p class="hint">${enrollment.againText}</p>!${again}`,
  })
}
