// The guides as tests read them: their text, their fenced blocks, their inline code.
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Guide = { path: string; text: string }

/** One fenced block. `tested` where `<!-- tested -->` is before it; `answer` is a JSON block right after it. */
export type Example = { language: string; code: string; tested: boolean; answer: unknown }

/** Every page for readers: those of the root, and docs/. */
export const readGuides = (): Guide[] =>
  ['*.md', 'docs/**/*.md']
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .sort()
    .map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }))

const FENCE =
  /(?<mark><!-- tested -->\n)?^```(?<language>\w*)\n(?<code>.*?)^```\n(?:\n```json\n(?<answer>.*?)^```)?/gms

export const examplesOf = ({ text }: Guide): Example[] =>
  [...text.matchAll(FENCE)].map(({ groups: { language, code, mark, answer } = {} }: RegExpExecArray) => ({
    language: language ?? '',
    code: code ?? '',
    tested: mark !== undefined,
    answer: answer === undefined ? null : JSON.parse(answer),
  }))

/** The text between single backticks outside of blocks. */
export const inlineCodeOf = ({ text }: Guide): string[] =>
  [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)

/** The marked module of a guide whose first line names `file`. */
export const moduleOf = (file: string): string => {
  const examples = readGuides().flatMap(examplesOf)
  const found = examples.find(({ code, tested }) => tested && code.split('\n')[0]?.endsWith(` ${file}`))
  if (!found) throw new Error(`no guide has ${file}`)
  return found.code
}

/** A folder that has the module, in the repository, so that its packages are found; `remove` it in the end. */
export const folderWithModule = (file: string): { folder: string; remove: () => void } => {
  mkdirSync(join(ROOT, '.tap'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tap', 'docs-'))
  writeFileSync(join(folder, file), moduleOf(file))
  return { folder, remove: () => rmSync(folder, { recursive: true }) }
}
