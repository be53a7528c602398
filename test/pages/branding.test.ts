// The operator's name, logo, colour, links and templates on the hosted pages.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, readConfig } from '../../src/config.ts'
import { en } from '../../src/pages/languages/en.ts'
import { openSite } from '../../src/pages/open-site.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { sampleContext, samplePages } from '../support/sample-pages.ts'

const SVG =
  '<?xml version="1.0"?>\n<!-- a gate -->\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1v1z"/></svg>'
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')

type Files = Record<string, string | Buffer>

const folderOf = (t: Test, files: Files): string => {
  const folder = t.testdir()
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const siteWith = (environment: Record<string, string>) => openSite(readConfig(environment))

/** As a start prints it. */
const refusalOf = (environment: Record<string, string>): string => {
  try {
    siteWith(environment)
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

const signInPage = async (environment: Record<string, string>): Promise<string> => {
  const pages = await samplePages(sampleContext(siteWith(environment), en))
  return pages['sign-in']?.().html ?? ''
}

t.test('name and links are text, wherever they are shown', async (t) => {
  const html = await signInPage({
    POSTERN_BRAND_NAME: 'Harbour <b>&</b> "Sons"',
    POSTERN_BRAND_LINKS: ' <i>Help</i> = https://help.example.org/?a=1&b=%22 ; Mail=mailto:help@example.org;',
  })
  t.match(html, 'Sign in – Harbour &#60;b&#62;&#38;&#60;/b&#62; &#34;Sons&#34;</title>')
  t.match(html, '<a href="https://help.example.org/?a&#61;1&#38;b&#61;%22">&#60;i&#62;Help&#60;/i&#62;</a>')
  t.match(html, '<a href="mailto:help@example.org">Mail</a>')
})

t.test(
  'a logo takes the place of the name, and is served by its content',
  { skip: onBothEngines() },
  async (t) => {
    const folder = folderOf(t, { 'mark.svg': SVG })
    const postern = await openTestApp(t, {
      environment: { POSTERN_BRAND_NAME: 'Harbour', POSTERN_BRAND_LOGO_FILE: join(folder, 'mark.svg') },
    })
    const html = await signInPage({
      POSTERN_BRAND_NAME: 'Harbour',
      POSTERN_BRAND_LOGO_FILE: join(folder, 'mark.svg'),
    })
    const [, href = ''] =
      /<header class="brand"><img src="(\/assets\/[\w-]{16}\/logo\.svg)" alt="Harbour">/.exec(html) ?? []
    const answer = await postern.request('GET', href)
    t.equal(answer.status, 200)
    t.equal(answer.text, SVG)
    t.match(answer.headers, {
      'content-type': 'image/svg+xml',
      'x-content-type-options': 'nosniff',
      'content-security-policy': /^default-src 'none';.* sandbox$/,
    })
  },
)

t.test('a logo may be a PNG', async (t) => {
  const folder = folderOf(t, { logo: Buffer.concat([PNG_SIGNATURE, Buffer.alloc(8)]) })
  const { brand, files } = siteWith({ POSTERN_BRAND_LOGO_FILE: join(folder, 'logo') })
  t.match(brand.logoHref, /logo\.png$/)
  t.equal(files.find(({ path }) => path === brand.logoHref)?.type, 'image/png')
})

t.test('a logo that cannot be used is refused', async (t) => {
  const folder = folderOf(t, {
    'page.svg': '<html><svg></svg></html>',
    'huge.svg': SVG + ' '.repeat(256 * 1024),
    'photo.jpg': Buffer.from('ffd8ffe0', 'hex'),
  })
  for (const [name, reason] of [
    ['page.svg', /"[^"]+page\.svg" is neither; expected an SVG or PNG file of at most 256 KB/],
    ['photo.jpg', /is neither/],
    ['huge.svg', /has 257 KB/],
    ['none.svg', /cannot be read \(ENOENT\)/],
  ] as const)
    t.match(refusalOf({ POSTERN_BRAND_LOGO_FILE: join(folder, name) }), reason, name)
})

const styleOf = (color: string): string => {
  const { assets, files } = siteWith(color === '' ? {} : { POSTERN_BRAND_COLOR: color })
  return `${files.find(({ path }) => path === assets.styleHref)?.body}`
}

t.test('the colour is at the end of the style sheet, and a lighter one of it for dark pages', async (t) => {
  const added = styleOf('#0B5D3B').slice(styleOf('').length)
  const [light = '', dark = ''] = added.match(/#[0-9a-f]{6}/g) ?? []
  t.equal(light, '#0b5d3b')
  t.match(added, `@media (prefers-color-scheme: dark) { :root { --brand: ${dark}; } }`)
  const brightness = (color: string) => Number.parseInt(color.slice(3, 5), 16)
  t.ok(brightness(dark) > brightness(light), dark)
  t.not(
    siteWith({ POSTERN_BRAND_COLOR: '#0b5d3b' }).assets.styleHref,
    siteWith({}).assets.styleHref,
    'browsers fetch the changed style sheet',
  )
  t.match(styleOf('#000000'), /dark\) \{ :root \{ --brand: #[89a-f]/, 'black has a lighter one too')
})

t.test('templates are the frame of every page', async (t) => {
  const folder = folderOf(t, {
    'layout.html':
      '<!doctype html><html lang="{{language}}"><head>{{ head }}</head><body title="{{title}}">{{header}}{{content}}{{footer}}</body></html>',
    'header.html': '<header>{{brand_name}} for {{client_name}}</header>',
    'footer.html': '<footer>a harbour</footer>',
  })
  const pages = await samplePages({
    ...sampleContext(siteWith({ POSTERN_TEMPLATES_DIR: folder, POSTERN_BRAND_NAME: 'Harbour "H"' }), en),
    client: { name: '<script>', logoUri: null, clientUri: null, policyUri: null, tosUri: null },
  })
  const html = pages['sign-in']?.().html ?? ''
  t.match(html, /^<!doctype html><html lang="en"><head><meta charset="utf-8">/)
  t.match(
    html,
    '<body title="Sign in"><header>Harbour &#34;H&#34; for &#60;script&#62;</header><main class="card',
  )
  t.match(html, /<\/main><footer>a harbour<\/footer><\/body><\/html>$/)
})

t.test('a template that cannot be used is refused by its file and line', async (t) => {
  for (const [name, content, reason] of [
    [
      'layout.html',
      '<html>\n{{head}}\n{{kontent}}',
      /layout\.html:3: \{\{kontent\}\} is no placeholder; expected one of \{\{head\}\}/,
    ],
    ['layout.html', '{{head}}', /layout\.html:1: \{\{content\}\} is missing/],
    ['layout.html', '{{content}}\n', /layout\.html:2: \{\{head\}\} is missing/],
    ['layout.html', '{{head}}{{content}}\n{{content}}', /layout\.html:2: \{\{content\}\} is there twice/],
    ['header.html', '{{content}}', /header\.html:1: \{\{content\}\} is no placeholder/],
    ['footer.html', '<p>\n{{brand_name}', /footer\.html:2: \{\{brand_name\} is no placeholder/],
    ['footer.html', '{{Brand_Name}}', /\{\{Brand_Name\}\} is no placeholder/],
    ['other.html', '', /has no template; expected a folder with layout\.html, header\.html or footer\.html/],
  ] as const)
    await t.test(`${name}: ${reason}`, async (t) =>
      t.match(refusalOf({ POSTERN_TEMPLATES_DIR: folderOf(t, { [name]: content }) }), reason),
    )
})
