import type { Client } from '../clients/client.ts'
import { authenticateClient, presentedCredentials } from './authenticate-client.ts'
import { guardWith } from './guard.ts'

/**
 * The guard of routes where a client says who it is by HTTP Basic or in the body, or is not asked. Whom the header
 * names is authenticated before the body is looked at; null where there is no header.
 */
export const { guard: guardClient, callerOf: presentedClientOf } = guardWith<Client | null>(
  'presentedClient',
  async (deps, request, authorization) => {
    if (authorization === undefined) return null
    return authenticateClient(deps, await presentedCredentials(deps, request, authorization), request)
  },
)
