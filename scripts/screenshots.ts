// `npm run screenshots`: every hosted page, light and dark, on a phone and a desk, in every language, as PNG files in
// `screenshots/`, which git ignores. Names after `--` choose pages by the beginning of their names.
import { mkdirSync, rmSync } from 'node:fs'
import { readConfig } from '../src/config.ts'
import { LANGUAGES } from '../src/pages/languages/languages.ts'
import { openSite } from '../src/pages/open-site.ts'
import { openBrowser } from '../test/support/browser.ts'
import { servePages } from '../test/support/page-server.ts'

const FOLDER = 'screenshots'
const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  desk: { viewport: { width: 1280, height: 900 } },
}
const SCHEMES = ['light', 'dark'] as const

const wanted = process.argv.slice(2)
const isWanted = (name: string) => wanted.length === 0 || wanted.some((start) => name.startsWith(start))

if (wanted.length === 0) rmSync(FOLDER, { recursive: true, force: true })
const server = await servePages(openSite(readConfig()))
const browser = await openBrowser()
let count = 0
for (const [device, options] of Object.entries(DEVICES)) {
  for (const colorScheme of SCHEMES) {
    const context = await browser.newContext({ ...options, colorScheme })
    const page = await context.newPage()
    for (const { tag } of LANGUAGES) {
      const folder = `${FOLDER}/${tag}/${device}-${colorScheme}`
      mkdirSync(folder, { recursive: true })
      for (const name of server.names.filter(isWanted)) {
        // Script would send it on at once.
        if (name === 'form-post') await page.route('**/*.js', (route) => route.abort())
        await page.goto(`${server.url}/${tag}/${name}`)
        await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true, caret: 'initial' })
        await page.unrouteAll()
        count += 1
      }
    }
    await context.close()
  }
}
await browser.close()
await server.close()
console.log(`${count} screenshots in ${FOLDER}/`)
