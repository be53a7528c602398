// The document around each page: head, the operator's header and footer, and what the page's policy has to allow.
import { html } from 'ghtml'
import { fillTemplate } from '../branding/template.ts'
import type { Page, PageContext } from './context.ts'
import { outwardLink, wordsFor } from './parts.ts'
import type { Problem } from './problem.ts'

/** What a page says; the document around it is the same for all. */
export type Content = {
  title: string
  /** Begins with the page's one `h1`, or has it after an emblem. */
  body: string
  problem: Problem | null
  kind?: 'narrow' | 'wide'
  /** Addresses of images and of forms that are not Postern's own. */
  imgSrc?: string[]
  formTargets?: string[]
}

/** The source that `form-action` needs for an address: its origin, or the scheme of an app's own. */
export const originSource = (uri: string): string | null => {
  const url = URL.parse(uri)
  return url && (/^https?:$/.test(url.protocol) ? url.origin : url.protocol)
}

/** A gate. */
const mark = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path d="M4 4h6v4h3V4h6v4h3V4h6v25h-7v-7a5 5 0 0 0-10 0v7H4Z"/></svg>`

const header = ({ site: { brand } }: PageContext): string => {
  const logo =
    brand.logoHref === null
      ? html`!${mark}<span>${brand.name}</span>`
      : html`<img src="${brand.logoHref}" alt="${brand.name}">`
  return html`<header class="brand">!${logo}</header>`
}

const listed = (link: string): string[] => (link === '' ? [] : [html`<li>!${link}</li>`])

const footer = (ctx: PageContext): string => {
  const { brand } = ctx.site
  const { name = '', policyUri = null, tosUri = null } = ctx.client ?? {}
  const { privacyOf, termsOf, links, language } = ctx.language.common
  const own = brand.links.map(({ label, href }) => html`<li><a href="${href}">${label}</a></li>`)
  const all = [
    ...own,
    ...listed(outwardLink(policyUri, privacyOf(name))),
    ...listed(outwardLink(tosUri, termsOf(name))),
  ]
  const languages = ctx.languageLinks.map(
    ({ tag, href, name }) => html`<li><a href="${href}" lang="${tag}" hreflang="${tag}">${name}</a></li>`,
  )
  const list = (label: string, items: string[]) =>
    items.length === 0 ? '' : html`<nav aria-label="${label}"><ul>!${items}</ul></nav>`
  return html`<footer class="foot">!${list(links, all)}!${list(language, languages)}</footer>`
}

/** Begins with what is wrong, so that a screen reader says it first. */
const documentTitle = (ctx: PageContext, { title, problem }: Content): string => {
  const wrong = problem === null ? [] : [`${ctx.language.common.error}: ${wordsFor(ctx, problem).title}`]
  const parts = [...wrong, ...(wrong[0]?.endsWith(title) ? [] : [title]), ctx.site.brand.name]
  return parts.join(' – ')
}

const sources = (uris: (string | null)[]): string[] => {
  const found = uris.map((uri) => (uri === null ? null : originSource(uri)))
  return [...new Set(found.filter((source) => source !== null))]
}

/** Makes the document. */
export const renderPage = (ctx: PageContext, content: Content): Page => {
  const { site, language } = ctx
  const title = documentTitle(ctx, content)
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex"><meta name="referrer" content="same-origin"><title>${title}</title><link rel="preload" as="font" type="font/woff2" href="${site.assets.fontHref}" crossorigin><link rel="icon" type="image/svg+xml" href="${site.assets.iconHref}"><link rel="stylesheet" href="${site.assets.styleHref}"><script src="${site.assets.scriptHref}" type="module"></script>`
  const values = {
    language: language.tag,
    title: content.title,
    brand_name: site.brand.name,
    client_name: ctx.client?.name ?? '',
  }
  const { templates } = site.brand
  const parts = {
    head,
    header: templates.header ? fillTemplate(templates.header, values, {}) : header(ctx),
    content: html`<main class="card !${content.kind ?? 'narrow'}">!${content.body}</main>`,
    footer: templates.footer ? fillTemplate(templates.footer, values, {}) : footer(ctx),
  }
  const document = templates.layout
    ? fillTemplate(templates.layout, values, parts)
    : html`<!doctype html><html lang="${language.tag}"><head>!${head}</head><body>!${parts.header}!${parts.content}!${parts.footer}</body></html>`
  return {
    html: document,
    csp: {
      formAction: sources([ctx.redirectUri, ...(content.formTargets ?? [])]),
      imgSrc: sources(content.imgSrc ?? []),
    },
  }
}

/** The header of the same name: nothing inline, nothing of others but what the page names. */
export const contentSecurityPolicy = ({ csp }: Pick<Page, 'csp'>): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "font-src 'self'",
    // The QR code is a data URI: it is in no cache, and in no address.
    ["img-src 'self' data:", ...csp.imgSrc].join(' '),
    ["form-action 'self'", ...csp.formAction].join(' '),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
