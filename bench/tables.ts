// Markdown tables, as README.md keeps them.
import { type Measurable, type Measured, ratio } from './compare.ts'
import type { Flood } from './flood.ts'
import type { Start } from './footprint.ts'
import { besideGoal, percent } from './goals.ts'

export const table = (header: string[], rows: string[][]): string => {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}

const cells = (name: string, { median }: Measured): string[] => [
  name,
  median.throughput.toFixed(0),
  median.p50Ms.toFixed(2),
  median.p99Ms.toFixed(1),
  median.cpuUs.toFixed(0),
  median.rssMb.toFixed(0),
]

const ROUND_HEADER = ['requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'RSS MB']

/** One path: Postern, then the others it is compared with. `halfLoadP99Ms` in the same order. */
export type PathResult = { scenario: Measurable; measured: Measured[]; halfLoadP99Ms: number[] }

const nameOf = (scenario: Measurable, { contestant }: Measured, i: number): string =>
  `${scenario.name} ${i === 0 ? scenario.title : contestant.name}`

const pathRows = ({ scenario, measured, halfLoadP99Ms }: PathResult): string[][] => {
  const [postern] = measured
  if (!postern) return []
  return measured.map((one, i) => [
    ...cells(nameOf(scenario, one, i), one),
    (halfLoadP99Ms[i] ?? Number.NaN).toFixed(1),
    one === postern ? '' : percent(ratio(postern, one, 'throughput')),
    one === postern ? '' : besideGoal(scenario.name, one.contestant.name, ratio(one, postern, 'cpuUs')),
  ])
}

export const pathTable = (results: readonly PathResult[]): string =>
  table(
    ['path', ...ROUND_HEADER, 'p99 ms at half load', 'of its throughput', 'of its CPU'],
    results.flatMap(pathRows),
  )

/** One path with so many connections, on one and on two processes; and a version before, on one. */
export type MatrixResult = {
  scenario: Measurable
  connections: number
  measured: Measured[]
  before: Measured | null
}

const matrixRows = ({ scenario, connections, measured, before }: MatrixResult): string[][] =>
  measured.map((one) => {
    const processes = one.contestant.processes.length
    const [name = '', ...figures] = cells(`${scenario.name} ${scenario.title}`, one)
    const its = before && processes === before.contestant.processes.length ? cells('', before) : []
    return [name, `${connections}`, `${processes}`, ...figures, its[1] ?? '', its[2] ?? '']
  })

export const matrixTable = (results: readonly MatrixResult[]): string => {
  const header = ['path', 'connections', 'processes', ...ROUND_HEADER]
  const ofBefore = results.some(({ before }) => before) ? ['requests/s before', 'p50 ms before'] : []
  const columns = header.length + ofBefore.length
  const rows = results.flatMap(matrixRows).map((row) => row.slice(0, columns))
  return table([...header, ...ofBefore], rows)
}

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
