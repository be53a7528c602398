// Chromium, as Debian installs it, for tests and for screenshots.
import { type Browser, chromium } from 'playwright-core'
import { findProgram } from './server-process.ts'

/**
 * Why tests that need a browser are skipped, as tap's `skip` takes it; false where it is installed.
 * @throws {Error} it is missing and `REQUIRE_SERVERS=1` is set.
 */
export const missingBrowser = (): string | false => {
  if (findProgram('chromium') !== null) return false
  const reason = 'skipped: chromium is not installed, so no page is tested in a browser here'
  if (process.env.REQUIRE_SERVERS === '1') throw new Error(reason)
  return reason
}

/** It talks to nobody but the pages, and has a profile of its own. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: findProgram('chromium') ?? 'chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
