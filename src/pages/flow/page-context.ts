// What every page of a flow is made with. Pure.
import type { Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { oneOf } from '../../oauth/authorization/parameters.ts'
import { formToken } from '../browser/form-token.ts'
import type { Visit } from '../browser/open-visit.ts'
import { LANGUAGES } from '../languages/languages.ts'
import { selectLanguage } from '../languages/select-language.ts'
import type { PageClient, PageContext } from '../views/context.ts'
import { type Flow, sealFlow } from './flow.ts'

export const SIGN_IN_PATH = '/sign-in'

export const flowHref = (sealed: string, more: Record<string, string> = {}): string =>
  Object.entries(more).reduce(
    (href, [name, value]) => `${href}&${name}=${encodeURIComponent(value)}`,
    `${SIGN_IN_PATH}?flow=${encodeURIComponent(sealed)}`,
  )

const pageClient = ({ name, logoUri, clientUri, policyUri, tosUri }: Client): PageClient => ({
  name,
  logoUri,
  clientUri,
  policyUri,
  tosUri,
})

/** Whose page it is, beside the visit. */
export type About = {
  flow: Flow | null
  /** The flow as it is sealed already, where it has come so and is unchanged. */
  sealed?: string | null
  client: Client | null
  signedInAs: string | null
  /** Where the flow leads back to, once that is known to be the client's. */
  redirectUri: string | null
}

export const pageContext = (
  deps: Pick<Deps, 'site' | 'sealer'>,
  visit: Visit,
  { flow, sealed: known = null, client, signedInAs, redirectUri }: About,
): PageContext => {
  const sealed = flow && (known ?? sealFlow(deps.sealer, flow))
  const uiLocales = flow?.asked ? (oneOf(flow.asked.parameters, 'ui_locales') ?? null) : null
  const language = selectLanguage({ ...visit.wishes, uiLocales })
  return {
    site: deps.site,
    language,
    now: visit.origin.now,
    csrf: formToken(deps.sealer, visit.browser),
    flow: sealed,
    client: client && pageClient(client),
    redirectUri,
    signedInAs,
    languageLinks:
      sealed === null
        ? []
        : LANGUAGES.filter(({ tag }) => tag !== language.tag).map(({ tag, name }) => ({
            tag,
            name,
            href: flowHref(sealed, { lang: tag }),
          })),
  }
}
