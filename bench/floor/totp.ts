// The floor's TOTP, of node:crypto.
import { createHmac } from 'node:crypto'

const STEP_MS = 30_000

/** The step at which the code is good: this one, the one before or the one after. */
export const matchedStep = (secret: Buffer, code: string, nowMs: number): number | null => {
  const now = Math.floor(nowMs / STEP_MS)
  for (const step of [now, now - 1, now + 1]) {
    const counter = Buffer.alloc(8)
    counter.writeBigUInt64BE(BigInt(step))
    const digest = createHmac('sha1', secret).update(counter).digest()
    const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fffffff
    if (String(number % 1_000_000).padStart(6, '0') === code) return step
  }
  return null
}
