// Writes src/pages/views/icons.ts from the package `heroicons`; `--check` fails where it is not current.
// Decision: the few shapes are copied into the source, and the package of 5 MB is needed only to develop.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const TARGET = 'src/pages/views/icons.ts'

const ICONS = {
  alert: 'exclamation-circle',
  back: 'arrow-left',
  check: 'check-circle',
  clock: 'clock',
  copy: 'square-2-stack',
  download: 'arrow-down-tray',
  eye: 'eye',
  eyeOff: 'eye-slash',
  key: 'key',
  lock: 'lock-closed',
  mail: 'envelope',
  next: 'chevron-right',
  phone: 'device-phone-mobile',
  plus: 'plus-circle',
  print: 'printer',
  shield: 'shield-check',
  user: 'user-circle',
}

const { resolve } = createRequire(import.meta.url)
const folder = join(dirname(resolve('heroicons/package.json')), '24/outline')

const paths = (file: string): string => {
  const svg = readFileSync(join(folder, `${file}.svg`), 'utf8')
  const parts = [...svg.matchAll(/ d="([^"]+)"/g)].map(([, d = '']) => d)
  // A path that begins with a relative move could not follow another.
  if (parts.slice(1).some((d) => !d.startsWith('M'))) throw new Error(`${file} begins with a relative move`)
  return parts.join('')
}

const lines = Object.entries(ICONS).map(([name, file]) => `  ${name}: '${paths(file)}',`)
const text = `// Made by scripts/icons.ts from heroicons (MIT): the outlines of 24 by 24 icons, as data of one path each.
// biome-ignore format: one icon a line
export const ICONS = {
${lines.join('\n')}
} as const
`

if (!process.argv.includes('--check')) writeFileSync(TARGET, text)
else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error(`${TARGET} is not current: npx node scripts/icons.ts`)
  process.exitCode = 1
}
