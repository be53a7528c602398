// The nonces of DPoP proofs (RFC 9449 8, 9). One is a sealed time, so that every replica accepts those of the others
// and none stores any.
//
// Decision: a nonce serves many proofs, and each replica makes a new one once a minute. That bounds how old a proof can
// be whatever the client's clock says; that a proof is used once is what its `jti` is for.
import { type Sealer, UnsealError } from '../encryption/sealer.ts'
import { isWithin } from '../policy/age.ts'

export type DpopNonces = {
  /** The nonce for the next proof. */
  current(now: Date): string
  /** True for one that any replica has made within the last five minutes. */
  accepts(nonce: string, now: Date): boolean
}

const CONTEXT = 'dpop nonce'
const RENEWED_AFTER_SECONDS = 60
const ACCEPTED_FOR_SECONDS = 300

const unsealed = (sealer: Sealer, nonce: string): string | null => {
  try {
    return sealer.open(nonce, CONTEXT).toString()
  } catch (error) {
    if (error instanceof UnsealError) return null
    throw error
  }
}

export const createDpopNonces = ({ sealer }: { sealer: Sealer }): DpopNonces => {
  let latest = { nonce: '', madeAt: Number.NEGATIVE_INFINITY }
  return {
    current(now) {
      if (isWithin(RENEWED_AFTER_SECONDS, latest.madeAt, now)) return latest.nonce
      const madeAt = Math.floor(now.getTime() / 1000)
      latest = { nonce: sealer.seal(Buffer.from(String(madeAt)), CONTEXT), madeAt }
      return latest.nonce
    },
    accepts(nonce, now) {
      const madeAt = unsealed(sealer, nonce)
      return madeAt !== null && isWithin(ACCEPTED_FOR_SECONDS, Number(madeAt), now)
    },
  }
}
