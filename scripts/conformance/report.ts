// docs/conformance.md: plan, module, result, and why a result is another than passed.
import { writeFileSync } from 'node:fs'
import type { BuiltSuite } from './build-suite.ts'
import { explain, isBad } from './explanations.ts'
import type { Provider } from './provider.ts'
import type { PlanOutcome } from './run-plan.ts'

export type Report = { built: BuiltSuite; provider: Provider; outcomes: PlanOutcome[]; whole: boolean }

const PAGE = new URL('../../docs/conformance.md', import.meta.url)

const tableOf = ({ plan, outcomes }: PlanOutcome): string => {
  const variant = Object.entries(plan.variant).map(([name, value]) => `${name}=${value}`)
  const rows = outcomes.map(
    (outcome) =>
      `| \`${outcome.module}\` | ${outcome.result.toLowerCase()} | ${explain(outcome) ?? 'not explained'} |`,
  )
  return [
    `## ${plan.title}`,
    '',
    `\`${plan.name}\`${variant.length > 0 ? `, ${variant.map((part) => `\`${part}\``).join(', ')}` : ''}: ${outcomes.length} modules.`,
    '',
    '| module | result | |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n')
}

const RESULTS = ['PASSED', 'REVIEW', 'SKIPPED', 'WARNING', 'FAILED', 'INTERRUPTED'] as const

const sumOf = (outcomes: PlanOutcome[]): string => {
  const rows = outcomes.map(({ plan, outcomes: all }) => {
    const counts = RESULTS.map((result) => all.filter((outcome) => outcome.result === result).length)
    return `| ${plan.title} | ${[all.length, ...counts].join(' | ')} |`
  })
  const names = RESULTS.map((result) => result.toLowerCase())
  const head = ['plan', 'modules', ...names]
  return [`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows].join('\n')
}

const pageOf = ({ built, provider, outcomes }: Report): string => `# Conformance

What the OpenID Foundation's conformance suite says of ${provider.name} ${provider.version}. Written by
\`npm run conformance -- --suite DIR\`, which builds the suite from a checkout, runs each plan, and answers the pages in
Chromium as a person would. Suite: ${built.version} (${built.commit}). This is no certification: that is the foundation's to give.

${sumOf(outcomes)}

Clients are registered by an administrator, as there is no dynamic registration; modules that need it are not part of a plan then
(\`oidcc-idtoken-signature\`, \`oidcc-idtoken-unsigned\`, \`oidcc-request-uri-unsigned-…\`). Those of OpenID Connect are confidential, first-party, with
\`code_protection: nonce\`, because the suite sends no PKCE in most modules, and RS256. Those of FAPI are third parties with \`private_key_jwt\` (PS256),
DPoP, pushed requests, PKCE, and \`refresh_grace: 60\`. Everyone who signs in has a password and an authenticator app.

\`passed\`: every condition of the module holds. \`review\`: it holds, and the module wants a person to look at a picture of a
page. \`skipped\`: it is about something that Postern does not offer, and says so in its discovery document. \`warning\`: explained beside it.

${outcomes.map(tableOf).join('\n\n')}
`

/** Prints the sum, writes the page after a whole run, and answers how many modules are bad. */
export const writeReport = (report: Report): number => {
  const all = report.outcomes.flatMap(({ outcomes }) => outcomes)
  const bad = all.filter(isBad)
  console.log(`\n${all.length} modules, ${bad.length} failed or unexplained`)
  for (const { module, result } of bad) console.log(`  ${result} ${module}`)
  if (report.whole) writeFileSync(PAGE, pageOf(report))
  return bad.length
}
