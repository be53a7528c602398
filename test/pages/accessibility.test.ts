// Every page in Chromium, as axe sees it: light, narrow and with script, then dark, wide and without.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { openSite } from '../../src/pages/open-site.ts'
import { missingBrowser, openBrowser } from '../support/browser.ts'
import { type PageServer, servePages } from '../support/page-server.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What axe finds, a line each. */
const findings = async (page: Page): Promise<string[]> => {
  await page.evaluate(AXE)
  return page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] }).then(
    ({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any }) => [id, html, any[0]?.message].join(' '))))`)
}

const WAYS = [
  { tag: 'en', colorScheme: 'light', width: 320, script: 'with' },
  { tag: 'de', colorScheme: 'dark', width: 1280, script: 'without' },
] as const
type Way = (typeof WAYS)[number]

const lookAt = async (t: Test, way: Way, { browser, server }: { browser: Browser; server: PageServer }) => {
  const { tag, colorScheme, width, script } = way
  const context = await browser.newContext({ viewport: { width, height: 640 }, colorScheme })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', ({ message }) => complaints.push(message))
  // axe is a script too: the page's own is taken away.
  if (script === 'without')
    await page.route('**/*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }))
  // Script sends the form post on at once.
  for (const name of server.names.filter((one) => one !== 'form-post' || script === 'without')) {
    await page.goto(`${server.url}/${tag}/${name}`)
    t.strictSame(await findings(page), [], `${name}: axe finds nothing`)
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    t.ok(Number(wide) <= width, `${name} fits: ${wide}`)
    t.strictSame(complaints.splice(0), [], `${name}: nothing is refused, and no script fails`)
  }
  await context.close()
}

t.test('each page is for everybody', { skip: missingBrowser() }, async (t) => {
  const server = await servePages(openSite(readConfig({})))
  const browser = await openBrowser()
  t.teardown(async () => {
    await browser.close()
    await server.close()
  })
  for (const way of WAYS) {
    const { tag, colorScheme, width, script } = way
    await t.test(`${tag}, ${colorScheme}, ${width} px, ${script} script`, (t) =>
      lookAt(t, way, { browser, server }),
    )
  }
})
