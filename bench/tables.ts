// Markdown tables, as README.md keeps them.
import type { Comparison, Round } from './compare.ts'
import type { Flood } from './flood.ts'
import type { Start } from './footprint.ts'

export const table = (header: string[], rows: string[][]): string => {
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

/** One figure that has a limit. */
export type Figure = { name: string; value: string; limit: string }

export const startFigures = ({ startedInMs, idleRssMb }: Start): Figure[] => [
  { name: 'start, until it listens', value: `${startedInMs.toFixed(0)} ms`, limit: '1000 ms' },
  { name: 'resident when idle', value: `${idleRssMb.toFixed(0)} MB`, limit: '130 MB' },
]

export const challengeFigure = (bytes: number): Figure => ({
  name: 'Redis for a pending challenge',
  value: `${bytes.toFixed(0)} bytes`,
  limit: '700 bytes',
})

export const floodFigures = ({ quietP99Ms, floodedP99Ms, ratio, statuses }: Flood): Figure[] => [
  { name: 'P1 p99', value: `${quietP99Ms.toFixed(1)} ms`, limit: '' },
  { name: 'P1 p99 in a flood of logins', value: `${floodedP99Ms.toFixed(1)} ms`, limit: '' },
  { name: 'ratio of the two', value: ratio.toFixed(1), limit: '3' },
  {
    name: 'logins of the flood',
    value: [...statuses].map(([status, count]) => `${count} × ${status}`).join(', '),
    limit: '',
  },
]

export const figureTable = (figures: readonly Figure[]): string =>
  table(
    ['figure', 'measured', 'at most'],
    figures.map(({ name, value, limit }) => [name, value, limit]),
  )
