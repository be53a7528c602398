// Which authenticators a caller may rename or remove, by what the caller has proven. Pure.
import type { Authenticator } from '../../authenticators/authenticator.ts'
import type { FreshProof } from '../../callers/require-fresh-second-factor.ts'

/** A caller who has shown no second factor may change only what is not confirmed yet. */
export const CHANGEABLE: Record<FreshProof, readonly Authenticator['status'][]> = {
  second_factor: ['pending', 'active', 'disabled'],
  first_factor: ['pending'],
}
