// The operator's templates: HTML with `{{placeholders}}`. Pure.
import { html } from 'ghtml'

/** Values, escaped where they are inserted. */
export type TemplateValues = { language: string; title: string; brand_name: string; client_name: string }

/** What Postern renders itself: inserted as it is. */
export type TemplateParts = { head: string; header: string; content: string; footer: string }

export const PLACEHOLDERS = {
  layout: ['head', 'header', 'content', 'footer', 'language', 'title', 'brand_name', 'client_name'],
  header: ['language', 'title', 'brand_name', 'client_name'],
  footer: ['language', 'title', 'brand_name', 'client_name'],
} as const

/** Literal text and names of placeholders, in turn: the first is text. */
export type Template = string[]

export const parseTemplate = (text: string): Template => text.split(/\{\{\s*([a-z_]+)\s*\}\}/)

const escaped = (value: string): string => html`${value}`

export const fillTemplate = (
  template: Template,
  values: TemplateValues,
  parts: Partial<TemplateParts>,
): string => {
  const texts = Object.entries(values).map(([name, value]) => [name, escaped(value)] as const)
  const all = new Map<string, string>([...texts, ...Object.entries(parts)])
  return template.map((text, index) => (index % 2 === 0 ? text : (all.get(text) ?? ''))).join('')
}
