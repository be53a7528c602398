// What the demo prints. Colours where the terminal has them; NO_COLOR and pipes are respected.
import { styleText } from 'node:util'
import { toString as drawQrCode } from 'qrcode'

export type Narrator = ReturnType<typeof createNarrator>

const WIDTH = 96

/** A token's kind and its last letters, enough to distinguish two tokens. */
export const brief = (token: string): string => `${token.slice(0, 10)}…${token.slice(-10)}`

/** Numbers the steps and prints what happens in each, to standard output. */
export const createNarrator = () => {
  let steps = 0
  const line = (text = ''): void => console.log(text)
  const wrap = (text: string): string[] =>
    text.match(new RegExp(`.{1,${WIDTH - 4}}(\\s|$)`, 'g'))?.map((part) => part.trimEnd()) ?? []
  return {
    title(text: string): void {
      line(styleText('bold', text))
    },
    step(text: string): void {
      steps += 1
      line()
      line(styleText(['bold', 'cyan'], `${String(steps).padStart(2)}  ${text}`))
    },
    say(text: string): void {
      for (const part of wrap(text)) line(`    ${part}`)
    },
    call(request: string, status: number, outcome: string): void {
      const colour = status < 400 ? 'green' : 'yellow'
      line(`    ${styleText('dim', request)} ${styleText(colour, `${status} ${outcome}`.trimEnd())}`)
    },
    member(name: string, value: string): void {
      line(`    ${styleText('dim', name.padEnd(15))} ${value}`)
    },
    proven(text: string): void {
      line(`    ${styleText('green', '✓')} ${text}`)
    },
    failed(text: string): void {
      console.error(`\n${styleText(['bold', 'red'], '✗', { stream: process.stderr })} ${text}`)
    },
    /** In a terminal dark on light, as cameras want it. */
    async qrCode(uri: string): Promise<void> {
      const options = { errorCorrectionLevel: 'L', small: true } as const
      const drawn = await drawQrCode(uri, { ...options, type: process.stdout.isTTY ? 'terminal' : 'utf8' })
      for (const row of drawn.split('\n').filter((text) => text.trim() !== '')) line(`    ${row}`)
    },
    /** Counts down on one line of a terminal; elsewhere says it once. */
    async wait(seconds: number, reason: string): Promise<void> {
      if (!process.stdout.isTTY) line(`    ${reason}: ${seconds} s`)
      for (let left = seconds; left > 0; left -= 1) {
        if (process.stdout.isTTY) process.stdout.write(`\r    ${reason}: ${left} s `)
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
      if (process.stdout.isTTY) process.stdout.write(`\r${' '.repeat(reason.length + 12)}\r`)
    },
  }
}
