// Markdown tables, as README.md keeps them.
import type { Comparison, Round } from './compare.ts'

const table = (header: string[], rows: string[][]): string => {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}

const cells = (name: string, round: Round, ...shares: [string, string]): string[] => [
  name,
  round.throughput.toFixed(0),
  round.p50Ms.toFixed(1),
  round.p99Ms.toFixed(1),
  round.cpuUs.toFixed(0),
  round.rssMb.toFixed(0),
  ...shares,
]

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

export const comparisonTable = (comparisons: readonly Comparison[]): string =>
  table(
    ['path', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'RSS MB', 'of its throughput', 'of its CPU'],
    comparisons.flatMap(({ scenario, postern, floor, throughputShare, cpuShare }) => [
      cells(`${scenario.name} ${scenario.title}`, postern, percent(throughputShare), percent(cpuShare)),
      cells(`${scenario.name} floor`, floor, '', ''),
    ]),
  )
