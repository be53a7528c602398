// Reports what the last `tap` run covered of src/, and fails below the thresholds.
//
// Decision: by c8, and not by tap's own check. tap counts only files that a test has loaded; c8's `--all` also counts
// the others, as uncovered. A module that has only types never runs, and is left out.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

const LINES_PERCENT = 95
const BRANCHES_PERCENT = 95

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*/g

const isTypesOnly = (file: string): boolean =>
  stripTypeScriptTypes(readFileSync(file, 'utf8')).replace(COMMENT, '').trim() === ''

const typesOnly = globSync('src/**/*.ts').filter(isTypesOnly)

const { status } = spawnSync(
  'c8',
  [
    'report',
    ...['--temp-directory', '.tap/coverage', '--reports-dir', '.tap/report'],
    ...['--all', '--src', 'src', '--include', 'src/**/*.ts'],
    ...typesOnly.flatMap((file) => ['--exclude', file]),
    ...['--reporter', 'text', '--reporter', 'json-summary'],
    ...['--check-coverage', '--lines', `${LINES_PERCENT}`, '--branches', `${BRANCHES_PERCENT}`],
    ...['--functions', '0', '--statements', '0'],
  ],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1
