// The token that every form carries, bound to its browser's cookie (docs/security.md 24). Pure.
import { openText, type Sealer } from '../../encryption/sealer.ts'

const CONTEXT = 'pages.form'

/** Another one at each call, so that a compressed page does not give it away. */
export const formToken = (sealer: Sealer, browser: string): string =>
  sealer.seal(Buffer.from(browser), CONTEXT)

export const isFormTokenOf = (sealer: Sealer, token: string, browser: string): boolean =>
  openText(sealer, token, CONTEXT) === browser
