import type { Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { fetchFrom } from '../../outbound/fetch-from.ts'
import { OutboundError } from '../../outbound/outbound-error.ts'

const MAX_BYTES = 64 * 1024
const TIMEOUT_MS = 5_000

const refuse = (description: string): never => {
  throw new AuthError('invalid_request', `sector_identifier_uri ${description}.`, {
    fields: ['sector_identifier_uri'],
  })
}

const parseList = (text: string): string[] | null => {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list : null
  } catch {
    return null
  }
}

const readList = async (deps: Pick<Deps, 'outbound'>, uri: string): Promise<string[]> => {
  try {
    const { status, body } = await fetchFrom(deps, uri, {
      method: 'GET',
      accept: 'application/json',
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
    })
    if (status !== 200) return refuse(`answered ${status}; it must answer 200 with a JSON array`)
    return parseList(body.toString('utf8')) ?? refuse('is no JSON array of redirect URIs')
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    return refuse(`could not be read (${error.reason}): ${error.message}`)
  }
}

/**
 * OpenID Connect Core 8.1: what `sector_identifier_uri` answers must list every redirect URI, or anyone could join the
 * sector of somebody else and learn its subjects.
 * @throws {AuthError} invalid_request
 */
export const checkSector = async (deps: Pick<Deps, 'outbound'>, client: Client): Promise<void> => {
  if (client.sectorIdentifierUri === null) return
  const listed = await readList(deps, client.sectorIdentifierUri)
  const missing = client.redirectUris.find((uri) => !listed.includes(uri))
  if (missing !== undefined) refuse(`does not list ${missing}; add it there first`)
}
