// What the run needs that npm does not bring: named all at once where something is missing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What ends the run with one line, and no stack. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
}

const JAVA_AT_LEAST = 17
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const versionOf = (command: string, ...options: string[]): string | null => {
  const { error, stdout, stderr } = spawnSync(command, options, { encoding: 'utf8' })
  return error ? null : `${stdout}${stderr}`
}

const javaProblem = (): string | null => {
  const major = /version "(\d+)/.exec(versionOf('java', '-version') ?? '')?.[1]
  if (Number(major ?? 0) >= JAVA_AT_LEAST) return null
  return `Java ${JAVA_AT_LEAST} or later (the suite is a Java program): apt install openjdk-17-jdk-headless`
}

const suiteProblem = (suite: string): string | null => {
  if (existsSync(join(suite, 'src/main/java/net/openid/conformance'))) return null
  return `a checkout of github.com/openid-certification/conformance-suite: there is none at "${suite}" (--suite DIR)`
}

export const findChromium = (): string | null => {
  const named = process.env.CHROMIUM
  return [...(named ? [named] : []), ...CHROMIUM].find((path) => existsSync(path)) ?? null
}

/** @throws {ConformanceError} with everything that is missing, and where it comes from. */
export const checkRequirements = (suite: string): void => {
  const missing = [
    javaProblem(),
    versionOf('mvn', '--version') ? null : 'Maven (it builds the suite): apt install maven',
    versionOf('openssl', 'version') ? null : 'openssl (it makes the certificate): apt install openssl',
    findChromium() ? null : 'Chromium (it answers the pages): apt install chromium, or its path in CHROMIUM',
    suiteProblem(suite),
  ].filter((problem) => problem !== null)
  if (missing.length > 0)
    throw new ConformanceError(`This is missing:\n${missing.map((line) => `  ${line}`).join('\n')}`)
}
