// Reads the operator's logo.
import { readFileSync } from 'node:fs'
import { ConfigError } from '../../config.ts'

export type Logo = { type: 'svg' | 'png'; body: Buffer }

const MAX_BYTES = 256 * 1024

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** What may be before the root element: an XML declaration, comments, a document type. */
const SVG_START = /^\uFEFF?\s*(?:<[?!][^>]*>\s*)*<svg[\s>]/

const typeOf = (body: Buffer): Logo['type'] | null => {
  if (body.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE)) return 'png'
  return SVG_START.test(`${body}`) ? 'svg' : null
}

const wrong = (path: string, reason: string): ConfigError =>
  new ConfigError(
    `POSTERN_BRAND_LOGO_FILE: "${path}" ${reason}; expected an SVG or PNG file of at most 256 KB`,
  )

const readBytes = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch (error) {
    throw wrong(path, `cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** @throws {ConfigError} it cannot be read, is too large, or is neither SVG nor PNG. */
export const readLogo = (path: string): Logo => {
  const body = readBytes(path)
  if (body.length > MAX_BYTES) throw wrong(path, `has ${Math.ceil(body.length / 1024)} KB`)
  const type = typeOf(body)
  if (type === null) throw wrong(path, 'is neither')
  return { type, body }
}
