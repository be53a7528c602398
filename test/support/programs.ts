// Programs that tests need besides the servers.
import { execFileSync } from 'node:child_process'
import { findProgram } from './server-process.ts'

/** Debian's own, which apt installs for; another may be first on the PATH. */
export const PYTHON = '/usr/bin/python3'

const missing = (reason: string): string => {
  if (process.env.REQUIRE_SERVERS === '1') throw new Error(reason)
  return reason
}

/**
 * Why tests that need a package of Python are skipped, as tap's `skip` takes it; false where it is installed.
 * @throws {Error} it is missing and `REQUIRE_SERVERS=1` is set.
 */
export const missingPython = (...modules: string[]): string | false => {
  try {
    execFileSync(PYTHON, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' })
    return false
  } catch {
    return missing(`skipped: ${PYTHON} has not all of ${modules.join(', ')}`)
  }
}

/** As `missingPython`, of a program. */
export const missingProgram = (name: string): string | false =>
  findProgram(name) === null && missing(`skipped: ${name} is not installed`)
