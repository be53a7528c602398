// Reads, at start, what all pages of a process share: the files that are served and the operator's brand.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.ts'
import { colorRules } from './branding/color.ts'
import { readLogo } from './branding/read-logo.ts'
import { readTemplates } from './branding/read-templates.ts'
import { LANGUAGES } from './languages/languages.ts'
import type { Site } from './views/context.ts'

/** A file that browsers may keep for ever: another content has another path. */
export type SiteFile = { path: string; type: string; body: Buffer }

/** `languages`: the tags of those that pages are shown in. */
export type OpenSite = Site & { files: SiteFile[]; languages: string[] }

const TYPES = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  woff2: 'font/woff2',
}

const HASH_LENGTH = 16

/** `/assets/<hash>/<name>` */
const siteFile = (name: string, type: keyof typeof TYPES, body: Buffer): SiteFile => {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, HASH_LENGTH)
  return { path: `/assets/${hash}/${name}`, type: TYPES[type], body }
}

const own = (name: string): Buffer => readFileSync(new URL(`assets/${name}`, import.meta.url))

/** Figtree (OFL), one variable file of the Latin letters. */
const FONT = '@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2'

const logoFile = (path: string): SiteFile => {
  const { type, body } = readLogo(path)
  return siteFile(`logo.${type}`, type, body)
}

/** @throws {ConfigError} where what the operator has given cannot be used. */
export const openSite = ({ brand }: Pick<Config, 'brand'>): OpenSite => {
  const templates = readTemplates(brand.templatesDir)
  const logo = brand.logoFile === null ? null : logoFile(brand.logoFile)
  const font = siteFile('font.woff2', 'woff2', readFileSync(fileURLToPath(import.meta.resolve(FONT))))
  const css = `${own('postern.css')}`.replace('font.woff2', font.path)
  const rules = brand.color === null ? '' : colorRules(brand.color)
  const style = siteFile('postern.css', 'css', Buffer.from(css + rules))
  const icon = siteFile('icon.svg', 'svg', own('icon.svg'))
  const script = siteFile('postern.js', 'js', own('postern.js'))
  return {
    brand: { name: brand.name, logoHref: logo?.path ?? null, links: brand.links, templates },
    assets: {
      styleHref: style.path,
      scriptHref: script.path,
      fontHref: font.path,
      iconHref: icon.path,
    },
    languages: LANGUAGES.map(({ tag }) => tag),
    files: [style, script, font, icon, ...(logo ? [logo] : [])],
  }
}
