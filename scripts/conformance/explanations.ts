// Why a module ends otherwise than passed, for those where that is right: by module, and in it by the condition that
// warns, or by SKIPPED. What is not explained there fails the run.
import { readFileSync } from 'node:fs'
import type { Outcome } from './run-module.ts'

type Explanations = Record<string, Record<string, string>>

const EXPLANATIONS: Explanations = JSON.parse(
  readFileSync(new URL('explanations.json', import.meta.url), 'utf8'),
)

/** What has to be explained: the conditions that warn, or that the module was skipped. */
const concerns = ({ result, remarks }: Outcome): string[] => {
  if (result === 'SKIPPED') return ['SKIPPED']
  return [...new Set(remarks.map(({ condition }) => condition))]
}

/** Null where something has no explanation; '' where there is nothing to explain. */
export const explain = (outcome: Outcome): string | null => {
  if (outcome.result === 'REVIEW' && outcome.remarks.length === 0) {
    return 'The suite leaves the picture of a page to a person; `--keep` keeps it.'
  }
  const known = EXPLANATIONS[outcome.module] ?? {}
  const explained = concerns(outcome).map((concern) => known[concern] ?? null)
  return explained.includes(null) ? null : explained.join(' ')
}

/** A failure is never explained away. */
export const isBad = (outcome: Outcome): boolean =>
  outcome.result === 'FAILED' ||
  outcome.result === 'INTERRUPTED' ||
  outcome.remarks.some(({ level }) => level === 'FAILURE') ||
  explain(outcome) === null
