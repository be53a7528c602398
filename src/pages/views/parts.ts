// The parts that pages are made of: forms, fields, buttons, messages, icons. Each answers HTML whose values are escaped.
//
// In ghtml's templates `!${…}` is inserted as it is: only for HTML that these functions have made.
import { html } from 'ghtml'
import type { PageContext } from './context.ts'
import { ICONS } from './icons.ts'
import { fieldOf, type Problem } from './problem.ts'

export const icon = (name: keyof typeof ICONS): string =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="${ICONS[name]}"/></svg>`

const secondsUntil = (until: Date, now: Date): number =>
  Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))

/** The words for a problem in the language of the page. */
export const wordsFor = (ctx: PageContext, problem: Problem): { title: string; text: string } => {
  const words = ctx.language.problems[problem.kind]
  if (typeof words !== 'function') return words
  const seconds =
    problem.kind === 'account_locked'
      ? secondsUntil(problem.until, ctx.now)
      : problem.kind === 'too_many_attempts'
        ? problem.retryAfterSeconds
        : 0
  return words({ seconds, client: ctx.client?.name ?? null })
}

/** Announced as soon as the page is there. `id` is what fields refer to by `aria-describedby`. */
export const problemMessage = (ctx: PageContext, problem: Problem | null): string => {
  if (problem === null || fieldOf(problem) !== null) return ''
  const { title, text } = wordsFor(ctx, problem)
  return html`<div class="alert" role="alert" id="problem">!${icon('alert')}<div><strong>${title}</strong><p>${text}</p></div></div>`
}

export const noteMessage = (text: string): string =>
  html`<div class="note" role="status">!${icon('check')}<p>${text}</p></div>`

/** What is wrong with this field, below it; empty where nothing is. */
const fieldProblem = (id: string, text: string | null): string =>
  text === null
    ? ''
    : html`<p class="problem" role="alert" id="${id}-problem">!${icon('alert')}<span>${text}</span></p>`

export type Field = {
  name: string
  label: string
  type: 'text' | 'email' | 'password'
  value: string
  autocomplete: string
  hint: string | null
  problem: string | null
  /** More that describes it, such as the page's message. */
  describedBy: string | null
  focus: 'focused' | 'unfocused'
  required: 'required' | 'optional'
}

/** Each after a space. */
const attributes = (given: Record<string, string | null>): string => {
  let text = ''
  for (const [name, value] of Object.entries(given))
    if (value !== null) text += value === '' ? ` ${name}` : html` !${name}="${value}"`
  return text
}

/** `aria-describedby` and `aria-invalid` of a field. */
const states = ({
  name,
  hint,
  problem,
  describedBy,
}: Pick<Field, 'name' | 'hint' | 'problem' | 'describedBy'>) => {
  const ids = [problem && `${name}-problem`, hint && `${name}-hint`, describedBy].filter(Boolean)
  return {
    'aria-invalid': problem === null ? null : 'true',
    'aria-describedby': ids.length > 0 ? ids.join(' ') : null,
  }
}

export const field = (ctx: PageContext, given: Field): string => {
  const { name, label, type, value, autocomplete, hint, problem, focus, required } = given
  const optional =
    required === 'optional' ? html` <span class="optional">(${ctx.language.common.optional})</span>` : ''
  const input = attributes({
    id: name,
    name,
    type,
    value: value === '' ? null : value,
    autocomplete,
    autocapitalize: 'none',
    spellcheck: 'false',
    required: required === 'required' ? '' : null,
    autofocus: focus === 'focused' ? '' : null,
    maxlength: type === 'password' ? '512' : '320',
    ...states(given),
  })
  const { showPassword, hidePassword } = ctx.language.signIn
  // Hidden until the script is there, which is what it needs.
  const reveal =
    type === 'password'
      ? html`<button class="reveal" type="button" hidden data-reveal="${name}" data-show="${showPassword}" data-hide="${hidePassword}" aria-label="${showPassword}">!${icon('eye')}!${icon('eyeOff')}</button>`
      : ''
  const hintText = hint === null ? '' : html`<p class="hint" id="${name}-hint">${hint}</p>`
  return html`<div class="field"><label for="${name}">${label}!${optional}</label><div class="control"><input!${input}>!${reveal}</div>!${fieldProblem(name, problem)}!${hintText}</div>`
}

/** The text below the field `name`, where `problem` is about it. */
export const problemOf = (ctx: PageContext, problem: Problem | null, name: string): string | null => {
  if (problem === null || fieldOf(problem) !== name) return null
  const { title, text } = wordsFor(ctx, problem)
  return `${title}. ${text}`
}

export type CodeField = { label: string; digits: number; problem: string | null; describedBy: string | null }

/** One field that looks like a box for each digit. */
export const codeField = ({ label, digits, problem, describedBy }: CodeField): string => {
  const input = attributes({
    id: 'code',
    name: 'code',
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    autocapitalize: 'none',
    spellcheck: 'false',
    // Room for the spaces of a pasted "123 456", which are removed.
    maxlength: `${digits + 8}`,
    required: '',
    autofocus: '',
    'data-digits': `${digits}`,
    ...states({ name: 'code', hint: null, problem, describedBy }),
  })
  const boxes = '<i></i>'.repeat(digits)
  return html`<div class="field"><label for="code">${label}</label><div class="code" data-boxes="${digits}"><input!${input}><span class="boxes" aria-hidden="true">!${boxes}</span></div>!${fieldProblem('code', problem)}</div>`
}

export type Checkbox = {
  name: string
  label: string
  checked: 'checked' | 'unchecked'
  required: 'required' | 'optional'
  problem: string | null
}

export const checkbox = ({ name, label, checked, required, problem }: Checkbox): string => {
  const input = attributes({
    id: name,
    name,
    type: 'checkbox',
    value: 'yes',
    checked: checked === 'checked' ? '' : null,
    required: required === 'required' ? '' : null,
    autofocus: problem === null ? null : '',
    ...states({ name, hint: null, problem, describedBy: null }),
  })
  return html`<div class="field"><label class="check" for="${name}"><input!${input}><span>${label}</span></label>!${fieldProblem(name, problem)}</div>`
}

/** A form with what every form carries. The page's first one is its main one. */
export const form = (ctx: PageContext, action: string, content: string): string => {
  const hidden = (name: string, value: string | null) =>
    value === null ? '' : html`<input type="hidden" name="${name}" value="${value}">`
  return html`<form method="post" action="${action}">!${hidden('csrf', ctx.csrf)}!${hidden('flow', ctx.flow)}!${content}</form>`
}

export const submit = (label: string): string => html`<button class="primary" type="submit">${label}</button>`

/** Counted down by script, which also announces the last minute. */
export const timeLeft = (ctx: PageContext, expiresAt: Date | null): string => {
  if (expiresAt === null) return ''
  const { timeLeft, timeLeftPattern, oneMinuteLeft, timeIsUp } = ctx.language.common
  const seconds = secondsUntil(expiresAt, ctx.now)
  return html`<p class="time">!${icon('clock')}<span data-seconds="${seconds}" data-pattern="${timeLeftPattern}" data-last="${oneMinuteLeft}" data-over="${timeIsUp}">${timeLeft(seconds)}</span></p>`
}

export const hiddenInput = (name: string, value: string): string =>
  html`<input type="hidden" name="${name}" value="${value}">`

/** An address that a registration names; others than http and https are not linked. */
export const outwardLink = (href: string | null, label: string): string => {
  if (href === null || !/^https?:\/\//i.test(href)) return ''
  return html`<a href="${href}" rel="noopener noreferrer" target="_blank">${label}</a>`
}

/** Who is signed in, where that matters to the answer. */
export const whoIsSignedIn = (ctx: PageContext): string =>
  ctx.signedInAs === null
    ? ''
    : html`<p class="who">!${icon('user')}<span>${ctx.language.common.signedInAs(ctx.signedInAs)}</span></p>`

/** What a step-up is for: said by the flow, or at least by whom. */
export const stepUpReason = (ctx: PageContext, purpose: string | null): string[] => {
  const { stepUpFor, stepUpAsked } = ctx.language.secondFactor
  if (purpose !== null) return [stepUpFor(purpose)]
  return ctx.client === null ? [] : [stepUpAsked(ctx.client.name)]
}

/** Another way than the one action, below it. */
export const asideLink = (href: string | null, label: string): string =>
  href === null ? '' : html`<p class="aside"><a href="${href}">${label}</a></p>`
