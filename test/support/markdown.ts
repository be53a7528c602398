// The guides as tests read them: their text, their fenced blocks, their inline code.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Guide = { path: string; text: string }

/** One fenced block. `tested` where `<!-- tested -->` is before it; `answer` is a JSON block right after it. */
export type Example = { language: string; code: string; tested: boolean; answer: unknown }

/** Every page for readers: those of the root, and docs/. */
export const readGuides = (): Guide[] =>
  ['*.md', 'docs/*.md']
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
