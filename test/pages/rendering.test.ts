import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { en } from '../../src/pages/languages/en.ts'
import { LANGUAGES } from '../../src/pages/languages/languages.ts'
import { openSite } from '../../src/pages/open-site.ts'
import { contentSecurityPolicy } from '../../src/pages/views/layout.ts'
import { sampleContext, samplePages, WORLD } from '../support/sample-pages.ts'

const site = openSite(readConfig({}))

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'&lt;{{content}}'

/** The start tags of a document, with their attributes as they are written. */
const tagsOf = (html: string): string[] => html.match(/<[a-z][^>]*>/g) ?? []

for (const language of LANGUAGES) {
  t.test(`each page in ${language.name}`, async (t) => {
    const pages = await samplePages(sampleContext(site, language))
    t.ok(Object.keys(pages).length > 40)
    for (const [name, make] of Object.entries(pages)) {
      const { html } = make()
      t.match(html, `<html lang="${language.tag}">`, `${name} says its language`)
      t.equal(html.match(/<h1[ >]/g)?.length, 1, `${name} has one heading of the first level`)
      t.equal(html.match(/<main[ >]/g)?.length, 1, `${name} has one main part`)
      t.notMatch(
        html,
        /<style|<script(?![^>]* src=)| style=| on[a-z]+=|javascript:/i,
        `${name} has nothing inline`,
      )
      t.notMatch(html, /undefined|\[object|NaN|null/, `${name} lacks no word`)
    }
  })
}

t.test('each field of a page has a label, and what describes it is there', async (t) => {
  const pages = await samplePages(sampleContext(site, en))
  for (const [name, make] of Object.entries(pages)) {
    const { html } = make()
    const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
    for (const tag of tagsOf(html).filter(
      (one) => one.startsWith('<input') && !/type="hidden"|aria-hidden/.test(one),
    )) {
      const [, id = ''] = / id="([^"]+)"/.exec(tag) ?? []
      t.match(html, `for="${id}"`, `${name}: ${id} has a label`)
      const [, described = ''] = / aria-describedby="([^"]+)"/.exec(tag) ?? []
      for (const other of described.split(' ').filter((part) => part !== ''))
        t.ok(ids.has(other), `${name}: ${id} is described by ${other}`)
    }
  }
})

t.test('every form of Postern’s own carries what ties it to the browser and to the flow', async (t) => {
  const pages = await samplePages(sampleContext(site, en))
  for (const [name, make] of Object.entries(pages)) {
    const forms = make().html.match(/<form [\s\S]*?<\/form>/g) ?? []
    for (const form of forms.filter((one) => !one.includes('action="https:'))) {
      t.match(form, 'name="csrf" value="csrf-of-this-browser"', name)
      t.match(form, 'name="flow" value="sealed-flow"', name)
      t.match(form, 'method="post"', name)
    }
  }
})

t.test('what persons, clients and operators have typed is text, wherever it is shown', async (t) => {
  const world = { ...WORLD, account: HOSTILE, client: HOSTILE, detail: HOSTILE, purpose: { en: HOSTILE } }
  const hostileSite = {
    ...site,
    brand: {
      ...site.brand,
      name: HOSTILE,
      links: [{ label: HOSTILE, href: `https://x.example/${HOSTILE}` }],
    },
  }
  const context = sampleContext(hostileSite, en, world)
  const client = {
    name: HOSTILE,
    logoUri: `https://x.example/${HOSTILE}`,
    clientUri: `https://x.example/${HOSTILE}`,
    policyUri: 'javascript:alert(1)',
    tosUri: `https://x.example/${HOSTILE}`,
  }
  const harmless = await samplePages(sampleContext(site, en))
  const hostile = await samplePages({ ...context, csrf: HOSTILE, flow: HOSTILE, client }, world)
  for (const [name, make] of Object.entries(hostile)) {
    const { html } = make()
    t.notMatch(html, /<script>|onerror=/, `${name} has no element of theirs`)
    t.notMatch(html, 'href="javascript', `${name} has no address that runs`)
    const kinds = (text: string) => new Set(tagsOf(text).map((tag) => /^<([a-z0-9]+)/.exec(tag)?.[1]))
    const more = [...kinds(html)].filter((kind) => !kinds(harmless[name]?.().html ?? '').has(kind))
    t.strictSame(
      more.filter((kind) => kind !== 'img'),
      [],
      `${name} has the elements that it has without them`,
    )
  }
})

t.test('a page’s policy allows itself, and what its form leads to', async (t) => {
  const context = sampleContext(site, en)
  const policyOf = async (redirectUri: string | null, name = 'sign-in') => {
    const pages = await samplePages({ ...context, redirectUri })
    const page = pages[name]?.()
    return page ? contentSecurityPolicy(page) : ''
  }
  const policy = await policyOf('https://app.example:8443/callback?x=;script-src *')
  t.match(policy, "form-action 'self' https://app.example:8443;", 'the origin alone')
  t.match(policy, "default-src 'none'; style-src 'self'; script-src 'self'")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, 'unsafe')
  t.match(await policyOf(null), "form-action 'self';")
  t.match(await policyOf('com.example.app:/callback'), "form-action 'self' com.example.app:;")
  t.match(await policyOf('not an address'), "form-action 'self';")
  t.match(await policyOf(null, 'form-post'), "form-action 'self' https://books.example;")
})

t.test('the title says first what is wrong', async (t) => {
  const pages = await samplePages(sampleContext(site, en))
  const titleOf = (name: string) => /<title>(.*?)<\/title>/.exec(pages[name]?.().html ?? '')?.[1]
  t.equal(titleOf('sign-in'), 'Sign in – Postern')
  t.equal(titleOf('sign-in-invalid_credentials'), 'Error: Name and password do not match – Sign in – Postern')
  t.equal(titleOf('register-wrong'), 'Error: Something needs your attention – Create your account – Postern')
  t.equal(titleOf('error-timed_out'), 'Error: This sign-in took too long – Postern')
})

t.test('the first field with a problem has the focus', async (t) => {
  const pages = await samplePages(sampleContext(site, en))
  const focused = (name: string) =>
    tagsOf(pages[name]?.().html ?? '')
      .filter((tag) => / autofocus/.test(tag))
      .map((tag) => / id="(\w+)"/.exec(tag)?.[1])
  for (const [name, ids] of Object.entries({
    'sign-in': ['username'],
    'sign-in-remembered': ['password'],
    'sign-in-username_missing': ['username'],
    'sign-in-password_missing': ['password'],
    'sign-in-invalid_credentials': ['password'],
    'second-factor-invalid_code': ['code'],
    'register-wrong': ['username'],
    'recovery-codes-not-saved': ['saved'],
  }))
    t.strictSame(focused(name), ids, name)
})

const BUDGET_BYTES = 50_000

t.test('all that a sign-in loads is less than 50 kB', async (t) => {
  const pages = await samplePages(sampleContext(site, en))
  const files = site.files.reduce((sum, { body }) => sum + body.length, 0)
  const html = Buffer.byteLength(pages['sign-in-invalid_credentials']?.().html ?? '')
  t.ok(files + html < BUDGET_BYTES, `${files} + ${html} bytes`)
  t.comment(`${files} + ${html} bytes`)
})
