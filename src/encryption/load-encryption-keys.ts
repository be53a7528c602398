// Where the encryption keys come from: the environment, or a generated key in the data folder.
import { existsSync } from 'node:fs'
import { link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, parseEncryptionKeys } from '../config.ts'
import type { Sql } from '../postgres/pool.ts'
import type { EncryptionKey, RandomBytes } from './sealer.ts'
import { listKeyChecks } from './store.ts'

/** A key that is needed is missing, unreadable or wrong. Nothing has been changed. */
export class EncryptionKeyError extends Error {
  override readonly name = 'EncryptionKeyError'
}

const FILE = 'encryption.key'

const readKeyFile = async (path: string): Promise<EncryptionKey[]> => {
  try {
    return parseEncryptionKeys((await readFile(path, 'utf8')).trim())
  } catch (error) {
    throw new EncryptionKeyError(
      `The encryption key file ${path} cannot be used: ${(error as Error).message}. Nothing has been changed; ` +
        'restore the file, or set POSTERN_ENCRYPTION_KEYS.',
    )
  }
}

/** Only after this are the names in a folder on the disk. */
const flushFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}

const makeKeyFile = async (dataDir: string, path: string, randomBytes: RandomBytes): Promise<void> => {
  const id = `k-${randomBytes(3).toString('hex')}`
  const draft = join(dataDir, `.${FILE}.${randomBytes(6).toString('hex')}`)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  // It is on the disk before anything is sealed with it: if a power failure took the key, every secret would be lost.
  const options = { mode: 0o600, flag: 'wx', flush: true }
  await writeFile(draft, `${id}:${randomBytes(32).toString('base64')}\n`, options)
  // A link appears whole or not at all, and of two processes that start together one makes it.
  await link(draft, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(draft)
  await flushFolder(dataDir)
}

/**
 * The keys of `POSTERN_ENCRYPTION_KEYS`; where it is unset, the key in the data folder, made on the first start.
 * @throws {EncryptionKeyError} the file is unreadable, or missing while the database holds sealed secrets.
 */
export const loadEncryptionKeys = async (
  config: Pick<Config, 'encryptionKeys' | 'dataDir'>,
  postgres: Sql,
  randomBytes: RandomBytes,
): Promise<EncryptionKey[]> => {
  if (config.encryptionKeys) return config.encryptionKeys
  const path = join(config.dataDir, FILE)
  if (existsSync(path)) return readKeyFile(path)

  const [sealed] = await listKeyChecks({ postgres })
  if (sealed) {
    throw new EncryptionKeyError(
      `The database holds secrets sealed with encryption key "${sealed.key_id}", and there is no key: ` +
        `${path} is missing and POSTERN_ENCRYPTION_KEYS is not set. Nothing has been changed; restore the key.`,
    )
  }
  await makeKeyFile(config.dataDir, path, randomBytes)
  return readKeyFile(path)
}
