// Builds the suite once, from its checkout, with nothing in the checkout changed but for one file that git ignores or
// does not know: a pom for a Java that Debian has.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type BuiltSuite = {
  jar: string
  mongoJars: string
  mongoSource: string
  version: string
  commit: string
}

const MONGO = fileURLToPath(new URL('mongo', import.meta.url))
const POM = 'pom.postern.xml'
const SKIPPED = ['maven.test.skip', 'pmd.skip', 'checkstyle.skip', 'jacoco.skip']

const maven = (folder: string, ...options: string[]): void => {
  execFileSync('nice', ['mvn', '-B', '-q', '-ntp', ...options], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

/**
 * The suite wants Java 21 for its compiler's checks; its code compiles for 17. One group of its dependencies, for
 * modules of other profiles, is at Maven Central in a later version only.
 */
const adaptPom = (pom: string): string =>
  pom
    .replace(/<java\.version>\d+</, '<java.version>17<')
    .replace(/<compilerArgs>[\s\S]*?<\/annotationProcessorPaths>/, '<proc>none</proc>')
    .replace(/(<artifactId>multipaz[a-z-]*<\/artifactId>\s*<version>)0\.99\.0/g, '$10.101.0')

const git = (suite: string, ...options: string[]): string =>
  execFileSync('git', ['-C', suite, ...options], { encoding: 'utf8' }).trim()

const buildJar = (suite: string): string => {
  const jar = join(suite, 'target/fapi-test-suite.jar')
  const committedMs = Number(git(suite, 'log', '-1', '--format=%ct')) * 1000
  if (existsSync(jar) && statSync(jar).mtimeMs > committedMs) return jar
  console.log('Building the conformance suite; this takes some minutes, once …')
  writeFileSync(join(suite, POM), adaptPom(readFileSync(join(suite, 'pom.xml'), 'utf8')))
  maven(suite, '-f', POM, ...SKIPPED.map((name) => `-D${name}`), 'package')
  return jar
}

const fetchMongo = (suite: string): string => {
  const jars = join(suite, 'target/mongo')
  if (!existsSync(jars)) maven(MONGO, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`)
  return jars
}

export const buildSuite = (suite: string): BuiltSuite => ({
  jar: buildJar(suite),
  mongoJars: fetchMongo(suite),
  mongoSource: join(MONGO, 'Mongo.java'),
  version: git(suite, 'describe', '--tags', '--always'),
  commit: git(suite, 'log', '-1', '--format=%h, %cs'),
})
