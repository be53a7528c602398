import { randomBytes, randomFillSync } from 'node:crypto'
import type { RandomBytes } from './sealer.ts'

const POOL_BYTES = 4096
const LARGEST_DRAWN = 64

/**
 * Random bytes of node:crypto, which are drawn in bulk, because 4 KiB of them cost what 32 bytes do. Each byte is given
 * out once, and is no longer in the pool then.
 */
export const createRandomPool = (): RandomBytes => {
  const pool = Buffer.alloc(POOL_BYTES)
  let given = POOL_BYTES
  return (size) => {
    if (size > LARGEST_DRAWN) return randomBytes(size)
    if (given + size > POOL_BYTES) {
      randomFillSync(pool)
      given = 0
    }
    const bytes = Buffer.alloc(size)
    pool.copy(bytes, 0, given, given + size)
    pool.fill(0, given, given + size)
    given += size
    return bytes
  }
}
