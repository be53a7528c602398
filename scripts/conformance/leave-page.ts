import type { Page } from 'playwright-core'

/** Does what leads to another page, and waits until the browser is there. */
export const leavePage = async (page: Page, action: () => Promise<void>): Promise<void> => {
  const left = page.waitForEvent('framenavigated', (frame) => frame === page.mainFrame())
  await Promise.all([left, action()])
}
