// POSTERN_CLIENTS_FILE: reads the file and the secrets that it names, and applies it.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { applyDeclarations, type Declaration } from '../administration/clients/apply-declarations.ts'
import {
  DeclarationError,
  type Declared,
  parseClientsFile,
} from '../administration/clients/parse-clients-file.ts'
import { authMethodOf, fingerprintOf, registeredClient } from '../administration/clients/registered-client.ts'
import { toWantedClient } from '../administration/clients/schemas.ts'
import { systemOrigin } from '../audit/event.ts'
import { usesSecret } from '../clients/members.ts'
import { ConfigError } from '../config.ts'
import type { Deps } from '../deps.ts'
import { hashToken } from '../encryption/opaque-token.ts'

/** A stored secret has no salt, so it must not be one that can be guessed. */
const MIN_SECRET_LENGTH = 32

const readText = async (path: string, otherwise: (reason: string) => Error): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw otherwise(`"${path}" cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

const secretHashOf = async (folder: string, { given, lines }: Declared): Promise<string | null> => {
  const { client_id: clientId, client_secret_file: file, client_secret_hash: secretHash } = given
  const line = lines.members.client_secret_file ?? lines.members.client_secret_hash ?? lines.client
  const fault = (message: string) => new DeclarationError(line, clientId, message)
  if (file !== undefined && secretHash !== undefined)
    throw fault('give client_secret_file or client_secret_hash, not both')
  const method = authMethodOf(toWantedClient(given))
  if (!usesSecret(method)) {
    if (file === undefined && secretHash === undefined) return null
    throw fault(`a client that authenticates by ${method} has no secret; leave it out`)
  }
  if (secretHash !== undefined) return secretHash
  if (file === undefined)
    throw fault(`${method} needs a secret: add client_secret_file or client_secret_hash`)
  const secret = (await readText(resolve(folder, file), fault)).trim()
  if (secret.length < MIN_SECRET_LENGTH)
    throw fault(
      `its secret has fewer than ${MIN_SECRET_LENGTH} characters; make one with: openssl rand -hex 32`,
    )
  return hashToken(secret)
}

const toDeclaration = async (folder: string, declared: Declared, now: Date): Promise<Declaration> => {
  const { client_secret_file: _file, client_secret_hash: _hash, ...given } = declared.given
  const client = registeredClient(toWantedClient(given), {
    clientId: given.client_id,
    secretHash: await secretHashOf(folder, declared),
    createdAt: now,
    declared: null,
  })
  return { client: { ...client, declared: fingerprintOf(client) }, lines: declared.lines }
}

/**
 * Applies the clients file, and logs what it changed.
 * @throws {ConfigError} naming the line; nothing is changed then
 */
export const applyClientsFile = async (deps: Deps, path: string): Promise<void> => {
  const text = await readText(path, (reason) => new ConfigError(`POSTERN_CLIENTS_FILE: ${reason}`))
  const now = deps.clock()
  try {
    const declared = parseClientsFile(text)
    const declarations = await Promise.all(declared.map((one) => toDeclaration(dirname(path), one, now)))
    const { created, changed, disabled, drifted } = await applyDeclarations(
      deps,
      systemOrigin(now),
      declarations,
    )
    for (const drift of drifted)
      deps.log.warn(
        drift,
        'a declared client had been changed otherwise; it is what the clients file says again',
      )
    for (const clientId of disabled)
      deps.log.warn({ clientId }, 'a client is no longer in the clients file, and is disabled')
    deps.log.info({ clients: declared.length, created, changed }, 'the clients file is applied')
  } catch (error) {
    if (!(error instanceof DeclarationError)) throw error
    throw new ConfigError(`${path}:${error.line}: ${error.message}`)
  }
}
