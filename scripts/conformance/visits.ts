// The browser that a person would use: it goes where the suite sends it and answers the provider's pages.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { leavePage } from './leave-page.ts'
import type { Person, Provider } from './provider.ts'
import { findChromium } from './requirements.ts'
import type { Suite, Visit } from './suite.ts'

const ANSWERS_AT_MOST = 10
const PAGE_WITHIN_MS = 20_000
const JPEG_QUALITY = 70

/** The suite's page waits for scripts of hosts that a run need not reach, so they are refused at once. */
const NOTHING_ELSE = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: findChromium() ?? 'chromium', args: ['--no-sandbox', NOTHING_ELSE] })

/** A browser without a cookie. */
export const openContext = async (browser: Browser): Promise<BrowserContext> => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 900, height: 900 } })
  context.setDefaultTimeout(PAGE_WITHIN_MS)
  return context
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`)

/** As the suite's own page does it: a form of the request's parameters, posted from the suite's site. */
const postTo = async (page: Page, suite: Suite, url: string): Promise<void> => {
  const { origin, pathname, searchParams } = new URL(url)
  const inputs = [...searchParams].map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  )
  await page.goto(`${suite.url}/robots.txt`)
  await page.setContent(
    `<form method="post" action="${escaped(origin + pathname)}">${inputs.join('')}<button>Go</button></form>`,
  )
  await leavePage(page, () => page.click('button'))
}

/** Where the suite was called by a redirect, its page sends the address on by script. */
const settle = async (page: Page, suite: Suite): Promise<void> => {
  await page.waitForLoadState('networkidle')
  if (!page.url().startsWith(`${suite.url}/test/`)) return
  if ((await page.locator('#complete.collapse').count()) === 0) return
  await page.locator('#submission_complete').waitFor({ state: 'attached' })
}

const picturePage = (page: Page): Promise<Buffer> => page.screenshot({ type: 'jpeg', quality: JPEG_QUALITY })

/**
 * Goes to where the suite sends the person, and answers pages until there is none. Answers a picture: of the page where
 * it ends, or where it ends at the suite, of the first page of the provider; null where there was none.
 */
export const visit = async (
  { provider, suite }: { provider: Provider; suite: Suite },
  context: BrowserContext,
  { url, method }: Visit,
  person: Person,
): Promise<Buffer | null> => {
  const page = await context.newPage()
  const isBack = () => page.url().startsWith(suite.url)
  try {
    if (method === 'POST') await postTo(page, suite, url)
    else await page.goto(url)
    await settle(page, suite)
    if (isBack()) return null
    const first = await picturePage(page)
    for (let answered = 0; answered < ANSWERS_AT_MOST && !isBack(); answered += 1) {
      if (!(await provider.answerPage(page, person))) break
      await settle(page, suite)
    }
    return isBack() ? first : await picturePage(page)
  } finally {
    await page.close()
  }
}
