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

export type TemplateName = keyof typeof PLACEHOLDERS

/** Without these a page would lack its style or its form; twice, it would have two of them. */
const NEEDED: Record<TemplateName, readonly string[]> = {
  layout: ['head', 'content'],
  header: [],
  footer: [],
}

/** Literal text and names of placeholders, in turn: the first is text. */
export type Template = string[]

export const parseTemplate = (text: string): Template => text.split(/\{\{\s*([a-z_]+)\s*\}\}/)

export type TemplateProblem = { line: number; message: string }

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** The first that is wrong with a template; null: nothing. */
export const templateProblem = (name: TemplateName, text: string): TemplateProblem | null => {
  const known: readonly string[] = PLACEHOLDERS[name]
  const found = [...text.matchAll(/\{\{([^}]*)\}?\}?/g)].map((match) => ({
    shown: match[0],
    placeholder: match[0].endsWith('}}') ? (match[1] ?? '').trim() : '',
    line: lineAt(text, match.index),
  }))
  const list = known.map((one) => `{{${one}}}`).join(', ')
  const unknown = found.find(({ placeholder }) => !known.includes(placeholder))
  if (unknown)
    return {
      line: unknown.line,
      message: `${unknown.shown.trim()} is no placeholder; expected one of ${list}`,
    }
  for (const needed of NEEDED[name]) {
    const [first, second] = found.filter(({ placeholder }) => placeholder === needed)
    if (!first) return { line: lineAt(text, text.length), message: `{{${needed}}} is missing` }
    if (second) return { line: second.line, message: `{{${needed}}} is there twice` }
  }
  return null
}

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
