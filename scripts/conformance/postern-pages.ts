// Answers Postern's pages, as a person does who has a password and an authenticator app.
import type { Page } from 'playwright-core'
import { leavePage } from './leave-page.ts'
import type { Person } from './provider.ts'

const has = async (page: Page, selector: string): Promise<boolean> =>
  (await page.locator(selector).count()) > 0

/** The one that the page is about; others lead elsewhere. */
const SUBMIT = 'main form button.primary'

/** A code is sent by the page's own script as soon as it is full; without script, by Enter. */
const giveCode = async (page: Page, code: string): Promise<void> => {
  await page.fill('[name="code"]', code)
  await page.press('[name="code"]', 'Enter', { timeout: 1_000 }).catch(() => {})
}

const givePassword = async (page: Page, { username, password }: Person): Promise<void> => {
  if (await has(page, '[name="username"]:not([readonly])')) await page.fill('[name="username"]', username)
  await page.fill('[name="password"]', password)
  await page.click(SUBMIT)
}

const decide = (page: Page, { declines }: Person): Promise<void> =>
  page.click(`[name="decision"][value="${declines ? 'deny' : 'allow'}"]`)

const actionFor = async (page: Page, person: Person): Promise<(() => Promise<void>) | null> => {
  if (await has(page, '[name="password"]')) return () => givePassword(page, person)
  if (await has(page, '[name="code"]')) return async () => giveCode(page, await person.nextCode())
  if (await has(page, '[name="decision"]')) return () => decide(page, person)
  if (await has(page, '[name="account"]')) return () => page.locator('[name="account"]').first().click()
  return (await has(page, SUBMIT)) ? () => page.click(SUBMIT) : null
}

/** Does the one thing that the page asks for; false where it asks for nothing. */
export const answerPage = async (page: Page, person: Person): Promise<boolean> => {
  const action = await actionFor(page, person)
  if (action === null) return false
  await leavePage(page, action)
  return true
}
