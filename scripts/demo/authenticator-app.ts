// The app on the user's phone: reads the QR code's URI, shows a code for every 30 seconds (RFC 6238).
import { generateSync } from 'otplib'
import type { Narrator } from './narrator.ts'

export type AuthenticatorApp = { nextCode(): Promise<string> }

/**
 * An authenticator app that has read `otpauthUri`. Postern accepts each time step once, and one step either
 * side of the present: where this step's code is used up, the next one's is given, and only then there is a wait.
 */
export const openAuthenticatorApp = (otpauthUri: string, narrator: Narrator): AuthenticatorApp => {
  const { searchParams } = new URL(otpauthUri)
  const secret = searchParams.get('secret') ?? ''
  const period = Number(searchParams.get('period') ?? 30)
  const digits = searchParams.get('digits') === '8' ? 8 : 6
  const algorithm = algorithmNamed(searchParams.get('algorithm'))
  const currentStep = () => Math.floor(Date.now() / 1000 / period)
  let lastStep = 0
  return {
    async nextCode() {
      const step = Math.max(currentStep(), lastStep + 1)
      if (step > currentStep() + 1) {
        const untilInWindow = (step - 1) * period - Date.now() / 1000
        await narrator.wait(Math.ceil(untilInWindow), 'A code is good once; the next one is shown in')
      }
      lastStep = step
      return generateSync({ secret, epoch: step * period, period, digits, algorithm })
    },
  }
}

const algorithmNamed = (name: string | null): 'sha1' | 'sha256' | 'sha512' => {
  if (name === 'SHA256') return 'sha256'
  return name === 'SHA512' ? 'sha512' : 'sha1'
}
